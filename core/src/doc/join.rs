//! Deltas: making one for a peer, and joining one from a peer.

use super::Doc;
use super::apply::ApplyError;
use super::change::Origin;
use super::state::Entry;
use crate::bounds;
use crate::bytes::DecodeError;
use crate::clock::VersionVector;
use crate::crdt::{Key, Kind, check_update};
use crate::delta::{Delta, DotRow, LeafRow};
use std::collections::{BTreeMap, BTreeSet};

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
        let complete = !since.includes(&self.state.floor());
        let seen: Vec<u64> = self.state.writers.iter().map(|writer| since.get(&writer.id)).collect();
        if complete {
            return self.delta(&seen, VersionVector::default(), None, Records::Listed);
        }
        let mut touched: Vec<&Key> = Vec::new();
        for (writer, &seen) in self.state.writers.iter().zip(&seen) {
            touched.extend(writer.log.beyond(seen).map(|(_, key)| key));
        }
        // The receiver drops what a delete record covers and the delta does not list, so all that lives there is listed.
        let trees: Vec<&Key> = touched.iter().copied().filter(|key| key.kind() == Kind::TREE).collect();
        for tree in trees {
            touched.extend(self.state.leaves.range(tree.clone()..Key::tree_end(&tree.path())).map(|(key, _)| key));
        }
        touched.sort_unstable();
        touched.dedup();
        self.delta(&seen, since.meet(&self.version()), Some(touched), Records::Listed)
    }

    /// The whole state without delete records: equal states give equal deltas.
    pub(super) fn snapshot(&self) -> Delta {
        self.delta(&vec![0; self.state.writers.len()], VersionVector::default(), None, Records::Implied)
    }

    /// The whole state with delete records.
    pub(super) fn whole(&self) -> Delta {
        self.delta(&vec![0; self.state.writers.len()], VersionVector::default(), None, Records::Listed)
    }

    fn delta(&self, seen: &[u64], since: VersionVector, touched: Option<Vec<&Key>>, records: Records) -> Delta {
        let version = self.version();
        let ranks: BTreeMap<_, _> = version.iter().enumerate().map(|(rank, (id, _))| (id, rank as u32)).collect();
        // Writers that have written nothing have no dots, so their rank is never used.
        let rank: Vec<u32> =
            self.state.writers.iter().map(|writer| ranks.get(&writer.id).copied().unwrap_or(u32::MAX)).collect();
        let floor = if records == Records::Implied { version.clone() } else { self.state.floor() };
        let mut delta = Delta { complete: touched.is_none(), since, version, floor, ..Delta::default() };
        let mut rows: Vec<(&Key, Vec<DotRow>)> = Vec::new();
        let mut add = |key, entries: &[Entry]| {
            let mut dots: Vec<DotRow> = entries
                .iter()
                .map(|entry| {
                    let value = (entry.seq > seen[entry.writer as usize]).then(|| (entry.hlc, entry.payload.clone()));
                    DotRow { writer: rank[entry.writer as usize], seq: entry.seq, value }
                })
                .collect();
            dots.sort_unstable_by_key(|dot| (dot.writer, dot.seq));
            rows.push((key, dots));
        };
        match &touched {
            None => self.state.leaves.iter().for_each(|(key, leaf)| add(key, leaf.entries())),
            Some(keys) => keys
                .iter()
                .filter_map(|key| self.state.leaves.get_key_value(*key))
                .for_each(|(key, leaf)| add(key, leaf.entries())),
        }
        rows.sort_by_cached_key(|(key, dots)| (dots.first().map(|dot| (dot.writer, dot.seq)), (*key).clone()));
        for (key, dots) in rows {
            delta.leaves.push(LeafRow { key: key.clone(), dots: dots.len() as u32 });
            delta.dots.extend(dots);
        }
        if records == Records::Listed {
            delta.deletes = self.deletes_beyond(seen, &rank);
        }
        delta
    }

    fn deletes_beyond(&self, seen: &[u64], rank: &[u32]) -> Vec<(Key, u32, u64)> {
        let lacking = |&&(writer, seq): &&(u32, u64)| seq > seen[writer as usize];
        let mut rows: Vec<(Key, u32, u64)> = Vec::new();
        for (key, records) in &self.state.deletes {
            rows.extend(records.iter().filter(lacking).map(|&(writer, seq)| (key.clone(), rank[writer as usize], seq)));
        }
        rows.sort_unstable_by_key(|(_, writer, seq)| (*writer, *seq));
        rows
    }

    /// Joins a delta. Returns the number of events that were new here.
    ///
    /// # Errors
    /// [`ApplyError::Gap`] if this replica has not seen what the delta builds on; others if it is damaged. Nothing is
    /// changed then.
    pub fn join(&mut self, delta: &Delta, origin: &Origin) -> Result<u64, JoinError> {
        let rows = self.admit_delta(delta)?;
        let writers: Vec<u32> = delta.version.iter().map(|(id, _)| self.state.intern(id)).collect();
        let before: Vec<u64> = self.state.writers.iter().map(|writer| writer.seq).collect();
        let mut covered = vec![0; self.state.writers.len()];
        for ((_, seq), &at) in delta.version.iter().zip(&writers) {
            covered[at as usize] = seq;
        }
        let mut logged: Vec<(u32, u64, Key)> = Vec::new();
        self.drop_unlisted(delta, &rows, &covered, origin);
        for (key, dots) in &rows {
            self.join_leaf(key, dots, &writers, &covered, &before, &mut logged);
        }
        for (key, rank, seq) in &delta.deletes {
            let writer = writers[*rank as usize];
            if *seq > before[writer as usize] {
                self.state.add_delete(key, writer, *seq);
                logged.push((writer, *seq, key.clone()));
            }
        }
        logged.sort_unstable_by_key(|(writer, seq, _)| (*writer, *seq));
        for (writer, seq, key) in logged {
            self.state.writers[writer as usize].log.push(seq, key);
        }
        let mut fresh = 0;
        for (at, writer) in self.state.writers.iter_mut().enumerate() {
            fresh += covered[at].saturating_sub(writer.seq);
            writer.seq = writer.seq.max(covered[at]);
            writer.floor = writer.floor.max(delta.floor.get(&writer.id).min(covered[at]));
        }
        self.state.horizon = self.state.horizon.max(delta.version.horizon());
        self.emit_changes(origin);
        self.tidy();
        Ok(fresh)
    }

    /// Checks all that could fail, and gathers the dots by key.
    fn admit_delta<'a>(&self, delta: &'a Delta) -> Result<BTreeMap<&'a Key, &'a [DotRow]>, JoinError> {
        if self.in_transaction() {
            return Err(ApplyError::InTransaction.into());
        }
        let version = self.version();
        if let Some((writer, needed)) = delta.since.iter().find(|(id, seq)| version.get(id) < *seq) {
            return Err(ApplyError::Gap { writer, have: version.get(&writer), needed }.into());
        }
        if version.len() + delta.version.len() > bounds::REPLICAS {
            return Err(ApplyError::Writers.into());
        }
        let have: Vec<u64> = delta.version.iter().map(|(id, _)| version.get(&id)).collect();
        let (mut rows, mut rest) = (BTreeMap::new(), &delta.dots[..]);
        for leaf in &delta.leaves {
            let (dots, others) = rest.split_at_checked(leaf.dots as usize).ok_or(DecodeError::Truncated)?;
            rest = others;
            if rows.insert(&leaf.key, dots).is_some() {
                return Err(DecodeError::Range("leaf (it is listed twice)").into());
            }
            for dot in dots {
                check_dot(&leaf.key, dot, have[dot.writer as usize])?;
            }
        }
        let listed = delta
            .dots
            .iter()
            .map(|dot| (dot.writer, dot.seq))
            .chain(delta.deletes.iter().map(|(_, writer, seq)| (*writer, *seq)));
        let mut distinct = BTreeSet::new();
        match listed.into_iter().all(|dot| distinct.insert(dot)) {
            true => Ok(rows),
            false => Err(DecodeError::Range("dot (it is listed twice)").into()),
        }
    }

    /// Drops the dots that the sender has seen and no longer holds, at keys that its delta speaks of without listing.
    fn drop_unlisted(&mut self, delta: &Delta, rows: &BTreeMap<&Key, &[DotRow]>, covered: &[u64], _origin: &Origin) {
        let by = delta.version.iter().next().map_or(self.id, |(id, _)| id);
        if delta.complete {
            let all: Vec<Key> = self.state.leaves.keys().filter(|key| !rows.contains_key(key)).cloned().collect();
            all.iter().for_each(|key| self.drop_covered(key, by, covered));
            return;
        }
        let writers = delta.writers();
        for (target, rank, _) in &delta.deletes {
            let by = writers[*rank as usize];
            let keys = match target.kind() {
                Kind::TREE => self.state.keys_between(target, &Key::tree_end(&target.path())),
                _ => vec![target.clone()],
            };
            for key in keys.iter().filter(|key| !rows.contains_key(key)) {
                self.drop_covered(key, by, covered);
            }
        }
    }

    fn drop_covered(&mut self, key: &Key, by: crate::clock::ReplicaId, covered: &[u64]) {
        if !self.state.leaves.contains_key(key) {
            return;
        }
        self.touch(key, by);
        let mut gone = false;
        self.state.remove(key, |entry| entry.seq <= covered[entry.writer as usize], |_| gone = true);
        if gone {
            self.drop_text(key);
        }
    }

    /// Keeps what is listed or not seen by the sender, adds what is listed and new.
    fn join_leaf(
        &mut self,
        key: &Key,
        dots: &[DotRow],
        writers: &[u32],
        covered: &[u64],
        before: &[u64],
        logged: &mut Vec<(u32, u64, Key)>,
    ) {
        let newest = dots.iter().filter_map(|dot| dot.value.as_ref().map(|(hlc, _)| (*hlc, dot.writer))).max();
        let by = self.state.writers[newest
            .or(dots.first().map(|dot| (Default::default(), dot.writer)))
            .map_or(0, |(_, rank)| writers[rank as usize]) as usize]
            .id;
        self.touch(key, by);
        if self.state.leaves.contains_key(key) {
            let listed: BTreeSet<(u32, u64)> = dots.iter().map(|dot| (writers[dot.writer as usize], dot.seq)).collect();
            let mut gone = false;
            let unlisted = |entry: &Entry| {
                entry.seq <= covered[entry.writer as usize] && !listed.contains(&(entry.writer, entry.seq))
            };
            self.state.remove(key, unlisted, |_| gone = true);
            if gone {
                self.drop_text(key);
            }
        }
        for dot in dots {
            let writer = writers[dot.writer as usize];
            let Some((hlc, payload)) = dot.value.as_ref().filter(|_| dot.seq > before[writer as usize]) else {
                continue;
            };
            self.clock.observe(*hlc);
            self.state.add(key, Entry { writer, seq: dot.seq, hlc: *hlc, payload: payload.clone() });
            logged.push((writer, dot.seq, key.clone()));
            #[cfg(feature = "text")]
            self.text_arrived(key, payload);
        }
    }
}

/// A delta was refused. Nothing of it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It cannot be applied here, or not yet.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// It contradicts itself.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

fn check_dot(key: &Key, dot: &DotRow, have: u64) -> Result<(), JoinError> {
    match &dot.value {
        None if dot.seq > have => Err(DecodeError::Range("dot (its value is missing)").into()),
        Some((_, payload)) if key.kind() == Kind::TEXT => Ok(check_update(payload).map_err(ApplyError::from)?),
        _ => Ok(()),
    }
}
