//! Movable lists in a document.
//!
//! Each item is a leaf of its own: its id, which never changes, is part of the key, and its payload holds the position
//! and the value. What is nested in an item lies at the path of the list, followed by the item's id as text.

mod order;
#[cfg(test)]
mod tests;

use super::leaf::dots;
use super::state::State;
use super::{Doc, EditError};
use crate::crdt::{Item, Key, Kind, Path, Value, between, moved_item, new_item, set_item};
use order::Order;

pub(super) use order::Lists;

impl Doc {
    /// Inserts a value into the list at a path, at an index of at most the list's length. Returns the id of the item.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`EditError::OutOfList`] for an index beyond the end.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::Path, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let todo = Path::from_segments(["todo"]);
    /// doc.transact(5, None, |doc| {
    ///     doc.list_push(&todo, "bread".into())?;
    ///     doc.list_insert(&todo, 0, "milk".into())?;
    ///     doc.list_move(&todo, 0, 1)
    /// })?;
    /// assert_eq!(doc.list_values(&todo), ["bread".into(), "milk".into()]);
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn list_insert(&mut self, path: &Path, index: usize, value: Value) -> Result<String, EditError> {
        self.named(path, "list")?;
        let encoded = value.checked_cbor()?;
        let (writer, _) = self.open()?;
        let seq = self.state.writers[writer as usize].seq + 1;
        let position = self.position(path, index, None)?;
        let mut id = self.id.as_bytes().to_vec();
        id.extend(seq.to_be_bytes().iter().skip(seq.leading_zeros() as usize / 8));
        self.put(Key::assemble(path.as_str().as_bytes(), Kind::ITEM, &id), new_item(&position, &encoded))?;
        Ok(hex(&id))
    }

    /// Appends a value to the list at a path. Returns the id of the item.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn list_push(&mut self, path: &Path, value: Value) -> Result<String, EditError> {
        let end = self.list_len(path);
        self.list_insert(path, end, value)
    }

    /// Deletes the item at an index, with everything nested in it. If others move or set it at the same time, it stays.
    ///
    /// # Errors
    /// [`EditError`]; [`EditError::OutOfList`] if there is no such item, and then nothing is changed.
    pub fn list_delete(&mut self, path: &Path, index: usize) -> Result<(), EditError> {
        let key = self.item_key(path, index)?;
        self.delete(&path.child(&hex(key.split().2)))?;
        self.clear_leaf(key)
    }

    /// Moves the item at the index `from` to where it has the index `to` afterwards. Of concurrent moves of one item the
    /// last writer's counts, and a concurrent [`Doc::list_set`] of it counts beside it.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed; [`EditError::OutOfList`] if there is no such item or place.
    pub fn list_move(&mut self, path: &Path, from: usize, to: usize) -> Result<(), EditError> {
        let key = self.item_key(path, from)?;
        // One item fewer is left to be beside.
        if to >= self.list_len(path) {
            return Err(EditError::OutOfList(self.list_len(path)));
        }
        if from == to {
            return self.open().map(drop);
        }
        let position = self.position(path, to, Some(from))?;
        let payload = item_at(&self.state, &key).map(|item| moved_item(&position, &item));
        self.put(key, payload.unwrap_or_default())
    }

    /// Sets the value of the item at an index, in place of everything nested in it.
    ///
    /// # Errors
    /// [`EditError`]; [`EditError::OutOfList`] if there is no such item, and then nothing is changed.
    pub fn list_set(&mut self, path: &Path, index: usize, value: Value) -> Result<(), EditError> {
        let encoded = value.checked_cbor()?;
        let key = self.item_key(path, index)?;
        self.delete(&path.child(&hex(key.split().2)))?;
        let payload = item_at(&self.state, &key).map(|item| set_item(&encoded, &item));
        self.put(key, payload.unwrap_or_default())
    }

    /// The value of the item at an index of the list at a path.
    pub fn list_get(&mut self, path: &Path, index: usize) -> Option<Value> {
        let key = self.item_key_at(path, index)?;
        item_value(&self.state, &key)
    }

    /// Number of items of the list at a path.
    pub fn list_len(&mut self, path: &Path) -> usize {
        self.lists.get(&self.state, path.as_str().as_bytes()).len()
    }

    /// The values of the list at a path, without what is nested in its items; [`Doc::view`] shows that, too.
    pub fn list_values(&self, path: &Path) -> Vec<Value> {
        let order = Order::read(&self.state, path.as_str().as_bytes());
        let key = |(_, id): (&[u8], &[u8])| Key::assemble(path.as_str().as_bytes(), Kind::ITEM, id);
        order.iter().map(|item| item_value(&self.state, &key(item)).unwrap_or_default()).collect()
    }

    /// The ids of the items of the list at a path, in their order. What is nested in an item lies at its id as the next
    /// segment of the path.
    pub fn list_ids(&self, path: &Path) -> Vec<String> {
        let order = Order::read(&self.state, path.as_str().as_bytes());
        order.iter().map(|(_, id)| hex(id)).collect()
    }

    /// The index that the item with an id has now; `None` if it is not in the list.
    pub fn list_index(&mut self, path: &Path, id: &str) -> Option<usize> {
        let key = Key::assemble(path.as_str().as_bytes(), Kind::ITEM, &unhex(id)?);
        let position = item_at(&self.state, &key)?.position.to_vec();
        self.lists.get(&self.state, path.as_str().as_bytes()).index(&position, key.split().2)
    }

    /// What [`Doc::view`] shows of a list.
    pub(super) fn list_shown(&self, path: &Path) -> Vec<Value> {
        let mut values = self.list_values(path);
        let (below, end) = (Key::assemble(path.as_str().as_bytes(), Kind(0x10), &[]), Key::tree_end(path));
        if self.first_from(&below, &end).is_none() {
            return values;
        }
        for (value, id) in values.iter_mut().zip(self.list_ids(path)) {
            if let Some(nested) = self.view(&path.child(&id)) {
                *value = nested;
            }
        }
        values
    }

    fn item_key(&mut self, path: &Path, index: usize) -> Result<Key, EditError> {
        self.named(path, "list")?;
        self.open()?;
        match self.item_key_at(path, index) {
            Some(key) => Ok(key),
            None => Err(EditError::OutOfList(self.list_len(path))),
        }
    }

    fn item_key_at(&mut self, path: &Path, index: usize) -> Option<Key> {
        let order = self.lists.get(&self.state, path.as_str().as_bytes());
        order.at(index).map(|(_, id)| Key::assemble(path.as_str().as_bytes(), Kind::ITEM, id))
    }

    /// A new position at an index; `without` is an item that is about to leave its place.
    fn position(&mut self, path: &Path, index: usize, without: Option<usize>) -> Result<Vec<u8>, EditError> {
        let (writer, _) = self.open()?;
        let order = self.lists.get(&self.state, path.as_str().as_bytes());
        let actual = |index: usize| index + usize::from(without.is_some_and(|gone| gone <= index));
        let left = match index.checked_sub(1) {
            None => None,
            Some(before) => match order.at(actual(before)) {
                Some((position, _)) => Some(position),
                None => return Err(EditError::OutOfList(order.len())),
            },
        };
        // Two items have one position only if their writers' ids end alike: go behind all of them.
        let mut behind = (index..).map_while(|index| order.at(actual(index)));
        let right = behind.find(|(position, _)| left != Some(*position)).map(|(position, _)| position);
        let seq = self.state.writers[writer as usize].seq + 1;
        Ok(between(left, right, &self.id, seq))
    }
}

/// The keys of all items of the list at an encoded path.
fn item_keys<'a>(state: &'a State, path: &[u8]) -> impl Iterator<Item = &'a Key> {
    let end = |kind| Key::assemble(path, kind, &[]);
    state.leaves.range(end(Kind::ITEM), end(Kind::BOUNDED)).map(|(key, _)| key)
}

/// What the dots of an item amount to.
fn item_at<'a>(state: &'a State, key: &Key) -> Option<Item<'a>> {
    Item::merge(dots(state, key).iter().map(|entry| (state.stamp(entry), &*entry.payload)))
}

fn item_value(state: &State, key: &Key) -> Option<Value> {
    item_at(state, key).map(|item| Value::from_cbor(item.value).unwrap_or_default())
}

/// Position and value of an item, as change events compare them.
pub(super) fn item_change(state: &State, key: &Key) -> Option<Value> {
    let position = item_at(state, key)?.position.to_vec();
    Some(Value::List(vec![Value::Bytes(position), item_value(state, key)?]))
}

/// The place of an item, where what is nested in it lies, too.
pub(super) fn item_path(key: &Key) -> Path {
    key.path().child(&hex(key.split().2))
}

fn hex(id: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |letter: u8| char::from(letter).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}
