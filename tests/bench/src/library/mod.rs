//! The libraries, each behind the same few verbs.

mod automerge;
mod loro;
mod or_set;
mod orswot;
mod syncline;
mod yrs;

pub(crate) use self::automerge::Automerge;
pub(crate) use self::loro::Loro;
pub(crate) use self::or_set::OrSets;
pub(crate) use self::orswot::Orswots;
pub(crate) use self::syncline::Syncline;
pub(crate) use self::yrs::Yrs;

use crate::data::Entry;

/// What the workloads ask of whatever has a set, with a document around it or without.
///
/// A call that fails ends the program: the data is fixed, so it cannot fail unless the library is used wrongly.
pub(crate) trait Sets {
    type Doc;

    /// Makes an empty document of the given replica.
    fn create(replica: u64) -> Self::Doc;

    /// Adds elements to the set in one transaction.
    fn add_all(doc: &mut Self::Doc, elements: &[String]);

    /// Removes elements from the set in one transaction.
    fn remove_all(doc: &mut Self::Doc, elements: &[String]);

    /// Whether the set has an element.
    fn has(doc: &Self::Doc, element: &str) -> bool;

    /// The number of elements.
    fn set_len(doc: &Self::Doc) -> usize;

    /// Exchanges what each lacks, in both directions.
    fn merge(left: &mut Self::Doc, right: &mut Self::Doc);
}

/// What the workloads ask of a library of documents: one map, one set and one counter, in the way that its documentation
/// shows.
pub(crate) trait Library: Sets {
    /// Sets each entry in a transaction of its own.
    fn set_each(doc: &mut Self::Doc, entries: &[Entry]);

    /// Sets all entries in one transaction.
    fn set_all(doc: &mut Self::Doc, entries: &[Entry]);

    /// Deletes each key in a transaction of its own.
    fn delete_each(doc: &mut Self::Doc, entries: &[Entry]);

    /// The value at a key.
    fn get(doc: &Self::Doc, key: &str) -> Option<i64>;

    /// The number of keys.
    fn len(doc: &Self::Doc) -> usize;

    /// Makes replicas that are about to count with one counter; they have nothing more in common than that needs.
    fn create_counting(replicas: u64) -> Vec<Self::Doc> {
        (1..=replicas).map(Self::create).collect()
    }

    /// Adds 1 to the counter so many times, each in a transaction of its own.
    fn count_each(doc: &mut Self::Doc, times: usize);

    /// The value of the counter.
    fn count(doc: &Self::Doc) -> i64;

    /// Sets each entry in `from` and applies the update that comes of it to `to`. Returns the bytes of all updates.
    fn replicate(from: &mut Self::Doc, to: &mut Self::Doc, entries: &[Entry]) -> usize;

    /// Encodes the whole document.
    fn encode(doc: &mut Self::Doc) -> Vec<u8>;

    /// Makes a document of what [`Library::encode`] made.
    fn load(replica: u64, bytes: &[u8]) -> Self::Doc;

    /// Encodes all that a replica has seen, for another one that has seen other things.
    fn state(doc: &mut Self::Doc) -> Vec<u8> {
        Self::encode(doc)
    }

    /// Takes in what [`Library::state`] made of another replica.
    fn import(doc: &mut Self::Doc, state: &[u8]);
}
