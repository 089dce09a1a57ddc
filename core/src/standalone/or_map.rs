//! The observed-remove map.

use super::dotted::Sealed;
use super::lookup::Lookup;
use super::show::{self, Colon};
use super::wire::Tag;
use super::{Causal, DotStore, Dotted, Input, Item, Output};
use crate::bytes::DecodeError;
use crate::clock::CausalContext;
use std::{borrow::Borrow, fmt, hash::Hash};

/// A map whose children are types made of dots, other maps among them. Concurrent changes below one key merge; removing a
/// key takes away just what was seen below it, so that a concurrent change stays without what it had been built on.
///
/// A key is there as long as something lives below it; an emptied child is the same as none. All children share the
/// context of the map, hence a removed key leaves nothing behind
/// (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018, section 7.4).
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, OrMap, OrSet}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = OrMap::<String, OrSet<u64>>::default();
/// left.update("primes".to_owned(), |child| child.add(a, 2))?;
/// let mut right = left.clone();
/// left.remove("primes");
/// right.update("primes".to_owned(), |child| child.add(b, 3))?;
/// left.merge(&right);
/// assert_eq!(left.to_string(), "{primes: {3}}");
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
pub type OrMap<K, C> = Dotted<OrMapState<K, <C as Causal>::Store>>;

/// The children of an [`OrMap`].
#[derive(Clone)]
pub struct OrMapState<K, S>(Lookup<K, S>);

impl<K: Item, S: DotStore> Dotted<OrMapState<K, S>> {
    /// Changes the child of a key by a function that returns its delta, which becomes the delta of the map.
    ///
    /// A function that makes several changes merges their deltas into one. If it fails, what it changed before stays here
    /// only, until the whole state travels.
    ///
    /// # Errors
    /// What the function returns.
    pub fn update<E>(
        &mut self,
        key: K,
        change: impl FnOnce(&mut Dotted<S>) -> Result<Dotted<S>, E>,
    ) -> Result<Self, E> {
        // The child gets the context of the map for as long as it is changed.
        let mut child = Dotted { seen: std::mem::take(&mut self.seen), store: S::default() };
        if let Some(store) = self.store.0.get_mut(&key) {
            std::mem::swap(store, &mut child.store);
        }
        let delta = change(&mut child);
        self.seen = child.seen;
        if child.store.is_bottom() {
            self.store.0.remove(&key);
        } else {
            self.store.0.insert(key.clone(), child.store);
        }
        let delta = delta?;
        let mut store = OrMapState::default();
        if !delta.store.is_bottom() {
            store.0.append(key, delta.store);
        }
        Ok(Dotted { store, seen: delta.seen })
    }

    /// Removes what was seen below a key. Returns the delta, which is empty if nothing was there.
    pub fn remove<Q: Ord + Hash + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        let mut delta = Dotted::default();
        if let Some(store) = self.store.0.remove(key) {
            store.cover(&mut delta.seen);
        }
        delta
    }
}

impl<K: Item, S: DotStore> OrMapState<K, S> {
    /// The child of a key, for reading.
    pub fn get<Q: Ord + Hash + ?Sized>(&self, key: &Q) -> Option<&S>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The keys in their order.
    pub fn keys(&self) -> Vec<&K> {
        self.0.sorted().into_iter().map(|pair| pair.0).collect()
    }

    /// The keys in their order, each with its child.
    pub fn entries(&self) -> Vec<(&K, &S)> {
        self.0.sorted()
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Item, S: DotStore> Sealed for OrMapState<K, S> {
    const TAG: Tag = Tag::OrMap;
}

impl<K: Item, S: DotStore> DotStore for OrMapState<K, S> {
    fn is_bottom(&self) -> bool {
        self.is_empty()
    }

    fn cover(&self, context: &mut CausalContext) {
        self.0.values().for_each(|child| child.cover(context));
    }

    fn join(&mut self, own: &CausalContext, other: &Self, theirs: &CausalContext) {
        let nothing = S::default();
        self.0.join_or_drop(
            &other.0,
            |_| true,
            |child, their| {
                child.join(own, their.unwrap_or(&nothing), theirs);
                !child.is_bottom()
            },
        );
    }

    fn put(&self, out: &mut Output) {
        // The kind of the children, so that they are not taken for something else.
        out.byte(S::TAG as u8);
        out.table(&self.0, |child, out| child.put(out));
    }

    fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        if input.byte()? != S::TAG as u8 {
            return Err(DecodeError::Range("type of the children"));
        }
        // A length, a presence or count, a dot.
        let children = input.table(3, |input| match S::take(input)? {
            child if child.is_bottom() => Err(DecodeError::Range("child (it is empty)")),
            child => Ok(child),
        })?;
        Ok(OrMapState(children))
    }
}

impl<K, S> Default for OrMapState<K, S> {
    fn default() -> Self {
        OrMapState(Lookup::default())
    }
}

impl<K: Item, S: DotStore> PartialEq for OrMapState<K, S> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Item + fmt::Debug, S: fmt::Debug> fmt::Debug for OrMapState<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<K: Item + fmt::Display, S: fmt::Display> fmt::Display for OrMapState<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.0.sorted().into_iter().map(|(key, child)| Colon(key, child)))
    }
}
