//! Causality: who wrote, what was seen, and what time it was.
//!
//! * [`ReplicaId`] names a session that writes; it is stamped with its birth and never used again.
//! * [`Dot`] names one event: (replica, sequence number).
//! * [`VersionVector`] is the set of all events up to a sequence number for each replica (the gapless past).
//! * [`Floor`] tells up to where delete records were pruned.
//! * [`Retired`] is what durable members remember of ids that were retired.
//! * [`CausalContext`] is a version vector plus runs of dots beyond gaps.
//! * [`Hlc`] orders concurrent values for last-writer-wins, and for nothing else.

mod compact;
mod context;
mod floor;
mod hlc;
mod replica_id;
mod retired;
mod version;

pub use context::{CausalContext, Run};
pub use floor::Floor;
pub use hlc::{Hlc, HlcClock, SkewError};
pub use replica_id::{ParseReplicaIdError, ReplicaId};
pub use retired::{Handover, Retired};
pub use version::{Causality, VersionVector};

/// The name of one event: the `seq`-th event of `replica`.
///
/// Sequence numbers start at 1. A dot is never used for two events, also across crashes and restored backups,
/// because a [`ReplicaId`] is used by one session only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// The writer.
    pub replica: ReplicaId,
    /// Its event's number, from 1.
    pub seq: u64,
}

impl Dot {
    /// Names the `seq`-th event of `replica`.
    pub fn new(replica: ReplicaId, seq: u64) -> Self {
        Dot { replica, seq }
    }
}
