//! The log of one writer: which of its events still matter, and where.

use crate::crdt::Key;

/// Number -> key for the live dots and delete records of one writer, in the order of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// `None` marks an entry that no longer matters; they are swept out when they outnumber the others.
    entries: Vec<(u64, Option<Key>)>,
    dead: usize,
}

impl Log {
    /// Appends an entry; `seq` is larger than all before it.
    pub(super) fn push(&mut self, seq: u64, key: Key) {
        debug_assert!(self.entries.last().is_none_or(|(last, _)| *last < seq));
        self.entries.push((seq, Some(key)));
    }

    /// Takes the last entry back.
    pub(super) fn pop(&mut self) {
        if let Some((_, None)) = self.entries.pop() {
            self.dead -= 1;
        }
    }

    /// Forgets all entries with numbers beyond `seq`.
    pub(super) fn truncate(&mut self, seq: u64) {
        let keep = self.entries.partition_point(|(number, _)| *number <= seq);
        self.dead -= self.entries.drain(keep..).filter(|(_, key)| key.is_none()).count();
    }

    /// Marks an entry as no longer mattering.
    pub(super) fn kill(&mut self, seq: u64) {
        if let Some(entry) = self.find(seq) {
            entry.take();
            self.dead += 1;
        }
    }

    /// Undoes [`Log::kill`]; the entry was not swept out in between.
    pub(super) fn revive(&mut self, seq: u64, key: Key) {
        if let Some(entry) = self.find(seq) {
            *entry = Some(key);
            self.dead -= 1;
        }
    }

    /// Sweeps out entries that do not matter, once they are the majority.
    pub(super) fn sweep(&mut self) {
        if self.dead > 32 && self.dead * 2 > self.entries.len() {
            self.entries.retain(|(_, key)| key.is_some());
            self.dead = 0;
        }
    }

    /// The entries with numbers beyond `seq`.
    pub(super) fn beyond(&self, seq: u64) -> impl Iterator<Item = (u64, &Key)> {
        let from = self.entries.partition_point(|(number, _)| *number <= seq);
        self.entries[from..].iter().filter_map(|(number, key)| key.as_ref().map(|key| (*number, key)))
    }

    /// Number of entries that matter.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.dead
    }

    fn find(&mut self, seq: u64) -> Option<&mut Option<Key>> {
        let at = self.entries.binary_search_by_key(&seq, |(number, _)| *number).ok()?;
        Some(&mut self.entries[at].1)
    }
}
