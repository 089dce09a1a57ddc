//! The dots that live side by side in one place, each with what was written.

use super::{Input, Item, Output};
use crate::bytes::DecodeError;
use crate::clock::{CausalContext, Dot};

/// What is written beside a dot.
pub(super) trait Payload: Clone + Ord {
    fn put(&self, out: &mut Output);
    fn take(input: &mut Input<'_>) -> Result<Self, DecodeError>;
}

impl<V: Item> Payload for V {
    fn put(&self, out: &mut Output) {
        out.item(self);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.item()
    }
}

/// The payload of a dot that says enough by living.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Present;

impl Payload for Present {
    fn put(&self, _: &mut Output) {}

    fn take(_: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Present)
    }
}

/// The payload where both sides leave dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Vote {
    /// Against.
    No,
    /// In favour.
    Yes,
}

impl Payload for Vote {
    fn put(&self, out: &mut Output) {
        out.byte(u8::from(*self == Vote::Yes));
    }

    fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        match input.byte()? {
            0 => Ok(Vote::No),
            1 => Ok(Vote::Yes),
            _ => Err(DecodeError::Range("vote")),
        }
    }
}

/// Live dots in order, each with its payload. One of them, by far the most usual, needs no allocation.
#[derive(Clone, Debug)]
pub(super) enum Siblings<P> {
    One([(Dot, P); 1]),
    Many(Vec<(Dot, P)>),
}

impl<P> Default for Siblings<P> {
    fn default() -> Self {
        Siblings::Many(Vec::new())
    }
}

impl<P: Payload> Siblings<P> {
    pub(super) fn one(dot: Dot, payload: P) -> Self {
        Siblings::One([(dot, payload)])
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[(Dot, P)] {
        match self {
            Siblings::One(one) => one,
            Siblings::Many(many) => many,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    pub(super) fn payloads(&self) -> impl Iterator<Item = &P> {
        self.as_slice().iter().map(|sibling| &sibling.1)
    }

    /// Adds the dots to what a context covers.
    #[inline]
    pub(super) fn cover(&self, context: &mut CausalContext) {
        self.as_slice().iter().for_each(|sibling| context.insert(sibling.0));
    }

    /// Keeps what the other has too or has not seen, and adds what was not seen here.
    pub(super) fn join(&mut self, own: &CausalContext, other: &[(Dot, P)], theirs: &CausalContext) {
        if self.as_slice() == other {
            return;
        }
        if let (Siblings::One([(dot, _)]), []) = (&*self, other) {
            if theirs.covers(dot) {
                *self = Siblings::default();
            }
            return;
        }
        let mut kept: Vec<(Dot, P)> = Vec::new();
        for sibling in self.as_slice() {
            match other.binary_search_by(|their| their.0.cmp(&sibling.0)).ok().map(|at| &other[at]) {
                // One dot has one payload. Should it ever have two, all replicas take the same.
                Some(their) => kept.push(sibling.max(their).clone()),
                None if !theirs.covers(&sibling.0) => kept.push(sibling.clone()),
                None => {}
            }
        }
        kept.extend(other.iter().filter(|their| !own.covers(&their.0)).cloned());
        kept.sort_unstable_by_key(|sibling| sibling.0);
        *self = Self::of(kept);
    }

    fn of(mut siblings: Vec<(Dot, P)>) -> Self {
        match siblings.pop() {
            Some(last) if siblings.is_empty() => Siblings::One([last]),
            Some(last) => {
                siblings.push(last);
                Siblings::Many(siblings)
            }
            None => Siblings::default(),
        }
    }

    /// Writes dots that are at least one.
    pub(super) fn put(&self, out: &mut Output) {
        let siblings = self.as_slice();
        for (at, (dot, payload)) in siblings.iter().enumerate() {
            out.dot(dot, at + 1 < siblings.len());
            payload.put(out);
        }
    }

    pub(super) fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let mut siblings: Vec<(Dot, P)> = Vec::new();
        loop {
            let (dot, more) = input.dot()?;
            if siblings.last().is_some_and(|last| last.0 >= dot) {
                return Err(DecodeError::Range("order of dots"));
            }
            siblings.push((dot, P::take(input)?));
            if !more {
                return Ok(Self::of(siblings));
            }
        }
    }

    /// As [`Siblings::put`], where there may be none.
    pub(super) fn put_all(&self, out: &mut Output) {
        out.byte(u8::from(!self.is_empty()));
        self.put(out);
    }

    pub(super) fn take_all(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        match input.byte()? {
            0 => Ok(Siblings::default()),
            1 => Self::take(input),
            _ => Err(DecodeError::Range("presence")),
        }
    }
}

impl<P: Payload> PartialEq for Siblings<P> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}
