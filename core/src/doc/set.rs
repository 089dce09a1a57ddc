//! Sets of all kinds in a document. The methods without a kind are for add-wins sets.

use super::leaf::{dots, shows};
use super::{Doc, EditError};
use crate::bounds;
use crate::crdt::{Key, Kind, Path, SetKind, Value, ValueError, truth_payload};

impl Doc {
    /// Adds an element to the add-wins set at a path. Returns whether it was absent.
    ///
    /// # Errors
    /// As [`Doc::set_add_as`].
    pub fn set_add(&mut self, path: &Path, element: Value) -> Result<bool, EditError> {
        self.set_add_as(path, SetKind::AddWins, element)
    }

    /// Removes an element from the add-wins set at a path. Returns whether it was there.
    ///
    /// # Errors
    /// As [`Doc::set_remove_as`].
    pub fn set_remove(&mut self, path: &Path, element: &Value) -> Result<bool, EditError> {
        self.set_remove_as(path, SetKind::AddWins, element)
    }

    /// Whether the add-wins set at a path has an element.
    pub fn set_contains(&self, path: &Path, element: &Value) -> bool {
        self.set_contains_as(path, SetKind::AddWins, element)
    }

    /// The elements of the add-wins set at a path, in the order of their encoding.
    pub fn set_elements(&self, path: &Path) -> Vec<Value> {
        self.set_elements_as(path, SetKind::AddWins)
    }

    /// Number of elements of the add-wins set at a path.
    pub fn set_len(&self, path: &Path) -> usize {
        self.set_len_as(path, SetKind::AddWins)
    }

    /// Adds an element to the set of a kind at a path. Returns whether it was absent.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`ValueError::TooLarge`] beyond [`bounds::PATH_BYTES`] for an element;
    /// [`EditError::Removed`] if a two-phase set has seen the element removed.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, SetKind}, doc::{Doc, EditError}};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let (banned, ada) = (Path::from_segments(["banned"]), "ada".into());
    /// doc.transact(5, None, |doc| {
    ///     doc.set_add_as(&banned, SetKind::TwoPhase, "ada".into())?;
    ///     doc.set_remove_as(&banned, SetKind::TwoPhase, &ada)
    /// })?;
    /// let again = doc.transact(6, None, |doc| doc.set_add_as(&banned, SetKind::TwoPhase, "ada".into()));
    /// assert_eq!(again, Err(EditError::Removed));
    /// # Ok::<(), EditError>(())
    /// ```
    pub fn set_add_as(&mut self, path: &Path, kind: SetKind, element: Value) -> Result<bool, EditError> {
        path.check()?;
        let bytes = element.checked_cbor()?.len();
        if bytes > bounds::PATH_BYTES - 2 {
            return Err(ValueError::TooLarge(bytes).into());
        }
        let key = Key::member(path, kind.leaf(), &element);
        let contained = self.element_shows(&key);
        match kind {
            // A second add would change nothing, now or later.
            SetKind::GrowOnly | SetKind::TwoPhase if contained => return self.open().map(|_| false),
            SetKind::TwoPhase if self.state.leaves.contains(&key) => return Err(EditError::Removed),
            _ => {}
        }
        self.put(key, if kind.keeps_removals() { truth_payload(true) } else { Vec::new() })?;
        Ok(!contained)
    }

    /// Removes an element from the set of a kind at a path. Returns whether it was there; what was not there is not
    /// removed, not even from concurrent adds.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`EditError::GrowOnly`] for a set that only grows.
    pub fn set_remove_as(&mut self, path: &Path, kind: SetKind, element: &Value) -> Result<bool, EditError> {
        path.check()?;
        if kind == SetKind::GrowOnly {
            return Err(EditError::GrowOnly);
        }
        let key = Key::member(path, kind.leaf(), element);
        if !self.element_shows(&key) {
            return self.open().map(|_| false);
        }
        if kind.keeps_removals() {
            self.put(key, truth_payload(false))?
        } else {
            self.clear_leaf(key)?
        }
        Ok(true)
    }

    /// Whether the set of a kind at a path has an element.
    pub fn set_contains_as(&self, path: &Path, kind: SetKind, element: &Value) -> bool {
        self.element_shows(&Key::member(path, kind.leaf(), element))
    }

    /// The elements of the set of a kind at a path, in the order of their encoding.
    pub fn set_elements_as(&self, path: &Path, kind: SetKind) -> Vec<Value> {
        self.elements(path, kind.leaf()).filter_map(|key| key.element_value()).collect()
    }

    /// Number of elements of the set of a kind at a path.
    pub fn set_len_as(&self, path: &Path, kind: SetKind) -> usize {
        self.elements(path, kind.leaf()).count()
    }

    /// What [`Doc::view`] shows of the sets at a path: the first of [`SetKind::ALL`] that has elements.
    pub(super) fn set_shown(&self, path: &Path) -> Vec<Value> {
        let sets = SetKind::ALL.into_iter().map(|kind| self.set_elements_as(path, kind));
        sets.into_iter().find(|elements| !elements.is_empty()).unwrap_or_default()
    }

    fn element_shows(&self, key: &Key) -> bool {
        let entries = dots(&self.state, key);
        !entries.is_empty() && shows(&self.state, key, entries)
    }

    fn elements(&self, path: &Path, kind: Kind) -> impl Iterator<Item = &Key> {
        let end = |kind| Key::assemble(path.as_str().as_bytes(), kind, &[]);
        let leaves = self.state.leaves.range(end(kind), end(Kind(kind.0 + 1)));
        leaves.filter(|(key, leaf)| shows(&self.state, key, leaf.entries())).map(|(key, _)| key)
    }
}
