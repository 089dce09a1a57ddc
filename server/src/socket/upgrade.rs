//! From an HTTP request to a WebSocket: checks it, answers 101 and hands the socket over.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use syncline::link::SUBPROTOCOL;

use super::connection;
use super::gate::Peer;
use super::wire::Wire;
use crate::limits::{SOCKET_READ_BUFFER, SOCKET_WRITE_BUFFER, SOCKET_WRITE_BUFFER_MAX};
use crate::relay::{Phase, Relay};
use crate::trace::{TraceParent, Traced};

/// The WebSocket of one client.
pub(crate) type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// A connection that has become a WebSocket.
pub(crate) struct Accepted {
    pub(crate) socket: Socket,
    /// What rooms may write to it by; none if it is encrypted.
    pub(crate) wire: Option<Arc<Wire>>,
    pub(crate) peer: Option<Peer>,
    /// The span of the connection's beginning, if it is traced.
    pub(crate) connect: Option<Traced>,
}

/// Says why a request does not become a WebSocket, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is a plain HTTP request.
    #[error(
        "this address takes WebSocket connections only; connect with a client, or use /version to see that the relay runs"
    )]
    NotWebSocket,
    /// The address names no document that could be.
    #[error(
        "the name of the document is empty, too long, or has control characters or the parts . or ..; choose another one"
    )]
    Name,
    /// The client does not offer the protocol.
    #[error("ask for the WebSocket subprotocol `syncline.1`; a client of another version must be updated")]
    Subprotocol,
    /// A web page of another site tries to connect.
    #[error(
        "pages from {0} may not connect; list the origin under `socket.origins` in the relay's configuration to allow it"
    )]
    Origin(String),
    /// The relay starts or drains.
    #[error("the relay is {0} and takes no connections; try again in a moment")]
    NotReady(&'static str),
    /// All places are taken.
    #[error("the relay has as many connections as `socket.max` allows; try again later")]
    Full,
}

impl Refusal {
    /// The HTTP status that says it.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::NotWebSocket => StatusCode::UPGRADE_REQUIRED,
            Refusal::Subprotocol | Refusal::Name => StatusCode::BAD_REQUEST,
            Refusal::Origin(_) => StatusCode::FORBIDDEN,
            Refusal::NotReady(_) | Refusal::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Refusal::NotReady(_) | Refusal::Full)
    }
}

/// Checks the request, starts the task of the connection and answers 101.
///
/// # Errors
/// [`Refusal`] with the HTTP status to answer.
pub fn upgrade(relay: &Arc<Relay>, request: Request) -> Result<Response, Refusal> {
    accept(relay, request, Some(SUBPROTOCOL), socket_config(), connection::run)
}

/// Does the same for any protocol: `serve` gets the socket. Without a subprotocol the first one that the client offers is taken.
pub(crate) fn accept<S, F>(
    relay: &Arc<Relay>,
    mut request: Request,
    subprotocol: Option<&str>,
    config: WebSocketConfig,
    serve: S,
) -> Result<Response, Refusal>
where
    S: FnOnce(Arc<Relay>, Accepted) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let key = check_headers(request.method(), request.headers(), &relay.config().socket.origins, subprotocol)?;
    match relay.phase() {
        Phase::Starting => return Err(Refusal::NotReady("starting")),
        Phase::Draining => return Err(Refusal::NotReady("shutting down")),
        Phase::Ready => {}
    }
    let place = relay.take_place().ok_or(Refusal::Full)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(Refusal::NotWebSocket)?;
    let peer = request.extensions().get::<Peer>().copied();
    let wire = request.extensions_mut().remove::<Option<Arc<Wire>>>().flatten();
    let tracing = relay.tracing();
    let connect = tracing.and_then(|tracing| tracing.connect(TraceParent::of(request.headers()).as_ref()));
    let relay = relay.clone();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
                serve(relay, Accepted { socket, wire, peer, connect }).await;
            }
            Err(error) => tracing::debug!(%error, "upgrade failed"),
        }
        drop(place);
    });
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()));
    if let Some(subprotocol) = tokens(request.headers(), header::SEC_WEBSOCKET_PROTOCOL)
        .find(|offered| subprotocol.is_none_or(|wanted| wanted == *offered))
    {
        response = response.header(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response.body(Body::empty()).map_err(|_| Refusal::NotWebSocket)
}

/// Returns the client's key if the request is a WebSocket handshake that may be answered.
fn check_headers(
    method: &Method,
    headers: &HeaderMap,
    origins: &[String],
    subprotocol: Option<&str>,
) -> Result<String, Refusal> {
    let has = |name, token: &str| tokens(headers, name).any(|value| value.eq_ignore_ascii_case(token));
    let handshake = method == Method::GET && has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket");
    if !handshake || !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refusal::NotWebSocket);
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or("an unreadable origin");
        if !is_local(origin) && !origins.iter().any(|allowed| allowed == origin) {
            return Err(Refusal::Origin(origin.chars().take(256).collect()));
        }
    }
    let offers = |wanted| tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).any(|value| value == wanted);
    if subprotocol.is_some_and(|wanted| !offers(wanted)) {
        return Err(Refusal::Subprotocol);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    key.map(str::to_owned).ok_or(Refusal::NotWebSocket)
}

/// The comma-separated tokens of a header, over all its lines.
fn tokens(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Whether a page comes from this machine. Without authentication any page in the browser could use the relay otherwise.
fn is_local(origin: &str) -> bool {
    let uri: Uri = match origin.parse() {
        Ok(uri) => uri,
        Err(_) => return false,
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = host == "localhost" || host.ends_with(".localhost");
    name || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// tungstenite's defaults are far larger: 128 KiB to read, no bound on what waits to be written.
pub(crate) fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(SOCKET_READ_BUFFER)
        .write_buffer_size(SOCKET_WRITE_BUFFER)
        .max_write_buffer_size(SOCKET_WRITE_BUFFER_MAX)
        .max_message_size(Some(syncline::bounds::FRAME_BYTES))
        .max_frame_size(Some(syncline::bounds::FRAME_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn handshake(more: &[(&'static str, &'static str)]) -> HeaderMap {
        let base = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "other, syncline.1"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in base.iter().chain(more) {
            headers.insert(header::HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn check(headers: &HeaderMap) -> Result<String, Refusal> {
        check_headers(&Method::GET, headers, &["https://board.example".into()], Some(SUBPROTOCOL))
    }

    #[test]
    fn a_handshake_with_the_subprotocol_passes() {
        assert_eq!(check(&handshake(&[])), Ok("dGhlIHNhbXBsZSBub25jZQ==".into()));
    }

    #[test]
    fn plain_requests_and_other_protocols_are_refused() {
        assert_eq!(check(&HeaderMap::new()), Err(Refusal::NotWebSocket));
        assert_eq!(check(&handshake(&[("sec-websocket-protocol", "chat")])), Err(Refusal::Subprotocol));
    }

    #[test]
    fn only_local_and_listed_pages_may_connect() {
        for origin in ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:80", "https://board.example"] {
            assert!(check(&handshake(&[("origin", origin)])).is_ok(), "{origin}");
        }
        for origin in ["https://evil.example", "http://localhost.evil.example", "null", "http://127.0.0.1.evil.example"]
        {
            assert_eq!(check(&handshake(&[("origin", origin)])), Err(Refusal::Origin(origin.into())), "{origin}");
        }
    }
}
