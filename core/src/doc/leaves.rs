//! The leaves of a document: found by key, by number, or in the order of keys.

use super::leaf::is_about;
use super::nodes::Nodes;
use super::order::Order;
use super::state::{Entry, Leaf};
use crate::assoc::HashIndex;
use crate::bytes::{Sip, SmallBytes};
use crate::crdt::{Key, Kind};
use crate::delta::LeafRow;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Slots of one chunk: adding a leaf never moves more than these.
const CHUNK: usize = 512;

/// Leaves that are looked up at once: as many as memory is fetched for at the same time, and a few more.
const LOOK_AHEAD: usize = 64;

/// Slots that are kept when the last leaf goes.
const KEPT: usize = 2 * CHUNK;

/// Leaves in slots that never move, so that a number names a leaf as long as it is there.
///
/// They are found through a hash of the key. What is above a leaf is counted, so that most questions about subtrees need
/// no order either; the order of keys is made when somebody asks for it first, and kept up when somebody asks again.
#[derive(Default)]
pub(super) struct Leaves {
    seed: [u64; 2],
    chunks: Vec<Vec<(Key, Leaf)>>,
    index: HashIndex,
    nodes: Nodes,
    order: Mutex<Order>,
    /// Number of leaves that say something about the document.
    about: usize,
    /// Number of leaves that stand for subtrees: none but among delete records.
    trees: usize,
}

impl Leaves {
    /// Makes an empty one. The seed keeps others from choosing keys with equal hashes.
    pub(super) fn new(seed: [u64; 2]) -> Self {
        Leaves { seed, nodes: Nodes::new(seed), ..Leaves::default() }
    }

    /// Number of leaves. Those that were made without dots count, but are not found until they have one.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> Option<&(Key, Leaf)> {
        self.find(key.as_ref()).map(|id| self.at(id)).filter(|(_, leaf)| !leaf.entries().is_empty())
    }

    /// The number of the leaf with a key, even if it has no dots.
    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        self.find_hashed(key, hash(self.seed, key))
    }

    /// The leaf with a number.
    pub(super) fn at(&self, id: u32) -> &(Key, Leaf) {
        &self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    pub(super) fn leaf_mut(&mut self, id: u32) -> &mut Leaf {
        self.at_mut(id).1
    }

    pub(super) fn at_mut(&mut self, id: u32) -> (&Key, &mut Leaf) {
        let (key, leaf) = &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK];
        (key, leaf)
    }

    /// The number of the leaf with a key, which is made without dots if there is none; then the answer is `true`, too.
    pub(super) fn place(&mut self, key: &Key) -> (u32, bool) {
        self.place_hashed(key, hash(self.seed, key.as_bytes()))
    }

    /// [`Leaves::place`] for the keys of many rows. In a large document each takes longer to fetch than to compare, so some
    /// are looked up before the first is compared: then the processor waits for all of them at the same time.
    pub(super) fn place_all(&mut self, rows: &[LeafRow]) -> Vec<(u32, bool)> {
        let mut placed = Vec::with_capacity(rows.len());
        for rows in rows.chunks(LOOK_AHEAD) {
            let hashes: Vec<u32> = rows.iter().map(|row| hash(self.seed, row.key.as_bytes())).collect();
            let likely: Vec<Option<u32>> = hashes.iter().map(|&hash| self.index.find(hash, |_| true)).collect();
            let is = |(row, id): (&LeafRow, Option<u32>)| id.filter(|&id| self.at(id).0 == row.key);
            let found: Vec<Option<u32>> = rows.iter().zip(likely).map(is).collect();
            for ((row, hash), found) in rows.iter().zip(hashes).zip(found) {
                placed.push(found.map_or_else(|| self.place_hashed(&row.key, hash), |id| (id, false)));
            }
        }
        placed
    }

    fn place_hashed(&mut self, key: &Key, hash: u32) -> (u32, bool) {
        if let Some(id) = self.find_hashed(key.as_bytes(), hash) {
            return (id, false);
        }
        let pair = (key.clone(), Leaf::Many(Vec::new()));
        let order = self.order.get_mut().unwrap_or_else(PoisonError::into_inner);
        let id = match order.reuse() {
            Some(id) => {
                self.chunks[id as usize / CHUNK][id as usize % CHUNK] = pair;
                id
            }
            None => {
                if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
                    // Most documents are small: the first chunk grows as it is filled.
                    self.chunks.push(Vec::with_capacity(if self.chunks.is_empty() { 0 } else { CHUNK }));
                }
                let full = (self.chunks.len() - 1) * CHUNK;
                let last = &mut self.chunks[full / CHUNK];
                last.push(pair);
                (full + last.len() - 1) as u32
            }
        };
        order.add(id);
        self.about += usize::from(is_about(key));
        self.index.insert(hash, id);
        self.trees += usize::from(key.is(Kind::TREE));
        if !self.nodes.enter_again(key.as_bytes()) {
            self.nodes.enter(container(key));
        }
        (id, true)
    }

    /// Removes a leaf that has no dots any more. Does nothing when it is gone already.
    pub(super) fn vacate(&mut self, id: u32) {
        let slot = &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK];
        if matches!(slot.1, Leaf::Gone) || !slot.1.entries().is_empty() {
            return;
        }
        slot.1 = Leaf::Gone;
        self.about -= usize::from(is_about(&slot.0));
        self.index.remove(hash(self.seed, slot.0.as_bytes()), id);
        self.trees -= usize::from(slot.0.is(Kind::TREE));
        self.nodes.leave(container(&slot.0));
        if self.index.len() == 0 && self.chunks.len() * CHUNK > KEPT {
            return self.clear();
        }
        let order = self.order.get_mut().unwrap_or_else(PoisonError::into_inner);
        order.remove(id, self.index.len());
    }

    /// Removes all leaves.
    pub(super) fn clear(&mut self) {
        *self = Leaves::new(self.seed);
    }

    /// Makes room for `more` leaves.
    pub(super) fn reserve(&mut self, more: usize) {
        self.index.reserve(more);
    }

    /// All leaves, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &(Key, Leaf))> {
        (0..).zip(self.chunks.iter().flatten()).filter(|(_, (_, leaf))| !leaf.entries().is_empty())
    }

    /// The leaves from `from` on and before `to`, in the order of their keys.
    pub(super) fn range(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Range<'_> {
        let (row, ids) = self.ordered().from(from.as_ref(), &|id| self.at(id).0.as_bytes());
        Range { leaves: self, row, ids, next: 0, to: SmallBytes::new(to.as_ref()) }
    }

    /// Whether anything is said about the document. Asked at every delete, and seldom the case.
    pub(super) fn say_something(&self) -> bool {
        self.about > 0
    }

    /// Whether anything but a register is at or below a path.
    pub(super) fn has_more(&self, path: &[u8]) -> bool {
        self.nodes.contains(path)
    }

    /// The leaves at and below a path, in the order of their keys, without what is said about the document.
    pub(super) fn below(&self, path: &[u8]) -> Vec<u32> {
        if self.is_empty() {
            return Vec::new();
        }
        if !self.has_more(path) {
            return self.plain(path).into_iter().flatten().collect();
        }
        let mut range = self.range(Key::assemble(path, Kind::TREE, &[]), Key::assemble(path, Kind::END, &[]));
        std::iter::from_fn(|| range.next_id()).filter(|&id| !is_about(&self.at(id).0)).collect()
    }

    /// The keys at and below a path, in their order.
    pub(super) fn keys_below(&self, path: &[u8]) -> Vec<Key> {
        self.below(path).into_iter().map(|id| self.at(id).0.clone()).collect()
    }

    /// The leaves at a path that [`Nodes`] does not count there.
    fn plain(&self, path: &[u8]) -> [Option<u32>; 2] {
        let find = |kind| self.find(Key::assemble(path, kind, &[]).as_bytes());
        // A document has no leaves of the first kind, and most have no delete records of the second.
        let (trees, others) = (self.trees > 0, self.trees < self.len());
        [trees.then(|| find(Kind::TREE)).flatten(), others.then(|| find(Kind::REGISTER)).flatten()]
    }

    fn find_hashed(&self, key: &[u8], hash: u32) -> Option<u32> {
        self.index.find(hash, |id| self.at(id).0.as_bytes() == key)
    }

    /// The order of keys, up to date.
    fn ordered(&self) -> MutexGuard<'_, Order> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let all = || {
            let slots = (0..).zip(self.chunks.iter().flatten());
            slots.filter(|(_, (_, leaf))| !matches!(leaf, Leaf::Gone)).map(|(id, _)| id).collect()
        };
        order.settle(&all, &|id| self.at(id).0.as_bytes());
        order
    }

    /// Checks what must hold between the parts; for tests.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut nodes = Nodes::new(self.seed);
        let mut keys: Vec<&[u8]> = Vec::new();
        for (id, (key, _)) in self.iter() {
            if self.find(key.as_bytes()) != Some(id) {
                return Err(format!("the leaf {key:?} is not found"));
            }
            nodes.enter(container(key));
            keys.push(key.as_bytes());
        }
        keys.sort_unstable();
        let trees = self.iter().filter(|(_, (key, _))| key.is(Kind::TREE)).count();
        if trees != self.trees {
            return Err(format!("{trees} leaves stand for subtrees, {} are counted", self.trees));
        }
        let about = self.iter().filter(|(_, (key, _))| is_about(key)).count();
        if about != self.about {
            return Err(format!("{about} leaves are about the document, {} are counted", self.about));
        }
        if keys.len() != self.len() {
            return Err(format!("{} leaves are there, {} are counted", keys.len(), self.len()));
        }
        let ordered = self.range(&[][..], &[0xff][..]).map(|(key, _)| key.as_bytes());
        if !ordered.eq(keys) {
            return Err("the order of keys is not that of the leaves".into());
        }
        nodes.check(&self.nodes)
    }
}

/// Some leaves in the order of their keys. Nothing is locked between two of them, so ranges may be nested.
pub(super) struct Range<'a> {
    leaves: &'a Leaves,
    row: usize,
    ids: Vec<u32>,
    next: usize,
    to: SmallBytes,
}

impl Range<'_> {
    fn next_id(&mut self) -> Option<u32> {
        loop {
            if let Some(&id) = self.ids.get(self.next) {
                self.next += 1;
                let (key, leaf) = self.leaves.at(id);
                if *key.as_bytes() >= *self.to {
                    return None;
                }
                if !leaf.entries().is_empty() {
                    return Some(id);
                }
            } else {
                self.row += 1;
                (self.ids, self.next) = (self.leaves.ordered().row(self.row)?, 0);
            }
        }
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = &'a (Key, Leaf);

    fn next(&mut self) -> Option<&'a (Key, Leaf)> {
        self.next_id().map(|id| self.leaves.at(id))
    }
}

/// The path under which a leaf is counted: of registers and of deleted subtrees that of their parent, of all others their
/// own. Thus what is counted at a path is all that is at and below it, but for these.
fn container(key: &Key) -> &[u8] {
    let (path, kind, _) = key.split();
    match kind {
        Kind::REGISTER | Kind::TREE => crate::crdt::last_separator(path).map_or(&[], |at| &path[..at]),
        _ => path,
    }
}

/// The hash under which bytes are found.
pub(super) fn hash(seed: [u64; 2], bytes: &[u8]) -> u32 {
    Sip::once(seed, bytes) as u32
}

impl Leaf {
    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Leaf::One(entry) => std::slice::from_ref(entry),
            Leaf::Many(entries) => entries,
            Leaf::Gone => &[],
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        match self {
            Leaf::Many(entries) if !entries.is_empty() => entries.push(entry),
            Leaf::One(_) => {
                if let Leaf::One(first) = std::mem::replace(self, Leaf::Gone) {
                    *self = Leaf::Many(vec![first, entry]);
                }
            }
            _ => *self = Leaf::One(entry),
        }
    }

    /// Takes out the entries that `gone` picks.
    pub(super) fn take(&mut self, gone: &dyn Fn(&Entry) -> bool, taken: &mut dyn FnMut(Entry)) {
        if !self.entries().iter().any(gone) {
            return;
        }
        let mut kept = Leaf::Many(Vec::new());
        let mut sort = |entry| if gone(&entry) { taken(entry) } else { kept.push(entry) };
        match std::mem::replace(self, Leaf::Gone) {
            Leaf::One(entry) => sort(entry),
            Leaf::Many(entries) => entries.into_iter().for_each(sort),
            Leaf::Gone => {}
        }
        *self = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Hlc;
    use crate::crdt::{Path, Value};
    use std::collections::BTreeMap;

    fn entry() -> Entry {
        Entry { writer: 0, seq: 1, hlc: Hlc::default(), payload: SmallBytes::default() }
    }

    /// One of a few hundred keys of all shapes: nested paths, several kinds at one path, elements.
    fn key(number: u64) -> Key {
        let names = ["a", "b", "ab", "a\0b", "", "c and a name that does not fit into place"];
        let path =
            (0..number % 4).fold(Path::root(), |path, level| path.child(names[(number >> (2 + level)) as usize % 6]));
        match number % 7 {
            0 => Key::element(&path, &Value::Int((number >> 8) as i64 % 5)),
            1 => Key::new(&path, Kind::COUNTER),
            2 => Key::new(&path, Kind::MARKER),
            _ => Key::new(&path, Kind::REGISTER),
        }
    }

    #[test]
    fn leaves_agree_with_a_map_of_the_standard_library_however_seldom_their_order_is_asked_for() {
        for asked in [1, 7, 300, 100_000] {
            let (mut leaves, mut map) = (Leaves::new([asked, 2]), BTreeMap::new());
            let mut random = asked;
            for step in 0..if cfg!(miri) { 200 } else { 6_000 } {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let key = key(random >> 40);
                // More are added than removed at first; at the end all go.
                if (random >> 33) % 5 < if step < 4_000 { 3 } else { 1 } {
                    let (id, made) = leaves.place(&key);
                    assert_eq!(map.insert(key.clone(), id).is_none(), made);
                    if made {
                        leaves.leaf_mut(id).push(entry());
                    }
                } else if let Some(id) = map.remove(&key) {
                    assert_eq!(leaves.find(key.as_bytes()), Some(id));
                    leaves.leaf_mut(id).take(&|_| true, &mut drop);
                    leaves.vacate(id);
                }
                if step % asked == 0 {
                    agree(&leaves, &map, key.path_bytes());
                }
            }
            agree(&leaves, &map, &[]);
            leaves.check().unwrap();
        }
    }

    fn agree(leaves: &Leaves, map: &BTreeMap<Key, u32>, path: &[u8]) {
        let (from, to) = (Key::assemble(path, Kind::TREE, &[]), Key::assemble(path, Kind::END, &[]));
        let below: Vec<Key> = map.range(&from..&to).map(|(key, _)| key.clone()).collect();
        let register = Key::assemble(path, Kind::REGISTER, &[]);
        assert!(leaves.range(&from, &to).map(|(key, _)| key).eq(&below));
        assert_eq!(leaves.keys_below(path), below);
        if !path.is_empty() {
            assert_eq!(leaves.has_more(path), below.iter().any(|key| *key != register));
        }
        assert_eq!(leaves.len(), map.len());
    }

    #[test]
    fn a_slot_takes_no_more_than_its_parts() {
        assert_eq!((size_of::<Entry>(), size_of::<Leaf>(), size_of::<(Key, Leaf)>()), (48, 48, 72));
    }

    #[test]
    fn when_all_leaves_are_gone_so_is_their_room() {
        let mut leaves = Leaves::new([1, 2]);
        for number in 0..5_000 {
            let (id, _) = leaves.place(&Key::new(&Path::root().child(&number.to_string()), Kind::REGISTER));
            leaves.leaf_mut(id).push(entry());
        }
        assert_eq!(leaves.range(&[][..], &[0xff][..]).count(), 5_000);
        for id in 0..5_000 {
            leaves.leaf_mut(id).take(&|_| true, &mut drop);
            leaves.vacate(id);
        }
        assert!(leaves.is_empty() && leaves.chunks.is_empty());
        leaves.check().unwrap();
    }
}
