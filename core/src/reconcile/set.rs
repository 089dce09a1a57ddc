//! Reconciling two sets of numbers in three round trips.
//!
//! ```text
//! asker                                    teller
//!   OPEN   the sum of its items, and a
//!          sketch of how many differ   ->
//!                                    <-    ALONE  if the sums tell which one item differs, or that none does
//!                                    <-    CELLS  all that are needed if few differ; else enough to tell how many do
//!   ASK    what is likely to do        ->
//!                                    <-    CELLS, or LIST where that is cheaper
//!   ASK    what is to do for the rest  ->
//!                                    <-    CELLS, or LIST
//!   FOUND  what only the teller has    ->
//! ```
//!
//! The asker learns the whole difference, the teller what only it has. The opening is the number of items (varint), and
//! unless that is 0 their sum (8 bytes), [`OPEN_CHECK`] bytes of the sum of their hashes, and the last five bits of the
//! counts of cells 1 to 8. For the rest see [`super::wire`].
//!
//! A cell's check is short, so that now and then a cell is mistaken for one with a single item. What was taken out by
//! mistake turns up again and is put back; cell 0, in which everything counts, tells whether the whole is right.

use super::cell::Cell;
use super::cells::Pinned;
use super::estimate::{Off, spread};
use super::lists::{Runs, read_gaps, write_gaps, write_runs};
use super::peel::{Difference, Peeler};
use super::plan::{self, Plan};
use super::wire::{Sent, read_flight, read_items, sum_bits, write_flight};
use crate::bytes::{DecodeError, Reader, Writer};

const OPEN: u8 = 1;
const CELLS: u8 = 2;
const ASK: u8 = 3;
const LIST: u8 = 4;
/// What only the receiver has, in runs.
const YOURS: u8 = 5;
/// The same, in gaps.
const YOURS_SPREAD: u8 = 6;
/// The answer to an opening that told all: nothing differs.
const SAME: u8 = 7;
/// The answer to an opening that told all: what only the sender has.
const ALONE_HERE: u8 = 8;
/// The answer to an opening that told all: what only the receiver has.
const ALONE_THERE: u8 = 9;

/// Most items that may differ: 32 MiB of numbers. Who differs in more is better served by a snapshot.
pub const MOST_DIFFERENCES: usize = 1 << 22;

/// Bytes of the opening's check: here one cell decides alone, so that a mistake must be out of the question.
const OPEN_CHECK: usize = 5;
const OPEN_MASK: u64 = (1 << (8 * OPEN_CHECK)) - 1;

/// Counts in the sketch of an opening, and the bits of each: five bytes.
const SKETCH: usize = 8;
const SKETCH_BITS: u32 = 5;

/// Flights of cells; then the list is asked for. Three are enough for all but one set in a thousand.
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
            let low = |cell: &Cell| cell.count as u64 & ((1 << SKETCH_BITS) - 1);
            let sketch = pinned.ready()[1..=SKETCH].iter().rev().fold(0, |all, cell| all << SKETCH_BITS | low(cell));
            out.bytes(&sketch.to_le_bytes()[..SKETCH * SKETCH_BITS as usize / 8]);
        }
        let peeler = Peeler::new(pinned.hasher());
        (Asker { pinned, peeler, flights: 0, difference: None }, out.into_bytes())
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
            kind @ (SAME | ALONE_HERE | ALONE_THERE) => self.told(kind, reader),
            _ => Err(DecodeError::Range("kind of message").into()),
        }
    }

    /// The answer to the opening told all.
    fn told(&mut self, kind: u8, mut reader: Reader<'_>) -> Result<Option<Vec<u8>>, SetError> {
        let mut found = Difference::default();
        match kind {
            ALONE_HERE => found.only_there.push(read_number(&mut reader, 8)?),
            ALONE_THERE => found.only_here.push(read_number(&mut reader, 8)?),
            _ => {}
        }
        reader.finish()?;
        self.difference = Some(found);
        Ok(None)
    }

    fn take_cells(&mut self, reader: &mut Reader<'_>, items: ItemSource<'_>) -> Result<Option<Vec<u8>>, SetError> {
        let flight = read_flight(reader, self.sent())?;
        if self.flights == FLIGHTS {
            return Err(DecodeError::Range("number of flights").into());
        }
        let reach = self.peeler.counted() + flight.counts.len();
        if reach > self.pinned.ready().len() && !self.pinned.extend(reach, &items()) {
            return Err(SetError::Changed);
        }
        self.peeler.push(&flight, self.pinned.ready());
        self.flights += 1;
        match self.peeler.difference() {
            Some(found) => Ok(Some(self.finish(found))),
            None => Ok(Some(self.ask())),
        }
    }

    fn sent(&self) -> Sent {
        Sent { upto: self.peeler.reach(), counted: self.peeler.counted() }
    }

    fn ask(&self) -> Vec<u8> {
        let (sent, estimate) = (self.sent(), self.peeler.estimate());
        let plan = plan::next(sent, estimate, self.flights);
        let mut out = Writer::default();
        out.byte(ASK);
        match self.flights < FLIGHTS && plan.is_sound(sent) {
            true => plan.write(&mut out, sent),
            // No cells: asks for the list.
            false => out.varint(0),
        }
        out.into_bytes()
    }

    fn finish(&mut self, found: Difference) -> Vec<u8> {
        let mut runs = Writer::default();
        runs.byte(YOURS);
        write_runs(&mut runs, &found.only_there);
        let mut shorter = runs.into_bytes();
        // Numbers that lie closer than this are no hashes.
        if shorter.len() > 4 * found.only_there.len() {
            let mut gaps = Writer::default();
            gaps.byte(YOURS_SPREAD);
            write_gaps(&mut gaps, &found.only_there);
            shorter = if gaps.len() < shorter.len() { gaps.into_bytes() } else { shorter };
        }
        self.difference = Some(found);
        shorter
    }
}

/// The side that is asked.
#[derive(Clone, Debug)]
pub struct Teller {
    pinned: Pinned,
    /// What a complete list costs at most, in bytes.
    list_bytes: usize,
    sent: Sent,
    flights: u32,
    only_here: Option<Vec<u64>>,
}

impl Teller {
    /// Makes the answering side. `list_bytes` is what the list of its items costs, see [`list_bytes`]; an upper bound is
    /// enough as long as the cells at hand suffice.
    pub fn new(pinned: Pinned, list_bytes: usize) -> Self {
        Teller { pinned, list_bytes, sent: Sent::default(), flights: 0, only_here: None }
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
            OPEN if self.flights == 0 => Ok(Some(self.open(&mut reader, items)?)),
            ASK => {
                let plan = Plan::read(&mut reader, self.sent)?;
                reader.finish()?;
                match plan {
                    None => self.list(&items()).map(Some),
                    Some(_) if self.flights == 0 || self.flights >= FLIGHTS => {
                        Err(DecodeError::Range("number of flights").into())
                    }
                    Some(plan) => Ok(Some(self.send_more(plan, items)?)),
                }
            }
            YOURS => self.told(Runs::read(&mut reader)?.items(MOST_DIFFERENCES)?),
            YOURS_SPREAD => self.told(read_gaps(&mut reader, MOST_DIFFERENCES)?),
            _ => Err(DecodeError::Range("kind of message").into()),
        }
    }

    fn told(&mut self, only_here: Vec<u64>) -> Result<Option<Vec<u8>>, SetError> {
        self.only_here = Some(only_here);
        Ok(None)
    }

    /// Tells at once what the two sums tell.
    fn open(&mut self, reader: &mut Reader<'_>, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        let (there, sketch) = read_opening(reader)?;
        let mut off = self.pinned.total().minus(there);
        off.check &= OPEN_MASK;
        let single = self.pinned.hasher().hash(off.sum) & OPEN_MASK == off.check && off.sum != u64::MAX;
        let kind = match off.count {
            0 if off.is_empty() => SAME,
            1 if single => ALONE_HERE,
            -1 if single => ALONE_THERE,
            // Nothing is there to compare the counts with.
            _ if there.count == 0 => return self.send_first(0.0, off.count, items),
            _ => return self.send_first(self.estimate(off.count, sketch), off.count, items),
        };
        let mut out = Writer::default();
        out.byte(kind);
        if kind != SAME {
            out.bytes(&off.sum.to_le_bytes());
        }
        self.only_here = Some(if kind == ALONE_HERE { vec![off.sum] } else { Vec::new() });
        Ok(out.into_bytes())
    }

    /// How many items differ, about, by the last bits of some counts and the difference of the numbers of items.
    fn estimate(&self, total: i64, sketch: u64) -> f64 {
        let there = (0..SKETCH as u32).map(|at| sketch >> (at * SKETCH_BITS));
        let counts = self.pinned.ready().iter().enumerate().skip(1).zip(there);
        let offs = counts.map(|((index, cell), there)| {
            Off::new(index, (cell.count as u64).wrapping_sub(there), SKETCH_BITS, total as f64)
        });
        spread(&offs.collect::<Vec<_>>()).0
    }

    fn send_first(&mut self, sketch: f64, total: i64, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        let least = total.unsigned_abs() as f64;
        let plan = plan::first(sketch, least);
        // What is to come counts too: about one cell for each difference at least.
        let likely = Plan { cells: plan.cells.max(sketch.max(least) as usize), ..plan };
        if self.list_bytes <= self.cost(likely) {
            return self.list(&items());
        }
        self.send(plan, items)
    }

    /// Sends more cells, or the list if that is cheaper.
    fn send_more(&mut self, plan: Plan, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        // The second flight may need a third.
        let cost = self.cost(plan) * if self.flights == 1 { 5 } else { 4 } / 4;
        if cost >= self.list_bytes { self.list(&items()) } else { self.send(plan, items) }
    }

    fn send(&mut self, plan: Plan, items: ItemSource<'_>) -> Result<Vec<u8>, SetError> {
        if plan.counted > self.pinned.ready().len() {
            let all = items();
            if self.cost(plan) >= list_bytes(&all) {
                return self.list(&all);
            }
            if !self.pinned.extend(plan.counted, &all) {
                return Err(SetError::Changed);
            }
        }
        let mut out = Writer::default();
        out.byte(CELLS);
        write_flight(&mut out, self.pinned.ready(), plan, self.sent);
        (self.sent, self.flights) = (Sent { upto: plan.upto, counted: plan.counted }, self.flights + 1);
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

    /// What a flight costs, about, in bytes.
    fn cost(&self, plan: Plan) -> usize {
        let used = self.pinned.ready().iter().take(SKETCH).fold(0, |used, cell| used | cell.sum);
        plan.bytes(self.sent, sum_bits(used))
    }
}

/// What the list of `items` (in ascending order) costs, in bytes.
pub fn list_bytes(items: &[u64]) -> usize {
    let mut out = Writer::default();
    write_runs(&mut out, items);
    out.len() + 1
}

fn read_opening(reader: &mut Reader<'_>) -> Result<(Cell, u64), DecodeError> {
    let mut cell = Cell { count: read_items(reader)?, ..Cell::default() };
    let mut sketch = 0;
    if cell.count != 0 {
        (cell.sum, cell.check) = (read_number(reader, 8)?, read_number(reader, OPEN_CHECK)?);
        sketch = read_number(reader, SKETCH * SKETCH_BITS as usize / 8)?;
    }
    reader.finish()?;
    Ok((cell, sketch))
}

fn read_number(reader: &mut Reader<'_>, length: usize) -> Result<u64, DecodeError> {
    let mut bytes = [0; 8];
    bytes[..length].copy_from_slice(reader.take(length)?);
    Ok(u64::from_le_bytes(bytes))
}
