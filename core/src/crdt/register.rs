//! Registers: the last writer wins, and concurrent writers are kept until someone who has seen them writes.

use crate::clock::{Hlc, ReplicaId};

/// What orders concurrent values: hybrid time, then replica, then sequence number. Total, because dots are unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) hlc: Hlc,
    pub(crate) replica: ReplicaId,
    pub(crate) seq: u64,
}

/// The payload of a removal mark: CBOR undefined, which stands for no value.
pub(crate) const UNDEFINED: u8 = 0xf7;
