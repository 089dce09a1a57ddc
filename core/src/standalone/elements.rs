//! Elements, each with the dots that live for it: what add-wins and remove-wins sets have in common.

use super::lookup::Lookup;
use super::siblings::{Payload, Siblings};
use super::{Input, Item, Output};
use crate::bytes::DecodeError;
use crate::clock::{CausalContext, Dot};
use std::{borrow::Borrow, hash::Hash};

#[derive(Clone)]
pub(super) struct Elements<V, P>(pub(super) Lookup<V, Siblings<P>>);

impl<V, P> Default for Elements<V, P> {
    fn default() -> Self {
        Elements(Lookup::default())
    }
}

impl<V: Item, P: Payload> PartialEq for Elements<V, P> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Item, P: Payload> Elements<V, P> {
    /// Puts one dot in the place of those that live for an element, and these into `seen`. Returns what a delta says of it.
    pub(super) fn replace(&mut self, value: V, dot: Dot, payload: P, seen: &mut CausalContext) -> Self {
        let one = Siblings::one(dot, payload);
        let mut delta = Elements::default();
        let siblings = self.0.get_or_insert_in_both(value, &mut delta.0, &one);
        siblings.cover(seen);
        *siblings = one;
        seen.insert(dot);
        delta
    }

    /// Takes away the dots of an element and puts them into `seen`.
    pub(super) fn remove<Q: Ord + Hash + ?Sized>(&mut self, value: &Q, seen: &mut CausalContext)
    where
        V: Borrow<Q>,
    {
        if let Some(siblings) = self.0.remove(value) {
            siblings.cover(seen);
        }
    }

    pub(super) fn cover(&self, context: &mut CausalContext) {
        self.0.values().for_each(|siblings| siblings.cover(context));
    }

    pub(super) fn join(&mut self, own: &CausalContext, other: &Self, theirs: &CausalContext) {
        let concerned = |siblings: &Siblings<P>| siblings.as_slice().iter().any(|sibling| theirs.covers(&sibling.0));
        self.0.join_or_drop(&other.0, concerned, |siblings, their| {
            siblings.join(own, their.map_or(&[], Siblings::as_slice), theirs);
            !siblings.is_empty()
        });
    }

    pub(super) fn put(&self, out: &mut Output) {
        out.table(&self.0, |siblings, out| siblings.put(out));
    }

    pub(super) fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        // A length and a dot.
        input.table(2, Siblings::take).map(Elements)
    }
}
