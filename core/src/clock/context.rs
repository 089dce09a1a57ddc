//! Causal contexts: what was seen, also beyond gaps.

use super::{Dot, VersionVector};
use std::collections::BTreeSet;

/// A version vector plus single dots beyond gaps (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018).
///
/// A document needs none, because it joins gapless deltas only. Whoever takes in events in any order does.
///
/// ```
/// use syncline::clock::{CausalContext, Dot, ReplicaId};
/// let a = ReplicaId::new(1, 1);
/// let mut seen = CausalContext::default();
/// seen.insert(Dot::new(a, 2));
/// assert_eq!(seen.version().get(&a), 0);
/// seen.insert(Dot::new(a, 1));
/// assert_eq!((seen.version().get(&a), seen.beyond()), (2, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CausalContext {
    version: VersionVector,
    beyond: BTreeSet<Dot>,
}

impl CausalContext {
    /// Adds one dot and closes the gaps that it fills.
    pub fn insert(&mut self, dot: Dot) {
        if self.covers(&dot) {
            return;
        }
        self.beyond.insert(dot);
        let mut next = self.version.get(&dot.replica) + 1;
        while self.beyond.remove(&Dot::new(dot.replica, next)) {
            self.version.insert(dot.replica, next);
            next += 1;
        }
    }

    /// Tells whether the event was seen.
    pub fn covers(&self, dot: &Dot) -> bool {
        self.version.covers(dot) || self.beyond.contains(dot)
    }

    /// Takes in what the other has seen.
    pub fn join(&mut self, other: &CausalContext) {
        self.version.join(&other.version);
        let dots: Vec<Dot> = std::mem::take(&mut self.beyond).into_iter().chain(other.beyond.iter().copied()).collect();
        dots.into_iter().for_each(|dot| self.insert(dot));
    }

    /// The gapless part.
    pub fn version(&self) -> &VersionVector {
        &self.version
    }

    /// Number of dots beyond gaps.
    pub fn beyond(&self) -> usize {
        self.beyond.len()
    }
}

impl From<VersionVector> for CausalContext {
    fn from(version: VersionVector) -> Self {
        CausalContext { version, beyond: BTreeSet::new() }
    }
}
