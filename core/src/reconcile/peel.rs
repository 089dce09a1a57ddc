//! Decoding: which items differ, from the cells that have come so far.

use super::cell::{Cell, ItemHasher, Places, density};
use super::wire::CHECK_MASK;

/// Decodes the difference of two sets from the first cells of both, as they come in.
///
/// The item of a cell that holds only one is known; taking it out of its other cells uncovers further ones.
#[derive(Clone, Debug)]
pub(crate) struct Peeler {
    hasher: ItemHasher,
    /// What is there less what is here, less what was found.
    cells: Vec<Cell>,
    found: Vec<Found>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    item: u64,
    hash: u64,
    /// 1: only there. -1: only here.
    count: i64,
    /// The next cell beyond those that have come.
    places: Places,
}

/// The items that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Items that only this side has, in ascending order.
    pub only_here: Vec<u64>,
    /// Items that only the other side has, in ascending order.
    pub only_there: Vec<u64>,
}

impl Difference {
    /// Number of items that differ.
    pub fn len(&self) -> usize {
        self.only_here.len() + self.only_there.len()
    }

    /// Tells whether the sets are equal.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same from the other side.
    pub fn reversed(self) -> Self {
        Difference { only_here: self.only_there, only_there: self.only_here }
    }
}

impl Peeler {
    pub(crate) fn new(hasher: ItemHasher) -> Self {
        Peeler { hasher, cells: Vec::new(), found: Vec::new() }
    }

    /// Number of cells taken in.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Takes in the next cells of the other side beside one's own, and decodes what they allow.
    pub(crate) fn push(&mut self, there: &[Cell], here: &[Cell]) {
        let from = self.cells.len();
        for (there, here) in there.iter().zip(here) {
            let mut cell = there.minus(*here);
            cell.check &= CHECK_MASK;
            self.cells.push(cell);
        }
        for found in &mut self.found {
            while let Some(cell) = usize::try_from(found.places.at()).ok().and_then(|at| self.cells.get_mut(at)) {
                cell.add(found.item, found.hash & CHECK_MASK, -found.count);
                found.places.advance();
            }
        }
        self.peel((from..self.cells.len()).rev().collect());
    }

    fn peel(&mut self, mut candidates: Vec<usize>) {
        while let Some(at) = candidates.pop() {
            // A cell that only looks as if it held one item can be found again and again: no set differs in more items
            // than there are cells.
            if self.found.len() > self.cells.len() {
                return;
            }
            let Some(mut found) = self.single(at) else { continue };
            while let Some(index) = usize::try_from(found.places.at()).ok().filter(|&index| index < self.cells.len()) {
                self.cells[index].add(found.item, found.hash & CHECK_MASK, -found.count);
                candidates.push(index);
                found.places.advance();
            }
            self.found.push(found);
        }
    }

    /// The one item of a cell: its hash must match, and it must count in this cell.
    fn single(&self, at: usize) -> Option<Found> {
        let cell = self.cells[at];
        if cell.count.abs() != 1 || cell.sum == u64::MAX {
            return None;
        }
        let hash = self.hasher.hash(cell.sum);
        if hash & CHECK_MASK != cell.check {
            return None;
        }
        let mut places = Places::new(hash);
        while places.at() < at as u64 {
            places.advance();
        }
        let counts_here = places.at() == at as u64;
        counts_here.then(|| Found { item: cell.sum, hash, count: cell.count, places: Places::new(hash) })
    }

    /// The difference, once every cell is explained.
    pub(crate) fn difference(&self) -> Option<Difference> {
        if self.cells.is_empty() || !self.cells.iter().all(Cell::is_empty) {
            return None;
        }
        let side = |count: i64| {
            let mut items: Vec<u64> =
                self.found.iter().filter(|found| found.count == count).map(|found| found.item).collect();
            items.sort_unstable();
            items
        };
        let difference = Difference { only_here: side(-1), only_there: side(1) };
        // An item found twice was never there: a cell was mistaken for one that holds a single item.
        let mut all: Vec<u64> = difference.only_here.iter().chain(&difference.only_there).copied().collect();
        all.sort_unstable();
        let distinct = all.windows(2).all(|pair| pair[0] != pair[1]);
        distinct.then_some(difference)
    }

    /// How many items differ, about: those found, and of the rest each cell's count deviates from what their total lets
    /// expect by the root of what it holds (Alon, Matias, Szegedy 1996). With k cells the estimate of the rest is off by
    /// a share of sqrt(2 / k).
    pub(crate) fn estimate(&self) -> (f64, f64) {
        let total = self.cells.first().map_or(0, |cell| cell.count) as f64;
        let mut sum = 0.0;
        for (index, cell) in self.cells.iter().enumerate().skip(1) {
            let share = density(index);
            let off = cell.count as f64 - share * total;
            sum += off * off / (share * (1.0 - share));
        }
        let spread = sum / (self.cells.len().max(2) - 1) as f64;
        (self.found.len() as f64, spread.max(total.abs()).max(2.0))
    }
}
