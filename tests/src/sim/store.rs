//! A store that forgets exactly what it may.

/// The log of one room: a snapshot, then entries with consecutive numbers.
#[derive(Clone, Debug, Default)]
pub struct Store {
    snapshot: Option<Vec<u8>>,
    /// Entries with their numbers, oldest first.
    entries: Vec<(u64, Vec<u8>)>,
    /// Up to here a kill of the process takes nothing away.
    pub stored: u64,
    /// Up to here a power cut takes nothing away.
    pub durable: u64,
    /// How often entries were lost; completions of an earlier incarnation are void.
    pub incarnation: u64,
}

/// How a relay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: what was written stays.
    Kill,
    /// The power is cut: what was flushed stays.
    PowerCut,
}

impl Store {
    /// Takes an entry; numbers are consecutive.
    pub fn append(&mut self, id: u64, blob: Vec<u8>) -> Result<(), String> {
        let expected = self.last() + 1;
        if id != expected {
            return Err(format!("the room persists entry {id} where {expected} is due"));
        }
        self.entries.push((id, blob));
        Ok(())
    }

    /// The number of the last entry taken.
    pub fn last(&self) -> u64 {
        self.entries.last().map_or(self.durable, |(id, _)| *id)
    }

    /// Loses what the crash takes away.
    pub fn crash(&mut self, crash: Crash) {
        let kept = if crash == Crash::Kill { self.stored } else { self.durable };
        self.entries.retain(|(id, _)| *id <= kept);
        self.stored = kept;
        // What a restarted process finds on disk is flushed before it is served.
        self.durable = kept;
        self.incarnation += 1;
    }

    /// Replaces the entries by a snapshot that holds them all; only once they are durable.
    pub fn compact(&mut self, snapshot: Vec<u8>) {
        if self.durable == self.last() {
            self.snapshot = Some(snapshot);
            self.entries.clear();
        }
    }

    /// What a starting relay reads, in this order.
    pub fn blobs(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.snapshot.iter().chain(self.entries.iter().map(|(_, blob)| blob))
    }
}
