//! What durable members remember of retired ids, and the ids under which their owners go on.
//!
//! Our own; the problem, and answers that need a coordinator for each join instead, are in Almeida, Baquero, Fonte:
//! "Interval tree clocks", 2008, and Landes: "Dynamic vector clocks", 2006.

use super::{ReplicaId, VersionVector};
use crate::assoc::SortedMap;
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Rounds of retirement that are remembered; a replica that was away for longer cannot be helped.
const ROUNDS: usize = 4_096;

/// For each retired id the number of its last event that anyone may count on, and the horizon by which it was retired; and
/// the horizons of all rounds, in order.
///
/// A replica that comes back after its id was retired goes on with what it has beyond that number under its *heir*: an id
/// made from the old one, so that the same events get the same new names, however often it is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    rounds: Vec<u64>,
    last: SortedMap<ReplicaId, (u64, u64)>,
    /// Ids born before this time and not listed may be retired with any number.
    forgotten: u64,
}

/// How a replica whose id was retired goes on: its events beyond `taken` are renamed, the first of them becomes the first
/// of `heir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The retired id.
    pub from: ReplicaId,
    /// How many of its events are known.
    pub taken: u64,
    /// The id for those beyond.
    pub heir: ReplicaId,
}

impl Retired {
    /// Notes a round: `last` lists the ids retired by it that had written, each with the number of its last event.
    pub fn note(&mut self, horizon: u64, last: impl IntoIterator<Item = (ReplicaId, u64)>) {
        if let Err(at) = self.rounds.binary_search(&horizon) {
            self.rounds.insert(at, horizon);
        }
        for (id, seq) in last {
            self.last.get_or_insert_with(id, || (seq, horizon));
        }
        self.bound();
    }

    /// Takes in what another member remembers.
    pub fn join(&mut self, other: &Retired) {
        self.forgotten = self.forgotten.max(other.forgotten);
        other.rounds.iter().for_each(|&horizon| self.note(horizon, []));
        for &(id, (seq, horizon)) in other.last.iter() {
            self.last.get_or_insert_with(id, || (seq, horizon));
        }
        self.bound();
    }

    /// What is to be remembered beyond `horizon`, for a member that knows the rest.
    pub fn since(&self, horizon: u64) -> Retired {
        let mut out = Retired { forgotten: self.forgotten, ..Retired::default() };
        if self.horizon() <= horizon {
            return out;
        }
        out.rounds.extend(self.rounds.iter().filter(|&&round| round > horizon));
        for &(id, (seq, by)) in self.last.iter().filter(|(_, (_, by))| *by > horizon) {
            out.last.insert(id, (seq, by));
        }
        out
    }

    /// Admits that not everything up to `horizon` is remembered.
    pub fn forget(&mut self, horizon: u64) {
        self.forgotten = self.forgotten.max(horizon);
    }

    /// The horizon of the last round; 0 before the first.
    pub fn horizon(&self) -> u64 {
        self.rounds.last().copied().unwrap_or(0)
    }

    /// Number of retired ids that are remembered.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// The horizons of all rounds that are remembered, in order.
    pub fn rounds(&self) -> &[u64] {
        &self.rounds
    }

    /// Retired ids that had written, each with the number of its last event and the horizon that retired it.
    pub fn iter(&self) -> impl Iterator<Item = (ReplicaId, u64, u64)> + '_ {
        self.last.iter().map(|&(id, (seq, horizon))| (id, seq, horizon))
    }

    /// Ids born before this time (ms since the Unix epoch) and not listed may have been forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.rounds.is_empty() && self.forgotten == 0
    }

    /// How the owner of `id`, which `version` has retired, goes on. `None` if that is no longer known.
    pub fn heir(&self, id: &ReplicaId, version: &VersionVector) -> Option<Handover> {
        let (mut heir, mut taken) = (*id, 0u64);
        while version.is_retired(&heir) {
            let (last, horizon) = match self.last.get(&heir) {
                Some(&known) => known,
                None if heir.birth_ms() < self.forgotten => return None,
                // Nothing was seen of it when the next round retired it.
                None => (0, *self.rounds.iter().find(|&&round| round > heir.birth_ms())?),
            };
            taken += last;
            heir = next(&heir, last, horizon);
        }
        Some(Handover { from: *id, taken, heir })
    }

    /// Keeps the memory bounded: the oldest is forgotten first.
    fn bound(&mut self) {
        let excess = self.rounds.len().saturating_sub(ROUNDS);
        if excess > 0 {
            self.forget(self.rounds[excess - 1]);
            self.rounds.drain(..excess);
        }
        while self.last.len() > bounds::REPLICAS {
            let Some(&(oldest, _)) = self.last.iter().next() else { return };
            self.last.remove(&oldest);
            self.forget(oldest.birth_ms() + 1);
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.varint(self.forgotten);
        out.varint(self.rounds.len() as u64);
        self.rounds.iter().for_each(|&round| out.varint(round));
        out.varint(self.last.len() as u64);
        for (id, (seq, horizon)) in self.last.iter() {
            out.bytes(id.as_bytes());
            out.varint(*seq);
            out.varint(horizon.saturating_sub(id.birth_ms()));
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut out = Retired { forgotten: reader.varint()?, ..Retired::default() };
        for _ in 0..reader.count(1, ROUNDS)? {
            let round = reader.varint()?;
            if out.rounds.last().is_some_and(|&last| last >= round) {
                return Err(DecodeError::Range("order of horizons"));
            }
            out.rounds.push(round);
        }
        for _ in 0..reader.count(18, bounds::REPLICAS)? {
            let mut id = [0; 16];
            id.copy_from_slice(reader.take(16)?);
            let (id, seq, after) = (ReplicaId::from_bytes(id), reader.varint()?, reader.varint()?);
            let horizon = id.birth_ms().checked_add(after);
            if seq > bounds::SEQUENCE || after == 0 || horizon.is_none_or(|horizon| horizon > ReplicaId::LAST_BIRTH) {
                return Err(DecodeError::Range("retired id"));
            }
            out.last.insert(id, (seq, id.birth_ms() + after));
        }
        Ok(out)
    }
}

/// The id that follows one which was retired by `horizon` with `last` events: it is born with the horizon, and random as the
/// old one was.
fn next(id: &ReplicaId, last: u64, horizon: u64) -> ReplicaId {
    let mut hasher = SipHasher13::new_with_key(b"syncline heir id");
    hasher.write(id.as_bytes());
    hasher.write(&last.to_le_bytes());
    let hash = hasher.finish128();
    ReplicaId::new(horizon, u128::from(hash.h1) << 64 | u128::from(hash.h2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heir_is_the_same_for_all_members_and_across_rounds() {
        let x = ReplicaId::new(5, 1);
        let mut retired = Retired::default();
        retired.note(10, [(x, 7)]);
        let mut version = VersionVector::default();
        version.set_horizon(10);
        let first = retired.heir(&x, &version).unwrap();
        assert_eq!((first.taken, first.heir.birth_ms()), (7, 10));
        // The heir wrote twice and was retired, too; one that never wrote is passed over.
        retired.note(20, [(first.heir, 2)]);
        retired.note(30, []);
        version.set_horizon(30);
        let later = retired.heir(&x, &version).unwrap();
        assert_eq!((later.taken, later.heir.birth_ms()), (9, 30));
        let mut member = Retired::default();
        member.join(&retired.since(10));
        member.join(&retired.since(0));
        assert_eq!(member, retired);
        assert_eq!(member.heir(&x, &version), Some(later));
    }

    #[test]
    fn what_is_forgotten_is_admitted() {
        let mut retired = Retired::default();
        (1..=ROUNDS as u64 + 2).for_each(|round| retired.note(round * 10, []));
        let mut version = VersionVector::default();
        version.set_horizon(retired.horizon());
        assert_eq!(retired.heir(&ReplicaId::new(15, 1), &version), None);
        assert!(retired.heir(&ReplicaId::new(25, 1), &version).is_some());
    }

    #[test]
    fn what_is_remembered_comes_back_from_its_bytes() {
        let mut retired = Retired::default();
        retired.note(10, [(ReplicaId::new(5, 1), 7), (ReplicaId::new(6, 1), 1)]);
        retired.forget(3);
        let mut out = Writer::default();
        retired.write(&mut out);
        let bytes = out.into_bytes();
        assert_eq!(Retired::read(&mut Reader::new(&bytes)), Ok(retired));
        assert!((0..bytes.len()).all(|cut| Retired::read(&mut Reader::new(&bytes[..cut])).is_err()));
    }
}
