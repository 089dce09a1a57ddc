//! How large a room is, readable without asking its task.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Relay;

/// Is what the task of a room tells after each turn.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    connections: AtomicU64,
    log_entries: AtomicU64,
    log_bytes: AtomicU64,
    snapshot_bytes: AtomicU64,
    last_entry: AtomicU64,
}

/// Sizes of a room, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomSizes {
    /// Connections that have opened it.
    pub connections: u64,
    /// Log entries behind the snapshot.
    pub log_entries: u64,
    /// Bytes of these entries.
    pub log_bytes: u64,
    /// Bytes of the snapshot.
    pub snapshot_bytes: u64,
    /// Number of the last log entry, which counts the writes to the room.
    pub last_entry: u64,
}

impl Gauges {
    pub(crate) fn tell(&self, sizes: RoomSizes) {
        self.connections.store(sizes.connections, Ordering::Relaxed);
        self.log_entries.store(sizes.log_entries, Ordering::Relaxed);
        self.log_bytes.store(sizes.log_bytes, Ordering::Relaxed);
        self.snapshot_bytes.store(sizes.snapshot_bytes, Ordering::Relaxed);
        self.last_entry.store(sizes.last_entry, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> RoomSizes {
        RoomSizes {
            connections: self.connections.load(Ordering::Relaxed),
            log_entries: self.log_entries.load(Ordering::Relaxed),
            log_bytes: self.log_bytes.load(Ordering::Relaxed),
            snapshot_bytes: self.snapshot_bytes.load(Ordering::Relaxed),
            last_entry: self.last_entry.load(Ordering::Relaxed),
        }
    }
}

impl Relay {
    /// The sizes of all rooms and documents of Yjs in memory together.
    pub fn room_sizes(&self) -> RoomSizes {
        self.loaded().iter().map(|(_, gauges)| gauges.read()).fold(RoomSizes::default(), |sum, one| RoomSizes {
            connections: sum.connections + one.connections,
            log_entries: sum.log_entries + one.log_entries,
            log_bytes: sum.log_bytes + one.log_bytes,
            snapshot_bytes: sum.snapshot_bytes + one.snapshot_bytes,
            last_entry: sum.last_entry.max(one.last_entry),
        })
    }
}
