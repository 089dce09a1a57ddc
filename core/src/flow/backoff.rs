//! Exponential backoff with jitter.

/// Waiting times that double with every failure, each drawn at random below the current bound, so that many clients that
/// lost the same relay do not come back at once ("Exponential backoff and jitter", Brooker, 2015).
///
/// ```
/// use syncline::flow::Backoff;
/// let mut backoff = Backoff::new(500, 30_000, 7);
/// assert!((125..=500).contains(&backoff.next_ms()));
/// assert!((0..20).all(|_| backoff.next_ms() <= 30_000));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first_ms: u64,
    most_ms: u64,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Starts with waits up to `first_ms` and ends with waits up to `most_ms`. The seed is best an unpredictable one.
    pub fn new(first_ms: u64, most_ms: u64, seed: u64) -> Self {
        Backoff { first_ms: first_ms.max(1), most_ms: most_ms.max(first_ms).max(1), failures: 0, random: seed }
    }

    /// Counts a failure and returns how long to wait, in milliseconds: at least a quarter of the bound.
    pub fn next_ms(&mut self) -> u64 {
        let bound = self.first_ms.saturating_mul(1 << self.failures.min(32)).min(self.most_ms);
        self.failures = self.failures.saturating_add(1);
        let least = bound / 4;
        least + self.draw() % (bound - least + 1)
    }

    /// Counts a success: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// SplitMix64 (Steele, Lea, Flood, 2014): jitter needs no better.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
