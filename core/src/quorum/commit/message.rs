//! What the two sides say to each other.

use super::{REASON_BYTES, TRANSACTION_BYTES, TxId, clipped};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use crate::quorum::MemberId;
use crate::quorum::configuration::read_name;

/// One message between a coordinator and a room. Each may be lost, come twice or come late.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitMessage {
    /// To a room: stage this and vote.
    Prepare {
        /// The transaction.
        tx: TxId,
        /// The coordinator, to be asked later.
        from: MemberId,
        /// What it writes to the room.
        payload: Vec<u8>,
    },
    /// To the coordinator: a vote.
    Vote {
        /// The transaction.
        tx: TxId,
        /// Who votes.
        room: String,
        /// Why not, or nothing for yes.
        refusal: Option<String>,
    },
    /// To a room: how it ended.
    Decide {
        /// The transaction.
        tx: TxId,
        /// The coordinator, who waits for the ack of a commit.
        from: MemberId,
        /// Whether it is committed.
        commit: bool,
    },
    /// To the coordinator: the commit is merged and on disk here.
    Ack {
        /// The transaction.
        tx: TxId,
        /// Who says it.
        room: String,
    },
    /// To the coordinator: how did it end?
    Inquire {
        /// The transaction.
        tx: TxId,
        /// Who asks.
        room: String,
    },
}

impl CommitMessage {
    /// The transaction that it is about.
    pub fn tx(&self) -> TxId {
        match self {
            CommitMessage::Prepare { tx, .. }
            | CommitMessage::Vote { tx, .. }
            | CommitMessage::Decide { tx, .. }
            | CommitMessage::Ack { tx, .. }
            | CommitMessage::Inquire { tx, .. } => *tx,
        }
    }

    /// What it says in a word, for logs.
    pub fn says(&self) -> &'static str {
        match self {
            CommitMessage::Prepare { .. } => "prepare",
            CommitMessage::Vote { refusal: None, .. } => "yes",
            CommitMessage::Vote { .. } => "no",
            CommitMessage::Decide { commit: true, .. } => "commit",
            CommitMessage::Decide { .. } => "abort",
            CommitMessage::Ack { .. } => "ack",
            CommitMessage::Inquire { .. } => "inquire",
        }
    }

    /// Encodes the message: a byte for its kind, the id, then its fields.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, name) = match self {
            CommitMessage::Prepare { from, .. } => (0, from.as_str()),
            CommitMessage::Vote { room, refusal: None, .. } => (1, room.as_str()),
            CommitMessage::Vote { room, refusal: Some(_), .. } => (2, room.as_str()),
            CommitMessage::Decide { from, commit: false, .. } => (3, from.as_str()),
            CommitMessage::Decide { from, commit: true, .. } => (4, from.as_str()),
            CommitMessage::Ack { room, .. } => (5, room.as_str()),
            CommitMessage::Inquire { room, .. } => (6, room.as_str()),
        };
        let mut out = Writer::default();
        out.byte(kind);
        out.bytes(&self.tx().to_bytes());
        out.block(name.as_bytes());
        match self {
            CommitMessage::Prepare { payload, .. } => out.block(payload),
            CommitMessage::Vote { refusal: Some(reason), .. } => out.block(clipped(reason, REASON_BYTES).as_bytes()),
            _ => {}
        }
        out.into_bytes()
    }

    /// Decodes what [`CommitMessage::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged or beyond the limits of a transaction.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let kind = reader.byte()?;
        let tx = read_tx(&mut reader)?;
        let message = match kind {
            0 => {
                let from = read_member(&mut reader)?;
                CommitMessage::Prepare { tx, from, payload: reader.block(TRANSACTION_BYTES)?.to_vec() }
            }
            1 => CommitMessage::Vote { tx, room: read_room(&mut reader)?, refusal: None },
            2 => {
                let room = read_room(&mut reader)?;
                CommitMessage::Vote { tx, room, refusal: Some(read_text(&mut reader, REASON_BYTES)?) }
            }
            3 | 4 => CommitMessage::Decide { tx, from: read_member(&mut reader)?, commit: kind == 4 },
            5 => CommitMessage::Ack { tx, room: read_room(&mut reader)? },
            6 => CommitMessage::Inquire { tx, room: read_room(&mut reader)? },
            _ => return Err(DecodeError::Range("kind of message")),
        };
        reader.finish()?;
        Ok(message)
    }
}

pub(super) fn read_tx(reader: &mut Reader<'_>) -> Result<TxId, DecodeError> {
    let bytes = reader.take(16)?.first_chunk::<16>().ok_or(DecodeError::Truncated)?;
    Ok(TxId::from_bytes(*bytes))
}

pub(super) fn read_member(reader: &mut Reader<'_>) -> Result<MemberId, DecodeError> {
    read_name(reader)?.ok_or(DecodeError::Range("member id"))
}

pub(super) fn read_room(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let room = read_text(reader, bounds::ROOM_NAME_BYTES)?;
    if room.is_empty() { Err(DecodeError::Range("room name")) } else { Ok(room) }
}

fn read_text(reader: &mut Reader<'_>, limit: usize) -> Result<String, DecodeError> {
    let bytes = reader.block(limit)?;
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::Range("text (it is not UTF-8)"))
}
