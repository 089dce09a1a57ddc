//! Version vectors (Parker et al., 1983), with a horizon for retired replicas.

use super::{Dot, ReplicaId};
use crate::assoc::SortedMap;
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use std::cmp::Ordering;

/// How two version vectors relate in the partial order of what they have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Causality {
    /// The first has seen less than the second.
    Before,
    /// The first has seen more than the second.
    After,
    /// Both have seen the same.
    Equal,
    /// Each has seen something that the other has not.
    Concurrent,
}

/// The gapless past: for each replica, the number of its events that were seen. Absent and zero are the same.
///
/// `horizon` is a birth time in milliseconds: every id born before it and not listed counts as seen completely. It stays
/// 0 until the durable members of a room have agreed to retire ids.
///
/// ```
/// use syncline::clock::{Causality, ReplicaId, VersionVector};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = VersionVector::default();
/// left.insert(a, 3);
/// let mut right = left.clone();
/// right.insert(b, 1);
/// assert_eq!(left.compare(&right), Causality::Before);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VersionVector {
    entries: SortedMap<ReplicaId, u64>,
    horizon: u64,
}

impl VersionVector {
    /// The sequence number up to which the events of `id` were seen; 0 for none, [`u64::MAX`] for a retired id.
    pub fn get(&self, id: &ReplicaId) -> u64 {
        match self.entries.get(id) {
            Some(&seq) => seq,
            None if id.birth_ms() < self.horizon => u64::MAX,
            None => 0,
        }
    }

    /// Raises the entry of `id` to `seq`; lower numbers change nothing, and neither does any for a retired id.
    pub fn insert(&mut self, id: ReplicaId, seq: u64) {
        if seq > 0 && self.get(&id) < seq {
            self.list(id, seq);
        }
    }

    /// Lists an id. One born before the horizon is listed even with 0, because not being listed would mean retired.
    pub(crate) fn list(&mut self, id: ReplicaId, seq: u64) {
        if seq > 0 || id.birth_ms() < self.horizon {
            self.entries.insert(id, seq);
        }
    }

    /// Tells whether the event was seen.
    pub fn covers(&self, dot: &Dot) -> bool {
        dot.seq <= self.get(&dot.replica)
    }

    /// Takes in what the other has seen: the least upper bound of both. What either has retired is no longer listed.
    pub fn join(&mut self, other: &VersionVector) {
        if self.horizon == 0 && other.horizon == 0 {
            return self.entries.join(&other.entries, |own, their| *own = (*own).max(*their));
        }
        let mut joined = VersionVector { entries: SortedMap::default(), horizon: self.horizon.max(other.horizon) };
        for (id, _) in self.iter().chain(other.iter()) {
            let seq = self.get(&id).max(other.get(&id));
            if seq != u64::MAX {
                joined.list(id, seq);
            }
        }
        *self = joined;
    }

    /// What both have seen: the greatest lower bound, by entry. A retired id counts with what the other lists.
    pub fn meet(&self, other: &VersionVector) -> VersionVector {
        let mut out = VersionVector { entries: SortedMap::default(), horizon: self.horizon.min(other.horizon) };
        for (id, _) in self.iter().chain(other.iter()) {
            let seq = self.get(&id).min(other.get(&id));
            if seq != u64::MAX {
                out.list(id, seq);
            }
        }
        out
    }

    /// Tells whether this one has seen everything that `other` has.
    pub fn includes(&self, other: &VersionVector) -> bool {
        let mut listed = self.iter().chain(other.iter());
        self.horizon >= other.horizon && listed.all(|(id, _)| self.get(&id) >= other.get(&id))
    }

    /// Compares in the partial order of what was seen.
    pub fn compare(&self, other: &VersionVector) -> Causality {
        if self.horizon == 0 && other.horizon == 0 {
            return self.compare_listed(other);
        }
        match (self.includes(other), other.includes(self)) {
            (true, true) => Causality::Equal,
            (true, false) => Causality::After,
            (false, true) => Causality::Before,
            (false, false) => Causality::Concurrent,
        }
    }

    /// Compares side by side, in the order of ids: without a horizon, what is not listed was not seen.
    fn compare_listed(&self, other: &VersionVector) -> Causality {
        let (mut left, mut right) = (self.entries.as_slice(), other.entries.as_slice());
        let (mut more, mut less) = (false, false);
        while let (Some(own), Some(their)) = (left.first(), right.first()) {
            match own.0.cmp(&their.0) {
                Ordering::Less => (more, left) = (true, &left[1..]),
                Ordering::Greater => (less, right) = (true, &right[1..]),
                Ordering::Equal => {
                    more |= own.1 > their.1;
                    less |= own.1 < their.1;
                    (left, right) = (&left[1..], &right[1..]);
                }
            }
            if more && less {
                return Causality::Concurrent;
            }
        }
        match (more || !left.is_empty(), less || !right.is_empty()) {
            (false, false) => Causality::Equal,
            (true, false) => Causality::After,
            (false, true) => Causality::Before,
            (true, true) => Causality::Concurrent,
        }
    }

    /// The entries in the order of ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// Encodes the vector: horizon, count, then for each entry the birth (as a difference), 10 bytes, the number.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.write(&mut out);
        out.into_bytes()
    }

    /// Decodes what [`VersionVector::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are cut short, not in order, or more than [`bounds::REPLICAS`] entries.
    ///
    /// ```
    /// use syncline::clock::VersionVector;
    /// let seen = VersionVector::default();
    /// assert_eq!(VersionVector::decode(&seen.encode()), Ok(seen));
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(version)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.varint(self.horizon);
        out.varint(self.entries.len() as u64);
        let mut birth = 0;
        for (id, seq) in self.iter() {
            out.varint(id.birth_ms() - birth);
            out.bytes(&id.as_bytes()[6..]);
            out.varint(seq);
            birth = id.birth_ms();
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let horizon = reader.varint()?;
        // One entry takes 12 bytes at least, so the count is bounded by what is there.
        let count = reader.count(12, bounds::REPLICAS)?;
        let mut out = VersionVector { entries: SortedMap::default(), horizon };
        let (mut birth, mut last) = (0u64, None);
        for _ in 0..count {
            birth =
                birth.checked_add(reader.varint()?).filter(|&ms| ms < 1 << 48).ok_or(DecodeError::Range("birth"))?;
            let mut id = [0; 16];
            id[..6].copy_from_slice(&birth.to_be_bytes()[2..]);
            id[6..].copy_from_slice(reader.take(10)?);
            let (id, seq) = (ReplicaId::from_bytes(id), reader.varint()?);
            if (seq == 0 && birth >= horizon) || seq > bounds::SEQUENCE || last >= Some(id) {
                return Err(DecodeError::Range("version vector entry"));
            }
            last = Some(id);
            out.entries.insert(id, seq);
        }
        Ok(out)
    }

    /// The place of an id among the entries.
    pub(crate) fn rank(&self, id: &ReplicaId) -> Option<u32> {
        self.entries.position(id).ok().map(|at| at as u32)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0 && self.horizon == 0
    }

    /// The birth time in milliseconds below which unlisted ids are retired; 0 for none.
    pub fn horizon(&self) -> u64 {
        self.horizon
    }

    /// Retires what `other` has retired, without taking in what it has seen.
    pub(crate) fn follow(&mut self, other: &VersionVector) {
        let mut after = VersionVector { entries: SortedMap::default(), horizon: other.horizon };
        let ids = self.iter().chain(other.iter().filter(|(id, _)| id.birth_ms() < other.horizon));
        for (id, _) in ids.filter(|(id, _)| !other.is_retired(id)) {
            after.list(id, if self.is_retired(&id) { 0 } else { self.get(&id) });
        }
        *self = after;
    }

    /// Whether the id is retired: born before the horizon and not listed.
    pub fn is_retired(&self, id: &ReplicaId) -> bool {
        self.get(id) == u64::MAX
    }

    /// Raises the horizon.
    pub fn set_horizon(&mut self, ms: u64) {
        self.horizon = self.horizon.max(ms);
    }
}

impl FromIterator<(ReplicaId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(entries: I) -> Self {
        let mut out = VersionVector::default();
        entries.into_iter().for_each(|(id, seq)| out.insert(id, seq));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(entries: &[(u128, u64)]) -> VersionVector {
        entries.iter().map(|&(id, seq)| (ReplicaId::new(5, id), seq)).collect()
    }

    #[test]
    fn absent_and_zero_are_the_same() {
        assert_eq!(vector(&[(1, 0)]).compare(&VersionVector::default()), Causality::Equal);
    }

    #[test]
    fn comparison_is_the_partial_order() {
        let cases = [
            (vector(&[(1, 1)]), vector(&[(1, 1)]), Causality::Equal),
            (vector(&[(1, 1)]), vector(&[(1, 2)]), Causality::Before),
            (vector(&[(1, 1), (2, 1)]), vector(&[(1, 1)]), Causality::After),
            (vector(&[(1, 2), (2, 1)]), vector(&[(1, 1), (2, 2)]), Causality::Concurrent),
        ];
        for (left, right, expected) in cases {
            assert_eq!(left.compare(&right), expected, "{left:?} beside {right:?}");
        }
    }

    #[test]
    fn a_horizon_covers_older_ids_that_are_not_listed() {
        let mut left = vector(&[(1, 3)]);
        left.set_horizon(10);
        assert!(left.covers(&Dot::new(ReplicaId::new(5, 2), 99)));
        assert!(!left.covers(&Dot::new(ReplicaId::new(5, 1), 4)));
        assert!(!left.covers(&Dot::new(ReplicaId::new(10, 2), 1)));
        let mut joined = vector(&[(2, 7)]);
        joined.join(&left);
        assert_eq!(joined.get(&ReplicaId::new(5, 2)), u64::MAX);
    }

    #[test]
    fn decoding_refuses_what_is_not_canonical() {
        let bytes = vector(&[(1, 3), (2, 400)]).encode();
        assert_eq!(VersionVector::decode(&bytes), Ok(vector(&[(1, 3), (2, 400)])));
        assert!((0..bytes.len()).all(|cut| VersionVector::decode(&bytes[..cut]).is_err()));
        assert!(VersionVector::decode(&[0, 0xff, 0xff, 0xff, 0x7f]).is_err());
    }
}
