//! What a document takes in memory, as an estimate from what it holds.
//!
//! Each part is counted as its bytes plus what the tables around it take; spare room in tables and what the allocator
//! adds are not counted, which makes up for a fifth or so of the truth. Keys are shared between a leaf, the log and the delete
//! records; they are counted once, with the leaf or the delete record.

use super::Doc;
use super::leaves::Leaves;
use super::state::{Entry, Leaf, State};
use crate::bytes::SmallBytes;

/// Up to here a key or payload lies in place and takes no memory of its own.
const IN_PLACE: usize = 22;

/// What a shared string takes beside its bytes: two counters.
const SHARED: usize = 16;

/// Estimated bytes of memory by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Keys of leaves.
    pub keys: usize,
    /// Values, with the dots that carry them.
    pub values: usize,
    /// The log of dots.
    pub log: usize,
    /// Delete records, with their keys.
    pub deletes: usize,
    /// Version vector and floor, and what is remembered of retired ids.
    pub version: usize,
}

impl Memory {
    /// All parts together.
    pub fn total(&self) -> usize {
        self.keys + self.values + self.log + self.deletes + self.version
    }
}

impl Doc {
    /// Estimates what the document takes in memory. It looks at every leaf, so it is not for every turn. Texts that are put
    /// together for reading are not counted.
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let empty = doc.memory().total();
    /// doc.transact(5, None, |doc| doc.set(&Path::root().child("a"), Value::Bytes(vec![0; 1_000])))?;
    /// assert!(doc.memory().total() > empty + 1_000);
    /// # Ok::<(), syncline::doc::EditError>(())
    /// ```
    pub fn memory(&self) -> Memory {
        let (keys, values) = sum(&self.state.leaves);
        let (delete_keys, records) = sum(&self.state.deletes);
        Memory {
            keys,
            values,
            log: self.state.stats().log * (size_of::<u64>() + size_of::<u32>()),
            deletes: delete_keys + records,
            version: self.state.writers_bytes() + self.retired.len() * 32,
        }
    }
}

impl State {
    /// A writer stands in the table and, with its id, in the index.
    fn writers_bytes(&self) -> usize {
        size_of_val(self.writers.as_slice()) + self.stats().replicas * 24
    }
}

fn sum(leaves: &Leaves) -> (usize, usize) {
    leaves.iter().fold((0, 0), |(keys, values), (_, (key, leaf))| {
        let more = if leaf.entries().len() > 1 { size_of_val(leaf.entries()) } else { 0 };
        let payloads: usize = leaf.entries().iter().map(|entry: &Entry| apart(entry.payload.len())).sum();
        (keys + size_of::<SmallBytes>() + apart(key.as_bytes().len()), values + size_of::<Leaf>() + more + payloads)
    })
}

/// What a string of that many bytes takes outside its place.
fn apart(bytes: usize) -> usize {
    if bytes > IN_PLACE { bytes + SHARED } else { 0 }
}
