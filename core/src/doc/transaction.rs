//! Transactions: all or nothing.

use super::Doc;
use super::change::Origin;
use super::exchange::Recent;
use super::log::RECORD;
use super::state::Entry;
use crate::assoc::SortedMap;
use crate::bounds;
use crate::bytes::SmallBytes;
use crate::clock::Hlc;
use crate::crdt::{Key, ParsePathError, ValueError};
use crate::delta::{Batch, Digest, Op, Span};

/// A write was refused. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The path is too long or too deep.
    #[error(transparent)]
    Path(#[from] ParsePathError),
    /// The value is too large or nests too deeply.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// There is no open transaction.
    #[error("there is no open transaction: begin one, or write through a method that does")]
    NoTransaction,
    /// An inner transaction was rolled back, and the outer one with it.
    #[error("the transaction was rolled back: an inner one was, and they stand or fall together")]
    RolledBack,
    /// A transaction is open where none may be.
    #[error("a transaction is open: commit it or roll it back first")]
    InTransaction,
    /// More than [`bounds::TRANSACTION_DOTS`] in one transaction.
    #[error("the transaction is too large: at most {max} changes fit into one, commit in between", max = bounds::TRANSACTION_DOTS)]
    TooLarge,
    /// The position is outside the text, whose length is given in the unit of the call.
    #[error("the position is outside the text, which is {0} long")]
    OutOfText(usize),
    /// The index is outside the list, whose length is given.
    #[error("the index is outside the list, which has {0} items")]
    OutOfList(usize),
    /// The position is in the middle of a character that takes two UTF-16 units.
    #[error("the position is in the middle of a character")]
    SplitCharacter,
    /// An attribute of a text is not a name and a scalar.
    #[error(
        "the attributes are not a text's: at most {max} names of 1 to {name} bytes, each with null, true, false, a number below 1e100 or a string of up to {value} bytes",
        max = bounds::ATTRIBUTES,
        name = bounds::ATTRIBUTE_NAME_BYTES,
        value = bounds::ATTRIBUTE_BYTES
    )]
    Attribute,
    /// The place has no name, so it cannot hold a value: only maps can be the root.
    #[error("the root of a document is a map: a {0} needs a path of at least one segment")]
    Root(&'static str),
    /// The set only grows.
    #[error("the set only grows: nothing is removed from it; use another kind of set, or delete the whole set")]
    GrowOnly,
    /// A counter that only grows was to count down.
    #[error("the counter only grows: count with an amount of at least 0, or use a counter that may count down")]
    Shrinks,
    /// This replica's rights do not cover what it was to take from a bounded counter.
    #[error(
        "this replica has rights to take {available} from the bounded counter, not {asked}: take less, or have a replica that has rights transfer some"
    )]
    Rights {
        /// What it may take.
        available: u64,
        /// What it was to take.
        asked: u64,
    },
    /// A bounded counter would exceed what it can hold.
    #[error("a bounded counter holds at most 2^63 - 1: use smaller amounts")]
    Amount,
    /// The element was removed from a two-phase set.
    #[error("the element was removed from a two-phase set and cannot come back: use another kind of set for that")]
    Removed,
}

/// What an event removed: a dot or a delete record. What it added is the last entry of the writer's log.
pub(super) struct Undo {
    /// The number of the event.
    event: u64,
    record: bool,
    key: Key,
    entry: Entry,
}

impl Undo {
    pub(super) fn new(event: u64, record: bool, key: &Key, entry: Entry) -> Self {
        Undo { event, record, key: key.clone(), entry }
    }
}

/// Steps of undoing that are kept room for from one transaction to the next.
const SPARE_STEPS: usize = 1_024;

/// Most events of a transaction that is kept as [`Doc::recent`].
const RECENT_EVENTS: u64 = 8;

/// An open transaction.
pub(super) struct Transaction {
    pub(super) writer: u32,
    pub(super) first: u64,
    pub(super) hlc: Hlc,
    origin: Option<String>,
    digest: Digest,
    depth: u32,
    broken: bool,
}

impl Transaction {
    pub(super) fn broken(&self) -> bool {
        self.broken
    }
}

impl Doc {
    /// Opens a transaction at the local time `now_ms`. Inside an open one it joins that one.
    ///
    /// # Errors
    /// [`EditError::RolledBack`] inside one that was rolled back.
    pub fn begin(&mut self, now_ms: u64, origin: Option<&str>) -> Result<(), EditError> {
        if let Some(open) = &mut self.transaction {
            if open.broken {
                return Err(EditError::RolledBack);
            }
            open.depth += 1;
            return Ok(());
        }
        let writer = self.state.intern(self.id);
        self.transaction = Some(Transaction {
            writer,
            first: self.state.writers[writer as usize].seq + 1,
            hlc: self.clock.tick(now_ms),
            origin: origin.map(str::to_owned),
            digest: self.state.digest,
            depth: 1,
            broken: false,
        });
        Ok(())
    }

    /// Commits. Returns the number of this replica's last event if the transaction wrote; `None` for an inner one.
    ///
    /// # Errors
    /// [`EditError::NoTransaction`]; [`EditError::RolledBack`] if an inner transaction was rolled back.
    pub fn commit(&mut self) -> Result<Option<u64>, EditError> {
        let open = self.transaction.as_mut().ok_or(EditError::NoTransaction)?;
        if open.depth > 1 {
            open.depth -= 1;
            return if open.broken { Err(EditError::RolledBack) } else { Ok(None) };
        }
        if open.broken {
            self.transaction = None;
            return Err(EditError::RolledBack);
        }
        #[cfg(feature = "text")]
        if let Err(error) = self.compact_texts() {
            self.rollback();
            return Err(error);
        }
        if let Err(error) = self.write_source() {
            self.rollback();
            return Err(error);
        }
        let Some(done) = self.transaction.take() else { return Err(EditError::NoTransaction) };
        let last = self.state.writers[done.writer as usize].seq;
        self.emit_changes(&Origin::Local(done.origin));
        if last < done.first {
            return Ok(None);
        }
        let whole = Recent { writer: done.writer, first: done.first, last, hlc: done.hlc };
        if self.outbox.is_some() {
            let batch = self.batch(&whole);
            self.outbox.iter_mut().zip(batch).for_each(|(outbox, batch)| outbox.push_back(batch));
            self.seal_streamed(last);
        }
        // Larger batches are shorter as deltas.
        self.recent = Some(whole).filter(|_| last - done.first < RECENT_EVENTS && self.removed.len() <= SPARE_STEPS);
        if self.recent.is_none() {
            self.forget_recent();
        }
        self.tidy();
        Ok(Some(last))
    }

    /// The last transaction's batch, put together from what its events left behind and what they removed. `None` if
    /// something of it is gone meanwhile.
    pub(super) fn batch(&self, done: &Recent) -> Option<Batch> {
        let own = &self.state.writers[done.writer as usize];
        let count = (done.last + 1 - done.first) as usize;
        let mut ops = Vec::with_capacity(count);
        // Where what the transaction itself removed again stands among the steps.
        let mut lost = Vec::new();
        for step in self.removed.iter().filter(|step| step.entry.writer == done.writer && step.entry.seq >= done.first)
        {
            lost.resize(count, None);
            lost[(step.entry.seq - done.first) as usize] = Some(step);
        }
        let (mut steps, mut near) = (self.removed.iter().peekable(), 0);
        for (at, seq) in (done.first..=done.last).enumerate() {
            let mut removes = SortedMap::default();
            while let Some(step) = steps.next_if(|step| step.event == seq) {
                widen(&mut removes, step.entry.writer, step.entry.seq);
            }
            let removes = removes.iter().map(|&(by, (from, to))| {
                let replica = self.state.writers[by as usize].id;
                Span { replica, from, to }
            });
            let (key, payload) = match own.log.place(seq) {
                Some(place) => (self.state.key_at(place), self.written(place, done.writer, seq, &mut near)),
                None => {
                    let step = lost.get(at).copied().flatten()?;
                    (&step.key, (!step.record).then_some(&step.entry.payload))
                }
            };
            ops.push(Op { key: key.clone(), payload: payload.cloned(), removes: removes.collect() });
        }
        Some(Batch { writer: own.id, first: done.first, hlc: done.hlc, ops })
    }

    /// The payload of a dot; `None` for a delete record. Dots of one leaf that follow one another are `near`.
    fn written(&self, place: u32, writer: u32, seq: u64, near: &mut usize) -> Option<&SmallBytes> {
        if place & RECORD != 0 {
            return None;
        }
        let entries = self.state.leaves.at(place).1.entries();
        // What was written last stands last, unless the transaction wrote there again.
        if let Some(last) = entries.last().filter(|entry| entry.writer == writer && entry.seq == seq) {
            return Some(&last.payload);
        }
        let (before, behind) = entries.split_at((*near).min(entries.len()));
        let is = |entry: &&Entry| entry.writer == writer && entry.seq == seq;
        let step = behind.iter().chain(before).position(|entry| is(&entry))?;
        let at = (before.len() + step) % entries.len();
        *near = at + 1;
        Some(&entries[at].payload)
    }

    /// Undoes the open transaction, the outer ones included: state, digest and numbers are as before.
    pub fn rollback(&mut self) {
        let Some(open) = &mut self.transaction else { return };
        open.depth -= 1;
        let outer = open.depth > 0;
        open.broken = true;
        let (writer, first, digest) = (open.writer, open.first, open.digest);
        while self.state.writers[writer as usize].seq >= first {
            self.undo_last(writer);
        }
        self.state.digest = digest;
        self.forget_recent();
        self.forget_touched();
        self.lists.clear();
        if !outer {
            self.transaction = None;
        }
    }

    /// Runs `edit` in a transaction: commits if it returns `Ok`, rolls back if not.
    ///
    /// # Errors
    /// What `edit` returns, or a refusal of the transaction itself.
    pub fn transact<R, E: From<EditError>>(
        &mut self,
        now_ms: u64,
        origin: Option<&str>,
        edit: impl FnOnce(&mut Doc) -> Result<R, E>,
    ) -> Result<R, E> {
        self.begin(now_ms, origin)?;
        match edit(self) {
            Ok(result) => self.commit().map(|_| result).map_err(E::from),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    /// Tells whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Undoes the last event of a writer.
    fn undo_last(&mut self, writer: u32) {
        let seq = self.state.writers[writer as usize].seq;
        let added = |entry: &Entry| entry.writer == writer && entry.seq == seq;
        if let Some(place) = self.state.writers[writer as usize].log.place(seq) {
            let key = self.state.key_at(place).clone();
            if place & RECORD != 0 {
                self.state.remove_deletes(&key, &added, &mut |_, _| {});
            } else {
                self.drop_text(&key);
                self.state.remove(place, &added, &mut |_, _| {});
                self.state.leaves.vacate(place);
            }
        }
        let own = &mut self.state.writers[writer as usize];
        own.log.pop();
        own.seq -= 1;
        while let Some(Undo { record, key, entry, .. }) = self.removed.pop_if(|step| step.event == seq) {
            let (by, number) = (entry.writer as usize, entry.seq);
            let place = if record {
                self.state.add_delete(&key, entry.writer, number)
            } else {
                self.drop_text(&key);
                let (at, _) = self.state.leaves.place(&key);
                self.state.add(at, entry);
                at
            };
            self.state.writers[by].log.revive(number, place);
        }
    }

    /// Forgets what earlier transactions removed, and with it how to put the last one together.
    pub(super) fn forget_recent(&mut self) {
        self.recent = None;
        self.removed.clear();
        if self.removed.capacity() > SPARE_STEPS {
            self.removed = Vec::new();
        }
    }
}

/// Widens the span of a writer's dots to include `seq`. What lies in between and within the reach of the event was seen
/// by its writer, too, so the wider span says the same in fewer bytes.
fn widen(removes: &mut SortedMap<u32, (u64, u64)>, writer: u32, seq: u64) {
    let span = removes.get_or_insert_with(writer, || (seq, seq));
    *span = (span.0.min(seq), span.1.max(seq));
}
