//! The state of a document and the four steps that every change is made of.

use super::leaf::is_about;
use super::log::Log;
use crate::assoc::{SortedMap, Table};
use crate::bytes::SmallBytes;
use crate::clock::{Floor, Hlc, ReplicaId, VersionVector};
use crate::crdt::{Key, Stamp};
use crate::delta::{Digest, dot_hash};

/// One live dot with its value. The writer is an index into [`State::writers`].
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) writer: u32,
    pub(super) seq: u64,
    pub(super) hlc: Hlc,
    pub(super) payload: SmallBytes,
}

/// The live dots of one leaf: almost always one.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    One(Entry),
    Many(Vec<Entry>),
}

impl Leaf {
    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Leaf::One(entry) => std::slice::from_ref(entry),
            Leaf::Many(entries) => entries,
        }
    }

    fn push(&mut self, entry: Entry) {
        match self {
            Leaf::Many(entries) => entries.push(entry),
            Leaf::One(first) => *self = Leaf::Many(vec![first.clone(), entry]),
        }
    }
}

/// The number that a retired writer counts with: all of its events were seen.
pub(super) const RETIRED: u64 = u64::MAX;

/// One writer as this replica knows it.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) id: ReplicaId,
    pub(super) seq: u64,
    pub(super) floor: u64,
    pub(super) log: Log,
}

/// Counts of what a document holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Leaves with at least one live dot.
    pub leaves: usize,
    /// Live dots.
    pub dots: usize,
    /// Delete records not yet pruned.
    pub deletes: usize,
    /// Writers in the version vector.
    pub replicas: usize,
    /// Entries of the log: always `dots + deletes`.
    pub log: usize,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) writers: Vec<Writer>,
    pub(super) index: SortedMap<ReplicaId, u32>,
    /// Places in `writers` whose ids are retired and have nothing left.
    pub(super) free: Vec<u32>,
    pub(super) leaves: Table<Key, Leaf>,
    /// Delete records: entries without a payload, which the digest does not count.
    pub(super) deletes: Table<Key, Leaf>,
    pub(super) digest: Digest,
    pub(super) horizon: u64,
    dots: usize,
    records: usize,
}

impl State {
    pub(super) fn version(&self) -> VersionVector {
        let mut version = VersionVector::default();
        version.set_horizon(self.horizon);
        // In the order of ids, so that each is appended.
        for (id, at) in self.index.iter() {
            let seq = self.writers[*at as usize].seq;
            if seq != RETIRED {
                version.list(*id, seq);
            }
        }
        version
    }

    pub(super) fn floor(&self) -> Floor {
        let mut floor = Floor::default();
        self.index.iter().for_each(|(id, at)| floor.insert(*id, self.writers[*at as usize].floor));
        floor.set_horizon(self.horizon);
        floor
    }

    pub(super) fn seq_of(&self, id: &ReplicaId) -> u64 {
        self.index.get(id).map_or_else(|| self.seq_of_unknown(id), |&at| self.writers[at as usize].seq)
    }

    /// The index of a writer, given one if it is new.
    pub(super) fn intern(&mut self, id: ReplicaId) -> u32 {
        let seq = self.seq_of_unknown(&id);
        let (writers, free) = (&mut self.writers, &mut self.free);
        *self.index.get_or_insert_with(id, || {
            let writer = Writer { id, seq, floor: 0, log: Log::default() };
            if let Some(at) = free.pop() {
                writers[at as usize] = writer;
                return at;
            }
            writers.push(writer);
            writers.len() as u32 - 1
        })
    }

    pub(super) fn writer_at(&self, id: &ReplicaId) -> Option<u32> {
        self.index.get(id).copied()
    }

    /// The place of a writer in the order of ids.
    #[cfg(feature = "text")]
    pub(super) fn rank(&self, writer: u32) -> u64 {
        self.index.position(&self.writers[writer as usize].id).unwrap_or_default() as u64
    }

    pub(super) fn stamp(&self, entry: &Entry) -> Stamp {
        Stamp { hlc: entry.hlc, replica: self.writers[entry.writer as usize].id, seq: entry.seq }
    }

    /// Adds a live dot, without its log entry.
    pub(super) fn add(&mut self, key: &Key, entry: Entry) {
        self.digest.add(self.hash(key, &entry));
        self.dots += 1;
        put(&mut self.leaves, key, entry);
    }

    /// Removes the live dots of a leaf that `gone` picks, with their log entries.
    pub(super) fn remove(&mut self, key: &Key, gone: &dyn Fn(&Entry) -> bool) -> Vec<Entry> {
        let removed = take(&mut self.leaves, key, gone);
        for entry in &removed {
            self.digest.subtract(self.hash(key, entry));
            self.writers[entry.writer as usize].log.kill(entry.seq);
        }
        self.dots -= removed.len();
        removed
    }

    /// Adds a delete record, without its log entry.
    pub(super) fn add_delete(&mut self, key: &Key, writer: u32, seq: u64) {
        put(&mut self.deletes, key, Entry { writer, seq, hlc: Hlc::default(), payload: SmallBytes::default() });
        self.records += 1;
    }

    /// Removes the delete records at `key` that `gone` picks, with their log entries.
    pub(super) fn remove_deletes(&mut self, key: &Key, gone: &dyn Fn(&Entry) -> bool) -> Vec<Entry> {
        let removed = take(&mut self.deletes, key, gone);
        for entry in &removed {
            self.writers[entry.writer as usize].log.kill(entry.seq);
        }
        self.records -= removed.len();
        removed
    }

    /// Number of delete records.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    pub(super) fn keys_between(&self, from: &Key, to: &Key) -> Vec<Key> {
        keys_between(&self.leaves, from, to)
    }

    pub(super) fn delete_keys_between(&self, from: &Key, to: &Key) -> Vec<Key> {
        keys_between(&self.deletes, from, to)
    }

    pub(super) fn sweep(&mut self) {
        self.writers.iter_mut().for_each(|writer| writer.log.sweep());
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            leaves: self.leaves.len(),
            dots: self.dots,
            deletes: self.records,
            replicas: self.writers.iter().filter(|writer| writer.seq > 0 && writer.seq != RETIRED).count(),
            log: self.writers.iter().map(|writer| writer.log.len()).sum(),
        }
    }

    fn hash(&self, key: &Key, entry: &Entry) -> u128 {
        dot_hash(&self.writers[entry.writer as usize].id, entry.seq, entry.hlc, key, &entry.payload)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let stats = self.stats();
        let dots: usize = self.leaves.iter().map(|(_, leaf)| leaf.entries().len()).sum();
        let deletes: usize = self.deletes.iter().map(|(_, leaf)| leaf.entries().len()).sum();
        if stats.log != dots + deletes || stats.dots != dots || stats.deletes != deletes {
            return Err(format!("log has {} entries for {dots} dots and {deletes} delete records", stats.log));
        }
        let mut digest = Digest::default();
        for (key, leaf) in self.leaves.iter() {
            for entry in leaf.entries() {
                digest.add(self.hash(key, entry));
                let logged = self.writers[entry.writer as usize].log.beyond(entry.seq - 1).next();
                if logged != Some((entry.seq, key)) {
                    return Err(format!("dot {} at {key:?} is logged as {logged:?}", entry.seq));
                }
            }
        }
        if digest == self.digest { Ok(()) } else { Err("the digest does not match the live dots".into()) }
    }
}

fn put(leaves: &mut Table<Key, Leaf>, key: &Key, entry: Entry) {
    match leaves.get_mut(key) {
        Some(leaf) => leaf.push(entry),
        None => {
            leaves.get_or_insert(key.clone(), Leaf::One(entry));
        }
    }
}

fn take(leaves: &mut Table<Key, Leaf>, key: &Key, gone: &dyn Fn(&Entry) -> bool) -> Vec<Entry> {
    let Some(leaf) = leaves.get_mut(key) else { return Vec::new() };
    if !leaf.entries().iter().any(gone) {
        return Vec::new();
    }
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for entry in leaf.entries() {
        if gone(entry) { removed.push(entry.clone()) } else { kept.push(entry.clone()) }
    }
    match kept.len() {
        0 => leaves.remove(key),
        1 => *leaf = Leaf::One(kept.swap_remove(0)),
        _ => *leaf = Leaf::Many(kept),
    }
    removed
}

/// The keys of a subtree, without what is said about the document.
fn keys_between(leaves: &Table<Key, Leaf>, from: &Key, to: &Key) -> Vec<Key> {
    let mut keys = Vec::new();
    for (key, _) in leaves.range(from, to).filter(|(key, _)| !is_about(key)) {
        keys.push(key.clone());
    }
    keys
}
