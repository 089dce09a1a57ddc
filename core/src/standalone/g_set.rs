//! The grow-only set.

use super::lookup::Lookup;
use super::wire::Tag;
use super::{Crdt, Input, Item, Output, show};
use crate::bytes::DecodeError;
use std::{borrow::Borrow, fmt, hash::Hash};

/// A set that only grows: an element is in it if it was ever added
/// (Shapiro et al.: "A comprehensive study of convergent and commutative replicated data types", 2011).
///
/// ```
/// use syncline::standalone::{Crdt, GSet};
/// let mut left = GSet::default();
/// let delta = left.add("seen".to_owned());
/// let mut right = GSet::default();
/// right.merge(&delta);
/// assert!(right.contains("seen"));
/// ```
#[derive(Clone)]
pub struct GSet<V>(Lookup<V, ()>);

impl<V: Item> GSet<V> {
    /// Adds an element. Returns the delta.
    pub fn add(&mut self, value: V) -> Self {
        let mut delta = GSet::default();
        delta.0.append(value.clone(), ());
        self.0.insert(value, ());
        delta
    }

    /// Tells whether the element is there.
    pub fn contains<Q: Ord + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        V: Borrow<Q>,
    {
        self.0.get(value).is_some()
    }

    /// The elements in their order.
    pub fn values(&self) -> Vec<&V> {
        self.0.sorted().into_iter().map(|pair| pair.0).collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V: Item> Crdt for GSet<V> {
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0, |(), ()| ());
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Output::new(Tag::GSet);
        out.table(&self.0, |(), _| ());
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, Tag::GSet)?;
        let table = input.table(1, |_| Ok(()))?;
        input.finish()?;
        Ok(GSet(table))
    }
}

impl<V> Default for GSet<V> {
    fn default() -> Self {
        GSet(Lookup::default())
    }
}

impl<V: Item> PartialEq for GSet<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Item + fmt::Debug> fmt::Debug for GSet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values()).finish()
    }
}

impl<V: Item + fmt::Display> fmt::Display for GSet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.values())
    }
}
