//! The WebSocket of a client: address, connecting, reading and writing.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri, header};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::ClientError;
use crate::limits::{
    CLIENT_CONNECT_TIMEOUT, CLIENT_READ_BUFFER, CLIENT_WRITE_TIMEOUT, CLOSE_TIMEOUT, SOCKET_WRITE_BUFFER,
    SOCKET_WRITE_BUFFER_MAX,
};
use crate::socket::SUBPROTOCOL;

/// WebSocket close code of a connection that ended without one.
const NO_CODE: u16 = 1006;

/// Where a relay listens.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) url: String,
    host: String,
    port: u16,
}

/// What came from the relay.
#[derive(Debug)]
pub(super) enum Event {
    Frame(Bytes),
    Closed { code: u16, reason: String },
}

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct Transport(WebSocketStream<TcpStream>);

impl Address {
    pub(super) fn parse(url: &str) -> Result<Address, ClientError> {
        let wrong = |problem: &str| ClientError::Address { url: url.into(), problem: problem.into() };
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => {
                return Err(wrong("this client does not speak TLS; reach the relay through a local proxy that does"));
            }
            _ => return Err(wrong("it does not begin with ws://")),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        Ok(Address { url: url.into(), host: host.trim_matches(['[', ']']).into(), port: uri.port_u16().unwrap_or(80) })
    }
}

impl Transport {
    /// Connects and agrees on the protocol; the error is for people.
    pub(super) async fn connect(address: &Address) -> Result<Transport, String> {
        match tokio::time::timeout(CLIENT_CONNECT_TIMEOUT, Transport::handshake(address)).await {
            Ok(Ok(transport)) => Ok(transport),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(format!("no answer within {} s", CLIENT_CONNECT_TIMEOUT.as_secs())),
        }
    }

    async fn handshake(address: &Address) -> Result<Transport, Error> {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        stream.set_nodelay(true)?;
        let mut request = address.url.as_str().into_client_request()?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .read_buffer_size(CLIENT_READ_BUFFER)
            .write_buffer_size(SOCKET_WRITE_BUFFER)
            .max_write_buffer_size(SOCKET_WRITE_BUFFER_MAX)
            .max_message_size(Some(syncline::bounds::FRAME_BYTES))
            .max_frame_size(Some(syncline::bounds::FRAME_BYTES));
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(Transport(socket))
    }

    /// Waits for the next frame or the end. Cancel safe.
    pub(super) async fn next(&mut self) -> Event {
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
    pub(super) async fn feed(&mut self, frame: Vec<u8>) -> Result<(), String> {
        within(CLIENT_WRITE_TIMEOUT, self.0.feed(Message::Binary(frame.into()))).await
    }

    /// Forces out what was handed to the socket.
    pub(super) async fn flush(&mut self) -> Result<(), String> {
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
        let address = Address::parse("ws://[::1]:7171/sync").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 7171));
        for (url, problem) in [("http://x/", "ws://"), ("wss://x/sync", "TLS"), ("ws:///sync", ""), ("x y", "")] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("ws://127.0.0.1:7171/sync"), "{error}");
        }
    }
}
