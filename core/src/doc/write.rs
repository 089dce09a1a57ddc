//! Local writes: each becomes one event, or two when it replaces more than its own leaf.

use super::Doc;
use super::leaf::shows;
use super::state::Entry;
use super::transaction::{EditError, Undo};
use crate::bounds;
use crate::bytes::SmallBytes;
use crate::crdt::{Key, Kind, Path, UNDEFINED, Value};

impl Doc {
    /// Sets the value at a path. Replaces everything that is there and below it.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn set(&mut self, path: &Path, value: Value) -> Result<(), EditError> {
        self.named(path, "value")?;
        let payload = value.payload()?;
        let key = Key::new(path, Kind::REGISTER);
        if self.state.leaves.has_more(path.as_str().as_bytes()) {
            self.delete_except(path, Some(&key))?;
        }
        self.record_at(key, Some(payload))
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
        let below = self.state.leaves.below(path.as_str().as_bytes());
        let leaves = || below.iter().map(|&id| self.state.leaves.at(id));
        let shown = leaves().any(|(key, leaf)| shows(&self.state, key, leaf.entries()));
        let keys: Vec<Key> = leaves().map(|(key, _)| key.clone()).collect();
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
            self.forget_recent();
        }
        let seq = self.state.writers[writer as usize].seq + 1;
        if !key.is(Kind::TREE) {
            self.touch(&key, self.id);
        }
        leaves.iter().filter(|leaf| **leaf != key).for_each(|leaf| self.touch(leaf, self.id));
        let own = payload.is_some().then(|| self.state.leaves.place(&key).0);
        for leaf in leaves {
            if *leaf != key {
                self.drop_text(leaf);
            }
            let stays = own.filter(|_| *leaf == key);
            let Some(at) = stays.or_else(|| self.state.leaves.find(leaf.as_bytes())) else { continue };
            self.state.remove(at, &gone, &mut |key, entry| self.removed.push(Undo::new(seq, false, key, entry)));
            if stays.is_none() {
                self.state.leaves.vacate(at);
            }
        }
        for at in records {
            let undo = &mut self.removed;
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
