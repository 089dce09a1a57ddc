//! Deltas: the state that a peer lacks, in columns.

use super::budget::Budget;
use super::column::{read_ints, write_ints};
use super::keys::{read_keys, write_keys};
use super::round::Round;
use super::strings::{read_strings, write_strings};
use super::table::Versions;
use crate::assoc::at;
use crate::bounds;
use crate::bytes::cbor::{int_bytes, int_from};
use crate::bytes::{DecodeError, Reader, SmallBytes, Writer, unzigzag, zigzag};
use crate::clock::{Floor, Hlc, ReplicaId, Retired, VersionVector};
use crate::crdt::{Key, Kind};

/// Bits of the first byte.
const COMPLETE: u8 = 0x01;
/// A column for `since` follows; else it is empty.
pub(super) const SINCE: u8 = 0x02;
/// `floor` is the same as `version`.
pub(super) const FLOOR_SAME: u8 = 0x04;
/// A column for `floor` follows; else it is empty (or the same as `version`).
pub(super) const FLOOR: u8 = 0x08;
/// The three horizons follow; else they are 0.
pub(super) const HORIZONS: u8 = 0x10;
/// The table names ids beyond those of `version`.
pub(super) const MORE_IDS: u8 = 0x20;
/// A column with the dots of each leaf follows; else each has one.
const MANY_DOTS: u8 = 0x40;
/// There are delete records.
const DELETES: u8 = 0x80;

/// Extension columns: a number and a block each, behind everything else. Readers skip numbers that they do not know.
const MEMORY: u64 = 1;
const PROMISE: u64 = 2;
const PADDING: u64 = 63;
const MOST_EXTENSIONS: usize = 64;

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
    pub floor: Floor,
    /// Writers that `version` does not list because they are retired: in the order of ids first those that `since` does
    /// not list either, then those that it lists. Their indices follow those of the entries of `version`.
    pub retired: Vec<ReplicaId>,
    /// What a durable member remembers of retired ids; empty but in what it stores and tells other members.
    pub memory: Retired,
    /// The round to which a durable member is bound, in what it stores.
    pub promise: Option<Round>,
    /// The leaves; the dots of each follow one another in `dots`.
    pub leaves: Vec<LeafRow>,
    /// The dots of all leaves.
    pub dots: Vec<DotRow>,
    /// The delete records: what each covers, the index of its writer and its number.
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

/// One live dot. The writer is an index into [`Delta::writers`].
#[derive(Clone, Debug, PartialEq)]
pub struct DotRow {
    /// Index of the writer.
    pub writer: u32,
    /// Its event's number.
    pub seq: u64,
    /// Time and payload, unless `since` covers the dot, because then the receiver has them.
    pub value: Option<(Hlc, SmallBytes)>,
}

impl Delta {
    /// Encodes the body. Equal deltas give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64 + self.dots.len() * 16);
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let versions = Versions::of(self);
        let many = self.leaves.len() != self.dots.len();
        let floor_same = !versions.floor_is_empty() && self.floor == Floor::from(&self.version);
        let flags = flag(self.complete, COMPLETE)
            | flag(!self.since.is_empty(), SINCE)
            | flag(floor_same, FLOOR_SAME)
            | flag(!floor_same && !versions.floor_is_empty(), FLOOR)
            | flag(versions.have_horizons(), HORIZONS)
            | flag(versions.name_more(), MORE_IDS)
            | flag(many, MANY_DOTS)
            | flag(!self.deletes.is_empty(), DELETES);
        out.byte(flags);
        versions.write(&mut out, flags);
        out.varint(self.leaves.len() as u64);
        if many {
            out.varint(self.dots.len() as u64);
        }
        if !self.deletes.is_empty() {
            out.varint(self.deletes.len() as u64);
        }
        self.write_columns(&mut out, versions.writers() > 1, many);
        self.write_extensions(&mut out);
        let lacking = Budget::input_for(self.cost()).saturating_sub(out.len());
        if lacking > 0 {
            out.varint(PADDING);
            out.block(&vec![0; lacking]);
        }
        out.into_bytes()
    }

    fn write_columns(&self, out: &mut Writer, several: bool, many: bool) {
        let dots = |field: fn(&DotRow) -> u64| self.dots.iter().map(field).collect::<Vec<_>>();
        let keys: Vec<&Key> =
            self.leaves.iter().map(|leaf| &leaf.key).chain(self.deletes.iter().map(|(key, ..)| key)).collect();
        let values: Vec<&(Hlc, SmallBytes)> = self.dots.iter().filter_map(|dot| dot.value.as_ref()).collect();
        if many {
            write_ints(out, &self.leaves.iter().map(|leaf| leaf.dots.into()).collect::<Vec<_>>());
        }
        if several {
            write_ints(out, &dots(|dot| dot.writer.into()));
        }
        write_ints(out, &dots(|dot| dot.seq));
        // Times near the birth of the first writer take few bytes, also on their own.
        let base = self.base_ms();
        write_ints(out, &values.iter().map(|(hlc, _)| hlc.ms().wrapping_sub(base)).collect::<Vec<_>>());
        write_ints(out, &values.iter().map(|(hlc, _)| hlc.counter().into()).collect::<Vec<_>>());
        if several {
            write_ints(out, &self.deletes.iter().map(|(_, writer, _)| u64::from(*writer)).collect::<Vec<_>>());
        }
        write_ints(out, &self.deletes.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>());
        if !keys.is_empty() {
            write_keys(out, &keys);
        }
        if !values.is_empty() {
            write_values(out, &values);
        }
    }

    fn write_extensions(&self, out: &mut Writer) {
        let mut extension = |number: u64, write: &dyn Fn(&mut Writer)| {
            let mut block = Writer::default();
            write(&mut block);
            out.varint(number);
            out.block(block.as_slice());
        };
        if !self.memory.is_empty() {
            extension(MEMORY, &|block| self.memory.write(block));
        }
        if let Some(promise) = &self.promise {
            extension(PROMISE, &|block| promise.write(block));
        }
    }

    fn base_ms(&self) -> u64 {
        self.version.iter().map(|(id, _)| id).chain(self.retired.iter().copied()).next().map_or(0, |id| id.birth_ms())
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
        let mut delta = Delta { complete: flags & COMPLETE != 0, ..Delta::default() };
        Versions::read(&mut reader, flags, &mut delta, &mut budget)?;
        let mut count = || reader.varint().map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let leaves = count()?;
        let dots = if flags & MANY_DOTS != 0 { count()? } else { leaves };
        let deletes = if flags & DELETES != 0 { count()? } else { 0 };
        let keys = leaves.saturating_add(deletes);
        budget.spend(keys.saturating_mul(KEY_ROW).saturating_add(dots.saturating_mul(DOT_ROW)))?;
        let counts = if flags & MANY_DOTS != 0 { read_ints(&mut reader, leaves)? } else { Vec::new() };
        let values = delta.read_dots(&mut reader, dots)?;
        let several = delta.version.len() + delta.retired.len() > 1;
        let writers = if several { read_ints(&mut reader, deletes)? } else { vec![0; deletes] };
        let numbers = read_ints(&mut reader, deletes)?;
        let keys = if keys == 0 { Vec::new() } else { read_keys(&mut reader, keys, &mut budget)? };
        delta.read_values(&mut reader, values, &mut budget)?;
        delta.leaves.reserve(leaves);
        for (at, key) in keys.into_iter().enumerate() {
            match at.checked_sub(leaves) {
                None => delta.leaves.push(LeafRow { key, dots: counts.get(at).map_or(1, |&count| small(count)) }),
                Some(at) => delta.deletes.push((key, small(writers[at]), numbers[at])),
            }
        }
        delta.read_extensions(&mut reader)?;
        delta.check()?;
        Ok(delta)
    }

    /// Reads dots with their times. Returns how many have a value, which [`Delta::read_values`] puts into place.
    fn read_dots(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<usize, DecodeError> {
        let known = self.writers();
        let writers = if known.len() > 1 { read_ints(reader, count)? } else { Vec::new() };
        let numbers = read_ints(reader, count)?;
        let covered: Vec<u64> = known.iter().map(|id| self.since.get(id)).collect();
        let valued = |writer: u64, seq: u64| at(&covered, writer).is_none_or(|&last| seq > last);
        // One writer alone has no column.
        let dots = || writers.iter().copied().chain(std::iter::repeat(0)).zip(numbers.iter().copied());
        let values = dots().filter(|&(writer, seq)| valued(writer, seq)).count();
        let (times, counters) = (read_ints(reader, values)?, read_ints(reader, values)?);
        let base = self.base_ms();
        let times: Vec<u64> = times.into_iter().map(|ms| ms.wrapping_add(base)).collect();
        if times.iter().any(|&ms| ms > Hlc::MAX_MS) || counters.iter().any(|&counter| counter > u16::MAX.into()) {
            return Err(DecodeError::Range("clock"));
        }
        let mut clocks = times.iter().zip(&counters).map(|(&ms, &counter)| Hlc::new(ms, counter as u16));
        self.dots.reserve(count);
        for (writer, seq) in dots() {
            let clock = if valued(writer, seq) { clocks.next() } else { None };
            let value = clock.map(|hlc| (hlc, SmallBytes::default()));
            self.dots.push(DotRow { writer: small(writer), seq, value });
        }
        Ok(values)
    }

    fn read_values(&mut self, reader: &mut Reader<'_>, count: usize, budget: &mut Budget) -> Result<(), DecodeError> {
        if count == 0 {
            return Ok(());
        }
        let places = self.dots.iter_mut().filter_map(|dot| dot.value.as_mut()).map(|(_, payload)| payload);
        match reader.byte()? {
            AS_INTEGERS => {
                for (place, number) in places.zip(read_ints(reader, count)?) {
                    let (bytes, length) = int_bytes(unzigzag(number));
                    *place = SmallBytes::new(&bytes[..length]);
                }
                Ok(())
            }
            AS_STRINGS => {
                let payloads = read_strings(reader, count, budget)?;
                if payloads.iter().any(|payload| payload.len() > bounds::VALUE_BYTES) {
                    return Err(DecodeError::TooLarge { what: "value", limit: bounds::VALUE_BYTES });
                }
                places.zip(payloads).for_each(|(place, payload)| *place = payload);
                Ok(())
            }
            _ => Err(DecodeError::Range("value column")),
        }
    }

    fn read_extensions(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        for _ in 0..MOST_EXTENSIONS {
            if reader.is_empty() {
                return Ok(());
            }
            let number = reader.varint()?;
            let mut block = Reader::new(reader.block(bounds::MESSAGE_BYTES)?);
            match number {
                MEMORY => self.memory = Retired::read(&mut block)?,
                PROMISE => self.promise = Some(Round::read(&mut block)?),
                _ => {}
            }
        }
        reader.finish()
    }

    /// What later code relies on.
    fn check(&self) -> Result<(), DecodeError> {
        let listed: u64 = self.leaves.iter().map(|leaf| u64::from(leaf.dots)).sum();
        let sound = |leaf: &LeafRow| leaf.dots > 0 && !leaf.key.is(Kind::TREE);
        if listed != self.dots.len() as u64 || !self.leaves.iter().all(sound) {
            return Err(DecodeError::Range("leaf"));
        }
        let last: Vec<u64> = self.writers().iter().map(|id| self.version.get(id).min(bounds::SEQUENCE)).collect();
        let known = |writer: u32, seq: u64| seq > 0 && last.get(writer as usize).is_some_and(|&last| seq <= last);
        if !self.dots.iter().all(|dot| known(dot.writer, dot.seq))
            || !self.deletes.iter().all(|(_, writer, seq)| known(*writer, *seq))
            || !self.floor.is_met_by(&self.version)
            || !self.version.includes(&self.since)
            || !self.retired.iter().all(|id| self.version.is_retired(id))
        {
            return Err(DecodeError::Range("dot"));
        }
        Ok(())
    }

    /// The ids of the writers, by their index.
    pub fn writers(&self) -> Vec<ReplicaId> {
        self.version.iter().map(|(id, _)| id).chain(self.retired.iter().copied()).collect()
    }
}

/// Memory that a row takes beside its key or value, in bytes.
const KEY_ROW: usize = 64;
const DOT_ROW: usize = 128;

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn write_values(out: &mut Writer, values: &[&(Hlc, SmallBytes)]) {
    let integers: Option<Vec<u64>> = values.iter().map(|(_, payload)| int_from(payload).map(zigzag)).collect();
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
