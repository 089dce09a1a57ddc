//! Change events: what became different, for those who watch.

use super::Doc;
use super::bounded::bounded_value;
use super::checkpoint::Checkpoints;
use super::counter::counter_sum;
use super::flag::truth;
use super::leaf::shows;
use super::list::{item_change, item_path};
use super::state::{Entry, State};
use super::stream::Streams;
use crate::assoc::Table;
use crate::bounds;
use crate::clock::ReplicaId;
use crate::crdt::{ContainerKind, Key, Kind, Path, Splice, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Collects what is touched until the touching is over.
#[derive(Default)]
pub(super) struct Observer {
    /// Whether [`Doc::observe`] is on.
    all: bool,
    pub(super) streams: Streams,
    pub(super) checkpoints: Checkpoints,
    /// In the order of the first touch; a key may stand here twice, then the first counts.
    touched: Vec<(Key, Touched)>,
    changes: Vec<Change>,
    lost: u64,
}

/// A leaf before it was touched.
pub(super) struct Touched {
    before: Option<Value>,
    /// Whether somebody wants an event.
    shown: bool,
    /// The live dots, where undoing is on.
    pub(super) entries: Vec<Entry>,
    by: ReplicaId,
}

impl Observer {
    /// Whether nobody watches.
    fn is_quiet(&self) -> bool {
        !self.all && self.streams.is_empty() && self.checkpoints.is_empty()
    }
}

impl Doc {
    /// Collects change events from now on, or stops doing so. Off at first, because it costs a read for each write.
    pub fn observe(&mut self, on: bool) {
        self.observer.all = on;
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
        !self.observer.is_quiet()
    }

    /// Remembers the value of a leaf before it is changed by `by`.
    pub(super) fn touch(&mut self, key: &Key, by: ReplicaId) {
        self.lists.touch(&self.state, key);
        let undoing = self.undo.is_some() && self.in_transaction();
        if !self.observer.is_quiet() || undoing {
            self.note_before(key, by, undoing);
        }
    }

    fn note_before(&mut self, key: &Key, by: ReplicaId, undoing: bool) {
        if self.observer.all {
            self.touch_register(key);
        }
        if let Some((_, last)) = self.observer.touched.last_mut().filter(|(last, _)| last == key) {
            last.by = by;
            return;
        }
        let shown = self.observer.all || self.observer.streams.wants(key);
        let noted = self.observer.checkpoints.wants(key);
        if !shown && !noted && !undoing {
            return;
        }
        if noted {
            let value = self.shown(key);
            self.observer.checkpoints.note(key, value);
        }
        if undoing {
            self.note_undo_time();
        }
        let before = if shown { self.value_before(key) } else { None };
        let entries = self.state.leaves.get(key).filter(|_| undoing).map(|(_, leaf)| leaf.entries().to_vec());
        self.observer.touched.push((key.clone(), Touched { before, shown, entries: entries.unwrap_or_default(), by }));
    }

    /// Turns what was touched into events.
    pub(super) fn emit_changes(&mut self, origin: &Origin) {
        self.emit_conflicts();
        let touched = std::mem::take(&mut self.observer.touched);
        if touched.is_empty() {
            self.forget_touched();
            return;
        }
        let mut again = vec![false; touched.len()];
        let mut first: Table<&[u8], u64> = Table::default();
        for (at, (key, _)) in (0..).zip(&touched) {
            again[at as usize] = *first.get_or_insert(key.as_bytes(), at) != at;
        }
        let mut changes = Vec::new();
        for ((key, touched), again) in touched.iter().zip(&again) {
            if touched.shown && !again {
                changes.extend(self.change(key, touched, origin));
            }
        }
        self.remember(touched, &again, origin);
        self.deliver(changes);
    }

    pub(super) fn forget_touched(&mut self) {
        self.observer.touched.clear();
        if let Some(undo) = &mut self.undo {
            undo.forget_pending();
        }
        #[cfg(feature = "text")]
        {
            self.texts.unwatch_all();
            self.texts.dropped.iter_mut().for_each(Vec::clear);
        }
    }

    fn deliver(&mut self, changes: Vec<Change>) {
        if !self.observer.streams.is_empty() && !changes.is_empty() {
            let changes: Vec<Arc<Change>> = changes.iter().cloned().map(Arc::new).collect();
            self.observer.streams.push(&changes, &self.state);
        }
        if self.observer.all {
            let mut changes = changes;
            self.observer.changes.append(&mut changes);
            let excess = self.observer.changes.len().saturating_sub(bounds::CHANGES);
            self.observer.changes.drain(..excess);
            self.observer.lost += excess as u64;
        }
    }

    /// What events are to compare with; a text is watched instead.
    fn value_before(&mut self, key: &Key) -> Option<Value> {
        match key.kind() {
            #[cfg(feature = "text")]
            Kind::TEXT => {
                self.watch_text(key);
                None
            }
            _ => self.value_of(key),
        }
    }

    /// The value of one leaf that is not a text, as events compare it: an item of a list with its position.
    pub(super) fn value_of(&self, key: &Key) -> Option<Value> {
        if key.kind() == Kind::REGISTER { self.register_value(key) } else { plain_value(&self.state, key) }
    }

    fn change(&mut self, key: &Key, touched: &Touched, origin: &Origin) -> Option<Change> {
        let kind = ContainerKind::of(key.kind())?;
        #[cfg(feature = "text")]
        let splices = if key.kind() == Kind::TEXT { self.text_changes(key) } else { Vec::new() };
        #[cfg(not(feature = "text"))]
        let splices = Vec::new();
        let (old, new) = (touched.before.clone(), self.value_of(key));
        if old == new && splices.is_empty() {
            return None;
        }
        let (old, new) = (old.and_then(|value| bare(key, value)), new.and_then(|value| bare(key, value)));
        Some(Change { path: place_of(key), kind, by: touched.by, origin: origin.clone(), old, new, splices })
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

/// Where a leaf is for those who watch.
pub(super) fn place_of(key: &Key) -> Path {
    if key.kind() == Kind::ITEM { item_path(key) } else { key.path() }
}

/// The value of a leaf without what is only compared: of an item its position.
pub(super) fn bare(key: &Key, value: Value) -> Option<Value> {
    match value {
        Value::List(mut parts) if key.kind() == Kind::ITEM => parts.pop(),
        value => Some(value),
    }
}
