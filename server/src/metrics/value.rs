//! What is counted: numbers that many threads add to without waiting for each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of times in nanoseconds: from a tenth of a millisecond to ten seconds.
const TIMES: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Upper bounds of counts: powers of four up to the entries of the largest commit.
const COUNTS: &[u64] = &[1, 4, 16, 64, 256, 1024, 4096];

/// Is a number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds several.
    pub fn add(&self, several: u64) {
        self.0.fetch_add(several, Ordering::Relaxed);
    }

    /// The number so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts how often something was how large; observing costs two additions.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// How many of the unit of the bounds are one of what is shown.
    scale: f64,
    /// One for each bound, and one for what is beyond the last.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// Is what a histogram has counted at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Upper bounds, the last one infinite, and how many were in each bucket alone.
    pub buckets: Vec<(f64, u64)>,
    /// Sum of everything observed.
    pub sum: f64,
}

impl Histogram {
    /// Counts times, shown in seconds.
    pub fn of_times() -> Histogram {
        Histogram::new(TIMES, 1e9)
    }

    /// Counts numbers of things.
    pub fn of_counts() -> Histogram {
        Histogram::new(COUNTS, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Histogram {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, scale, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts a time.
    pub fn took(&self, time: Duration) {
        self.observe(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts one value in the unit of the bounds.
    pub fn observe(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> Distribution {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.scale).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let sum = self.sum.load(Ordering::Relaxed) as f64 / self.scale;
        Distribution { buckets: bounds.zip(counts).collect(), sum }
    }
}

impl Distribution {
    /// How many were observed.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let times = Histogram::of_times();
        times.took(Duration::from_millis(1));
        times.took(Duration::from_nanos(1_000_001));
        times.took(Duration::from_secs(100));
        let read = times.read();
        let filled: Vec<_> = read.buckets.iter().filter(|(_, count)| *count > 0).map(|(bound, _)| *bound).collect();
        assert_eq!(filled, [0.001, 0.0025, f64::INFINITY]);
        assert_eq!(read.count(), 3);
        assert!((read.sum - 100.002).abs() < 1e-3, "{}", read.sum);
    }
}
