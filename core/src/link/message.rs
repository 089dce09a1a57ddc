//! Messages and their bytes.

use super::error::{ErrorCode, RemoteError};
use crate::bounds;
use crate::bytes::cbor::{self, CborReader};
use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::{ReplicaId, VersionVector};
use crate::delta::Digest;
use ciborium_ll::{Header, simple};

/// First bytes of the frames that are not CBOR. A CBOR message is an array, so it begins with 0x80 to 0x97.
const LIVE: u8 = 0x01;
const LIVE_MANY: u8 = 0x02;
const FRAGMENT: u8 = 0x03;
/// Bytes of the message in one fragment, behind the two that head it.
const CHUNK: usize = bounds::FRAME_BYTES - 2;

const HELLO: u64 = 0;
const OPEN: u64 = 1;
const OPENED: u64 = 2;
const DELTA: u64 = 3;
const ANNOUNCE: u64 = 4;
const ACK: u64 = 5;
const PRESENCE: u64 = 6;
const ERROR: u64 = 7;
const LEAVE: u64 = 8;
const PING: u64 = 9;
const PONG: u64 = 10;
const DRAIN: u64 = 11;

/// How far a write has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AckLevel {
    /// The relay has it in memory and passes it on.
    Accepted,
    /// It survives the end of the relay's process.
    Stored,
    /// It is on the disk: fsync has returned.
    Durable,
}

impl AckLevel {
    /// All levels, lowest first.
    pub const ALL: [AckLevel; 3] = [AckLevel::Accepted, AckLevel::Stored, AckLevel::Durable];
}

impl std::fmt::Display for AckLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AckLevel::Accepted => "accepted",
            AckLevel::Stored => "stored",
            AckLevel::Durable => "durable",
        })
    }
}

/// What each side says first.
#[derive(Clone, Debug, PartialEq)]
pub struct Hello {
    /// Protocol version; 1.
    pub protocol: u64,
    /// Bits of optional features that the sender knows; none yet.
    pub features: u64,
    /// Name and version of the software.
    pub agent: String,
    /// What entitles the sender, if the relay asks for it.
    pub token: Option<String>,
    /// The sender's time, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// Asks for a room, or asks again after a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Its name.
    pub room: String,
    /// The id under which the sender writes.
    pub replica: ReplicaId,
    /// What the sender has seen.
    pub version: VersionVector,
}

/// The answer to [`Open`]. A [`Message::Delta`] follows if the sender lacks anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The number that stands for the room from now on.
    pub alias: u32,
    /// What the relay has seen.
    pub version: VersionVector,
    /// The part of it that is on the disk.
    pub durable: VersionVector,
    /// The digest of the relay's state.
    pub digest: Digest,
    /// The announcement that the room's live stream begins with.
    pub stream: Vec<u8>,
}

/// The latest presence of some clients, each an encoded value; `None` for those who left.
pub type PresenceEntries = Vec<(ReplicaId, Option<Vec<u8>>)>;

/// One message. `alias` numbers the room, as the relay said in [`Opened`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// The first message of each side.
    Hello(Hello),
    /// Asks for a room.
    Open(Open),
    /// Answers that.
    Opened(Opened),
    /// An encoded [`Delta`](crate::delta::Delta).
    Delta {
        /// The room.
        alias: u32,
        /// The body.
        body: Vec<u8>,
    },
    /// What must be known to read the next live frames.
    Announce {
        /// The room.
        alias: u32,
        /// The announcement.
        body: Vec<u8>,
    },
    /// Live frames: one transaction each.
    Live {
        /// The room.
        alias: u32,
        /// The frames.
        frames: Vec<Vec<u8>>,
    },
    /// Everything of the receiver's within `version` has reached `level`.
    Ack {
        /// The room.
        alias: u32,
        /// How far.
        level: AckLevel,
        /// What.
        version: VersionVector,
    },
    /// The latest presence of some clients; `None` for those who left.
    Presence {
        /// The room.
        alias: u32,
        /// Client and its state, an encoded value.
        entries: PresenceEntries,
    },
    /// Something was refused.
    Error {
        /// The room, unless it concerns the whole link.
        alias: Option<u32>,
        /// What.
        error: RemoteError,
    },
    /// The sender leaves the room.
    Leave {
        /// The room.
        alias: u32,
    },
    /// Asks for a [`Message::Pong`] with the same number.
    Ping(u64),
    /// Answers a [`Message::Ping`].
    Pong(u64),
    /// The relay is about to stop: come back after about this many milliseconds.
    Drain(u64),
}

/// The room that a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomRef<'a> {
    /// By name: it is not open yet.
    Name(&'a str),
    /// By number.
    Alias(u32),
}

impl Message {
    /// The room that the message belongs to; `None` for messages of the link itself.
    pub fn room(&self) -> Option<RoomRef<'_>> {
        match self {
            Message::Open(open) => Some(RoomRef::Name(&open.room)),
            Message::Opened(Opened { alias, .. })
            | Message::Delta { alias, .. }
            | Message::Announce { alias, .. }
            | Message::Live { alias, .. }
            | Message::Ack { alias, .. }
            | Message::Presence { alias, .. }
            | Message::Leave { alias } => Some(RoomRef::Alias(*alias)),
            Message::Error { alias, .. } => alias.map(RoomRef::Alias),
            Message::Hello(_) | Message::Ping(_) | Message::Pong(_) | Message::Drain(_) => None,
        }
    }

    /// Encodes the message into frames: one, or fragments of at most [`bounds::FRAME_BYTES`].
    pub fn encode(&self) -> Vec<Vec<u8>> {
        let message = self.encode_whole();
        if message.len() <= bounds::FRAME_BYTES {
            return vec![message];
        }
        let last = (message.len() - 1) / CHUNK;
        let mut frames = Vec::with_capacity(last + 1);
        for (at, chunk) in message.chunks(CHUNK).enumerate() {
            frames.push([&[FRAGMENT, u8::from(at == last)], chunk].concat());
        }
        frames
    }

    fn encode_whole(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Message::Live { alias, frames } => return encode_live(*alias, frames),
            Message::Hello(hello) => encode_hello(&mut out, hello),
            Message::Open(open) => {
                head(&mut out, 4, OPEN);
                cbor::push_text(&mut out, &open.room);
                cbor::push_bytes(&mut out, open.replica.as_bytes());
                cbor::push_bytes(&mut out, &open.version.encode());
            }
            Message::Opened(opened) => {
                room_head(&mut out, 6, OPENED, opened.alias);
                cbor::push_bytes(&mut out, &opened.version.encode());
                cbor::push_bytes(&mut out, &opened.durable.encode());
                cbor::push_bytes(&mut out, &opened.digest.0.to_be_bytes());
                cbor::push_bytes(&mut out, &opened.stream);
            }
            Message::Delta { alias, body } => {
                room_head(&mut out, 3, DELTA, *alias);
                cbor::push_bytes(&mut out, body);
            }
            Message::Announce { alias, body } => {
                room_head(&mut out, 3, ANNOUNCE, *alias);
                cbor::push_bytes(&mut out, body);
            }
            Message::Ack { alias, level, version } => {
                room_head(&mut out, 4, ACK, *alias);
                uint(&mut out, *level as u64);
                cbor::push_bytes(&mut out, &version.encode());
            }
            Message::Presence { alias, entries } => encode_presence(&mut out, *alias, entries),
            Message::Error { alias, error } => encode_error(&mut out, *alias, error),
            Message::Leave { alias } => room_head(&mut out, 2, LEAVE, *alias),
            Message::Ping(number) => number_message(&mut out, PING, *number),
            Message::Pong(number) => number_message(&mut out, PONG, *number),
            Message::Drain(ms) => number_message(&mut out, DRAIN, *ms),
        }
        out
    }

    /// Decodes a message that is not a fragment.
    ///
    /// # Errors
    /// [`DecodeError`]; memory is bounded by the length of the input.
    pub(super) fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
        match bytes.split_first() {
            Some((&LIVE, rest)) => {
                let mut reader = Reader::new(rest);
                Ok(Message::Live { alias: live_alias(&mut reader)?, frames: vec![reader.take_rest().to_vec()] })
            }
            Some((&LIVE_MANY, rest)) => decode_many(rest),
            _ => decode_array(bytes),
        }
    }
}

/// Whether a frame is a fragment with more to come: those up to the last must stay together on their connection.
pub fn is_unfinished(frame: &[u8]) -> bool {
    matches!(fragment(frame), Some((false, _)))
}

/// The parts of a fragment: whether it is the last, and its bytes. `None` if the frame is a message.
pub(super) fn fragment(frame: &[u8]) -> Option<(bool, &[u8])> {
    match frame {
        [FRAGMENT, last, chunk @ ..] => Some((*last != 0, chunk)),
        _ => None,
    }
}

fn encode_live(alias: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Writer::with_capacity(frames.iter().map(|frame| frame.len() + 4).sum::<usize>() + 8);
    match frames {
        [frame] => {
            out.byte(LIVE);
            out.varint(alias.into());
            out.bytes(frame);
        }
        _ => {
            out.byte(LIVE_MANY);
            out.varint(alias.into());
            frames.iter().for_each(|frame| out.block(frame));
        }
    }
    out.into_bytes()
}

fn live_alias(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    u32::try_from(reader.varint()?).map_err(|_| DecodeError::Range("room number"))
}

fn decode_many(bytes: &[u8]) -> Result<Message, DecodeError> {
    let mut reader = Reader::new(bytes);
    let alias = live_alias(&mut reader)?;
    let mut frames = Vec::new();
    while !reader.is_empty() {
        let frame = reader.block(bounds::MESSAGE_BYTES)?;
        if frame.is_empty() {
            return Err(DecodeError::Range("live frame"));
        }
        frames.push(frame.to_vec());
    }
    Ok(Message::Live { alias, frames })
}

fn head(out: &mut Vec<u8>, items: usize, kind: u64) {
    cbor::push(out, Header::Array(Some(items)));
    uint(out, kind);
}

fn room_head(out: &mut Vec<u8>, items: usize, kind: u64, alias: u32) {
    head(out, items, kind);
    uint(out, alias.into());
}

fn number_message(out: &mut Vec<u8>, kind: u64, number: u64) {
    head(out, 2, kind);
    uint(out, number);
}

fn uint(out: &mut Vec<u8>, number: u64) {
    cbor::push(out, Header::Positive(number));
}

fn encode_hello(out: &mut Vec<u8>, hello: &Hello) {
    head(out, 6, HELLO);
    uint(out, hello.protocol);
    uint(out, hello.features);
    cbor::push_text(out, &hello.agent);
    match &hello.token {
        Some(token) => cbor::push_text(out, token),
        None => cbor::push(out, Header::Simple(simple::NULL)),
    }
    uint(out, hello.now_ms);
}

fn encode_presence(out: &mut Vec<u8>, alias: u32, entries: &PresenceEntries) {
    room_head(out, 3, PRESENCE, alias);
    cbor::push(out, Header::Array(Some(entries.len())));
    for (client, state) in entries {
        cbor::push(out, Header::Array(Some(2)));
        cbor::push_bytes(out, client.as_bytes());
        match state {
            Some(state) => cbor::push_bytes(out, state),
            None => cbor::push(out, Header::Simple(simple::NULL)),
        }
    }
}

fn encode_error(out: &mut Vec<u8>, alias: Option<u32>, error: &RemoteError) {
    head(out, 5, ERROR);
    match alias {
        Some(alias) => uint(out, alias.into()),
        None => cbor::push(out, Header::Simple(simple::NULL)),
    }
    uint(out, error.code.number());
    cbor::push_text(out, &error.message);
    cbor::push(out, Header::Simple(if error.temporary { simple::TRUE } else { simple::FALSE }));
}

fn decode_array(bytes: &[u8]) -> Result<Message, DecodeError> {
    let mut reader = CborReader::new(bytes);
    // Later versions may append fields; what this one knows comes first, and the rest is left unread.
    let items = reader.array(23)?;
    let kind = reader.uint()?;
    let least = match kind {
        HELLO | OPENED => 6,
        ERROR => 5,
        OPEN | ACK => 4,
        DELTA | ANNOUNCE | PRESENCE => 3,
        _ => 2,
    };
    if items < least {
        return Err(DecodeError::Truncated);
    }
    let message = match kind {
        HELLO => Message::Hello(decode_hello(&mut reader)?),
        OPEN => Message::Open(Open {
            room: room_name(&mut reader)?,
            replica: replica(&mut reader)?,
            version: version(&mut reader)?,
        }),
        OPENED => Message::Opened(Opened {
            alias: alias(&mut reader)?,
            version: version(&mut reader)?,
            durable: version(&mut reader)?,
            digest: Digest(u128::from_be_bytes(array(&mut reader)?)),
            stream: reader.bytes(bounds::MESSAGE_BYTES)?,
        }),
        DELTA => Message::Delta { alias: alias(&mut reader)?, body: reader.bytes(bounds::MESSAGE_BYTES)? },
        ANNOUNCE => Message::Announce { alias: alias(&mut reader)?, body: reader.bytes(bounds::MESSAGE_BYTES)? },
        ACK => Message::Ack { alias: alias(&mut reader)?, level: level(&mut reader)?, version: version(&mut reader)? },
        PRESENCE => Message::Presence { alias: alias(&mut reader)?, entries: presence(&mut reader)? },
        ERROR => decode_error(&mut reader)?,
        LEAVE => Message::Leave { alias: alias(&mut reader)? },
        PING => Message::Ping(reader.uint()?),
        PONG => Message::Pong(reader.uint()?),
        DRAIN => Message::Drain(reader.uint()?),
        _ => return Err(DecodeError::Range("message type")),
    };
    if items == least {
        reader.finish()?;
    }
    Ok(message)
}

fn decode_hello(reader: &mut CborReader<'_>) -> Result<Hello, DecodeError> {
    let (protocol, features, agent) = (reader.uint()?, reader.uint()?, reader.text(bounds::FIELD_BYTES)?);
    let token = match reader.header()? {
        Header::Simple(simple::NULL) => None,
        Header::Text(Some(length)) if length <= bounds::FIELD_BYTES => Some(reader.text_body(length)?),
        _ => return Err(DecodeError::Range("token")),
    };
    Ok(Hello { protocol, features, agent, token, now_ms: reader.uint()? })
}

fn decode_error(reader: &mut CborReader<'_>) -> Result<Message, DecodeError> {
    let alias = match reader.header()? {
        Header::Simple(simple::NULL) => None,
        Header::Positive(alias) => Some(u32::try_from(alias).map_err(|_| DecodeError::Range("room number"))?),
        _ => return Err(DecodeError::Range("room number")),
    };
    let (code, message) = (ErrorCode::from_number(reader.uint()?), reader.text(bounds::FIELD_BYTES)?);
    let temporary = match reader.header()? {
        Header::Simple(simple::TRUE) => true,
        Header::Simple(simple::FALSE) => false,
        _ => return Err(DecodeError::Range("error")),
    };
    Ok(Message::Error { alias, error: RemoteError { code, message, temporary } })
}

fn presence(reader: &mut CborReader<'_>) -> Result<PresenceEntries, DecodeError> {
    let count = reader.array(bounds::PRESENCE_CLIENTS)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if reader.array(2)? != 2 {
            return Err(DecodeError::Range("presence"));
        }
        let client = replica(reader)?;
        let state = match reader.header()? {
            Header::Simple(simple::NULL) => None,
            Header::Bytes(Some(length)) if length <= bounds::PRESENCE_BYTES => Some(reader.body(length)?),
            _ => return Err(DecodeError::Range("presence")),
        };
        entries.push((client, state));
    }
    Ok(entries)
}

fn array<const N: usize>(reader: &mut CborReader<'_>) -> Result<[u8; N], DecodeError> {
    reader.bytes(N)?.try_into().map_err(|_| DecodeError::Range("byte string"))
}

fn replica(reader: &mut CborReader<'_>) -> Result<ReplicaId, DecodeError> {
    array(reader).map(ReplicaId::from_bytes)
}

fn version(reader: &mut CborReader<'_>) -> Result<VersionVector, DecodeError> {
    VersionVector::decode(&reader.bytes(bounds::MESSAGE_BYTES)?)
}

fn alias(reader: &mut CborReader<'_>) -> Result<u32, DecodeError> {
    u32::try_from(reader.uint()?).map_err(|_| DecodeError::Range("room number"))
}

fn level(reader: &mut CborReader<'_>) -> Result<AckLevel, DecodeError> {
    let number = usize::try_from(reader.uint()?).unwrap_or(usize::MAX);
    AckLevel::ALL.get(number).copied().ok_or(DecodeError::Range("ack level"))
}

fn room_name(reader: &mut CborReader<'_>) -> Result<String, DecodeError> {
    let name = reader.text(bounds::ROOM_NAME_BYTES)?;
    let sound = !name.is_empty() && !name.chars().any(char::is_control);
    if sound { Ok(name) } else { Err(DecodeError::Range("room name (it is empty or has control characters)")) }
}
