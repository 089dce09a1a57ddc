//! Cells of a rateless invertible Bloom lookup table, and where an item counts.
//!
//! Yang, Gilad, Alizadeh: "Practical Rateless Set Reconciliation", SIGCOMM 2024 (arXiv 2402.02668), sections 4 and 5.

use siphasher::sip::SipHasher13;

/// Multiplier of the generator that walks from cell to cell (a multiplicative congruential generator, L'Ecuyer 1999).
const STEP: u64 = 0xda94_2042_e4dd_58b5;

/// Hashes items with a key that both ends share: whoever does not know the seed cannot make items that collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemHasher {
    seed: u64,
}

impl ItemHasher {
    /// Makes the hasher for a seed.
    pub fn new(seed: u64) -> Self {
        ItemHasher { seed }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The hash of one item (SipHash-1-3).
    pub fn hash(&self, item: u64) -> u64 {
        SipHasher13::new_with_keys(self.seed, !self.seed).hash(&item.to_le_bytes())
    }
}

/// The sum of some items: of themselves and of their hashes (both by exclusive or), and their number.
///
/// ```
/// use syncline::reconcile::{Cell, ItemHasher};
/// let hasher = ItemHasher::new(7);
/// let mut cell = Cell::default();
/// cell.add(41, hasher.hash(41), 1);
/// cell.add(42, hasher.hash(42), 1);
/// cell.add(41, hasher.hash(41), -1);
/// assert_eq!((cell.sum, cell.check, cell.count), (42, hasher.hash(42), 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The items.
    pub sum: u64,
    /// Their hashes.
    pub check: u64,
    /// Their number; negative where a difference was taken.
    pub count: i64,
}

impl Cell {
    /// Adds an item (`count` 1) or takes it out (-1). `hash` is its hash.
    pub fn add(&mut self, item: u64, hash: u64, count: i64) {
        self.sum ^= item;
        self.check ^= hash;
        self.count = self.count.wrapping_add(count);
    }

    /// The cell of what is in this one and not in the other; what is only in the other counts -1.
    pub fn minus(self, other: Cell) -> Cell {
        Cell { sum: self.sum ^ other.sum, check: self.check ^ other.check, count: self.count.wrapping_sub(other.count) }
    }

    /// Tells whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        *self == Cell::default()
    }
}

/// The cells that an item counts in: 0 first, then cell i with probability 1 / (1 + i / 2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    state: u64,
    at: u64,
}

impl Places {
    pub(crate) fn new(hash: u64) -> Self {
        // An even state would lose its bits one by one.
        Places { state: hash | 1, at: 0 }
    }

    /// The current cell.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Moves on to the next cell. Behind cell i none up to j is hit with probability (i+1)(i+2) / ((j+1)(j+2)), so j comes
    /// from a uniform number by a square root (section 4.2 of the paper).
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.state = self.state.wrapping_mul(STEP);
        // The square of this is 1 / u for a u that is uniform in (0, 1].
        let stretch = 67_108_864.0 / (((self.state >> 12) as i64 + 1) as f64).sqrt();
        let middle = self.at as f64 + 1.5;
        let next = if self.at < EXACT {
            ((middle * middle - 0.25) * stretch * stretch + 0.25).sqrt() - 1.5
        } else {
            // The processor works out the stretch of later steps meanwhile: it does not depend on where this one leads.
            middle * stretch - 1.5
        };
        self.at = (next.ceil() as u64).max(self.at.saturating_add(1));
    }
}

/// Cells up to which the approximation of the paper would make the counts less predictable than they need to be.
const EXACT: u64 = 16;

/// How likely an item counts in cell `index`.
pub(crate) fn density(index: usize) -> f64 {
    2.0 / (index as f64 + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_spread_over_the_cells_as_the_paper_says() {
        let hasher = ItemHasher::new(1);
        let mut counts = [0u32; 200];
        for item in 0..50_000 {
            let mut places = Places::new(hasher.hash(item));
            while places.at() < 200 {
                counts[places.at() as usize] += 1;
                places.advance();
            }
        }
        assert_eq!(counts[0], 50_000);
        for (index, &count) in counts.iter().enumerate() {
            let expected = 50_000.0 * density(index);
            assert!(
                (f64::from(count) - expected).abs() < 6.0 * expected.sqrt(),
                "cell {index}: {count}, not {expected}"
            );
        }
    }
}
