//! Transactions: all or nothing.

use super::Doc;
use super::change::Origin;
use super::state::Entry;
use crate::bounds;
use crate::clock::Hlc;
use crate::crdt::{Key, ParsePathError, ValueError};
use crate::delta::{Batch, Digest, Op};

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

/// What undoing takes, step by step.
pub(super) enum Undo {
    Added(Key),
    Removed(Key, Entry),
    DeleteAdded(Key),
    DeleteRemoved(Key, u32, u64),
}

/// An open transaction.
pub(super) struct Transaction {
    pub(super) writer: u32,
    pub(super) first: u64,
    pub(super) hlc: Hlc,
    pub(super) ops: Vec<Op>,
    pub(super) undo: Vec<Undo>,
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
            ops: Vec::new(),
            undo: Vec::new(),
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
        self.emit_changes(&Origin::Local(done.origin));
        if done.ops.is_empty() {
            return Ok(None);
        }
        let batch = Batch { writer: self.id, first: done.first, hlc: done.hlc, ops: done.ops };
        let last = batch.last();
        self.keep_recent(&batch);
        if let Some(outbox) = &mut self.outbox {
            outbox.push_back(batch);
            self.seal_streamed(last);
        }
        self.tidy();
        Ok(Some(last))
    }

    /// Undoes the open transaction, the outer ones included: state, digest and numbers are as before.
    pub fn rollback(&mut self) {
        let Some(open) = &mut self.transaction else { return };
        open.depth -= 1;
        let outer = open.depth > 0;
        open.broken = true;
        open.ops.clear();
        let (undo, writer, first, digest) = (std::mem::take(&mut open.undo), open.writer, open.first, open.digest);
        undo.into_iter().rev().for_each(|step| self.undo(step, writer));
        self.state.writers[writer as usize].seq = first - 1;
        self.state.digest = digest;
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

    fn undo(&mut self, step: Undo, writer: u32) {
        match step {
            Undo::Added(key) => {
                self.drop_text(&key);
                let own = &self.state.writers[writer as usize];
                let last = own.seq;
                self.state.remove(&key, &|entry| entry.writer == writer && entry.seq == last);
                self.pop_event(writer);
            }
            Undo::Removed(key, entry) => {
                self.drop_text(&key);
                self.state.writers[entry.writer as usize].log.revive(entry.seq, key.clone());
                self.state.add(&key, entry);
            }
            Undo::DeleteAdded(key) => {
                let last = self.state.writers[writer as usize].seq;
                self.state.remove_deletes(&key, &|entry| entry.writer == writer && entry.seq == last);
                self.pop_event(writer);
            }
            Undo::DeleteRemoved(key, by, seq) => {
                self.state.writers[by as usize].log.revive(seq, key.clone());
                self.state.add_delete(&key, by, seq);
            }
        }
    }

    fn pop_event(&mut self, writer: u32) {
        let own = &mut self.state.writers[writer as usize];
        own.log.pop();
        own.seq -= 1;
    }
}
