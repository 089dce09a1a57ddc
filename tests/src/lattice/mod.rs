//! Histories of standalone types beside oracles written from their definitions, and the laws of joins.
//!
//! [`Model`] says for one type what changes there are and what the definition makes of a set of them; [`harness`] plays
//! random histories of several replicas, in which states and deltas travel, arrive twice, late or not at all.

pub mod cases;
pub mod counters;
pub mod harness;
pub mod registers;
pub mod sets;

use crate::rng::Rng;
use std::collections::BTreeSet;
use std::fmt::Debug;
use syncline::clock::{Hlc, ReplicaId};
use syncline::standalone::Crdt;

/// One change, as an oracle sees it.
#[derive(Clone, Debug)]
pub struct Event<O> {
    /// Its number, by which others refer to it.
    pub id: usize,
    /// The replica that made it.
    pub by: ReplicaId,
    /// When, for types that ask.
    pub at: Hlc,
    /// What was done.
    pub op: O,
    /// The changes that its author had seen.
    pub past: BTreeSet<usize>,
}

impl<O> Event<O> {
    /// Tells whether the author of this one had seen the other.
    pub fn saw(&self, other: &Event<O>) -> bool {
        self.past.contains(&other.id)
    }
}

/// A type with the oracle of its definition.
pub trait Model {
    /// The type's name in messages.
    const NAME: &'static str;
    /// The type.
    type State: Crdt + Debug;
    /// Its changes.
    type Op: Clone + Debug;

    /// Draws a change.
    fn draw(rng: &mut Rng) -> Self::Op;

    /// Makes a change and returns its delta.
    fn change(state: &mut Self::State, op: &Self::Op, by: ReplicaId, at: Hlc) -> Self::State;

    /// What a user sees.
    fn value(state: &Self::State) -> String;

    /// What a user should see after these changes, by the definition of the type.
    fn oracle(seen: &[&Event<Self::Op>]) -> String;

    /// Tells whether whoever gets the delta of `later` is told of `earlier` too, which its author had seen.
    fn carries(later: &Event<Self::Op>, earlier: &Event<Self::Op>) -> bool;
}
