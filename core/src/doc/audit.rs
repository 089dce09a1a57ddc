//! What a reconciliation needs of a document beside deltas: its live dots, what a delta would do, and mending leaves.

use super::Doc;
use super::apply::ApplyError;
use super::change::Origin;
use super::exchange::ImportError;
use super::join::JoinError;
use super::leaf::is_about;
use super::leaves::Leaves;
use super::state::RETIRED;
use super::stream::ancestors;
use crate::bytes::SmallBytes;
use crate::clock::{Dot, Floor, Hlc, VersionVector};
use crate::crdt::{Key, Kind};
use crate::delta::{Blob, Delta, DotRow, LeafRow, dot_hash};
use std::collections::{BTreeMap, BTreeSet};

/// One live dot with what it holds.
#[derive(Clone, Copy, Debug)]
pub struct LiveDot<'a> {
    /// The event.
    pub dot: Dot,
    /// Its time.
    pub hlc: Hlc,
    /// Where it is.
    pub key: &'a Key,
    /// The value, encoded.
    pub payload: &'a SmallBytes,
}

impl LiveDot<'_> {
    /// The hash that the digest counts it with.
    pub fn hash(&self) -> u128 {
        dot_hash(&self.dot.replica, self.dot.seq, self.hlc, self.key, self.payload)
    }
}

/// A dot with its time and its value, encoded.
pub type Mended = (Dot, Hlc, SmallBytes);

/// What joining a delta would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Live dots that would go.
    pub dropped: Vec<Dot>,
    /// Dots that would come.
    pub added: Vec<Dot>,
}

impl Doc {
    /// Calls `visit` for every live dot, in the order of keys.
    pub fn each_live_dot(&self, visit: &mut dyn FnMut(LiveDot<'_>)) {
        for (key, leaf) in self.state.leaves.range(&[][..], &[0xff][..]) {
            for entry in leaf.entries() {
                let dot = Dot::new(self.state.writers[entry.writer as usize].id, entry.seq);
                visit(LiveDot { dot, hlc: entry.hlc, key, payload: &entry.payload });
            }
        }
    }

    /// Deletes up to here are no longer listed: a peer that has not seen them cannot be served by a delta alone.
    pub fn floor(&self) -> Floor {
        self.state.floor()
    }

    /// Tells whether writers whose ids are retired have live dots here.
    pub(crate) fn holds_retired(&self) -> bool {
        self.state.writers.iter().any(|writer| writer.seq == RETIRED && writer.log.len() > 0)
    }

    /// The dots of one leaf.
    pub(crate) fn leaf_dots(&self, key: &Key) -> Vec<Mended> {
        let Some((_, leaf)) = self.state.leaves.get(key.as_bytes()) else { return Vec::new() };
        let dot = |writer: u32, seq: u64| Dot::new(self.state.writers[writer as usize].id, seq);
        leaf.entries().iter().map(|entry| (dot(entry.writer, entry.seq), entry.hlc, entry.payload.clone())).collect()
    }

    /// What joining `delta` would do, without doing it.
    pub fn preview(&self, delta: &Delta) -> Preview {
        let writers = delta.writers();
        let version = self.version();
        let mut preview = Preview::default();
        let mut listed: BTreeMap<&Key, BTreeSet<Dot>> = BTreeMap::new();
        let mut dots = delta.dots.iter();
        for leaf in &delta.leaves {
            let set = listed.entry(&leaf.key).or_default();
            for row in dots.by_ref().take(leaf.dots as usize) {
                let Some(&writer) = writers.get(row.writer as usize) else { continue };
                let dot = Dot::new(writer, row.seq);
                set.insert(dot);
                if row.value.is_some() && !version.covers(&dot) {
                    preview.added.push(dot);
                }
            }
        }
        let mut keys: BTreeSet<Key> = listed.keys().map(|key| (*key).clone()).collect();
        for (target, ..) in &delta.deletes {
            match target.kind() {
                Kind::TREE => keys.extend(self.state.leaves.keys_below(target.path_bytes())),
                _ => drop(keys.insert(target.clone())),
            }
        }
        for key in &keys {
            let gone = |dot: &Dot| delta.version.covers(dot) && !listed.get(key).is_some_and(|dots| dots.contains(dot));
            preview.dropped.extend(self.leaf_dots(key).into_iter().map(|(dot, ..)| dot).filter(gone));
        }
        preview
    }

    /// Joins `delta`, and drops `gone` with it: live dots that the sender's version covers and that it no longer holds,
    /// because they were deleted and the records of it pruned. `since` is this replica's version when the delta was
    /// asked for: what came in from others meanwhile and is not listed goes too.
    ///
    /// # Errors
    /// As [`Doc::join`], and then nothing is changed.
    pub(crate) fn join_dropping(
        &mut self,
        mut delta: Delta,
        gone: &[Dot],
        since: &VersionVector,
        origin: &Origin,
    ) -> Result<u64, JoinError> {
        let gone: BTreeSet<Dot> = gone.iter().copied().filter(|dot| delta.version.covers(dot)).collect();
        let writers = delta.writers();
        let listed: BTreeSet<Dot> = delta
            .dots
            .iter()
            .filter_map(|row| writers.get(row.writer as usize).map(|writer| Dot::new(*writer, row.seq)))
            .collect();
        let rows: BTreeSet<&Key> = delta.leaves.iter().map(|leaf| &leaf.key).collect();
        let dead = |dot: &Dot| {
            let passed = || delta.version.covers(dot) && !since.covers(dot) && !listed.contains(dot);
            // A retired writer has no place in the delta; its deletes are known to everyone.
            writers.contains(&dot.replica) && (gone.contains(dot) || passed())
        };
        // Where the delta itself deletes, the join drops all that the sender has seen.
        let (trees, alone): (Vec<_>, Vec<_>) =
            delta.deletes.iter().map(|(key, ..)| key).partition(|key| key.is(Kind::TREE));
        let (alone, trees): (BTreeSet<&Key>, BTreeSet<&[u8]>) =
            (alone.into_iter().collect(), trees.into_iter().map(Key::path_bytes).collect());
        let deleted = |key: &Key| {
            alone.contains(key) || (!is_about(key) && ancestors(key.path_bytes()).any(|path| trees.contains(path)))
        };
        let mut keys: BTreeSet<&Key> = BTreeSet::new();
        for writer in &self.state.writers {
            let first = gone.range(Dot::new(writer.id, 0)..).next().filter(|dot| dot.replica == writer.id);
            let from = first.map_or(u64::MAX, |dot| dot.seq).min(since.get(&writer.id).saturating_add(1));
            for (seq, place) in writer.log.beyond(from - 1) {
                let key = self.state.key_at(place);
                let listed = key.kind() == Kind::TREE || rows.contains(key);
                if dead(&Dot::new(writer.id, seq)) && !listed && !deleted(key) {
                    keys.insert(key);
                }
            }
        }
        let (mut leaves, mut deletes) = (Vec::new(), Vec::new());
        let place = |dot: &Dot| writers.iter().position(|writer| *writer == dot.replica);
        let rank = |dot: &Dot| place(dot).map_or(u32::MAX, |at| at as u32);
        for key in keys {
            let dots: Vec<Dot> = self.leaf_dots(key).into_iter().map(|(dot, ..)| dot).collect();
            let mut kept: Vec<Dot> =
                dots.iter().copied().filter(|dot| delta.version.covers(dot) && !dead(dot)).collect();
            kept.sort_unstable();
            match dots.iter().find(|dot| dead(dot)) {
                // As if the sender had listed its record of the delete: it is known here, so that none is kept.
                Some(dot) if kept.is_empty() => deletes.push((key.clone(), rank(dot), dot.seq)),
                Some(_) => leaves.push((key.clone(), kept)),
                None => {}
            }
        }
        for (key, kept) in leaves {
            delta.leaves.push(LeafRow { key, dots: kept.len() as u32 });
            delta.dots.extend(kept.iter().map(|dot| DotRow { writer: rank(dot), seq: dot.seq, value: None }));
        }
        delta.deletes.extend(deletes);
        self.join(&delta, origin)
    }

    /// Makes the leaves hold exactly these dots, whatever was seen of them before, and reports the changes. For mending
    /// what is damaged: the version stays as it is, so every dot must be covered by it. Costs as loading the document.
    ///
    /// # Errors
    /// As [`Doc::join`], and then nothing is changed.
    pub fn mend(&mut self, leaves: &[(Key, Vec<Mended>)], origin: &Origin) -> Result<(), JoinError> {
        if self.in_transaction() {
            return Err(ApplyError::InTransaction.into());
        }
        let mut whole = self.whole();
        let writers = whole.writers();
        let mended: BTreeSet<&Key> = leaves.iter().map(|(key, _)| key).collect();
        let keys: Vec<Key> = leaves.iter().map(|(key, _)| key.clone()).collect();
        let (old_leaves, old_dots) = (std::mem::take(&mut whole.leaves), std::mem::take(&mut whole.dots));
        let mut dots = old_dots.into_iter();
        for leaf in old_leaves {
            let rows: Vec<DotRow> = dots.by_ref().take(leaf.dots as usize).collect();
            if !mended.contains(&leaf.key) {
                whole.leaves.push(leaf);
                whole.dots.extend(rows);
            }
        }
        for (key, dots) in leaves {
            let mut rows: Vec<DotRow> = Vec::new();
            for (dot, hlc, payload) in dots.iter().filter(|(dot, ..)| whole.version.covers(dot)) {
                let Some(writer) = writers.iter().position(|writer| *writer == dot.replica) else { continue };
                rows.push(DotRow { writer: writer as u32, seq: dot.seq, value: Some((*hlc, payload.clone())) });
            }
            rows.sort_unstable_by_key(|row| (row.writer, row.seq));
            if !rows.is_empty() {
                whole.leaves.push(LeafRow { key: key.clone(), dots: rows.len() as u32 });
                whole.dots.append(&mut rows);
            }
        }
        let mut rebuilt = Doc::new(self.id);
        rebuilt.join(&whole, origin)?;
        self.take_over(rebuilt, &keys, origin);
        Ok(())
    }

    /// Takes over the content of a copy at the same version that was mended, as [`Doc::save`] of it gave it.
    ///
    /// # Errors
    /// [`ImportError`], and then nothing is changed.
    pub fn mend_from(&mut self, blob: &[u8], origin: &Origin) -> Result<(), ImportError> {
        if self.in_transaction() {
            return Err(ApplyError::InTransaction.into());
        }
        let Blob::Delta(whole) = Blob::decode(blob)? else { return Err(ImportError::OtherVersion) };
        if !whole.complete || !whole.since.is_empty() || whole.version != self.version() {
            return Err(ImportError::OtherVersion);
        }
        let mut rebuilt = Doc::new(self.id);
        rebuilt.join(&whole, origin)?;
        let all = [&self.state.leaves, &rebuilt.state.leaves].into_iter().flat_map(Leaves::iter);
        // Those that agree are no changes.
        let keys: Vec<Key> = all.map(|(_, (key, _))| key.clone()).collect();
        self.take_over(rebuilt, &keys, origin);
        Ok(())
    }

    /// Puts another state in the place of this one; it differs at no other keys than these.
    fn take_over(&mut self, rebuilt: Doc, keys: &[Key], origin: &Origin) {
        for key in keys {
            let last = rebuilt.state.leaves.get(key).and_then(|(_, leaf)| leaf.entries().last());
            let by = last.map_or(self.id, |entry| rebuilt.state.writers[entry.writer as usize].id);
            self.touch(key, by);
        }
        self.state = rebuilt.state;
        keys.iter().for_each(|key| self.drop_text(key));
        self.emit_changes(origin);
    }
}
