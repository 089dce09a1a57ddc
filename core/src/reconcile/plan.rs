//! How many cells to send: what makes a reconciliation end within three round trips and cost little.
//!
//! All figures were found by simulation, so that of some thousand reconciliations of 2 to 1,000 differences next to none
//! needs a fourth round trip, and the bytes are least.

use super::cells::{CACHED_CELLS, MOST_CELLS};
use super::estimate::Estimate;
use super::wire::{MOST_FOLDS, MOST_LEVEL, Sent};

/// What a flight holds, all as numbers of cells counted from cell 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Cells sent.
    pub(crate) cells: usize,
    /// The cell up to which they reach: if there are more than are sent, several are summed up in each.
    pub(crate) upto: usize,
    /// The cell up to which counts are sent.
    pub(crate) counted: usize,
    /// Differences for which the counts are wide enough, as a power of two.
    pub(crate) level: u32,
    /// Bits of each check.
    pub(crate) check_bits: u32,
}

/// Differences beyond which the sketch of an opening only tells that there are many. The first flight then is an estimate
/// within a twelfth: these cells, these counts, for that many differences.
const MANY: f64 = 220.0;
const MANY_CELLS: usize = 64;
const MANY_COUNTS: usize = 256;
const MANY_LEVEL: u32 = 17;

/// Bits of the checks in such a flight: cells that hold many items look the more often as if they held one.
const MANY_CHECK: u32 = 16;

/// Cells of a first flight that may do: so many for each difference, and besides, and at most.
const FIRST: (f64, f64, f64) = (0.9, 3.5, 32.0);

/// Counts of a first flight for each difference: those of cells still to come tell how many of them are needed.
const FIRST_COUNTS: f64 = 2.3;

/// What the counts of a first flight are made for, as a share of the differences: most of them are of cells that hold few.
const FIRST_LEVEL: f64 = 1.0;

/// Bits of the checks in a first flight.
const FIRST_CHECK: u32 = 8;

/// Bits of the checks after it, if that was a quarter of the differences; where it was less, there are more cells that hold
/// many. One in a few reconciliations mistakes a cell, which costs about as much as one difference more.
const CHECK: u32 = 5;

/// How to size a flight.
struct Aim {
    /// Cells for all differences together: so many for each, and for the root of their number, and besides.
    all: [f64; 3],
    /// The same for those not found yet, of cells that are folded to hold about one of them each.
    rest: [f64; 3],
    /// Cells folded into one where each cell so far holds one item that is not found yet.
    folds: f64,
    /// How much of its doubt to add to the estimate of the rest.
    doubt: f64,
}

/// The second flight is likely to do.
const LIKELY: Aim = Aim { all: [1.46, 0.0, 0.0], rest: [0.8, 0.0, 5.0], folds: 0.35, doubt: 0.25 };

/// The third is to do.
const SURE: Aim = Aim { all: [1.31, 0.75, 6.0], rest: [0.2, 4.0, 8.0], folds: 0.85, doubt: 1.8 };

/// The first flight: `sketch` differences are estimated within a half, and there are at least `least`.
pub(crate) fn first(sketch: f64, least: f64) -> Plan {
    if sketch > MANY && least < sketch {
        let (cells, counted) = (MANY_CELLS, MANY_COUNTS);
        return Plan { cells, upto: cells, counted, level: MANY_LEVEL, check_bits: MANY_CHECK };
    }
    let guess = sketch.max(least);
    let (each, some, most) = FIRST;
    let cells = whole((each * guess + some).min(most).max(cells_for(least)));
    let counted = whole(FIRST_COUNTS * sketch.min(MANY)).max(cells);
    Plan { cells, upto: cells, counted, level: level(FIRST_LEVEL * guess), check_bits: FIRST_CHECK }
}

/// The flight that follows as many.
pub(crate) fn next(sent: Sent, estimate: Estimate, flights: u32) -> Plan {
    let aim = if flights == 1 { LIKELY } else { SURE };
    let have = sent.upto as f64;
    let rest = (estimate.rest * (1.0 + aim.doubt * estimate.doubt)).max(2.0);
    let all = estimate.found + rest;
    let needed = (sized(aim.all, all) - have).max(sized(aim.rest, rest));
    // Whoever needs a fourth was misled: the more the further on.
    let cells = whole(needed * f64::from(1 << flights.saturating_sub(2).min(8)));
    let folds = (aim.folds * have / rest).clamp(1.0, MOST_FOLDS as f64);
    let upto = sent.upto + at_hand(sent.upto, cells, (cells as f64 * folds) as usize);
    let check_bits = CHECK + level(all / (4.0 * have)).min(20) + 2 * (flights - 1).min(3);
    Plan { cells, upto, counted: upto.max(sent.counted), level: level(1.0 + rest), check_bits }
}

/// As many of the next `folded` cells as are at hand, where those to be sent are.
fn at_hand(have: usize, cells: usize, folded: usize) -> usize {
    let cached = CACHED_CELLS.saturating_sub(have);
    if have <= CACHED_CELLS / 2 && cells <= cached { folded.clamp(cells, cached) } else { folded.max(cells) }
}

fn sized([each, root, some]: [f64; 3], differences: f64) -> f64 {
    each * differences + root * differences.sqrt() + some
}

/// Cells that decode `differences`: 1.35 for each in the long run (section 5 of the paper), more of few.
fn cells_for(differences: f64) -> f64 {
    sized([1.36, 0.9, 1.4], differences)
}

fn level(differences: f64) -> u32 {
    (differences.max(1.0).log2().ceil() as u32).min(MOST_LEVEL)
}

fn whole(cells: f64) -> usize {
    (cells.ceil() as usize).clamp(1, MOST_CELLS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_plan_is_sound_or_too_large() {
        for rest in [0.0, 1.0, 3.5, 200.0, 1e5, 1e9, f64::INFINITY] {
            for doubt in [0.0, 0.1, 2.0] {
                for upto in [1, 8, 300, 5_000, MOST_CELLS] {
                    for flights in 1..12 {
                        let sent = Sent { upto, counted: upto + upto / 2 };
                        let plan = next(sent, Estimate { found: 3.0, rest, doubt }, flights);
                        assert!(plan.is_sound(sent) || plan.counted > MOST_CELLS, "{plan:?}");
                    }
                }
            }
            for least in [0.0, 2.0, 1e6] {
                let plan = first(rest, least);
                assert!(plan.is_sound(Sent::default()), "{plan:?}");
            }
        }
    }

    #[test]
    fn a_thousand_differences_need_no_more_than_the_cells_at_hand() {
        for have in [64, 900, 1_500, 2_000] {
            for rest in [2.0, 30.0, 400.0, 1_000.0] {
                let sent = Sent { upto: have, counted: have.max(256) };
                let plan = next(sent, Estimate { found: 0.0, rest, doubt: 0.2 }, 2);
                assert!(plan.counted <= CACHED_CELLS, "{plan:?}");
            }
        }
    }
}
