//! The table below all sets and maps of this module.

use super::index::{Index, hash_of};
use std::{borrow::Borrow, fmt, hash::Hash};

/// Up to this many pairs are kept in order without an index: a search through them is as fast, and a delta stays small.
const SMALL: usize = 8;

/// Pairs that are found by key: few ones, and what was just decoded, in order; many behind a hash index.
///
/// Nothing that can be observed depends on its order. The hash is fixed, since a core without randomness has no secret:
/// who may write elements can choose ones that collide, and thereby make additions linear, not wrong.
#[derive(Clone)]
pub(super) struct Lookup<K, T> {
    /// In the order of keys while there is no index, else in any.
    pairs: Vec<Pair<K, T>>,
    index: Index,
}

#[derive(Clone)]
struct Pair<K, T> {
    key: K,
    hash: u32,
    value: T,
}

impl<K, T> Default for Lookup<K, T> {
    fn default() -> Self {
        Lookup { pairs: Vec::new(), index: Index::default() }
    }
}

impl<K: Ord + Hash, T> Lookup<K, T> {
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    #[inline]
    pub(super) fn get<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| &self.pairs[at].value)
    }

    pub(super) fn get_mut<Q: Ord + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut T>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| &mut self.pairs[at].value)
    }

    /// Sets the value of a key.
    pub(super) fn insert(&mut self, key: K, value: T) {
        let hash = hash_of(&key);
        match self.place_hashed(hash, &key) {
            Ok(at) => self.pairs[at].value = value,
            Err(at) => {
                self.push(at, Pair { key, hash, value });
            }
        }
    }

    pub(super) fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> T) -> &mut T {
        let hash = hash_of(&key);
        let at = match self.place_hashed(hash, &key) {
            Ok(at) => at,
            Err(at) => self.push(at, Pair { key, hash, value: value() }),
        };
        &mut self.pairs[at].value
    }

    /// The value of a key, which becomes the default if there was none; an empty table gets the key with `value`.
    pub(super) fn get_or_insert_in_both(&mut self, key: K, empty: &mut Self, value: &T) -> &mut T
    where
        K: Clone,
        T: Clone + Default,
    {
        // Hashed once for both, since this is what every addition does.
        let hash = hash_of(&key);
        empty.pairs = vec![Pair { key: key.clone(), hash, value: value.clone() }];
        let at = match self.place_hashed(hash, &key) {
            Ok(at) => at,
            Err(at) => self.push(at, Pair { key, hash, value: T::default() }),
        };
        &mut self.pairs[at].value
    }

    pub(super) fn remove<Q: Ord + Hash + ?Sized>(&mut self, key: &Q) -> Option<T>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| self.remove_at(at))
    }

    /// The pairs in the order of keys.
    pub(super) fn sorted(&self) -> Vec<(&K, &T)> {
        let mut pairs: Vec<(&K, &T)> = self.pairs.iter().map(|pair| (&pair.key, &pair.value)).collect();
        if !self.index.is_empty() {
            pairs.sort_unstable_by_key(|pair| pair.0);
        }
        pairs
    }

    /// The values in no order that means anything.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.pairs.iter().map(|pair| &pair.value)
    }

    /// Adds a pair behind all others, where the key is known to be the greatest and there is no index.
    pub(super) fn append(&mut self, key: K, value: T) {
        if self.pairs.is_empty() {
            // A delta has one pair, and most of them no more.
            self.pairs.reserve_exact(1);
        }
        self.pairs.push(Pair { hash: hash_of(&key), key, value });
    }

    pub(super) fn last_key(&self) -> Option<&K> {
        self.pairs.last().map(|pair| &pair.key)
    }

    /// Takes in another table: `merge` decides for the keys that both have.
    pub(super) fn join(&mut self, other: &Self, mut merge: impl FnMut(&mut T, &T))
    where
        K: Clone,
        T: Clone,
    {
        if self.pairs.is_empty() {
            return self.clone_from(other);
        }
        self.expect(other.len());
        for pair in &other.pairs {
            match self.place_hashed(pair.hash, &pair.key) {
                Ok(at) => merge(&mut self.pairs[at].value, &pair.value),
                Err(at) => {
                    self.push(at, pair.clone());
                }
            }
        }
    }

    /// Takes in another table where pairs may vanish: `merge` gets the value here, or a default, and the one there, or none,
    /// and says whether the key stays. It is not asked about values that are here only and not `concerned`.
    pub(super) fn join_or_drop(
        &mut self,
        other: &Self,
        concerned: impl Fn(&T) -> bool,
        mut merge: impl FnMut(&mut T, Option<&T>) -> bool,
    ) where
        K: Clone,
        T: Default,
    {
        self.retain(|key, hash, value| {
            !concerned(value) || other.place_hashed(hash, key).is_ok() || merge(value, None)
        });
        self.expect(other.len());
        for pair in &other.pairs {
            match self.place_hashed(pair.hash, &pair.key) {
                Ok(at) => {
                    if !merge(&mut self.pairs[at].value, Some(&pair.value)) {
                        self.remove_at(at);
                    }
                }
                Err(at) => {
                    let mut value = T::default();
                    if merge(&mut value, Some(&pair.value)) {
                        self.push(at, Pair { key: pair.key.clone(), hash: pair.hash, value });
                    }
                }
            }
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&K, u32, &mut T) -> bool) {
        if self.index.is_empty() {
            return self.pairs.retain_mut(|pair| keep(&pair.key, pair.hash, &mut pair.value));
        }
        let mut at = 0;
        while let Some(pair) = self.pairs.get_mut(at) {
            if keep(&pair.key, pair.hash, &mut pair.value) {
                at += 1;
            } else {
                self.remove_at(at);
            }
        }
    }

    #[inline]
    fn place<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        let hash = if self.index.is_empty() { 0 } else { hash_of(key) };
        self.place_hashed(hash, key)
    }

    /// Where a key is, or where it would go.
    #[inline]
    fn place_hashed<Q: Ord + ?Sized>(&self, hash: u32, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        if self.index.is_empty() {
            return self.pairs.binary_search_by(|pair| pair.key.borrow().cmp(key));
        }
        self.index.find(hash, |at| self.pairs[at].key.borrow() == key).ok_or(self.pairs.len())
    }

    /// Adds a pair that is not there, at the place where it was sought; returns the place that it got.
    fn push(&mut self, at: usize, pair: Pair<K, T>) -> usize {
        self.expect(1);
        if self.index.is_empty() {
            self.pairs.insert(at, pair);
            return at;
        }
        self.index.insert(pair.hash, self.pairs.len());
        self.pairs.push(pair);
        self.pairs.len() - 1
    }

    fn remove_at(&mut self, at: usize) -> T {
        self.expect(0);
        if self.index.is_empty() {
            return self.pairs.remove(at).value;
        }
        self.index.remove(self.pairs[at].hash, at);
        let removed = self.pairs.swap_remove(at);
        if let Some(moved) = self.pairs.get(at) {
            self.index.moved(moved.hash, self.pairs.len(), at);
        }
        removed.value
    }

    /// Gets ready to change, and to have `more` pairs: with many of them, an index is needed. Places stay as they are.
    fn expect(&mut self, more: usize) {
        if self.index.is_empty() && self.pairs.len() + more > SMALL {
            self.index = Index::of(self.pairs.iter().map(|pair| pair.hash));
        }
    }
}

impl<K: Ord + Hash, T: PartialEq> PartialEq for Lookup<K, T> {
    fn eq(&self, other: &Self) -> bool {
        let theirs = |pair: &Pair<K, T>| other.place_hashed(pair.hash, &pair.key).ok().map(|at| &other.pairs[at].value);
        self.len() == other.len() && self.pairs.iter().all(|pair| theirs(pair) == Some(&pair.value))
    }
}

impl<K: Ord + Hash + fmt::Debug, T: fmt::Debug> fmt::Debug for Lookup<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.sorted()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_lookup_agrees_with_a_map_of_the_standard_library() {
        let (mut lookup, mut map) = (Lookup::default(), BTreeMap::new());
        let mut random = 3u64;
        for step in 0..if cfg!(miri) { 500 } else { 40_000u64 } {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let key = (random >> 40) % if step < 2_000 { 12 } else { 700 };
            match (random >> 33) % 3 {
                0 => assert_eq!(lookup.remove(&key), map.remove(&key)),
                1 => {
                    lookup.insert(key, step);
                    map.insert(key, step);
                }
                _ => assert_eq!(*lookup.get_or_insert_with(key, || step), *map.entry(key).or_insert(step)),
            }
            assert_eq!(lookup.get(&key), map.get(&key));
            if step % 1_000 == 0 {
                assert!(lookup.sorted().into_iter().eq(map.iter()));
            }
        }
        assert!(map.keys().all(|key| lookup.get(key).is_some()), "nothing is lost behind a hole");
    }

    #[test]
    fn keys_with_one_hash_are_told_apart() {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        struct Same(u32);
        impl Hash for Same {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                state.write_u8(1);
            }
        }
        let mut lookup = Lookup::default();
        (0..100).for_each(|number| lookup.insert(Same(number), number));
        (0..100).step_by(2).for_each(|number| assert_eq!(lookup.remove(&Same(number)), Some(number)));
        (0..100).for_each(|number| assert_eq!(lookup.get(&Same(number)).is_some(), number % 2 == 1));
    }

    #[test]
    fn order_and_index_make_no_difference_to_equality() {
        let mut built = Lookup::default();
        (0..50u64).rev().for_each(|key| built.insert(key, key));
        let mut appended = Lookup::default();
        (0..50u64).for_each(|key| appended.append(key, key));
        assert_eq!(built, appended);
        appended.remove(&7);
        assert_ne!(built, appended);
    }
}
