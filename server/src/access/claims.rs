//! What a token says, parsed once: whose it is, until when, and which rooms it grants.

use serde::{Deserialize, Serialize};
use syncline::crdt::Path;
use syncline::replica::Rights;

use crate::limits::{CLAIM_BYTES, CLAIM_PATHS, CLAIM_ROOMS};

/// Latest time that a token may name, in seconds since the Unix epoch: the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Is what a token grants to whom, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    subject: String,
    token: Option<String>,
    tenant: Option<String>,
    expires_ms: Option<u64>,
    rooms: Vec<RoomGrant>,
}

/// What a grant allows in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAccess {
    /// What the connection may do in it.
    pub rights: Rights,
    /// Whether it may administer the room.
    pub admin: bool,
}

/// Names what may be done in rooms, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AccessLevel {
    /// Read, and tell one's presence.
    Read,
    /// Read and write.
    Write,
    /// Read, write and administer.
    Admin,
}

/// Says what is wrong with the claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// They are not of the form that is read here.
    #[error(
        "the claims cannot be read: {0}; they are `sub`, `exp` and `rooms`, a list like [{{\"room\": \"board-*\", \"access\": \"write\"}}]"
    )]
    Form(String),
    /// One is too long, empty, or has control characters.
    #[error("the claim `{0}` is empty, too long or has control characters; shorten it")]
    Text(&'static str),
    /// The time is not one.
    #[error("the claim `exp` is not a time; give seconds since 1970")]
    Expiry,
    /// There are too many rooms or paths.
    #[error("the claim `rooms` has too many entries; use patterns such as `board-*`, or fewer paths")]
    Many,
    /// A pattern has a star inside.
    #[error("the room pattern `{0}` has a `*` before its end, where it has no meaning; put it last")]
    Pattern(String),
    /// Paths limit writing only.
    #[error("the grant for `{0}` has `paths` without access `write`; leave one of them out")]
    Paths(String),
    /// A path is not one.
    #[error("the grant for `{0}` has a path that is empty or too long; a path is like \"todo/mine\"")]
    Path(String),
}

/// The claims as they travel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    #[serde(default)]
    pub(super) rooms: Vec<RoomClaim>,
}

/// One entry of `rooms`. An unknown field might be a limit with a typing mistake, so there may be none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomClaim {
    pub(super) room: String,
    pub(super) access: AccessLevel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Vec<PathClaim>>,
}

/// A path: keys with slashes between them, or a list of keys that may have slashes themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum PathClaim {
    Slashes(String),
    Keys(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RoomGrant {
    pattern: Pattern,
    level: AccessLevel,
    /// Where writing is limited to; empty for everywhere.
    paths: Vec<Path>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

impl Grant {
    /// Everything for everybody, for a relay that asks for no token.
    pub(super) fn open() -> Grant {
        let all = RoomGrant { pattern: Pattern::Prefix(String::new()), level: AccessLevel::Admin, paths: Vec::new() };
        Grant { subject: "anonymous".into(), token: None, tenant: None, expires_ms: None, rooms: vec![all] }
    }

    /// Takes claims over, whose signature was checked.
    pub(super) fn parse(claims: Claims) -> Result<Grant, ClaimsError> {
        if !(0.0..=LATEST).contains(&claims.exp) {
            return Err(ClaimsError::Expiry);
        }
        if claims.rooms.len() > CLAIM_ROOMS {
            return Err(ClaimsError::Many);
        }
        Ok(Grant {
            subject: text("sub", claims.sub)?,
            token: claims.jti.map(|jti| text("jti", jti)).transpose()?,
            tenant: claims.tenant.map(|tenant| text("tenant", tenant)).transpose()?,
            expires_ms: Some((claims.exp * 1000.0) as u64),
            rooms: claims.rooms.into_iter().map(RoomGrant::parse).collect::<Result<_, _>>()?,
        })
    }

    /// The claim `sub`: who it is.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The claim `jti`: the name of the token itself.
    pub fn token_id(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The claim `tenant`: on whose account it is.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// When it ends, in milliseconds since the Unix epoch; `None` for never.
    pub fn expires_ms(&self) -> Option<u64> {
        self.expires_ms
    }

    /// What it allows in a room: what all its entries for the room allow together. `None` for nothing.
    pub fn room(&self, name: &str) -> Option<RoomAccess> {
        let entries: Vec<_> = self.rooms.iter().filter(|entry| entry.pattern.matches(name)).collect();
        let highest = entries.iter().map(|entry| entry.level).max()?;
        let writing = || entries.iter().filter(|entry| entry.level >= AccessLevel::Write);
        let rights = if highest == AccessLevel::Read {
            Rights::Read
        } else if writing().any(|entry| entry.paths.is_empty()) {
            Rights::Write
        } else {
            Rights::Paths(writing().flat_map(|entry| entry.paths.iter().cloned()).collect())
        };
        Some(RoomAccess { rights, admin: highest == AccessLevel::Admin })
    }
}

impl RoomGrant {
    fn parse(claim: RoomClaim) -> Result<RoomGrant, ClaimsError> {
        let limited = claim.paths.is_some();
        let paths = claim.paths.unwrap_or_default();
        if paths.len() > CLAIM_PATHS {
            return Err(ClaimsError::Many);
        }
        if limited && (claim.access != AccessLevel::Write || paths.is_empty()) {
            return Err(ClaimsError::Paths(claim.room));
        }
        let paths = paths.into_iter().map(|path| path.parse().ok_or_else(|| ClaimsError::Path(claim.room.clone())));
        let paths = paths.collect::<Result<_, _>>()?;
        Ok(RoomGrant { pattern: Pattern::parse(claim.room)?, level: claim.access, paths })
    }
}

impl PathClaim {
    /// `None` for the root, since a limit to it would be none, and for what is no path.
    fn parse(self) -> Option<Path> {
        let path = match self {
            PathClaim::Slashes(path) => Path::from_segments(path.split('/')),
            PathClaim::Keys(keys) => Path::from_segments(keys),
        };
        let sound = path.check().is_ok() && !path.segments().iter().all(String::is_empty);
        sound.then_some(path)
    }
}

impl Pattern {
    fn parse(pattern: String) -> Result<Pattern, ClaimsError> {
        let (start, starred) = pattern.strip_suffix('*').map_or((&*pattern, false), |start| (start, true));
        if start.contains('*') {
            return Err(ClaimsError::Pattern(pattern));
        }
        match starred {
            true => Ok(Pattern::Prefix(start.to_owned())),
            false => text("rooms", pattern).map(Pattern::Exact),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Exact(room) => room == name,
            Pattern::Prefix(start) => name.starts_with(start.as_str()),
        }
    }
}

fn text(claim: &'static str, text: String) -> Result<String, ClaimsError> {
    let sound = !text.is_empty() && text.len() <= CLAIM_BYTES && !text.chars().any(char::is_control);
    if sound { Ok(text) } else { Err(ClaimsError::Text(claim)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn parse(rooms: Json) -> Result<Grant, String> {
        let claims = json!({"sub": "ada", "exp": 2_000_000_000, "rooms": rooms});
        let claims: Claims = serde_json::from_value(claims).map_err(|error| error.to_string())?;
        Grant::parse(claims).map_err(|error| error.to_string())
    }

    fn rights(grant: &Grant, room: &str) -> Option<Rights> {
        grant.room(room).map(|access| access.rights)
    }

    #[test]
    fn patterns_grant_what_they_say_and_no_more() {
        let grant = parse(json!([
            {"room": "board", "access": "write"},
            {"room": "team-*", "access": "read"},
            {"room": "team-a", "access": "write", "paths": ["todo/mine", ["a/b"]]},
            {"room": "team-a", "access": "write", "paths": ["more"]},
        ]));
        let grant = grant.unwrap();
        assert_eq!(rights(&grant, "board"), Some(Rights::Write));
        for strange in ["board2", "boar", "Board", "xteam-a", "*", ""] {
            assert_eq!(rights(&grant, strange), None, "{strange}");
        }
        assert_eq!(rights(&grant, "team-b"), Some(Rights::Read));
        let paths = [vec!["todo", "mine"], vec!["a/b"], vec!["more"]].map(Path::from_segments);
        assert_eq!(rights(&grant, "team-a"), Some(Rights::Paths(paths.into())));
        assert!(!grant.room("board").unwrap().admin);
    }

    #[test]
    fn the_highest_entry_counts() {
        let grant = parse(json!([
            {"room": "*", "access": "read"},
            {"room": "x", "access": "write", "paths": ["a"]},
            {"room": "x", "access": "admin"},
        ]));
        let access = grant.unwrap().room("x").unwrap();
        assert_eq!(access, RoomAccess { rights: Rights::Write, admin: true });
    }

    #[test]
    fn claims_that_might_mean_something_else_are_refused_with_advice() {
        for (rooms, part) in [
            (json!([{"room": "a*b", "access": "read"}]), "put it last"),
            (json!([{"room": "a", "access": "read", "paths": ["x"]}]), "paths"),
            (json!([{"room": "a", "access": "write", "paths": []}]), "paths"),
            (json!([{"room": "a", "access": "write", "paths": [""]}]), "todo/mine"),
            (json!([{"room": "a", "access": "write", "path": ["x"]}]), "unknown field"),
            (json!([{"room": "a", "access": "own"}]), "own"),
            (json!([{"room": "", "access": "read"}]), "rooms"),
            (json!(vec![json!({"room": "a", "access": "read"}); CLAIM_ROOMS + 1]), "too many"),
        ] {
            let error = parse(rooms).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        for claims in [json!({"sub": "", "exp": 1}), json!({"sub": "a\nb", "exp": 1}), json!({"sub": "a", "exp": -1})] {
            assert!(Grant::parse(serde_json::from_value(claims).unwrap()).is_err());
        }
        assert!(serde_json::from_value::<Claims>(json!({"sub": "a"})).is_err());
    }
}
