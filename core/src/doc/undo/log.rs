//! The steps that can be taken back, in groups, and what is remembered of numbers that changed.

use super::UndoOptions;
use crate::bytes::SmallBytes;
use crate::crdt::Key;
#[cfg(feature = "text")]
use crate::crdt::{Ids, TextStep};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Edit,
    Undo,
    Redo,
}

/// One dot that was removed: its writer here, its number and its payload.
pub(super) type Removed = (u32, u64, SmallBytes);

/// What was done to one leaf.
#[derive(Clone)]
pub(super) enum Step {
    Leaf {
        key: Key,
        before: Vec<Removed>,
        after: Vec<u64>,
    },
    /// A counter: what was counted, and the last event that did; none if its dots were taken away.
    Count {
        key: Key,
        net: i64,
        last: Option<u64>,
    },
    #[cfg(feature = "text")]
    Text(Key, TextStep),
}

impl Step {
    pub(super) fn weight(&self) -> usize {
        match self {
            Step::Leaf { key, before, after } => {
                let payloads: usize = before.iter().map(|(_, _, payload)| 48 + payload.len()).sum();
                96 + key.as_bytes().len() + payloads + 8 * after.len()
            }
            Step::Count { key, .. } => 96 + key.as_bytes().len(),
            #[cfg(feature = "text")]
            Step::Text(key, step) => 96 + key.as_bytes().len() + step.weight(),
        }
    }
}

/// What is undone at once.
#[derive(Clone, Default)]
pub(super) struct Group {
    pub(super) steps: Vec<Step>,
    pub(super) last_ms: u64,
}

impl Group {
    pub(super) fn weight(&self) -> usize {
        self.steps.iter().map(Step::weight).sum()
    }

    /// Adds a step, as a part of an earlier one where that says the same.
    pub(super) fn add(&mut self, own: u32, step: Step) {
        match (&step, self.steps.iter_mut().rev().take(64).find(|earlier| same_leaf(earlier, &step))) {
            (Step::Leaf { before, after, .. }, Some(Step::Leaf { after: earlier, .. })) => {
                let replaced = !before.is_empty()
                    && before.len() == earlier.len()
                    && before.iter().all(|(writer, seq, _)| *writer == own && earlier.contains(seq));
                if replaced {
                    earlier.clone_from(after);
                } else {
                    self.steps.push(step);
                }
            }
            (Step::Count { net, last, .. }, Some(Step::Count { net: sum, last: end, .. }))
                if last.is_some() && end.is_some() =>
            {
                (*sum, *end) = (sum.saturating_add(*net), *last);
            }
            #[cfg(feature = "text")]
            (Step::Text(_, next), Some(Step::Text(_, earlier))) => {
                if !earlier.extend(next) {
                    self.steps.push(step);
                }
            }
            _ => self.steps.push(step),
        }
    }
}

fn same_leaf(one: &Step, two: &Step) -> bool {
    match (one, two) {
        (Step::Leaf { key: one, .. }, Step::Leaf { key: two, .. }) => one == two,
        (Step::Count { key: one, .. }, Step::Count { key: two, .. }) => one == two,
        #[cfg(feature = "text")]
        (Step::Text(one, _), Step::Text(two, _)) => one == two,
        _ => false,
    }
}

/// What can be undone and redone.
pub(in super::super) struct UndoLog {
    pub(super) options: UndoOptions,
    pub(super) undo: VecDeque<Group>,
    pub(super) redo: VecDeque<Group>,
    pub(super) mode: Mode,
    /// Whether the next transaction begins a group in any case.
    pub(super) closed: bool,
    /// Edits of texts in the open transaction.
    #[cfg(feature = "text")]
    pub(super) pending: Vec<Step>,
    pub(super) now_ms: u64,
}

impl UndoLog {
    pub(in super::super) fn forget_pending(&mut self) {
        #[cfg(feature = "text")]
        self.pending.clear();
    }

    #[cfg(feature = "text")]
    pub(in super::super) fn text_step(&mut self, key: &Key, step: TextStep) {
        self.pending.push(Step::Text(key.clone(), step));
    }

    #[cfg(feature = "text")]
    pub(in super::super) fn is_redoing(&self) -> bool {
        self.mode == Mode::Redo
    }

    pub(super) fn tracks(&self, origin: &Option<String>) -> bool {
        let named = |wanted: &Vec<String>| origin.as_ref().is_some_and(|origin| wanted.contains(origin));
        self.mode != Mode::Edit || self.options.origins.as_ref().is_none_or(named)
    }

    /// Keeps the steps of a transaction.
    pub(super) fn keep(&mut self, own: u32, steps: Vec<Step>) {
        let stack = match self.mode {
            Mode::Undo => &mut self.redo,
            _ => &mut self.undo,
        };
        let near = |last: &&mut Group| self.now_ms.saturating_sub(last.last_ms) <= self.options.merge_ms;
        let merges = self.mode == Mode::Edit && !self.closed && self.options.merge_ms > 0;
        match stack.back_mut().filter(near).filter(|_| merges) {
            Some(last) => {
                steps.into_iter().for_each(|step| last.add(own, step));
                last.last_ms = self.now_ms;
            }
            None => {
                let mut group = Group { steps: Vec::new(), last_ms: self.now_ms };
                steps.into_iter().for_each(|step| group.add(own, step));
                stack.push_back(group);
            }
        }
        self.closed = self.mode != Mode::Edit;
        if self.mode == Mode::Edit {
            self.redo.clear();
        }
        self.bound();
    }

    pub(super) fn bound(&mut self) {
        for stack in [&mut self.undo, &mut self.redo] {
            let mut bytes: usize = stack.iter().map(Group::weight).sum();
            while stack.len() > self.options.depth || bytes > self.options.bytes {
                bytes -= stack.pop_front().map_or(bytes, |group| group.weight());
            }
        }
    }

    pub(super) fn all_steps(&mut self) -> impl Iterator<Item = &mut Step> {
        self.undo.iter_mut().chain(&mut self.redo).flat_map(|group| &mut group.steps)
    }
}

/// Dots and characters that came back under other numbers.
#[derive(Default)]
pub(super) struct Renamed {
    pub(super) dots: Vec<(Key, u64, u64)>,
    #[cfg(feature = "text")]
    pub(super) letters: Vec<(Key, Vec<(Ids, Ids)>)>,
}

impl Renamed {
    pub(super) fn apply(&self, step: &mut Step) {
        match step {
            Step::Leaf { key, after, .. } => {
                for (_, old, new) in self.dots.iter().filter(|(at, ..)| at == key) {
                    after.iter_mut().filter(|seq| **seq == *old).for_each(|seq| *seq = *new);
                }
            }
            Step::Count { .. } => {}
            #[cfg(feature = "text")]
            Step::Text(key, step) => {
                for (old, new) in self.letters.iter().filter(|(at, _)| at == key).flat_map(|(_, letters)| letters) {
                    step.rename(*old, *new);
                }
            }
        }
    }
}
