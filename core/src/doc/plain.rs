//! Plain JSON and CBOR: what a document shows, for other programs, and their data into it.
//!
//! | in the document | in JSON |
//! |---|---|
//! | map | object; the root is one even when it is empty |
//! | register | its value: null, true, number, string, array, object |
//! | bytes, times, vectors, large integers, NaN | an object with one key that begins with `$`, see [`Value`] |
//! | counter, flag and the like | their number or truth |
//! | set | array, in the order of the encoding |
//! | text | string, without its attributes |
//!
//! CBOR is the same with its own forms for these values (RFC 8949; times tag 1, vectors tag 85 of RFC 8746).
//! Data that comes in is written as [`Doc::assign`] writes it: objects become maps that merge, all else registers. What was
//! a counter, a set or a text is a register then.

use super::Doc;
use super::transaction::EditError;
use crate::bytes::DecodeError;
use crate::crdt::{Path, Value};

/// Plain data was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlainError {
    /// The text is not JSON, or a tagged value in it is not one.
    #[error("line {line}, column {column}: {problem}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The bytes are not one CBOR item that a value stands for.
    #[error("byte {offset}: {error}")]
    Cbor {
        /// Up to where the bytes could be read.
        offset: usize,
        /// What is wrong there.
        error: DecodeError,
    },
    /// A value cannot be written at its place.
    #[error("at {path:?}: {error}")]
    Edit {
        /// Where.
        path: Path,
        /// Why.
        error: EditError,
    },
}

impl From<EditError> for PlainError {
    fn from(error: EditError) -> Self {
        PlainError::Edit { path: Path::root(), error }
    }
}

impl Doc {
    /// What is at and below a path as JSON, keys in order; `None` if there is nothing.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::Path, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// doc.transact(5, None, |doc| doc.import_json(&Path::root(), r#"{"a": {"b": [1, 2.5]}}"#))?;
    /// assert_eq!(doc.to_json(&Path::root()).as_deref(), Some(r#"{"a":{"b":[1,2.5]}}"#));
    /// # Ok::<(), syncline::doc::PlainError>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn to_json(&self, path: &Path) -> Option<String> {
        // A value has no keys but strings, so that nothing can fail.
        self.view(path).and_then(|value| serde_json::to_string(&value).ok())
    }

    /// Writes JSON at and below a path, inside a transaction.
    ///
    /// # Errors
    /// [`PlainError`], with the line and column or the path; roll the transaction back, because a part may be written.
    #[cfg(feature = "serde")]
    pub fn import_json(&mut self, path: &Path, json: &str) -> Result<(), PlainError> {
        let value: Value = serde_json::from_str(json).map_err(|error| PlainError::Json {
            line: error.line(),
            column: error.column(),
            problem: without_place(&error.to_string()),
        })?;
        self.import_value(path, value)
    }

    /// What is at and below a path as deterministic CBOR; `None` if there is nothing.
    pub fn to_cbor(&self, path: &Path) -> Option<Vec<u8>> {
        self.view(path).map(|value| value.to_cbor())
    }

    /// Writes CBOR at and below a path, inside a transaction.
    ///
    /// # Errors
    /// [`PlainError`], with the byte or the path; roll the transaction back, because a part may be written.
    pub fn import_cbor(&mut self, path: &Path, cbor: &[u8]) -> Result<(), PlainError> {
        let value = Value::read_cbor(cbor).map_err(|(error, offset)| PlainError::Cbor { offset, error })?;
        self.import_value(path, value)
    }

    /// Writes a value at and below a path, inside a transaction: [`Doc::assign`], with the path of what cannot be written.
    ///
    /// # Errors
    /// [`PlainError::Edit`]; roll the transaction back, because a part may be written.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::{Doc, PlainError}};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let late = Value::Map([("late".into(), Value::Timestamp(1 << 60))].into());
    /// let refused = doc.transact(5, None, |doc| doc.import_value(&Path::root().child("a"), late));
    /// assert!(matches!(refused, Err(PlainError::Edit { path, .. }) if path.segments() == ["a", "late"]));
    /// ```
    pub fn import_value(&mut self, path: &Path, value: Value) -> Result<(), PlainError> {
        match value {
            Value::Map(entries) if !entries.is_empty() => {
                entries.into_iter().try_for_each(|(key, value)| self.import_value(&path.child(&key), value))
            }
            value => self.assign(path, value).map_err(|error| PlainError::Edit { path: path.clone(), error }),
        }
    }
}

/// The message alone: the parser appends the place, which the error has in fields.
#[cfg(feature = "serde")]
fn without_place(message: &str) -> String {
    message.rfind(" at line ").map_or(message, |at| &message[..at]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ReplicaId;
    #[cfg(feature = "serde")]
    use crate::crdt::ValueError;

    #[cfg(feature = "serde")]
    fn import(doc: &mut Doc, json: &str) -> Result<(), PlainError> {
        doc.transact(5, None, |doc| doc.import_json(&Path::root(), json))
    }

    #[cfg(feature = "serde")]
    #[test]
    fn what_comes_in_goes_out_again() {
        let mut doc = Doc::new(ReplicaId::new(1, 1));
        let json = concat!(
            r#"{"a":{"":null,"b":[true,{"c":-0.5}]},"big":{"$int":"9223372036854775807"},"empty":{},"#,
            r#""raw":{"$bytes":"AP8="},"t":{"$timestamp":5},"v":{"$vector":[0.5]}}"#
        );
        import(&mut doc, json).unwrap();
        assert_eq!(doc.to_json(&Path::root()).as_deref(), Some(json));
        let mut other = Doc::new(ReplicaId::new(1, 2));
        let cbor = doc.to_cbor(&Path::root()).unwrap();
        other.transact(5, None, |other| other.import_cbor(&Path::root(), &cbor)).unwrap();
        assert_eq!(other.view(&Path::root()), doc.view(&Path::root()));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn refusals_name_the_place_and_change_nothing() {
        let mut doc = Doc::new(ReplicaId::new(1, 1));
        let broken = import(&mut doc, "{\"a\": 1,\n \"b\": tru}");
        assert!(matches!(broken, Err(PlainError::Json { line: 2, column: 10, .. })), "{broken:?}");
        let path = Path::from_segments(["a", "late"]);
        let error = EditError::Value(ValueError::Timestamp(1 << 60));
        let late = import(&mut doc, "{\"a\": {\"early\": 1, \"late\": {\"$timestamp\": 1152921504606846976}}}");
        assert_eq!(late, Err(PlainError::Edit { path, error }));
        let root = Err(PlainError::Edit { path: Path::root(), error: EditError::Root("value") });
        assert_eq!(import(&mut doc, "[1]"), root);
        assert!(import(&mut doc, &"[".repeat(100_000)).is_err());
        assert!(doc.is_empty());
    }

    #[test]
    fn damaged_cbor_names_the_byte() {
        let mut doc = Doc::new(ReplicaId::new(1, 1));
        let cut = doc.transact(5, None, |doc| doc.import_cbor(&Path::root(), &[0xa1, 0x61, b'a', 0x82, 1]));
        assert_eq!(cut, Err(PlainError::Cbor { offset: 4, error: DecodeError::Range("value") }));
        let trailing = doc.transact(5, None, |doc| doc.import_cbor(&Path::root(), &[0xa0, 0]));
        assert_eq!(trailing, Err(PlainError::Cbor { offset: 1, error: DecodeError::Trailing(1) }));
    }
}
