//! Reading: what concurrent dots amount to.

use super::Doc;
use super::change::plain_value;
use super::leaf::{dots, shows};
use crate::crdt::{ContainerKind, Key, Kind, Path, Value};
use std::collections::BTreeMap;

impl Doc {
    /// Whether anything is at or below a path.
    pub fn contains(&self, path: &Path) -> bool {
        if self.state.leaves.has_more(path.as_str().as_bytes()) {
            return self.first_from(&Key::tree(path), &Key::tree_end(path)).is_some();
        }
        let key = Key::new(path, Kind::REGISTER);
        let entries = dots(&self.state, &key);
        !entries.is_empty() && shows(&self.state, &key, entries)
    }

    /// The value of the counter at a path; 0 if nothing was counted.
    pub fn counter(&self, path: &Path) -> i64 {
        match plain_value(&self.state, &Key::new(path, Kind::COUNTER)) {
            Some(Value::Int(sum)) => sum,
            _ => 0,
        }
    }

    /// The names of what is below a path, sorted.
    pub fn keys(&self, path: &Path) -> Vec<String> {
        let mut names = Vec::new();
        self.each_child(path, |child| names.push(child.last().unwrap_or_default()));
        names
    }

    /// Number of names below a path.
    pub fn len(&self, path: &Path) -> usize {
        let mut count = 0;
        self.each_child(path, |_| count += 1);
        count
    }

    /// Whether nothing was ever written, or all of it deleted.
    pub fn is_empty(&self) -> bool {
        self.state.leaves.is_empty() || !self.contains(&Path::root())
    }

    /// What stands at a path. Of several kinds that concurrent writers put there, the first of list, map, set, text, counter,
    /// bounded counter, flag and register; the others stay readable by their own methods.
    pub fn kind(&self, path: &Path) -> Option<ContainerKind> {
        let (mut from, to) = (Key::tree(path), Key::tree_end(path));
        let mut found: Option<ContainerKind> = None;
        while let Some(key) = self.first_from(&from, &to) {
            let below = key.path_bytes().len() > path.as_str().len();
            let kind = if below { Some(ContainerKind::Map) } else { ContainerKind::of(key.kind()) };
            found = found.into_iter().chain(kind).min_by_key(|kind| kind.rank());
            if below {
                break;
            }
            // On to the next kind at this path, or to the first child.
            from = Key::assemble(path.as_str().as_bytes(), Kind(key.kind().0 + 1), &[]);
        }
        found
    }

    /// Everything at and below a path as one value: maps as maps, lists as lists, sets as lists in the order of their
    /// encoding, counters as integers, flags as truths, texts as strings. The root is a map even when it is empty.
    pub fn view(&self, path: &Path) -> Option<Value> {
        let kind = self.kind(path);
        match kind {
            None if path.as_str().is_empty() => Some(Value::Map(BTreeMap::new())),
            None => None,
            Some(ContainerKind::Map) => {
                let mut entries = BTreeMap::new();
                self.each_child(path, |child| {
                    if let Some(value) = self.view(&child) {
                        entries.insert(child.last().unwrap_or_default(), value);
                    }
                });
                Some(Value::Map(entries))
            }
            Some(ContainerKind::List) => Some(Value::List(self.list_shown(path))),
            Some(ContainerKind::Bounded) => Some(Value::Int(self.bounded(path))),
            Some(ContainerKind::Set) => Some(Value::List(self.set_shown(path))),
            Some(ContainerKind::Flag) => Some(Value::Bool(self.flag_shown(path))),
            Some(ContainerKind::Counter) => Some(Value::Int(self.counter(path))),
            Some(ContainerKind::Register) => self.get(path),
            #[cfg(feature = "text")]
            Some(ContainerKind::Text) => Some(Value::Str(self.text_once(&Key::new(path, Kind::TEXT)))),
            #[cfg(not(feature = "text"))]
            Some(ContainerKind::Text) => Some(Value::Null),
        }
    }

    /// Visits the paths of the children of `path`, skipping from each to the next whatever lies below it.
    fn each_child(&self, path: &Path, mut visit: impl FnMut(Path)) {
        let end = Key::tree_end(path);
        let depth = path.as_str().len();
        let mut from = Key::assemble(path.as_str().as_bytes(), Kind(0x10), &[]);
        while let Some(key) = self.first_from(&from, &end) {
            let child = key.path().ancestor_below(depth);
            from = Key::tree_end(&child);
            visit(child);
        }
    }
}
