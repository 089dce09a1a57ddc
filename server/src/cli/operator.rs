//! What the commands of operators share: a relay that is asked over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::Failure;
use crate::access::read_token;
use crate::config::Secret;
use crate::limits::IMPORT_BYTES;

/// Which relay, and what shows that one is its operator.
#[derive(Debug, Args)]
pub(super) struct OperatorArgs {
    /// Address of the relay
    #[arg(long, value_name = "URL", env = "SYNCLINE_URL", default_value = "http://127.0.0.1:7171")]
    url: String,
    /// File with the operator's token, if the relay asks for one
    #[arg(long, value_name = "FILE", env = "SYNCLINE_ADMIN__TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The token itself; better in the environment, where other users do not see it
    #[arg(long, value_name = "TOKEN", env = "SYNCLINE_ADMIN__TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// A relay to ask.
pub(super) struct Operator {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Operator {
    /// Prepares to ask; an answer may take as long as `patience`.
    pub(super) fn new(args: &OperatorArgs, patience: Duration) -> Result<Operator, Failure> {
        let token = read_token(args.token.as_deref().map(Secret::new).as_ref(), args.token_file.as_deref())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .build();
        Ok(Operator { agent: config.into(), base: base(&args.url)?, token })
    }

    /// Asks for something that is JSON.
    pub(super) fn ask(&self, method: &str, path: &str) -> Result<Value, Failure> {
        serde_json::from_slice(&self.ask_bytes(method, path)?).map_err(|_| self.stranger())
    }

    /// Asks for something.
    pub(super) fn ask_bytes(&self, method: &str, path: &str) -> Result<Vec<u8>, Failure> {
        let unreachable =
            |error: ureq::Error| Failure::Unreachable { url: self.base.clone(), reason: error.to_string() };
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(()).map_err(|error| Failure::Usage(error.to_string()))?;
        let mut response = self.agent.run(request).map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(IMPORT_BYTES).read_to_vec().map_err(unreachable)?;
        if status.is_success() {
            return Ok(body);
        }
        let body: Value = serde_json::from_slice(&body).map_err(|_| self.stranger())?;
        let part = |name: &str| body["error"][name].as_str().unwrap_or("the relay refuses").to_owned();
        let hint = if status == 401 { " Here: --token-file FILE." } else { "" };
        Err(Failure::Failed(format!("{}. {}{hint}", part("message"), part("advice"))))
    }

    fn stranger(&self) -> Failure {
        let base = &self.base;
        Failure::Failed(format!("{base} does not answer as a relay does. Give the address of one with --url."))
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
