//! Change events: what became different, for those who watch.

use super::Doc;
use super::bounded::bounded_value;
use super::counter::counter_sum;
use super::flag::truth;
use super::leaf::shows;
use super::list::{item_change, item_path};
use super::state::State;
use crate::assoc::Table;
use crate::bounds;
use crate::clock::ReplicaId;
use crate::crdt::{ContainerKind, Key, Kind, Path, Value};
use std::collections::BTreeMap;

/// One place whose value became different.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where. For an item of a list: the path of the list, then the item's id.
    pub path: Path,
    /// What stands there.
    pub kind: ContainerKind,
    /// Who made the change; the last one, if several came together.
    pub by: ReplicaId,
    /// How it came here.
    pub origin: Origin,
    /// The value before. For a set: the element, if it was removed. For a list: the item's; the same as now if it was
    /// moved. For a text: `None`.
    pub old: Option<Value>,
    /// The value now. For a set: the element, if it was added. For a text: `None`.
    pub new: Option<Value>,
    /// For a text, what to do to the old one, in this order.
    pub splices: Vec<Splice>,
}

/// How a change came to this replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A transaction here, with the name it was given.
    Local(Option<String>),
    /// Bytes that the application imported.
    Import,
    /// A link.
    Link,
}

/// An edit of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Where, in UTF-16 code units.
    pub index: usize,
    /// How much is deleted there, in UTF-16 code units.
    pub delete: usize,
    /// What is inserted there.
    pub insert: String,
    /// `index` and `delete`, in code points.
    pub points: (usize, usize),
}

/// Collects what is touched until the touching is over.
#[derive(Default)]
pub(super) struct Observer {
    on: bool,
    /// In the order of the first touch; a key may stand here twice, then the first counts.
    touched: Vec<(Key, Touched)>,
    changes: Vec<Change>,
    lost: u64,
}

struct Touched {
    before: Option<Value>,
    by: ReplicaId,
}

impl Doc {
    /// Collects change events from now on, or stops doing so. Off at first, because it costs a read for each write.
    pub fn observe(&mut self, on: bool) {
        self.observer.on = on;
    }

    /// Takes the events of what was committed or joined since the last call, in the order of commits and joins.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// doc.observe(true);
    /// doc.transact(5, None, |doc| doc.set(&Path::root().child("a"), Value::Int(1)))?;
    /// let changes = doc.take_changes();
    /// assert_eq!((changes[0].old.clone(), changes[0].new.clone()), (None, Some(Value::Int(1))));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.observer.changes)
    }

    /// The number of events dropped because nobody took them, see [`bounds::CHANGES`].
    pub fn lost_changes(&self) -> u64 {
        self.observer.lost
    }

    /// Whether somebody watches.
    pub(super) fn observing(&self) -> bool {
        self.observer.on
    }

    /// Remembers the value of a leaf before it is changed by `by`.
    pub(super) fn touch(&mut self, key: &Key, by: ReplicaId) {
        self.lists.touch(&self.state, key);
        if !self.observer.on {
            return;
        }
        self.touch_register(key);
        if let Some((_, last)) = self.observer.touched.last_mut().filter(|(last, _)| last == key) {
            last.by = by;
            return;
        }
        let before = self.leaf_value(key);
        self.observer.touched.push((key.clone(), Touched { before, by }));
    }

    /// Turns what was touched into events.
    pub(super) fn emit_changes(&mut self, origin: &Origin) {
        self.emit_conflicts();
        let touched = std::mem::take(&mut self.observer.touched);
        let mut again = vec![false; touched.len()];
        let mut first: Table<&[u8], u64> = Table::default();
        for (at, (key, _)) in (0..).zip(&touched) {
            again[at as usize] = *first.get_or_insert(key.as_bytes(), at) != at;
        }
        for ((key, touched), again) in touched.into_iter().zip(again) {
            if again {
                continue;
            }
            let after = self.leaf_value(&key);
            if let Some(change) = change(&key, touched, after, origin) {
                self.observer.changes.push(change);
            }
        }
        let excess = self.observer.changes.len().saturating_sub(bounds::CHANGES);
        self.observer.changes.drain(..excess);
        self.observer.lost += excess as u64;
    }

    pub(super) fn forget_touched(&mut self) {
        self.observer.touched.clear();
    }

    /// The value of one leaf as events show it.
    fn leaf_value(&mut self, key: &Key) -> Option<Value> {
        match key.kind() {
            #[cfg(feature = "text")]
            Kind::TEXT => self.state.leaves.contains(key).then(|| Value::Str(self.text_at(key))),
            Kind::REGISTER => self.register_value(key),
            _ => plain_value(&self.state, key),
        }
    }
}

/// The value of one leaf that is neither a text nor a register.
pub(super) fn plain_value(state: &State, key: &Key) -> Option<Value> {
    if key.kind() == Kind::BOUNDED {
        return bounded_value(state, key.path_bytes()).map(Value::Int);
    }
    let (_, leaf) = state.leaves.get(key)?;
    match key.kind() {
        Kind::COUNTER => Some(Value::Int(counter_sum(state, key))),
        Kind::MARKER => Some(Value::Map(BTreeMap::new())),
        Kind::ENABLE_WINS | Kind::DISABLE_WINS => Some(Value::Bool(truth(state, key))),
        Kind::ITEM => item_change(state, key),
        kind if kind.is_element() && shows(state, key, leaf.entries()) => key.element_value(),
        _ => None,
    }
}

fn change(key: &Key, touched: Touched, after: Option<Value>, origin: &Origin) -> Option<Change> {
    if touched.before == after {
        return None;
    }
    let kind = ContainerKind::of(key.kind())?;
    let text = kind == ContainerKind::Text;
    let string = |value: &Option<Value>| match value {
        Some(Value::Str(text)) => text.clone(),
        _ => String::new(),
    };
    let splices = if text { vec![difference(&string(&touched.before), &string(&after))] } else { Vec::new() };
    let (old, new) = match kind {
        ContainerKind::Text => (None, None),
        ContainerKind::List => (touched.before.and_then(second), after.and_then(second)),
        _ => (touched.before, after),
    };
    let path = if kind == ContainerKind::List { item_path(key) } else { key.path() };
    Some(Change { path, kind, by: touched.by, origin: origin.clone(), old, new, splices })
}

/// The value of an item, without its position.
fn second(item: Value) -> Option<Value> {
    match item {
        Value::List(mut parts) => parts.pop(),
        _ => None,
    }
}

/// The smallest single splice that makes `new` of `old`.
pub(super) fn difference(old: &str, new: &str) -> Splice {
    let prefix: usize = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let ((before, old_rest), (_, new_rest)) = (cut(old, prefix), cut(new, prefix));
    let suffix: usize =
        old_rest.chars().rev().zip(new_rest.chars().rev()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (deleted, inserted) = (cut(old_rest, old_rest.len() - suffix).0, cut(new_rest, new_rest.len() - suffix).0);
    let units = |text: &str| text.chars().map(char::len_utf16).sum();
    Splice {
        index: units(before),
        delete: units(deleted),
        insert: inserted.to_owned(),
        points: (before.chars().count(), deleted.chars().count()),
    }
}

/// Cuts between two characters.
fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_of_two_texts_is_one_splice_in_utf16_units() {
        let cases = [
            ("", "abc", (0, 0, "abc")),
            ("abc", "", (0, 3, "")),
            ("a😀b", "a😀xb", (3, 0, "x")),
            ("aaa", "aa", (2, 1, "")),
            ("one", "two", (0, 3, "two")),
        ];
        for (old, new, (index, delete, insert)) in cases {
            let splice = difference(old, new);
            assert_eq!((splice.index, splice.delete, &*splice.insert), (index, delete, insert), "{old} -> {new}");
        }
        assert_eq!(difference("a😀b", "a😀xb").points, (2, 0));
    }
}
