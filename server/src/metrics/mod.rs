//! What the relay counts, for Prometheus, the status page and `syncline top`.
//!
//! The numbers belong to the relay, so that two relays in one process do not mix theirs. Counting costs one relaxed addition
//! (two for a histogram); whatever can be found out by looking, such as queue lengths, is looked up when somebody asks.
//! `docs/operations.md` has a table of all of them, which a test compares with what is shown.

mod acks;
mod family;
mod gather;
mod reason;
mod text;
mod value;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

pub use family::{Family, Kind, Reading, Sample};
pub use reason::{By, Exported, Level, Outcome, Reason, Refused, Rejected};
pub use text::{OPEN_METRICS, PROMETHEUS, TextFormat};
pub use value::{Count, Distribution, Histogram};

pub(crate) use acks::Acks;

/// Holds the numbers of one relay.
#[derive(Debug)]
pub struct Metrics {
    started: Instant,
    /// Connections that were taken.
    pub opened: Count,
    /// Connections that were not.
    pub refused: By<Refused>,
    /// Frames that came, and their bytes.
    pub received: Traffic,
    /// Frames that were handed to sockets, and their bytes.
    pub sent: Traffic,
    /// Frames that were not taken.
    pub rejected: By<Rejected>,
    /// Time from the arrival of a write to its acknowledgement at each level.
    pub acks: [Histogram; 3],
    /// Frames that were read later because of a rate.
    pub held_back: Count,
    /// Readers that were closed because they did not keep up.
    pub slow_readers: Count,
    /// Presence that was dropped for readers that did not keep up.
    pub presence_dropped: Count,
    /// Clients that asked for what they missed, or were told to.
    pub resyncs: Count,
    /// Rooms that were loaded, or could not be.
    pub loads: By<Outcome>,
    /// Snapshots that replaced a log, or could not.
    pub compactions: By<Outcome>,
    /// Connections that an operator closed.
    pub kicked: Count,
    /// Spans of traces that ended.
    pub spans: Arc<By<Exported>>,
    /// The numbers of the store.
    pub store: Arc<StoreMetrics>,
}

/// Counts frames and their bytes.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Frames.
    pub frames: Count,
    /// Bytes of their payload.
    pub bytes: Count,
}

/// Holds the numbers of a store.
#[derive(Debug)]
pub struct StoreMetrics {
    /// Transactions committed.
    pub commits: Count,
    /// Log entries written.
    pub entries: Count,
    /// Bytes of blobs written.
    pub bytes: Count,
    /// Transactions that failed.
    pub failures: Count,
    /// Whether the database refused the last write.
    pub refusing: AtomicBool,
    /// Entries of each transaction.
    pub batch: Histogram,
    /// Time of each commit, which ends when the disk has it.
    pub commit: Histogram,
}

impl Metrics {
    /// The histogram of acknowledgements at a level.
    pub fn ack(&self, level: Level) -> &Histogram {
        &self.acks[level.place()]
    }
}

impl Traffic {
    /// Counts frames of so many bytes together.
    pub fn add(&self, frames: u64, bytes: u64) {
        self.frames.add(frames);
        self.bytes.add(bytes);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            started: Instant::now(),
            opened: Count::default(),
            refused: By::default(),
            received: Traffic::default(),
            sent: Traffic::default(),
            rejected: By::default(),
            acks: [Histogram::of_times(), Histogram::of_times(), Histogram::of_times()],
            held_back: Count::default(),
            slow_readers: Count::default(),
            presence_dropped: Count::default(),
            resyncs: Count::default(),
            loads: By::default(),
            compactions: By::default(),
            kicked: Count::default(),
            spans: Arc::default(),
            store: Arc::default(),
        }
    }
}

impl Default for StoreMetrics {
    fn default() -> Self {
        StoreMetrics {
            commits: Count::default(),
            entries: Count::default(),
            bytes: Count::default(),
            failures: Count::default(),
            refusing: AtomicBool::new(false),
            batch: Histogram::of_counts(),
            commit: Histogram::of_times(),
        }
    }
}
