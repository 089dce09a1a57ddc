//! A client of Yjs without a provider: a socket that says what it is told to, and documents of yrs.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, Text, Transact, Update};

use crate::common::within;

/// A state vector that knows nothing.
pub(crate) const NOTHING: &[u8] = &[0];

/// The first two numbers of a frame.
pub(crate) const ANSWER: [u8; 2] = [0, 1];
pub(crate) const UPDATE: [u8; 2] = [0, 2];

/// A socket of either dialect. `prefix` stands in front of its frames.
pub(crate) struct Socket {
    pub(crate) socket: WebSocketStream<TcpStream>,
    prefix: Vec<u8>,
}

impl Socket {
    pub(crate) async fn try_open(address: SocketAddr, path: &str) -> Result<Socket, Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let url = format!("ws://{address}{path}");
        let (socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
        Ok(Socket { socket, prefix: Vec::new() })
    }

    /// As y-websocket.
    pub(crate) async fn sync(address: SocketAddr, name: &str) -> Socket {
        Socket::try_open(address, &format!("/yjs/{name}")).await.unwrap()
    }

    /// As Hocuspocus, with its document open.
    pub(crate) async fn hocuspocus(address: SocketAddr, name: &str) -> Socket {
        let mut socket = Socket::try_open(address, "/hocuspocus").await.unwrap();
        socket.prefix = block(name.as_bytes());
        socket.send(&[2, 0, 0]).await;
        assert_eq!(socket.next_of([2, 2]).await, block(b"read-write"));
        socket
    }

    /// Sends a frame of its document.
    pub(crate) async fn send(&mut self, body: &[u8]) {
        let frame = [&self.prefix, body].concat();
        self.socket.send(Message::Binary(frame.into())).await.unwrap();
    }

    pub(crate) async fn update(&mut self, update: &[u8]) {
        self.send(&[&UPDATE[..], &block(update)].concat()).await;
    }

    /// The next frame of its document.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        loop {
            let received = within("a frame", self.socket.next()).await.expect("the relay goes on").unwrap();
            if let Message::Binary(frame) = received {
                return frame.strip_prefix(&*self.prefix).expect("a frame of the document").to_vec();
            }
        }
    }

    /// The rest of the next frame that begins so.
    pub(crate) async fn next_of(&mut self, start: [u8; 2]) -> Vec<u8> {
        loop {
            if let Some(rest) = self.next().await.strip_prefix(&start) {
                return rest.to_vec();
            }
        }
    }

    /// The rest of the next frame of a kind.
    pub(crate) async fn next_of_kind(&mut self, kind: u8) -> Vec<u8> {
        loop {
            if let Some(rest) = self.next().await.strip_prefix(&[kind]) {
                return rest.to_vec();
            }
        }
    }

    /// All that the relay has.
    pub(crate) async fn text(&mut self) -> String {
        self.send(&[&[0, 0], &*block(NOTHING)].concat()).await;
        let answer = self.next_of(ANSWER).await;
        text_of(unblock(&answer))
    }

    /// Reads to the end; the frames and the close code, 1006 if there was none.
    pub(crate) async fn read_to_end(&mut self) -> (Vec<Vec<u8>>, u16) {
        let mut frames = Vec::new();
        while let Some(received) = within("the close", self.socket.next()).await {
            match received {
                Ok(Message::Binary(frame)) => frames.push(frame.to_vec()),
                Ok(Message::Close(Some(close))) => return (frames, close.code.into()),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        (frames, 1006)
    }
}

/// A writer of one text.
pub(crate) struct Writer(Doc);

impl Writer {
    pub(crate) fn new(id: u64) -> Writer {
        Writer(Doc::with_client_id(id))
    }

    /// Writes words to the end and returns the update.
    pub(crate) fn write(&self, words: &str) -> Vec<u8> {
        let text = self.0.get_or_insert_text("t");
        let mut txn = self.0.transact_mut();
        text.push(&mut txn, words);
        txn.encode_update_v1()
    }

    /// Deletes at the beginning and returns the update.
    pub(crate) fn delete(&self, count: u32) -> Vec<u8> {
        let text = self.0.get_or_insert_text("t");
        let mut txn = self.0.transact_mut();
        text.remove_range(&mut txn, 0, count);
        txn.encode_update_v1()
    }

    /// All that it has as one update.
    pub(crate) fn all(&self) -> Vec<u8> {
        self.0.transact().encode_state_as_update_v1(&yrs::StateVector::default())
    }

    pub(crate) fn vector(&self) -> Vec<u8> {
        self.0.transact().state_vector().encode_v1()
    }
}

/// What an update shows.
pub(crate) fn text_of(update: &[u8]) -> String {
    let doc = Doc::new();
    let text = doc.get_or_insert_text("t");
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    text.get_string(&doc.transact())
}

/// Bytes behind their length.
pub(crate) fn block(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut length) = (Vec::new(), bytes.len());
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// The bytes of a frame that ends with a block.
pub(crate) fn unblock(frame: &[u8]) -> &[u8] {
    let end = frame.iter().position(|byte| *byte < 0x80).unwrap() + 1;
    &frame[end..]
}
