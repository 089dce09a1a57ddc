//! The state of a document and the four steps that every change is made of.

use super::leaves::Leaves;
use super::log::{Log, RECORD};
use crate::assoc::SortedMap;
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
    /// The leaf was removed, and its slot waits to be used again.
    Gone,
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

pub(super) struct State {
    pub(super) writers: Vec<Writer>,
    pub(super) index: SortedMap<ReplicaId, u32>,
    /// Places in `writers` whose ids are retired and have nothing left.
    pub(super) free: Vec<u32>,
    pub(super) leaves: Leaves,
    /// Delete records: entries without a payload, which the digest does not count.
    pub(super) deletes: Leaves,
    pub(super) digest: Digest,
    pub(super) horizon: u64,
    dots: usize,
    records: usize,
    /// Whether the log of some writer is worth sweeping.
    untidy: bool,
}

impl State {
    /// Makes an empty state. Others may choose keys, but do not know the random part of an id before it has written.
    pub(super) fn new(id: ReplicaId) -> Self {
        let seed = u128::from_be_bytes(*id.as_bytes());
        let leaves = || Leaves::new([(seed >> 64) as u64, seed as u64]);
        State {
            writers: Vec::new(),
            index: SortedMap::default(),
            free: Vec::new(),
            leaves: leaves(),
            deletes: leaves(),
            digest: Digest::default(),
            horizon: 0,
            dots: 0,
            records: 0,
            untidy: false,
        }
    }

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
    pub(super) fn rank(&self, writer: u32) -> u64 {
        self.index.position(&self.writers[writer as usize].id).unwrap_or_default() as u64
    }

    pub(super) fn stamp(&self, entry: &Entry) -> Stamp {
        Stamp { hlc: entry.hlc, replica: self.writers[entry.writer as usize].id, seq: entry.seq }
    }

    /// Adds a live dot to a leaf, without its log entry.
    pub(super) fn add(&mut self, id: u32, entry: Entry) {
        self.digest.add(hash(&self.writers, &self.leaves.at(id).0, &entry));
        self.dots += 1;
        self.leaves.leaf_mut(id).push(entry);
    }

    /// Removes the live dots of a leaf that `gone` picks, with their log entries. The leaf stays, even without dots.
    /// Tells whether any was removed.
    pub(super) fn remove(
        &mut self,
        id: u32,
        gone: &dyn Fn(&Entry) -> bool,
        taken: &mut dyn FnMut(&Key, Entry),
    ) -> bool {
        let before = self.dots;
        let (key, leaf) = self.leaves.at_mut(id);
        leaf.take(gone, &mut |entry| {
            self.digest.subtract(hash(&self.writers, key, &entry));
            self.untidy |= self.writers[entry.writer as usize].log.kill(entry.seq);
            self.dots -= 1;
            taken(key, entry);
        });
        self.dots < before
    }

    /// Adds a delete record, without its log entry. Returns what to log.
    pub(super) fn add_delete(&mut self, key: &Key, writer: u32, seq: u64) -> u32 {
        let (id, _) = self.deletes.place(key);
        let record = Entry { writer, seq, hlc: Hlc::default(), payload: SmallBytes::default() };
        self.deletes.leaf_mut(id).push(record);
        self.records += 1;
        id | RECORD
    }

    /// Removes the delete records at `key` that `gone` picks, with their log entries.
    pub(super) fn remove_deletes(
        &mut self,
        key: &Key,
        gone: &dyn Fn(&Entry) -> bool,
        taken: &mut dyn FnMut(&Key, Entry),
    ) {
        if let Some(id) = self.find_delete(key) {
            self.remove_deletes_at(id, gone, taken);
        }
    }

    /// Removes the delete records at a place that `gone` picks, with their log entries.
    pub(super) fn remove_deletes_at(
        &mut self,
        id: u32,
        gone: &dyn Fn(&Entry) -> bool,
        taken: &mut dyn FnMut(&Key, Entry),
    ) {
        let (key, leaf) = self.deletes.at_mut(id);
        leaf.take(gone, &mut |entry| {
            self.untidy |= self.writers[entry.writer as usize].log.kill(entry.seq);
            self.records -= 1;
            taken(key, entry);
        });
        self.deletes.vacate(id);
    }

    /// Removes all delete records, with their log entries.
    pub(super) fn clear_deletes(&mut self, taken: &mut dyn FnMut(&Entry)) {
        for entry in self.deletes.iter().flat_map(|(_, (_, leaf))| leaf.entries()) {
            self.untidy |= self.writers[entry.writer as usize].log.kill(entry.seq);
            taken(entry);
        }
        self.deletes.clear();
        self.records = 0;
    }

    /// The place of the delete records of exactly `key`.
    pub(super) fn find_delete(&self, key: &Key) -> Option<u32> {
        // Documents without delete records are common, and their writers should not pay for looking.
        if self.records == 0 { None } else { self.deletes.find(key.as_bytes()) }
    }

    /// Number of delete records.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// The key at a place that the log names.
    pub(super) fn key_at(&self, place: u32) -> &Key {
        let leaves = if place & RECORD == 0 { &self.leaves } else { &self.deletes };
        &leaves.at(place & !RECORD).0
    }

    /// The events of a writer beyond `seq` that still matter, each with the key where it stands.
    pub(super) fn logged(&self, writer: u32, seq: u64) -> impl Iterator<Item = (u64, &Key)> {
        self.writers[writer as usize].log.beyond(seq).map(|(seq, place)| (seq, self.key_at(place)))
    }

    pub(super) fn sweep(&mut self) {
        if std::mem::take(&mut self.untidy) {
            self.writers.iter_mut().for_each(|writer| writer.log.sweep());
        }
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

    pub(super) fn check(&self) -> Result<(), String> {
        let stats = self.stats();
        let mut digest = Digest::default();
        let mut counted = [0, 0];
        for (leaves, record, count) in [(&self.leaves, 0, 0), (&self.deletes, RECORD, 1)] {
            leaves.check()?;
            for (id, (key, leaf)) in leaves.iter() {
                counted[count] += leaf.entries().len();
                for entry in leaf.entries() {
                    if record == 0 {
                        digest.add(hash(&self.writers, key, entry));
                    }
                    let logged = self.writers[entry.writer as usize].log.place(entry.seq);
                    if logged != Some(id | record) {
                        return Err(format!("dot {} at {key:?} is logged at {logged:?}", entry.seq));
                    }
                }
            }
        }
        if stats.log != counted[0] + counted[1] || [stats.dots, stats.deletes] != counted {
            let [dots, deletes] = counted;
            return Err(format!("log has {} entries for {dots} dots and {deletes} delete records", stats.log));
        }
        if digest == self.digest { Ok(()) } else { Err("the digest does not match the live dots".into()) }
    }
}

fn hash(writers: &[Writer], key: &Key, entry: &Entry) -> u128 {
    dot_hash(&writers[entry.writer as usize].id, entry.seq, entry.hlc, key, &entry.payload)
}
