//! Asks a relay for its numbers.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::super::Failure;
use crate::access::read_token;
use crate::config::Secret;

/// Time that the relay has for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Rooms in memory that are looked at: as many as one answer may have.
const ROOMS: &str = "/admin/v1/rooms?loaded=true&limit=1000";

/// A relay to ask.
pub(super) struct Source {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// What a relay says at one moment.
pub(super) struct Look {
    pub(super) stats: Value,
    pub(super) rooms: Value,
}

impl Source {
    pub(super) fn new(url: &str, token: Option<&str>, file: Option<&Path>) -> Result<Source, Failure> {
        let token =
            read_token(token.map(Secret::new).as_ref(), file).map_err(|error| Failure::Usage(error.to_string()))?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Ok(Source { agent: config.into(), base: base(url)?, token })
    }

    pub(super) fn look(&self) -> Result<Look, Failure> {
        Ok(Look { stats: self.ask("/admin/v1/stats")?, rooms: self.ask(ROOMS)? })
    }

    fn ask(&self, path: &str) -> Result<Value, Failure> {
        let unreachable =
            |error: ureq::Error| Failure::Unreachable { url: self.base.clone(), reason: error.to_string() };
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().read_to_string().map_err(unreachable)?;
        let body: Value = serde_json::from_str(&body).map_err(|_| {
            Failure::Failed(format!(
                "{} answers with something else than numbers. Give the address of a relay with --url.",
                self.base
            ))
        })?;
        if status.is_success() {
            return Ok(body);
        }
        let part = |name: &str| body["error"][name].as_str().unwrap_or("the relay refuses").to_owned();
        let hint = if status == 401 { " Here: --token-file FILE." } else { "" };
        Err(Failure::Failed(format!("{}. {}{hint}", part("message"), part("advice"))))
    }
}

/// The address of the relay without a path; that of a WebSocket will do, too.
fn base(url: &str) -> Result<String, Failure> {
    let wrong = || Failure::Usage(format!("{url:?} is no address of a relay. Give one like http://127.0.0.1:7171."));
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let scheme = match scheme {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return Err(wrong()),
    };
    let host = rest.split('/').next().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    Ok(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_socket_is_that_of_its_relay() {
        for url in ["http://127.0.0.1:7171", "ws://127.0.0.1:7171/sync", "http://127.0.0.1:7171/"] {
            assert_eq!(base(url).unwrap(), "http://127.0.0.1:7171");
        }
        assert_eq!(base("wss://relay.example/sync").unwrap(), "https://relay.example");
        assert!(base("127.0.0.1:7171").is_err() && base("ftp://x").is_err() && base("http:///").is_err());
    }
}
