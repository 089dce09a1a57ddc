//! Collaborative text: the YATA algorithm (Nicolaescu et al., 2016) by yrs, fed by updates that travel as dots.

use super::TextUnit;
use super::update::{ROOT, UpdateError, check_update};
use crate::bytes::DecodeError;
use crate::clock::Dot;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text as _, TextRef, Transact, Update, WriteTxn};

/// A text put together from its updates. It is a cache: the updates of the live dots are the state.
pub(crate) struct Text {
    doc: Doc,
    root: TextRef,
    /// Whether characters beyond the basic plane may occur; until then code points and UTF-16 units are the same.
    astral: bool,
    /// Whether an update builds on one that is not here, because it was deleted, and so cannot be shown.
    orphaned: bool,
}

/// A position is not one of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfText {
    /// Beyond its end; the length in the unit of the call.
    Beyond(usize),
    /// In the middle of a character of two UTF-16 units.
    Split,
}

impl Text {
    /// Makes an empty text whose edits are made by `author`: a dot that no other text of this path was made with, so that
    /// the text algorithm never numbers two characters alike.
    pub(crate) fn new(author: Dot) -> Self {
        let mut options = Options::with_guid_and_client_id("".into(), client_id(author));
        options.offset_kind = OffsetKind::Utf16;
        let doc = Doc::with_options(options);
        let root = doc.get_or_insert_text(ROOT);
        Text { doc, root, astral: false, orphaned: false }
    }

    /// Applies one update. It is well-formed if [`check_update`] says so.
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

    /// Applies what can be applied of an update. Returns whether it builds on something that is missing.
    fn try_apply(&mut self, update: &[u8]) -> Result<bool, UpdateError> {
        check_update(update)?;
        self.astral |= update.iter().any(|&byte| byte >= 0xf0);
        let update = Update::decode_v1(update).map_err(|_| DecodeError::Range("text update"))?;
        let mut txn = self.doc.transact_mut();
        txn.apply_update(update).map_err(|_| DecodeError::Range("text update"))?;
        // Kept waiting in there, it would be shown or not depending on the order of arrival.
        Ok(txn.has_missing_updates() && txn.prune_pending().is_some())
    }

    /// Inserts and returns the update that does the same elsewhere.
    pub(crate) fn insert(&mut self, index: usize, text: &str, unit: TextUnit) -> Result<Vec<u8>, OutOfText> {
        let at = self.utf16_index(index, unit)?;
        self.astral |= text.chars().any(|c| c as u32 > 0xffff);
        let mut txn = self.doc.transact_mut();
        self.root.insert(&mut txn, at, text);
        Ok(txn.encode_update_v1())
    }

    /// Deletes and returns the update that does the same elsewhere.
    pub(crate) fn delete(&mut self, index: usize, len: usize, unit: TextUnit) -> Result<Vec<u8>, OutOfText> {
        let from = self.utf16_index(index, unit)?;
        let end = index.checked_add(len).ok_or(OutOfText::Beyond(self.len(unit)))?;
        let to = self.utf16_index(end, unit)?;
        let mut txn = self.doc.transact_mut();
        self.root.remove_range(&mut txn, from, to - from);
        Ok(txn.encode_update_v1())
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

    fn utf16_index(&self, index: usize, unit: TextUnit) -> Result<u32, OutOfText> {
        let len = self.len(unit);
        if index > len {
            return Err(OutOfText::Beyond(len));
        }
        if !self.astral {
            // A text holds at most `bounds::TEXT_UNITS` units.
            return Ok(index as u32);
        }
        let text = self.string();
        let mut at = 0;
        for (points, c) in text.chars().enumerate() {
            let passed = if unit == TextUnit::CodePoint { points } else { at };
            match passed {
                _ if passed == index => break,
                _ if passed > index => return Err(OutOfText::Split),
                _ => at += c.len_utf16(),
            }
        }
        if unit == TextUnit::Utf16 && at > index { Err(OutOfText::Split) } else { Ok(at as u32) }
    }
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

    fn text(random: u128) -> Text {
        Text::new(Dot::new(ReplicaId::new(1, random), 1))
    }

    #[test]
    fn updates_applied_twice_change_nothing_and_orphans_are_told() {
        let mut left = text(1);
        let first = left.insert(0, "hello", TextUnit::Utf16).unwrap();
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

    #[test]
    fn positions_count_the_unit_asked_for() {
        let mut text = text(1);
        text.insert(0, "a😀b", TextUnit::Utf16).unwrap();
        assert_eq!((text.len(TextUnit::Utf16), text.len(TextUnit::CodePoint)), (4, 3));
        text.insert(2, "-", TextUnit::CodePoint).unwrap();
        assert_eq!(text.string(), "a😀-b");
        assert_eq!(text.insert(2, "x", TextUnit::Utf16), Err(OutOfText::Split));
        assert_eq!(text.delete(4, 2, TextUnit::CodePoint), Err(OutOfText::Beyond(4)));
    }

    #[test]
    fn a_compacted_text_stands_for_all_updates() {
        let mut left = text(1);
        for index in 0..100 {
            left.insert(index, "x", TextUnit::Utf16).unwrap();
        }
        let mut right = text(2);
        right.apply(&left.compacted().unwrap()).unwrap();
        assert_eq!(right.string(), left.string());
    }

    #[test]
    fn own_updates_pass_the_check_and_inflated_ones_do_not() {
        let mut left = text(1);
        let update = left.insert(0, "some text", TextUnit::Utf16).unwrap();
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
