//! Live frames: one transaction in as few bytes as possible.
//!
//! Both ends of a stream number writers and containers alike: the encoder announces each before its first use
//! ([`LiveEncoder::take_announcement`]), in a message of its own, so that one frame can be broadcast to many readers and
//! left out for some of them.

use super::batch::{Batch, Op, Span};
use super::keys::{join_key, split_key};
use crate::assoc::{SortedMap, at};
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
    writers: Vec<Writing>,
    writer_index: SortedMap<ReplicaId, usize>,
    containers: Vec<SmallBytes>,
    container_index: SortedMap<SmallBytes, u64>,
    announced: (usize, usize, u64),
}

/// The reading end of a live stream.
#[derive(Debug, Default)]
pub struct LiveDecoder {
    base_ms: u64,
    writers: Vec<Writing>,
    containers: Vec<SmallBytes>,
}

/// A writer on a stream and the number that its next event should have; 0 before its first frame.
#[derive(Clone, Copy, Debug)]
struct Writing {
    id: ReplicaId,
    next: u64,
}

impl LiveEncoder {
    /// Encodes a batch. Take the announcement afterwards, and send it before the frame.
    pub fn encode(&mut self, batch: &Batch) -> Vec<u8> {
        let mut out = Writer::with_capacity(64);
        self.write(batch, &mut out);
        out.into_bytes()
    }

    fn write(&mut self, batch: &Batch, out: &mut Writer) {
        let writer = self.writer(batch.writer);
        let next = std::mem::replace(&mut self.writers[writer].next, batch.last() + 1);
        out.varint((writer as u64) << 1 | u64::from(next != batch.first));
        if next != batch.first {
            out.varint(batch.first);
        }
        self.move_base(batch.hlc);
        self.write_events(batch, out);
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
            containers.iter().for_each(|path| out.block(path));
        }
        out.bytes(events.as_slice());
        out.into_bytes()
    }

    /// What the other end must learn before the frames encoded since the last call; `None` for nothing.
    pub fn take_announcement(&mut self) -> Option<Vec<u8>> {
        let now = (self.writers.len(), self.containers.len(), self.base_ms);
        let before = std::mem::replace(&mut self.announced, now);
        (now != before).then(|| self.announcement(before.0, before.1, false))
    }

    /// The whole table, for a reader that joins now.
    pub fn full_announcement(&self) -> Vec<u8> {
        self.announcement(0, 0, true)
    }

    fn announcement(&self, writers: usize, containers: usize, joining: bool) -> Vec<u8> {
        let mut out = Writer::default();
        out.varint(self.base_ms);
        out.varint(writers as u64);
        out.varint((self.writers.len() - writers) as u64);
        for writing in &self.writers[writers..] {
            out.bytes(writing.id.as_bytes());
            // Readers that were there expect the first frame; one that joins now has missed what came before.
            out.varint(if joining { writing.next } else { 0 });
        }
        out.varint(containers as u64);
        out.varint((self.containers.len() - containers) as u64);
        self.containers[containers..].iter().for_each(|path| out.block(path));
        out.into_bytes()
    }

    fn writer(&mut self, id: ReplicaId) -> usize {
        let writers = &mut self.writers;
        *self.writer_index.get_or_insert_with(id, || {
            writers.push(Writing { id, next: 0 });
            writers.len() - 1
        })
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

    /// The number of a container; the root needs no announcement.
    fn container(&mut self, path: &[u8]) -> Option<u64> {
        if path.is_empty() {
            return Some(ROOT);
        }
        let path = SmallBytes::new(path);
        if let Some(&index) = self.container_index.get(&path) {
            return Some(index);
        }
        if self.containers.len() >= bounds::STREAM_TABLE {
            return None;
        }
        self.containers.push(path.clone());
        let index = self.containers.len() as u64 - 1 + FIRST_CONTAINER;
        self.container_index.insert(path, index);
        Some(index)
    }
}

impl LiveDecoder {
    /// Learns an announcement.
    ///
    /// # Errors
    /// [`LiveError::Decode`] if it is malformed, [`LiveError::Unannounced`] if one before it is missing.
    pub fn learn(&mut self, announcement: &[u8]) -> Result<(), LiveError> {
        let mut reader = Reader::new(announcement);
        let base_ms = reader.varint()?;
        if base_ms > Hlc::MAX_MS {
            return Err(DecodeError::Range("clock base").into());
        }
        let first_writer = reader.varint()?;
        let writers = reader.count(17, bounds::REPLICAS)?;
        let mut ids = Vec::with_capacity(writers);
        for _ in 0..writers {
            let (id, next) = (read_id(&mut reader)?, reader.varint()?);
            if next > bounds::SEQUENCE + 1 {
                return Err(DecodeError::Range("sequence number").into());
            }
            ids.push(Writing { id, next });
        }
        let first_container = reader.varint()?;
        let count = reader.count(1, bounds::STREAM_TABLE)?;
        let mut paths = Vec::with_capacity(count);
        for _ in 0..count {
            paths.push(SmallBytes::new(reader.block(bounds::PATH_BYTES)?));
        }
        reader.finish()?;
        // A reader may hear an entry twice (once when it joined), but must not miss one.
        let fresh_writers = fresh(first_writer, self.writers.len(), ids.len())?;
        let fresh_paths = fresh(first_container, self.containers.len(), paths.len())?;
        if self.writers.len() + ids.len() > bounds::REPLICAS
            || self.containers.len() + paths.len() > 2 * bounds::STREAM_TABLE
        {
            return Err(DecodeError::TooLarge { what: "stream table", limit: bounds::STREAM_TABLE }.into());
        }
        self.writers.extend_from_slice(&ids[fresh_writers..]);
        self.containers.extend_from_slice(&paths[fresh_paths..]);
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
        let Writing { id: writer, next } = self.writer(word >> 1)?;
        let first = if word & 1 == 1 { reader.varint()? } else { next };
        let batch = self.read_events(writer, first, reader)?;
        self.writers[(word >> 1) as usize].next = batch.last() + 1;
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
        stream.writers.push(Writing { id: writer, next: 0 });
        if word & 1 != 0 {
            for _ in 0..reader.count(16, bounds::REPLICAS)? {
                stream.writers.push(Writing { id: read_id(&mut reader)?, next: 0 });
            }
        }
        if word & 2 != 0 {
            for _ in 0..reader.count(1, bounds::STREAM_TABLE)? {
                stream.containers.push(SmallBytes::new(reader.block(bounds::PATH_BYTES)?));
            }
        }
        stream.read_events(writer, word >> 2, reader).map_err(|error| match error {
            LiveError::Decode(error) => error,
            LiveError::Unannounced => DecodeError::Range("number of a writer or container"),
        })
    }

    fn writer(&self, index: u64) -> Result<Writing, LiveError> {
        at(&self.writers, index).copied().ok_or(LiveError::Unannounced)
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
        let found = index.checked_sub(FIRST_CONTAINER).and_then(|index| at(&self.containers, index));
        found.map(|path| &**path).ok_or(LiveError::Unannounced)
    }

    fn read_spans(&self, reader: &mut Reader<'_>) -> Result<Vec<Span>, LiveError> {
        let count = reader.count(2, bounds::REPLICAS)?;
        let mut spans = Vec::with_capacity(count);
        for _ in 0..count {
            let word = reader.varint()?;
            let replica = self.writer(word >> 1)?.id;
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

pub(super) fn read_id(reader: &mut Reader<'_>) -> Result<ReplicaId, DecodeError> {
    let mut id = [0; 16];
    id.copy_from_slice(reader.take(16)?);
    Ok(ReplicaId::from_bytes(id))
}

/// How many of `count` announced entries, numbered from `first`, are known already.
fn fresh(first: u64, known: usize, count: usize) -> Result<usize, LiveError> {
    let first = usize::try_from(first).map_err(|_| LiveError::Unannounced)?;
    if first > known { Err(LiveError::Unannounced) } else { Ok((known - first).min(count)) }
}
