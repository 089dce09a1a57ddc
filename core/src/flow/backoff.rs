//! Exponential backoff with jitter.

use super::random::Random;

/// How a wait is drawn below its bound ("Exponential backoff and jitter", Brooker, 2015).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// From a quarter of the bound up to the bound: spreads clients, and none comes back at once.
    #[default]
    Quarter,
    /// From 0 up to the bound: spreads best, where an attempt at once does no harm.
    Full,
    /// From the first bound up to three times the last wait: grows by chance, so clients drift apart with every failure.
    Decorrelated,
}

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
    jitter: Jitter,
    failures: u32,
    last_ms: u64,
    random: Random,
}

impl Backoff {
    /// Starts with waits up to `first_ms` and ends with waits up to `most_ms`. The seed is best an unpredictable one.
    pub fn new(first_ms: u64, most_ms: u64, seed: u64) -> Self {
        Backoff::with_jitter(first_ms, most_ms, Jitter::Quarter, seed)
    }

    /// As [`Backoff::new`], with another way to draw.
    ///
    /// ```
    /// use syncline::flow::{Backoff, Jitter};
    /// let mut backoff = Backoff::with_jitter(100, 5_000, Jitter::Decorrelated, 7);
    /// assert!((100..=300).contains(&backoff.next_ms()));
    /// ```
    pub fn with_jitter(first_ms: u64, most_ms: u64, jitter: Jitter, seed: u64) -> Self {
        let first_ms = first_ms.max(1);
        let most_ms = most_ms.max(first_ms);
        Backoff { first_ms, most_ms, jitter, failures: 0, last_ms: first_ms, random: Random(seed) }
    }

    /// Counts a failure and returns how long to wait, in milliseconds.
    pub fn next_ms(&mut self) -> u64 {
        let bound = self.first_ms.saturating_mul(1 << self.failures.min(32)).min(self.most_ms);
        let (low, high) = match self.jitter {
            Jitter::Quarter => (bound / 4, bound),
            Jitter::Full => (0, bound),
            Jitter::Decorrelated => (self.first_ms, self.last_ms.saturating_mul(3).min(self.most_ms)),
        };
        self.failures = self.failures.saturating_add(1);
        self.last_ms = self.random.between(low, high);
        self.last_ms
    }

    /// How many failures were counted since the last success: compare it with the most retries allowed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a success: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
        self.last_ms = self.first_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Jitter; 3] = [Jitter::Quarter, Jitter::Full, Jitter::Decorrelated];

    #[test]
    fn waits_stay_within_the_bounds_of_their_kind_and_reset() {
        for (jitter, seed) in KINDS.iter().flat_map(|jitter| (0..200).map(move |seed| (*jitter, seed))) {
            let mut backoff = Backoff::with_jitter(100, 5_000, jitter, seed);
            let mut last = 100;
            for step in 0..40 {
                let bound = (100u64 << step.min(20)).min(5_000);
                let (low, high) = match jitter {
                    Jitter::Quarter => (bound / 4, bound),
                    Jitter::Full => (0, bound),
                    Jitter::Decorrelated => (100, (last * 3).min(5_000)),
                };
                last = backoff.next_ms();
                assert!((low..=high).contains(&last), "{jitter:?} step {step}: {last} not in {low}..={high}");
            }
            assert_eq!(backoff.failures(), 40);
            backoff.reset();
            assert!((backoff.failures(), backoff.next_ms() <= 300) == (0, true));
        }
    }

    #[test]
    fn clients_that_failed_together_come_back_spread_out() {
        for jitter in KINDS {
            let wait_of = |seed| {
                let mut backoff = Backoff::with_jitter(1_000, 60_000, jitter, seed);
                (0..6).map(|_| backoff.next_ms()).last().unwrap_or_default()
            };
            let mut tenths = [0u32; 10];
            (0..10_000).for_each(|seed| tenths[(wait_of(seed) / 6_001) as usize] += 1);
            assert!(tenths.iter().all(|&count| count < 5_000), "{jitter:?}: {tenths:?}");
        }
    }

    #[test]
    fn the_largest_bounds_do_not_overflow() {
        for jitter in KINDS {
            let mut backoff = Backoff::with_jitter(u64::MAX, u64::MAX, jitter, 3);
            (0..100).for_each(|_| {
                backoff.next_ms();
            });
        }
    }
}
