//! Local writes: each becomes one event, or two when it replaces more than its own leaf.

use super::Doc;
use super::leaf::{dots, shows};
use super::state::Entry;
use super::transaction::{EditError, Undo};
use crate::bounds;
use crate::bytes::SmallBytes;
use crate::crdt::{Key, Kind, Path, UNDEFINED, Value};

#[cfg(feature = "text")]
pub(super) use text::TextCache;

impl Doc {
    /// Sets the value at a path. Replaces everything that is there and below it.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn set(&mut self, path: &Path, value: Value) -> Result<(), EditError> {
        self.named(path, "value")?;
        let payload = value.checked_cbor()?;
        let key = Key::new(path, Kind::REGISTER);
        if self.state.leaves.has_more(path.as_str().as_bytes()) {
            self.delete_except(path, Some(&key))?;
        }
        self.put(key, payload)
    }

    /// Deletes everything at and below a path. Returns whether anything was there.
    ///
    /// What others write there at the same time stays, except values under [`Policy::RemoveWins`](crate::crdt::Policy).
    ///
    /// # Errors
    /// [`EditError`]; roll the transaction back, because a part may be deleted.
    pub fn delete(&mut self, path: &Path) -> Result<bool, EditError> {
        path.check()?;
        self.delete_except(path, None)
    }

    /// Deletes a subtree; the register at `written` is about to be written and needs no mark.
    fn delete_except(&mut self, path: &Path, written: Option<&Key>) -> Result<bool, EditError> {
        let keys = self.state.leaves.keys_below(path.as_str().as_bytes());
        let shown = keys.iter().any(|key| shows(&self.state, key, dots(&self.state, key)));
        let mut marked = self.to_be_marked(&keys);
        if keys.is_empty() || (!shown && !marked.is_empty()) {
            return self.open().map(|_| false);
        }
        if marked.len() < keys.len() {
            let records = self.state.deletes.keys_below(path.as_str().as_bytes());
            self.record(Key::tree(path), None, &keys, &records)?;
        }
        marked.retain(|key| Some(key) != written);
        marked.into_iter().try_for_each(|key| self.put(key, vec![UNDEFINED]))?;
        Ok(shown)
    }

    /// Writes a value with its maps nested by path, so that concurrent writes to different fields merge.
    ///
    /// A map adds to what is there; an empty one is marked as existing. Everything else is [`Doc::set`].
    ///
    /// # Errors
    /// [`EditError`]; roll the transaction back, because a part may be written.
    pub fn assign(&mut self, path: &Path, value: Value) -> Result<(), EditError> {
        match value {
            Value::Map(entries) if entries.is_empty() => self.create_map(path),
            Value::Map(entries) => {
                entries.into_iter().try_for_each(|(key, value)| self.assign(&path.child(&key), value))
            }
            value => self.set(path, value),
        }
    }

    /// Marks a map as existing even while it is empty.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn create_map(&mut self, path: &Path) -> Result<(), EditError> {
        path.check()?;
        let key = Key::new(path, Kind::MARKER);
        if self.state.leaves.contains(&key) { self.open().map(drop) } else { self.put(key, Value::Null.to_cbor()) }
    }

    pub(super) fn named(&self, path: &Path, what: &'static str) -> Result<(), EditError> {
        path.check()?;
        if path.as_str().is_empty() { Err(EditError::Root(what)) } else { Ok(()) }
    }

    /// Deletes a leaf that is there: removes its dots, and leaves a record in place of its earlier ones.
    pub(super) fn clear_leaf(&mut self, key: Key) -> Result<(), EditError> {
        self.record_at(key, None)
    }

    /// Writes a leaf: replaces its dots, and its delete records, which have done their work.
    pub(super) fn put(&mut self, key: Key, payload: Vec<u8>) -> Result<(), EditError> {
        self.record_at(key, Some(payload.into()))
    }

    /// Mints one event that removes the dots and delete records at its own key.
    fn record_at(&mut self, key: Key, payload: Option<SmallBytes>) -> Result<(), EditError> {
        let records = usize::from(self.state.find_delete(&key).is_some());
        let own = [key.clone()];
        self.record(key, payload, &own, &own[..records])
    }

    /// Mints one event that removes all dots at `leaves` and all delete records at `records`.
    pub(super) fn record(
        &mut self,
        key: Key,
        payload: Option<SmallBytes>,
        leaves: &[Key],
        records: &[Key],
    ) -> Result<(), EditError> {
        self.record_where(key, payload, leaves, records, None)
    }

    /// As [`Doc::record`], but if `only` is given, removes the dots within these spans only: writer, first, last.
    pub(super) fn record_where(
        &mut self,
        key: Key,
        payload: Option<SmallBytes>,
        leaves: &[Key],
        records: &[Key],
        only: Option<&[(u32, u64, u64)]>,
    ) -> Result<(), EditError> {
        let gone = |entry: &Entry| {
            let within = |span: &(u32, u64, u64)| span.0 == entry.writer && (span.1..=span.2).contains(&entry.seq);
            only.is_none_or(|spans| spans.iter().any(within))
        };
        let (writer, hlc) = self.open()?;
        if self.recent.is_some() {
            self.forget_undo();
        }
        let seq = self.state.writers[writer as usize].seq + 1;
        if !key.is(Kind::TREE) {
            self.touch(&key, self.id);
        }
        leaves.iter().for_each(|leaf| self.touch(leaf, self.id));
        let own = payload.is_some().then(|| self.state.leaves.place(&key).0);
        for leaf in leaves {
            if *leaf != key {
                self.drop_text(leaf);
            }
            let stays = own.filter(|_| *leaf == key);
            let Some(at) = stays.or_else(|| self.state.leaves.find(leaf.as_bytes())) else { continue };
            self.state.remove(at, &gone, &mut |key, entry| self.undo.push(Undo::new(seq, false, key, entry)));
            if stays.is_none() {
                self.state.leaves.vacate(at);
            }
        }
        for at in records {
            let undo = &mut self.undo;
            self.state.remove_deletes(at, &|_| true, &mut |key, entry| undo.push(Undo::new(seq, true, key, entry)));
        }
        let place = match (own, payload) {
            (Some(at), Some(payload)) => {
                self.state.add(at, Entry { writer, seq, hlc, payload });
                at
            }
            _ => self.state.add_delete(&key, writer, seq),
        };
        let own = &mut self.state.writers[writer as usize];
        own.seq = seq;
        own.log.push(seq, place);
        Ok(())
    }

    /// The writer and time of the open transaction, if it can take another event.
    pub(super) fn open(&self) -> Result<(u32, crate::clock::Hlc), EditError> {
        let open = self.transaction.as_ref().ok_or(EditError::NoTransaction)?;
        if open.broken() {
            return Err(EditError::RolledBack);
        }
        let events = self.state.writers[open.writer as usize].seq + 1 - open.first;
        if events >= bounds::TRANSACTION_DOTS as u64 { Err(EditError::TooLarge) } else { Ok((open.writer, open.hlc)) }
    }

    pub(super) fn drop_text(&mut self, _key: &Key) {
        #[cfg(feature = "text")]
        if _key.is(Kind::TEXT) {
            self.texts.forget(_key);
        }
    }
}

#[cfg(feature = "text")]
mod text {
    //! Texts: the dots are the state, and a cache holds them put together.

    use super::super::state::State;
    use super::*;
    use crate::assoc::{SortedMap, order};
    use crate::clock::{Dot, ReplicaId};
    use crate::crdt::{OutOfText, Text, TextUnit, ValueError};

    /// Updates that a text gathers beyond its largest one before it is worth putting together, in bytes.
    const LOOSE_BYTES: usize = 4 * 1024;

    /// Texts that were read or written, put together.
    #[derive(Default)]
    pub(in super::super) struct TextCache {
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

        pub(in super::super) fn text_at(&mut self, key: &Key) -> String {
            if self.state.leaves.contains(key) { self.cached(key).string() } else { String::new() }
        }

        /// Tells the cache of an update that arrived; an update for a text that is not cached needs nothing.
        pub(in super::super) fn text_arrived(&mut self, key: &Key, update: &[u8]) {
            let Some(text) = self.texts.texts.get_mut(key) else { return };
            let waiting = text.is_orphaned();
            if text.apply(update).is_err() || waiting || text.is_orphaned() {
                self.drop_text(key);
            }
        }

        /// Puts together the texts edited in this transaction that have gathered many loose updates.
        pub(in super::super) fn compact_texts(&mut self) -> Result<(), EditError> {
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
        pub(in super::super) fn text_once(&self, key: &Key) -> String {
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
}
