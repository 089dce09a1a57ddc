//! Texts: the dots are the state, and a cache holds them put together.

use super::Doc;
use super::state::State;
use super::transaction::EditError;
use crate::assoc::{SortedMap, order};
use crate::bounds;
use crate::clock::{Dot, ReplicaId};
use crate::crdt::{Key, Kind, OutOfText, Path, Text, TextUnit, ValueError};

/// Updates that a text gathers beyond its largest one before it is worth putting together, in bytes.
const LOOSE_BYTES: usize = 4 * 1024;

/// Texts that were read or written, put together.
#[derive(Default)]
pub(super) struct TextCache {
    texts: SortedMap<Key, Text>,
    edited: Vec<Key>,
}

impl TextCache {
    pub(super) fn forget(&mut self, key: &Key) {
        if key.kind() == Kind::TEXT {
            self.texts.remove(key);
        }
    }
}

impl Doc {
    /// Inserts into the text at a path, at a position counted in `unit`.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn text_insert(&mut self, path: &Path, index: usize, text: &str, unit: TextUnit) -> Result<(), EditError> {
        self.edit_text(path, |cached| cached.insert(index, text, unit))
    }

    /// Deletes from the text at a path; position and length are counted in `unit`.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn text_delete(&mut self, path: &Path, index: usize, len: usize, unit: TextUnit) -> Result<(), EditError> {
        self.edit_text(path, |cached| cached.delete(index, len, unit))
    }

    /// The text at a path; empty if there is none.
    pub fn text(&mut self, path: &Path) -> String {
        self.text_at(&Key::new(path, Kind::TEXT))
    }

    /// The length of the text at a path, in `unit`.
    pub fn text_len(&mut self, path: &Path, unit: TextUnit) -> usize {
        let key = Key::new(path, Kind::TEXT);
        if self.state.leaves.contains(&key) { self.cached(&key).len(unit) } else { 0 }
    }

    pub(super) fn text_at(&mut self, key: &Key) -> String {
        if self.state.leaves.contains(key) { self.cached(key).string() } else { String::new() }
    }

    /// Tells the cache of an update that arrived; an update for a text that is not cached needs nothing.
    pub(super) fn text_arrived(&mut self, key: &Key, update: &[u8]) {
        let Some(text) = self.texts.texts.get_mut(key) else { return };
        let waiting = text.is_orphaned();
        if text.apply(update).is_err() || waiting || text.is_orphaned() {
            self.drop_text(key);
        }
    }

    /// Puts together the texts edited in this transaction that have gathered many loose updates.
    pub(super) fn compact_texts(&mut self) -> Result<(), EditError> {
        for key in std::mem::take(&mut self.texts.edited) {
            let Some((_, leaf)) = self.state.leaves.get(&key) else { continue };
            let sizes = leaf.entries().iter().map(|entry| entry.payload.len());
            let (total, largest) = sizes.fold((0, 0), |(total, largest), size| (total + size, largest.max(size)));
            if leaf.entries().len() < bounds::TEXT_UPDATES || total < 2 * largest + LOOSE_BYTES {
                continue;
            }
            if let Some(whole) = self.cached(&key).compacted().filter(|whole| whole.len() <= bounds::VALUE_BYTES) {
                let one = [key.clone()];
                self.record(key, Some(whole.into()), &one, &[])?;
            }
        }
        Ok(())
    }

    fn edit_text(
        &mut self,
        path: &Path,
        edit: impl FnOnce(&mut Text) -> Result<Vec<u8>, OutOfText>,
    ) -> Result<(), EditError> {
        self.named(path, "text")?;
        self.open()?;
        let key = Key::new(path, Kind::TEXT);
        self.touch(&key, self.id);
        let update = edit(self.cached(&key)).map_err(|out| match out {
            OutOfText::Beyond(len) => EditError::OutOfText(len),
            OutOfText::Split => EditError::SplitCharacter,
        })?;
        if update.len() > bounds::VALUE_BYTES {
            self.drop_text(&key);
            return Err(ValueError::TooLarge(update.len()).into());
        }
        // An update of nothing: no blocks, nothing deleted.
        if update != [0, 0] {
            self.record(key.clone(), Some(update.into()), &[], &[])?;
            if self.texts.edited.last() != Some(&key) {
                self.texts.edited.push(key);
            }
        }
        Ok(())
    }

    fn cached(&mut self, key: &Key) -> &mut Text {
        let author = Dot::new(self.id, self.state.seq_of(&self.id) + 1);
        let state = &self.state;
        self.texts.texts.get_or_insert_with(key.clone(), || build(state, key, author))
    }

    /// The text of a leaf, put together for this one reading.
    pub(super) fn text_once(&self, key: &Key) -> String {
        if let Some(text) = self.texts.texts.get(key) {
            return text.string();
        }
        build(&self.state, key, Dot::new(ReplicaId::new(0, 0), 0)).string()
    }
}

/// Puts a text together from its updates in the order of their times: almost always each comes after those it builds on.
fn build(state: &State, key: &Key, author: Dot) -> Text {
    let mut text = Text::new(author);
    let entries = state.leaves.get(key).map_or(&[][..], |(_, leaf)| leaf.entries());
    // By time, then replica, then number: sorting keeps the order of equals.
    let by_dot = order(entries.iter().map(|entry| (state.rank(entry.writer), entry.seq)));
    let by_time = order(by_dot.iter().map(|&at| (entries[at as usize].hlc.as_u64(), 0)));
    text.apply_all(by_time.iter().map(|&at| &*entries[by_dot[at as usize] as usize].payload));
    text
}
