//! The cells of one's own set: kept up to date for a prefix, and made further when a peer asks.

use super::cell::{Cell, ItemHasher, Places};

/// Cells kept up to date for a set that changes, so that a reconciliation costs nothing up front: 24 bytes each, 96 KiB.
/// Enough for about 2,500 differences.
pub const CACHED_CELLS: usize = 4_096;

/// Cells that a set never sends more of: at 24 bytes each 96 MiB, far beyond what a complete list costs.
pub const MOST_CELLS: usize = 1 << 22;

/// The first [`CACHED_CELLS`] cells of a set, kept through additions and removals.
///
/// The caller adds what is not in the set and removes what is: the cells do not know the items.
///
/// ```
/// use syncline::reconcile::{CellCache, ItemHasher};
/// let mut cache = CellCache::new(ItemHasher::new(1));
/// cache.add(5);
/// cache.add(6);
/// cache.remove(5);
/// assert_eq!(cache.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct CellCache {
    hasher: ItemHasher,
    cells: Vec<Cell>,
}

impl CellCache {
    /// Makes the cells of an empty set.
    pub fn new(hasher: ItemHasher) -> Self {
        CellCache { hasher, cells: vec![Cell::default(); CACHED_CELLS] }
    }

    /// Adds an item.
    pub fn add(&mut self, item: u64) {
        count_in(&mut self.cells, self.hasher, item, 1);
    }

    /// Takes an item out.
    pub fn remove(&mut self, item: u64) {
        count_in(&mut self.cells, self.hasher, item, -1);
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        usize::try_from(self.cells[0].count).unwrap_or(0)
    }

    /// Tells whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the items are hashed.
    pub fn hasher(&self) -> ItemHasher {
        self.hasher
    }

    /// The set as it is now, without its items.
    pub fn pin(&self) -> Pinned {
        Pinned { hasher: self.hasher, cells: self.cells.clone() }
    }
}

/// A set as it was when a reconciliation began: the cells that are sent must all be of one and the same set.
#[derive(Clone, Debug)]
pub struct Pinned {
    hasher: ItemHasher,
    cells: Vec<Cell>,
}

/// Cells made at once when more are needed.
const FEWEST: usize = 256;

impl Pinned {
    /// Pins a set by its items, which are all different.
    pub fn of(hasher: ItemHasher, items: &[u64]) -> Self {
        Pinned { hasher, cells: encode(hasher, items, if items.len() > 20_000 { CACHED_CELLS } else { FEWEST }) }
    }

    /// Takes items out, or adds them, before anything was sent.
    pub fn adjust(&mut self, items: &[u64], count: i64) {
        items.iter().for_each(|&item| count_in(&mut self.cells, self.hasher, item, count));
    }

    /// How the items are hashed.
    pub fn hasher(&self) -> ItemHasher {
        self.hasher
    }

    /// The sum of all items: cell 0.
    pub fn total(&self) -> Cell {
        self.cells[0]
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        u64::try_from(self.total().count).unwrap_or(0)
    }

    /// Tells whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells made so far.
    pub(crate) fn ready(&self) -> &[Cell] {
        &self.cells
    }

    /// Tells whether these are the items that were pinned.
    pub(crate) fn is_of(&self, items: &[u64]) -> bool {
        let mut total = [Cell::default()];
        items.iter().for_each(|&item| count_in(&mut total, self.hasher, item, 1));
        total[0] == self.cells[0]
    }

    /// Makes cells up to `upto` from the items. `false` if these are no longer the items that were pinned.
    #[must_use]
    pub(crate) fn extend(&mut self, upto: usize, items: &[u64]) -> bool {
        let cells = encode(self.hasher, items, upto.next_power_of_two().clamp(FEWEST, MOST_CELLS));
        if cells[0] != self.cells[0] {
            return false;
        }
        self.cells = cells;
        true
    }
}

fn encode(hasher: ItemHasher, items: &[u64], count: usize) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); count];
    items.iter().for_each(|&item| count_in(&mut cells, hasher, item, 1));
    cells
}

fn count_in(cells: &mut [Cell], hasher: ItemHasher, item: u64, count: i64) {
    let hash = hasher.hash(item);
    let mut places = Places::new(hash);
    while let Some(cell) = usize::try_from(places.at()).ok().and_then(|at| cells.get_mut(at)) {
        cell.add(item, hash, count);
        places.advance();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_kept_through_changes_equals_one_made_at_once() {
        let hasher = ItemHasher::new(3);
        let mut cache = CellCache::new(hasher);
        (0..500).for_each(|item| cache.add(item * item));
        (0..500).step_by(3).for_each(|item| cache.remove(item * item));
        let items: Vec<u64> = (0..500).filter(|item| item % 3 != 0).map(|item| item * item).collect();
        let made = Pinned::of(hasher, &items);
        assert_eq!(cache.pin().ready()[..made.ready().len()], *made.ready());
        assert_eq!((cache.len(), made.len()), (items.len(), items.len() as u64));
    }

    #[test]
    fn cells_are_never_made_of_two_states_of_a_set() {
        let mut pinned = Pinned::of(ItemHasher::new(3), &[1, 2, 3]);
        assert!(pinned.extend(1_000, &[1, 2, 3]));
        assert!(!pinned.extend(5_000, &[1, 2, 4]));
        assert_eq!(pinned.ready().len(), 1_024);
    }
}
