//! Going back to an earlier state by writing it again: an edit like any other, so that all replicas come to it, and what
//! they write meanwhile merges with it.
//!
//! As undoing, it never looks into a payload: a leaf that differs gets the payloads that it had. Counters are counted, and
//! a text that is still there is edited, so that what others type into it at the same time stays. A text that is gone gets
//! its updates back under the same numbers of characters, so that edits of it from elsewhere still find their place.

use super::Doc;
use super::counter::counter_sum;
use super::leaf::{dots, shows};
use super::state::{Entry, State};
use super::transaction::EditError;
use crate::assoc::sort_by_numbers;
use crate::bytes::SmallBytes;
use crate::crdt::{Key, Kind, Path, UNDEFINED};

impl Doc {
    /// Writes, in a transaction, what it takes for this document to show at and below `path` what `old` shows there. `old`
    /// is an earlier state of it. Returns the number of leaves that were written.
    ///
    /// What only grows, is removed for good or hands out rights stays as it is where it is still there: grow-only and
    /// two-phase sets, bounded counters. Policies stay too.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let (mut doc, place) = (Doc::new(ReplicaId::new(1, 1)), Path::root().child("a"));
    /// doc.transact(1_000, None, |doc| doc.set(&place, Value::Int(1)))?;
    /// let mut old = Doc::new(ReplicaId::new(1, 2));
    /// old.import(&doc.export())?;
    /// doc.transact(2_000, None, |doc| doc.delete(&place))?;
    /// assert_eq!(doc.rewind(3_000, Some("restore"), &Path::root(), &mut old)?, 1);
    /// assert_eq!(doc.get(&place), Some(Value::Int(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rewind(
        &mut self,
        now_ms: u64,
        origin: Option<&str>,
        path: &Path,
        old: &mut Doc,
    ) -> Result<usize, EditError> {
        let below = path.as_str().as_bytes();
        let mut keys = self.state.leaves.keys_below(below);
        let here = keys.len();
        keys.extend(old.state.leaves.keys_below(below).into_iter().filter(|key| !self.state.leaves.contains(key)));
        let rights = |key: &&Key| key.kind() == Kind::BOUNDED;
        let mut bounded: Vec<Path> = keys[..here].iter().filter(rights).map(Key::path).collect();
        bounded.dedup();
        self.transact(now_ms, origin, |doc| {
            let mut written = 0;
            for key in &keys {
                let rights_are_out = key.kind() == Kind::BOUNDED && bounded.contains(&key.path());
                if !rights_are_out && doc.rewind_leaf(key, old)? {
                    written += 1;
                }
            }
            Ok(written)
        })
    }

    /// Returns whether anything was written.
    fn rewind_leaf(&mut self, key: &Key, old: &mut Doc) -> Result<bool, EditError> {
        let (here, there) = (dots(&self.state, key), dots(&old.state, key));
        match key.kind() {
            Kind::ABOUT => Ok(false),
            Kind::GROW_ONLY | Kind::TWO_PHASE | Kind::BOUNDED if !here.is_empty() => Ok(false),
            Kind::COUNTER if !there.is_empty() => {
                let missing = counter_sum(&old.state, key).saturating_sub(counter_sum(&self.state, key));
                let counts = missing != 0 || here.is_empty();
                if counts {
                    self.counter_add(&key.path(), missing)?;
                }
                Ok(counts)
            }
            #[cfg(feature = "text")]
            Kind::TEXT if !here.is_empty() && !there.is_empty() => self.rewind_text(key, old),
            _ => {
                let (now, before) = (payloads(&self.state, here), payloads(&old.state, there));
                if now == before {
                    return Ok(false);
                }
                match before.is_empty() {
                    true => self.take_away(key),
                    false => self.bring_back(key, before).map(|()| true),
                }
            }
        }
    }

    /// Deletes a leaf that was not there. Where removals win, a mark says so.
    fn take_away(&mut self, key: &Key) -> Result<bool, EditError> {
        if !shows(&self.state, key, dots(&self.state, key)) {
            return Ok(false);
        }
        match self.to_be_marked(std::slice::from_ref(key)).is_empty() {
            true => self.clear_leaf(key.clone())?,
            false => self.put(key.clone(), vec![UNDEFINED])?,
        }
        self.drop_text(key);
        Ok(true)
    }

    /// Writes the payloads of a leaf: the first replaces what is there, the others stand beside it.
    fn bring_back(&mut self, key: &Key, payloads: Vec<SmallBytes>) -> Result<(), EditError> {
        let one = std::slice::from_ref(key);
        for (at, payload) in payloads.into_iter().enumerate() {
            let replaced: &[Key] = if at > 0 { &[] } else { one };
            let records = if self.state.deletes.contains(key) { replaced } else { &[] };
            self.record(key.clone(), Some(payload), replaced, records)?;
        }
        self.drop_text(key);
        Ok(())
    }

    /// Edits a text to what it was.
    #[cfg(feature = "text")]
    fn rewind_text(&mut self, key: &Key, old: &mut Doc) -> Result<bool, EditError> {
        use crate::crdt::{TextUnit, difference};
        let path = key.path();
        let edits = difference(&self.runs_at(key), &old.runs_at(key));
        for edit in &edits {
            if edit.delete > 0 {
                self.text_delete(&path, edit.index, edit.delete, TextUnit::Utf16)?;
            }
            if !edit.insert.is_empty() {
                self.text_insert_with(&path, edit.index, &edit.insert, &edit.attributes, TextUnit::Utf16)?;
            }
        }
        Ok(!edits.is_empty())
    }
}

/// The payloads of dots in the order of their times: the last writer's comes last, so that it is the last again.
fn payloads(state: &State, entries: &[Entry]) -> Vec<SmallBytes> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sort_by_numbers(&mut sorted, |entry| (state.rank(entry.writer), entry.seq));
    sort_by_numbers(&mut sorted, |entry| (entry.hlc.as_u64(), 0));
    sorted.into_iter().map(|entry| entry.payload.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ReplicaId;
    use crate::crdt::{FlagKind, SetKind, Value};

    const NOW: u64 = 1_700_000_000_000;

    fn doc(number: u64) -> Doc {
        Doc::new(ReplicaId::new(NOW, number.into()))
    }

    fn copy(of: &Doc, number: u64) -> Doc {
        let mut copy = doc(number);
        copy.import(&of.export()).unwrap();
        copy
    }

    fn at(keys: &str) -> Path {
        Path::from_segments(keys.split('/'))
    }

    /// Something of each kind.
    fn filled() -> Doc {
        let mut doc = doc(1);
        doc.transact(NOW, None, |doc| {
            doc.set(&at("a/one"), Value::Int(1))?;
            doc.set(&at("a/two"), Value::Str("two".into()))?;
            doc.create_map(&at("empty"))?;
            doc.counter_add(&at("count"), 5)?;
            doc.flag_set(&at("flag"), FlagKind::EnableWins, true)?;
            doc.set_add(&at("set"), Value::Int(7))?;
            doc.set_add_as(&at("grows"), SetKind::GrowOnly, Value::Int(7))?;
            doc.bounded_create(&at("stock"), 0)?;
            doc.bounded_add(&at("stock"), 3)?;
            doc.list_insert(&at("list"), 0, Value::Int(1))?;
            doc.list_insert(&at("list"), 1, Value::Int(2)).map(drop)
        })
        .unwrap();
        doc
    }

    #[test]
    fn everything_comes_back_after_it_was_deleted_and_others_follow() {
        let mut doc = filled();
        let (mut old, mut other) = (copy(&doc, 2), copy(&doc, 3));
        let before = doc.to_json(&Path::root());
        for name in ["a", "empty", "count", "flag", "set", "grows", "stock", "list"] {
            doc.transact(NOW + 1, None, |doc| doc.delete(&at(name))).unwrap();
        }
        doc.transact(NOW + 2, None, |doc| doc.set(&at("new/deep"), Value::Int(9))).unwrap();
        assert!(doc.rewind(NOW + 3, None, &Path::root(), &mut old).unwrap() > 8);
        doc.check().unwrap();
        assert_eq!(doc.to_json(&Path::root()), before);
        assert_eq!(doc.rewind(NOW + 4, None, &Path::root(), &mut old).unwrap(), 0, "nothing is left to do");
        // One that was away writes, and comes to the same.
        other.transact(NOW + 2, None, |other| other.set(&at("a/three"), Value::Int(3))).unwrap();
        other.import(&doc.export_from(&other.version())).unwrap();
        doc.import(&other.export_from(&doc.version())).unwrap();
        assert_eq!(doc.digest(), other.digest());
        assert_eq!(doc.get(&at("a/three")), Some(Value::Int(3)));
        assert_eq!(doc.get(&at("a/one")), Some(Value::Int(1)));
    }

    #[test]
    fn values_counters_and_lists_that_changed_are_what_they_were() {
        let mut doc = filled();
        let mut old = copy(&doc, 2);
        let before = doc.to_json(&Path::root());
        doc.transact(NOW + 1, None, |doc| {
            doc.set(&at("a/one"), Value::Int(10))?;
            doc.counter_add(&at("count"), -9)?;
            doc.flag_set(&at("flag"), FlagKind::EnableWins, false)?;
            doc.set_add(&at("set"), Value::Int(8))?;
            doc.list_move(&at("list"), 0, 1)
        })
        .unwrap();
        doc.rewind(NOW + 2, None, &Path::root(), &mut old).unwrap();
        assert_eq!(doc.to_json(&Path::root()), before);
        assert_eq!(doc.counter(&at("count")), 5);
    }

    #[test]
    fn only_what_is_below_the_path_goes_back() {
        let mut doc = filled();
        let mut old = copy(&doc, 2);
        doc.transact(NOW + 1, None, |doc| {
            doc.delete(&at("a"))?;
            doc.counter_add(&at("count"), 1)
        })
        .unwrap();
        assert_eq!(doc.rewind(NOW + 2, None, &at("a"), &mut old).unwrap(), 2);
        assert_eq!((doc.counter(&at("count")), doc.get(&at("a/one"))), (6, Some(Value::Int(1))));
    }

    #[test]
    fn concurrent_values_come_back_as_such_with_the_same_winner() {
        let (mut one, mut two) = (doc(1), doc(2));
        one.transact(NOW, None, |doc| doc.set(&at("x"), Value::Int(1))).unwrap();
        two.transact(NOW + 5, None, |doc| doc.set(&at("x"), Value::Int(2))).unwrap();
        one.import(&two.export()).unwrap();
        let mut old = copy(&one, 3);
        one.transact(NOW + 6, None, |doc| doc.set(&at("x"), Value::Int(3))).unwrap();
        one.rewind(NOW + 7, None, &Path::root(), &mut old).unwrap();
        assert_eq!(one.get(&at("x")), Some(Value::Int(2)));
        assert_eq!(dots(&one.state, &Key::new(&at("x"), Kind::REGISTER)).len(), 2);
    }

    #[cfg(feature = "text")]
    #[test]
    fn a_text_goes_back_and_keeps_what_others_type_meanwhile() {
        use crate::crdt::TextUnit::Utf16;
        let mut doc = doc(1);
        doc.transact(NOW, None, |doc| doc.text_insert(&at("t"), 0, "hello world", Utf16)).unwrap();
        let (mut old, mut other) = (copy(&doc, 2), copy(&doc, 3));
        other.transact(NOW + 1, None, |other| other.text_insert(&at("t"), 11, "!", Utf16)).unwrap();
        doc.transact(NOW + 1, None, |doc| doc.text_delete(&at("t"), 0, 6, Utf16)).unwrap();
        doc.rewind(NOW + 2, None, &Path::root(), &mut old).unwrap();
        assert_eq!(doc.text(&at("t")), "hello world");
        // Deleted as a whole, it comes back as what it was, and the other's edit still finds its place.
        doc.transact(NOW + 3, None, |doc| doc.delete(&at("t"))).unwrap();
        doc.rewind(NOW + 4, None, &Path::root(), &mut old).unwrap();
        assert_eq!(doc.text(&at("t")), "hello world");
        doc.import(&other.export_from(&doc.version())).unwrap();
        other.import(&doc.export_from(&other.version())).unwrap();
        assert_eq!((doc.text(&at("t")), doc.digest()), ("hello world!".into(), other.digest()));
    }
}
