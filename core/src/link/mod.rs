//! One conversation with one peer: framing, handshake, fragments, keeping alive.
//!
//! A [`Link`] stands at each end of a connection. It takes frames in and hands complete messages on; what the messages
//! say about a room is the business of [`replica`](crate::replica). The protocol is written down in `PROTOCOL.md`.
#![doc = include_str!("PROTOCOL.md")]

mod decode;
mod error;
mod message;
mod resume;

pub use error::{ErrorCode, LinkError, RemoteError};
pub use message::{AckLevel, Fates, Hello, Message, Open, Opened, PresenceEntries, RoomRef, error_code, is_unfinished};
pub use resume::{Resume, Resumed};

use crate::bounds;
use crate::bytes::DecodeError;
use message::fragment;
use std::collections::VecDeque;

/// The version of the protocol.
pub const PROTOCOL: u64 = 1;

/// The feature that [`Message::Token`] is understood, a bit of [`Hello::features`].
pub const FEATURE_TOKEN: u64 = 1;

/// The feature that [`Message::Trace`] is understood, a bit of [`Hello::features`].
pub const FEATURE_TRACE: u64 = 2;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "syncline.1";

/// What the other side must say first, and within what time.
const HANDSHAKE_MS: u64 = 10_000;

/// A client that has heard nothing for this long asks.
const PING_MS: u64 = 20_000;

/// After this long without a sound the other side is taken for gone.
const SILENCE_MS: u64 = 50_000;

/// Frames that wait for [`Link::poll_frame`]; they are answers, so a peer that sends more than it reads is in error.
const ANSWERS: usize = 1_024;

/// Who one end of a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Name and version of the software.
    pub agent: String,
    /// What entitles this end, for clients.
    pub token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Relay,
}

/// One end of a connection.
pub struct Link {
    role: Role,
    config: LinkConfig,
    peer: Option<Hello>,
    out: VecDeque<Vec<u8>>,
    partial: Vec<u8>,
    started_ms: u64,
    heard_ms: u64,
    pinged: bool,
}

impl Link {
    /// The end of a client, whose hello goes out at once.
    pub fn client(config: LinkConfig, now_ms: u64) -> Link {
        let mut link = Link::new(Role::Client, config, now_ms);
        link.say_hello(now_ms);
        link
    }

    /// The end of a relay, which answers the client's hello.
    pub fn relay(config: LinkConfig, now_ms: u64) -> Link {
        Link::new(Role::Relay, config, now_ms)
    }

    fn new(role: Role, config: LinkConfig, now_ms: u64) -> Link {
        Link {
            role,
            config,
            peer: None,
            out: VecDeque::new(),
            partial: Vec::new(),
            started_ms: now_ms,
            heard_ms: now_ms,
            pinged: false,
        }
    }

    /// What the other side said first.
    pub fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref()
    }

    /// What tells the relay a token other than the one that it was told last; `None` if there is no such, or if the relay
    /// does not take it over an open connection.
    pub fn renew_token(&mut self, token: Option<&str>) -> Option<Message> {
        let takes = self.role == Role::Client && self.peer.as_ref()?.features & FEATURE_TOKEN != 0;
        let token = token.filter(|token| takes && self.config.token.as_deref() != Some(token))?;
        self.config.token = Some(token.to_owned());
        Some(Message::Token(token.to_owned()))
    }

    /// Notes a sign of life of the other side that is not a frame, such as a WebSocket pong.
    pub fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    /// Takes a frame. Returns a complete message for a room, or about the link as a whole, if the frame ends one.
    ///
    /// # Errors
    /// [`LinkError`]: send what [`LinkError::to_remote`] says and close with [`LinkError::close_code`].
    pub fn handle_frame(&mut self, frame: &[u8], now_ms: u64) -> Result<Option<Message>, LinkError> {
        self.heard_ms = now_ms;
        self.pinged = false;
        let Some((last, chunk)) = fragment(frame) else {
            if !self.partial.is_empty() {
                return Err(LinkError::Unexpected("a message came before the last fragment of another"));
            }
            return self.handle_message(Message::decode(frame)?, now_ms);
        };
        if chunk.is_empty() || self.peer.is_none() {
            return Err(LinkError::Unexpected("a fragment is empty or came before the hello"));
        }
        if self.partial.len() + chunk.len() > bounds::MESSAGE_BYTES {
            return Err(DecodeError::TooLarge { what: "message", limit: bounds::MESSAGE_BYTES }.into());
        }
        self.partial.extend_from_slice(chunk);
        if !last {
            return Ok(None);
        }
        let whole = std::mem::take(&mut self.partial);
        self.handle_message(Message::decode(&whole)?, now_ms)
    }

    fn handle_message(&mut self, message: Message, now_ms: u64) -> Result<Option<Message>, LinkError> {
        match message {
            Message::Hello(_) if self.peer.is_some() => Err(LinkError::Unexpected("hello came twice")),
            Message::Hello(hello) if hello.protocol != PROTOCOL => Err(LinkError::Version(hello.protocol)),
            Message::Hello(hello) => {
                self.peer = Some(hello.clone());
                if self.role == Role::Relay {
                    self.say_hello(now_ms);
                }
                Ok(Some(Message::Hello(hello)))
            }
            // A relay that refuses at the door says so before its hello.
            Message::Error { .. } if self.role == Role::Client => Ok(Some(message)),
            _ if self.peer.is_none() => Err(LinkError::Unexpected("the first message was not a hello")),
            Message::Ping(_) if self.out.len() >= ANSWERS => {
                Err(LinkError::Unexpected("too many pings wait for an answer"))
            }
            Message::Ping(number) => {
                self.out.extend(Message::Pong(number).encode());
                Ok(None)
            }
            Message::Pong(_) => Ok(None),
            Message::Opened(_)
            | Message::Resumed(_)
            | Message::Tell { .. }
            | Message::Retired { .. }
            | Message::Round { .. }
            | Message::Ack { .. }
            | Message::Drain(_)
            | Message::Error { .. }
                if self.role == Role::Relay =>
            {
                Err(LinkError::Unexpected("a client sent what only a relay may send"))
            }
            Message::Open(_)
            | Message::Resume(_)
            | Message::Ask { .. }
            | Message::Leave { .. }
            | Message::Token(_)
            | Message::Trace(_)
                if self.role == Role::Client =>
            {
                Err(LinkError::Unexpected("a relay sent what only a client may send"))
            }
            other => Ok(Some(other)),
        }
    }

    /// The next frame that the link itself has to say: its hello, answers to pings.
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Does what is due at `now_ms`. Returns when to call again.
    ///
    /// # Errors
    /// [`LinkError::Silent`] if the other side has not been heard for too long.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Result<u64, LinkError> {
        if self.peer.is_none() {
            let deadline = self.started_ms + HANDSHAKE_MS;
            return if now_ms >= deadline { Err(LinkError::Silent(HANDSHAKE_MS)) } else { Ok(deadline) };
        }
        let deadline = self.heard_ms + SILENCE_MS;
        if now_ms >= deadline {
            return Err(LinkError::Silent(now_ms - self.heard_ms));
        }
        let ping = self.heard_ms + PING_MS;
        if self.role == Role::Relay || self.pinged {
            return Ok(deadline);
        }
        if now_ms < ping {
            return Ok(ping);
        }
        self.pinged = true;
        self.out.extend(Message::Ping(now_ms).encode());
        Ok(deadline)
    }

    fn say_hello(&mut self, now_ms: u64) {
        let hello = Hello {
            protocol: PROTOCOL,
            features: FEATURE_TOKEN | FEATURE_TRACE,
            agent: self.config.agent.clone(),
            token: self.config.token.clone(),
            now_ms,
        };
        self.out.extend(Message::Hello(hello).encode());
    }
}

#[cfg(test)]
mod tests;
