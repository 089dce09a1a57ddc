//! Exponential backoff with full jitter.

/// Waiting times that double with every failure, each drawn at random below the current bound, so that many clients that
/// lost the same relay do not come back at once ("full jitter", Brooker 2015).
///
/// ```
/// use syncline::flow::Backoff;
/// let mut backoff = Backoff::new(500, 30_000);
/// assert!(backoff.next_ms(u64::MAX) <= 500);
/// assert!((0..20).all(|i| backoff.next_ms(i * 7_919) <= 30_000));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first_ms: u64,
    most_ms: u64,
    failures: u32,
}

impl Backoff {
    /// Starts with waits below `first_ms` and ends with waits below `most_ms`.
    pub fn new(first_ms: u64, most_ms: u64) -> Self {
        Backoff { first_ms: first_ms.max(1), most_ms: most_ms.max(first_ms).max(1), failures: 0 }
    }

    /// Counts a failure and returns how long to wait, in milliseconds: at least a quarter of the bound. `random` is any
    /// number, best an unpredictable one.
    pub fn next_ms(&mut self, random: u64) -> u64 {
        let bound = self.first_ms.saturating_mul(1 << self.failures.min(32)).min(self.most_ms);
        self.failures = self.failures.saturating_add(1);
        let least = bound / 4;
        least + random % (bound - least + 1)
    }

    /// Counts a success: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}
