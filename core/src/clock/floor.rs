//! Floors: up to where delete records were pruned.

use super::{ReplicaId, VersionVector};
use crate::assoc::SortedMap;

/// For each replica the number of its last delete record that was pruned, and the horizon that was in force.
///
/// Unlike in a [`VersionVector`], an id that is not listed has had nothing pruned, whatever its birth: one that is kept
/// beyond the horizon because it is still in use would otherwise count as pruned completely.
///
/// ```
/// use syncline::clock::{Floor, ReplicaId, VersionVector};
/// let id = ReplicaId::new(5, 1);
/// let mut floor = Floor::default();
/// floor.insert(id, 3);
/// let mut peer: VersionVector = [(id, 2)].into_iter().collect();
/// assert!(!floor.is_met_by(&peer));
/// peer.insert(id, 3);
/// assert!(floor.is_met_by(&peer));
/// floor.set_horizon(9);
/// assert!(!floor.is_met_by(&peer));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    entries: SortedMap<ReplicaId, u64>,
    horizon: u64,
}

impl Floor {
    /// The number of the last delete record of `id` that was pruned; 0 for none.
    pub fn get(&self, id: &ReplicaId) -> u64 {
        self.entries.get(id).copied().unwrap_or(0)
    }

    /// Raises the entry of `id` to `seq`; lower numbers change nothing.
    pub fn insert(&mut self, id: ReplicaId, seq: u64) {
        if seq > 0 {
            let entry = self.entries.get_or_insert_with(id, || 0);
            *entry = (*entry).max(seq);
        }
    }

    /// The entries in the order of ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// The horizon (ms since the Unix epoch): whoever has not heard of it may lack deletes of retired replicas.
    pub fn horizon(&self) -> u64 {
        self.horizon
    }

    /// Raises the horizon.
    pub fn set_horizon(&mut self, ms: u64) {
        self.horizon = self.horizon.max(ms);
    }

    /// Tells whether a peer at `version` has seen every delete record that was pruned.
    pub fn is_met_by(&self, version: &VersionVector) -> bool {
        version.horizon() >= self.horizon && self.iter().all(|(id, seq)| version.get(&id) >= seq)
    }
}

impl From<&VersionVector> for Floor {
    fn from(version: &VersionVector) -> Self {
        let mut floor = Floor { entries: SortedMap::default(), horizon: version.horizon() };
        version.iter().for_each(|(id, seq)| floor.insert(id, seq));
        floor
    }
}
