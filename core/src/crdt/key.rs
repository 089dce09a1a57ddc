//! Keys of leaves: a path and a kind.

use super::{Path, Value, path::path_len};
use crate::bounds;
use crate::bytes::{DecodeError, SmallBytes};

/// The kind of a leaf, or of what a delete covers.
///
/// Kinds that this build does not know are carried along untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub(crate) u8);

impl Kind {
    /// Everything at a path and below it: what a delete record covers, never a leaf.
    pub const TREE: Kind = Kind(0);
    /// One value.
    pub const REGISTER: Kind = Kind(1);
    /// Increments.
    pub const COUNTER: Kind = Kind(2);
    /// One element of a set; the element is part of the key.
    pub const ELEMENT: Kind = Kind(3);
    /// Updates of a text.
    pub const TEXT: Kind = Kind(4);
    /// Marks a map as existing though it may be empty.
    pub const MARKER: Kind = Kind(5);

    const LAST: u8 = 15;
}

/// The address of a leaf: an encoded [`Path`], then NUL and the kind, then the element for elements of sets.
///
/// The order of keys keeps every subtree together: all keys at and below a path lie between [`Key::tree`] of it and
/// [`Key::tree_end`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(SmallBytes);

impl Key {
    /// The key of the leaf of `kind` at `path`.
    pub fn new(path: &Path, kind: Kind) -> Self {
        Self::assemble(path.as_str().as_bytes(), kind, &[])
    }

    /// The key of one element of the set at `path`. Whole floats count as integers, so that 1 and 1.0 are one element.
    pub fn element(path: &Path, element: &Value) -> Self {
        let whole = match element {
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(Value::Int(*number as i64)),
            _ => None,
        };
        let encoded = whole.as_ref().unwrap_or(element).to_cbor();
        Self::assemble(path.as_str().as_bytes(), Kind::ELEMENT, &encoded)
    }

    /// The first key of the subtree at `path`; also the key of a delete record for all of it.
    pub fn tree(path: &Path) -> Self {
        Self::new(path, Kind::TREE)
    }

    /// The end (exclusive) of the subtree that begins with [`Key::tree`] of `path`.
    pub fn tree_end(path: &Path) -> Self {
        Self::assemble(path.as_str().as_bytes(), Kind(0x7f), &[])
    }

    /// Takes a key from untrusted bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if the path, the kind or the length is not one that a document makes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > 2 * bounds::PATH_BYTES {
            return Err(DecodeError::TooLarge { what: "key", limit: 2 * bounds::PATH_BYTES });
        }
        let end = path_len(bytes).ok_or(DecodeError::Range("path"))?;
        std::str::from_utf8(&bytes[..end]).map_err(|_| DecodeError::Range("path"))?;
        Path::from_encoded(&bytes[..end]).check().map_err(|_| DecodeError::Range("path"))?;
        match bytes[end..] {
            [0, kind, ref rest @ ..] if kind <= Kind::LAST => {
                let plain = kind <= Kind::MARKER.0 && kind != Kind::ELEMENT.0;
                if plain != rest.is_empty() && kind <= Kind::MARKER.0 {
                    return Err(DecodeError::Range("key"));
                }
                Ok(Key(SmallBytes::new(bytes)))
            }
            _ => Err(DecodeError::Range("kind")),
        }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        Kind(self.0[self.path_end() + 1])
    }

    /// The path.
    pub fn path(&self) -> Path {
        Path::from_encoded(self.path_bytes())
    }

    /// The element, for keys of elements; `None` for others and for damaged ones.
    pub fn element_value(&self) -> Option<Value> {
        let (_, kind, rest) = self.split();
        (kind == Kind::ELEMENT).then(|| Value::from_cbor(rest).ok()).flatten()
    }

    /// The bytes; their order is the order of keys.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn assemble(path: &[u8], kind: Kind, rest: &[u8]) -> Self {
        let mut stack = [0u8; 64];
        let length = path.len() + 2 + rest.len();
        if length <= stack.len() {
            stack[..path.len()].copy_from_slice(path);
            stack[path.len() + 1] = kind.0;
            stack[path.len() + 2..length].copy_from_slice(rest);
            return Key(SmallBytes::new(&stack[..length]));
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(&[0, kind.0]);
        bytes.extend_from_slice(rest);
        Key(SmallBytes::from(bytes))
    }

    /// Path bytes, kind, and the rest behind the kind.
    pub(crate) fn split(&self) -> (&[u8], Kind, &[u8]) {
        let end = self.path_end();
        (&self.0[..end], Kind(self.0[end + 1]), &self.0[end + 2..])
    }

    pub(crate) fn path_bytes(&self) -> &[u8] {
        &self.0[..self.path_end()]
    }

    fn path_end(&self) -> usize {
        // Keys are made by this module or checked by `parse`.
        path_len(&self.0).unwrap_or(0)
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_is_one_range_of_keys() {
        let path = Path::from_segments(["a"]);
        let (from, to) = (Key::tree(&path), Key::tree_end(&path));
        let inside = [
            Key::new(&path, Kind::REGISTER),
            Key::new(&path.child("x"), Kind::TEXT),
            Key::element(&path, &Value::Int(3)),
            Key::new(&path.child("\0"), Kind::COUNTER),
        ];
        let outside = [
            Key::new(&Path::from_segments(["a\0b"]), Kind::REGISTER),
            Key::new(&Path::from_segments(["ab"]), Kind::REGISTER),
            Key::new(&Path::root(), Kind::REGISTER),
        ];
        for key in &inside {
            assert!(from <= *key && *key < to, "{key:?}");
        }
        for key in &outside {
            assert!(*key < from || *key >= to, "{key:?}");
        }
    }

    #[test]
    fn keys_come_back_from_their_bytes() {
        let path = Path::from_segments(["a", ""]);
        for key in
            [Key::tree(&Path::root()), Key::new(&path, Kind::TEXT), Key::element(&path, &Value::Str("é\0".into()))]
        {
            assert_eq!(Key::parse(key.as_bytes()), Ok(key));
        }
        for bytes in [&b""[..], b"a", b"\0", b"\0\x10a", b"\0\x10a\0\x20", b"\0\x01x", b"\0\x03"] {
            assert!(Key::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn whole_floats_and_integers_are_one_element() {
        let root = Path::root();
        assert_eq!(Key::element(&root, &Value::Float(1.0)), Key::element(&root, &Value::Int(1)));
        assert_ne!(Key::element(&root, &Value::Bool(true)), Key::element(&root, &Value::Int(1)));
    }
}
