//! Blobs out and in: snapshots, deltas and journal entries.

use super::Doc;
use super::apply::ApplyError;
use super::change::Origin;
use super::join::JoinError;
use super::retire::RetireError;
use super::state::Entry;
use crate::bytes::DecodeError;
use crate::clock::{Hlc, ReplicaId, VersionVector};
use crate::delta::{Batch, Blob, Delta, Round, RoundStep};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Number of events that were new here.
    pub applied: u64,
}

/// A blob was refused. Nothing of it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bytes are not a blob, or a damaged one.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Events before it are missing here. Import what comes before it, or export again from this replica's version.
    #[error(
        "events of {writer} are missing: {have} are here, {needed} are needed; export again from this replica's version"
    )]
    Gap {
        /// Whose events.
        writer: ReplicaId,
        /// How many are here.
        have: u64,
        /// How many must be.
        needed: u64,
    },
    /// It cannot be applied.
    #[error(transparent)]
    Apply(ApplyError),
    /// Ids cannot be retired here.
    #[error(transparent)]
    Retire(#[from] RetireError),
    /// Content is to be mended from a copy that is not of this version, or not whole.
    #[error("this is no saved copy at the present version")]
    OtherVersion,
}

impl From<ApplyError> for ImportError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Gap { writer, have, needed } => ImportError::Gap { writer, have, needed },
            other => ImportError::Apply(other),
        }
    }
}

impl From<JoinError> for ImportError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Apply(error) => error.into(),
            JoinError::Decode(error) => error.into(),
        }
    }
}

/// Where the events of a committed transaction stand, so that its batch can be put together.
#[derive(Clone, Copy)]
pub(super) struct Recent {
    pub(super) writer: u32,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) hlc: Hlc,
}

impl Doc {
    /// Encodes the whole state. Equal states give equal bytes, in every language.
    ///
    /// Deletes are not listed one by one: the snapshot says up to where it knows everything.
    pub fn export(&self) -> Vec<u8> {
        Blob::encode_delta(&self.snapshot())
    }

    /// Encodes what a replica at `since` lacks: as the batch of the last transaction if that is small and all there is,
    /// as a delta otherwise.
    pub fn export_from(&self, since: &VersionVector) -> Vec<u8> {
        match self.recent_batch(since) {
            Some(batch) => {
                self.sealed.hand_out(self.last_seq());
                Blob::encode_batch(&batch)
            }
            None => Blob::encode_delta(&self.delta_since(since)),
        }
    }

    /// The last batch committed here, if it is small and all that a replica at `since` lacks.
    fn recent_batch(&self, since: &VersionVector) -> Option<Batch> {
        const BYTES: usize = 4 * 1024;
        let recent = self.recent.as_ref()?;
        let own = self.state.writers.get(recent.writer as usize)?;
        let seen = |(id, seq): (ReplicaId, u64)| match id == own.id {
            true => since.get(&id) == recent.first - 1 && seq == recent.last,
            false => since.get(&id) >= seq,
        };
        let version = self.version();
        if since.horizon() < version.horizon() || !version.iter().all(seen) {
            return None;
        }
        self.batch(recent).filter(|batch| batch.weight() <= BYTES)
    }

    /// Encodes the whole state with its delete records, for a store of this replica's own: what is loaded from it can
    /// go on serving deltas to peers that have not heard of the deletes.
    pub fn save(&self) -> Vec<u8> {
        self.save_with(None)
    }

    /// [`Doc::save`] for a durable member that may be bound by a promise.
    pub(crate) fn save_with(&self, promise: Option<Round>) -> Vec<u8> {
        Blob::encode_delta(&Delta { memory: self.retired.clone(), promise, ..self.whole() })
    }

    /// Makes the delta that another durable member at `since` needs: [`Doc::delta_since`], and what it should remember of
    /// ids that were retired beyond its horizon.
    pub fn delta_for_member(&self, since: &VersionVector) -> Delta {
        let mut delta = self.delta_since(since);
        delta.memory = self.retired.since(since.horizon());
        delta
    }

    /// Takes in any blob: a snapshot, a delta, a journal entry. Twice is as good as once.
    ///
    /// # Errors
    /// [`ImportError`], and then nothing is changed.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let mut here = Doc::new(ReplicaId::new(1, 1));
    /// here.transact(5, None, |doc| doc.set(&Path::root().child("a"), Value::Int(1)))?;
    /// let mut there = Doc::new(ReplicaId::new(1, 2));
    /// assert_eq!(there.import(&here.export())?.applied, 1);
    /// assert_eq!(there.import(&here.export())?.applied, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import(&mut self, blob: &[u8]) -> Result<ImportReport, ImportError> {
        self.import_as(blob, &Origin::Import)
    }

    /// Takes in a blob, with the origin that change events are to show.
    ///
    /// # Errors
    /// As [`Doc::import`].
    pub fn import_as(&mut self, blob: &[u8], origin: &Origin) -> Result<ImportReport, ImportError> {
        let applied = match Blob::decode(blob)? {
            Blob::Delta(delta) => self.join(&delta, origin)?,
            Blob::Batch(batch) => self.apply(&batch, origin)?,
            Blob::Handover(handover) => self.hand_over(&handover, origin),
            Blob::Round(round) => {
                if round.step == RoundStep::Committed && round.horizon > self.version().horizon() {
                    self.retire(&round)?;
                }
                0
            }
        };
        Ok(ImportReport { applied })
    }

    /// Forgets the delete records that everyone at `stable` has seen. Returns their number.
    ///
    /// Always safe: a peer that has not seen one of them is sent a complete listing instead of a delta.
    pub fn prune(&mut self, stable: &VersionVector) -> usize {
        if self.in_transaction() {
            return 0;
        }
        let limits: Vec<u64> = self.state.writers.iter().map(|writer| stable.get(&writer.id)).collect();
        let mut floors: Vec<u64> = self.state.writers.iter().map(|writer| writer.floor).collect();
        let mut pruned = 0;
        let covered = |entry: &Entry| entry.seq <= limits[entry.writer as usize];
        let mut raise = |entry: &Entry| {
            let floor = &mut floors[entry.writer as usize];
            *floor = entry.seq.max(*floor);
            pruned += 1;
        };
        if self.state.deletes.iter().all(|(_, (_, leaf))| leaf.entries().iter().all(covered)) {
            self.state.clear_deletes(&mut raise);
        } else {
            let places: Vec<u32> = self.state.deletes.iter().map(|(place, _)| place).collect();
            places.into_iter().for_each(|at| self.state.remove_deletes_at(at, &covered, &mut |_, entry| raise(&entry)));
        }
        self.state.writers.iter_mut().zip(floors).for_each(|(writer, floor)| writer.floor = floor);
        self.state.sweep();
        pruned
    }
}
