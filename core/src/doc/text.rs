//! Texts: the dots are the state, and a cache holds them put together.

use super::Doc;
use super::state::State;
use super::transaction::EditError;
use crate::assoc::{SortedMap, order};
use crate::bounds;
use crate::bytes::DecodeError;
use crate::clock::{Dot, ReplicaId};
use crate::crdt::{
    Assoc, Attributes, Ids, Key, Kind, Path, Run, Splice, Text, TextError, TextStep, TextUnit, ValueError, difference,
};

/// Updates that a text gathers beyond its largest one before it is worth putting together, in bytes.
const LOOSE_BYTES: usize = 4 * 1024;

/// Texts that were read or written, put together.
#[derive(Default)]
pub(super) struct TextCache {
    texts: SortedMap<Key, Text>,
    edited: Vec<Key>,
    /// Texts that events are wanted of, since they were first touched.
    watched: SortedMap<Key, Watched>,
    /// Texts that were taken apart since the last commit, where undoing is on.
    pub(super) dropped: Option<Vec<Key>>,
}

/// What happened to a text so far.
#[derive(Default)]
struct Watched {
    splices: Vec<Splice>,
    /// What the text was when it was taken apart, or nothing when it began: from there on the difference is the splice.
    /// `None` while the text notes its changes itself.
    base: Option<Vec<Run>>,
}

impl TextCache {
    pub(super) fn forget(&mut self, key: &Key) {
        if key.kind() == Kind::TEXT {
            let text = self.texts.remove(key);
            if let Some(dropped) = &mut self.dropped {
                dropped.push(key.clone());
            }
            let watched = self.watched.get_mut(key).filter(|watched| watched.base.is_none());
            if let (Some(mut text), Some(watched)) = (text, watched) {
                watched.splices.append(&mut text.unwatch().unwrap_or_default());
                watched.base = Some(text.runs());
            }
        }
    }

    /// Stops watching without asking what happened.
    pub(super) fn unwatch_all(&mut self) {
        for (key, _) in std::mem::take(&mut self.watched).iter() {
            self.texts.get_mut(key).and_then(Text::unwatch);
        }
    }
}

impl Doc {
    /// Inserts into the text at a path, at a position counted in `unit`.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn text_insert(&mut self, path: &Path, index: usize, text: &str, unit: TextUnit) -> Result<(), EditError> {
        self.edit_text(path, |_| Ok(None), |cached| cached.insert(index, text, unit, None))
    }

    /// Deletes from the text at a path; position and length are counted in `unit`.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn text_delete(&mut self, path: &Path, index: usize, len: usize, unit: TextUnit) -> Result<(), EditError> {
        let before = |text: &Text| {
            let (from, to) = text.range(index, len, unit)?;
            Ok(Some(text.before_delete(from.units, to.units)))
        };
        self.edit_text(path, before, |cached| cached.delete(index, len, unit))
    }

    /// Inserts into the text at a path, with just these attributes. [`Doc::text_insert`] takes over those of the
    /// character in front.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`EditError::Attribute`] for what is not a name and a scalar.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Attributes, Path, TextUnit, Value}, doc::Doc};
    /// let (mut doc, note) = (Doc::new(ReplicaId::new(1, 1)), Path::root().child("note"));
    /// let bold = Attributes::from([("bold".into(), Value::Bool(true))]);
    /// doc.transact(5, None, |doc| {
    ///     doc.text_insert(&note, 0, "plain", TextUnit::Utf16)?;
    ///     doc.text_insert_with(&note, 5, "bold", &bold, TextUnit::Utf16)
    /// })?;
    /// let runs = doc.text_runs(&note);
    /// assert_eq!((&*runs[1].text, &runs[1].attributes), ("bold", &bold));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn text_insert_with(
        &mut self,
        path: &Path,
        index: usize,
        text: &str,
        attributes: &Attributes,
        unit: TextUnit,
    ) -> Result<(), EditError> {
        self.edit_text(path, |_| Ok(None), |cached| cached.insert(index, text, unit, Some(attributes)))
    }

    /// Gives attributes to a range of the text at a path; one with null is taken away. Others stay.
    ///
    /// # Errors
    /// As [`Doc::text_insert_with`].
    pub fn text_format(
        &mut self,
        path: &Path,
        index: usize,
        len: usize,
        attributes: &Attributes,
        unit: TextUnit,
    ) -> Result<(), EditError> {
        let before = |text: &Text| {
            let (from, to) = text.range(index, len, unit)?;
            Ok(Some(text.before_format(from.units, to.units, attributes)))
        };
        self.edit_text(path, before, |cached| cached.format(index, len, unit, attributes))
    }

    /// The text at a path in parts, each as long as its attributes stay the same.
    pub fn text_runs(&mut self, path: &Path) -> Vec<Run> {
        self.runs_at(&Key::new(path, Kind::TEXT))
    }

    /// A cursor at a position of the text at a path: bytes that keep their place however the text changes, for
    /// [`Doc::text_cursor_index`] here or at any other replica. They are those of a relative position of Yjs.
    ///
    /// # Errors
    /// [`EditError::OutOfText`], [`EditError::SplitCharacter`].
    pub fn text_cursor(
        &mut self,
        path: &Path,
        index: usize,
        unit: TextUnit,
        assoc: Assoc,
    ) -> Result<Vec<u8>, EditError> {
        let key = Key::new(path, Kind::TEXT);
        if !self.state.leaves.contains(&key) {
            return Ok(build(&self.state, &key, nobody()).cursor(index, unit, assoc)?);
        }
        Ok(self.cached(&key).cursor(index, unit, assoc)?)
    }

    /// Where a cursor is now, in `unit`; where its character was, if that is deleted. `None` if that character has not
    /// arrived here, or if the text was deleted as a whole.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not a cursor.
    pub fn text_cursor_index(
        &mut self,
        path: &Path,
        cursor: &[u8],
        unit: TextUnit,
    ) -> Result<Option<usize>, DecodeError> {
        let key = Key::new(path, Kind::TEXT);
        if !self.state.leaves.contains(&key) {
            return build(&self.state, &key, nobody()).cursor_index(cursor, unit);
        }
        self.cached(&key).cursor_index(cursor, unit)
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

    pub(super) fn runs_at(&mut self, key: &Key) -> Vec<Run> {
        if self.state.leaves.contains(key) { self.cached(key).runs() } else { Vec::new() }
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

    /// Notes what happens to a text from now on, until [`Doc::text_changes`] asks for it.
    pub(super) fn watch_text(&mut self, key: &Key) {
        if self.texts.watched.get(key).is_some() {
            return;
        }
        let exists = self.state.leaves.contains(key);
        if exists {
            self.cached(key).watch();
        }
        let base = if exists { None } else { Some(Vec::new()) };
        self.texts.watched.insert(key.clone(), Watched { splices: Vec::new(), base });
    }

    /// What happened to a text since [`Doc::watch_text`], which ends.
    pub(super) fn text_changes(&mut self, key: &Key) -> Vec<Splice> {
        let Some(Watched { mut splices, base }) = self.texts.watched.remove(key) else { return Vec::new() };
        let mut last = match base {
            Some(base) => difference(&base, &self.runs_at(key)),
            None => self.texts.texts.get_mut(key).and_then(Text::unwatch).unwrap_or_default(),
        };
        splices.append(&mut last);
        splices
    }

    /// Takes an edit of a text back. Returns the characters that came back under other numbers, if anything was left.
    pub(super) fn revert_text(&mut self, key: &Key, step: &TextStep) -> Result<Vec<(Ids, Ids)>, EditError> {
        self.open()?;
        // A text that somebody deleted stays deleted; one that is to be begun again is begun.
        let begins = matches!(step, TextStep::Deleted(_)) && self.undo.as_ref().is_some_and(|log| log.is_redoing());
        if !self.state.leaves.contains(key) && !begins {
            return Ok(Vec::new());
        }
        self.touch(key, self.id);
        let Some(reverted) = self.cached(key).revert(step, begins) else { return Ok(Vec::new()) };
        self.record_text(key, reverted.update, Some(reverted.step))?;
        Ok(reverted.renamed)
    }

    fn edit_text(
        &mut self,
        path: &Path,
        before: impl FnOnce(&Text) -> Result<Option<TextStep>, TextError>,
        edit: impl FnOnce(&mut Text) -> Result<Vec<u8>, TextError>,
    ) -> Result<(), EditError> {
        self.named(path, "text")?;
        self.open()?;
        let key = Key::new(path, Kind::TEXT);
        self.touch(&key, self.id);
        let undoing = self.undo.is_some();
        let cached = self.cached(&key);
        let step = if undoing { before(cached)? } else { None };
        let update = edit(cached)?;
        self.record_text(&key, update, step)
    }

    /// Mints the event of an update that the cached text made. `step` says what it did, unless it is an insertion.
    fn record_text(&mut self, key: &Key, update: Vec<u8>, step: Option<TextStep>) -> Result<(), EditError> {
        if update.len() > bounds::VALUE_BYTES {
            self.drop_text(key);
            return Err(ValueError::TooLarge(update.len()).into());
        }
        // An update of nothing: no blocks, nothing deleted.
        if update == [0, 0] {
            return Ok(());
        }
        if let Some(undo) = &mut self.undo {
            undo.text_step(key, step.unwrap_or_else(|| TextStep::inserted(&update)));
        }
        self.record(key.clone(), Some(update.into()), &[], &[])?;
        if self.texts.edited.last() != Some(key) {
            self.texts.edited.push(key.clone());
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
        build(&self.state, key, nobody()).string()
    }
}

impl From<TextError> for EditError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Beyond(len) => EditError::OutOfText(len),
            TextError::Split => EditError::SplitCharacter,
            TextError::Attribute => EditError::Attribute,
        }
    }
}

/// The author of texts that are only read.
fn nobody() -> Dot {
    Dot::new(ReplicaId::new(0, 0), 0)
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
