//! Histograms of times: bounded memory, three digits, whatever the number of values.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest time that is told apart, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;

/// Digits that are kept.
const DIGITS: u8 = 3;

/// Histograms that are written to side by side.
const SHARDS: usize = 8;

/// Points of the curve for each halving of the distance to 100 %.
const STEPS: u32 = 4;

/// Times in microseconds, noted by many tasks.
#[derive(Debug)]
pub(super) struct Recorder([Mutex<Histogram<u64>>; SHARDS]);

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder(std::array::from_fn(|_| Mutex::new(empty())))
    }
}

impl Recorder {
    /// Notes a time. `who` spreads the tasks over the shards.
    pub(super) fn note(&self, who: u32, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(LONGEST_US);
        self.0[who as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us);
    }

    /// What was noted so far.
    pub(super) fn summary(&self) -> Latency {
        let mut all = empty();
        for shard in &self.0 {
            // Their bounds are equal, so nothing is out of range.
            let _ = all.add(&*shard.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Latency::of(&all)
    }
}

fn empty() -> Histogram<u64> {
    // The bounds are constants that the crate takes.
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).unwrap_or_else(|error| unreachable!("{error}"))
}

/// What is said of a distribution of times, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Latency {
    /// Number of values.
    pub(super) count: u64,
    pub(super) mean_ms: f64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
    /// Percentile and time, for the plot.
    pub(super) curve: Vec<(f64, f64)>,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Latency {
        if histogram.is_empty() {
            return Latency::default();
        }
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let curve = histogram
            .iter_quantiles(STEPS)
            .map(|step| (step.quantile_iterated_to() * 100.0, step.value_iterated_to() as f64 / 1000.0));
        Latency {
            count: histogram.len(),
            mean_ms: histogram.mean() / 1000.0,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: histogram.max() as f64 / 1000.0,
            curve: curve.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_shards_together() {
        let recorder = Recorder::default();
        for ms in 1..=1000 {
            recorder.note(ms, Duration::from_millis(u64::from(ms)));
        }
        let latency = recorder.summary();
        assert_eq!(latency.count, 1000);
        for (found, meant) in [(latency.p50_ms, 500.0), (latency.p99_ms, 990.0), (latency.max_ms, 1000.0)] {
            assert!((found - meant).abs() < meant / 500.0, "{found} instead of {meant}");
        }
        assert!(latency.curve.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        assert!(latency.curve.len() < 200);
        recorder.note(0, Duration::from_secs(u64::MAX));
        assert_eq!(recorder.summary().count, 1001);
    }

    #[test]
    fn nothing_noted_is_nothing_said() {
        assert_eq!(Recorder::default().summary(), Latency::default());
    }
}
