//! The WebSocket of a client: address, connecting, reading and writing.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri, header};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::{ClientError, trust};
use crate::limits::{
    CLIENT_CONNECT_TIMEOUT, CLIENT_READ_BUFFER, CLIENT_WRITE_TIMEOUT, CLOSE_TIMEOUT, SOCKET_WRITE_BUFFER,
    SOCKET_WRITE_BUFFER_MAX,
};
use crate::socket::SUBPROTOCOL;
use crate::trace::{self, TraceParent};

/// WebSocket close code of a connection that ended without one.
const NO_CODE: u16 = 1006;

/// Where a relay listens.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) url: String,
    host: String,
    port: u16,
    /// With TLS: whom to trust, and the name that the relay's certificate must have.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What connecting belongs to.
    trace: Option<TraceParent>,
}

/// What came from the relay.
#[derive(Debug)]
pub(crate) enum Event {
    Frame(Bytes),
    Closed { code: u16, reason: String },
}

/// Bytes in both directions, with or without TLS.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What a WebSocket is opened with, beside its address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The subprotocol that is asked for, if any.
    pub(crate) protocol: Option<&'static str>,
    /// Read buffer in bytes.
    pub(crate) read_buffer: usize,
    /// Largest frame that is taken in bytes.
    pub(crate) frame_bytes: usize,
    /// Receive buffer of the kernel in bytes, if not its own choice.
    pub(crate) receive_buffer: Option<u32>,
}

impl Shape {
    /// That of a client of a Syncline relay.
    const CLIENT: Shape = Shape {
        protocol: Some(SUBPROTOCOL),
        read_buffer: CLIENT_READ_BUFFER,
        frame_bytes: syncline::bounds::FRAME_BYTES,
        receive_buffer: None,
    };
}

/// An open WebSocket.
pub(crate) struct Transport(WebSocketStream<Box<dyn Duplex>>);

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Address {
    pub(crate) fn parse(url: &str, authorities: Option<&Path>) -> Result<Address, ClientError> {
        let wrong = |problem: &str| ClientError::Address { url: url.into(), problem: problem.into() };
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        let with_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong("it begins neither with ws:// nor with wss://")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = match with_tls {
            true => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong("its host is no name for TLS"))?;
                Some((trust::connector(authorities)?, name))
            }
            false => None,
        };
        let port = uri.port_u16().unwrap_or(if with_tls { 443 } else { 80 });
        Ok(Address { url: url.into(), host, port, tls, trace: None })
    }

    /// The same address, where connecting belongs to a trace.
    pub(super) fn traced(self, trace: Option<TraceParent>) -> Address {
        Address { trace, ..self }
    }
}

impl Transport {
    /// Connects and agrees on the protocol; the error is for people.
    pub(super) async fn connect(address: &Address) -> Result<Transport, String> {
        Transport::open(address, Shape::CLIENT).await
    }

    /// As [`Transport::connect`], in another shape.
    pub(crate) async fn open(address: &Address, shape: Shape) -> Result<Transport, String> {
        match tokio::time::timeout(CLIENT_CONNECT_TIMEOUT, Transport::handshake(address, shape)).await {
            Ok(Ok(transport)) => Ok(transport),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(format!("no answer within {} s", CLIENT_CONNECT_TIMEOUT.as_secs())),
        }
    }

    async fn handshake(address: &Address, shape: Shape) -> Result<Transport, Error> {
        let stream = match shape.receive_buffer {
            None => TcpStream::connect((address.host.as_str(), address.port)).await?,
            Some(bytes) => small(address, bytes).await?,
        };
        stream.set_nodelay(true)?;
        let stream: Box<dyn Duplex> = match &address.tls {
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        };
        let mut request = address.url.as_str().into_client_request()?;
        if let Some(protocol) = shape.protocol {
            request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        if let Some(trace) = address.trace.and_then(|trace| HeaderValue::from_str(&trace.to_string()).ok()) {
            request.headers_mut().insert(trace::HEADER, trace);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(shape.read_buffer)
            .write_buffer_size(SOCKET_WRITE_BUFFER)
            .max_write_buffer_size(SOCKET_WRITE_BUFFER_MAX)
            .max_message_size(Some(shape.frame_bytes))
            .max_frame_size(Some(shape.frame_bytes));
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(Transport(socket))
    }

    /// Waits for the next frame or the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Binary(frame))) => Event::Frame(frame),
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) =
                        frame.map_or((NO_CODE, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                    Event::Closed { code, reason }
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => Event::Closed { code: NO_CODE, reason: error.to_string() },
                None => Event::Closed { code: NO_CODE, reason: "the connection ended".into() },
            };
        }
    }

    /// Hands a frame to the socket without forcing it out.
    pub(crate) async fn feed(&mut self, frame: Vec<u8>) -> Result<(), String> {
        within(CLIENT_WRITE_TIMEOUT, self.0.feed(Message::Binary(frame.into()))).await
    }

    /// Forces out what was handed to the socket.
    pub(crate) async fn flush(&mut self) -> Result<(), String> {
        within(CLIENT_WRITE_TIMEOUT, self.0.flush()).await
    }

    /// Says goodbye and waits a moment for the answer.
    pub(super) async fn close(mut self) {
        let goodbye = async {
            // A connection that is gone needs no goodbye.
            let _ = self.0.close(Some(CloseFrame { code: 1000.into(), reason: "".into() })).await;
            while let Some(Ok(_)) = self.0.next().await {}
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}

/// Connects with a receive buffer of a given size, which must be set before.
async fn small(address: &Address, bytes: u32) -> std::io::Result<TcpStream> {
    let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await?.next();
    let found = found.ok_or_else(|| std::io::Error::other("the host has no address"))?;
    let socket = if found.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(bytes)?;
    socket.connect(found).await
}

async fn within(limit: Duration, work: impl Future<Output = Result<(), Error>>) -> Result<(), String> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|error| explain(&error)),
        Err(_) => Err(format!("the relay took nothing for {} s", limit.as_secs())),
    }
}

/// What happened, with the relay's own words if it answered with an HTTP error.
fn explain(error: &Error) -> String {
    let Error::Http(response) = error else { return error.to_string() };
    let body = response.body().as_deref().unwrap_or_default();
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = said.as_ref().and_then(|body| body["error"].as_str());
    format!("HTTP {}: {}", response.status(), said.unwrap_or("the address is not that of a Syncline relay"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_tried() {
        let address = Address::parse("ws://[::1]:7171/sync", None).unwrap();
        assert_eq!((address.host.as_str(), address.port, address.tls.is_some()), ("::1", 7171, false));
        let address = Address::parse("wss://relay.example/sync", None).unwrap();
        assert_eq!((address.host.as_str(), address.port, address.tls.is_some()), ("relay.example", 443, true));
        for (url, problem) in [("http://x/", "wss://"), ("wss://a..b/sync", "TLS"), ("ws:///sync", ""), ("x y", "")] {
            let Err(error) = Address::parse(url, None) else { panic!("{url} is no address") };
            let error = error.to_string();
            assert!(error.contains(problem) && error.contains("ws://127.0.0.1:7171/sync"), "{error}");
        }
    }
}
