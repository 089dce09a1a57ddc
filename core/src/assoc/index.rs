//! Numbers found by a hash: a table beside a list that holds what the hashes stand for.

/// Marks a place without a number.
const EMPTY: u64 = u64::MAX;

/// The least number of places.
const FEWEST: usize = 8;

/// Numbers below `u32::MAX`, each under a hash: open addressing with the places in the order of the hashes, so that
/// growing is one pass and removing leaves no marks behind (Amble, Knuth: "Ordered hash tables", 1974). Nothing ever goes
/// through it in the order of the hashes.
#[derive(Default)]
pub(crate) struct HashIndex {
    /// The hash in the upper half, the number in the lower; a few more than `homes`, where the last ones overflow.
    places: Vec<u64>,
    homes: usize,
    len: usize,
}

impl HashIndex {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The number under `hash` that is the one looked for.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        for &place in self.places.get(self.home(hash)..)? {
            let found = (place >> 32) as u32;
            if found < hash {
                continue;
            }
            if found > hash || place == EMPTY {
                return None;
            }
            if is(place as u32) {
                return Some(place as u32);
            }
        }
        None
    }

    /// Adds a number that is not there yet.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        self.reserve(1);
        self.len += 1;
        let mut carried = u64::from(hash) << 32 | u64::from(number);
        let from = self.home(hash);
        for place in &mut self.places[from..] {
            if *place > carried {
                std::mem::swap(place, &mut carried);
                if carried == EMPTY {
                    return;
                }
            }
        }
        self.places.push(carried);
    }

    /// Removes a number that is there.
    pub(crate) fn remove(&mut self, hash: u32, number: u32) {
        let (wanted, from) = (u64::from(hash) << 32 | u64::from(number), self.home(hash));
        let Some(mut at) = self.places[from..].iter().position(|&place| place == wanted).map(|step| from + step) else {
            return;
        };
        self.len -= 1;
        while let Some(&next) = self.places.get(at + 1).filter(|&&next| self.home((next >> 32) as u32) <= at) {
            self.places[at] = next;
            at += 1;
        }
        self.places[at] = EMPTY;
    }

    /// Makes room for `more` numbers.
    pub(crate) fn reserve(&mut self, more: usize) {
        let needed = self.len + more;
        if needed * 5 <= self.homes * 4 {
            return;
        }
        self.homes = (self.homes + self.homes / 2).max(needed * 3 / 2).max(FEWEST);
        let before = std::mem::replace(&mut self.places, vec![EMPTY; self.homes + FEWEST]);
        let mut next = 0;
        for place in before.into_iter().filter(|&place| place != EMPTY) {
            next = self.home((place >> 32) as u32).max(next);
            if next == self.places.len() {
                self.places.push(EMPTY);
            }
            self.places[next] = place;
            next += 1;
        }
    }

    /// Where a hash stands if nothing is in its way.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.homes as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_under_their_hashes_however_crowded() {
        // Hashes of few values, at both ends, so that places overflow and equal hashes stand beside one another.
        for spread in [1u32, 7, 1 << 12, u32::MAX] {
            let (mut index, mut there) = (HashIndex::default(), std::collections::BTreeSet::new());
            let mut random = 1u64;
            for step in 0..if cfg!(miri) { 300 } else { 6_000u32 } {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let number = (random >> 33) as u32 % 512;
                let hash = u32::MAX - (number.wrapping_mul(0x9e37_79b9) % spread);
                if step % 3 == 2 || step > 5_000 {
                    index.remove(hash, number);
                    there.remove(&number);
                } else if there.insert(number) {
                    index.insert(hash, number);
                }
                assert_eq!(index.len(), there.len());
                assert_eq!(index.find(hash, |found| found == number), there.get(&number).copied());
            }
            for number in 0..512u32 {
                let hash = u32::MAX - number.wrapping_mul(0x9e37_79b9) % spread;
                assert_eq!(index.find(hash, |found| found == number), there.get(&number).copied());
            }
        }
    }
}
