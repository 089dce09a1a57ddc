//! Live frames: one transaction in as few bytes as possible.
//!
//! Both ends of a stream number writers and containers alike: the encoder announces each before its first use
//! ([`LiveEncoder::take_announcement`]), in a message of its own, so that one frame can be broadcast to many readers and
//! left out for some of them. When a reader joins ([`LiveEncoder::reader_joined`]), what is used from then on is announced
//! once more. Numbers are given away again when there are too many, so the tables are bounded.

use super::batch::{Batch, Op, Span};
use super::keys::{join_key, split_key};
use crate::assoc::SortedMap;
use crate::bounds;
use crate::bytes::{DecodeError, Reader, SmallBytes, Writer, unzigzag, zigzag};
use crate::clock::{Hlc, ReplicaId};
use crate::crdt::Kind;

/// The clock base moves when a frame's time is further from it: up to here the time takes three bytes.
const BASE_REACH_MS: u64 = 1 << 18;

const KIND_BITS: u8 = 0x0f;
const REMOVES: u8 = 0x10;
const DELETE: u8 = 0x20;
/// The container is spelled out, because the table is full.
const SPELLED: u8 = 0x40;
/// The payload of the last event ends with the frame and needs no length.
const LAST: u8 = 0x80;

/// Numbers of containers: children of the root, the root itself, then those announced.
const ROOT: u64 = 0;
const ITSELF: u64 = 1;
const FIRST_CONTAINER: u64 = 2;

/// A live frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The bytes are malformed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The frame names a writer or container that was never announced.
    #[error("the frame refers to an entry that was not announced: open the room again")]
    Unannounced,
}

/// The writing end of a live stream.
#[derive(Debug, Default)]
pub struct LiveEncoder {
    base_ms: u64,
    /// Increases when a reader joins: entries announced before that are announced again.
    era: u64,
    writers: Vec<Writing>,
    writer_index: SortedMap<ReplicaId, usize>,
    containers: Vec<Container>,
    container_index: SortedMap<SmallBytes, u64>,
    /// Where the search for an entry to give away goes on when a table is full: of writers, of containers.
    oldest: [usize; 2],
    /// Increases with every announcement: what was used since the last one keeps its number.
    turn: u64,
    /// The base that the readers know.
    told_ms: u64,
    untold: Announcement,
}

/// The reading end of a live stream.
#[derive(Debug, Default)]
pub struct LiveDecoder {
    base_ms: u64,
    writers: SortedMap<u64, Known>,
    containers: SortedMap<u64, SmallBytes>,
}

/// A writer on a stream, and the number that its next event should have; 0 before its first frame.
#[derive(Clone, Copy, Debug)]
struct Writing {
    id: ReplicaId,
    next: u64,
    used: Used,
}

#[derive(Debug)]
struct Container {
    path: SmallBytes,
    used: Used,
}

/// The era in which an entry was announced last, and the turn in which it was used last.
#[derive(Clone, Copy, Debug)]
struct Used {
    era: u64,
    turn: u64,
}

/// A writer as the reading end knows it: its id and the number that its next event should have.
type Known = (ReplicaId, u64);

/// Entries to be announced, with their numbers.
#[derive(Debug, Default)]
struct Announcement {
    writers: Vec<(u64, Known)>,
    containers: Vec<(u64, SmallBytes)>,
}

impl LiveEncoder {
    /// Encodes a batch. Take the announcement afterwards, and send it before the frame.
    pub fn encode(&mut self, batch: &Batch) -> Vec<u8> {
        let mut out = Writer::with_capacity(64);
        let writer = self.writer(batch.writer);
        let next = std::mem::replace(&mut self.writers[writer].next, batch.last() + 1);
        out.varint((writer as u64) << 1 | u64::from(next != batch.first));
        if next != batch.first {
            out.varint(batch.first);
        }
        self.move_base(batch.hlc);
        self.write_events(batch, &mut out);
        out.into_bytes()
    }

    /// The time, then the events.
    fn write_events(&mut self, batch: &Batch, out: &mut Writer) {
        self.write_time(batch.hlc, out);
        for (at, op) in batch.ops.iter().enumerate() {
            self.write_op(op, at + 1 == batch.ops.len(), out);
        }
    }

    /// Encodes a batch on its own, with all that must be known to read it.
    pub(super) fn standalone(batch: &Batch) -> Vec<u8> {
        // In the first era everything is announced once.
        let mut stream = LiveEncoder { base_ms: batch.writer.birth_ms(), ..LiveEncoder::default() };
        stream.writer(batch.writer);
        let mut events = Writer::with_capacity(64);
        stream.write_events(batch, &mut events);
        let mut out = Writer::with_capacity(events.len() + 64);
        let (others, containers) = (&stream.writers[1..], &stream.containers);
        out.bytes(batch.writer.as_bytes());
        out.varint(batch.first << 2 | u64::from(!containers.is_empty()) << 1 | u64::from(!others.is_empty()));
        if !others.is_empty() {
            out.varint(others.len() as u64);
            others.iter().for_each(|other| out.bytes(other.id.as_bytes()));
        }
        if !containers.is_empty() {
            out.varint(containers.len() as u64);
            containers.iter().for_each(|container| out.block(&container.path));
        }
        out.bytes(events.as_slice());
        out.into_bytes()
    }

    /// What the readers must learn before the frames encoded since the last call; `None` for nothing.
    pub fn take_announcement(&mut self) -> Option<Vec<u8>> {
        self.turn += 1;
        let untold = std::mem::take(&mut self.untold);
        if untold.writers.is_empty() && untold.containers.is_empty() && self.told_ms == self.base_ms {
            return None;
        }
        self.told_ms = self.base_ms;
        let mut out = Writer::default();
        out.varint(self.base_ms);
        out.varint(untold.writers.len() as u64);
        for (index, (id, next)) in untold.writers {
            out.varint(index);
            out.bytes(id.as_bytes());
            out.varint(next);
        }
        out.varint(untold.containers.len() as u64);
        for (index, path) in untold.containers {
            out.varint(index);
            out.block(&path);
        }
        Some(out.into_bytes())
    }

    /// Notes that a reader joins now, and returns the announcement that its stream begins with.
    pub fn reader_joined(&mut self) -> Vec<u8> {
        self.era += 1;
        let mut out = Writer::default();
        out.varint(self.base_ms);
        out.bytes(&[0, 0]);
        out.into_bytes()
    }

    /// The number of a writer, which is announced if it must be. Past the limit the table grows only for as long as all
    /// its entries are in use.
    fn writer(&mut self, id: ReplicaId) -> usize {
        let now = Used { era: self.era, turn: self.turn };
        if let Some(&at) = self.writer_index.get(&id) {
            let writing = &mut self.writers[at];
            let before = std::mem::replace(&mut writing.used, now);
            if before.era != now.era {
                self.untold.writers.push((at as u64, (id, writing.next)));
            }
            return at;
        }
        let used = |at: usize| self.writers[at].used.turn == now.turn;
        let at = free_place(self.writers.len(), &mut self.oldest[0], used).unwrap_or(self.writers.len());
        if let Some(replaced) = self.writers.get(at) {
            self.writer_index.remove(&replaced.id);
        }
        put(&mut self.writers, at, Writing { id, next: 0, used: now });
        self.writer_index.insert(id, at);
        self.untold.writers.push((at as u64, (id, 0)));
        at
    }

    fn move_base(&mut self, hlc: Hlc) {
        if hlc.ms().abs_diff(self.base_ms) > BASE_REACH_MS {
            self.base_ms = hlc.ms();
        }
    }

    fn write_time(&self, hlc: Hlc, out: &mut Writer) {
        let distance = hlc.ms() as i64 - self.base_ms as i64;
        out.varint(zigzag(distance) << 1 | u64::from(hlc.counter() > 0));
        if hlc.counter() > 0 {
            out.varint(hlc.counter().into());
        }
    }

    fn write_op(&mut self, op: &Op, last: bool, out: &mut Writer) {
        let (container, kind, item) = split_key(&op.key);
        let index = if item.is_none() { Some(ITSELF) } else { self.container(container) };
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        out.byte(
            kind.0
                | flag(!op.removes.is_empty(), REMOVES)
                | flag(op.payload.is_none(), DELETE)
                | flag(index.is_none(), SPELLED)
                | flag(last, LAST),
        );
        match index {
            Some(index) => out.varint(index),
            None => out.block(container),
        }
        if let Some(item) = item {
            out.block(item);
        }
        if !op.removes.is_empty() {
            self.write_spans(&op.removes, out);
        }
        match &op.payload {
            Some(payload) if last => out.bytes(payload),
            Some(payload) => out.block(payload),
            None => {}
        }
    }

    fn write_spans(&mut self, spans: &[Span], out: &mut Writer) {
        out.varint(spans.len() as u64);
        for span in spans {
            let writer = self.writer(span.replica);
            out.varint((writer as u64) << 1 | u64::from(span.from < span.to));
            out.varint(span.to);
            if span.from < span.to {
                out.varint(span.to - span.from);
            }
        }
    }

    /// The number of a container, which is announced if it must be; the root needs no announcement. `None` if all numbers
    /// are in use.
    fn container(&mut self, path: &[u8]) -> Option<u64> {
        if path.is_empty() {
            return Some(ROOT);
        }
        let now = Used { era: self.era, turn: self.turn };
        let path = SmallBytes::new(path);
        if let Some(&at) = self.container_index.get(&path) {
            let before = std::mem::replace(&mut self.containers[at as usize].used, now);
            if before.era != now.era {
                self.untold.containers.push((at, path));
            }
            return Some(at + FIRST_CONTAINER);
        }
        let used = |at: usize| self.containers[at].used.turn == now.turn;
        let at = free_place(self.containers.len(), &mut self.oldest[1], used)?;
        if let Some(replaced) = self.containers.get(at) {
            self.container_index.remove(&replaced.path);
        }
        put(&mut self.containers, at, Container { path: path.clone(), used: now });
        self.container_index.insert(path.clone(), at as u64);
        self.untold.containers.push((at as u64, path));
        Some(at as u64 + FIRST_CONTAINER)
    }
}

/// Where the next entry of a table goes: at its end, or in place of one that is not in use, if a short search finds one.
fn free_place(len: usize, oldest: &mut usize, used: impl Fn(usize) -> bool) -> Option<usize> {
    const TRIES: usize = 64;
    if len < bounds::STREAM_TABLE {
        return Some(len);
    }
    let found = (*oldest..*oldest + TRIES).map(|at| at % bounds::STREAM_TABLE).find(|&at| !used(at));
    *oldest = found.map_or(*oldest + TRIES, |at| at + 1) % bounds::STREAM_TABLE;
    found
}

fn put<T>(table: &mut Vec<T>, at: usize, entry: T) {
    match table.get_mut(at) {
        Some(place) => *place = entry,
        None => table.push(entry),
    }
}

impl LiveDecoder {
    /// Learns an announcement.
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed; the tables are unchanged then.
    pub fn learn(&mut self, announcement: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(announcement);
        let base_ms = reader.varint()?;
        if base_ms > Hlc::MAX_MS {
            return Err(DecodeError::Range("clock base"));
        }
        let mut told = Announcement::default();
        for _ in 0..reader.count(18, bounds::REPLICAS)? {
            let (index, id, next) = (reader.varint()?, read_id(&mut reader)?, reader.varint()?);
            if next > bounds::SEQUENCE + 1 || index >= bounds::REPLICAS as u64 {
                return Err(DecodeError::Range("writer"));
            }
            told.writers.push((index, (id, next)));
        }
        for _ in 0..reader.count(2, bounds::STREAM_TABLE)? {
            let index = reader.varint()?;
            if index >= bounds::STREAM_TABLE as u64 {
                return Err(DecodeError::TooLarge { what: "number of a container", limit: bounds::STREAM_TABLE });
            }
            told.containers.push((index, SmallBytes::new(reader.block(bounds::PATH_BYTES)?)));
        }
        reader.finish()?;
        for (index, writer) in told.writers {
            self.writers.insert(index, writer);
        }
        for (index, path) in told.containers {
            self.containers.insert(index, path);
        }
        self.base_ms = base_ms;
        Ok(())
    }

    /// Decodes one batch.
    ///
    /// # Errors
    /// [`LiveError`]; the stream's tables are unchanged.
    pub fn decode(&mut self, frame: &[u8]) -> Result<Batch, LiveError> {
        let mut reader = Reader::new(frame);
        let word = reader.varint()?;
        let (writer, next) = self.writer(word >> 1)?;
        let first = if word & 1 == 1 { reader.varint()? } else { next };
        let batch = self.read_events(writer, first, reader)?;
        self.writers.insert(word >> 1, (writer, batch.last() + 1));
        Ok(batch)
    }

    fn read_events(&self, writer: ReplicaId, first: u64, mut reader: Reader<'_>) -> Result<Batch, LiveError> {
        let hlc = self.read_time(&mut reader)?;
        let mut ops = Vec::new();
        loop {
            let head = reader.byte()?;
            ops.push(self.read_op(head, &mut reader)?);
            if head & LAST != 0 {
                break;
            }
        }
        reader.finish()?;
        let batch = Batch { writer, first, hlc, ops };
        if first == 0 || first > bounds::SEQUENCE || batch.last() > bounds::SEQUENCE {
            return Err(DecodeError::Range("sequence number").into());
        }
        Ok(batch)
    }

    /// Decodes what [`LiveEncoder::standalone`] made.
    pub(super) fn standalone(body: &[u8]) -> Result<Batch, DecodeError> {
        let mut reader = Reader::new(body);
        let writer = read_id(&mut reader)?;
        let word = reader.varint()?;
        let mut stream = LiveDecoder { base_ms: writer.birth_ms(), ..LiveDecoder::default() };
        stream.writers.insert(0, (writer, 0));
        if word & 1 != 0 {
            for index in 1..=reader.count(16, bounds::REPLICAS)? as u64 {
                stream.writers.insert(index, (read_id(&mut reader)?, 0));
            }
        }
        if word & 2 != 0 {
            for index in 0..reader.count(1, bounds::STREAM_TABLE)? as u64 {
                stream.containers.insert(index, SmallBytes::new(reader.block(bounds::PATH_BYTES)?));
            }
        }
        stream.read_events(writer, word >> 2, reader).map_err(|error| match error {
            LiveError::Decode(error) => error,
            LiveError::Unannounced => DecodeError::Range("number of a writer or container"),
        })
    }

    fn writer(&self, index: u64) -> Result<Known, LiveError> {
        self.writers.get(&index).copied().ok_or(LiveError::Unannounced)
    }

    fn read_time(&self, reader: &mut Reader<'_>) -> Result<Hlc, LiveError> {
        let word = reader.varint()?;
        let ms = self.base_ms.checked_add_signed(unzigzag(word >> 1)).filter(|&ms| ms <= Hlc::MAX_MS);
        let counter = if word & 1 == 1 { reader.varint()? } else { 0 };
        match (ms, u16::try_from(counter)) {
            (Some(ms), Ok(counter)) => Ok(Hlc::new(ms, counter)),
            _ => Err(DecodeError::Range("clock").into()),
        }
    }

    fn read_op(&self, head: u8, reader: &mut Reader<'_>) -> Result<Op, LiveError> {
        let kind = Kind(head & KIND_BITS);
        let key = if head & SPELLED != 0 {
            let container = reader.block(bounds::PATH_BYTES)?;
            join_key(container, kind, Some(reader.block(2 * bounds::PATH_BYTES)?))?
        } else {
            match reader.varint()? {
                ITSELF => join_key(&[], kind, None)?,
                ROOT => join_key(&[], kind, Some(reader.block(2 * bounds::PATH_BYTES)?))?,
                index => join_key(self.container(index)?, kind, Some(reader.block(2 * bounds::PATH_BYTES)?))?,
            }
        };
        let removes = if head & REMOVES != 0 { self.read_spans(reader)? } else { Vec::new() };
        let payload = match (head & DELETE != 0, head & LAST != 0) {
            (true, _) => None,
            (false, true) => Some(SmallBytes::new(reader.take_rest())),
            (false, false) => Some(SmallBytes::new(reader.block(bounds::VALUE_BYTES)?)),
        };
        if payload.as_ref().is_some_and(|payload| payload.len() > bounds::VALUE_BYTES) {
            return Err(DecodeError::TooLarge { what: "value", limit: bounds::VALUE_BYTES }.into());
        }
        if payload.is_some() && key.kind() == Kind::TREE {
            return Err(DecodeError::Range("kind").into());
        }
        Ok(Op { key, payload, removes })
    }

    fn container(&self, index: u64) -> Result<&[u8], LiveError> {
        let found = index.checked_sub(FIRST_CONTAINER).and_then(|index| self.containers.get(&index));
        found.map(|path| &**path).ok_or(LiveError::Unannounced)
    }

    fn read_spans(&self, reader: &mut Reader<'_>) -> Result<Vec<Span>, LiveError> {
        let count = reader.count(2, bounds::REPLICAS)?;
        let mut spans = Vec::with_capacity(count);
        for _ in 0..count {
            let word = reader.varint()?;
            let replica = self.writer(word >> 1)?.0;
            let to = reader.varint()?;
            let length = if word & 1 == 1 { reader.varint()? } else { 0 };
            let from = to
                .checked_sub(length)
                .filter(|&from| from > 0 && to <= bounds::SEQUENCE)
                .ok_or(DecodeError::Range("span"))?;
            spans.push(Span { replica, from, to });
        }
        Ok(spans)
    }
}

pub(crate) fn read_id(reader: &mut Reader<'_>) -> Result<ReplicaId, DecodeError> {
    let mut id = [0; 16];
    id.copy_from_slice(reader.take(16)?);
    Ok(ReplicaId::from_bytes(id))
}
