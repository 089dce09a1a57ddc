//! Short names for the tests of this module.

use super::{Member, MemberId};
use crate::clock::{Dot, ReplicaId, VersionVector};

pub(super) fn id(text: &str) -> MemberId {
    MemberId::new(text).expect("a test names its members well")
}

/// Members by their names, apart from each other by spaces.
pub(super) fn members(names: &str) -> Vec<Member> {
    names.split_whitespace().map(|name| id(name).into()).collect()
}

pub(super) fn writer() -> ReplicaId {
    ReplicaId::new(1, 1)
}

pub(super) fn dot(seq: u64) -> Dot {
    Dot::new(writer(), seq)
}

/// What one has seen who has seen so many events of the writer.
pub(super) fn seen(seq: u64) -> VersionVector {
    [(writer(), seq)].into_iter().collect()
}
