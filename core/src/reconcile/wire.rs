//! How cells and lists of items are written: in as few bytes as possible.
//!
//! Layout of cells: the number of cells (varint); the widths of the lower 48 and the upper 16 bits of the sums (one byte
//! each); the number of items, if cell 0 is among them (varint); then bits, lowest first: for each cell the sum and
//! [`CHECK_BITS`] of the check, then for each block of [`BLOCK`] cells a width (6 bits) and the zigzag differences of the
//! counts from what the number of items lets expect.

use super::bits::{BitReader, BitWriter, width_of};
use super::cell::Cell;
use super::cells::MOST_CELLS;
use super::peel::Difference;
use crate::bytes::{DecodeError, Reader, Writer, unzigzag, zigzag};

/// Bits of a cell's check that are sent. A cell is mistaken for one that holds a single item with probability 2^-20 times
/// that of its place; all cells must come out empty in the end, so a mistake costs a retry and nothing else.
pub(crate) const CHECK_BITS: u32 = 20;
pub(crate) const CHECK_MASK: u64 = (1 << CHECK_BITS) - 1;

/// Cells whose counts share a width.
const BLOCK: usize = 16;

const LOW_BITS: u32 = 48;
const HIGH_BITS: u32 = 16;
const WIDTH_BITS: u32 = 6;

/// Bits that a sum takes.
pub(crate) fn sum_bits(used: u64) -> u32 {
    width_of(used & ((1 << LOW_BITS) - 1)) + width_of(used >> LOW_BITS)
}

/// Writes cells that begin at number `from`; `items` is the number of items in the set.
pub(crate) fn write_cells(out: &mut Writer, cells: &[Cell], from: usize, items: i64) {
    let used = cells.iter().fold(0, |used, cell| used | cell.sum);
    let (low, high) = (width_of(used & ((1 << LOW_BITS) - 1)), width_of(used >> LOW_BITS));
    out.varint(cells.len() as u64);
    out.bytes(&[low as u8, high as u8]);
    if from == 0 {
        out.varint(items.unsigned_abs());
    }
    let mut bits = BitWriter::default();
    for cell in cells {
        bits.push(cell.sum, low);
        bits.push(cell.sum >> LOW_BITS, high);
        bits.push(cell.check, CHECK_BITS);
    }
    let offs: Vec<u64> = offs(cells, from, items).collect();
    for block in offs.chunks(BLOCK) {
        let width = block.iter().map(|&off| width_of(off)).max().unwrap_or(0).min(63);
        bits.push(width.into(), WIDTH_BITS);
        block.iter().for_each(|&off| bits.push(off, width));
    }
    out.bytes(&bits.finish());
}

/// Reads what [`write_cells`] wrote, to the end. `items` is the number of items as told before, for `from` beyond 0.
pub(crate) fn read_cells(reader: &mut Reader<'_>, from: usize, items: i64) -> Result<Vec<Cell>, DecodeError> {
    // A cell takes more than two bytes, so the count is bounded by what is there.
    let count = reader.count(CHECK_BITS as usize / 8, MOST_CELLS)?;
    let (low, high) = (u32::from(reader.byte()?), u32::from(reader.byte()?));
    if low > LOW_BITS || high > HIGH_BITS {
        return Err(DecodeError::Range("width of a cell"));
    }
    let items = if from == 0 { read_items(reader)? } else { items };
    let mut bits = BitReader::new(reader.take_rest());
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        let sum = bits.pull(low)? | bits.pull(high)? << LOW_BITS;
        cells.push(Cell { sum, check: bits.pull(CHECK_BITS)?, count: 0 });
    }
    let (first, known) = if from == 0 { (cells.len().min(1), true) } else { (0, false) };
    if let Some(cell) = cells.first_mut().filter(|_| known) {
        cell.count = items;
    }
    let mut index = from + first;
    for block in cells[first..].chunks_mut(BLOCK) {
        let width = bits.pull(WIDTH_BITS)? as u32;
        for cell in block {
            cell.count = expected(items, index).wrapping_add(unzigzag(bits.pull(width)?));
            index += 1;
        }
    }
    bits.finish()?;
    Ok(cells)
}

fn read_items(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    i64::try_from(reader.varint()?).ok().filter(|&items| items < 1 << 48).ok_or(DecodeError::Range("number of items"))
}

/// How far each count is from what is expected; that of cell 0 is told apart.
fn offs(cells: &[Cell], from: usize, items: i64) -> impl Iterator<Item = u64> {
    let numbered = cells.iter().enumerate().map(move |(index, cell)| (from + index, cell));
    numbered.filter(|(index, _)| *index > 0).map(move |(index, cell)| zigzag(cell.count - expected(items, index)))
}

fn expected(items: i64, index: usize) -> i64 {
    items * 2 / (index as i64 + 2)
}

/// Writes numbers below the largest, in ascending order and without repetition: for each run the gap before it and its length less one.
pub(crate) fn write_runs(out: &mut Writer, items: &[u64]) {
    let mut rest = items;
    let mut next = 0;
    while let Some(&first) = rest.first() {
        let length = rest.iter().zip(first..).take_while(|(item, number)| *item == number).count();
        // Most runs of a few items are single: one bit of the gap tells.
        let gap = u128::from(first - next) << 1 | u128::from(length > 1);
        write_wide(out, gap);
        if length > 1 {
            out.varint(length as u64 - 2);
        }
        next = first.saturating_add(length as u64);
        rest = &rest[length..];
    }
}

/// Numbers in ascending order as runs: the first of each and their number. Takes memory as the input does, not as the
/// numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs(Vec<(u64, u64)>);

impl Runs {
    /// Reads what [`write_runs`] wrote, to the end.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Runs, DecodeError> {
        let (mut runs, mut next) = (Vec::new(), 0u64);
        while !reader.is_empty() {
            let gap = read_wide(reader)?;
            let first = u64::try_from(gap >> 1).ok().and_then(|gap| next.checked_add(gap)).ok_or(RUN)?;
            let length = if gap & 1 == 1 { reader.varint()?.checked_add(2).ok_or(RUN)? } else { 1 };
            next = first.checked_add(length).ok_or(RUN)?;
            runs.push((first, length));
        }
        Ok(Runs(runs))
    }

    /// Number of numbers.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, length)| sum.saturating_add(*length))
    }

    /// The numbers, at most `most`.
    pub(crate) fn items(&self, most: usize) -> Result<Vec<u64>, DecodeError> {
        if self.count() > most as u64 {
            return Err(DecodeError::TooLarge { what: "number of items", limit: most });
        }
        Ok(self.0.iter().flat_map(|&(first, length)| first..first + length).collect())
    }

    /// What `here` (in ascending order) has beyond these numbers, and these beyond `here`: at most `most` of those.
    pub(crate) fn beside(&self, here: &[u64], most: usize) -> Result<Difference, DecodeError> {
        let (mut rest, mut found) = (here, Difference::default());
        for &(first, length) in &self.0 {
            let before = rest.partition_point(|item| *item < first);
            found.only_here.extend_from_slice(&rest[..before]);
            let inside = rest[before..].partition_point(|item| *item - first < length);
            let shared = &rest[before..before + inside];
            if length - inside as u64 > (most - found.only_there.len()) as u64 {
                return Err(DecodeError::TooLarge { what: "number of items", limit: most });
            }
            let mut next = first;
            for &item in shared {
                found.only_there.extend(next..item);
                next = item + 1;
            }
            found.only_there.extend(next..first + length);
            rest = &rest[before + inside..];
        }
        found.only_here.extend_from_slice(rest);
        Ok(found)
    }
}

const RUN: DecodeError = DecodeError::Range("run of items");

fn write_wide(out: &mut Writer, value: u128) {
    let mut value = value;
    while value >= 0x80 {
        out.byte(value as u8 | 0x80);
        value >>= 7;
    }
    out.byte(value as u8);
}

fn read_wide(reader: &mut Reader<'_>) -> Result<u128, DecodeError> {
    let mut value = 0u128;
    for shift in (0..70).step_by(7) {
        let byte = reader.byte()?;
        value |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(RUN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{ItemHasher, Pinned};

    fn listed(items: &[u64]) -> Vec<u8> {
        let mut out = Writer::default();
        write_runs(&mut out, items);
        out.into_bytes()
    }

    #[test]
    fn cells_come_back_with_what_is_sent_of_them() {
        let items: Vec<u64> = (0..3_000).map(|item: u64| (item * 7) | ((item % 5) << 48)).collect();
        let pinned = Pinned::of(ItemHasher::new(9), &items);
        for (from, upto) in [(0, 0), (0, 1), (0, 40), (40, 256)] {
            let cells = &pinned.ready()[from..upto];
            let mut out = Writer::default();
            write_cells(&mut out, cells, from, 3_000);
            let bytes = out.into_bytes();
            let sent: Vec<Cell> = cells.iter().map(|cell| Cell { check: cell.check & CHECK_MASK, ..*cell }).collect();
            assert_eq!(read_cells(&mut Reader::new(&bytes), from, 3_000), Ok(sent));
            assert!((0..bytes.len()).all(|cut| read_cells(&mut Reader::new(&bytes[..cut]), from, 3_000).is_err()));
        }
    }

    #[test]
    fn a_list_of_runs_costs_as_its_gaps() {
        let items: Vec<u64> = (1..=1_000).chain([2_000, 2_002]).chain(5 << 48..(5 << 48) + 90).collect();
        let bytes = listed(&items);
        assert!(bytes.len() <= 20, "{}", bytes.len());
        let runs = Runs::read(&mut Reader::new(&bytes)).expect("a list");
        assert_eq!((runs.items(2_000), runs.count()), (Ok(items), 1_092));
        assert!(runs.items(1_000).is_err());
    }

    #[test]
    fn a_list_is_compared_without_being_unrolled() {
        let runs = Runs(vec![(2, 3), (10, 1 << 40)]);
        assert!(runs.beside(&[], 1_000).is_err());
        let runs = Runs(vec![(2, 3), (10, 4)]);
        let found = runs.beside(&[1, 3, 7, 10, 12, 99], 1_000);
        assert_eq!(found, Ok(Difference { only_here: vec![1, 7, 99], only_there: vec![2, 4, 11, 13] }));
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut random = 1u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random >> 58)
                .map(|_| {
                    random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    (random >> 56) as u8
                })
                .collect();
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let _ = read_cells(&mut Reader::new(&bytes), (random >> 62) as usize, 77);
            if let Ok(runs) = Runs::read(&mut Reader::new(&bytes)) {
                let _ = (runs.items(100), runs.beside(&[5, 9], 100));
            }
        }
    }
}
