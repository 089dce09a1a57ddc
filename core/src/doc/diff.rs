//! Making deltas: what a peer lacks.

use super::Doc;
use super::log::RECORD;
use super::state::{Entry, Leaf};
use crate::assoc::order;
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

impl Doc {
    /// Makes the delta that a peer at `since` needs. It costs what changed beyond `since`, unless the peer is below the
    /// floor: then every leaf is listed, though values only where the peer lacks them.
    pub fn delta_since(&self, since: &VersionVector) -> Delta {
        let complete = !self.state.floor().is_met_by(since);
        if complete {
            return self.listing(since, true);
        }
        self.delta_beyond(since)
    }

    /// Makes the delta beyond `since` from the log alone. Where `since` is below the floor it lacks deletes that were
    /// pruned, so that it must not be joined as it is: see [`crate::doc`].
    pub(crate) fn delta_beyond(&self, since: &VersionVector) -> Delta {
        self.listing(since, false)
    }

    fn listing(&self, since: &VersionVector, complete: bool) -> Delta {
        let seen: Vec<u64> = self.state.writers.iter().map(|writer| since.get(&writer.id)).collect();
        let shared = since.meet(&self.version());
        self.delta(&seen, shared, complete, Records::Listed)
    }

    /// The whole state without delete records: equal states give equal deltas.
    pub(super) fn snapshot(&self) -> Delta {
        self.delta(&vec![0; self.state.writers.len()], VersionVector::default(), true, Records::Implied)
    }

    /// The whole state with delete records.
    pub(super) fn whole(&self) -> Delta {
        self.delta(&vec![0; self.state.writers.len()], VersionVector::default(), true, Records::Listed)
    }

    fn delta(&self, seen: &[u64], since: VersionVector, complete: bool, records: Records) -> Delta {
        self.sealed.hand_out(self.last_seq());
        let version = self.version();
        let retired = self.state.retired_writers(&version, &since);
        let ranks = self.state.ranks(&version, &retired);
        let floor = if records == Records::Implied { Floor::from(&version) } else { self.state.floor() };
        let mut delta = Delta { complete, since, version, floor, retired, ..Delta::default() };
        let mut touched = Vec::new();
        for (rank, id) in (0..).zip(delta.writers()) {
            let Some(at) = self.state.writer_at(&id) else { continue };
            let from = if complete { 0 } else { seen[at as usize] };
            for (seq, place) in self.state.writers[at as usize].log.beyond(from) {
                if place & RECORD == 0 {
                    // Each leaf of a complete delta is come upon at all its dots; the first is where it belongs.
                    if !complete || first(&self.state.leaves.at(place).1, &ranks) == (u64::from(rank), seq) {
                        touched.push(place);
                    }
                } else if records == Records::Listed && seq > seen[at as usize] {
                    let key = self.state.key_at(place);
                    delta.deletes.push((key.clone(), rank, seq));
                    if !complete {
                        self.add_covered(key, &mut touched);
                    }
                }
            }
        }
        if !complete {
            touched = self.in_order(&touched, &ranks);
        }
        self.add_leaves(&mut delta, &touched, seen, &ranks);
        delta
    }

    /// Adds the leaves that a delete record covers: the receiver drops those that the delta does not list.
    fn add_covered(&self, key: &Key, touched: &mut Vec<u32>) {
        match key.is(Kind::TREE) {
            true => touched.extend(self.state.leaves.below(key.path_bytes())),
            false => touched.extend(self.state.leaves.find(key.as_bytes())),
        }
    }

    /// Leaves in the order of their first dots, each once.
    fn in_order(&self, touched: &[u32], ranks: &[u32]) -> Vec<u32> {
        let sorted = order(touched.iter().map(|&id| first(&self.state.leaves.at(id).1, ranks)));
        let mut leaves: Vec<u32> = sorted.into_iter().map(|at| touched[at as usize]).collect();
        leaves.dedup();
        leaves
    }

    /// Adds leaves, and the dots of each in order.
    fn add_leaves(&self, delta: &mut Delta, leaves: &[u32], seen: &[u64], ranks: &[u32]) {
        let row = |entry: &Entry| {
            let value = (entry.seq > seen[entry.writer as usize]).then(|| (entry.hlc, entry.payload.clone()));
            DotRow { writer: ranks[entry.writer as usize], seq: entry.seq, value }
        };
        delta.leaves.reserve(leaves.len());
        delta.dots.reserve(leaves.len());
        for &id in leaves {
            let (key, leaf) = self.state.leaves.at(id);
            let entries = leaf.entries();
            delta.leaves.push(LeafRow { key: key.clone(), dots: entries.len() as u32 });
            match entries {
                [entry] => delta.dots.push(row(entry)),
                _ => order(entries.iter().map(|entry| dot(entry, ranks)))
                    .iter()
                    .for_each(|&at| delta.dots.push(row(&entries[at as usize]))),
            }
        }
    }
}

/// The place of a dot in the order of writers and numbers.
fn dot(entry: &Entry, ranks: &[u32]) -> (u64, u64) {
    (u64::from(ranks[entry.writer as usize]), entry.seq)
}

fn first(leaf: &Leaf, ranks: &[u32]) -> (u64, u64) {
    match leaf {
        Leaf::One(entry) => dot(entry, ranks),
        _ => leaf.entries().iter().map(|entry| dot(entry, ranks)).min().unwrap_or_default(),
    }
}
