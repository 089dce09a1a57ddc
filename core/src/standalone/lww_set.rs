//! The set in which the last writer of each element wins.

use super::lookup::Lookup;
use super::lww::{Stamp, Written};
use super::wire::Tag;
use super::{Crdt, Input, Item, Output, show};
use crate::bytes::DecodeError;
use crate::clock::{Hlc, ReplicaId};
use std::{borrow::Borrow, fmt, hash::Hash};

/// A set in which the last add or remove of each element wins: by [`Stamp`], and with one stamp the add
/// (the LWW-element-set of Shapiro et al.: "A comprehensive study of convergent and commutative replicated data types", 2011).
///
/// A removed element keeps its stamp, because only that tells later which write was the last.
///
/// ```
/// use syncline::{clock::{Hlc, ReplicaId}, standalone::{Crdt, LwwSet}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = LwwSet::default();
/// let mut right = LwwSet::default();
/// right.remove(Hlc::new(11, 0), b, 7u64);
/// left.add(Hlc::new(10, 0), a, 7u64);
/// left.merge(&right);
/// assert!(!left.contains(&7));
/// ```
#[derive(Clone)]
pub struct LwwSet<V>(Lookup<V, Written<bool>>);

impl<V: Item> LwwSet<V> {
    /// Adds an element. Returns the delta. A write that is not later than what is here changes nothing here.
    pub fn add(&mut self, hlc: Hlc, me: ReplicaId, value: V) -> Self {
        self.write(Stamp { hlc, replica: me }, value, true)
    }

    /// Removes an element, also from replicas where it is yet to arrive. Returns the delta.
    pub fn remove(&mut self, hlc: Hlc, me: ReplicaId, value: V) -> Self {
        self.write(Stamp { hlc, replica: me }, value, false)
    }

    fn write(&mut self, stamp: Stamp, value: V, present: bool) -> Self {
        let written = Written { stamp, value: present };
        let mut delta = LwwSet::default();
        delta.0.append(value.clone(), written.clone());
        self.0.get_or_insert_with(value, || written.clone()).merge(&written);
        delta
    }

    /// Tells whether the element is there.
    pub fn contains<Q: Ord + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        V: Borrow<Q>,
    {
        self.0.get(value).is_some_and(|written| written.value)
    }

    /// The greatest stamp of all elements: check it at the door, and let the own clock observe it.
    pub fn latest(&self) -> Option<Stamp> {
        self.0.values().map(|written| written.stamp).max()
    }

    /// The elements in their order.
    pub fn values(&self) -> Vec<&V> {
        self.0.sorted().into_iter().filter(|pair| pair.1.value).map(|pair| pair.0).collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.values().filter(|written| written.value).count()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V: Item> Crdt for LwwSet<V> {
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0, Written::merge);
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Output::new(Tag::LwwSet);
        out.table(&self.0, |written, out| {
            written.stamp.put(out);
            out.byte(u8::from(written.value));
        });
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, Tag::LwwSet)?;
        let table = input.table(Stamp::LEAST + 2, |input| {
            let stamp = Stamp::take(input)?;
            match input.byte()? {
                present @ (0 | 1) => Ok(Written { stamp, value: present == 1 }),
                _ => Err(DecodeError::Range("presence")),
            }
        })?;
        input.finish()?;
        Ok(LwwSet(table))
    }
}

impl<V> Default for LwwSet<V> {
    fn default() -> Self {
        LwwSet(Lookup::default())
    }
}

impl<V: Item> PartialEq for LwwSet<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Item + fmt::Debug> fmt::Debug for LwwSet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values()).finish()
    }
}

impl<V: Item + fmt::Display> fmt::Display for LwwSet<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.values())
    }
}
