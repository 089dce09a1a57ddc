//! An index from hashes to places in a list, which nothing ever walks in the order of hashes.

use std::hash::{Hash, Hasher};

/// Slots of the smallest index.
const SMALLEST: usize = 16;

/// Open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithms L and R). A slot is 0 or the hash above the place + 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: Vec<u64>,
    used: usize,
}

impl Index {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// An index of the items with these hashes, in the order of their places.
    pub(super) fn of(hashes: impl ExactSizeIterator<Item = u32>) -> Self {
        let mut index = Index { slots: vec![0; (hashes.len() * 2).next_power_of_two().max(SMALLEST)], used: 0 };
        hashes.enumerate().for_each(|(place, hash)| index.insert(hash, place));
        index
    }

    /// The place of an item with this hash for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if (slot >> 32) as u32 == hash && is_it(place_of(slot)) {
                return Some(place_of(slot));
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Adds an item that is not there.
    pub(super) fn insert(&mut self, hash: u32, place: usize) {
        // At most three quarters full: so there is always an empty slot at which a search ends.
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.used += 1;
        self.put(slot_of(hash, place));
    }

    /// Removes an item that is there.
    pub(super) fn remove(&mut self, hash: u32, place: usize) {
        let mask = self.slots.len() - 1;
        let Some(mut hole) = self.slot(hash, place) else { return };
        self.used -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            // What was pushed past the hole moves into it.
            let home = self.home((slot >> 32) as u32);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = 0;
    }

    /// Notes that an item has a new place.
    pub(super) fn moved(&mut self, hash: u32, from: usize, to: usize) {
        if let Some(at) = self.slot(hash, from) {
            self.slots[at] = slot_of(hash, to);
        }
    }

    fn slot(&self, hash: u32, place: usize) -> Option<usize> {
        let sought = slot_of(hash, place);
        let mut at = self.home(hash);
        loop {
            match self.slots[at] {
                0 => return None,
                slot if slot == sought => return Some(at),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    fn put(&mut self, slot: u64) {
        let mut at = self.home((slot >> 32) as u32);
        while self.slots[at] != 0 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SMALLEST);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        old.into_iter().filter(|slot| *slot != 0).for_each(|slot| self.put(slot));
    }

    /// The upper bits of the hash are the best mixed ones.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.slots.len() as u64) >> 32) as usize
    }
}

fn slot_of(hash: u32, place: usize) -> u64 {
    // A place is below 2^32 - 1: as many items would take more than 100 GB.
    u64::from(hash) << 32 | (place as u64 + 1)
}

fn place_of(slot: u64) -> usize {
    (slot as u32 - 1) as usize
}

/// Hashes by multiplication, a word at a time (the way of Firefox and rustc). It is not keyed: see [`super::Lookup`].
pub(super) fn hash_of<T: Hash + ?Sized>(item: &T) -> u32 {
    let mut hasher = Multiply(0);
    item.hash(&mut hasher);
    hasher.finish() as u32
}

struct Multiply(u64);

impl Multiply {
    #[inline]
    fn word(&mut self, word: u64) {
        // The odd number nearest to 2^64 divided by the golden ratio (Knuth).
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Multiply {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(rest.len() as u64, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.word(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        // Twice, since the low bits of a product know nothing of the high bits of its factors.
        (self.0 ^ self.0 >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }
}
