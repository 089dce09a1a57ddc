//! Messages and their bytes.

use super::decode::{decode_array, decode_many, live_alias};
use super::error::{ErrorCode, RemoteError};
use super::resume::{Resume, Resumed};
use crate::bounds;
use crate::bytes::cbor;
use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::{Handover, ReplicaId, VersionVector};
use crate::delta::{Digest, Round, write_ids};
use ciborium_ll::{Header, simple};

/// First bytes of the frames that are not CBOR. A CBOR message is an array, so it begins with 0x80 to 0x97.
pub(super) const LIVE: u8 = 0x01;
pub(super) const LIVE_MANY: u8 = 0x02;
const FRAGMENT: u8 = 0x03;
/// Bytes of the message in one fragment, behind the two that head it.
const CHUNK: usize = bounds::FRAME_BYTES - 2;

pub(super) const HELLO: u64 = 0;
pub(super) const OPEN: u64 = 1;
pub(super) const OPENED: u64 = 2;
pub(super) const DELTA: u64 = 3;
pub(super) const ANNOUNCE: u64 = 4;
pub(super) const ACK: u64 = 5;
pub(super) const PRESENCE: u64 = 6;
pub(super) const ERROR: u64 = 7;
pub(super) const LEAVE: u64 = 8;
pub(super) const PING: u64 = 9;
pub(super) const PONG: u64 = 10;
pub(super) const DRAIN: u64 = 11;
pub(super) const RESUME: u64 = 12;
pub(super) const TELL: u64 = 13;
pub(super) const RESUMED: u64 = 14;
pub(super) const ASK: u64 = 15;
pub(super) const RETIRED: u64 = 16;
pub(super) const ROUND: u64 = 17;
pub(super) const TOKEN: u64 = 18;
pub(super) const TRACE: u64 = 19;

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
    /// Bits of optional features that the sender knows: [`FEATURE_TOKEN`](super::FEATURE_TOKEN),
    /// [`FEATURE_TRACE`](super::FEATURE_TRACE).
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

/// How the owner of each of some ids goes on, if that is still known.
pub type Fates = Vec<(ReplicaId, Option<Handover>)>;

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
    /// Asks for a room, in fewer bytes.
    Resume(Resume),
    /// Answers that.
    Resumed(Resumed),
    /// A sketch could not be made out: the asker is to send [`Message::Open`].
    Tell {
        /// The name of the room.
        room: String,
    },
    /// Asks how far ids that are retired at the relay had come.
    Ask {
        /// The room.
        alias: u32,
        /// The ids.
        ids: Vec<ReplicaId>,
    },
    /// Answers that.
    Retired {
        /// The room.
        alias: u32,
        /// For each id how its owner goes on.
        fates: Fates,
    },
    /// The durable members have retired ids.
    Round {
        /// The room.
        alias: u32,
        /// What they agreed on.
        round: Round,
    },
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
    /// A fresh token in place of the one that the hello brought; only to a relay that knows
    /// [`FEATURE_TOKEN`](super::FEATURE_TOKEN).
    Token(String),
    /// What the writes that follow belong to: a `traceparent` of W3C Trace Context, or nothing any more if it is empty. Only
    /// to a relay that knows [`FEATURE_TRACE`](super::FEATURE_TRACE).
    Trace(String),
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
            Message::Resume(resume) => Some(RoomRef::Name(&resume.room)),
            Message::Tell { room } => Some(RoomRef::Name(room)),
            Message::Opened(Opened { alias, .. })
            | Message::Resumed(Resumed { alias, .. })
            | Message::Ask { alias, .. }
            | Message::Retired { alias, .. }
            | Message::Round { alias, .. }
            | Message::Delta { alias, .. }
            | Message::Announce { alias, .. }
            | Message::Live { alias, .. }
            | Message::Ack { alias, .. }
            | Message::Presence { alias, .. }
            | Message::Leave { alias } => Some(RoomRef::Alias(*alias)),
            Message::Error { alias, .. } => alias.map(RoomRef::Alias),
            Message::Hello(_) | Message::Ping(_) | Message::Pong(_) | Message::Drain(_) => None,
            Message::Token(_) | Message::Trace(_) => None,
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
            Message::Resume(resume) => {
                head(&mut out, 4, RESUME);
                cbor::push_text(&mut out, &resume.room);
                cbor::push_bytes(&mut out, resume.replica.as_bytes());
                cbor::push_bytes(&mut out, &resume.sketch);
            }
            Message::Resumed(resumed) => {
                room_head(&mut out, 6, RESUMED, resumed.alias);
                cbor::push_bytes(&mut out, &resumed.version);
                cbor::push_bytes(&mut out, &resumed.durable);
                cbor::push_bytes(&mut out, &resumed.digest.0.to_be_bytes());
                cbor::push_bytes(&mut out, &resumed.stream);
            }
            Message::Tell { room } => text_message(&mut out, TELL, room),
            Message::Ask { alias, ids } => {
                room_head(&mut out, 3, ASK, *alias);
                push_written(&mut out, |out| write_ids(out, ids));
            }
            Message::Retired { alias, fates } => {
                room_head(&mut out, 3, RETIRED, *alias);
                push_written(&mut out, |out| write_fates(out, fates));
            }
            Message::Round { alias, round } => {
                room_head(&mut out, 3, ROUND, *alias);
                push_written(&mut out, |out| round.write(out));
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
            Message::Token(token) => text_message(&mut out, TOKEN, token),
            Message::Trace(parent) => text_message(&mut out, TRACE, parent),
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

/// The code of a frame that is an error, for drivers that count what is refused; `None` for all others.
pub fn error_code(frame: &[u8]) -> Option<ErrorCode> {
    // An array of five items or more, the first of which says that it is an error.
    let is_error = matches!(frame, [0x85..=0x97, kind, ..] if u64::from(*kind) == ERROR);
    match is_error.then(|| Message::decode(frame)) {
        Some(Ok(Message::Error { error, .. })) => Some(error.code),
        _ => None,
    }
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

fn head(out: &mut Vec<u8>, items: usize, kind: u64) {
    cbor::push(out, Header::Array(Some(items)));
    uint(out, kind);
}

fn room_head(out: &mut Vec<u8>, items: usize, kind: u64, alias: u32) {
    head(out, items, kind);
    uint(out, alias.into());
}

/// A byte string with what `write` writes.
fn push_written(out: &mut Vec<u8>, write: impl FnOnce(&mut Writer)) {
    let mut body = Writer::default();
    write(&mut body);
    cbor::push_bytes(out, body.as_slice());
}

fn write_fates(out: &mut Writer, fates: &Fates) {
    out.varint(fates.len() as u64);
    for (id, handover) in fates {
        out.bytes(id.as_bytes());
        out.byte(handover.is_some().into());
        if let Some(handover) = handover {
            out.varint(handover.taken);
            out.bytes(handover.heir.as_bytes());
        }
    }
}

fn number_message(out: &mut Vec<u8>, kind: u64, number: u64) {
    head(out, 2, kind);
    uint(out, number);
}

fn text_message(out: &mut Vec<u8>, kind: u64, text: &str) {
    head(out, 2, kind);
    cbor::push_text(out, text);
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
