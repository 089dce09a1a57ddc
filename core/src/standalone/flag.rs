//! Flags.

use super::dotted::Sealed;
use super::rw_set::unanimous;
use super::siblings::{Present, Siblings, Vote};
use super::wire::Tag;
use super::{ChangeError, DotStore, Dotted, Input, Output};
use crate::bytes::DecodeError;
use crate::clock::{CausalContext, ReplicaId};
use std::fmt;

/// A flag where enabling wins: it is on if some enable was seen by no disable. Off at first.
/// (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018.)
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, EwFlag}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = EwFlag::default();
/// left.enable(a)?;
/// let mut right = left.clone();
/// left.disable();
/// right.enable(b)?;
/// left.merge(&right);
/// assert!(left.is_enabled());
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
pub type EwFlag = Dotted<EwFlagState>;

/// The live enables of an [`EwFlag`].
#[derive(Clone, Default, PartialEq)]
pub struct EwFlagState(Siblings<Present>);

impl Dotted<EwFlagState> {
    /// Turns the flag on, also if it is: the new enable outlives a concurrent disable. Returns the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    pub fn enable(&mut self, me: ReplicaId) -> Result<Self, ChangeError> {
        let dot = self.next(me)?;
        let mut delta = self.disable();
        self.store.0 = Siblings::one(dot, Present);
        delta.store = self.store.clone();
        delta.seen.insert(dot);
        self.seen.insert(dot);
        Ok(delta)
    }

    /// Turns the flag off as far as enables were seen here. Returns the delta.
    pub fn disable(&mut self) -> Self {
        self.clear()
    }
}

impl EwFlagState {
    /// Tells whether the flag is on.
    pub fn is_enabled(&self) -> bool {
        !self.0.is_empty()
    }
}

/// A flag where disabling wins: it is on if it was enabled and every disable was seen by an enable. Off at first.
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, DwFlag}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut left = DwFlag::default();
/// let mut right = DwFlag::default();
/// left.enable(a)?;
/// right.disable(b)?;
/// left.merge(&right);
/// assert!(!left.is_enabled());
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
pub type DwFlag = Dotted<DwFlagState>;

/// The live enables and disables of a [`DwFlag`].
#[derive(Clone, Default, PartialEq)]
pub struct DwFlagState(Siblings<Vote>);

impl Dotted<DwFlagState> {
    /// Turns the flag on over all disables seen here. Returns the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    pub fn enable(&mut self, me: ReplicaId) -> Result<Self, ChangeError> {
        self.vote(me, Vote::Yes)
    }

    /// Turns the flag off, also against concurrent enables. Returns the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    pub fn disable(&mut self, me: ReplicaId) -> Result<Self, ChangeError> {
        self.vote(me, Vote::No)
    }

    fn vote(&mut self, me: ReplicaId, vote: Vote) -> Result<Self, ChangeError> {
        let dot = self.next(me)?;
        let mut delta = self.clear();
        self.store.0 = Siblings::one(dot, vote);
        delta.store = self.store.clone();
        delta.seen.insert(dot);
        self.seen.insert(dot);
        Ok(delta)
    }
}

impl DwFlagState {
    /// Tells whether the flag is on.
    pub fn is_enabled(&self) -> bool {
        unanimous(&self.0)
    }
}

/// What both flags have in common beside their meaning.
macro_rules! flag_store {
    ($state:ident, $tag:ident) => {
        impl Sealed for $state {
            const TAG: Tag = Tag::$tag;
        }

        impl DotStore for $state {
            fn is_bottom(&self) -> bool {
                self.0.is_empty()
            }

            fn cover(&self, context: &mut CausalContext) {
                self.0.cover(context);
            }

            fn join(&mut self, own: &CausalContext, other: &Self, theirs: &CausalContext) {
                self.0.join(own, other.0.as_slice(), theirs);
            }

            fn put(&self, out: &mut Output) {
                self.0.put_all(out);
            }

            fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
                Siblings::take_all(input).map($state)
            }
        }

        impl fmt::Debug for $state {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl fmt::Display for $state {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if self.is_enabled() { "on" } else { "off" })
            }
        }
    };
}

flag_store!(EwFlagState, EwFlag);
flag_store!(DwFlagState, DwFlag);
