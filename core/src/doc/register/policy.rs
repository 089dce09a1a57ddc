//! Policies and sources: what is said about the document, kept at its root.

use super::super::leaf::{dots, newest};
use super::super::state::State;
use super::super::{Doc, EditError};
use crate::bounds;
use crate::clock::ReplicaId;
use crate::crdt::{Key, Kind, Path, Policy, Value, ValueError, last_separator};

impl Doc {
    /// Sets how concurrent values at a path and below it are resolved. The longest path that something is set for decides;
    /// of concurrent settings the last writer's counts. Deleting what is at the path leaves it in place.
    ///
    /// Values that read differently from now on do not show up as changes.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`ValueError::TooLarge`] beyond [`bounds::FIELD_BYTES`].
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Policy}, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let (votes, one) = (Path::from_segments(["votes"]), Path::from_segments(["votes", "one"]));
    /// doc.transact(5, None, |doc| doc.set_policy(&votes, &Policy::KeepAll))?;
    /// assert_eq!((doc.policy(&one), doc.policy(&Path::root())), (Policy::KeepAll, Policy::LastWriterWins));
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn set_policy(&mut self, path: &Path, policy: &Policy) -> Result<(), EditError> {
        path.check()?;
        self.put(about(path.as_str().as_bytes()), field(&policy.to_value())?)
    }

    /// Takes back what was set for exactly this path. Returns whether anything was.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn clear_policy(&mut self, path: &Path) -> Result<bool, EditError> {
        path.check()?;
        let key = about(path.as_str().as_bytes());
        if !self.state.leaves.contains(&key) {
            return self.open().map(|_| false);
        }
        self.clear_leaf(key).map(|()| true)
    }

    /// The policy that counts at a path.
    pub fn policy(&self, path: &Path) -> Policy {
        policy_at(&self.state, path.as_str().as_bytes())
    }

    /// Names the source of what this replica writes, such as a region, for [`Policy::SourcePriority`]. It is written along
    /// with the next transaction that writes anything.
    ///
    /// # Errors
    /// [`ValueError::TooLarge`] beyond [`bounds::FIELD_BYTES`].
    pub fn set_source(&mut self, name: &str) -> Result<(), EditError> {
        self.source = Some(field(&Value::Str(name.to_owned()))?);
        Ok(())
    }

    /// The source that a replica has named.
    pub fn source(&self, replica: ReplicaId) -> Option<String> {
        source_of(&self.state, &replica)
    }

    /// Writes the source along with what the open transaction has written.
    pub(in super::super) fn write_source(&mut self) -> Result<(), EditError> {
        let Some(open) = &self.transaction else { return Ok(()) };
        if self.state.writers[open.writer as usize].seq < open.first {
            return Ok(());
        }
        let Some(source) = self.source.take() else { return Ok(()) };
        let key = about(&source_rest(&self.state.writers[open.writer as usize].id));
        if dots(&self.state, &key).iter().any(|entry| *entry.payload == *source) {
            return Ok(());
        }
        let put = self.put(key, source.clone());
        if put.is_err() {
            self.source = Some(source);
        }
        put
    }

    /// The keys among these whose deletion leaves a mark.
    pub(in super::super) fn to_be_marked(&self, keys: &[Key]) -> Vec<Key> {
        if !self.state.leaves.say_something() {
            return Vec::new();
        }
        let marked =
            |key: &&Key| key.kind() == Kind::REGISTER && policy_at(&self.state, key.path_bytes()) == Policy::RemoveWins;
        keys.iter().filter(marked).cloned().collect()
    }
}

fn field(value: &Value) -> Result<Vec<u8>, EditError> {
    let bytes = value.checked_cbor()?;
    if bytes.len() > bounds::FIELD_BYTES { Err(ValueError::TooLarge(bytes.len()).into()) } else { Ok(bytes) }
}

/// The key of the policy of an encoded path, or of the source of a replica.
fn about(rest: &[u8]) -> Key {
    Key::assemble(&[], Kind::ABOUT, rest)
}

fn source_rest(replica: &ReplicaId) -> [u8; 17] {
    let mut rest = [1; 17];
    rest[1..].copy_from_slice(replica.as_bytes());
    rest
}

fn said(state: &State, rest: &[u8]) -> Option<Value> {
    let key = about(rest);
    let newest = newest(state, dots(state, &key))?;
    Some(Value::from_cbor(&newest.payload).unwrap_or_default())
}

/// The policy that counts at an encoded path.
pub(super) fn policy_at(state: &State, path: &[u8]) -> Policy {
    if !state.leaves.say_something() {
        return Policy::LastWriterWins;
    }
    let mut prefix = path;
    loop {
        if let Some(value) = said(state, prefix) {
            return Policy::from_value(value);
        }
        match last_separator(prefix) {
            Some(at) => prefix = &prefix[..at],
            None => return Policy::LastWriterWins,
        }
    }
}

pub(super) fn source_of(state: &State, replica: &ReplicaId) -> Option<String> {
    match said(state, &source_rest(replica))? {
        Value::Str(name) => Some(name),
        _ => None,
    }
}
