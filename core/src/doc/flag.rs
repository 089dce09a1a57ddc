//! Flags in a document.

use super::leaf::dots;
use super::state::State;
use super::{Doc, EditError};
use crate::crdt::{FlagKind, Key, Kind, Path, any_true, true_and_no_false, truth_payload};

impl Doc {
    /// Sets the flag at a path to true or false.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{FlagKind, Path}, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let done = Path::from_segments(["tasks", "one", "done"]);
    /// doc.transact(5, None, |doc| doc.flag_set(&done, FlagKind::EnableWins, true))?;
    /// assert!(doc.flag(&done, FlagKind::EnableWins));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn flag_set(&mut self, path: &Path, kind: FlagKind, truth: bool) -> Result<(), EditError> {
        self.named(path, "flag")?;
        self.put(Key::new(path, kind.leaf()), truth_payload(truth))
    }

    /// The flag at a path; false if it was never set.
    pub fn flag(&self, path: &Path, kind: FlagKind) -> bool {
        truth(&self.state, &Key::new(path, kind.leaf()))
    }

    /// What [`Doc::view`] shows of the flags at a path: the enable-wins one if both are there.
    pub(super) fn flag_shown(&self, path: &Path) -> bool {
        let key = Key::new(path, Kind::ENABLE_WINS);
        if self.state.leaves.contains(&key) { truth(&self.state, &key) } else { self.flag(path, FlagKind::DisableWins) }
    }
}

/// Reads the leaf of a flag.
pub(super) fn truth(state: &State, key: &Key) -> bool {
    let payloads = dots(state, key).iter().map(|entry| &*entry.payload);
    if key.kind() == Kind::ENABLE_WINS { any_true(payloads) } else { true_and_no_false(payloads) }
}
