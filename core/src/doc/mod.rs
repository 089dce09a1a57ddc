//! The document: what one replica holds of a room.
//!
//! | part | what it is |
//! |---|---|
//! | version | what this replica has seen: for each writer, the number of its last event |
//! | leaves | key -> live dots with their values; the only place where values are |
//! | log | for each writer, number -> key; exactly one entry for each live dot and each delete record |
//! | deletes | delete records (of a leaf or a subtree), each with its own dot |
//! | floor | the delete records that were pruned; a peer below it is sent a complete listing instead of a delta |
//!
//! The state is a pure function of the set of events seen: a write is live unless an event that has seen it removes it.
//! A *delta since v* scans the log beyond v, so it costs what changed and not what is there; intermediate values are never
//! sent. A *join* keeps the dots that the sender lists or has not seen, and adds the listed ones that are new
//! (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018; Gonçalves et al.: DottedDB, 2017).

mod apply;
mod audit;
mod bounded;
mod catchup;
mod change;
mod checkpoint;
mod counter;
mod diff;
mod exchange;
mod flag;
mod join;
mod leaf;
mod leaves;
mod list;
mod log;
mod memory;
mod nodes;
mod order;
mod plain;
mod read;
mod register;
mod retire;
mod rewind;
mod set;
mod state;
mod stream;
#[cfg(feature = "text")]
mod text;
mod transaction;
mod undo;
mod write;

pub use crate::crdt::{Run, Splice};
pub use apply::ApplyError;
pub use audit::{LiveDot, Mended, Preview};
pub use catchup::{CatchUp, NetChange};
pub use change::{Change, Origin};
pub use checkpoint::DiffError;
pub use exchange::{ImportError, ImportReport};
pub use join::JoinError;
pub use memory::Memory;
pub use plain::PlainError;
pub use register::{Conflict, Resolver};
pub use retire::RetireError;
pub use state::Stats;
pub use stream::{Source, StreamError, StreamEvent, StreamId, StreamOptions};
pub use transaction::EditError;
pub use undo::UndoOptions;

use crate::clock::{HlcClock, ReplicaId, Retired, VersionVector};
use crate::delta::{Batch, Digest};
use change::Observer;
use counter::Sealed;
use exchange::Recent;
use list::Lists;
use register::Conflicts;
use state::State;
use std::collections::VecDeque;
use transaction::{Transaction, Undo};

/// One replica's copy of a room's data. See the [module documentation](self) and the example of the crate.
pub struct Doc {
    id: ReplicaId,
    clock: HlcClock,
    state: State,
    transaction: Option<Transaction>,
    /// What the open transaction removed, in this order, or the last one if it is `recent`.
    removed: Vec<Undo>,
    observer: Observer,
    /// What can be undone; `None` while nobody asked for it.
    undo: Option<Box<undo::UndoLog>>,
    /// Committed batches that nobody has taken yet, with the bytes they weigh; `None` while nobody is interested.
    outbox: Option<VecDeque<Batch>>,
    /// The last batch committed here, if it is small: the shortest answer to who lacks nothing else.
    recent: Option<Recent>,
    /// What is remembered of retired ids.
    retired: Retired,
    sealed: Sealed,
    lists: Lists,
    conflicts: Conflicts,
    /// Functions that policies name.
    resolvers: Vec<(String, Resolver)>,
    /// This replica's source, encoded, until it is written.
    source: Option<Vec<u8>>,
    #[cfg(feature = "text")]
    texts: text::TextCache,
}

impl Doc {
    /// Makes an empty document that writes as `id`. The id must be fresh: see [`ReplicaId`].
    pub fn new(id: ReplicaId) -> Self {
        Doc {
            id,
            clock: HlcClock::default(),
            state: State::new(id),
            transaction: None,
            removed: Vec::new(),
            observer: Observer::default(),
            undo: None,
            outbox: None,
            recent: None,
            retired: Retired::default(),
            sealed: Sealed::default(),
            lists: Lists::default(),
            conflicts: Conflicts::default(),
            resolvers: Vec::new(),
            source: None,
            #[cfg(feature = "text")]
            texts: text::TextCache::default(),
        }
    }

    /// The id under which this replica writes.
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// What this replica has seen.
    pub fn version(&self) -> VersionVector {
        self.state.version()
    }

    /// The digest of the state.
    pub fn digest(&self) -> Digest {
        self.state.digest
    }

    /// Counts of what the document holds.
    pub fn stats(&self) -> Stats {
        self.state.stats()
    }

    /// The number of this replica's last event; 0 before its first.
    pub fn last_seq(&self) -> u64 {
        self.state.seq_of(&self.id)
    }

    /// Tells the document that the local time is `ahead_ms` ahead of a relay's. Beyond what the relay's door leaves
    /// room for, later transactions are stamped with the relay's time, so that a wrong clock does not shut the user out.
    pub fn correct_clock(&mut self, ahead_ms: u64) {
        self.clock.correct(ahead_ms);
    }

    /// Keeps committed batches for [`Doc::take_batch`] from now on, or stops doing so.
    pub fn keep_batches(&mut self, on: bool) {
        self.outbox = on.then(|| self.outbox.take().unwrap_or_default());
    }

    /// Takes the oldest committed batch that was kept.
    pub fn take_batch(&mut self) -> Option<Batch> {
        self.outbox.as_mut()?.pop_front()
    }

    /// Checks the invariants of the state; for tests.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn check(&self) -> Result<(), String> {
        self.state.check()
    }
}

#[cfg(test)]
mod retire_tests;
#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "text"))]
mod text_tests;
