//! Batches: the events of one transaction, in the form in which they happened.

use crate::bytes::SmallBytes;
use crate::clock::{Hlc, ReplicaId};
use crate::crdt::Key;

/// The consecutive events of one transaction. The dot of `ops[i]` is (`writer`, `first` + i).
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Who wrote.
    pub writer: ReplicaId,
    /// The sequence number of the first event.
    pub first: u64,
    /// The time of the transaction.
    pub hlc: Hlc,
    /// The events.
    pub ops: Vec<Op>,
}

impl Batch {
    /// The sequence number of the last event.
    pub fn last(&self) -> u64 {
        self.first + (self.ops.len() as u64).saturating_sub(1)
    }

    /// Bytes that the batch occupies in memory, roughly.
    pub fn weight(&self) -> usize {
        let op = |op: &Op| {
            64 + op.key.as_bytes().len()
                + op.payload.as_ref().map_or(0, |payload| payload.len())
                + 24 * op.removes.len()
        };
        64 + self.ops.iter().map(op).sum::<usize>()
    }
}

/// One event: a write of `payload` at `key`, or a delete of all that `key` covers.
///
/// It removes every earlier event within the reach of `key` (the leaf, or the subtree for keys of kind
/// [`Kind::TREE`](crate::crdt::Kind::TREE)) whose dot lies in `removes`, and none that its writer had not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Where.
    pub key: Key,
    /// The value written; `None` for a delete.
    pub payload: Option<SmallBytes>,
    /// The dots replaced or deleted.
    pub removes: Vec<Span>,
}

/// The dots of `replica` from `from` to `to`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The writer of the dots.
    pub replica: ReplicaId,
    /// First sequence number.
    pub from: u64,
    /// Last sequence number.
    pub to: u64,
}
