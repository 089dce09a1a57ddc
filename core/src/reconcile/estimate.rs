//! How many items differ, before it is known which.

use super::cell::density;

/// How many items differ, about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) found: f64,
    /// Those not found yet.
    pub(crate) rest: f64,
    /// The standard deviation of the rest, as a share of it.
    pub(crate) doubt: f64,
}

impl Estimate {
    /// What to make of `found` items out of the first `cells`, if the counts of what is left let expect `rest` more.
    pub(crate) fn of(found: usize, cells: usize, (rest, doubt): (f64, f64)) -> Estimate {
        let found = found as f64;
        if found < FEW {
            return Estimate { found, rest, doubt };
        }
        // As cells come in, the share that is found grows with a power of the cells for each item, long before all are.
        let all = (PEELED * (cells as f64).powf(POWER) / found).powf(1.0 / (POWER - 1.0));
        let by_share = ((all - found).max(0.0), SHARE_DOUBT * all / found.sqrt());
        let by_counts = (CORE * rest, CORE * rest * doubt);
        let weight = |(_, off): (f64, f64)| 1.0 / (off * off).max(0.01);
        let weights = weight(by_share) + weight(by_counts);
        let rest = (by_share.0 * weight(by_share) + by_counts.0 * weight(by_counts)) / weights;
        Estimate { found, rest, doubt: (1.0 / weights).sqrt() / rest.max(1.0) }
    }
}

/// Items that must be found before their share tells anything.
const FEW: f64 = 3.0;

/// The share of the items that is found from as many cells as there are items, and the power of more cells. By simulation,
/// good from half as many to one and a half times as many.
const PEELED: f64 = 0.137;
const POWER: f64 = 3.7;

/// How far off that is, times the root of the number found.
const SHARE_DOUBT: f64 = 0.55;

/// Items that stay when others were found are in fewer cells than most: by simulation, counts tell too few by this.
const CORE: f64 = 1.2;

/// A count beside what the total lets expect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Off {
    share: f64,
    off: f64,
    /// Items beyond which the last bits of the count no longer tell it.
    most: f64,
}

impl Off {
    /// Of a set of which `total` is the sum of signs, cell `index` has the count `value` as far as `width` bits tell.
    pub(crate) fn new(index: usize, value: u64, width: u32, total: f64) -> Off {
        let share = density(index);
        let expected = share * total;
        let near = centred(value.wrapping_sub(expected.round() as i64 as u64), width) as f64;
        // Two and a half times the root of what the cell holds is less than half of what can be told apart.
        let most = 4f64.powi(width as i32) / (25.0 * share * (1.0 - share));
        Off { share, off: near + expected.round() - expected, most }
    }
}

/// How many items there are, about, by the counts of some cells other than the first; and how far off that is likely to be,
/// as a share of it: each count is off by the root of what the cell holds (Alon, Matias, Szegedy 1996).
pub(crate) fn spread(offs: &[Off]) -> (f64, f64) {
    let (mut items, mut weights): (f64, f64) = (1.0, 1.0);
    for _ in 0..ROUNDS {
        let mut sum = 0.0;
        weights = 0.0;
        for Off { share, off, most } in offs {
            // A square varies by twice its square, and where a cell holds few items by more.
            let trust = if items > *most { OVERFLOWN } else { 1.0 };
            let weight = trust / (2.0 + 1.0 / (items * share));
            sum += weight * off.powi(2) / (share * (1.0 - share));
            weights += weight;
        }
        items = (sum / weights).max(items / 2.0).max(1.0);
    }
    (items, (1.0 / weights).sqrt().min(2.0))
}

/// Rounds after which an estimate settles.
const ROUNDS: usize = 10;

/// The weight of a count that cannot be told from others.
const OVERFLOWN: f64 = 1e-4;

/// A number from those that only tell its remainder: the one that is nearest to zero.
pub(crate) fn centred(value: u64, width: u32) -> i64 {
    (value << (64 - width)) as i64 >> (64 - width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{ItemHasher, Pinned};

    /// The ratio of how far estimates are off, squared, to what they say of themselves.
    fn ratio(items: u64, width: u32, cells: usize) -> f64 {
        let runs = 200;
        let of_one = |seed: u64| {
            let hasher = ItemHasher::new(seed);
            // Every item is only on one side: the total tells, and yet takes no part in how far the counts are off.
            let pinned = Pinned::of(hasher, &(0..items).collect::<Vec<_>>());
            let counts = pinned.ready()[1..cells].iter().enumerate();
            let off = |(at, cell): (usize, &crate::reconcile::Cell)| {
                Off::new(at + 1, cell.count as u64 & ((1 << width) - 1), width, items as f64)
            };
            let (rest, doubt) = spread(&counts.map(off).collect::<Vec<_>>());
            ((rest / items as f64 - 1.0) / doubt).powi(2)
        };
        (0..runs).map(of_one).sum::<f64>() / runs as f64
    }

    #[test]
    fn estimates_are_as_far_off_as_they_say() {
        for (items, width, cells) in [(1_000, 12, 100), (1_000, 8, 100), (40, 6, 30), (40, 3, 200), (5, 8, 20)] {
            let ratio = ratio(items, width, cells);
            assert!((0.4..2.2).contains(&ratio), "{items} items, {width} bits, {cells} cells: {ratio}");
        }
    }

    #[test]
    fn the_last_bits_tell_a_small_number() {
        for width in 2..=64 {
            for number in [0i64, 1, -1] {
                let bits = if width < 64 { number as u64 & ((1 << width) - 1) } else { number as u64 };
                assert_eq!(centred(bits, width), number);
            }
        }
        assert_eq!((centred(13, 5), centred(19, 5)), (13, -13));
    }
}
