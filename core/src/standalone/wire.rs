//! The bytes of standalone types.
//!
//! One byte names the type. Types with dots go on with their context: the number of replicas; for each, by id, its birth
//! in milliseconds less that of the one before, 10 more bytes of id, and its runs: the numbers left out before it, then twice
//! its length less 1, plus 1 if another run follows. A dot is (the replica's index, if there are several replicas;) twice its distance
//! from the end of the replica's last run, plus 1 if another dot of the same element follows. All integers are LEB128.
//! Tables are sorted by key; a key or value is its length and its bytes.

use super::{Item, Lookup};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::{CausalContext, Dot, Hlc, ReplicaId, Run};

/// What byte a type begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    VectorClock = 1,
    GCounter = 2,
    PnCounter = 3,
    LwwRegister = 4,
    LwwSet = 5,
    LwwMap = 6,
    MvRegister = 7,
    GSet = 8,
    TwoPhaseSet = 9,
    OrSet = 10,
    RwSet = 11,
    EwFlag = 12,
    DwFlag = 13,
    OrMap = 14,
}

/// Where a standalone type is written to.
#[derive(Debug)]
pub struct Output {
    out: Writer,
    item: Vec<u8>,
    /// The replicas of the context and the end of the last run of each, by id.
    ends: Vec<(ReplicaId, u64)>,
}

impl Output {
    pub(super) fn new(tag: Tag) -> Self {
        let mut out = Writer::with_capacity(64);
        out.byte(tag as u8);
        Output { out, item: Vec::new(), ends: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.byte(byte);
    }

    pub(super) fn varint(&mut self, number: u64) {
        self.out.varint(number);
    }

    pub(super) fn item(&mut self, item: &impl Item) {
        self.item.clear();
        item.write(&mut self.item);
        self.out.block(&self.item);
    }

    /// Writes a table in the order of its keys.
    pub(super) fn table<K: Item, T>(&mut self, table: &Lookup<K, T>, mut value: impl FnMut(&T, &mut Self)) {
        self.varint(table.len() as u64);
        for (key, item) in table.sorted() {
            self.item(key);
            value(item, self);
        }
    }

    /// Writes an id behind `before`, the one before it in order.
    pub(super) fn replica(&mut self, id: &ReplicaId, before: Option<&ReplicaId>) {
        self.out.varint(id.birth_ms() - before.map_or(0, ReplicaId::birth_ms));
        self.out.bytes(&id.as_bytes()[6..]);
    }

    pub(super) fn hlc(&mut self, hlc: Hlc) {
        // Time, then counter, so that a counter of 0 takes one byte.
        self.out.varint(hlc.ms());
        self.out.varint(hlc.counter().into());
    }

    pub(super) fn context(&mut self, context: &CausalContext) {
        let runs = runs_of(context);
        self.ends = ends(&runs);
        self.out.varint(self.ends.len() as u64);
        let mut last: Option<&Run> = None;
        for (at, run) in runs.iter().enumerate() {
            let previous = last.filter(|last| last.replica == run.replica);
            if previous.is_none() {
                self.replica(&run.replica, last.map(|last| &last.replica));
            }
            let more = runs.get(at + 1).is_some_and(|next| next.replica == run.replica);
            self.out.varint(run.from - 1 - previous.map_or(0, |last| last.to));
            self.out.varint((run.to - run.from) << 1 | u64::from(more));
            last = Some(run);
        }
    }

    pub(super) fn dot(&mut self, dot: &Dot, more: bool) {
        // The context covers every dot of its store, so the replica is there.
        let at = self.ends.partition_point(|end| end.0 < dot.replica);
        let end = self.ends.get(at).map_or(dot.seq, |end| end.1);
        if self.ends.len() > 1 {
            self.out.varint(at as u64);
        }
        self.out.varint(end.saturating_sub(dot.seq) << 1 | u64::from(more));
    }
}

/// Where a standalone type is read from.
#[derive(Debug)]
pub struct Input<'a> {
    reader: Reader<'a>,
    ends: Vec<(ReplicaId, u64)>,
    context: CausalContext,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], tag: Tag) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            found if found == tag as u8 => Ok(Input { reader, ends: Vec::new(), context: CausalContext::default() }),
            _ => Err(DecodeError::Range("type")),
        }
    }

    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        self.reader.finish()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.reader.byte()
    }

    pub(super) fn varint(&mut self) -> Result<u64, DecodeError> {
        self.reader.varint()
    }

    /// A number of things that take at least `bytes` each, so that it is bounded by what is there.
    pub(super) fn count(&mut self, bytes: usize) -> Result<usize, DecodeError> {
        self.reader.count(bytes, bounds::MESSAGE_BYTES)
    }

    /// A number of replicas that each have at least a count behind them.
    pub(super) fn replicas(&mut self) -> Result<usize, DecodeError> {
        self.reader.count(12, bounds::REPLICAS)
    }

    pub(super) fn item<T: Item>(&mut self) -> Result<T, DecodeError> {
        T::read(self.reader.block(bounds::VALUE_BYTES)?)
    }

    /// Reads a table whose pairs take at least `bytes` each and whose keys rise.
    pub(super) fn table<K: Item, T>(
        &mut self,
        bytes: usize,
        mut value: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Lookup<K, T>, DecodeError> {
        let mut table = Lookup::default();
        for _ in 0..self.count(bytes)? {
            let key = self.item()?;
            if table.last_key().is_some_and(|last| *last >= key) {
                return Err(DecodeError::Range("order of keys"));
            }
            table.append(key, value(self)?);
        }
        Ok(table)
    }

    pub(super) fn replica(&mut self, before: Option<&ReplicaId>) -> Result<ReplicaId, DecodeError> {
        let before_ms = before.map_or(0, ReplicaId::birth_ms);
        let birth = before_ms.checked_add(self.varint()?).filter(|&ms| ms < 1 << 48);
        let mut id = [0; 16];
        id[..6].copy_from_slice(&birth.ok_or(DecodeError::Range("birth"))?.to_be_bytes()[2..]);
        id[6..].copy_from_slice(self.reader.take(10)?);
        Some(ReplicaId::from_bytes(id)).filter(|id| before < Some(id)).ok_or(DecodeError::Range("replica id"))
    }

    pub(super) fn hlc(&mut self) -> Result<Hlc, DecodeError> {
        let (ms, counter) = (self.varint()?, self.varint()?);
        let counter = u16::try_from(counter).ok().filter(|_| ms <= Hlc::MAX_MS);
        counter.map(|counter| Hlc::new(ms, counter)).ok_or(DecodeError::Range("clock"))
    }

    /// Reads the context, which stays here until [`Input::take_context`].
    pub(super) fn context(&mut self) -> Result<(), DecodeError> {
        // A replica takes 13 bytes at least: 11 of id, and a run.
        let replicas = self.reader.count(13, bounds::REPLICAS)?;
        for _ in 0..replicas {
            let last = self.ends.last().map(|end| end.0);
            let replica = self.replica(last.as_ref())?;
            let mut end = 0u64;
            loop {
                let (gap, length) = (self.varint()?, self.varint()?);
                let from = end.checked_add(gap).and_then(|before| before.checked_add(1));
                let run = from.and_then(|from| Some((from, from.checked_add(length >> 1)?)));
                let run = run.filter(|run| run.1 <= bounds::SEQUENCE && (end == 0 || gap > 0));
                let (from, to) = run.ok_or(DecodeError::Range("sequence number"))?;
                self.context.insert_run(Run { replica, from, to });
                end = to;
                if length & 1 == 0 {
                    break;
                }
            }
            self.ends.push((replica, end));
        }
        Ok(())
    }

    pub(super) fn take_context(&mut self) -> CausalContext {
        std::mem::take(&mut self.context)
    }

    /// Reads a dot, and whether another one follows.
    pub(super) fn dot(&mut self) -> Result<(Dot, bool), DecodeError> {
        const BAD: DecodeError = DecodeError::Range("dot");
        let at = if self.ends.len() > 1 { self.varint()? } else { 0 };
        let &(replica, end) = crate::assoc::at(&self.ends, at).ok_or(BAD)?;
        let back = self.varint()?;
        let seq = end.checked_sub(back >> 1).filter(|&seq| seq > 0).ok_or(BAD)?;
        let dot = Dot::new(replica, seq);
        if self.context.covers(&dot) { Ok((dot, back & 1 == 1)) } else { Err(BAD) }
    }
}

/// Everything that a context covers, in order. Contexts of standalone types have no horizon.
fn runs_of(context: &CausalContext) -> Vec<Run> {
    let gapless = context.version().iter().map(|(replica, to)| Run { replica, from: 1, to });
    let mut runs: Vec<Run> = gapless.chain(context.runs().iter().copied()).collect();
    runs.sort_unstable();
    runs
}

/// The replicas of these runs, each with the end of its last one.
fn ends(runs: &[Run]) -> Vec<(ReplicaId, u64)> {
    let mut ends: Vec<(ReplicaId, u64)> = Vec::new();
    for run in runs {
        match ends.last_mut().filter(|end| end.0 == run.replica) {
            Some(end) => end.1 = run.to,
            None => ends.push((run.replica, run.to)),
        }
    }
    ends
}
