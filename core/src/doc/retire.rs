//! Retired ids: dropping them when all durable members have agreed, and going on under another one.
//!
//! A retired writer stays in the table of writers while it has live dots; its number is [`RETIRED`], which covers all. Its
//! delete records are dropped with it, because whoever has not heard of the horizon is sent a complete listing.

use super::Doc;
use super::apply::ApplyError;
use super::change::Origin;
use super::state::{Entry, RETIRED, State};
use crate::clock::{Handover, ReplicaId, Retired, VersionVector};
use crate::crdt::Key;
use crate::delta::{Delta, Round};

/// A round of retirement does not fit what is here. Nothing of it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetireError {
    /// The horizon is not later than the present one, or not a time.
    #[error("the horizon {horizon} is not later than the one in force, {have}")]
    Horizon {
        /// The horizon in force (ms since the Unix epoch).
        have: u64,
        /// The one of the round.
        horizon: u64,
    },
    /// An id stands here with another number than was agreed on.
    #[error("{id} has {have} events here, the round counts {agreed}: synchronise first")]
    Disagreement {
        /// The id.
        id: ReplicaId,
        /// Its number here.
        have: u64,
        /// Its number in the round; 0 if the round does not name it.
        agreed: u64,
    },
    /// A transaction is open here.
    #[error("a transaction is open: commit it or roll it back first")]
    InTransaction,
}

impl Doc {
    /// Retires the ids that a round names and all unknown ones born before its horizon, but for those that it keeps.
    ///
    /// # Errors
    /// [`RetireError`], and then nothing is changed.
    pub fn retire(&mut self, round: &Round) -> Result<(), RetireError> {
        let version = self.version();
        let (have, horizon) = (version.horizon(), round.horizon);
        if self.in_transaction() {
            return Err(RetireError::InTransaction);
        }
        if horizon <= have || horizon > ReplicaId::LAST_BIRTH {
            return Err(RetireError::Horizon { have, horizon });
        }
        let mut after = VersionVector::default();
        after.set_horizon(horizon);
        for (id, have) in version.iter() {
            let agreed = round.agreed(&id);
            if id.birth_ms() >= horizon || round.keep.contains(&id) {
                after.list(id, have);
            } else if agreed != have {
                return Err(RetireError::Disagreement { id, have, agreed });
            }
        }
        if let Some(&(id, agreed)) = round.finals.iter().find(|(id, seq)| version.get(id) != *seq) {
            return Err(RetireError::Disagreement { id, have: version.get(&id), agreed });
        }
        for &id in round.keep.iter().filter(|id| id.birth_ms() < horizon && !version.is_retired(id)) {
            self.state.intern(id);
            after.list(id, version.get(&id));
        }
        self.retired.note(horizon, round.finals.iter().copied());
        self.adopt_horizon(&after);
        Ok(())
    }

    /// The number up to which the events of `id` were seen here; [`u64::MAX`] for a retired id.
    pub fn seen(&self, id: &ReplicaId) -> u64 {
        self.state.seq_of(id)
    }

    /// The horizon of [`Doc::version`].
    pub fn horizon(&self) -> u64 {
        self.state.horizon
    }

    /// What is remembered of retired ids; only durable members need it.
    pub fn retired(&self) -> &Retired {
        &self.retired
    }

    /// Takes in what another durable member remembers.
    pub fn learn_retired(&mut self, other: &Retired) {
        self.retired.join(other);
    }

    /// Admits that rounds up to `horizon` are not all remembered here.
    pub fn forget_retired(&mut self, horizon: u64) {
        self.retired.forget(horizon);
    }

    /// Renames events: those of `from` beyond `taken` become the first ones of the heir. What is known of the heir already
    /// stays as it is, so that doing it again changes nothing. Returns how many events were renamed.
    pub fn hand_over(&mut self, handover: &Handover, origin: &Origin) -> u64 {
        let Handover { from, taken, heir } = *handover;
        let Some(old) = self.state.writer_at(&from).filter(|_| !self.in_transaction() && from != heir) else {
            return 0;
        };
        let last = self.state.writers[old as usize].seq;
        if last == RETIRED || last <= taken {
            return 0;
        }
        let new = self.state.intern(heir);
        let known = self.state.writers[new as usize].seq;
        let moved: Vec<(u64, Key)> = self.state.logged(old, taken).map(|(seq, key)| (seq, key.clone())).collect();
        for (seq, key) in moved {
            self.touch(&key, heir);
            let named = |entry: &Entry| entry.writer == old && entry.seq == seq;
            let (mut taken_out, renamed) = (None, seq - taken);
            if let Some(at) = self.state.leaves.find(key.as_bytes()) {
                self.state.remove(at, &named, &mut |_, entry| taken_out = Some(entry));
                self.state.leaves.vacate(at);
            }
            self.state.remove_deletes(&key, &named, &mut |_, _| {});
            self.drop_text(&key);
            if renamed <= known {
                continue;
            }
            let place = match taken_out {
                Some(entry) => {
                    let (at, _) = self.state.leaves.place(&key);
                    self.state.add(at, Entry { writer: new, seq: renamed, ..entry });
                    at
                }
                None => self.state.add_delete(&key, new, renamed),
            };
            self.state.writers[new as usize].log.push(renamed, place);
        }
        let before = &mut self.state.writers[old as usize];
        before.log.truncate(taken);
        before.seq = taken;
        let floor = before.floor.saturating_sub(taken);
        before.floor = before.floor.min(taken);
        let after = &mut self.state.writers[new as usize];
        if known != RETIRED {
            after.seq = known.max(last - taken);
            after.floor = after.floor.max(floor);
        }
        self.forget_recent();
        self.emit_changes(origin);
        last - taken
    }

    /// The number of the last event of `id` that stands in `delta` with the same content as here: events follow one
    /// another, so all before it are the same, too.
    pub fn last_shared(&self, delta: &Delta, id: &ReplicaId) -> u64 {
        let writers = delta.writers();
        let (Some(at), mut dots, mut last) = (self.state.writer_at(id), delta.dots.iter(), 0) else { return 0 };
        for leaf in &delta.leaves {
            let here = self.state.leaves.get(&leaf.key).map_or(&[][..], |(_, leaf)| leaf.entries());
            for dot in dots.by_ref().take(leaf.dots as usize).filter(|dot| writers[dot.writer as usize] == *id) {
                let same = |entry: &&Entry| entry.writer == at && entry.seq == dot.seq;
                let Some((entry, (hlc, payload))) = here.iter().find(same).zip(dot.value.as_ref()) else { continue };
                if entry.hlc == *hlc && entry.payload == *payload {
                    last = last.max(dot.seq);
                }
            }
        }
        last
    }

    /// Writes under another id from now on; it must be fresh, see [`ReplicaId`]. Does nothing in a transaction.
    pub fn renew(&mut self, id: ReplicaId) {
        if !self.in_transaction() {
            self.id = id;
            #[cfg(feature = "text")]
            // Their authors are numbered after the old id.
            {
                self.texts = super::text::TextCache::default();
            }
            self.clear_undo();
        }
    }

    /// Refuses a delta whose horizon this replica cannot follow.
    pub(super) fn admit_horizon(&self, delta: &Delta) -> Result<(), ApplyError> {
        let have = self.state.horizon;
        // Beyond the horizon of `since` the delta says nothing of deletes, unless it is complete.
        let needed = if delta.complete { delta.since.horizon() } else { delta.version.horizon() };
        if needed > have || delta.version.horizon() > ReplicaId::LAST_BIRTH {
            return Err(ApplyError::Horizon { have, needed: delta.version.horizon() });
        }
        if delta.version.horizon() > have && delta.version.is_retired(&self.id) && self.last_seq() > 0 {
            return Err(ApplyError::Retired(self.id));
        }
        Ok(())
    }

    /// Raises the horizon to that of `version`, and drops the ids that are retired by it.
    pub(super) fn adopt_horizon(&mut self, version: &VersionVector) {
        let raised = version.horizon() > self.state.horizon;
        if raised {
            self.state.horizon = version.horizon();
            for at in 0..self.state.writers.len() {
                if version.is_retired(&self.state.writers[at].id) {
                    self.state.retire_writer(at);
                }
            }
            self.forget_recent();
        }
        if self.state.horizon > 0 {
            self.state.free_writers();
        }
        if raised && self.state.seq_of(&self.id) == RETIRED {
            // Nothing was written under it, so nobody knows it.
            let bits = u128::from_be_bytes(*self.id.as_bytes());
            self.renew(ReplicaId::new(self.state.horizon, bits));
        }
    }
}

impl State {
    /// The number of an id that is not in the table.
    pub(super) fn seq_of_unknown(&self, id: &ReplicaId) -> u64 {
        if id.birth_ms() < self.horizon { RETIRED } else { 0 }
    }

    /// Retired writers with live dots, in the order in which a delta names them: first those that `since` does not list,
    /// then all that only `since` lists.
    pub(super) fn retired_writers(&self, version: &VersionVector, since: &VersionVector) -> Vec<ReplicaId> {
        let mut retired = Vec::new();
        for &(id, at) in self.index.iter() {
            let writer = &self.writers[at as usize];
            if writer.seq == RETIRED && writer.log.len() > 0 && since.rank(&id).is_none() {
                retired.push(id);
            }
        }
        retired.extend(since.iter().map(|(id, _)| id).filter(|id| version.rank(id).is_none()));
        retired
    }

    /// The index in a delta of each local writer. One that has written nothing has no dots, so its index is never used.
    pub(super) fn ranks(&self, version: &VersionVector, retired: &[ReplicaId]) -> Vec<u32> {
        let mut ranks: Vec<u32> =
            self.writers.iter().map(|writer| version.rank(&writer.id).unwrap_or(u32::MAX)).collect();
        for (rank, id) in (version.len() as u32..).zip(retired) {
            if let Some(at) = self.writer_at(id) {
                ranks[at as usize] = rank;
            }
        }
        ranks
    }

    /// Marks a writer as retired and drops its delete records.
    fn retire_writer(&mut self, at: usize) {
        let writer = &mut self.writers[at];
        writer.seq = RETIRED;
        writer.floor = 0;
        let keys: Vec<Key> = self.logged(at as u32, 0).map(|(_, key)| key.clone()).collect();
        for key in keys {
            self.remove_deletes(&key, &|entry| entry.writer as usize == at, &mut |_, _| {});
        }
    }

    /// Makes room for others in the places of retired writers that have nothing left.
    fn free_writers(&mut self) {
        for at in 0..self.writers.len() {
            let writer = &self.writers[at];
            if writer.seq == RETIRED && writer.log.len() == 0 && self.writer_at(&writer.id) == Some(at as u32) {
                self.index.remove(&self.writers[at].id);
                self.free.push(at as u32);
            }
        }
    }
}
