//! What a document must contain, from the definition alone.
//!
//! Every write and every delete is an *event* that knows the events it removed: those its author had seen and that it
//! reached. The state for a set of events is
//!
//! ```text
//! state(E) = { write e in E : no event e' in E removes e }
//! ```
//!
//! and each data type reads that state: a register the latest live write by (time, counter, replica), a counter the sum
//! of live increments, a set the elements with a live add. Nothing is ever forgotten, merged or optimised here.
//!
//! For texts the oracle knows which updates are live, not what they spell: that is checked as a function (the same
//! live updates always spell the same text, in [`world`]) and by the list specification ([`text`]).

pub mod bounded;
pub mod causal;
pub mod clock;
pub mod counters;
pub mod edit;
pub mod flags;
pub mod lists;
pub mod policies;
pub mod sets;
pub mod text;
pub mod view;
pub mod world;

use std::collections::BTreeSet;

use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::Value;

/// The number of an event in its history.
pub type Event = usize;

/// The kinds of leaf that stand at one path beside each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaf {
    /// One value.
    Register,
    /// Increments.
    Counter,
    /// One element, by its encoding.
    Element(Vec<u8>),
    /// Updates of a text.
    Text,
    /// Says that a map exists though it may be empty.
    Marker,
}

/// A write or a delete.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Where it happened.
    pub path: Vec<String>,
    /// The leaf written; `None` for a delete.
    pub leaf: Option<Leaf>,
    /// The value written, the increment, or the element.
    pub value: Value,
    /// Who did it.
    pub author: ReplicaId,
    /// The author's last sequence number in this transaction: transactions are seen as a whole.
    pub seq: u64,
    /// The time of the transaction and the counter that tells transactions of one millisecond apart.
    pub time: (u64, u64),
    /// The events that it removed.
    pub removes: BTreeSet<Event>,
}

/// All events that ever happened, in any replica.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The facts, by event.
    pub facts: Vec<Fact>,
}

impl History {
    /// The events that a version covers.
    pub fn seen(&self, version: &VersionVector) -> BTreeSet<Event> {
        (0..self.facts.len()).filter(|&event| self.facts[event].seq <= version.get(&self.facts[event].author)).collect()
    }

    /// The definition: the writes in `seen` that nothing in `seen` removes.
    pub fn live(&self, seen: &BTreeSet<Event>) -> BTreeSet<Event> {
        let removed: BTreeSet<Event> =
            seen.iter().flat_map(|&event| self.facts[event].removes.iter().copied()).collect();
        seen.iter().copied().filter(|event| self.facts[*event].leaf.is_some() && !removed.contains(event)).collect()
    }

    /// Those of `live` that lie at or below `path`.
    pub fn within(&self, live: &BTreeSet<Event>, path: &[String]) -> BTreeSet<Event> {
        live.iter().copied().filter(|&event| self.facts[event].path.starts_with(path)).collect()
    }

    /// Those of `live` at one leaf.
    pub fn at(&self, live: &BTreeSet<Event>, path: &[String], leaf: &Leaf) -> BTreeSet<Event> {
        let here = |fact: &Fact| fact.path == path && fact.leaf.as_ref() == Some(leaf);
        live.iter().copied().filter(|&event| here(&self.facts[event])).collect()
    }
}
