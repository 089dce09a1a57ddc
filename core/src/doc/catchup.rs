//! Net changes since a version: for those who missed events, or were not there.

use super::Doc;
use super::change::{bare, place_of};
use super::checkpoint::Shown;
use crate::assoc::{Table, order_of_keys};
use crate::clock::VersionVector;
use crate::crdt::{ContainerKind, Key, Kind, Path, Splice, Value};

/// What is different at one place between two versions, whatever happened in between.
#[derive(Clone, Debug, PartialEq)]
pub struct NetChange {
    /// Where.
    pub path: Path,
    /// What stands or stood there.
    pub kind: ContainerKind,
    /// The value before. For a set: the element, if it was removed. `None` from [`Doc::changes_since`], which does not
    /// know it, except for removed elements.
    pub old: Option<Value>,
    /// The value now, a text as a string; `None` if there is none. For a set: the element, if it is there.
    pub new: Option<Value>,
    /// From [`Doc::diff`] for a text: what makes the new one of the old one.
    pub splices: Vec<Splice>,
}

/// What a consumer does to go on from an older version: forget what is `removed`, then take over `changes`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatchUp {
    /// The version that this leads to: the next token.
    pub version: VersionVector,
    /// Places that were deleted with all that was at and below them. What is there again stands in `changes`.
    pub removed: Vec<Path>,
    /// Leaves that may have changed, with what they are now, in the order of paths.
    pub changes: Vec<NetChange>,
    /// Whether deletes since then are no longer known one by one: then `removed` is the whole document (or the part that
    /// was asked for) and `changes` lists all there is.
    pub complete: bool,
}

impl CatchUp {
    /// Keeps what concerns `path` and what is below it.
    pub(super) fn restrict(&mut self, path: &Path, keep: impl Fn(&NetChange) -> bool) {
        self.changes.retain(|change| change.path.is_within(path) && keep(change));
        self.removed.retain(|removed| removed.is_within(path) || path.is_within(removed));
        if self.removed.iter().any(|removed| path.is_within(removed)) {
            self.removed = vec![path.clone()];
        }
    }
}

impl Doc {
    /// The net changes since a version that this replica has seen, such as the token of a stream or what
    /// [`Doc::version`] once returned. Costs what changed, unless the deletes since then were pruned.
    ///
    /// What happened beyond this replica's own version is not known here and left out.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let (mut doc, place) = (Doc::new(ReplicaId::new(1, 1)), Path::root().child("a"));
    /// let token = doc.version();
    /// doc.transact(5, None, |doc| doc.set(&place, Value::Int(1)))?;
    /// doc.transact(6, None, |doc| doc.set(&place, Value::Int(2)))?;
    /// let catch_up = doc.changes_since(&token);
    /// assert_eq!(catch_up.changes.len(), 1);
    /// assert_eq!(catch_up.changes[0].new, Some(Value::Int(2)));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn changes_since(&mut self, since: &VersionVector) -> CatchUp {
        let complete = !self.state.floor().is_met_by(since);
        let mut catch_up = CatchUp { version: self.version(), complete, ..CatchUp::default() };
        let mut keys: Table<&[u8], u64> = Table::default();
        let mut gone: Vec<Path> = Vec::new();
        let all = (Key::tree(&Path::root()), Key::tree_end(&Path::root()));
        if complete {
            catch_up.removed.push(Path::root());
            for (key, _) in self.state.leaves.range(&all.0, &all.1) {
                keys.get_or_insert(key.as_bytes(), 0);
            }
        } else {
            for writer in &self.state.writers {
                for (_, place) in writer.log.beyond(since.get(&writer.id)) {
                    let key = self.state.key_at(place);
                    if key.kind() != Kind::TREE {
                        keys.get_or_insert(key.as_bytes(), 0);
                        continue;
                    }
                    gone.push(key.path());
                    for (below, _) in self.state.leaves.range(key, Key::tree_end(&key.path())) {
                        keys.get_or_insert(below.as_bytes(), 0);
                    }
                }
            }
        }
        let keys: Vec<Key> = keys.iter().filter_map(|(key, _)| Key::parse(key).ok()).collect();
        let places: Vec<&[u8]> = gone.iter().map(|path| path.as_str().as_bytes()).collect();
        // A place below one that is named already needs no name.
        for at in order_of_keys(&places) {
            let path = &gone[at as usize];
            if !catch_up.removed.last().is_some_and(|above| path.is_within(above)) {
                catch_up.removed.push(path.clone());
            }
        }
        for key in keys {
            catch_up.changes.extend(self.net_change(&key));
        }
        catch_up
    }

    fn net_change(&mut self, key: &Key) -> Option<NetChange> {
        let kind = ContainerKind::of(key.kind())?;
        let new = self.shown(key).and_then(Shown::into_value).and_then(|value| bare(key, value));
        let old = if new.is_none() { key.element_value() } else { None };
        Some(NetChange { path: place_of(key), kind, old, new, splices: Vec::new() })
    }
}
