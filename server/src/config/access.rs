//! Settings of who may connect, and of TLS.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::{Config, ConfigError};

/// Says who may connect and what for; without any key and without a webhook everybody on this machine may do everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// Secret of tokens signed with HS256, at least 32 bytes; better in the environment or in `secret_file` than here.
    pub secret: Option<Secret>,
    /// File with that secret; white space around it is ignored.
    pub secret_file: Option<PathBuf>,
    /// PEM files with public keys: RSA for tokens signed with RS256, Ed25519 for EdDSA. A file may hold several.
    pub public_keys: Vec<PathBuf>,
    /// File or URL of a set of public keys (RFC 7517). A URL is read again when a token names a key that is not known.
    pub jwks: Option<String>,
    /// URL that is asked about each token instead of checking it here.
    pub webhook: Option<String>,
    /// What the claim `iss` of a token must say.
    pub issuer: Option<String>,
    /// What the claim `aud` of a token must say, or contain. Without it a token for an audience is refused.
    pub audience: Option<String>,
    /// Seconds by which the clock of whoever signs tokens may differ from the relay's.
    pub leeway_seconds: u64,
    /// Seconds that a key server or the webhook has to answer.
    pub timeout_seconds: u64,
    /// File that lists revoked subjects and tokens, one a line: `sub ada` or `jti 4711`. Read again when it changes.
    pub revoked: Option<PathBuf>,
}

/// Holds the files of TLS; with both the port speaks TLS only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// PEM file with the certificate and those that lead from it to a root. Read again when it changes.
    pub cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate. Read again when it changes.
    pub key: Option<PathBuf>,
}

/// Is a secret that neither logs nor printed settings show.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl AccessConfig {
    /// Whether anything decides who may connect.
    pub fn is_configured(&self) -> bool {
        self.webhook.is_some() || self.has_keys()
    }

    fn has_keys(&self) -> bool {
        self.secret.is_some() || self.secret_file.is_some() || !self.public_keys.is_empty() || self.jwks.is_some()
    }
}

impl Default for AccessConfig {
    fn default() -> Self {
        AccessConfig {
            secret: None,
            secret_file: None,
            public_keys: Vec::new(),
            jwks: None,
            webhook: None,
            issuer: None,
            audience: None,
            leeway_seconds: 5,
            timeout_seconds: 5,
            revoked: None,
        }
    }
}

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// Checks that the settings of access and TLS work together and with the address.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let access = &config.access;
    super::check::range("access.leeway_seconds", access.leeway_seconds, 0, 600)?;
    super::check::range("access.timeout_seconds", access.timeout_seconds, 1, 60)?;
    if config.dev && access.is_configured() {
        return Err(wrong(
            "dev",
            "serves without authentication, but `access` says who may connect",
            "Leave out --dev.",
        ));
    }
    if access.webhook.is_some() && access.has_keys() {
        let problem = "is asked about tokens, but there are keys to check them with, too";
        return Err(wrong("access.webhook", problem, "Set either the webhook or keys."));
    }
    if access.secret.is_some() && access.secret_file.is_some() {
        return Err(wrong("access.secret_file", "names a second secret beside `access.secret`", "Set one of them."));
    }
    if access.revoked.is_some() && !access.is_configured() {
        let advice = "Set `access.secret_file`, `access.public_keys`, `access.jwks` or `access.webhook` as well.";
        return Err(wrong("access.revoked", "revokes tokens, but no token is asked for", advice));
    }
    if let Some(url) = access.webhook.as_deref().filter(|url| !is_url(url)) {
        return Err(wrong("access.webhook", &format!("is `{url}`"), "Set it to a URL with http:// or https://."));
    }
    if config.tls.cert.is_some() != config.tls.key.is_some() {
        return Err(wrong("tls", "has one of certificate and key", "Set both `tls.cert` and `tls.key`, or neither."));
    }
    check_address(config)
}

/// Whoever can reach a relay that asks for no token may do everything, so it must not be reachable from other machines.
fn check_address(config: &Config) -> Result<(), ConfigError> {
    if config.listen.ip().is_loopback() || config.access.is_configured() {
        return Ok(());
    }
    let why = if config.dev { "--dev serves without authentication" } else { "nothing says who may connect" };
    Err(wrong(
        "listen",
        &format!("is {}, which other machines can reach, but {why}", config.listen),
        "Listen on a loopback address such as 127.0.0.1:7171, or set `access.secret_file`, `access.public_keys`, `access.jwks` or `access.webhook` and leave out --dev.",
    ))
}

/// Whether a place is on the web, and not a file.
pub(crate) fn is_url(place: &str) -> bool {
    place.starts_with("https://") || place.starts_with("http://")
}

fn wrong(key: &'static str, problem: &str, advice: &str) -> ConfigError {
    ConfigError::Value { key, problem: problem.to_owned(), advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn a_public_address_takes_keys_or_a_webhook() {
        let mut config = Config { listen: ([0, 0, 0, 0], 7171).into(), ..Config::default() };
        config.access.secret_file = Some("secret".into());
        config.check().unwrap();
        config.access = AccessConfig { webhook: Some("http://127.0.0.1:1/".into()), ..AccessConfig::default() };
        config.check().unwrap();
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        let secret = || Some(Secret::new("x"));
        let error = refused(|config| (config.dev, config.access.secret) = (true, secret()));
        assert!(error.contains("`dev`") && error.contains("Leave out --dev"), "{error}");
        let error = refused(|config| {
            (config.access.webhook, config.access.secret) = (Some("http://x".into()), secret());
        });
        assert!(error.contains("access.webhook"), "{error}");
        let error = refused(|config| config.access.webhook = Some("ftp://x".into()));
        assert!(error.contains("https://"), "{error}");
        let error = refused(|config| config.access.revoked = Some("list".into()));
        assert!(error.contains("access.revoked"), "{error}");
        let error = refused(|config| config.tls.cert = Some("cert.pem".into()));
        assert!(error.contains("tls.key"), "{error}");
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let config = AccessConfig { secret: Some(Secret::new("open sesame")), ..AccessConfig::default() };
        let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("sesame") && shown.contains("(hidden)"), "{shown}");
    }
}
