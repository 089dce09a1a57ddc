//! Reconciling two sets of numbers in at most three round trips.
//!
//! ```text
//! asker                                    teller
//!   OPEN   the sum of its items      ->
//!                                    <-    FOUND  if the sums tell which one item differs, or that none does
//!                                    <-    CELLS  a few, as many as the numbers of items make likely
//!   ASK    as many as the estimate   ->
//!                                    <-    CELLS, or LIST where that is cheaper
//!   ASK    the rest                  ->
//!                                    <-    CELLS, or LIST
//!   FOUND  what only the teller has  ->
//! ```
//!
//! The asker learns the whole difference, the teller what only it has.

use super::cell::Cell;
use super::cells::{MOST_CELLS, Pinned};
use super::peel::{Difference, Peeler};
use super::wire::{CHECK_BITS, Runs, read_cells, sum_bits, write_cells, write_runs};
use crate::bytes::{DecodeError, Reader, Writer};

const OPEN: u8 = 1;
const CELLS: u8 = 2;
const ASK: u8 = 3;
const LIST: u8 = 4;
/// What only the receiver has.
const YOURS: u8 = 5;
/// What only the sender has: the answer to an opening that told it.
const MINE: u8 = 6;

/// Most items that may differ: 32 MiB of numbers. Who differs in more is better served by a snapshot.
pub const MOST_DIFFERENCES: usize = 1 << 22;

/// Bytes of the opening's check: here one cell decides alone, so that a mistake must be out of the question.
const OPEN_CHECK: usize = 6;
const OPEN_MASK: u64 = (1 << (8 * OPEN_CHECK)) - 1;

/// Cells of the first flight: enough for three or four differences, and for an estimate within a half.
const FIRST: usize = 8;

/// Fewer cells than these do not tell the number of differences well enough to ask for all that are needed.
const ROUGH: f64 = 24.0;

/// Cells sent for a better estimate, where the list may turn out cheaper.
const PROBE: usize = 32;

/// Flights of cells; then the list is asked for. Three are enough for all but one set in a hundred: those where two items
/// happen to count in the same cells for long.
const FLIGHTS: u32 = 8;

/// A set could not be reconciled. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A message is malformed or out of turn.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The set that was pinned is no longer at hand.
    #[error("the set has changed since the reconciliation began: begin again")]
    Changed,
}

/// Hands over the items in ascending order, all below [`u64::MAX`]; called at most once for a message, and only where
/// the cells at hand do not suffice.
pub type ItemSource<'a> = &'a mut dyn FnMut() -> Vec<u64>;

/// The side that begins, decodes, and learns the whole difference.
///
/// ```
/// use syncline::reconcile::{Asker, ItemHasher, Pinned, Teller, list_bytes};
/// let hasher = ItemHasher::new(7);
/// let (here, there) = (vec![1, 2, 3, 4, 9], vec![1, 2, 3, 5, 9]);
/// let (mut asker, mut message) = Asker::open(Pinned::of(hasher, &here));
/// let mut teller = Teller::new(Pinned::of(hasher, &there), list_bytes(&there));
/// while let Some(answer) = teller.handle(&message, &mut || there.clone())? {
///     match asker.handle(&answer, &mut || here.clone())? {
///         Some(next) => message = next,
///         None => break,
///     }
/// }
/// assert_eq!(asker.difference().map(|found| (&*found.only_here, &*found.only_there)), Some((&[4][..], &[5][..])));
/// assert_eq!(teller.only_here(), Some(&[5][..]));
/// # Ok::<(), syncline::reconcile::SetError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Asker {
    pinned: Pinned,
    peeler: Peeler,
    /// Items of the other side, once told.
    items_there: i64,
    flights: u32,
    difference: Option<Difference>,
}

impl Asker {
    /// Begins: returns the first message.
    pub fn open(pinned: Pinned) -> (Asker, Vec<u8>) {
        let total = pinned.total();
        let mut out = Writer::default();
        out.byte(OPEN);
        out.varint(total.count.unsigned_abs());
        if total.count != 0 {
            out.bytes(&total.sum.to_le_bytes());
            out.bytes(&total.check.to_le_bytes()[..OPEN_CHECK]);
        }
        let peeler = Peeler::new(pinned.hasher());
        (Asker { pinned, peeler, items_there: 0, flights: 0, difference: None }, out.into_bytes())
    }

    /// The whole difference, once known.
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// Takes an answer. Returns what to send next; `None` if the other side knows all it has to.
    ///
    /// # Errors
    /// [`SetError`]; begin again then.
    pub fn handle(&mut self, message: &[u8], items: ItemSource<'_>) -> Result<Option<Vec<u8>>, SetError> {
        let mut reader = Reader::new(message);
        match reader.byte()? {
            CELLS => self.take_cells(&mut reader, items),
            LIST => {
                let here = items();
                if !self.pinned.is_of(&here) {
                    return Err(SetError::Changed);
                }
                let found = Runs::read(&mut reader)?.beside(&here, MOST_DIFFERENCES)?;
                Ok(Some(self.finish(found)))
            }
            YOURS => {
                let only_here = Runs::read(&mut reader)?.items(1)?;
                self.difference = Some(Difference { only_here, ..Difference::default() });
                Ok(None)
            }
            MINE => {
                let only_there = Runs::read(&mut reader)?.items(1)?;
                self.difference = Some(Difference { only_there, ..Difference::default() });
                Ok(None)
            }
            _ => Err(DecodeError::Range("kind of message").into()),
        }
    }

    fn take_cells(&mut self, reader: &mut Reader<'_>, items: ItemSource<'_>) -> Result<Option<Vec<u8>>, SetError> {
        let from = self.peeler.len();
        let cells = read_cells(reader, from, self.items_there)?;
        if cells.is_empty() || from + cells.len() > MOST_CELLS || self.flights == FLIGHTS {
            return Err(DecodeError::Range("number of cells").into());
        }
        if from == 0 {
            self.items_there = cells[0].count;
        }
        let upto = from + cells.len();
        if upto > self.pinned.ready().len() && !self.pinned.extend(upto, &items()) {
            return Err(SetError::Changed);
        }
        self.peeler.push(&cells, &self.pinned.ready()[from..upto]);
        self.flights += 1;
        match self.peeler.difference() {
            Some(found) => Ok(Some(self.finish(found))),
            None => Ok(Some(self.ask())),
        }
    }

    /// The first estimate is rough: what is asked for by it stays below what is needed. The second is good.
    fn ask(&self) -> Vec<u8> {
        let have = self.peeler.len() as f64;
        let (found, rest) = self.peeler.estimate();
        let upto = match self.flights {
            1 if have < ROUGH => (0.8 * (found + rest)).max(if found + rest > 12.0 { ROUGH } else { 1.6 * have }),
            // The last of three flights must do.
            1 => cells_for(found + rest, 1.5).max(1.1 * have + 4.0),
            _ => cells_for(found + rest * (1.0 + 1.2 * (2.0 / have).sqrt()), 2.6).max(1.1 * have + 8.0),
        };
        let mut out = Writer::default();
        out.byte(ASK);
        // Zero asks for the list.
        out.varint(if self.flights == FLIGHTS { 0 } else { (upto as u64).min(MOST_CELLS as u64) });
        out.into_bytes()
    }

    fn finish(&mut self, found: Difference) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(YOURS);
        write_runs(&mut out, &found.only_there);
        self.difference = Some(found);
        out.into_bytes()
    }
}

/// Cells that decode `differences`: 1.35 for each in the long run (section 5 of the paper), more of few. Half of the sets
/// need no more than for a `spread` of 0.7, nine of ten than for 2.2.
fn cells_for(differences: f64, spread: f64) -> f64 {
    1.36 * differences + spread * differences.sqrt() + 1.6 * spread
}

/// The side that is asked.
#[derive(Clone, Debug)]
pub struct Teller {
    pinned: Pinned,
    /// What a complete list costs at most, in bytes.
    list_bytes: usize,
    sent: usize,
    flights: u32,
    only_here: Option<Vec<u64>>,
}

impl Teller {
    /// Makes the answering side. `list_bytes` is what the list of its items costs, see [`list_bytes`]; an upper bound is
    /// enough as long as the cells at hand suffice.
    pub fn new(pinned: Pinned, list_bytes: usize) -> Self {
        Teller { pinned, list_bytes, sent: 0, flights: 0, only_here: None }
    }

    /// The items that only this side has, once known.
    pub fn only_here(&self) -> Option<&[u64]> {
        self.only_here.as_deref()
    }

    /// Takes a message. Returns the answer; `None` at the end.
    ///
    /// # Errors
    /// [`SetError`]; the other side begins again then.
    pub fn handle(&mut self, message: &[u8], items: ItemSource<'_>) -> Result<Option<Vec<u8>>, SetError> {
        let mut reader = Reader::new(message);
        match reader.byte()? {
            OPEN => {
                let there = read_total(&mut reader)?;
                Ok(Some(self.open(there, items)?))
            }
            ASK => {
                let upto = usize::try_from(reader.varint()?).unwrap_or(usize::MAX).min(MOST_CELLS);
                reader.finish()?;
                match upto {
                    0 => self.list(&items()).map(Some),
                    _ if upto <= self.sent || self.flights >= FLIGHTS => {
                        Err(DecodeError::Range("number of cells").into())
                    }
                    _ => Ok(Some(self.send_more(upto, items)?)),
                }
            }
            YOURS => {
                self.only_here = Some(Runs::read(&mut reader)?.items(MOST_DIFFERENCES)?);
                Ok(None)
            }
            _ => Err(DecodeError::Range("kind of message").into()),
        }
    }

    /// Tells at once what the two sums tell.
    fn open(&mut self, there: Cell, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        let mut off = self.pinned.total().minus(there);
        off.check &= OPEN_MASK;
        let single = self.pinned.hasher().hash(off.sum) & OPEN_MASK == off.check && off.sum != u64::MAX;
        let (kind, known) = match off.count {
            0 if off.is_empty() => (YOURS, &[][..]),
            1 if single => (MINE, &[off.sum][..]),
            -1 if single => (YOURS, &[off.sum][..]),
            _ => {
                let least = cells_for(off.count.unsigned_abs() as f64, 0.9) as usize;
                return self.send_first(FIRST.max(least.min(MOST_CELLS)), items);
            }
        };
        let mut out = Writer::default();
        out.byte(kind);
        write_runs(&mut out, known);
        self.only_here = Some(if kind == MINE { known.to_vec() } else { Vec::new() });
        Ok(out.into_bytes())
    }

    fn send_first(&mut self, upto: usize, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        // The numbers of items only tell the least that differs.
        let doubt = if upto > FIRST { 3 } else { 1 };
        if self.list_bytes <= doubt * upto * self.cell_bytes() {
            return self.list(&items());
        }
        self.send(upto, items)
    }

    /// Sends cells up to `upto`, or the list if that is cheaper.
    fn send_more(&mut self, upto: usize, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        let cost = |upto: usize| (upto - self.sent) * self.cell_bytes();
        // After the first flight it is not clear yet how many will be needed.
        if self.flights == 1 && 3 * cost(upto) > self.list_bytes {
            let probe = self.sent + PROBE;
            return if 2 * cost(probe) > self.list_bytes { self.list(&items()) } else { self.send(probe, items) };
        }
        if cost(upto) >= self.list_bytes { self.list(&items()) } else { self.send(upto, items) }
    }

    fn send(&mut self, upto: usize, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        if upto > self.pinned.ready().len() {
            let all = items();
            if (upto - self.sent) * self.cell_bytes() >= list_bytes(&all) {
                return self.list(&all);
            }
            if !self.pinned.extend(upto, &all) {
                return Err(SetError::Changed);
            }
        }
        let mut out = Writer::default();
        out.byte(CELLS);
        write_cells(&mut out, &self.pinned.ready()[self.sent..upto], self.sent, self.pinned.total().count);
        (self.sent, self.flights) = (upto, self.flights + 1);
        Ok(out.into_bytes())
    }

    fn list(&self, items: &[u64]) -> Result<Vec<u8>, SetError> {
        if !self.pinned.is_of(items) {
            return Err(SetError::Changed);
        }
        let mut out = Writer::default();
        out.byte(LIST);
        write_runs(&mut out, items);
        Ok(out.into_bytes())
    }

    /// What one cell costs, about, in bytes: the sum, the check and ten bits of count.
    fn cell_bytes(&self) -> usize {
        let used = self.pinned.ready().iter().take(FIRST).fold(0, |used, cell| used | cell.sum);
        (sum_bits(used) + CHECK_BITS + 10).div_ceil(8) as usize
    }
}

/// What the list of `items` (in ascending order) costs, in bytes.
pub fn list_bytes(items: &[u64]) -> usize {
    let mut out = Writer::default();
    write_runs(&mut out, items);
    out.len() + 1
}

fn read_total(reader: &mut Reader<'_>) -> Result<Cell, DecodeError> {
    let count = i64::try_from(reader.varint()?).ok().filter(|count| *count < 1 << 48);
    let mut cell = Cell { count: count.ok_or(DecodeError::Range("number of items"))?, ..Cell::default() };
    if cell.count != 0 {
        let mut number = |length: usize| -> Result<u64, DecodeError> {
            let mut bytes = [0; 8];
            bytes[..length].copy_from_slice(reader.take(length)?);
            Ok(u64::from_le_bytes(bytes))
        };
        (cell.sum, cell.check) = (number(8)?, number(OPEN_CHECK)?);
    }
    reader.finish()?;
    Ok(cell)
}
