//! The two-phase set.

use super::lookup::Lookup;
use super::wire::Tag;
use super::{Crdt, Input, Item, Output, show};
use crate::bytes::DecodeError;
use std::{borrow::Borrow, fmt, hash::Hash};

/// A set in which a removal is for ever: an element is in it if it was added and never removed
/// (Shapiro et al.: "A comprehensive study of convergent and commutative replicated data types", 2011).
///
/// A removed element stays as a tombstone. Removing what is not there changes nothing.
///
/// ```
/// use syncline::standalone::{Crdt, TwoPhaseSet};
/// let mut left = TwoPhaseSet::default();
/// left.add(7u64);
/// let mut right = left.clone();
/// left.remove(7);
/// right.add(7);
/// left.merge(&right);
/// assert!(!left.contains(&7));
/// ```
#[derive(Clone)]
pub struct TwoPhaseSet<V>(Lookup<V, Phase>);

/// Where an element is on its way, which has no way back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Added,
    Removed,
}

impl<V: Item> TwoPhaseSet<V> {
    /// Adds an element, unless it was ever removed. Returns the delta.
    pub fn add(&mut self, value: V) -> Self {
        self.0.get_or_insert_with(value.clone(), || Phase::Added);
        Self::one(value, Phase::Added)
    }

    /// Removes an element for ever. Returns the delta, which is empty if it is not there.
    pub fn remove(&mut self, value: V) -> Self {
        match self.0.get_mut(&value) {
            Some(phase @ Phase::Added) => *phase = Phase::Removed,
            _ => return TwoPhaseSet::default(),
        }
        Self::one(value, Phase::Removed)
    }

    fn one(value: V, phase: Phase) -> Self {
        let mut set = TwoPhaseSet::default();
        set.0.append(value, phase);
        set
    }

    /// Tells whether the element is there.
    pub fn contains<Q: Ord + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        V: Borrow<Q>,
    {
        self.0.get(value) == Some(&Phase::Added)
    }

    /// The elements in their order.
    pub fn values(&self) -> Vec<&V> {
        self.0.sorted().into_iter().filter(|pair| *pair.1 == Phase::Added).map(|pair| pair.0).collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.values().filter(|phase| **phase == Phase::Added).count()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V: Item> Crdt for TwoPhaseSet<V> {
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0, |own, their| *own = (*own).max(*their));
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Output::new(Tag::TwoPhaseSet);
        out.table(&self.0, |phase, out| out.byte(u8::from(*phase == Phase::Removed)));
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, Tag::TwoPhaseSet)?;
        let table = input.table(2, |input| match input.byte()? {
            0 => Ok(Phase::Added),
            1 => Ok(Phase::Removed),
            _ => Err(DecodeError::Range("phase")),
        })?;
        input.finish()?;
        Ok(TwoPhaseSet(table))
    }
}

impl<V> Default for TwoPhaseSet<V> {
    fn default() -> Self {
        TwoPhaseSet(Lookup::default())
    }
}

impl<V: Item> PartialEq for TwoPhaseSet<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Item + fmt::Debug> fmt::Debug for TwoPhaseSet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values()).finish()
    }
}

impl<V: Item + fmt::Display> fmt::Display for TwoPhaseSet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.values())
    }
}
