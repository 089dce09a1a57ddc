//! The frames of both dialects: of y-websocket, and of Hocuspocus, which puts the name of a document in front.

use super::bytes::{Malformed, Reader, push_block, push_number};
use super::{presence, update};

const SYNC: u64 = 0;
const PRESENCE: u64 = 1;
const AUTH: u64 = 2;
const QUERY: u64 = 3;
const STATELESS: u64 = 5;
const BROADCAST_STATELESS: u64 = 6;
const CLOSE: u64 = 7;
const STATUS: u64 = 8;
const PING: u64 = 9;
const PONG: u64 = 10;

/// A frame of Hocuspocus without a document: are you there?
pub(super) const BARE_PING: &[u8] = &[PING as u8];

/// The answer to it.
pub(super) const BARE_PONG: &[u8] = &[PONG as u8];

/// What a client has to say about one document. Everything in it was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// What it has, as a state vector; it asks for the rest.
    Vector(&'a [u8]),
    /// Something that it has.
    Update(&'a [u8]),
    /// Who is there.
    Presence(&'a [u8]),
    /// It asks who is there.
    Query,
    /// Who it is.
    Token(&'a str),
    /// It does not want the document any more.
    Close,
    /// It asks for an answer.
    Ping,
    /// Nothing that the relay has to do with.
    Other,
}

/// Names the two dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Of y-websocket: one document on a connection.
    Sync,
    /// Of Hocuspocus: documents by name.
    Hocuspocus,
}

impl Dialect {
    /// How it is called.
    pub(super) fn protocol(self) -> &'static str {
        match self {
            Dialect::Sync => "y-websocket",
            Dialect::Hocuspocus => "hocuspocus",
        }
    }
}

impl<'a> Message<'a> {
    /// Reads one message from a frame.
    ///
    /// # Errors
    /// [`Malformed`] if a client does not write it.
    pub(super) fn read(reader: &mut Reader<'a>, dialect: Dialect) -> Result<Message<'a>, Malformed> {
        let kind = reader.number()?;
        match (kind, dialect) {
            (SYNC, _) => read_sync(reader),
            (PRESENCE, _) => {
                let update = reader.block()?;
                presence::check(update).map(|()| Message::Presence(update))
            }
            (QUERY, _) => Ok(Message::Query),
            (_, Dialect::Sync) => Err(Malformed::Part("a kind of message")),
            (AUTH, _) => match reader.number()? {
                0 => {
                    let token = reader.text()?;
                    // The version of the client follows, or nothing.
                    reader.take(reader.remaining().len()).map(|_| Message::Token(token))
                }
                _ => Err(Malformed::Part("a kind of message")),
            },
            (STATELESS | BROADCAST_STATELESS, _) => reader.text().map(|_| Message::Other),
            (CLOSE, _) => reader.take(reader.remaining().len()).map(|_| Message::Close),
            (PING, _) => Ok(Message::Ping),
            (PONG, _) => Ok(Message::Other),
            _ => Err(Malformed::Part("a kind of message")),
        }
    }
}

fn read_sync<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
    let (step, body) = (reader.number()?, reader.block()?);
    match step {
        0 => update::check_vector(body).map(|()| Message::Vector(body)),
        1 | 2 => update::check(body).map(|()| Message::Update(body)),
        _ => Err(Malformed::Part("a step")),
    }
}

/// What the relay says about a document. `prefix` is what stands before it in the dialect of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reply<'a> {
    /// What the relay has, as a state vector.
    Vector(&'a [u8]),
    /// What the client lacked.
    Lacking(&'a [u8]),
    /// Something new.
    Update(&'a [u8]),
    /// Who is there.
    Presence(&'a [u8]),
    /// It may not do what it asked for.
    Denied(Dialect, &'a str),
    /// It may write, or only read.
    Entered { writes: bool },
    /// The relay asks for a fresh token.
    TokenPlease,
    /// Whether an update is stored, or refused.
    Status(bool),
    /// The document is closed on this connection.
    Closed(&'a str),
    /// The answer to a ping.
    Pong,
}

impl Reply<'_> {
    /// Writes the frame.
    pub(super) fn encode(&self, prefix: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(prefix.len() + 16 + self.body().map_or(0, <[u8]>::len));
        out.extend_from_slice(prefix);
        let head: &[u64] = match self {
            Reply::Vector(_) => &[SYNC, 0],
            Reply::Lacking(_) => &[SYNC, 1],
            Reply::Update(_) => &[SYNC, 2],
            Reply::Presence(_) => &[PRESENCE],
            Reply::Denied(Dialect::Sync, _) => &[AUTH, 0],
            Reply::Denied(Dialect::Hocuspocus, _) => &[AUTH, 1],
            Reply::Entered { .. } => &[AUTH, 2],
            Reply::TokenPlease => &[AUTH, 0],
            Reply::Status(stored) => &[STATUS, if *stored { 1 } else { 0 }],
            Reply::Closed(_) => &[CLOSE],
            Reply::Pong => &[PONG],
        };
        head.iter().for_each(|&number| push_number(&mut out, number));
        if let Some(body) = self.body() {
            push_block(&mut out, body);
        }
        out
    }

    fn body(&self) -> Option<&[u8]> {
        match self {
            Reply::Vector(bytes) | Reply::Lacking(bytes) | Reply::Update(bytes) | Reply::Presence(bytes) => Some(bytes),
            Reply::Denied(_, reason) | Reply::Closed(reason) => Some(reason.as_bytes()),
            Reply::Entered { writes: true } => Some(b"read-write"),
            Reply::Entered { writes: false } => Some(b"readonly"),
            Reply::TokenPlease | Reply::Status(_) | Reply::Pong => None,
        }
    }
}
