//! Decoding: which items differ, from the cells that have come so far.

use super::cell::{Cell, ItemHasher, Places};
use super::estimate::{Estimate, Off, centred, spread};
use super::wire::{Count, Flight, TOTAL_CHECK};
use std::collections::{BTreeMap, BTreeSet};

/// Decodes the difference of two sets from the first cells of both, as they come in.
///
/// The item of a cell that holds only one is known; taking it out of its other cells uncovers further ones.
#[derive(Clone, Debug)]
pub(crate) struct Peeler {
    hasher: ItemHasher,
    /// What came: what is there less what is here. The counts are apart.
    came: Vec<Cell>,
    ranges: Vec<Range>,
    /// The counts of the first cells, also of those summed up or not sent yet, as far as their last bits tell.
    came_counts: Vec<Count>,
    /// The same less what was found.
    cells: Vec<Cell>,
    counts: Vec<Count>,
    found: BTreeMap<u64, Found>,
    /// What was found by mistake, and where: not to be found there again.
    refuted: BTreeSet<(u64, [usize; 2])>,
}

/// Cells of a set that one flight brought: cell `from + i` is part of `cells[at + i % len]`.
#[derive(Clone, Copy, Debug)]
struct Range {
    from: usize,
    upto: usize,
    at: usize,
    len: usize,
    check: u64,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    hash: u64,
    /// 1: only there. -1: only here.
    count: i64,
    /// The cell that told, or the two.
    at: [usize; 2],
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

/// Cells that are compared with each other at most.
const SCANNED: usize = 256;

/// How often they are, at most.
const SCANS: usize = 256;

impl Peeler {
    pub(crate) fn new(hasher: ItemHasher) -> Self {
        let (came, ranges, came_counts) = Default::default();
        let (cells, counts, found, refuted) = Default::default();
        Peeler { hasher, came, ranges, came_counts, cells, counts, found, refuted }
    }

    /// The cell up to which those of the set have come.
    pub(crate) fn reach(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.upto)
    }

    /// The cell up to which counts have come.
    pub(crate) fn counted(&self) -> usize {
        self.came_counts.len()
    }

    /// Takes in the next flight of the other side beside one's own cells, and decodes what they allow. `here` reaches as
    /// far as the counts do.
    pub(crate) fn push(&mut self, flight: &Flight, here: &[Cell]) {
        let (from, counted, at) = (self.reach(), self.counted(), self.came.len());
        for (index, there) in (counted..).zip(&flight.counts) {
            let value = there.value.wrapping_sub(here[index].count as u64);
            self.came_counts.push(Count { value, width: there.width });
        }
        self.came.extend(&flight.cells);
        for range in flight.ranges(at, from) {
            for (at, own) in here[range.from..range.upto].iter().enumerate() {
                self.came[range.at + at % range.len].add(own.sum, own.check, 0);
            }
            self.ranges.push(range);
        }
        self.decode();
    }

    /// Begins anew with each flight: what few cells made look right may be told apart by more.
    fn decode(&mut self) {
        (self.cells, self.counts) = (self.came.clone(), self.came_counts.clone());
        (self.found, self.refuted) = Default::default();
        self.peel((0..self.cells.len()).collect());
        for _ in 0..SCANS {
            let Some((item, found)) = self.pair() else { break };
            let mut touched = Vec::new();
            self.find(item, found, &mut touched);
            self.peel(touched);
        }
    }

    fn peel(&mut self, mut candidates: Vec<usize>) {
        // A cell that only looks as if it held one item can be found again.
        let mut left = 4 * self.cells.len();
        while let Some(at) = candidates.pop().filter(|_| left > 0) {
            if let Some((item, found)) = self.single(at) {
                self.find(item, found, &mut candidates);
                left -= 1;
            }
        }
    }

    fn find(&mut self, item: u64, found: Found, touched: &mut Vec<usize>) {
        match self.found.remove(&item) {
            None => drop(self.found.insert(item, found)),
            // What is to be put back was never there.
            Some(before) if before.count == -found.count => drop(self.refuted.insert((item, before.at))),
            Some(before) => {
                self.refuted.insert((item, found.at));
                self.found.insert(item, before);
                return;
            }
        }
        self.take_out(item, &found, touched);
    }

    /// Takes an item out of all cells that it counts in, and adds those to `touched`.
    fn take_out(&mut self, item: u64, found: &Found, touched: &mut Vec<usize>) {
        let mut places = Places::new(found.hash);
        while let Some(index) = usize::try_from(places.at()).ok().filter(|&index| index < self.counts.len()) {
            self.counts[index].value = self.counts[index].value.wrapping_sub(found.count as u64);
            if let Some(at) = self.cell_of(index) {
                self.cells[at].sum ^= item;
                self.cells[at].check ^= found.hash;
                touched.push(at);
            }
            places.advance();
        }
    }

    fn cell_of(&self, index: usize) -> Option<usize> {
        let range = self.ranges.iter().find(|range| index < range.upto)?;
        Some(range.at + (index - range.from) % range.len)
    }

    /// The number of the only cell of the set, among those summed up in one, whose count is not zero, and that count: 1 or
    /// -1.
    fn odd_one(&self, range: &Range, at: usize) -> Option<(usize, i64)> {
        let mut odd = None;
        for index in (range.from + at - range.at..range.upto).step_by(range.len) {
            let count = self.counts[index].centred();
            match (count, odd) {
                (0, _) => {}
                (1 | -1, None) => odd = Some((index, count)),
                _ => return None,
            }
        }
        odd
    }

    /// The one item of a cell: its hash must match, and it must count in this cell.
    fn single(&self, at: usize) -> Option<(u64, Found)> {
        let range = self.ranges.iter().find(|range| at < range.at + range.len)?;
        let (cell, (index, count)) = (self.cells[at], self.odd_one(range, at)?);
        let hash = self.hasher.hash(cell.sum);
        if (hash ^ cell.check) & range.check != 0 || !self.may_be(cell.sum, [at, at]) {
            return None;
        }
        let mut places = Places::new(hash);
        while places.at() < index as u64 {
            places.advance();
        }
        (places.at() == index as u64).then_some((cell.sum, Found { hash, count, at: [at, at] }))
    }

    /// Tells whether an item may be found there.
    fn may_be(&self, item: u64, at: [usize; 2]) -> bool {
        item != u64::MAX && !self.refuted.contains(&(item, at))
    }

    /// The one item by which two cells differ: where no cell holds a single item, there often are two of which one holds
    /// what the other does and one item more.
    fn pair(&self) -> Option<(u64, Found)> {
        let filled: Vec<(usize, usize, u64)> = self.filled().take(SCANNED + 1).collect();
        if filled.len() > SCANNED {
            return None;
        }
        for (nth, one) in filled.iter().enumerate() {
            for two in &filled[..nth] {
                if let Some(found) = self.apart(*one, *two) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Cells that are not empty and not summed up of several: where they stand, their number in the set, their check's mask.
    fn filled(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let ranges = self.ranges.iter().filter(|range| !range.is_folded());
        let cells = ranges.flat_map(|range| (0..range.len).map(|at| (range.at + at, range.from + at, range.check)));
        cells.filter(|(at, _, mask)| self.cells[*at].sum != 0 || self.cells[*at].check & mask != 0)
    }

    fn apart(&self, one: (usize, usize, u64), two: (usize, usize, u64)) -> Option<(u64, Found)> {
        let (counts, cells) = ([one, two].map(|cell| self.counts[cell.1]), [one, two].map(|cell| self.cells[cell.0]));
        let count = centred(counts[0].value.wrapping_sub(counts[1].value), counts[0].width.min(counts[1].width));
        if count.abs() != 1 {
            return None;
        }
        let item = cells[0].sum ^ cells[1].sum;
        let hash = self.hasher.hash(item);
        if (hash ^ cells[0].check ^ cells[1].check) & one.2 & two.2 != 0 {
            return None;
        }
        let (mut places, mut inside) = (Places::new(hash), [false; 2]);
        while let Some(at) = self.cell_of(places.at() as usize) {
            // Whatever holds an item is not empty.
            if self.cells[at].sum == 0 {
                return None;
            }
            inside = [inside[0] | (at == one.0), inside[1] | (at == two.0)];
            places.advance();
        }
        let count = if inside[0] { count } else { -count };
        let at = [one.0, two.0];
        (inside[0] != inside[1] && self.may_be(item, at)).then_some((item, Found { hash, count, at }))
    }

    /// The difference, once every cell is explained.
    pub(crate) fn difference(&self) -> Option<Difference> {
        let empty = |range: &Range| {
            let mut cells = self.cells[range.at..range.at + range.len].iter();
            cells.all(|cell| cell.sum == 0 && cell.check & range.check == 0)
        };
        let none = self.counts.iter().all(|count| count.centred() == 0);
        if self.cells.is_empty() || !none || !self.ranges.iter().all(empty) {
            return None;
        }
        let side = |count: i64| {
            let items = self.found.iter().filter(|(_, found)| found.count == count);
            items.map(|(&item, _)| item).collect()
        };
        Some(Difference { only_here: side(-1), only_there: side(1) })
    }

    /// How many items differ.
    pub(crate) fn estimate(&self) -> Estimate {
        let counted = spread(&self.offs());
        let folded = self.ranges.iter().any(Range::is_folded);
        let cells = if folded { usize::MAX } else { self.reach() };
        let estimate = Estimate::of(if folded { 0 } else { self.found.len() }, cells, counted);
        let (found, rest) = (self.found.len() as f64, estimate.rest.max(self.total().abs()).max(2.0));
        Estimate { found, rest, ..estimate }
    }

    fn offs(&self) -> Vec<Off> {
        let total = self.total();
        let counts = self.counts.iter().enumerate().skip(1);
        counts.map(|(index, count)| Off::new(index, count.value, count.width, total)).collect()
    }

    /// The difference of the numbers of items, less those found.
    fn total(&self) -> f64 {
        self.counts.first().map_or(0, Count::centred) as f64
    }
}

impl Range {
    fn is_folded(&self) -> bool {
        self.len < self.upto - self.from
    }
}

impl Count {
    fn centred(&self) -> i64 {
        centred(self.value, self.width)
    }
}

impl Flight {
    /// Where its cells belong: cell 0 has a check of its own width.
    fn ranges(&self, at: usize, from: usize) -> Vec<Range> {
        let mask = |bits: u32| (1 << bits) - 1;
        let first = usize::from(from == 0 && !self.cells.is_empty());
        let mut ranges = Vec::new();
        if first == 1 {
            ranges.push(Range { from, upto: 1, at, len: 1, check: mask(TOTAL_CHECK) });
        }
        if self.cells.len() > first {
            let len = self.cells.len() - first;
            ranges.push(Range {
                from: from + first,
                upto: self.upto,
                at: at + first,
                len,
                check: mask(self.check_bits),
            });
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{Reader, Writer};
    use crate::reconcile::Pinned;
    use crate::reconcile::plan::Plan;
    use crate::reconcile::wire::{Sent, read_flight, write_flight};

    fn items(seed: u64, count: u64) -> Vec<u64> {
        let mut items: Vec<u64> = (0..count).map(|at| ItemHasher::new(seed).hash(at) >> 1).collect();
        items.sort_unstable();
        items
    }

    /// Sends flights with checks of `check_bits` until all is found; returns the difference and how many it took.
    fn decode(seed: u64, differing: [u64; 2], check_bits: u32, folds: usize) -> (Option<Difference>, usize) {
        let hasher = ItemHasher::new(seed);
        let [mut here, mut there] =
            [0, 1].map(|side| Pinned::of(hasher, &items(seed + side, differing[side as usize])));
        let all = [0, 1].map(|side| items(seed + side, differing[side as usize]));
        let (mut peeler, mut sent) = (Peeler::new(hasher), Sent::default());
        for flight in 0..12 {
            let cells = (differing[0] + differing[1]) as usize / 2 + 8;
            let upto = sent.upto + if flight == 0 { cells } else { cells * folds };
            let plan = Plan { cells, upto, counted: upto, level: 12, check_bits };
            assert!(here.extend(upto, &all[0]) && there.extend(upto, &all[1]));
            let mut out = Writer::default();
            write_flight(&mut out, there.ready(), plan, sent);
            peeler.push(&read_flight(&mut Reader::new(&out.into_bytes()), sent).expect("a flight"), here.ready());
            if let Some(found) = peeler.difference() {
                return (Some(found), flight + 1);
            }
            sent = Sent { upto, counted: upto };
        }
        (None, 12)
    }

    #[test]
    fn cells_that_look_like_one_item_do_not_mislead_for_long() {
        let mut flights = 0;
        for seed in 0..60 {
            let (found, took) = decode(10 * seed, [150, 100], 8, 1);
            let expected = Difference { only_here: items(10 * seed, 150), only_there: items(10 * seed + 1, 100) };
            assert_eq!(found, Some(expected), "seed {seed}");
            flights += took;
        }
        assert!(flights < 60 * 4, "{flights}");
    }

    #[test]
    fn cells_that_are_summed_up_tell_the_same() {
        for seed in 0..60 {
            let (found, took) = decode(10 * seed, [30, 35], 10, 1 + seed as usize % 9);
            let expected = Difference { only_here: items(10 * seed, 30), only_there: items(10 * seed + 1, 35) };
            assert_eq!(found, Some(expected), "seed {seed}");
            assert!(took < 8, "seed {seed}: {took}");
        }
    }
}
