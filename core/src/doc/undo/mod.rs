//! Undo and redo of what was done here, leaving alone what others did.
//!
//! What a transaction did to a leaf is noted as the dots that it removed, with their payloads, and the dots that it
//! added. Taking that back removes the added dots that still live and, unless somebody else has written there since,
//! writes the removed payloads again. This holds for any kind of leaf, because it never looks into a payload. Counters,
//! whose dots are put together at times, are counted back instead, and texts are edited back by the numbers of their
//! characters. What only grows, is removed for good or hands out rights stays: grow-only and two-phase sets, bounded
//! counters.
//! (Selective undo by inverse operations: Stewen, Kleppmann: "Undo and Redo Support for Replicated Registers", 2024.)

mod log;

use super::Doc;
use super::change::{Origin, Touched};
use super::counter::counter_sum;
use super::leaf::dots;
use super::state::Entry;
use super::transaction::EditError;
use crate::assoc::sort_by_numbers;
use crate::crdt::{Key, Kind, resets, sum};
use log::{Group, Mode, Removed, Renamed, Step};
use std::collections::VecDeque;

pub(super) use log::UndoLog;

/// The names of the transactions that undo and redo.
const UNDO: &str = "undo";
const REDO: &str = "redo";

/// What is kept to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoOptions {
    /// Most groups; the oldest go first.
    pub depth: usize,
    /// Most bytes that all groups may hold.
    pub bytes: usize,
    /// Transactions join the group of the one before if they begin at most so many milliseconds later; 0 for never.
    pub merge_ms: u64,
    /// Only transactions of these origins; `None` for all of this replica's.
    pub origins: Option<Vec<String>>,
}

impl Default for UndoOptions {
    fn default() -> Self {
        UndoOptions { depth: 100, bytes: 4 * 1024 * 1024, merge_ms: 500, origins: None }
    }
}

impl Doc {
    /// Keeps what local transactions do from now on so that it can be undone; `None` stops and forgets.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::{Doc, UndoOptions}};
    /// let (mut doc, place) = (Doc::new(ReplicaId::new(1, 1)), Path::root().child("a"));
    /// doc.keep_undo(Some(UndoOptions::default()));
    /// doc.transact(1_000, None, |doc| doc.set(&place, Value::Int(1)))?;
    /// doc.transact(2_000, None, |doc| doc.set(&place, Value::Int(2)))?;
    /// assert!(doc.undo(3_000)?);
    /// assert_eq!(doc.get(&place), Some(Value::Int(1)));
    /// assert!(doc.redo(4_000)?);
    /// assert_eq!(doc.get(&place), Some(Value::Int(2)));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn keep_undo(&mut self, options: Option<UndoOptions>) {
        #[cfg(feature = "text")]
        {
            self.texts.dropped = options.is_some().then(Vec::new);
        }
        self.undo = options.map(|options| {
            Box::new(UndoLog {
                options,
                undo: VecDeque::new(),
                redo: VecDeque::new(),
                mode: Mode::Edit,
                closed: true,
                #[cfg(feature = "text")]
                pending: Vec::new(),
                now_ms: 0,
            })
        });
    }

    /// Forgets what could be undone: the numbers it is known by belong to an id that this replica no longer writes under.
    pub(super) fn clear_undo(&mut self) {
        if let Some(log) = self.undo.take() {
            self.keep_undo(Some(log.options));
        }
    }

    /// How many groups can be undone and redone.
    pub fn undo_depth(&self) -> (usize, usize) {
        self.undo.as_ref().map_or((0, 0), |log| (log.undo.len(), log.redo.len()))
    }

    /// Ends the present group: the next transaction begins another however soon it comes.
    pub fn close_undo_group(&mut self) {
        if let Some(log) = &mut self.undo {
            log.closed = true;
        }
    }

    /// Takes back the last group of local transactions, in a transaction with the origin `"undo"`. What others did stays;
    /// a counter that the group began is left, at zero, because others may have counted on it meanwhile. Returns whether
    /// there was a group.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`EditError::InTransaction`] inside a transaction.
    pub fn undo(&mut self, now_ms: u64) -> Result<bool, EditError> {
        self.go_back(now_ms, Mode::Undo)
    }

    /// Does again what the last [`Doc::undo`] took back, in a transaction with the origin `"redo"`.
    ///
    /// # Errors
    /// As [`Doc::undo`].
    pub fn redo(&mut self, now_ms: u64) -> Result<bool, EditError> {
        self.go_back(now_ms, Mode::Redo)
    }

    fn go_back(&mut self, now_ms: u64, mode: Mode) -> Result<bool, EditError> {
        if self.in_transaction() {
            return Err(EditError::InTransaction);
        }
        let Some(log) = &mut self.undo else { return Ok(false) };
        let stack = if mode == Mode::Undo { &mut log.undo } else { &mut log.redo };
        let Some(group) = stack.pop_back() else { return Ok(false) };
        log.mode = mode;
        let depth = if mode == Mode::Undo { log.redo.len() } else { log.undo.len() };
        let mut renamed = Renamed::default();
        let origin = if mode == Mode::Undo { UNDO } else { REDO };
        let done = self.transact(now_ms, Some(origin), |doc| doc.revert(&group, &mut renamed));
        let Some(log) = &mut self.undo else { return done.map(|()| true) };
        log.mode = Mode::Edit;
        match done {
            Ok(()) => {
                log.all_steps().for_each(|step| renamed.apply(step));
                let other = if mode == Mode::Undo { &mut log.redo } else { &mut log.undo };
                if other.len() == depth {
                    // There was nothing left to take back: the way forth still has as many steps as the way back.
                    other.push_back(Group::default());
                }
            }
            Err(_) if mode == Mode::Undo => log.undo.push_back(group),
            Err(_) => log.redo.push_back(group),
        }
        done.map(|()| true)
    }

    fn revert(&mut self, group: &Group, renamed: &mut Renamed) -> Result<(), EditError> {
        for step in group.steps.iter().rev() {
            let mut step = step.clone();
            renamed.apply(&mut step);
            match step {
                Step::Leaf { key, before, after } => self.revert_leaf(&key, &before, &after, renamed)?,
                Step::Count { key, net, last } => self.count_back(&key, net, last)?,
                #[cfg(feature = "text")]
                Step::Text(key, step) => {
                    let letters = self.revert_text(&key, &step)?;
                    renamed.letters.push((key, letters));
                }
            }
        }
        Ok(())
    }

    /// Counts back, unless a reset or a delete has taken away already what was counted.
    fn count_back(&mut self, key: &Key, net: i64, last: Option<u64>) -> Result<(), EditError> {
        let entries = dots(&self.state, key);
        let reset = resets(entries.iter().map(|entry| &*entry.payload)).get(&self.id).copied().unwrap_or_default();
        let taken = last.is_some_and(|last| entries.is_empty() || last <= reset);
        if taken || (net == 0 && !entries.is_empty()) {
            return Ok(());
        }
        self.counter_add(&key.path(), net.saturating_neg())
    }

    fn revert_leaf(
        &mut self,
        key: &Key,
        before: &[Removed],
        after: &[u64],
        renamed: &mut Renamed,
    ) -> Result<(), EditError> {
        let own = self.state.intern(self.id);
        let entries = dots(&self.state, key);
        // What was edited since a text came back goes with it.
        let whole = key.kind() == Kind::TEXT && before.is_empty();
        let mine = |entry: &&Entry| entry.writer == own && (whole || after.contains(&entry.seq));
        let ours: Vec<u64> = entries.iter().filter(mine).map(|entry| entry.seq).collect();
        let others = entries.len() - ours.len();
        // Dots of counters add up, and updates of texts build on one another: they come back whatever else is there.
        let adds = key.kind() == Kind::TEXT;
        if !adds && (others > 0 || (ours.is_empty() && !after.is_empty())) {
            // Somebody else has written since. What is ours goes, what they wrote stays.
            return self.retract(key, &ours);
        }
        if adds || before.is_empty() {
            self.retract(key, &ours)?;
        }
        for (at, (writer, seq, payload)) in before.iter().enumerate() {
            let one = std::slice::from_ref(key);
            let replaced: &[Key] = if adds || at > 0 { &[] } else { one };
            let records = if self.state.deletes.contains(key) { replaced } else { &[] };
            self.record(key.clone(), Some(payload.clone()), replaced, records)?;
            if *writer == own {
                renamed.dots.push((key.clone(), *seq, self.state.writers[own as usize].seq));
            }
            if adds {
                self.drop_text(key);
            }
        }
        #[cfg(feature = "text")]
        self.text_is_back(key, before.len() as u64);
        Ok(())
    }

    /// Notes that a deleted text came back by the last events: going back again deletes it, whatever else was edited.
    #[cfg(feature = "text")]
    fn text_is_back(&mut self, key: &Key, events: u64) {
        let last = self.state.seq_of(&self.id);
        if let Some(log) = self.undo.as_mut().filter(|_| key.kind() == Kind::TEXT && events > 0) {
            let after = (last + 1 - events..=last).collect();
            log.pending.push(Step::Leaf { key: key.clone(), before: Vec::new(), after });
        }
    }

    /// Removes some of this replica's own dots at a leaf.
    fn retract(&mut self, key: &Key, seqs: &[u64]) -> Result<(), EditError> {
        let live = dots(&self.state, key).len();
        if seqs.is_empty() || live == 0 {
            return Ok(());
        }
        let one = [key.clone()];
        if seqs.len() == live {
            let records: &[Key] = if self.state.deletes.contains(key) { &one } else { &[] };
            self.record(key.clone(), None, &one, records)?;
        } else {
            self.record_part(key, seqs)?;
        }
        self.drop_text(key);
        Ok(())
    }

    /// Turns what a transaction touched into steps that can be taken back.
    pub(super) fn remember(&mut self, touched: Vec<(Key, Touched)>, again: &[bool], origin: &Origin) {
        #[cfg(feature = "text")]
        let dropped = self.texts.dropped.as_mut().map(std::mem::take).unwrap_or_default();
        #[cfg(not(feature = "text"))]
        let dropped: Vec<Key> = Vec::new();
        let Some(mut log) = self.undo.take() else { return };
        let own = self.state.intern(self.id);
        let mut steps = Vec::new();
        if matches!(origin, Origin::Local(name) if log.tracks(name)) {
            for ((key, touched), _) in touched.into_iter().zip(again).filter(|(_, again)| !**again) {
                let gone = key.kind() != Kind::TEXT || dropped.contains(&key);
                steps.extend(self.leaf_step(key, touched.entries, own).filter(|_| gone));
            }
            #[cfg(feature = "text")]
            steps.append(&mut log.pending);
            if !steps.is_empty() {
                log.keep(own, steps);
            }
        }
        log.forget_pending();
        self.undo = Some(log);
    }

    /// The dots that a leaf lost, and those of this replica that it gained.
    fn leaf_step(&self, key: Key, entries: Vec<Entry>, own: u32) -> Option<Step> {
        let now = dots(&self.state, &key);
        // What is final or hands out rights cannot be taken back.
        match key.kind() {
            Kind::GROW_ONLY | Kind::TWO_PHASE | Kind::BOUNDED => return None,
            Kind::COUNTER => {
                let net = counter_sum(&self.state, &key).saturating_sub(self.sum_of(&entries));
                let last = now.iter().filter(|entry| entry.writer == own).map(|entry| entry.seq).max();
                // A counter at zero comes back too: what was counted on it before is undone on it.
                let deleted = now.is_empty() && !entries.is_empty();
                return (net != 0 || deleted).then_some(Step::Count { key, net, last });
            }
            _ => {}
        }
        let among = |list: &[Entry], dot: &Entry| list.iter().any(|one| (one.writer, one.seq) == (dot.writer, dot.seq));
        // Added dots of a text are taken back edit by edit.
        let added = now.iter().filter(|entry| entry.writer == own && key.kind() != Kind::TEXT);
        let after: Vec<u64> = added.filter(|entry| !among(&entries, entry)).map(|entry| entry.seq).collect();
        let mut lost: Vec<&Entry> = entries.iter().filter(|entry| !among(now, entry)).collect();
        // The last writer's comes back last, so that it is the last again.
        sort_by_numbers(&mut lost, |entry| (self.state.rank(entry.writer), entry.seq));
        sort_by_numbers(&mut lost, |entry| (entry.hlc.as_u64(), 0));
        let before: Vec<Removed> =
            lost.into_iter().map(|entry| (entry.writer, entry.seq, entry.payload.clone())).collect();
        (!before.is_empty() || !after.is_empty()).then_some(Step::Leaf { key, before, after })
    }

    fn sum_of(&self, entries: &[Entry]) -> i64 {
        let id = |entry: &Entry| self.state.writers[entry.writer as usize].id;
        sum(entries.iter().map(|entry| (id(entry), &*entry.payload)))
    }

    /// The time of the open transaction, for the groups.
    pub(super) fn note_undo_time(&mut self) {
        if let (Some(log), Some(open)) = (&mut self.undo, &self.transaction) {
            log.now_ms = open.hlc.ms();
        }
    }

    /// Removes some of this replica's own dots at a leaf and leaves the others: an event for each run of them.
    fn record_part(&mut self, key: &Key, seqs: &[u64]) -> Result<(), EditError> {
        let (writer, _) = self.open()?;
        let own = dots(&self.state, key).iter().filter(|entry| entry.writer == writer);
        let mut own: Vec<u64> = own.map(|entry| entry.seq).collect();
        own.sort_unstable();
        let one = std::slice::from_ref(key);
        for run in own.chunk_by(|a, b| seqs.contains(a) == seqs.contains(b)).filter(|run| seqs.contains(&run[0])) {
            let span = [(writer, run[0], run[run.len() - 1])];
            self.record_where(key.clone(), None, one, &[], Some(&span))?;
        }
        Ok(())
    }
}
