//! Collaborative text: the YATA algorithm (Nicolaescu et al., 2016) by yrs, fed by updates that travel as dots.

use super::gaps::Reached;
use super::marks::{self, append, count_points, points_of};
use super::update::{ROOT, UpdateError, walk};
use super::{Attributes, Splice, TextUnit};
use crate::bytes::DecodeError;
use crate::clock::Dot;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};
use yrs::block::ClientID;
use yrs::types::Delta;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Doc, GetString, Observable, OffsetKind, Options, ReadTxn, StateVector, Text as _, TextRef, Transact,
    Transaction, TransactionMut, Update, WriteTxn,
};

/// A text put together from its updates. It is a cache: the updates of the live dots are the state.
pub(crate) struct Text {
    doc: Doc,
    pub(super) root: TextRef,
    /// Whether characters beyond the basic plane may occur; until then code points and UTF-16 units are the same.
    pub(super) astral: bool,
    /// Whether attributes may occur.
    pub(super) marked: bool,
    /// Whether an update builds on one that is not here, because it was deleted, and so cannot be shown.
    orphaned: bool,
    /// How far its authors have come.
    reached: Reached,
    /// What was changed since somebody began to watch; `None` while nobody does.
    watched: Option<Vec<Splice>>,
    /// What the text algorithm tells of the transaction that is being closed; `None` unless it is asked to.
    told: Arc<Mutex<Option<Vec<Delta>>>>,
}

/// An edit of a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextError {
    /// Beyond its end; the length in the unit of the call.
    Beyond(usize),
    /// In the middle of a character of two UTF-16 units.
    Split,
    /// An attribute is not one that a text can have.
    Attribute,
}

/// A position in both units.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) units: usize,
    pub(crate) points: usize,
}

/// Characters of one author, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) author: u64,
    pub(crate) first: u64,
    pub(crate) end: u64,
}

impl Text {
    /// Makes an empty text whose edits are made by `author`: a dot that no other text of this path was made with, so that
    /// the text algorithm never numbers two characters alike.
    pub(crate) fn new(author: Dot) -> Self {
        let mut options = Options::with_guid_and_client_id("".into(), client_id(author));
        options.offset_kind = OffsetKind::Utf16;
        // Tidying up of attributes on arrival would depend on the order of arrival.
        options.cleanup_formatting = false;
        let doc = Doc::with_options(options);
        let root = doc.get_or_insert_text(ROOT);
        Text {
            doc,
            root,
            astral: false,
            marked: false,
            orphaned: false,
            reached: Reached::default(),
            watched: None,
            told: Arc::default(),
        }
    }

    /// Applies one update. It is well-formed if [`check_update`](super::check_update) says so.
    pub(crate) fn apply(&mut self, update: &[u8]) -> Result<(), UpdateError> {
        self.orphaned |= self.try_apply(update)?;
        Ok(())
    }

    /// Applies updates in the order given, and again while those that were waiting for others find them: what it shows
    /// in the end depends on the set of updates alone.
    pub(crate) fn apply_all<'a>(&mut self, updates: impl Iterator<Item = &'a [u8]>) {
        let mut waiting: Vec<&[u8]> = updates.collect();
        loop {
            let before = (waiting.len(), self.doc.transact().state_vector());
            // Updates were checked when they came in; one that fails all the same adds nothing.
            waiting.retain(|update| self.try_apply(update).unwrap_or(false));
            if waiting.is_empty() || before == (waiting.len(), self.doc.transact().state_vector()) {
                break;
            }
        }
        self.orphaned |= !waiting.is_empty();
    }

    /// Whether updates were left out because others are missing. What it shows is then not good for further updates.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// Notes what changes from now on.
    pub(crate) fn watch(&mut self) {
        if self.watched.is_none() {
            let told = self.told.clone();
            self.root.observe("told", move |txn, event| {
                if let Some(deltas) = told.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    deltas.extend_from_slice(event.delta(txn));
                }
            });
            self.watched = Some(Vec::new());
        }
    }

    /// What changed since [`Text::watch`], which ends.
    pub(crate) fn unwatch(&mut self) -> Option<Vec<Splice>> {
        let watched = self.watched.take()?;
        self.root.unobserve("told");
        Some(watched)
    }

    /// Applies an update, unless it leaves a gap. Returns whether it builds on something that is missing.
    pub(super) fn try_apply(&mut self, update: &[u8]) -> Result<bool, UpdateError> {
        self.marked |= walk(update)?;
        self.astral |= update.iter().any(|&byte| byte >= 0xf0);
        if !self.reached.admit(update)? {
            return Ok(true);
        }
        let update = Update::decode_v1(update).map_err(|_| DecodeError::Range("text update"))?;
        self.listen(|text| {
            let mut txn = text.doc.transact_mut();
            txn.apply_update(update).map_err(|_| DecodeError::Range("text update"))?;
            // Kept waiting in there, it would be shown or not depending on the order of arrival.
            Ok(txn.has_missing_updates() && txn.prune_pending().is_some())
        })
    }

    /// An edit whose splices the text algorithm tells, if somebody watches.
    pub(super) fn listened_edit(&mut self, edit: impl FnOnce(&TextRef, &mut TransactionMut<'_>)) -> Vec<u8> {
        self.listen(|text| text.edit(edit))
    }

    /// Runs an edit and notes what the text algorithm tells of it, if somebody watches.
    fn listen<R>(&mut self, edit: impl FnOnce(&mut Self) -> R) -> R {
        if self.watched.is_none() {
            return edit(self);
        }
        let before = self.astral.then(|| self.string());
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
        let result = edit(self);
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        let mut splices = marks::splices(&told);
        if let Some(before) = before {
            count_points(&mut splices, &before, &self.string());
        }
        self.note(splices);
        result
    }

    fn note(&mut self, splices: Vec<Splice>) {
        if let Some(watched) = &mut self.watched {
            let real = |splice: &Splice| splice.delete + splice.insert.len() + splice.retain > 0;
            splices.into_iter().filter(real).for_each(|splice| append(watched, splice));
        }
    }

    /// Inserts and returns the update that does the same elsewhere. With attributes the insertion has just these, else
    /// those of the character in front of it.
    pub(crate) fn insert(
        &mut self,
        index: usize,
        text: &str,
        unit: TextUnit,
        attributes: Option<&Attributes>,
    ) -> Result<Vec<u8>, TextError> {
        let at = self.position(index, unit)?;
        let wanted = attributes.map(marks::parse).transpose()?;
        self.astral |= text.chars().any(|c| c as u32 > 0xffff);
        self.marked |= attributes.is_some_and(|attributes| !attributes.is_empty());
        if !self.marked {
            let insert = text.to_owned();
            self.note(vec![Splice { index: at.units, points: (at.points, 0), insert, ..Splice::default() }]);
            return Ok(self.edit(|root, txn| root.insert(txn, at.units as u32, text)));
        }
        Ok(self.listened_edit(|root, txn| {
            root.insert(txn, at.units as u32, text);
            let Some(wanted) = wanted.filter(|_| !text.is_empty()) else { return };
            let len = text.encode_utf16().count() as u32;
            for (name, value) in exactly(root, txn, at.units, wanted) {
                root.format(txn, at.units as u32, len, marks::single(&name, value));
            }
        }))
    }

    /// Deletes and returns the update that does the same elsewhere.
    pub(crate) fn delete(&mut self, index: usize, len: usize, unit: TextUnit) -> Result<Vec<u8>, TextError> {
        let (from, to) = self.range(index, len, unit)?;
        let delete = to.units - from.units;
        let points = (from.points, to.points - from.points);
        self.note(vec![Splice { index: from.units, delete, points, ..Splice::default() }]);
        Ok(self.edit(|root, txn| root.remove_range(txn, from.units as u32, delete as u32)))
    }

    /// Gives attributes to a range, or takes those away whose value is null.
    pub(crate) fn format(
        &mut self,
        index: usize,
        len: usize,
        unit: TextUnit,
        attributes: &Attributes,
    ) -> Result<Vec<u8>, TextError> {
        let (from, to) = self.range(index, len, unit)?;
        let wanted = marks::parse(attributes)?;
        self.marked = true;
        Ok(self.listened_edit(|root, txn| {
            for (name, value) in wanted.into_iter().filter(|_| to.units > from.units) {
                root.format(txn, from.units as u32, (to.units - from.units) as u32, marks::single(name, value));
            }
        }))
    }

    pub(crate) fn string(&self) -> String {
        self.root.get_string(&self.doc.transact())
    }

    pub(crate) fn len(&self, unit: TextUnit) -> usize {
        match unit {
            TextUnit::CodePoint if self.astral => self.string().chars().count(),
            _ => self.root.len(&self.doc.transact()) as usize,
        }
    }

    /// Everything in one update, or nothing while parts are missing.
    pub(crate) fn compacted(&self) -> Option<Vec<u8>> {
        let txn = self.doc.transact();
        (!self.orphaned).then(|| txn.encode_state_as_update_v1(&StateVector::default()))
    }

    /// The name under which edits are made here.
    pub(super) fn author(&self) -> ClientID {
        self.doc.client_id()
    }

    pub(super) fn transact(&self) -> Transaction<'_> {
        self.doc.transact()
    }

    fn edit(&mut self, edit: impl FnOnce(&TextRef, &mut TransactionMut<'_>)) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        edit(&self.root, &mut txn);
        let update = txn.encode_update_v1();
        let sound = self.reached.admit(&update);
        debug_assert_eq!(sound, Ok(true), "an edit builds on what is here");
        update
    }

    pub(crate) fn range(&self, index: usize, len: usize, unit: TextUnit) -> Result<(Place, Place), TextError> {
        let from = self.position(index, unit)?;
        let end = index.checked_add(len).ok_or(TextError::Beyond(self.len(unit)))?;
        Ok((from, self.position(end, unit)?))
    }

    pub(crate) fn position(&self, index: usize, unit: TextUnit) -> Result<Place, TextError> {
        let len = self.len(unit);
        if index > len {
            return Err(TextError::Beyond(len));
        }
        if !self.astral {
            // A text holds at most `bounds::TEXT_UNITS` units.
            return Ok(Place { units: index, points: index });
        }
        let text = self.string();
        let mut at = 0;
        for (points, c) in text.chars().enumerate() {
            let passed = if unit == TextUnit::CodePoint { points } else { at };
            match passed {
                _ if passed == index => break,
                _ if passed > index => return Err(TextError::Split),
                _ => at += c.len_utf16(),
            }
        }
        if unit == TextUnit::Utf16 && at > index {
            return Err(TextError::Split);
        }
        Ok(Place { units: at, points: points_of(&text, at) })
    }
}

/// The attributes that a fresh insertion at `at` takes over, to be taken away unless they are wanted, and the wanted ones.
pub(super) fn exactly(
    root: &TextRef,
    txn: &TransactionMut<'_>,
    at: usize,
    wanted: Vec<(&str, Any)>,
) -> Vec<(String, Any)> {
    let mut end = 0;
    let here = marks::runs(root, txn).into_iter().find(|run| {
        end += run.text.encode_utf16().count();
        end > at
    });
    let inherited = here.map(|run| run.attributes).unwrap_or_default().into_keys();
    let unwanted = inherited.filter(|name| wanted.iter().all(|(other, _)| other != name));
    let mut all: Vec<(String, Any)> = unwanted.map(|name| (name, Any::Null)).collect();
    all.extend(wanted.into_iter().map(|(name, value)| (name.to_owned(), value)));
    all
}

/// yrs names clients by 53 bits; these are a hash of the dot.
fn client_id(author: Dot) -> ClientID {
    let mut hasher = SipHasher13::new_with_key(b"syncline author1");
    hasher.write(author.replica.as_bytes());
    hasher.write(&author.seq.to_le_bytes());
    ClientID::new(hasher.finish() & ((1 << 53) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ReplicaId;
    use crate::crdt::check_update;

    fn text(random: u128) -> Text {
        Text::new(Dot::new(ReplicaId::new(1, random), 1))
    }

    #[test]
    fn updates_applied_twice_change_nothing_and_orphans_are_told() {
        let mut left = text(1);
        let first = left.insert(0, "hello", TextUnit::Utf16, None).unwrap();
        let second = left.delete(1, 3, TextUnit::Utf16).unwrap();
        let mut right = text(2);
        for update in [&first, &second, &second, &first] {
            right.apply(update).unwrap();
        }
        assert_eq!((left.string(), right.string(), right.is_orphaned()), ("ho".into(), "ho".into(), false));
        let mut early = text(3);
        early.apply(&second).unwrap();
        assert!(early.is_orphaned() && early.compacted().is_none());
    }

    /// Yjs updates of one author: 10 letters at once, and three of them alone, which stand beside nothing.
    #[test]
    fn a_part_behind_a_gap_waits_and_the_whole_is_taken_once() {
        let whole = [&[1, 1, 7, 0, 4, 1, 1, b't', 10][..], b"abcdefghij", &[0]].concat();
        let part = [&[1, 1, 7, 5, 4, 1, 1, b't', 3][..], b"fgh", &[0]].concat();
        let mut early = text(1);
        early.apply(&part).unwrap();
        assert_eq!((early.string(), early.is_orphaned()), (String::new(), true));
        for updates in [[&part, &whole], [&whole, &part]] {
            let mut text = text(2);
            text.apply_all(updates.into_iter().map(|update| &**update));
            assert_eq!((text.string(), text.is_orphaned()), ("abcdefghij".into(), false));
        }
    }

    #[test]
    fn positions_count_the_unit_asked_for() {
        let mut text = text(1);
        text.insert(0, "a😀b", TextUnit::Utf16, None).unwrap();
        assert_eq!((text.len(TextUnit::Utf16), text.len(TextUnit::CodePoint)), (4, 3));
        text.insert(2, "-", TextUnit::CodePoint, None).unwrap();
        assert_eq!(text.string(), "a😀-b");
        assert_eq!(text.insert(2, "x", TextUnit::Utf16, None), Err(TextError::Split));
        assert_eq!(text.delete(4, 2, TextUnit::CodePoint), Err(TextError::Beyond(4)));
    }

    #[test]
    fn a_compacted_text_stands_for_all_updates() {
        let mut left = text(1);
        for index in 0..100 {
            left.insert(index, "x", TextUnit::Utf16, None).unwrap();
        }
        let mut right = text(2);
        right.apply(&left.compacted().unwrap()).unwrap();
        assert_eq!(right.string(), left.string());
    }

    #[test]
    fn own_updates_pass_the_check_and_inflated_ones_do_not() {
        let mut left = text(1);
        let update = left.insert(0, "some text", TextUnit::Utf16, None).unwrap();
        assert_eq!(check_update(&update), Ok(()));
        assert!(check_update(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
        for at in 0..update.len() {
            let mut bad = update.clone();
            bad[at] ^= 0x40;
            if check_update(&bad).is_ok() {
                // Still well-formed, so the algorithm must take it without harm.
                text(3).apply(&bad).unwrap();
            }
        }
    }
}
