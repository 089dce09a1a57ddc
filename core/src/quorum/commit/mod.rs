//! Two-phase commit over several rooms, with presumed abort.
//!
//! A transaction writes to several rooms or to none. The [`Coordinator`] asks every room's [`Participant`] to prepare, which
//! only *stages* the writes: no event is minted and nothing is locked, so a transaction that hangs delays nobody else.
//! Whatever is not recorded as committed is aborted (Mohan, Lindsay, Obermarck, "Transaction Management in the R*
//! Distributed Database Management System", 1986), hence two rules on which everything rests:
//!
//! 1. a participant votes yes only after its `Prepared` record is on disk;
//! 2. the coordinator says "commit" only after its `Committed` record is on disk.
//!
//! | who | input | what follows |
//! |---|---|---|
//! | participant | `Prepare` | `Validate`, then `Force(Prepared)`, then the vote |
//! | participant | `Decide` commit | `Apply`: mint, merge and record `Done` in **one** transaction of the store, then `Ack` |
//! | participant | `Decide` abort | `Release` what was staged |
//! | participant | time | `Inquire` for each prepared transaction |
//! | coordinator | all votes yes | `Force(Committed)`, then `Decide` to all until all have acknowledged, then `Note(End)` |
//! | coordinator | a no, or time | forget it and say `Decide` abort once |
//! | coordinator | `Inquire` | silent while undecided; commit if recorded; else abort |
//!
//! `Force` means an fsync whose end is the input `Forced`; if it fails, whether the record is on disk is unknown: restart and
//! recover. Records must reach the disk in the order of the outputs; `Note` and the record of `Release` may be lost.
//! A retry needs a **new** transaction id, since late messages of the first try must not be taken for the second's.

mod coordinator;
mod message;
mod participant;
mod record;
#[cfg(test)]
mod tests;

pub use coordinator::{AbortReason, BeginError, Coordinator, CoordinatorInput, CoordinatorOutput, Outcome};
pub use message::CommitMessage;
pub use participant::{Participant, ParticipantInput, ParticipantOutput};
pub use record::CommitRecord;

use std::fmt;

/// Most rooms of one transaction: each is a message and an fsync before anyone has an answer.
pub const TRANSACTION_ROOMS: usize = 64;

/// Most bytes that a transaction writes to one room: it stays in memory and in the log until it is decided.
pub const TRANSACTION_BYTES: usize = 1024 * 1024;

/// Most transactions under way at one coordinator or one participant: with [`TRANSACTION_BYTES`] at most 256 MiB.
pub const TRANSACTIONS: usize = 256;

/// Most committed transactions that a participant remembers by name; those older are remembered by one limit.
pub const REMEMBERED: usize = 4 * 1024;

/// Most outputs that wait to be polled. What is said beyond it counts as lost on the way, and is said again.
const OUTPUTS: usize = 64 * 1024;

/// Longest reason of a vote in bytes.
const REASON_BYTES: usize = 1024;

/// How long to wait, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommitTimes {
    /// How long the coordinator waits for votes before it aborts.
    pub prepare_ms: u64,
    /// How long either side waits before it says something again.
    pub retry_ms: u64,
}

impl Default for CommitTimes {
    /// Five seconds for the votes, half a second before something is said again.
    fn default() -> Self {
        CommitTimes { prepare_ms: 5_000, retry_ms: 500 }
    }
}

/// The name of one try of a transaction: 48 bits of time in milliseconds, then 80 random bits.
///
/// Ids sort by time, so that a participant may forget old ones: whatever is not later than the oldest that it forgot is
/// refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(u128);

impl TxId {
    /// Makes an id from the time (ms since the Unix epoch, 48 bits used) and randomness (80 bits used).
    pub fn new(now_ms: u64, random: u128) -> Self {
        TxId(u128::from(now_ms & 0xffff_ffff_ffff) << 80 | (random & ((1 << 80) - 1)))
    }

    /// The 16 bytes; their order is the order of ids.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Takes 16 bytes as they are.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        TxId(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `text` up to `limit` bytes, cut between characters.
fn clipped(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}
