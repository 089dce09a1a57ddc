//! Bounded counters in a document.

use super::leaf::{dots, newest};
use super::state::State;
use super::{Doc, EditError};
use crate::bytes::cbor::CborReader;
use crate::clock::ReplicaId;
use crate::crdt::{Key, Kind, Path, Row, Value};
use ciborium_ll::Header;

impl Doc {
    /// Makes a counter at a path that never falls below `bound`, where it starts. Of concurrent bounds the last writer's
    /// counts, and with it the value moves: set the bound once, where the counter is made.
    ///
    /// The rights to take away are in the hands of replicas. A replica that ends hands its rights on before
    /// ([`Doc::bounded_transfer`]), or its successor takes them over ([`Doc::bounded_adopt`]).
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::Path, doc::{Doc, EditError}};
    /// let (mut shop, tickets) = (Doc::new(ReplicaId::new(1, 1)), Path::from_segments(["tickets"]));
    /// shop.transact(5, None, |doc| {
    ///     doc.bounded_create(&tickets, 0)?;
    ///     doc.bounded_add(&tickets, 10)?;
    ///     doc.bounded_sub(&tickets, 4)
    /// })?;
    /// assert_eq!(shop.bounded(&tickets), 6);
    /// let sold = shop.transact(6, None, |doc| doc.bounded_sub(&tickets, 7));
    /// assert_eq!(sold, Err(EditError::Rights { available: 6, asked: 7 }));
    /// # Ok::<(), EditError>(())
    /// ```
    pub fn bounded_create(&mut self, path: &Path, bound: i64) -> Result<(), EditError> {
        self.named(path, "bounded counter")?;
        self.put(Key::new(path, Kind::BOUNDED), Value::Int(bound).to_cbor())
    }

    /// Adds to the bounded counter at a path, and so mints rights to take as much away again.
    ///
    /// # Errors
    /// [`EditError::Amount`] beyond 2^63 - 1 in all; others as for any edit. Nothing is changed then.
    pub fn bounded_add(&mut self, path: &Path, amount: u64) -> Result<(), EditError> {
        self.change_row(path, amount, |row| Some(&mut row.minted))
    }

    /// Takes away from the bounded counter at a path, out of this replica's rights.
    ///
    /// # Errors
    /// [`EditError::Rights`] if this replica's rights do not cover the amount; others as for any edit. Nothing is changed
    /// then.
    pub fn bounded_sub(&mut self, path: &Path, amount: u64) -> Result<(), EditError> {
        self.check_rights(path, amount)?;
        self.change_row(path, amount, |row| Some(&mut row.used))
    }

    /// Gives rights of this replica to another one. The value stays as it is.
    ///
    /// # Errors
    /// [`EditError::Rights`] if this replica's rights do not cover the amount; others as for any edit. Nothing is changed
    /// then.
    pub fn bounded_transfer(&mut self, path: &Path, to: ReplicaId, amount: u64) -> Result<(), EditError> {
        self.check_rights(path, amount)?;
        let own = self.id;
        self.change_row(path, amount, |row| (to != own).then(|| row.given.get_or_insert_with(to, || 0)))
    }

    /// Takes over all rights of a replica that has ended. Returns how many.
    ///
    /// Only its one successor may do so, who has everything it ever wrote, such as the next session on the same store under
    /// the store's lock. Two who do it, or a predecessor that goes on, break the bound.
    ///
    /// # Errors
    /// [`EditError`], and then nothing is changed.
    pub fn bounded_adopt(&mut self, path: &Path, from: ReplicaId) -> Result<u64, EditError> {
        self.named(path, "bounded counter")?;
        let rights = self.bounded_rights(path, from);
        if from == self.id || rights == 0 {
            return self.open().map(|_| 0);
        }
        let key = row_key(path, &from);
        let mut row = row_at(&self.state, &key);
        let given = row.given.get_or_insert_with(self.id, || 0);
        *given = sum(*given, rights)?;
        self.put(key, row.write().to_vec())?;
        Ok(rights)
    }

    /// What a replica may take away from the bounded counter at a path, as far as this one knows.
    pub fn bounded_rights(&self, path: &Path, replica: ReplicaId) -> u64 {
        let mut rights = 0;
        for (key, id) in rows(&self.state, path.as_str().as_bytes()) {
            let row = row_at(&self.state, key);
            rights += i128::from(*row.given.get(&replica).unwrap_or(&0));
            if *id == *replica.as_bytes() {
                rights += row.left();
            }
        }
        // Only a delete of the counter leaves someone with less than nothing.
        rights.clamp(0, u64::MAX.into()) as u64
    }

    /// The value of the bounded counter at a path; 0 if there is none.
    pub fn bounded(&self, path: &Path) -> i64 {
        bounded_value(&self.state, path.as_str().as_bytes()).unwrap_or_default()
    }

    fn check_rights(&self, path: &Path, asked: u64) -> Result<(), EditError> {
        self.named(path, "bounded counter")?;
        let available = self.bounded_rights(path, self.id);
        if asked > available { Err(EditError::Rights { available, asked }) } else { Ok(()) }
    }

    /// Raises a field of this replica's row.
    fn change_row(
        &mut self,
        path: &Path,
        amount: u64,
        field: impl FnOnce(&mut Row) -> Option<&mut u64>,
    ) -> Result<(), EditError> {
        self.named(path, "bounded counter")?;
        let key = row_key(path, &self.id);
        let mut row = row_at(&self.state, &key);
        match field(&mut row).filter(|_| amount > 0) {
            Some(field) => *field = sum(*field, amount)?,
            None => return self.open().map(drop),
        }
        self.put(key, row.write().to_vec())
    }
}

/// The sum, if it stays within the integers that all languages have.
fn sum(one: u64, other: u64) -> Result<u64, EditError> {
    one.checked_add(other).filter(|sum| *sum <= i64::MAX as u64).ok_or(EditError::Amount)
}

fn row_key(path: &Path, replica: &ReplicaId) -> Key {
    Key::assemble(path.as_str().as_bytes(), Kind::BOUNDED, replica.as_bytes())
}

fn row_at(state: &State, key: &Key) -> Row {
    Row::merge(dots(state, key).iter().map(|entry| &*entry.payload))
}

/// The keys of the rows at an encoded path, each with its replica.
fn rows<'a>(state: &'a State, path: &[u8]) -> impl Iterator<Item = (&'a Key, &'a [u8])> {
    let end = |kind| Key::assemble(path, kind, &[]);
    let leaves = state.leaves.range(end(Kind::BOUNDED), end(Kind::ABOUT));
    leaves.map(|(key, _)| (key, key.split().2)).filter(|(_, replica)| !replica.is_empty())
}

/// Bound, plus what was minted, less what was used. It is held at the bound because after a delete at the same time as a
/// use, and while events are on their way that a use builds on, the rest may say less.
pub(super) fn bounded_value(state: &State, path: &[u8]) -> Option<i64> {
    let key = Key::assemble(path, Kind::BOUNDED, &[]);
    let mut exists = state.leaves.contains(&key);
    let bound = newest(state, dots(state, &key)).map_or(0, |entry| int(&entry.payload));
    let mut above = 0i128;
    for (key, _) in rows(state, path) {
        exists = true;
        let row = row_at(state, key);
        above += i128::from(row.minted) - i128::from(row.used);
    }
    let value = i128::from(bound) + above.max(0);
    exists.then(|| value.min(i64::MAX.into()) as i64)
}

fn int(payload: &[u8]) -> i64 {
    match CborReader::new(payload).header() {
        Ok(Header::Positive(number)) => i64::try_from(number).unwrap_or_default(),
        Ok(Header::Negative(number)) => i64::try_from(number).map_or(0, |number| !number),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Origin;

    const NOW: u64 = 1_700_000_000_000;

    fn docs() -> [Doc; 3] {
        [1, 2, 3].map(|random| {
            let mut doc = Doc::new(ReplicaId::new(NOW, random));
            doc.keep_batches(true);
            doc
        })
    }

    fn path() -> Path {
        Path::from_segments(["stock"])
    }

    fn edit(doc: &mut Doc, edit: impl FnOnce(&mut Doc) -> Result<(), EditError>) -> Result<(), EditError> {
        let done = doc.transact(NOW, None, edit);
        doc.check().unwrap();
        done
    }

    fn pull(to: &mut Doc, from: &Doc) {
        to.import(&from.export_from(&to.version())).unwrap();
    }

    #[test]
    fn a_replica_takes_what_it_was_given_and_no_more() {
        let [mut a, mut b, _] = docs();
        edit(&mut a, |doc| doc.bounded_create(&path(), -5)).unwrap();
        edit(&mut a, |doc| doc.bounded_add(&path(), 10)).unwrap();
        pull(&mut b, &a);
        assert_eq!(edit(&mut b, |doc| doc.bounded_sub(&path(), 1)), Err(EditError::Rights { available: 0, asked: 1 }));
        let to = b.id();
        edit(&mut a, |doc| doc.bounded_transfer(&path(), to, 7)).unwrap();
        assert_eq!(edit(&mut a, |doc| doc.bounded_sub(&path(), 4)), Err(EditError::Rights { available: 3, asked: 4 }));
        pull(&mut b, &a);
        edit(&mut b, |doc| doc.bounded_sub(&path(), 7)).unwrap();
        edit(&mut a, |doc| doc.bounded_sub(&path(), 3)).unwrap();
        pull(&mut a, &b);
        assert_eq!((a.bounded(&path()), a.bounded_rights(&path(), to)), (-5, 0));
        assert_eq!(a.view(&path()), Some(Value::Int(-5)));
    }

    #[test]
    fn a_use_that_arrives_before_what_it_builds_on_does_not_show_less_than_the_bound() {
        let [mut a, mut b, mut c] = docs();
        edit(&mut a, |doc| doc.bounded_add(&path(), 5)).unwrap();
        let to = b.id();
        edit(&mut a, |doc| doc.bounded_transfer(&path(), to, 5)).unwrap();
        pull(&mut b, &a);
        edit(&mut b, |doc| doc.bounded_sub(&path(), 5)).unwrap();
        c.apply(&b.take_batch().unwrap(), &Origin::Link).unwrap();
        assert_eq!(c.bounded(&path()), 0);
        pull(&mut c, &a);
        assert_eq!((c.bounded(&path()), c.digest()), (0, b.digest()));
    }

    #[test]
    fn a_delete_at_the_same_time_as_a_use_leaves_the_bound() {
        let [mut a, mut b, _] = docs();
        edit(&mut a, |doc| doc.bounded_add(&path(), 9)).unwrap();
        let to = b.id();
        edit(&mut a, |doc| doc.bounded_transfer(&path(), to, 5)).unwrap();
        pull(&mut b, &a);
        edit(&mut b, |doc| doc.bounded_sub(&path(), 5)).unwrap();
        edit(&mut a, |doc| doc.delete(&path()).map(drop)).unwrap();
        pull(&mut a, &b);
        assert_eq!((a.bounded(&path()), a.bounded_rights(&path(), to)), (0, 0));
    }

    #[test]
    fn a_successor_takes_over_the_rights_of_an_ended_replica() {
        let [mut a, mut b, _] = docs();
        edit(&mut a, |doc| doc.bounded_add(&path(), 9)).unwrap();
        edit(&mut a, |doc| doc.bounded_sub(&path(), 2)).unwrap();
        pull(&mut b, &a);
        let from = a.id();
        assert_eq!(b.transact(NOW, None, |doc| doc.bounded_adopt(&path(), from)), Ok(7));
        assert_eq!(b.transact(NOW, None, |doc| doc.bounded_adopt(&path(), from)), Ok(0));
        edit(&mut b, |doc| doc.bounded_sub(&path(), 7)).unwrap();
        assert_eq!((b.bounded(&path()), b.bounded_rights(&path(), from)), (0, 0));
    }

    #[test]
    fn amounts_that_no_language_holds_are_refused() {
        let [mut a, ..] = docs();
        edit(&mut a, |doc| doc.bounded_add(&path(), i64::MAX as u64)).unwrap();
        assert_eq!(edit(&mut a, |doc| doc.bounded_add(&path(), 1)), Err(EditError::Amount));
        edit(&mut a, |doc| doc.bounded_create(&path(), 5)).unwrap();
        assert_eq!(a.bounded(&path()), i64::MAX);
        a.begin(NOW, None).unwrap();
        a.bounded_sub(&path(), 0).unwrap();
        assert_eq!(a.commit(), Ok(None));
    }
}
