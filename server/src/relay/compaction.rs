//! When a room's log is replaced by a snapshot.
//!
//! A snapshot costs its size, so it is due when the log has grown in proportion: small rooms after the configured number of
//! entries or bytes, large rooms later.

use super::RoomSizes;
use crate::config::RoomSettings;

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
        }
    }

    /// Counts a new log entry.
    pub(crate) fn wrote(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }

    /// What is known of sizes here.
    pub(super) fn sizes(&self) -> RoomSizes {
        let (log_entries, log_bytes, snapshot_bytes) = (self.entries, self.bytes, self.snapshot_bytes);
        RoomSizes { log_entries, log_bytes, snapshot_bytes, ..RoomSizes::default() }
    }

    /// Whether none is on its way.
    pub(super) fn is_possible(&self) -> bool {
        self.covered.is_none()
    }

    /// Whether a snapshot is worth its cost now.
    pub(crate) fn is_due(&self) -> bool {
        let entries = self.max_entries.max(self.snapshot_bytes / SNAPSHOT_BYTES_PER_ENTRY);
        let bytes = self.max_bytes.max(self.snapshot_bytes / 2);
        self.covered.is_none()
            && (self.entries >= entries.saturating_mul(self.patience)
                || self.bytes >= bytes.saturating_mul(self.patience))
    }

    /// A snapshot of everything so far is on its way.
    pub(crate) fn start(&mut self, snapshot_bytes: u64) {
        self.covered = Some((self.entries, self.bytes));
        self.snapshot_bytes = snapshot_bytes;
    }

    /// The snapshot is stored, the log before it is gone.
    pub(crate) fn done(&mut self) {
        let (entries, bytes) = self.covered.take().unwrap_or_default();
        self.entries -= entries;
        self.bytes -= bytes;
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
    fn it_is_due_by_entries_or_bytes_and_once_at_a_time() {
        let mut compaction = small();
        compaction.wrote(10);
        compaction.wrote(10);
        assert!(!compaction.is_due());
        compaction.wrote(10);
        assert!(compaction.is_due());
        compaction.start(100);
        compaction.wrote(2000);
        assert!(!compaction.is_due());
        compaction.done();
        assert_eq!((compaction.entries, compaction.bytes), (1, 2000));
        assert!(compaction.is_due());
    }

    #[test]
    fn a_large_snapshot_and_a_failure_put_off_the_next_one() {
        let mut compaction = small();
        compaction.start(10 * 1024);
        compaction.done();
        (0..9).for_each(|_| compaction.wrote(1));
        assert!(!compaction.is_due());
        compaction.wrote(1);
        assert!(compaction.is_due());
        compaction.failed();
        assert!(!compaction.is_due());
        (0..10).for_each(|_| compaction.wrote(1));
        assert!(compaction.is_due());
    }
}
