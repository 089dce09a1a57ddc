//! Keys that tokens are checked with, each for one algorithm.

use std::path::Path;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;

use super::claims::{Claims, ClaimsError, Grant};
use super::error::{AccessError, Denied};
use crate::config::{AccessConfig, Secret};
use crate::limits::{KEY_FILE_BYTES, KEYS, SECRET_BYTES_MIN};

/// Begins each section of a PEM file.
const PEM_BEGIN: &str = "-----BEGIN ";

/// A key, the algorithm it is for, and its name if it has one.
#[derive(Debug, Clone)]
pub(super) struct Key {
    algorithm: Algorithm,
    id: Option<String>,
    key: DecodingKey,
}

/// Checks everything about a token but its signature.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    issuer: Option<String>,
    audience: Option<String>,
    leeway: u64,
}

/// A token whose header was read.
pub(super) struct Presented<'a> {
    token: &'a str,
    header: Header,
}

impl<'a> Presented<'a> {
    /// Reads the header. An algorithm that nobody knows, such as `none`, is an error here.
    pub(super) fn read(token: &'a str) -> Result<Presented<'a>, Denied> {
        let header = decode_header(token).map_err(|_| Denied::Malformed)?;
        match header.alg {
            Algorithm::HS256 | Algorithm::RS256 | Algorithm::EdDSA => Ok(Presented { token, header }),
            _ => Err(Denied::Malformed),
        }
    }

    /// Whether a key may have signed it: one for its algorithm, whatever the token makes of it, and of the name it gives.
    pub(super) fn fits(&self, key: &Key) -> bool {
        let named = match (&self.header.kid, &key.id) {
            (Some(asked), Some(id)) => asked == id,
            _ => true,
        };
        key.algorithm == self.header.alg && named
    }

    /// Checks the token with those keys that fit.
    pub(super) fn check(&self, keys: &[Key], rules: &Rules) -> Result<Grant, Denied> {
        let mut denied = Denied::UnknownKey;
        for key in keys.iter().filter(|key| self.fits(key)) {
            match self.check_with(key, rules) {
                Err(Denied::Signature) => denied = Denied::Signature,
                done => return done,
            }
        }
        Err(denied)
    }

    fn check_with(&self, key: &Key, rules: &Rules) -> Result<Grant, Denied> {
        let checked = decode::<serde_json::Value>(self.token, &key.key, &rules.validation(key.algorithm));
        let claims = checked.map_err(|error| denied(error.kind()))?.claims;
        let claims: Claims = serde_json::from_value(claims).map_err(|error| ClaimsError::Form(error.to_string()))?;
        Ok(Grant::parse(claims)?)
    }
}

impl Rules {
    pub(super) fn new(config: &AccessConfig) -> Rules {
        Rules { issuer: config.issuer.clone(), audience: config.audience.clone(), leeway: config.leeway_seconds }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway;
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// The keys that the settings name, but those of a key set.
pub(super) fn configured(config: &AccessConfig) -> Result<Vec<Key>, AccessError> {
    let mut keys = Vec::new();
    if let Some(secret) = &config.secret {
        keys.push(secret_key(&sound("access.secret", secret.reveal())?));
    }
    if let Some(path) = &config.secret_file {
        keys.push(secret_key(&read_secret(path)?));
    }
    for path in &config.public_keys {
        keys.extend(pem_keys(path)?);
    }
    Ok(keys)
}

/// Reads the secret of tokens signed with HS256 from a file.
///
/// # Errors
/// [`AccessError`] if the file cannot be read, or if the secret can be guessed.
pub fn read_secret(path: &Path) -> Result<String, AccessError> {
    const KEY: &str = "access.secret_file";
    sound(KEY, &read_text(KEY, path)?)
}

/// Reads the token of operators from the settings or from its file; `None` if there is neither.
///
/// # Errors
/// [`AccessError`] if the file cannot be read, or if the token can be guessed.
pub fn read_token(token: Option<&Secret>, file: Option<&Path>) -> Result<Option<String>, AccessError> {
    const KEY: &str = "admin.token_file";
    match (token, file) {
        (Some(token), _) => sound("admin.token", token.reveal()).map(Some),
        (None, Some(path)) => sound(KEY, &read_text(KEY, path)?).map(Some),
        (None, None) => Ok(None),
    }
}

fn sound(key: &'static str, secret: &str) -> Result<String, AccessError> {
    let secret = secret.trim();
    if secret.len() < SECRET_BYTES_MIN {
        return Err(AccessError::ShortSecret { key, bytes: secret.len() });
    }
    Ok(secret.to_owned())
}

fn secret_key(secret: &str) -> Key {
    Key { algorithm: Algorithm::HS256, id: None, key: DecodingKey::from_secret(secret.as_bytes()) }
}

fn pem_keys(path: &Path) -> Result<Vec<Key>, AccessError> {
    const KEY: &str = "access.public_keys";
    let wrong =
        |problem: &str| AccessError::Keys { key: KEY, path: path.display().to_string(), problem: problem.to_owned() };
    let text = read_text(KEY, path)?;
    let sections: Vec<_> = text.match_indices(PEM_BEGIN).map(|(at, _)| at).collect();
    let mut keys = Vec::new();
    for (number, &at) in sections.iter().enumerate() {
        let section = &text[at..sections.get(number + 1).copied().unwrap_or(text.len())];
        if section.lines().next().is_some_and(|line| line.contains("PRIVATE")) {
            return Err(wrong("holds a private key, which a relay has no use for"));
        }
        keys.push(pem_key(section).ok_or_else(|| wrong("holds something else than RSA and Ed25519 public keys"))?);
    }
    if keys.is_empty() || keys.len() > KEYS { Err(wrong("holds no key, or too many")) } else { Ok(keys) }
}

fn pem_key(section: &str) -> Option<Key> {
    let rsa = || Some((Algorithm::RS256, DecodingKey::from_rsa_pem(section.as_bytes()).ok()?));
    let ed = || Some((Algorithm::EdDSA, DecodingKey::from_ed_pem(section.as_bytes()).ok()?));
    let (algorithm, key) = ed().or_else(rsa)?;
    Some(Key { algorithm, id: None, key })
}

/// The keys of a key set (RFC 7517) that can check signatures here; others are passed over.
pub(super) fn key_set(text: &[u8]) -> Result<Vec<Key>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(text).map_err(|error| format!("is not a key set: {error}"))?;
    let keys = set.keys.into_iter().take(KEYS).filter_map(|key| serde_json::from_value(key).ok());
    let keys: Vec<Key> = keys.filter_map(|jwk| set_key(&jwk)).collect();
    if keys.is_empty() { Err("has no key for RS256 or EdDSA".into()) } else { Ok(keys) }
}

/// A secret has no place among public keys, and one for encryption none among those for signatures.
fn set_key(jwk: &Jwk) -> Option<Key> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let said = jwk.common.key_algorithm.as_ref().is_none_or(|said| *said == name);
    if !for_signatures || !said {
        return None;
    }
    Some(Key { algorithm, id: jwk.common.key_id.clone(), key: DecodingKey::from_jwk(jwk).ok()? })
}

/// Reads a small text file.
pub(super) fn read_text(key: &'static str, path: &Path) -> Result<String, AccessError> {
    let failed = |reason| AccessError::File { key, path: path.into(), reason };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > KEY_FILE_BYTES {
        return Err(failed(std::io::Error::other(format!("it has {size} bytes, which is too much"))));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn denied(kind: &ErrorKind) -> Denied {
    match kind {
        ErrorKind::InvalidSignature => Denied::Signature,
        ErrorKind::ExpiredSignature => Denied::Expired,
        ErrorKind::ImmatureSignature => Denied::Early,
        ErrorKind::InvalidIssuer => Denied::Issuer,
        ErrorKind::InvalidAudience => Denied::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Denied::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => Denied::Issuer,
        ErrorKind::MissingRequiredClaim(claim) => Denied::Claims(ClaimsError::Form(format!("`{claim}` is missing"))),
        ErrorKind::InvalidClaimFormat(claim) => {
            Denied::Claims(ClaimsError::Form(format!("`{claim}` is not of its form")))
        }
        _ => Denied::Malformed,
    }
}
