//! The map in which the last writer of each key wins.

use super::lookup::Lookup;
use super::lww::{Stamp, Written};
use super::show::{self, Colon};
use super::wire::Tag;
use super::{Crdt, Input, Item, Output};
use crate::bytes::DecodeError;
use crate::clock::{Hlc, ReplicaId};
use std::{borrow::Borrow, fmt, hash::Hash};

/// A map in which the last writer of each key wins: by [`Stamp`], then by content; a removal is a write, and with one stamp a
/// value wins over it.
///
/// A removed key keeps its stamp (32 bytes and the key), because only that tells later which write was the last.
///
/// ```
/// use syncline::{clock::{Hlc, ReplicaId}, standalone::{Crdt, LwwMap}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = LwwMap::default();
/// left.set(Hlc::new(10, 0), a, "age".to_owned(), 36u64);
/// let mut right = left.clone();
/// right.remove(Hlc::new(12, 0), b, "age".to_owned());
/// left.set(Hlc::new(11, 0), a, "age".to_owned(), 37);
/// left.merge(&right);
/// assert_eq!(left.get("age"), None, "the removal was last");
/// ```
#[derive(Clone)]
pub struct LwwMap<K, V>(Lookup<K, Written<Option<V>>>);

impl<K: Item, V: Item> LwwMap<K, V> {
    /// Writes the value of a key. Returns the delta. A write that is not later than what is here changes nothing here.
    pub fn set(&mut self, hlc: Hlc, me: ReplicaId, key: K, value: V) -> Self {
        self.write(Stamp { hlc, replica: me }, key, Some(value))
    }

    /// Removes a key, also from replicas where it is yet to arrive. Returns the delta.
    pub fn remove(&mut self, hlc: Hlc, me: ReplicaId, key: K) -> Self {
        self.write(Stamp { hlc, replica: me }, key, None)
    }

    fn write(&mut self, stamp: Stamp, key: K, value: Option<V>) -> Self {
        let written = Written { stamp, value };
        let mut delta = LwwMap::default();
        delta.0.append(key.clone(), written.clone());
        match self.0.get_mut(&key) {
            Some(own) => own.merge(&written),
            None => self.0.insert(key, written),
        }
        delta
    }

    /// The value of a key.
    pub fn get<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).and_then(|written| written.value.as_ref())
    }

    /// When and by whom a key was written or removed last.
    pub fn stamp<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> Option<Stamp>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map(|written| written.stamp)
    }

    /// The greatest stamp of all keys: check it at the door, and let the own clock observe it.
    pub fn latest(&self) -> Option<Stamp> {
        self.0.values().map(|written| written.stamp).max()
    }

    /// The keys in their order, each with its value.
    pub fn entries(&self) -> Vec<(&K, &V)> {
        self.0.sorted().into_iter().filter_map(|(key, written)| Some((key, written.value.as_ref()?))).collect()
    }

    /// Number of keys that have a value.
    pub fn len(&self) -> usize {
        self.0.values().filter(|written| written.value.is_some()).count()
    }

    /// Tells whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Item, V: Item> Crdt for LwwMap<K, V> {
    fn merge(&mut self, other: &Self) {
        self.0.join(&other.0, Written::merge);
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Output::new(Tag::LwwMap);
        out.table(&self.0, |written, out| {
            written.stamp.put(out);
            out.byte(u8::from(written.value.is_some()));
            written.value.iter().for_each(|value| out.item(value));
        });
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, Tag::LwwMap)?;
        let table = input.table(Stamp::LEAST + 2, |input| {
            let stamp = Stamp::take(input)?;
            let value = match input.byte()? {
                0 => None,
                1 => Some(input.item()?),
                _ => return Err(DecodeError::Range("presence")),
            };
            Ok(Written { stamp, value })
        })?;
        input.finish()?;
        Ok(LwwMap(table))
    }
}

impl<K, V> Default for LwwMap<K, V> {
    fn default() -> Self {
        LwwMap(Lookup::default())
    }
}

impl<K: Item, V: Item> PartialEq for LwwMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Item + fmt::Debug, V: Item + fmt::Debug> fmt::Debug for LwwMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

impl<K: Item + fmt::Display, V: Item + fmt::Display> fmt::Display for LwwMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.entries().into_iter().map(|(key, value)| Colon(key, value)))
    }
}
