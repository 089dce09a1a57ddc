//! Counters.

use super::wire::Tag;
use super::{ChangeError, Crdt, Input, Output};
use crate::assoc::SortedMap;
use crate::bytes::DecodeError;
use crate::clock::ReplicaId;
use std::fmt;

/// A counter that only grows: each replica counts for itself, and the value is the sum
/// (Shapiro et al.: "A comprehensive study of convergent and commutative replicated data types", 2011).
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, GCounter}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = GCounter::default();
/// let delta = left.increment(a, 3)?;
/// let mut right = GCounter::default();
/// right.increment(b, 4)?;
/// right.merge(&delta);
/// right.merge(&delta);
/// assert_eq!(right.value(), 7);
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GCounter(SortedMap<ReplicaId, u64>);

impl GCounter {
    /// Counts up. Returns the delta, which is empty for 0.
    ///
    /// # Errors
    /// [`ChangeError::Overflow`] if the count of `me` would leave 64 bits.
    pub fn increment(&mut self, me: ReplicaId, by: u64) -> Result<Self, ChangeError> {
        let mut delta = GCounter::default();
        let count = self.0.get(&me).copied().unwrap_or(0).checked_add(by).ok_or(ChangeError::Overflow(me))?;
        // Zero and absent are the same, so zero is never kept.
        if count > 0 && by > 0 {
            self.0.insert(me, count);
            delta.0.insert(me, count);
        }
        Ok(delta)
    }

    /// The sum over all replicas.
    pub fn value(&self) -> u128 {
        self.0.iter().map(|pair| u128::from(pair.1)).sum()
    }
}

impl Crdt for GCounter {
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0, |own, their| *own = (*own).max(*their));
    }

    fn encode(&self) -> Vec<u8> {
        put(Tag::GCounter, &self.0, |count, out| out.varint(*count))
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let counts = take(bytes, Tag::GCounter, |input| match input.varint()? {
            0 => Err(DecodeError::Range("count")),
            count => Ok(count),
        })?;
        Ok(GCounter(counts))
    }
}

impl fmt::Display for GCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// A counter that counts both ways and can be reset: a reset takes away just what it saw, so that what others count
/// meanwhile stays.
///
/// Each replica's sums only grow, and a reset notes how much of each it saw, which only grows too. So there is no dot to
/// bring back what a reset took (Baquero, Almeida, Lerche: "The problem with embedded CRDT counters and a solution", 2016;
/// Weidner, Almeida: "An oblivious observed-reset embeddable replicated counter", 2022), and the size depends on the number of
/// replicas alone.
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, PnCounter}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = PnCounter::default();
/// left.add(a, 10)?;
/// let mut right = left.clone();
/// left.reset();
/// right.add(b, -3)?;
/// left.merge(&right);
/// assert_eq!(left.value(), -3);
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PnCounter(SortedMap<ReplicaId, Tally>);

/// What one replica counted: sums of both directions, and how much of each a reset has seen, at most all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    up: u64,
    down: u64,
    up_reset: u64,
    down_reset: u64,
}

impl PnCounter {
    /// Counts up, or down if `by` is negative. Returns the delta, which is empty for 0.
    ///
    /// # Errors
    /// [`ChangeError::Overflow`] if the sum of `me` in this direction, resets left aside, would leave 64 bits.
    pub fn add(&mut self, me: ReplicaId, by: i64) -> Result<Self, ChangeError> {
        let mut delta = PnCounter::default();
        let tally = self.0.get(&me).copied().unwrap_or_default();
        let added = |sum: u64| sum.checked_add(by.unsigned_abs()).ok_or(ChangeError::Overflow(me));
        match by {
            0 => return Ok(delta),
            1.. => delta.0.insert(me, Tally { up: added(tally.up)?, ..Tally::default() }),
            _ => delta.0.insert(me, Tally { down: added(tally.down)?, ..Tally::default() }),
        };
        self.merge(&delta);
        Ok(delta)
    }

    /// Takes away everything that was counted as far as it was seen here. Returns the delta.
    pub fn reset(&mut self) -> Self {
        let mut delta = self.clone();
        for (_, tally) in delta.0.iter_mut() {
            (tally.up_reset, tally.down_reset) = (tally.up, tally.down);
        }
        self.clone_from(&delta);
        delta
    }

    /// The sum over all replicas.
    pub fn value(&self) -> i128 {
        self.0.iter().map(|pair| pair.1.value()).sum()
    }
}

impl Tally {
    fn value(&self) -> i128 {
        i128::from(self.up - self.up_reset) - i128::from(self.down - self.down_reset)
    }

    fn merge(&mut self, other: &Self) {
        self.up = self.up.max(other.up);
        self.down = self.down.max(other.down);
        self.up_reset = self.up_reset.max(other.up_reset);
        self.down_reset = self.down_reset.max(other.down_reset);
    }
}

impl Crdt for PnCounter {
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0, Tally::merge);
    }

    fn encode(&self) -> Vec<u8> {
        put(Tag::PnCounter, &self.0, |tally, out| {
            [tally.up, tally.down, tally.up_reset, tally.down_reset].into_iter().for_each(|sum| out.varint(sum));
        })
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let tallies = take(bytes, Tag::PnCounter, |input| {
            let (up, down) = (input.varint()?, input.varint()?);
            let tally = Tally { up, down, up_reset: input.varint()?, down_reset: input.varint()? };
            let sound = tally.up_reset <= up && tally.down_reset <= down && (up > 0 || down > 0);
            Some(tally).filter(|_| sound).ok_or(DecodeError::Range("count"))
        })?;
        Ok(PnCounter(tallies))
    }
}

impl fmt::Display for PnCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

fn put<T>(tag: Tag, counts: &SortedMap<ReplicaId, T>, mut count: impl FnMut(&T, &mut Output)) -> Vec<u8> {
    let mut out = Output::new(tag);
    out.varint(counts.len() as u64);
    let mut last = None;
    for (replica, item) in counts.iter() {
        out.replica(replica, last);
        count(item, &mut out);
        last = Some(replica);
    }
    out.finish()
}

fn take<T>(
    bytes: &[u8],
    tag: Tag,
    mut count: impl FnMut(&mut Input<'_>) -> Result<T, DecodeError>,
) -> Result<SortedMap<ReplicaId, T>, DecodeError> {
    let mut input = Input::new(bytes, tag)?;
    let mut counts = SortedMap::default();
    let mut last = None;
    for _ in 0..input.replicas()? {
        let replica = input.replica(last.as_ref())?;
        counts.insert(replica, count(&mut input)?);
        last = Some(replica);
    }
    input.finish()?;
    Ok(counts)
}
