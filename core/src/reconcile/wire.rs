//! How cells are written: in as few bytes as possible.
//!
//! A flight of cells brings the next cells of a set up to a certain one. Where fewer cells are sent than that, they are
//! *folded*: with `n` cells for those from `a` to `b`, the i-th is the sum of `a + i`, `a + i + n`, ... below `b`. An item
//! counts in many cells further on, most of them far apart; folding brings them near at the price of one.
//!
//! Layout of a flight: the number of cells (varint); how many more they stand for (varint); how far the counts reach beyond
//! those (varint); the widths of the lower 48 and the upper 16 bits of the sums, the width of the checks, and the level of
//! the counts (one byte each); the number of items, if cell 0 is among them (varint); then bits, lowest first: for each
//! cell the sum and the check ([`TOTAL_CHECK`] bits for cell 0), then of each cell not counted yet the number of items,
//! modulo a power of two ([`count_width`]): the receiver knows its own, which differs by little.

use super::bits::{BitReader, BitWriter, width_of};
use super::cell::Cell;
use super::cells::MOST_CELLS;
use super::plan::Plan;
use crate::bytes::{DecodeError, Reader, Writer};

/// Bits of cell 0's check: all items count there, so that it decides whether the difference found is the right one.
pub(crate) const TOTAL_CHECK: u32 = 40;

/// Bits of a check at least and at most.
const CHECKS: std::ops::RangeInclusive<u32> = 4..=TOTAL_CHECK;

/// Cells that one is the sum of at most.
pub(crate) const MOST_FOLDS: usize = 64;

/// The highest level of counts: differences as a power of two.
pub(crate) const MOST_LEVEL: u32 = 40;

const LOW_BITS: u32 = 48;
const HIGH_BITS: u32 = 16;

/// Bits that a sum takes.
pub(crate) fn sum_bits(used: u64) -> u32 {
    width_of(used & ((1 << LOW_BITS) - 1)) + width_of(used >> LOW_BITS)
}

/// Bits of a count: where two sets differ in two to the power of `level` items, counts are as far apart as three times the
/// root of what the cell holds of them, seldom more. At least two bits, which tell one item from none and from two.
pub(crate) fn count_width(level: u32, index: usize) -> u32 {
    2 + ((18u64 << level) / (index as u64 + 2) + 3).ilog2() / 2
}

/// Cells on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// Without counts.
    pub(crate) cells: Vec<Cell>,
    /// The cell up to which they reach.
    pub(crate) upto: usize,
    pub(crate) check_bits: u32,
    /// The counts that follow those known before.
    pub(crate) counts: Vec<Count>,
}

/// A count as far as its last bits tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) value: u64,
    pub(crate) width: u32,
}

/// What was sent before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The cell up to which cells were sent.
    pub(crate) upto: usize,
    /// The cell up to which counts were sent.
    pub(crate) counted: usize,
}

impl Plan {
    /// Tells whether a flight can be like this, after what was sent before.
    pub(crate) fn is_sound(&self, sent: Sent) -> bool {
        let next = self.upto.saturating_sub(sent.upto);
        let folded = self.cells < next;
        (1..=next).contains(&self.cells)
            && !(folded && sent.upto == 0)
            && next <= self.cells.saturating_mul(MOST_FOLDS)
            && self.counted >= self.upto.max(sent.counted)
            && self.counted <= MOST_CELLS
            && self.level <= MOST_LEVEL
            && CHECKS.contains(&self.check_bits)
    }

    /// Bytes that such a flight takes, about.
    pub(crate) fn bytes(&self, sent: Sent, sum_bits: u32) -> usize {
        let counts = self.counted.saturating_sub(sent.counted);
        (self.cells * (sum_bits + self.check_bits) as usize
            + counts * count_width(self.level, sent.counted + counts / 2) as usize)
            / 8
    }

    /// Writes the plan; the reader knows what was sent before.
    pub(crate) fn write(&self, out: &mut Writer, sent: Sent) {
        let more = self.upto - sent.upto - self.cells;
        out.varint((self.cells as u64) << 1 | u64::from(more > 0));
        if more > 0 {
            out.varint(more as u64);
        }
        out.varint((self.counted - self.upto) as u64);
        out.bytes(&[self.level as u8, self.check_bits as u8]);
    }

    /// Reads what [`Plan::write`] wrote; zero cells are no plan.
    pub(crate) fn read(reader: &mut Reader<'_>, sent: Sent) -> Result<Option<Plan>, DecodeError> {
        let mut number = || Ok(usize::try_from(reader.varint()?).unwrap_or(usize::MAX).min(2 * MOST_CELLS));
        let cells = number()?;
        if cells == 0 {
            return Ok(None);
        }
        let upto = sent.upto + cells / 2 + if cells % 2 == 1 { number()? } else { 0 };
        let counted = upto + number()?;
        let (level, check_bits) = (reader.byte()?.into(), reader.byte()?.into());
        let plan = Plan { cells: cells / 2, upto, counted, level, check_bits };
        if plan.is_sound(sent) { Ok(Some(plan)) } else { Err(DecodeError::Range("number of cells")) }
    }
}

/// Writes the flight of a plan from the set's cells, which reach as far as the plan does.
pub(crate) fn write_flight(out: &mut Writer, all: &[Cell], plan: Plan, sent: Sent) {
    let folded = fold(&all[sent.upto..plan.upto], plan.cells);
    let used = folded.iter().fold(0, |used, cell| used | cell.sum);
    let (low, high) = (width_of(used & ((1 << LOW_BITS) - 1)), width_of(used >> LOW_BITS));
    plan.write(out, sent);
    out.bytes(&[low as u8, high as u8]);
    if sent.upto == 0 {
        out.varint(all[0].count.unsigned_abs());
    }
    let mut bits = BitWriter::default();
    for (index, cell) in folded.iter().enumerate() {
        bits.push(cell.sum, low);
        bits.push(cell.sum >> LOW_BITS, high);
        bits.push(cell.check, check_width(sent.upto + index, plan.check_bits));
    }
    for (index, cell) in all[..plan.counted].iter().enumerate().skip(sent.counted.max(1)) {
        bits.push(cell.count as u64, count_width(plan.level, index));
    }
    out.bytes(&bits.finish());
}

/// Reads what [`write_flight`] wrote, to the end.
pub(crate) fn read_flight(reader: &mut Reader<'_>, sent: Sent) -> Result<Flight, DecodeError> {
    let plan = Plan::read(reader, sent)?.ok_or(DecodeError::Range("number of cells"))?;
    let (low, high) = (u32::from(reader.byte()?), u32::from(reader.byte()?));
    if low > LOW_BITS || high > HIGH_BITS {
        return Err(DecodeError::Range("width of a cell"));
    }
    let items = if sent.upto == 0 { read_items(reader)? } else { 0 };
    let rest = reader.take_rest();
    // A cell takes half a byte and a count two bits at least, so memory is bounded by what is there.
    if plan.cells > 2 * rest.len() || plan.counted - sent.counted > 4 * rest.len() + 1 {
        return Err(DecodeError::Truncated);
    }
    let mut bits = BitReader::new(rest);
    let mut cells = Vec::with_capacity(plan.cells);
    for index in sent.upto..sent.upto + plan.cells {
        let sum = bits.pull(low)? | bits.pull(high)? << LOW_BITS;
        cells.push(Cell { sum, check: bits.pull(check_width(index, plan.check_bits))?, count: 0 });
    }
    let mut counts = Vec::with_capacity(plan.counted - sent.counted);
    if sent.counted == 0 {
        counts.push(Count { value: items as u64, width: 64 });
    }
    for index in sent.counted.max(1)..plan.counted {
        let width = count_width(plan.level, index);
        counts.push(Count { value: bits.pull(width)?, width });
    }
    bits.finish()?;
    Ok(Flight { cells, upto: plan.upto, check_bits: plan.check_bits, counts })
}

fn fold(cells: &[Cell], count: usize) -> Vec<Cell> {
    let mut folded = cells[..count].to_vec();
    for (index, cell) in cells.iter().enumerate().skip(count) {
        folded[index % count].add(cell.sum, cell.check, 0);
    }
    folded
}

fn check_width(index: usize, check_bits: u32) -> u32 {
    if index == 0 { TOTAL_CHECK } else { check_bits }
}

pub(crate) fn read_items(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    i64::try_from(reader.varint()?).ok().filter(|&items| items < 1 << 48).ok_or(DecodeError::Range("number of items"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::noise;
    use crate::reconcile::{ItemHasher, Pinned};

    #[test]
    fn flights_come_back_with_what_is_sent_of_them() {
        let items: Vec<u64> = (0..3_000).map(|item: u64| (item * 7) | ((item % 5) << 48)).collect();
        let pinned = Pinned::of(ItemHasher::new(9), &items);
        let all = pinned.ready();
        let plan = |cells, upto, counted| Plan { cells, upto, counted, level: 6, check_bits: 11 };
        let before = Sent { upto: 40, counted: 60 };
        for (sent, plan) in [
            (Sent::default(), plan(1, 1, 1)),
            (Sent::default(), plan(40, 40, 60)),
            (before, plan(30, 70, 70)),
            (before, plan(7, 53, 60)),
            (before, plan(9, 256, 256)),
        ] {
            let mut out = Writer::default();
            write_flight(&mut out, all, plan, sent);
            let bytes = out.into_bytes();
            let flight = read_flight(&mut Reader::new(&bytes), sent).expect("a flight");
            assert_eq!(
                (flight.upto, flight.check_bits, flight.counts.len()),
                (plan.upto, 11, plan.counted - sent.counted)
            );
            for (at, cell) in flight.cells.iter().enumerate() {
                let parts = all[sent.upto..plan.upto].iter().skip(at).step_by(plan.cells);
                let sum = parts.fold(Cell::default(), |sum, cell| Cell {
                    sum: sum.sum ^ cell.sum,
                    check: sum.check ^ cell.check,
                    count: 0,
                });
                let mask = (1 << check_width(sent.upto + at, 11)) - 1;
                assert_eq!((cell.sum, cell.check), (sum.sum, sum.check & mask));
            }
            for (count, cell) in flight.counts.iter().zip(&all[sent.counted..]) {
                assert_eq!((count.value ^ cell.count as u64) << (64 - count.width), 0);
            }
            assert!((0..bytes.len()).all(|cut| read_flight(&mut Reader::new(&bytes[..cut]), sent).is_err()));
        }
    }

    #[test]
    fn plans_beyond_any_bound_are_refused() {
        let sent = Sent { upto: 10, counted: 20 };
        let sound = Plan { cells: 5, upto: 30, counted: 30, level: 4, check_bits: 10 };
        assert!(sound.is_sound(sent));
        for plan in [
            Plan { cells: 0, ..sound },
            Plan { cells: 21, ..sound },
            Plan { upto: 10 + 5 * MOST_FOLDS + 1, counted: MOST_CELLS, ..sound },
            Plan { counted: 29, ..sound },
            Plan { cells: 2, upto: 12, counted: 19, ..sound },
            Plan { counted: MOST_CELLS + 1, ..sound },
            Plan { level: MOST_LEVEL + 1, ..sound },
            Plan { check_bits: 3, ..sound },
            Plan { check_bits: 41, ..sound },
        ] {
            assert!(!plan.is_sound(sent), "{plan:?}");
        }
        assert!(!sound.is_sound(Sent::default()), "cell 0 is never folded");
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        for (bytes, number) in noise() {
            let at = (number >> 62) as usize;
            let _ = read_flight(&mut Reader::new(&bytes), Sent { upto: at, counted: 2 * at });
        }
    }
}
