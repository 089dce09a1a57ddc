//! The cold path: finding and mending what differs between two replicas that no delta can bring together.
//!
//! A [`Session`] chooses, cheapest first:
//!
//! 1. Equal version, equal digest: nothing to do.
//! 2. Neither side has pruned deletes that the other has not seen: a delta in each direction.
//! 3. Otherwise the deltas, and then only *pruned deletes* can still tell the two apart: dots that one side holds and the
//!    other, having seen them, does not. Rateless cells over the live dots find them ([`Asker`], [`Teller`]; Yang, Gilad,
//!    Alizadeh: "Practical Rateless Set Reconciliation", SIGCOMM 2024). Each side drops what only it holds. What a side has
//!    not seen is never taken as deleted, so an emptied or stale peer deletes nothing. Three round trips do in all but one
//!    of about a thousand; a fourth follows then.
//! 4. Where the cells would cost more than the complete list of live dots, in runs, that list is sent.
//!
//! Equal versions with different digests mean damage or a dot that was used twice: an audit walks the Merkle [`Trie`] of
//! both sides, exchanges the leaves that differ, mends them and reports each as a [`Finding`].
//!
//! The sides tell of one and the same state from beginning to end, and everything is joined at once: between two messages
//! no replica claims a version whose deletes it has not done.

mod audit;
mod bits;
mod cell;
mod cells;
mod dots;
mod error;
mod estimate;
mod lists;
mod message;
mod peel;
mod plan;
mod session;
mod set;
mod trie;
mod wire;

pub use audit::{AUDIT_LEAVES, Action, Finding, FindingKind, Record, trie_of};
pub use cell::{Cell, ItemHasher};
pub use cells::{CACHED_CELLS, CellCache, MOST_CELLS, Pinned};
pub use dots::{DotNumbers, dot_item};
pub use error::SessionError;
pub use peel::Difference;
pub use session::{Outcome, Session};
pub use set::{Asker, ItemSource, MOST_DIFFERENCES, SetError, Teller, list_bytes};
pub use trie::{Bucket, Trie, Walk, WalkStep, key_hash};
