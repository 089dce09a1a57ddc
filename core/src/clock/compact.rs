//! Short forms of version vectors for the beginning of a conversation, whose two sides know most ids already.

use super::{ReplicaId, VersionVector};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Bytes of an id by which a sketch tells it from others; a mix-up is found by the digest.
const TAG: usize = 3;

impl VersionVector {
    /// A digest of the vector: equal for equal ones, and hardly ever for others.
    pub fn digest(&self) -> u64 {
        let mut hasher = SipHasher13::new_with_key(b"syncline version");
        hasher.write(&self.encode());
        hasher.finish()
    }

    /// Encodes the vector for a reader that knows all its ids: digest, horizon, and for each entry in the order of ids
    /// the last three bytes of the id and the number.
    ///
    /// ```
    /// use syncline::clock::{ReplicaId, VersionVector};
    /// let ids = [ReplicaId::new(1, 1), ReplicaId::new(1, 2)];
    /// let seen: VersionVector = [(ids[0], 3)].into_iter().collect();
    /// assert_eq!(VersionVector::resolve(&seen.sketch(), ids.into_iter()), Ok(Some(seen)));
    /// ```
    pub fn sketch(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(&self.digest().to_le_bytes());
        out.varint(self.horizon());
        out.varint(self.len() as u64);
        self.iter().for_each(|(id, _)| out.bytes(tag(&id)));
        self.iter().for_each(|(_, seq)| out.varint(seq));
        out.into_bytes()
    }

    /// Finds out which vector was sketched, with the help of `known` ids; `None` if they do not suffice.
    ///
    /// # Errors
    /// [`DecodeError`] if the sketch is malformed.
    pub fn resolve(sketch: &[u8], known: impl Iterator<Item = ReplicaId>) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(sketch);
        let digest = reader.take(8)?;
        let mut out = VersionVector::default();
        out.set_horizon(reader.varint()?);
        let count = reader.count(TAG + 1, bounds::REPLICAS)?;
        let tags = reader.take(count * TAG)?;
        let mut ids: Vec<ReplicaId> = known.collect();
        ids.sort_unstable_by(|a, b| (tag(a), a).cmp(&(tag(b), b)));
        ids.dedup();
        for tagged in tags.chunks_exact(TAG) {
            let seq = reader.varint()?;
            let at = ids.partition_point(|id| tag(id) < tagged);
            match ids.get(at).filter(|id| tag(id) == tagged) {
                Some(&id) if seq <= bounds::SEQUENCE => out.list(id, seq),
                _ => return Ok(None),
            }
        }
        reader.finish()?;
        Ok((out.digest().to_le_bytes() == digest).then_some(out))
    }

    /// Encodes the vector for a reader that has `base`: the horizon, the entries of `base` that are no longer listed (as
    /// gaps between their places), those with another number, and the new ones.
    pub fn encode_beside(&self, base: &VersionVector) -> Vec<u8> {
        let mut out = Writer::default();
        let (mut gone, mut raised, mut fresh) = (Vec::new(), Vec::new(), VersionVector::default());
        for (place, (id, seq)) in (0u64..).zip(base.iter()) {
            match self.rank(&id).map(|_| self.get(&id)) {
                None => gone.push(place),
                Some(here) if here != seq => raised.push((place, here)),
                Some(_) => {}
            }
        }
        fresh.set_horizon(self.horizon());
        self.iter().filter(|(id, _)| base.rank(id).is_none()).for_each(|(id, seq)| fresh.list(id, seq));
        out.varint(gone.len() as u64);
        gone.iter().for_each(|&place| out.varint(place));
        out.varint(raised.len() as u64);
        for (place, seq) in raised {
            out.varint(place);
            out.varint(seq);
        }
        out.bytes(&fresh.encode());
        out.into_bytes()
    }

    /// Decodes what [`VersionVector::encode_beside`] made with the same `base`.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are malformed or belong to another base.
    pub fn decode_beside(bytes: &[u8], base: &VersionVector) -> Result<Self, DecodeError> {
        const PLACE: DecodeError = DecodeError::Range("place in a version vector");
        let mut reader = Reader::new(bytes);
        let mut entries: Vec<(ReplicaId, Option<u64>)> = base.iter().map(|(id, seq)| (id, Some(seq))).collect();
        for _ in 0..reader.count(1, bounds::REPLICAS)? {
            let place = usize::try_from(reader.varint()?).map_err(|_| PLACE)?;
            entries.get_mut(place).ok_or(PLACE)?.1 = None;
        }
        for _ in 0..reader.count(2, bounds::REPLICAS)? {
            let place = usize::try_from(reader.varint()?).map_err(|_| PLACE)?;
            let seq = reader.varint()?;
            entries.get_mut(place).filter(|_| seq <= bounds::SEQUENCE).ok_or(PLACE)?.1 = Some(seq);
        }
        let mut out = VersionVector::read(&mut reader)?;
        reader.finish()?;
        for (id, seq) in entries {
            if let Some(seq) = seq {
                out.list(id, seq);
            }
        }
        Ok(out)
    }
}

fn tag(id: &ReplicaId) -> &[u8] {
    &id.as_bytes()[16 - TAG..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(random: u128) -> ReplicaId {
        ReplicaId::new(5 + random as u64 % 7, random.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn vector(entries: &[(u128, u64)]) -> VersionVector {
        entries.iter().map(|&(random, seq)| (id(random), seq)).collect()
    }

    #[test]
    fn a_sketch_of_64_entries_takes_few_bytes_and_is_resolved_or_not_but_never_mistaken() {
        let entries: Vec<(u128, u64)> = (0..64).map(|i| (i, 1 + i as u64 * 40)).collect();
        let mut seen = vector(&entries);
        seen.set_horizon(6);
        let sketch = seen.sketch();
        assert!(sketch.len() <= 350, "{} bytes", sketch.len());
        assert_eq!(VersionVector::resolve(&sketch, (0..100).map(id)), Ok(Some(seen.clone())));
        assert_eq!(VersionVector::resolve(&sketch, (1..100).map(id)), Ok(None));
        assert!(
            (0..sketch.len())
                .all(|cut| VersionVector::resolve(&sketch[..cut], (0..100).map(id)) != Ok(Some(seen.clone())))
        );
        // An id with the same tag and another birth in the place of the right one.
        let twin = ReplicaId::new(99, u128::from_be_bytes(*id(3).as_bytes()));
        let known = (0..64).map(|i| if i == 3 { twin } else { id(i) });
        assert_eq!(VersionVector::resolve(&sketch, known), Ok(None));
    }

    #[test]
    fn a_vector_beside_another_comes_back() {
        let base = vector(&[(1, 5), (2, 6), (3, 7)]);
        for other in [vector(&[]), base.clone(), vector(&[(1, 9), (3, 7), (4, 2)]), vector(&[(2, 1)])] {
            for horizon in [0, 8] {
                let mut other = other.clone();
                other.set_horizon(horizon);
                let bytes = other.encode_beside(&base);
                assert_eq!(VersionVector::decode_beside(&bytes, &base), Ok(other));
                assert!((0..bytes.len()).all(|cut| VersionVector::decode_beside(&bytes[..cut], &base).is_err()));
            }
        }
        assert!(base.encode_beside(&base).len() <= 4);
    }
}
