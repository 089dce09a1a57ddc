//! Types whose state is a store of dots under a causal context.

use super::wire::Tag;
use super::{ChangeError, Crdt, Input, Output};
use crate::bounds;
use crate::bytes::DecodeError;
use crate::clock::{CausalContext, Dot, ReplicaId};
use std::{fmt, ops::Deref};

/// Live dots and what was written beside them; what lives nowhere but is in the context was removed. Sealed.
pub trait DotStore: Clone + Default + PartialEq + Sealed {
    /// Tells whether no dot lives here.
    fn is_bottom(&self) -> bool;

    #[doc(hidden)]
    fn cover(&self, context: &mut CausalContext);

    /// Keeps what the other has too or has not seen, and adds what was not seen here.
    #[doc(hidden)]
    fn join(&mut self, own: &CausalContext, other: &Self, theirs: &CausalContext);

    #[doc(hidden)]
    fn put(&self, out: &mut Output);

    #[doc(hidden)]
    fn take(input: &mut Input<'_>) -> Result<Self, DecodeError>;
}

/// What only this module implements.
pub trait Sealed {
    /// The first byte of the encoding.
    const TAG: Tag;
}

/// A type made of dots. Gives the store that its copies have below a key of an [`OrMap`](super::OrMap).
pub trait Causal: Crdt {
    /// The live dots.
    type Store: DotStore;
}

/// A store of dots and the context that says which dots were ever seen: what is in the context but not in the store was
/// removed, so that a removal needs no tombstone (Bieniusa et al.: "An optimized conflict-free replicated set", 2012;
/// Almeida, Shoker, Baquero: "Delta state replicated data types", 2018, section 7).
///
/// Use it by the names of the types: [`OrSet`](super::OrSet), [`RwSet`](super::RwSet), [`EwFlag`](super::EwFlag),
/// [`DwFlag`](super::DwFlag), [`MvRegister`](super::MvRegister), [`OrMap`](super::OrMap). Reading goes through to the store.
#[derive(Clone, Default, PartialEq)]
pub struct Dotted<S> {
    pub(super) store: S,
    pub(super) seen: CausalContext,
}

impl<S: DotStore> Dotted<S> {
    /// Everything that this replica has seen of this value.
    pub fn seen(&self) -> &CausalContext {
        &self.seen
    }

    /// Names the next event of a replica: above all that were seen of it, also beyond gaps.
    pub(super) fn next(&self, me: ReplicaId) -> Result<Dot, ChangeError> {
        let highest = self.seen.highest(&me);
        if highest >= bounds::SEQUENCE { Err(ChangeError::Exhausted(me)) } else { Ok(Dot::new(me, highest + 1)) }
    }

    /// Removes everything that was seen here; what is added elsewhere meanwhile stays. Returns the delta.
    pub fn clear(&mut self) -> Self {
        let mut delta = Dotted::default();
        self.store.cover(&mut delta.seen);
        self.store = S::default();
        delta
    }
}

impl<S: DotStore> Crdt for Dotted<S> {
    fn merge(&mut self, other: &Self) {
        self.store.join(&self.seen, &other.store, &other.seen);
        self.seen.join(&other.seen);
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Output::new(S::TAG);
        out.context(&self.seen);
        self.store.put(&mut out);
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, S::TAG)?;
        input.context()?;
        let store = S::take(&mut input)?;
        input.finish()?;
        Ok(Dotted { store, seen: input.take_context() })
    }
}

impl<S: DotStore> Causal for Dotted<S> {
    type Store = S;
}

impl<S> Deref for Dotted<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.store
    }
}

impl<S: fmt::Debug> fmt::Debug for Dotted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}

impl<S: fmt::Display> fmt::Display for Dotted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.store, f)
    }
}
