//! Making deltas: what a peer lacks.

use super::Doc;
use super::state::{Entry, Leaf};
use crate::assoc::{Table, order};
use crate::clock::{Floor, VersionVector};
use crate::crdt::{Key, Kind};
use crate::delta::{Delta, DotRow, LeafRow};

/// Which delete records a delta lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Records {
    /// Those that the receiver lacks.
    Listed,
    /// None: the delta is complete and stands for all of them.
    Implied,
}

/// Keys that a delta speaks of, in their order. The numbers are not used; the type is shared with the joining side.
type Touched<'a> = Table<&'a [u8], u64>;

impl Doc {
    /// Makes the delta that a peer at `since` needs. It costs what changed beyond `since`, unless the peer is below the
    /// floor: then every leaf is listed, though values only where the peer lacks them.
    pub fn delta_since(&self, since: &VersionVector) -> Delta {
        let complete = !self.state.floor().is_met_by(since);
        if complete {
            let seen: Vec<u64> = self.state.writers.iter().map(|writer| since.get(&writer.id)).collect();
            let shared = since.meet(&self.version());
            return self.delta(&seen, shared, None, Records::Listed);
        }
        self.delta_beyond(since)
    }

    /// Makes the delta beyond `since` from the log alone. Where `since` is below the floor it lacks deletes that were
    /// pruned, so that it must not be joined as it is: see [`crate::doc`].
    pub(crate) fn delta_beyond(&self, since: &VersionVector) -> Delta {
        let seen: Vec<u64> = self.state.writers.iter().map(|writer| since.get(&writer.id)).collect();
        let shared = since.meet(&self.version());
        let mut touched = Touched::default();
        for (writer, &seen) in self.state.writers.iter().zip(&seen) {
            for (_, key) in writer.log.beyond(seen) {
                touched.get_or_insert(key.as_bytes(), 0);
                if key.kind() == Kind::TREE {
                    // The receiver drops what a delete record covers and the delta does not list.
                    for (below, _) in self.state.leaves.range(key, &Key::tree_end(&key.path())) {
                        touched.get_or_insert(below.as_bytes(), 0);
                    }
                }
            }
        }
        self.delta(&seen, shared, Some(touched), Records::Listed)
    }

    /// The whole state without delete records: equal states give equal deltas.
    pub(super) fn snapshot(&self) -> Delta {
        self.delta(&vec![0; self.state.writers.len()], VersionVector::default(), None, Records::Implied)
    }

    /// The whole state with delete records.
    pub(super) fn whole(&self) -> Delta {
        self.delta(&vec![0; self.state.writers.len()], VersionVector::default(), None, Records::Listed)
    }

    fn delta(&self, seen: &[u64], since: VersionVector, touched: Option<Touched<'_>>, records: Records) -> Delta {
        self.sealed.hand_out(self.last_seq());
        let version = self.version();
        let retired = self.state.retired_writers(&version, &since);
        let rank: Vec<u32> = self.state.ranks(&version, &retired);
        let floor = if records == Records::Implied { Floor::from(&version) } else { self.state.floor() };
        let mut delta = Delta { complete: touched.is_none(), since, version, floor, retired, ..Delta::default() };
        let leaves: Vec<&(Key, Leaf)> = match &touched {
            None => self.state.leaves.iter().collect(),
            Some(keys) => keys.iter().filter_map(|(key, _)| self.state.leaves.get(key)).collect(),
        };
        self.add_leaves(&mut delta, &leaves, seen, &rank);
        if records == Records::Listed {
            self.add_deletes(&mut delta, seen, &rank);
        }
        delta
    }

    /// Adds leaves in the order of their first dots, and the dots of each in order.
    fn add_leaves(&self, delta: &mut Delta, leaves: &[&(Key, Leaf)], seen: &[u64], rank: &[u32]) {
        let place = |entry: &Entry| (u64::from(rank[entry.writer as usize]), entry.seq);
        let row = |entry: &Entry| {
            let value = (entry.seq > seen[entry.writer as usize]).then(|| (entry.hlc, entry.payload.clone()));
            DotRow { writer: rank[entry.writer as usize], seq: entry.seq, value }
        };
        let first = |(_, leaf): &&(Key, Leaf)| leaf.entries().iter().map(place).min().unwrap_or_default();
        delta.leaves.reserve(leaves.len());
        delta.dots.reserve(leaves.len());
        for at in order(leaves.iter().map(first)) {
            let (key, leaf) = leaves[at as usize];
            let entries = leaf.entries();
            delta.leaves.push(LeafRow { key: key.clone(), dots: entries.len() as u32 });
            match entries {
                [entry] => delta.dots.push(row(entry)),
                _ => {
                    order(entries.iter().map(place)).iter().for_each(|&at| delta.dots.push(row(&entries[at as usize])))
                }
            }
        }
    }

    /// Adds the delete records that the receiver lacks, in the order of their dots.
    fn add_deletes(&self, delta: &mut Delta, seen: &[u64], rank: &[u32]) {
        let mut rows: Vec<(&Key, u32, u64)> = Vec::new();
        for (key, records) in self.state.deletes.iter() {
            let lacking = records.entries().iter().filter(|entry| entry.seq > seen[entry.writer as usize]);
            rows.extend(lacking.map(|entry| (key, rank[entry.writer as usize], entry.seq)));
        }
        for at in order(rows.iter().map(|(_, writer, seq)| (u64::from(*writer), *seq))) {
            let (key, writer, seq) = rows[at as usize];
            delta.deletes.push((key.clone(), writer, seq));
        }
    }
}
