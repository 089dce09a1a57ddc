//! The last writer wins: what orders writes, and the register.

use super::wire::Tag;
use super::{Crdt, Input, Item, Output};
use crate::bytes::DecodeError;
use crate::clock::{Hlc, ReplicaId};
use std::fmt;

/// What orders writes: hybrid time, then replica. Two writes with one stamp are ordered by their content, so that the order
/// is total whatever a writer does.
///
/// A replica's [`HlcClock`](crate::clock::HlcClock) gives later times to later writes if it observes what is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// When it was written.
    pub hlc: Hlc,
    /// Who wrote it.
    pub replica: ReplicaId,
}

impl Stamp {
    /// Bytes that a stamp takes at least.
    pub(super) const LEAST: usize = 13;

    pub(super) fn put(&self, out: &mut Output) {
        out.hlc(self.hlc);
        out.replica(&self.replica, None);
    }

    pub(super) fn take(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Stamp { hlc: input.hlc()?, replica: input.replica(None)? })
    }
}

/// A value with the stamp of its write; the greater one wins. Where there is no value, the write was a removal.
#[derive(Clone, PartialEq)]
pub(super) struct Written<V> {
    pub(super) stamp: Stamp,
    pub(super) value: V,
}

impl<V: Ord + Clone> Written<V> {
    pub(super) fn merge(&mut self, other: &Self) {
        if (other.stamp, &other.value) > (self.stamp, &self.value) {
            self.clone_from(other);
        }
    }
}

/// A register in which the last writer wins: by [`Stamp`], then by content (Johnson and Thomas: RFC 677, 1975).
///
/// ```
/// use syncline::clock::{HlcClock, ReplicaId};
/// use syncline::standalone::{Crdt, LwwRegister};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let mut clock = HlcClock::default();
/// let mut left = LwwRegister::default();
/// let mut right = LwwRegister::default();
/// left.set(clock.tick(1_000), a, "red".to_owned());
/// right.set(clock.tick(1_000), b, "blue".to_owned());
/// left.merge(&right);
/// assert_eq!(left.value().map(String::as_str), Some("blue"));
/// ```
#[derive(Clone, PartialEq)]
pub struct LwwRegister<V>(Option<Written<V>>);

impl<V: Item> LwwRegister<V> {
    /// Writes a value. Returns the delta. A write that is not later than what is here changes nothing here.
    pub fn set(&mut self, hlc: Hlc, me: ReplicaId, value: V) -> Self {
        let delta = LwwRegister(Some(Written { stamp: Stamp { hlc, replica: me }, value }));
        self.merge(&delta);
        delta
    }

    /// The value, if one was ever written.
    pub fn value(&self) -> Option<&V> {
        self.0.as_ref().map(|written| &written.value)
    }

    /// When and by whom it was written: check it at the door, and let the own clock observe it.
    pub fn stamp(&self) -> Option<Stamp> {
        self.0.as_ref().map(|written| written.stamp)
    }
}

impl<V: Item> Crdt for LwwRegister<V> {
    fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (Some(own), Some(their)) => own.merge(their),
            (None, their) => self.0.clone_from(their),
            (Some(_), None) => {}
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Output::new(Tag::LwwRegister);
        if let Some(written) = &self.0 {
            written.stamp.put(&mut out);
            out.item(&written.value);
        }
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, Tag::LwwRegister)?;
        if input.is_empty() {
            return Ok(LwwRegister(None));
        }
        let written = Written { stamp: Stamp::take(&mut input)?, value: input.item()? };
        input.finish()?;
        Ok(LwwRegister(Some(written)))
    }
}

impl<V> Default for LwwRegister<V> {
    fn default() -> Self {
        LwwRegister(None)
    }
}

impl<V: fmt::Debug> fmt::Debug for LwwRegister<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LwwRegister").field(&self.0.as_ref().map(|written| (written.stamp, &written.value))).finish()
    }
}

impl<V: fmt::Display> fmt::Display for LwwRegister<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |written| written.value.fmt(f))
    }
}
