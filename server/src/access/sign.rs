//! Makes tokens, for operators and tests.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::claims::{AccessLevel, Claims, ClaimsError, Grant, PathClaim, RoomClaim};
use super::provider;

/// Says what a token is to grant.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// Whose it is.
    pub subject: String,
    /// The name of the token itself, by which it can be revoked.
    pub id: Option<String>,
    /// On whose account it is.
    pub tenant: Option<String>,
    /// The rooms, each a name or a pattern with `*` at its end, and what may be done in them.
    pub rooms: Vec<(String, AccessLevel)>,
    /// Where writing is limited to, such as `todo/mine`; empty for everywhere.
    pub paths: Vec<String>,
    /// When it ends, in seconds since the Unix epoch.
    pub expires: u64,
    /// Who issues it, if the relay asks for that.
    pub issuer: Option<String>,
    /// Whom it is for, if the relay asks for that.
    pub audience: Option<String>,
}

/// Makes a token signed with HS256.
///
/// # Errors
/// [`ClaimsError`]: a relay would not take it.
pub fn sign(request: &TokenRequest, secret: &[u8]) -> Result<String, ClaimsError> {
    provider::install();
    let paths = || request.paths.iter().cloned().map(PathClaim::Slashes).collect();
    let room = |(room, access): &(String, AccessLevel)| RoomClaim {
        room: room.clone(),
        access: *access,
        paths: (!request.paths.is_empty()).then(paths),
    };
    let claims = Claims {
        sub: request.subject.clone(),
        exp: request.expires as f64,
        jti: request.id.clone(),
        tenant: request.tenant.clone(),
        rooms: request.rooms.iter().map(room).collect(),
    };
    Grant::parse(claims.clone())?;
    let failed = |error: &dyn std::fmt::Display| ClaimsError::Form(error.to_string());
    let mut body = serde_json::to_value(&claims).map_err(|error| failed(&error))?;
    body["exp"] = request.expires.into();
    for (claim, value) in [("iss", &request.issuer), ("aud", &request.audience)] {
        if let Some(value) = value {
            body[claim] = value.clone().into();
        }
    }
    encode(&Header::new(Algorithm::HS256), &body, &EncodingKey::from_secret(secret)).map_err(|error| failed(&error))
}
