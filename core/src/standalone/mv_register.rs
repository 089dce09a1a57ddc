//! The multi-value register.

use super::dotted::Sealed;
use super::siblings::Siblings;
use super::wire::Tag;
use super::{ChangeError, DotStore, Dotted, Input, Item, Output, show};
use crate::bytes::DecodeError;
use crate::clock::{CausalContext, ReplicaId};
use std::fmt;

/// A register that keeps concurrent values side by side until someone who has seen them writes.
///
/// (Shapiro et al.: "A comprehensive study of convergent and commutative replicated data types", 2011, made of dots as in
/// Almeida, Shoker, Baquero 2018.)
///
/// ```
/// use syncline::{clock::ReplicaId, standalone::{Crdt, MvRegister}};
/// let (a, b) = (ReplicaId::new(1, 1), ReplicaId::new(1, 2));
/// let (mut left, mut right) = (MvRegister::default(), MvRegister::default());
/// left.set(a, "red".to_owned())?;
/// right.set(b, "blue".to_owned())?;
/// left.merge(&right);
/// assert_eq!(left.values(), ["blue", "red"]);
/// left.set(a, "violet".to_owned())?;
/// assert_eq!(left.to_string(), "violet");
/// # Ok::<(), syncline::standalone::ChangeError>(())
/// ```
pub type MvRegister<V> = Dotted<MvRegisterState<V>>;

/// The live values of an [`MvRegister`].
#[derive(Clone)]
pub struct MvRegisterState<V>(Siblings<V>);

impl<V: Item> Dotted<MvRegisterState<V>> {
    /// Sets the value in the place of all that were seen here. Returns the delta.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] if `me` has used up its sequence numbers.
    pub fn set(&mut self, me: ReplicaId, value: V) -> Result<Self, ChangeError> {
        let dot = self.next(me)?;
        let mut delta = self.clear();
        self.store.0 = Siblings::one(dot, value);
        delta.store = self.store.clone();
        delta.seen.insert(dot);
        self.seen.insert(dot);
        Ok(delta)
    }
}

impl<V: Item> MvRegisterState<V> {
    /// The values in their order, equal ones once: none before the first write, several after concurrent ones.
    pub fn values(&self) -> Vec<&V> {
        let mut values: Vec<&V> = self.0.payloads().collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

impl<V: Item> Sealed for MvRegisterState<V> {
    const TAG: Tag = Tag::MvRegister;
}

impl<V: Item> DotStore for MvRegisterState<V> {
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
        Siblings::take_all(input).map(MvRegisterState)
    }
}

impl<V> Default for MvRegisterState<V> {
    fn default() -> Self {
        MvRegisterState(Siblings::default())
    }
}

impl<V: Item> PartialEq for MvRegisterState<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Item + fmt::Debug> fmt::Debug for MvRegisterState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

impl<V: Item + fmt::Display> fmt::Display for MvRegisterState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values()[..] {
            [value] => value.fmt(f),
            ref values => show::list(f, ["[", "]"], values),
        }
    }
}
