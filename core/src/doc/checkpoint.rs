//! Checkpoints: versions that stay known, so that what changed between them can be told.
//!
//! A checkpoint holds nothing at first. What is changed later is noted with the value that it had, so that a
//! checkpoint costs as much as was changed since, and the difference of two as much as was changed in between.

use super::Doc;
use super::catchup::NetChange;
use super::change::{bare, place_of};
use crate::assoc::Table;
use crate::bounds;
use crate::clock::VersionVector;
use crate::crdt::{ContainerKind, Key, Kind, Run, Value, difference};
use std::collections::VecDeque;

/// What a leaf shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    Value(Value),
    #[cfg_attr(not(feature = "text"), expect(dead_code))]
    Text(Vec<Run>),
}

impl Shown {
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Shown::Value(value) => value,
            Shown::Text(runs) => Value::Str(runs.iter().map(|run| &*run.text).collect()),
        })
    }

    /// Bytes that it occupies, roughly.
    fn weight(&self) -> usize {
        match self {
            Shown::Value(value) => value.to_cbor().len(),
            Shown::Text(runs) => runs.iter().map(|run| 64 + run.text.len()).sum(),
        }
    }
}

/// A version is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// It is neither the present one nor one of a checkpoint.
    #[error(
        "the version is neither the present one nor that of a checkpoint that is still kept: make a checkpoint first; at most {max} are kept",
        max = bounds::CHECKPOINTS
    )]
    Unknown,
    /// A transaction is open.
    #[error("a transaction is open: commit it or roll it back first")]
    InTransaction,
}

struct Checkpoint {
    version: VersionVector,
    /// What leaves showed here that were changed between this checkpoint and the next.
    noted: Table<Key, Option<Shown>>,
    bytes: usize,
}

/// The checkpoints of a document, the oldest first.
#[derive(Default)]
pub(super) struct Checkpoints {
    kept: VecDeque<Checkpoint>,
}

impl Checkpoints {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether the value of a leaf is to be noted before it is changed.
    pub(super) fn wants(&self, key: &Key) -> bool {
        self.kept.back().is_some_and(|last| last.noted.get(key).is_none())
    }

    pub(super) fn note(&mut self, key: &Key, value: Option<Shown>) {
        if let Some(last) = self.kept.back_mut() {
            last.bytes += 128 + key.as_bytes().len() + value.as_ref().map_or(0, Shown::weight);
            last.noted.get_or_insert(key.clone(), value);
        }
        while self.kept.iter().map(|kept| kept.bytes).sum::<usize>() > bounds::CHECKPOINT_BYTES {
            self.kept.pop_front();
        }
    }

    /// The place of a version: that of a checkpoint, or behind all for the present one.
    fn place(&self, version: &VersionVector, present: &VersionVector) -> Result<usize, DiffError> {
        let found = self.kept.iter().rposition(|kept| kept.version == *version);
        found.or((version == present).then_some(self.kept.len())).ok_or(DiffError::Unknown)
    }
}

impl Doc {
    /// Makes the present version one that [`Doc::diff`] knows, and returns it.
    ///
    /// At most [`bounds::CHECKPOINTS`] are kept, which may hold [`bounds::CHECKPOINT_BYTES`]; the oldest go first.
    ///
    /// # Errors
    /// [`DiffError::InTransaction`].
    pub fn checkpoint(&mut self) -> Result<VersionVector, DiffError> {
        if self.in_transaction() {
            return Err(DiffError::InTransaction);
        }
        let version = self.version();
        let kept = &mut self.observer.checkpoints.kept;
        if kept.back().is_none_or(|last| last.version != version) {
            kept.push_back(Checkpoint { version: version.clone(), noted: Table::default(), bytes: 0 });
            if kept.len() > bounds::CHECKPOINTS {
                kept.pop_front();
            }
        }
        Ok(version)
    }

    /// Forgets all checkpoints: writes then cost nothing extra.
    pub fn forget_checkpoints(&mut self) {
        self.observer.checkpoints.kept.clear();
    }

    /// The net changes that lead from one version to another; each is that of a checkpoint or the present one. In the
    /// order of paths.
    ///
    /// # Errors
    /// [`DiffError`].
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let (mut doc, place) = (Doc::new(ReplicaId::new(1, 1)), Path::root().child("a"));
    /// let before = doc.checkpoint()?;
    /// doc.transact(5, None, |doc| doc.set(&place, Value::Int(1)))?;
    /// let now = doc.version();
    /// assert_eq!(doc.diff(&before, &now)?[0].new, Some(Value::Int(1)));
    /// assert_eq!(doc.diff(&now, &before)?[0].old, Some(Value::Int(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diff(&mut self, from: &VersionVector, to: &VersionVector) -> Result<Vec<NetChange>, DiffError> {
        if self.in_transaction() {
            return Err(DiffError::InTransaction);
        }
        let present = self.version();
        let checkpoints = &self.observer.checkpoints;
        let (from, to) = (checkpoints.place(from, &present)?, checkpoints.place(to, &present)?);
        let mut keys: Table<&[u8], u64> = Table::default();
        for kept in checkpoints.kept.range(from.min(to)..from.max(to)) {
            for (key, _) in kept.noted.iter() {
                keys.get_or_insert(key.as_bytes(), 0);
            }
        }
        let keys: Vec<Key> = keys.iter().filter_map(|(key, _)| Key::parse(key).ok()).collect();
        Ok(keys.iter().filter_map(|key| self.compare(key, from, to)).collect())
    }

    fn compare(&mut self, key: &Key, from: usize, to: usize) -> Option<NetChange> {
        let (old, new) = (self.shown_at(key, from), self.shown_at(key, to));
        if old == new {
            return None;
        }
        let text = |shown: &Option<Shown>| match shown {
            Some(Shown::Text(runs)) => runs.clone(),
            _ => Vec::new(),
        };
        let is_text = key.kind() == Kind::TEXT;
        let splices = if is_text { difference(&text(&old), &text(&new)) } else { Vec::new() };
        let value = |shown: Option<Shown>| shown.and_then(Shown::into_value).and_then(|value| bare(key, value));
        let (old, new) = (value(old), value(new));
        Some(NetChange { path: place_of(key), kind: ContainerKind::of(key.kind())?, old, new, splices })
    }

    /// What a leaf showed at the checkpoint of that place.
    fn shown_at(&mut self, key: &Key, place: usize) -> Option<Shown> {
        let later = self.observer.checkpoints.kept.iter().skip(place);
        match later.filter_map(|kept| kept.noted.get(key)).next() {
            Some((_, noted)) => noted.clone(),
            None => self.shown(key),
        }
    }

    /// What a leaf shows now.
    pub(super) fn shown(&mut self, key: &Key) -> Option<Shown> {
        #[cfg(feature = "text")]
        if key.kind() == Kind::TEXT {
            return self.state.leaves.contains(key).then(|| Shown::Text(self.runs_at(key)));
        }
        self.value_of(key).map(Shown::Value)
    }
}
