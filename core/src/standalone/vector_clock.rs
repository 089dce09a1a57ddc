//! The vector clock.

use super::show::{self, Colon};
use super::wire::Tag;
use super::{ChangeError, Crdt};
use crate::bounds;
use crate::bytes::DecodeError;
use crate::clock::{Causality, Dot, ReplicaId, VersionVector};
use std::fmt;

/// A vector clock: for each replica, how many of its events are behind this point. Absent and zero are the same.
///
/// (Mattern: "Virtual time and global states of distributed systems", 1989; Fidge 1988; for versions, Parker et al. 1983.)
///
/// ```
/// use syncline::clock::{Causality, ReplicaId};
/// use syncline::standalone::{Crdt, VectorClock};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = VectorClock::default();
/// left.increment(a)?;
/// let mut right = left.clone();
/// right.increment(b)?;
/// assert_eq!(left.compare(&right), Causality::Before);
/// left.increment(a)?;
/// assert_eq!(left.compare(&right), Causality::Concurrent);
/// left.merge(&right);
/// assert_eq!(left.compare(&right), Causality::After);
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorClock(VersionVector);

impl VectorClock {
    /// Counts one event of `me` and returns its name. `VectorClock::from(dot)` is the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    #[inline]
    pub fn increment(&mut self, me: ReplicaId) -> Result<Dot, ChangeError> {
        let seq = self.0.get(&me) + 1;
        if seq > bounds::SEQUENCE {
            return Err(ChangeError::Exhausted(me));
        }
        self.0.insert(me, seq);
        Ok(Dot::new(me, seq))
    }

    /// The number of events of a replica.
    pub fn get(&self, replica: &ReplicaId) -> u64 {
        self.0.get(replica)
    }

    /// Tells how the two relate: [`Causality::Before`] if this one is behind the other.
    #[inline]
    pub fn compare(&self, other: &VectorClock) -> Causality {
        self.0.compare(&other.0)
    }

    /// Tells whether an event is behind this point.
    pub fn covers(&self, dot: &Dot) -> bool {
        self.0.covers(dot)
    }

    /// The replicas that have events, in order, each with their number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, u64)> + '_ {
        self.0.iter()
    }

    /// The same as a version vector.
    pub fn version(&self) -> &VersionVector {
        &self.0
    }
}

impl Crdt for VectorClock {
    #[inline]
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0);
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![Tag::VectorClock as u8];
        bytes.append(&mut self.0.encode());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((tag, rest)) if *tag == Tag::VectorClock as u8 => match VersionVector::decode(rest)? {
                version if version.horizon() == 0 => Ok(VectorClock(version)),
                _ => Err(DecodeError::Range("horizon (a vector clock has none)")),
            },
            Some(_) => Err(DecodeError::Range("type")),
            None => Err(DecodeError::Truncated),
        }
    }
}

impl From<Dot> for VectorClock {
    fn from(dot: Dot) -> Self {
        [(dot.replica, dot.seq)].into_iter().collect()
    }
}

/// Several numbers of one replica count as the greatest; numbers beyond [`bounds::SEQUENCE`] as that.
impl FromIterator<(ReplicaId, u64)> for VectorClock {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(entries: I) -> Self {
        VectorClock(entries.into_iter().map(|(id, seq)| (id, seq.min(bounds::SEQUENCE))).collect())
    }
}

impl fmt::Display for VectorClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.iter().map(|(replica, seq)| Colon(replica, seq)))
    }
}
