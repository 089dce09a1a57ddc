//! The data that all libraries are given: the same for every run and every language.

/// Numbers from a seed (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// A key and the value to set it to.
pub(crate) type Entry = (String, i64);

/// `count` keys of 16 hexadecimal digits with values below 1,000.
pub(crate) fn entries(seed: u64, count: usize) -> Vec<Entry> {
    let mut random = Random::new(seed);
    (0..count).map(|_| (format!("{:016x}", random.next()), (random.next() % 1_000) as i64)).collect()
}

/// `count` writes, each to one of the `keys` first entries.
pub(crate) fn overwrites(seed: u64, keys: usize, count: usize) -> Vec<Entry> {
    let keys = entries(seed, keys);
    let mut random = Random::new(seed + 1);
    (0..count)
        .map(|_| {
            let key = &keys[random.next() as usize % keys.len()].0;
            (key.clone(), (random.next() % 1_000) as i64)
        })
        .collect()
}

/// What one replica does to a set: adds distinct elements, then removes the first ones again.
pub(crate) struct SetEdits {
    pub(crate) adds: Vec<String>,
    pub(crate) removed: usize,
}

impl SetEdits {
    /// `count` elements out of twice as many, half of which are removed. Replicas share the elements, not the choice.
    pub(crate) fn new(seed: u64, replica: u64, count: usize) -> Self {
        let mut all: Vec<String> = entries(seed, 2 * count).into_iter().map(|(key, _)| key).collect();
        let mut random = Random::new(seed + 1 + replica);
        for at in 0..count {
            let other = at + random.next() as usize % (all.len() - at);
            all.swap(at, other);
        }
        all.truncate(count);
        SetEdits { adds: all, removed: count / 2 }
    }

    pub(crate) fn removes(&self) -> &[String] {
        &self.adds[..self.removed]
    }

    pub(crate) fn kept(&self) -> &[String] {
        &self.adds[self.removed..]
    }
}
