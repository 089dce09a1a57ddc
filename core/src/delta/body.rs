//! Deltas: the state that a peer lacks, in columns.

use super::budget::Budget;
use super::column::{read_ints, write_ints};
use super::keys::{read_keys, write_keys};
use super::strings::{read_strings, write_strings};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, SmallBytes, Writer, unzigzag, zigzag};
use crate::clock::{Hlc, ReplicaId, VersionVector};
use crate::crdt::{Key, Kind, Value};

const COMPLETE: u8 = 1;

/// Column numbers. Readers skip numbers that they do not know.
const DOTS_PER_LEAF: u64 = 1;
const WRITERS: u64 = 2;
const NUMBERS: u64 = 3;
const HAS_VALUE: u64 = 4;
const TIMES: u64 = 5;
const COUNTERS: u64 = 6;
const KEYS: u64 = 7;
const VALUES: u64 = 8;
const DELETE_WRITERS: u64 = 9;
const DELETE_NUMBERS: u64 = 10;
const PADDING: u64 = 63;

/// How the column of values is coded.
const AS_STRINGS: u8 = 0;
const AS_INTEGERS: u8 = 1;

/// The state beyond `since`: for each leaf touched, the complete list of its live dots, with the values of those that
/// a peer at `since` lacks; and the deletes beyond `since`.
///
/// A *complete* delta lists every leaf, and stands for all deletes up to `floor`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// Whether every leaf of the sender is listed.
    pub complete: bool,
    /// What the receiver must have seen for the delta to be joined.
    pub since: VersionVector,
    /// What the receiver has seen once it is joined.
    pub version: VersionVector,
    /// Deletes up to here are no longer listed: whoever has not seen them needs a complete delta.
    pub floor: VersionVector,
    /// The leaves; the dots of each follow one another in `dots`.
    pub leaves: Vec<LeafRow>,
    /// The dots of all leaves.
    pub dots: Vec<DotRow>,
    /// The delete records: what each covers, who wrote it (index into `version`) and its number.
    pub deletes: Vec<(Key, u32, u64)>,
}

/// A leaf and the number of its live dots.
#[derive(Clone, Debug, PartialEq)]
pub struct LeafRow {
    /// Where.
    pub key: Key,
    /// Number of live dots, at least 1.
    pub dots: u32,
}

/// One live dot. The writer is an index into the entries of the delta's version, in the order of ids.
#[derive(Clone, Debug, PartialEq)]
pub struct DotRow {
    /// Index of the writer.
    pub writer: u32,
    /// Its event's number.
    pub seq: u64,
    /// Time and payload, unless the receiver has them.
    pub value: Option<(Hlc, SmallBytes)>,
}

impl Delta {
    /// Encodes the body. Equal deltas give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64 + self.dots.len() * 16);
        out.byte(if self.complete { COMPLETE } else { 0 });
        self.since.write(&mut out);
        self.version.write(&mut out);
        self.floor.write(&mut out);
        out.varint(self.leaves.len() as u64);
        out.varint(self.dots.len() as u64);
        out.varint(self.deletes.len() as u64);
        self.write_columns(&mut out);
        let lacking = Budget::input_for(self.cost()).saturating_sub(out.len());
        if lacking > 0 {
            column(&mut out, PADDING, |padding| padding.bytes(&vec![0; lacking]));
        }
        out.into_bytes()
    }

    fn write_columns(&self, out: &mut Writer) {
        let dots = |field: fn(&DotRow) -> u64| self.dots.iter().map(field).collect::<Vec<_>>();
        let keys: Vec<&Key> =
            self.leaves.iter().map(|leaf| &leaf.key).chain(self.deletes.iter().map(|(key, ..)| key)).collect();
        let values: Vec<&(Hlc, SmallBytes)> = self.dots.iter().filter_map(|dot| dot.value.as_ref()).collect();
        ints(out, DOTS_PER_LEAF, &self.leaves.iter().map(|leaf| leaf.dots.into()).collect::<Vec<_>>());
        ints(out, WRITERS, &dots(|dot| dot.writer.into()));
        ints(out, NUMBERS, &dots(|dot| dot.seq));
        ints(out, HAS_VALUE, &dots(|dot| dot.value.is_some().into()));
        ints(out, TIMES, &values.iter().map(|(hlc, _)| hlc.ms()).collect::<Vec<_>>());
        ints(out, COUNTERS, &values.iter().map(|(hlc, _)| hlc.counter().into()).collect::<Vec<_>>());
        if !keys.is_empty() {
            column(out, KEYS, |out| write_keys(out, &keys));
        }
        if !values.is_empty() {
            column(out, VALUES, |out| write_values(out, &values));
        }
        ints(out, DELETE_WRITERS, &self.deletes.iter().map(|(_, writer, _)| u64::from(*writer)).collect::<Vec<_>>());
        ints(out, DELETE_NUMBERS, &self.deletes.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>());
    }

    /// At least the memory that decoding takes from its budget.
    fn cost(&self) -> usize {
        let keys = self.leaves.iter().map(|leaf| &leaf.key).chain(self.deletes.iter().map(|(key, ..)| key));
        let keys: usize = keys.map(|key| 4 * key.as_bytes().len() + 4 * size_of::<SmallBytes>() + KEY_ROW).sum();
        let values = self.dots.iter().filter_map(|dot| dot.value.as_ref());
        keys + self.dots.len() * DOT_ROW + values.map(|(_, payload)| 2 * payload.len() + 64).sum::<usize>()
    }

    /// Decodes a body.
    ///
    /// # Errors
    /// [`DecodeError`]. The memory taken is bounded by the input, see [`bounds::EXPANSION`].
    pub fn decode(bytes: &[u8]) -> Result<Delta, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut budget = Budget::of(bytes.len());
        let flags = reader.byte()?;
        let [since, version, floor] =
            [VersionVector::read(&mut reader)?, VersionVector::read(&mut reader)?, VersionVector::read(&mut reader)?];
        let mut count = || reader.varint().map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let [leaves, dots, deletes] = [count()?, count()?, count()?];
        budget.spend(
            leaves
                .saturating_mul(KEY_ROW)
                .saturating_add(dots.saturating_mul(DOT_ROW))
                .saturating_add(deletes.saturating_mul(KEY_ROW)),
        )?;
        let columns = Columns::read(&mut reader)?;
        let mut delta = Delta { complete: flags & COMPLETE != 0, since, version, floor, ..Delta::default() };
        delta.dots = columns.dots(dots, &mut budget)?;
        let keys = match columns.find(KEYS) {
            Some(mut column) => read_keys(&mut column, leaves + deletes, &mut budget)?,
            None => Vec::new(),
        };
        let counts = columns.ints(DOTS_PER_LEAF, leaves)?;
        let (writers, numbers) = (columns.ints(DELETE_WRITERS, deletes)?, columns.ints(DELETE_NUMBERS, deletes)?);
        delta.leaves.reserve(leaves);
        for (at, key) in keys.into_iter().enumerate() {
            match at.checked_sub(leaves) {
                None => delta.leaves.push(LeafRow { key, dots: small(counts[at]) }),
                Some(at) => delta.deletes.push((key, small(writers[at]), numbers[at])),
            }
        }
        delta.check(leaves, dots, deletes)?;
        Ok(delta)
    }

    /// What later code relies on.
    fn check(&self, leaves: usize, dots: usize, deletes: usize) -> Result<(), DecodeError> {
        if self.leaves.len() != leaves || self.dots.len() != dots || self.deletes.len() != deletes {
            return Err(DecodeError::Truncated);
        }
        let listed: u64 = self.leaves.iter().map(|leaf| u64::from(leaf.dots)).sum();
        if listed != dots as u64 || self.leaves.iter().any(|leaf| leaf.dots == 0 || leaf.key.kind() == Kind::TREE) {
            return Err(DecodeError::Range("leaf"));
        }
        let entries: Vec<u64> = self.version.iter().map(|(_, seq)| seq).collect();
        let known = |writer: u32, seq: u64| seq > 0 && entries.get(writer as usize).is_some_and(|&last| seq <= last);
        let dots = self.dots.iter().all(|dot| known(dot.writer, dot.seq));
        if !dots
            || !self.deletes.iter().all(|(_, writer, seq)| known(*writer, *seq))
            || !self.version.includes(&self.floor)
            || !self.version.includes(&self.since)
        {
            return Err(DecodeError::Range("dot"));
        }
        Ok(())
    }

    /// The ids of the writers, by their index.
    pub fn writers(&self) -> Vec<ReplicaId> {
        self.version.iter().map(|(id, _)| id).collect()
    }
}

/// Memory that a row takes beside its key or value, in bytes.
const KEY_ROW: usize = 64;
const DOT_ROW: usize = 128;

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn column(out: &mut Writer, number: u64, write: impl FnOnce(&mut Writer)) {
    let mut body = Writer::default();
    write(&mut body);
    out.varint(number);
    out.block(body.as_slice());
}

fn ints(out: &mut Writer, number: u64, values: &[u64]) {
    if !values.is_empty() {
        column(out, number, |out| write_ints(out, values));
    }
}

fn write_values(out: &mut Writer, values: &[&(Hlc, SmallBytes)]) {
    let integers: Option<Vec<u64>> = values.iter().map(|(_, payload)| integer(payload).map(zigzag)).collect();
    match integers {
        Some(integers) => {
            out.byte(AS_INTEGERS);
            write_ints(out, &integers);
        }
        None => {
            out.byte(AS_STRINGS);
            let payloads: Vec<&[u8]> = values.iter().map(|(_, payload)| &**payload).collect();
            write_strings(out, &payloads);
        }
    }
}

/// The integer that a payload is the deterministic encoding of.
fn integer(payload: &[u8]) -> Option<i64> {
    if payload.len() > 9 || payload.first().is_none_or(|&head| head >= 0x40) {
        return None;
    }
    match Value::from_cbor(payload) {
        Ok(Value::Int(number)) if Value::Int(number).to_cbor() == payload => Some(number),
        _ => None,
    }
}

/// The columns of a body by number.
struct Columns<'a>(Vec<(u64, &'a [u8])>);

impl<'a> Columns<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut columns = Vec::new();
        while !reader.is_empty() {
            let number = reader.varint()?;
            columns.push((number, reader.block(bounds::MESSAGE_BYTES)?));
            if columns.len() > 64 {
                return Err(DecodeError::TooLarge { what: "number of columns", limit: 64 });
            }
        }
        Ok(Columns(columns))
    }

    fn find(&self, number: u64) -> Option<Reader<'a>> {
        self.0.iter().find(|(found, _)| *found == number).map(|(_, bytes)| Reader::new(bytes))
    }

    fn ints(&self, number: u64, count: usize) -> Result<Vec<u64>, DecodeError> {
        match self.find(number) {
            _ if count == 0 => Ok(Vec::new()),
            Some(mut column) => read_ints(&mut column, count),
            None => Err(DecodeError::Range("column (one is missing)")),
        }
    }

    fn dots(&self, count: usize, budget: &mut Budget) -> Result<Vec<DotRow>, DecodeError> {
        let (writers, numbers, has_value) =
            (self.ints(WRITERS, count)?, self.ints(NUMBERS, count)?, self.ints(HAS_VALUE, count)?);
        let valued = has_value.iter().filter(|&&has| has != 0).count();
        let (times, counters) = (self.ints(TIMES, valued)?, self.ints(COUNTERS, valued)?);
        let payloads = match self.find(VALUES) {
            Some(mut column) => read_values(&mut column, valued, budget)?,
            None if valued == 0 => Vec::new(),
            None => return Err(DecodeError::Range("column (one is missing)")),
        };
        if times.iter().any(|&ms| ms > Hlc::MAX_MS) || counters.iter().any(|&counter| counter > u16::MAX.into()) {
            return Err(DecodeError::Range("clock"));
        }
        let mut clocks = times.iter().zip(&counters).map(|(&ms, &counter)| Hlc::new(ms, counter as u16));
        let mut payloads = payloads.into_iter();
        let mut dots = Vec::with_capacity(count);
        for at in 0..count {
            let value = if has_value[at] != 0 { clocks.next().zip(payloads.next()) } else { None };
            dots.push(DotRow { writer: small(writers[at]), seq: numbers[at], value });
        }
        Ok(dots)
    }
}

fn read_values(reader: &mut Reader<'_>, count: usize, budget: &mut Budget) -> Result<Vec<SmallBytes>, DecodeError> {
    match reader.byte()? {
        AS_INTEGERS => {
            let integers = read_ints(reader, count)?;
            Ok(integers.into_iter().map(|number| SmallBytes::from(Value::Int(unzigzag(number)).to_cbor())).collect())
        }
        AS_STRINGS => {
            let payloads = read_strings(reader, count, budget)?;
            match payloads.iter().any(|payload| payload.len() > bounds::VALUE_BYTES) {
                true => Err(DecodeError::TooLarge { what: "value", limit: bounds::VALUE_BYTES }),
                false => Ok(payloads),
            }
        }
        _ => Err(DecodeError::Range("value column")),
    }
}
