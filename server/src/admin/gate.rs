//! Who may read metrics and administer.
//!
//! With a token whoever shows it may. Without one, only a relay that is open to everybody on its machine serves operators,
//! and only requests that name this machine and come from no page of another site: a browser would carry those in.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use subtle::ConstantTimeEq;

use super::Problem;
use crate::access::{AccessError, read_token};
use crate::config::Config;

/// Decides who is an operator.
#[derive(Debug)]
pub struct AdminGate {
    token: Option<Vec<u8>>,
    open: bool,
}

impl AdminGate {
    /// Reads the token that the settings name.
    ///
    /// # Errors
    /// [`AccessError`] if its file cannot be read, or if it can be guessed.
    pub fn new(config: &Config) -> Result<AdminGate, AccessError> {
        let token = read_token(config.admin.token.as_ref(), config.admin.token_file.as_deref())?;
        Ok(AdminGate { token: token.map(String::into_bytes), open: !config.access.is_configured() })
    }

    /// Whom it lets pass, for the log.
    pub fn serves(&self) -> &'static str {
        match (&self.token, self.open) {
            (Some(_), _) => "whoever has the token",
            (None, true) => "this machine",
            (None, false) => "nobody: set admin.token_file",
        }
    }

    /// Lets a request pass.
    ///
    /// # Errors
    /// [`Problem`] to answer with.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match &self.token {
            Some(token) => check_token(token, headers),
            None if !self.open => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "admin_off",
                "this relay asks clients for tokens, but has none for operators",
                "Set `admin.token_file` and restart the relay.",
            )),
            None if is_from_here(headers) => Ok(()),
            None => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "not_local",
                "without `admin.token` only this machine may administer, under a name of its own, and no page of another site",
                "Use http://127.0.0.1 and the port, or set `admin.token_file`.",
            )),
        }
    }
}

fn check_token(token: &[u8], headers: &HeaderMap) -> Result<(), Problem> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    // Takes the same time wherever the first difference is; that the length shows is all right.
    if shown.is_some_and(|(_, shown)| bool::from(shown.trim().as_bytes().ct_eq(token))) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "this needs the operator's token",
        "Send `Authorization: Bearer …` with what `admin.token` or `admin.token_file` holds.",
    ))
}

/// Whether a request names this machine and, if it says where its page is from, that is this machine too.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).is_some_and(|host| is_local(&format!("http://{host}")));
    host && text(header::ORIGIN).is_none_or(is_local)
}

fn is_local(place: &str) -> bool {
    let Ok(uri) = place.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        fields.iter().map(field).collect()
    }

    #[test]
    fn only_the_whole_token_passes() {
        let gate = AdminGate { token: Some(b"0123456789abcdef".to_vec()), open: true };
        assert!(gate.check(&headers(&[("authorization", "Bearer 0123456789abcdef")])).is_ok());
        assert!(gate.check(&headers(&[("authorization", "bearer  0123456789abcdef")])).is_ok());
        for wrong in ["Bearer 0123456789abcde", "Bearer 0123456789abcdeg", "Bearer ", "Basic 0123456789abcdef", ""] {
            let refused = gate.check(&headers(&[("authorization", wrong), ("host", "127.0.0.1")])).unwrap_err();
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
        }
    }

    #[test]
    fn without_a_token_only_this_machine_passes() {
        let gate = AdminGate { token: None, open: true };
        for host in ["127.0.0.1:7171", "localhost:7171", "[::1]:7171", "localhost"] {
            assert!(gate.check(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:7171", "10.0.0.1", ""] {
            assert!(gate.check(&headers(&[("host", host)])).is_err(), "{host}");
        }
        let page = |origin| gate.check(&headers(&[("host", "127.0.0.1:7171"), ("origin", origin)])).is_ok();
        assert!(page("http://localhost:5173") && !page("https://evil.example") && !page("null"));
        assert!(AdminGate { token: None, open: false }.check(&headers(&[("host", "127.0.0.1")])).is_err());
    }
}
