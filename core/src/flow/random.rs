//! Randomness from a seed.

/// A sequence that belongs to a seed: SplitMix64 (Steele, Lea, Flood, 2014). Jitter needs no better.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        let drawn = self.next();
        match high.saturating_sub(low).checked_add(1) {
            Some(width) => low + drawn % width,
            None => drawn,
        }
    }
}

/// Spreads every bit over all others, one to one: the last step of SplitMix64 (Stafford's thirteenth variant, 2011).
pub(crate) fn mix(bits: u64) -> u64 {
    let mixed = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
