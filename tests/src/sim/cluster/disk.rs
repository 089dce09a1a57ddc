//! A disk that keeps what was synced and forgets what it may.

use syncline::clock::VersionVector;
use syncline::quorum::MemberId;

use super::message::Bytes;

/// One thing written to the log of a node.
#[derive(Clone, Debug)]
pub enum Record {
    /// A blob that was taken in, or a batch that was committed.
    Data(Bytes),
    /// The whole document, in place of all blobs before.
    Save(Bytes),
    /// The term that was promised.
    Fence(Vec<u8>),
    /// A record of the room's side of two-phase commit.
    Room(Vec<u8>),
    /// The writes of a transaction and the record that they are merged, in one.
    Applied(Bytes, Vec<u8>),
    /// A record of the coordinator's side.
    Coordinator(Vec<u8>),
    /// All hints.
    Hints(Vec<u8>),
    /// What a peer is known to have.
    Cursor(usize, VersionVector),
    /// The members, as this node has heard.
    Configuration(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Entry {
    record: Record,
    /// What the document has seen once this entry is on disk.
    version: VersionVector,
}

/// The log of one node.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    entries: Vec<Entry>,
    synced: usize,
    durable: VersionVector,
    /// Counts crashes: completions of an earlier incarnation are void.
    pub incarnation: u64,
    backup: Vec<Entry>,
    /// Names under which this machine has lost its disk.
    pub former: Vec<(MemberId, VersionVector)>,
}

impl Disk {
    /// Writes an entry, without syncing it. Returns the length of the log.
    pub fn append(&mut self, record: Record, version: VersionVector) -> usize {
        self.entries.push(Entry { record, version });
        self.entries.len()
    }

    /// All up to here survives a crash from now on.
    pub fn sync(&mut self, upto: usize) {
        self.synced = self.synced.max(upto.min(self.entries.len()));
        if let Some(last) = self.entries[..self.synced].last() {
            self.durable = last.version.clone();
        }
    }

    /// The length of the log.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether all is synced.
    pub fn is_settled(&self) -> bool {
        self.synced == self.entries.len()
    }

    /// How much of the log is synced.
    pub fn synced(&self) -> usize {
        self.synced
    }

    /// What the synced part of the log stands for.
    pub fn durable(&self) -> &VersionVector {
        &self.durable
    }

    /// Loses what is not synced, apart from the first `spared` entries of it. Returns how many were lost.
    pub fn crash(&mut self, spared: usize) -> usize {
        let kept = (self.synced + spared).min(self.entries.len());
        let lost = self.entries.len() - kept;
        self.entries.truncate(kept);
        self.incarnation += 1;
        // What a starting node finds is synced before it is used.
        self.sync(kept);
        lost
    }

    /// Copies the synced part elsewhere.
    pub fn back_up(&mut self) {
        self.backup = self.entries[..self.synced].to_vec();
    }

    /// Loses all but the backup. The machine must go by another name from now on.
    pub fn restore(&mut self, former: MemberId) {
        self.former.push((former, self.durable.clone()));
        self.entries = self.backup.clone();
        self.synced = 0;
        self.durable = VersionVector::default();
        self.incarnation += 1;
        self.sync(self.entries.len());
    }

    /// What a starting node reads, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.iter().map(|entry| &entry.record)
    }
}
