//! Keys of leaves: a path and a kind.
//!
//! The kind says how the live dots of a leaf (its *siblings*) merge when they are read. One kind has one rule, so replicas
//! of any language and version agree on what they show. This table is part of the format:
//!
//! | kind | leaf | behind the kind byte | payload of a dot | rule over the live dots |
//! |---|---|---|---|---|
//! | 0 | subtree (delete records only) | | none | |
//! | 1 | register | | CBOR value, or `undefined` (0xf7) for a removal mark | by the [`Policy`](super::Policy) of the path |
//! | 2 | counter | | an increment, a fold or a reset | sum |
//! | 3 | add-wins set, one element | CBOR of the element | empty | contained while a dot lives |
//! | 4 | text | | yrs update, version 1 | the updates merged |
//! | 5 | map that exists though empty | | CBOR null | exists while a dot lives |
//! | 6 | enable-wins flag | | CBOR bool | true if any dot is true |
//! | 7 | remove-wins set, one element | CBOR of the element | CBOR bool: added or removed | contained if a dot is true and none is false |
//! | 8 | last-writer-wins set, one element | CBOR of the element | CBOR bool | contained if the newest dot is true |
//! | 9 | grow-only set, one element | CBOR of the element | empty | contained while a dot lives |
//! | 10 | two-phase set, one element | CBOR of the element | CBOR bool | contained if a dot is true and none is false |
//! | 11 | disable-wins flag | | CBOR bool | true if a dot is true and none is false |
//! | 12 | one item of a list | item id: 16 bytes of replica, then its number without leading zeros | `[position, value]`, or `[position, which, time, replica, number, value]` with the stamp of the older part: 0 position, 1 value | newest position, newest value |
//! | 13 | bounded counter | nothing for the bound, else 16 bytes of replica for its row | CBOR integer, else `[minted, used, {replica: given}]` | bound: last writer; row: largest of each field |
//! | 14 | what is said about the document, at the root only | encoded path for its policy, or 0x01 and 16 bytes of replica for its source | CBOR list of texts: a policy's name and what belongs to it; or CBOR text | last writer; no subtree delete reaches it |
//! | 15 | kept for later | | | carried along untouched |
//!
//! *Newest* and *last writer* compare (hybrid time, replica, number) of dots. A payload that is not of its form counts as
//! nothing. A write to a leaf replaces the dots it has seen, and a delete removes the dots it has seen.

use super::path::{SEPARATOR, path_len, separators};
use super::{Path, Value};
use crate::bounds;
use crate::bytes::{DecodeError, SmallBytes};

/// The kind of a leaf, or of what a delete covers.
///
/// Kinds that this build does not know are carried along untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub(crate) u8);

impl Kind {
    /// Stands behind every kind.
    pub(crate) const END: Kind = Kind(0x7f);

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
    /// A flag whose concurrent enabling wins.
    pub const ENABLE_WINS: Kind = Kind(6);
    /// One element of a set whose removal wins.
    pub const REMOVE_WINS: Kind = Kind(7);
    /// One element of a set whose last writer wins.
    pub const LAST_WRITER: Kind = Kind(8);
    /// One element of a set that only grows.
    pub const GROW_ONLY: Kind = Kind(9);
    /// One element of a set whose removal is final.
    pub const TWO_PHASE: Kind = Kind(10);
    /// A flag whose concurrent disabling wins.
    pub const DISABLE_WINS: Kind = Kind(11);
    /// One item of a list; its id is part of the key.
    pub const ITEM: Kind = Kind(12);
    /// A bounded counter: its bound, or the row of one replica.
    pub const BOUNDED: Kind = Kind(13);
    /// What is said about the document: policies and sources.
    pub const ABOUT: Kind = Kind(14);

    const LAST: u8 = 15;

    /// Whether keys of this kind carry something behind the kind byte. Kinds unknown to this build may.
    pub fn has_rest(self) -> bool {
        !matches!(self.0, 0 | 1 | 2 | 4 | 5 | 6 | 11)
    }

    /// Whether a leaf of this kind is one element of a set.
    pub fn is_element(self) -> bool {
        matches!(self.0, 3 | 7..=10)
    }

    /// Whether what stands behind the kind byte can be from a document.
    fn fits(self, path: &[u8], rest: &[u8]) -> bool {
        match self {
            Kind::ITEM => (17..=24).contains(&rest.len()) && rest[16] != 0,
            Kind::BOUNDED => matches!(rest.len(), 0 | 16),
            Kind::ABOUT => path.is_empty() && about_fits(rest),
            Kind(15) => true,
            _ => self.has_rest() != rest.is_empty(),
        }
    }
}

/// An encoded path, or 1 and a replica.
fn about_fits(rest: &[u8]) -> bool {
    match rest {
        [1, replica @ ..] => replica.len() == 16,
        path => std::str::from_utf8(path).is_ok_and(|path| Path::parse(path).is_ok()),
    }
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
        Self::member(path, Kind::ELEMENT, element)
    }

    /// The key of one element of a set of any kind.
    pub(crate) fn member(path: &Path, kind: Kind, element: &Value) -> Self {
        let whole = match element {
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(Value::Int(*number as i64)),
            _ => None,
        };
        let encoded = whole.as_ref().unwrap_or(element).to_cbor();
        Self::assemble(path.as_str().as_bytes(), kind, &encoded)
    }

    /// The first key of the subtree at `path`; also the key of a delete record for all of it.
    pub fn tree(path: &Path) -> Self {
        Self::new(path, Kind::TREE)
    }

    /// The end (exclusive) of the subtree that begins with [`Key::tree`] of `path`.
    pub fn tree_end(path: &Path) -> Self {
        Self::assemble(path.as_str().as_bytes(), Kind::END, &[])
    }

    /// Takes a key from untrusted bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if the path, the kind or the length is not one that a document makes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::check(SmallBytes::new(bytes))
    }

    /// As [`Key::parse`], for bytes that are at hand.
    pub(crate) fn check(bytes: SmallBytes) -> Result<Self, DecodeError> {
        if bytes.len() > 2 * bounds::PATH_BYTES {
            return Err(DecodeError::TooLarge { what: "key", limit: 2 * bounds::PATH_BYTES });
        }
        let end = path_len(&bytes).ok_or(DecodeError::Range("path"))?;
        check_path(&bytes[..end])?;
        match bytes[end..] {
            [0, kind, ref rest @ ..] if kind <= Kind::LAST => match Kind(kind).fits(&bytes[..end], rest) {
                true => Ok(Key(bytes.clone())),
                false => Err(DecodeError::Range("key")),
            },
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
        kind.is_element().then(|| Value::from_cbor(rest).ok()).flatten()
    }

    /// The bytes; their order is the order of keys.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn assemble(path: &[u8], kind: Kind, rest: &[u8]) -> Self {
        Key(SmallBytes::concat(&[path, &[0, kind.0], rest]))
    }

    /// Whether the key is of a kind that carries nothing behind it.
    #[inline]
    pub(crate) fn is(&self, kind: Kind) -> bool {
        // The last byte says no to almost all others.
        self.0.last() == Some(&kind.0) && self.kind() == kind
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

fn check_path(path: &[u8]) -> Result<(), DecodeError> {
    std::str::from_utf8(path).map_err(|_| DecodeError::Range("path"))?;
    Path::check_encoded(path).map_err(|_| DecodeError::Range("path"))
}

/// A path that was checked once, for the keys of the many leaves that stand there.
#[derive(Debug, Default)]
pub(crate) struct Container {
    /// The path, and behind it room for what keys add.
    bytes: Vec<u8>,
    length: usize,
    depth: usize,
}

impl Container {
    /// Takes an encoded path from untrusted bytes.
    pub(crate) fn check(path: Vec<u8>) -> Result<Self, DecodeError> {
        if path_len(&path) != Some(path.len()) {
            return Err(DecodeError::Range("path"));
        }
        check_path(&path)?;
        Ok(Container { depth: separators(&path), length: path.len(), bytes: path })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The key of what stands here: `item` is what is behind the kind where the kind has such, else the last segment.
    pub(crate) fn key(&mut self, kind: Kind, item: &[u8]) -> Result<Key, DecodeError> {
        self.bytes.truncate(self.length);
        if kind.has_rest() {
            let sound = kind.0 <= Kind::LAST && self.length + 2 + item.len() <= 2 * bounds::PATH_BYTES;
            let sound = sound && kind.fits(&self.bytes, item);
            return if sound { Ok(Key::assemble(&self.bytes, kind, item)) } else { Err(DecodeError::Range("key")) };
        }
        self.bytes.extend_from_slice(SEPARATOR.as_bytes());
        self.bytes.extend_from_slice(item);
        // Almost all names have nothing to escape, and then there is little left to check.
        let plain = !item.contains(&0) && self.depth < bounds::DEPTH && self.bytes.len() <= bounds::PATH_BYTES;
        let plain = plain && (item.is_ascii() || std::str::from_utf8(item).is_ok());
        self.bytes.extend_from_slice(&[0, kind.0]);
        let bytes = SmallBytes::new(&self.bytes);
        if plain { Ok(Key(bytes)) } else { Key::check(bytes) }
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
        let about = [&Key::assemble(b"", Kind::ABOUT, b"\0\x10a"), &Key::assemble(b"", Kind::ABOUT, &[1; 17])];
        let others =
            [&Key::assemble(b"\0\x10l", Kind::ITEM, &[1; 18]), &Key::assemble(b"\0\x10b", Kind::BOUNDED, &[9; 16])];
        for key in about.into_iter().chain(others) {
            assert_eq!(Key::parse(key.as_bytes()).as_ref(), Ok(key));
        }
        for bytes in
            [&b"\0\x06x"[..], b"\0\x07", b"\0\x10b\0\x0dx", b"\0\x0ea", b"\0\x10a\0\x0e", b"\0\x10l\0\x0cshort"]
        {
            assert!(Key::parse(bytes).is_err(), "{bytes:?}");
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
