//! The remove-wins set.

use super::dotted::Sealed;
use super::elements::Elements;
use super::siblings::{Siblings, Vote};
use super::wire::Tag;
use super::{ChangeError, DotStore, Dotted, Input, Item, Output, show};
use crate::bytes::DecodeError;
use crate::clock::{CausalContext, ReplicaId};
use std::{borrow::Borrow, fmt, hash::Hash};

/// A remove-wins set: an element is in it if it was added and every remove of it was seen by an add.
///
/// Removals leave a dot (17 to 40 bytes in memory beside the element) until the element is added again
/// (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018).
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, RwSet}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = RwSet::default();
/// left.add(a, "admin".to_owned())?;
/// let mut right = left.clone();
/// left.add(a, "admin".to_owned())?;
/// right.remove(b, "admin".to_owned())?;
/// left.merge(&right);
/// assert!(!left.contains("admin"));
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
pub type RwSet<V> = Dotted<RwSetState<V>>;

/// The elements of an [`RwSet`], and those whose removal may still win.
#[derive(Clone)]
pub struct RwSetState<V>(Elements<V, Vote>);

impl<V: Item> Dotted<RwSetState<V>> {
    /// Adds an element over all removals seen here. Returns the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    pub fn add(&mut self, me: ReplicaId, value: V) -> Result<Self, ChangeError> {
        self.vote(me, value, Vote::Yes)
    }

    /// Removes an element, also from concurrent adds. Returns the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    pub fn remove(&mut self, me: ReplicaId, value: V) -> Result<Self, ChangeError> {
        self.vote(me, value, Vote::No)
    }

    fn vote(&mut self, me: ReplicaId, value: V, vote: Vote) -> Result<Self, ChangeError> {
        let dot = self.next(me)?;
        let mut delta = Dotted::default();
        delta.store = RwSetState(self.store.0.replace(value, dot, vote, &mut delta.seen));
        self.seen.insert(dot);
        Ok(delta)
    }
}

impl<V: Item> RwSetState<V> {
    /// Tells whether the element is there.
    pub fn contains<Q: Ord + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        V: Borrow<Q>,
    {
        self.0.0.get(value).is_some_and(unanimous)
    }

    /// The elements in their order.
    pub fn values(&self) -> Vec<&V> {
        self.0.0.sorted().into_iter().filter(|pair| unanimous(pair.1)).map(|pair| pair.0).collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.0.values().filter(|siblings| unanimous(siblings)).count()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Tells whether there are votes, and none against.
pub(super) fn unanimous(siblings: &Siblings<Vote>) -> bool {
    !siblings.is_empty() && siblings.payloads().all(|vote| *vote == Vote::Yes)
}

impl<V: Item> Sealed for RwSetState<V> {
    const TAG: Tag = Tag::RwSet;
}

impl<V: Item> DotStore for RwSetState<V> {
    fn is_bottom(&self) -> bool {
        self.0.0.len() == 0
    }

    fn cover(&self, context: &mut CausalContext) {
        self.0.cover(context);
    }

    fn join(&mut self, own: &CausalContext, other: &Self, theirs: &CausalContext) {
        self.0.join(own, &other.0, theirs);
    }

    fn put(&self, out: &mut Output) {
        self.0.put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Elements::take(input).map(RwSetState)
    }
}

impl<V> Default for RwSetState<V> {
    fn default() -> Self {
        RwSetState(Elements::default())
    }
}

impl<V: Item> PartialEq for RwSetState<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Item + fmt::Debug> fmt::Debug for RwSetState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values()).finish()
    }
}

impl<V: Item + fmt::Display> fmt::Display for RwSetState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::list(f, ["{", "}"], self.values())
    }
}
