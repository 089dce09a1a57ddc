//! What the two sides write to their logs.

use super::message::{read_member, read_room, read_tx};
use super::{TRANSACTION_BYTES, TRANSACTION_ROOMS, TxId};
use crate::bytes::{DecodeError, Reader, Writer};
use crate::quorum::MemberId;

/// One record of a log. The first two are a coordinator's, the others a participant's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CommitRecord {
    /// It is committed; these rooms may not know yet.
    Committed {
        /// The transaction.
        tx: TxId,
        /// Its rooms.
        rooms: Vec<String>,
    },
    /// All rooms have acknowledged: forget it.
    End(TxId),
    /// It is staged and must be kept until it is decided.
    Prepared {
        /// The transaction.
        tx: TxId,
        /// Whom to ask.
        coordinator: MemberId,
        /// What it writes here.
        payload: Vec<u8>,
    },
    /// It was committed and its writes are merged.
    Done(TxId),
    /// It was aborted and nothing is staged any more.
    Released(TxId),
    /// All up to this one may be forgotten, and are refused.
    Floor(TxId),
}

impl CommitRecord {
    /// The transaction that it is about.
    pub fn tx(&self) -> TxId {
        match self {
            CommitRecord::Committed { tx, .. }
            | CommitRecord::Prepared { tx, .. }
            | CommitRecord::End(tx)
            | CommitRecord::Done(tx)
            | CommitRecord::Released(tx)
            | CommitRecord::Floor(tx) => *tx,
        }
    }

    /// Encodes the record: a byte for its kind, the id, then its fields. The log frames and checks records.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            CommitRecord::Committed { tx, rooms } => {
                head(&mut out, 0, tx);
                out.varint(rooms.len() as u64);
                rooms.iter().for_each(|room| out.block(room.as_bytes()));
            }
            CommitRecord::End(tx) => head(&mut out, 1, tx),
            CommitRecord::Prepared { tx, coordinator, payload } => {
                head(&mut out, 2, tx);
                out.block(coordinator.as_str().as_bytes());
                out.block(payload);
            }
            CommitRecord::Done(tx) => head(&mut out, 3, tx),
            CommitRecord::Released(tx) => head(&mut out, 4, tx),
            CommitRecord::Floor(tx) => head(&mut out, 5, tx),
        }
        out.into_bytes()
    }

    /// Decodes what [`CommitRecord::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged or beyond the limits of a transaction.
    ///
    /// ```
    /// use syncline::quorum::{CommitRecord, TxId};
    /// let record = CommitRecord::Done(TxId::new(1_700_000_000_000, 7));
    /// assert_eq!(CommitRecord::decode(&record.encode()), Ok(record));
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let kind = reader.byte()?;
        let tx = read_tx(&mut reader)?;
        let record = match kind {
            0 => {
                let count = reader.count(2, TRANSACTION_ROOMS)?;
                let rooms = (0..count).map(|_| read_room(&mut reader)).collect::<Result<_, _>>()?;
                CommitRecord::Committed { tx, rooms }
            }
            1 => CommitRecord::End(tx),
            2 => {
                let coordinator = read_member(&mut reader)?;
                CommitRecord::Prepared { tx, coordinator, payload: reader.block(TRANSACTION_BYTES)?.to_vec() }
            }
            3 => CommitRecord::Done(tx),
            4 => CommitRecord::Released(tx),
            5 => CommitRecord::Floor(tx),
            _ => return Err(DecodeError::Range("kind of record")),
        };
        reader.finish()?;
        Ok(record)
    }
}

fn head(out: &mut Writer, kind: u8, tx: &TxId) {
    out.byte(kind);
    out.bytes(&tx.to_bytes());
}
