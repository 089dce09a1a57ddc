//! When a room's log is replaced by a snapshot.
//!
//! A snapshot costs its size, so it is due when the log has grown in proportion: small rooms after the configured number of
//! entries or bytes, large rooms later. Where history is kept, it is also due when the log has become old, so that the
//! snapshots that are kept lie no further apart than configured.

use super::RoomSizes;
use crate::config::{HistoryConfig, RoomSettings};
use crate::limits::FULL_PAUSE_MS;

/// Snapshot bytes that put off the next one by one log entry.
const SNAPSHOT_BYTES_PER_ENTRY: u64 = 1024;

/// Sizes of the log and the snapshot of one room.
#[derive(Debug)]
pub(crate) struct Compaction {
    max_entries: u64,
    max_bytes: u64,
    entries: u64,
    bytes: u64,
    snapshot_bytes: u64,
    /// Entries and bytes that the snapshot on its way covers.
    covered: Option<(u64, u64)>,
    /// After a failure the limits are raised until one succeeds.
    patience: u64,
    /// Milliseconds after which the log is old; `None` if age does not matter.
    every_ms: Option<u64>,
    /// When the first entry behind the snapshot was written, if that is known.
    since_ms: Option<u64>,
    /// When the latest snapshot was made.
    started_ms: u64,
    /// Whether one is wanted whatever the sizes are.
    hurried: bool,
}

impl Compaction {
    pub(crate) fn new(settings: &RoomSettings, entries: u64, bytes: u64, snapshot_bytes: u64) -> Compaction {
        Compaction {
            max_entries: settings.compact_entries,
            max_bytes: settings.compact_bytes,
            entries,
            bytes,
            snapshot_bytes,
            covered: None,
            patience: 1,
            every_ms: None,
            since_ms: None,
            started_ms: 0,
            hurried: false,
        }
    }

    /// Makes snapshots that history needs, for a log whose first entry was written at `since_ms`.
    pub(super) fn timed(mut self, history: &HistoryConfig, since_ms: Option<u64>) -> Compaction {
        self.every_ms = (history.versions > 0).then(|| history.every_ms());
        self.since_ms = since_ms;
        self
    }

    /// Counts a new log entry.
    pub(crate) fn wrote(&mut self, bytes: u64, now_ms: u64) {
        self.entries += 1;
        self.bytes += bytes;
        self.since_ms.get_or_insert(now_ms);
    }

    /// What is known of sizes here.
    pub(crate) fn sizes(&self) -> RoomSizes {
        let (log_entries, log_bytes, snapshot_bytes) = (self.entries, self.bytes, self.snapshot_bytes);
        RoomSizes { log_entries, log_bytes, snapshot_bytes, ..RoomSizes::default() }
    }

    /// Whether none is on its way.
    pub(crate) fn is_possible(&self) -> bool {
        self.covered.is_none()
    }

    /// Whether a snapshot is worth its cost now.
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        let age = self.since_ms.filter(|_| self.entries > 0).map_or(0, |since| now_ms.saturating_sub(since));
        let entries = self.max_entries.max(self.snapshot_bytes / SNAPSHOT_BYTES_PER_ENTRY);
        let bytes = self.max_bytes.max(self.snapshot_bytes / 2);
        self.covered.is_none()
            && (self.hurried
                || self.entries >= entries.saturating_mul(self.patience)
                || self.bytes >= bytes.saturating_mul(self.patience)
                || self.every_ms.is_some_and(|every| age >= every.saturating_mul(self.patience)))
    }

    /// Makes a snapshot due because the room is full, though not always at once after the one before.
    pub(crate) fn hurry(&mut self, now_ms: u64) {
        // A snapshot costs its size: one that takes the place of a log in proportion is worth it at any time.
        let worth = self.patience == 1 && self.bytes >= self.snapshot_bytes / 4;
        let pause = FULL_PAUSE_MS.saturating_mul(self.patience);
        self.hurried = worth || now_ms >= self.started_ms.saturating_add(pause);
    }

    /// Bytes of the log and of the snapshot, as they will be when the snapshot on its way is stored.
    pub(crate) fn bytes_to_be(&self) -> (u64, u64) {
        (self.bytes - self.covered.map_or(0, |(_, bytes)| bytes), self.snapshot_bytes)
    }

    /// Whether the last one was stored: a snapshot that does not fit beside the one before may fit in its place.
    pub(super) fn is_well(&self) -> bool {
        self.patience == 1
    }

    /// A snapshot of everything so far is on its way.
    pub(crate) fn start(&mut self, snapshot_bytes: u64, now_ms: u64) {
        self.covered = Some((self.entries, self.bytes));
        self.snapshot_bytes = snapshot_bytes;
        self.started_ms = now_ms;
        self.hurried = false;
    }

    /// The snapshot is stored, the log before it is gone.
    pub(crate) fn done(&mut self) {
        let (entries, bytes) = self.covered.take().unwrap_or_default();
        self.entries -= entries;
        self.bytes -= bytes;
        self.since_ms = (self.entries > 0).then_some(self.started_ms);
        self.patience = 1;
    }

    /// The snapshot was not stored: wait longer before the next one.
    pub(crate) fn failed(&mut self) {
        self.covered = None;
        self.patience = self.patience.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Compaction {
        Compaction::new(&RoomSettings { compact_entries: 3, compact_bytes: 1000, ..RoomSettings::default() }, 0, 0, 0)
    }

    #[test]
    fn where_history_is_kept_it_is_due_by_age() {
        let history = HistoryConfig { every_seconds: 10, ..HistoryConfig::default() };
        let mut compaction = small().timed(&history, None);
        assert!(!compaction.is_due(1_000_000));
        compaction.wrote(1, 1_000_000);
        assert!(!compaction.is_due(1_009_999) && compaction.is_due(1_010_000));
        compaction.start(100, 1_010_000);
        compaction.wrote(1, 1_011_000);
        compaction.done();
        assert!(!compaction.is_due(1_019_999) && compaction.is_due(1_020_000), "since the snapshot was made");
        assert!(!small().timed(&HistoryConfig { versions: 0, ..history }, Some(1)).is_due(1_000_000));
    }

    #[test]
    fn it_is_due_by_entries_or_bytes_and_once_at_a_time() {
        let mut compaction = small();
        compaction.wrote(10, 0);
        compaction.wrote(10, 0);
        assert!(!compaction.is_due(0));
        compaction.wrote(10, 0);
        assert!(compaction.is_due(0));
        compaction.start(100, 0);
        compaction.wrote(2000, 0);
        assert!(!compaction.is_due(0));
        compaction.done();
        assert_eq!((compaction.entries, compaction.bytes), (1, 2000));
        assert!(compaction.is_due(0));
    }

    #[test]
    fn a_large_snapshot_and_a_failure_put_off_the_next_one() {
        let mut compaction = small();
        compaction.start(10 * 1024, 0);
        compaction.done();
        (0..9).for_each(|_| compaction.wrote(1, 0));
        assert!(!compaction.is_due(0));
        compaction.wrote(1, 0);
        assert!(compaction.is_due(0));
        compaction.failed();
        assert!(!compaction.is_due(0));
        (0..10).for_each(|_| compaction.wrote(1, 0));
        assert!(compaction.is_due(0));
    }
}
