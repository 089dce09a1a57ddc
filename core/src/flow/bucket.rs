//! Rate limits with bursts.

use super::OptionError;
use super::options::within;

/// Tokens are counted in thousandths: one token per second is one thousandth per millisecond, so nothing is rounded.
const PARTS: u64 = 1_000;

/// A step back in time up to this is a reading taken late and is ignored; beyond it the clock was set. Milliseconds.
const LATE_MS: u64 = 1_000;

/// A rate and the burst above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Tokens per second, from 1 to 1,000,000,000.
    pub per_second: u64,
    /// Tokens that may be saved up and spent at once, from 1 to 1,000,000,000.
    pub burst: u64,
}

impl Default for RateLimit {
    /// 10,000 per second with a burst of 1,000.
    fn default() -> Self {
        RateLimit { per_second: 10_000, burst: 1_000 }
    }
}

impl RateLimit {
    pub(super) fn check(self) -> Result<(), OptionError> {
        within("rate.per_second", self.per_second, 1, 1_000_000_000)?;
        within("rate.burst", self.burst, 1, 1_000_000_000)
    }
}

/// The tokens are not there. Nothing was taken, and nothing needs to be dropped: come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// They will be there later.
    #[error("the rate limit is reached: try again in {wait_ms} ms")]
    Wait {
        /// After how many milliseconds they will be there if nobody else takes them.
        wait_ms: u64,
    },
    /// They will never be there.
    #[error("{asked} tokens were asked for at once, the burst is {burst}: ask for fewer, or set a larger burst")]
    TooMany {
        /// How many were asked for.
        asked: u64,
        /// How many can ever be there.
        burst: u64,
    },
}

/// A token bucket: over any time `t` it grants at most `burst + rate * t`, and all of that to who asks often enough
/// (the algorithm of ITU-T I.371 and RFC 2697).
///
/// ```
/// use syncline::flow::{RateLimit, Refusal, TokenBucket};
/// let mut bucket = TokenBucket::new(RateLimit { per_second: 100, burst: 10 }, 0)?;
/// assert_eq!(bucket.take(10, 0), Ok(()));
/// assert_eq!(bucket.take(1, 0), Err(Refusal::Wait { wait_ms: 10 }));
/// assert_eq!(bucket.take(1, 10), Ok(()));
/// # Ok::<(), syncline::flow::OptionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenBucket {
    limit: RateLimit,
    /// Thousandths of tokens that were there at `at_ms`.
    parts: u64,
    at_ms: u64,
}

impl TokenBucket {
    /// Makes a full bucket.
    ///
    /// # Errors
    /// [`OptionError`] if the rate or the burst is out of range.
    pub fn new(limit: RateLimit, now_ms: u64) -> Result<Self, OptionError> {
        limit.check()?;
        Ok(TokenBucket::full(limit, now_ms))
    }

    /// A full bucket for a limit that has been checked.
    pub(super) fn full(limit: RateLimit, now_ms: u64) -> Self {
        TokenBucket { limit, parts: limit.burst * PARTS, at_ms: now_ms }
    }

    /// Takes `count` tokens, all or none.
    ///
    /// # Errors
    /// [`Refusal`] says when they will be there, or that they never will.
    pub fn take(&mut self, count: u64, now_ms: u64) -> Result<(), Refusal> {
        self.check(count, now_ms)?;
        self.parts -= count * PARTS;
        Ok(())
    }

    /// Tells whether `count` tokens are there, and takes none.
    ///
    /// # Errors
    /// As [`TokenBucket::take`].
    pub fn check(&mut self, count: u64, now_ms: u64) -> Result<(), Refusal> {
        if count > self.limit.burst {
            return Err(Refusal::TooMany { asked: count, burst: self.limit.burst });
        }
        self.refill(now_ms);
        match (count * PARTS).saturating_sub(self.parts) {
            0 => Ok(()),
            missing => Err(Refusal::Wait { wait_ms: missing.div_ceil(self.limit.per_second) }),
        }
    }

    /// Whole tokens that are there.
    pub fn available(&mut self, now_ms: u64) -> u64 {
        self.refill(now_ms);
        self.parts / PARTS
    }

    /// Whether it is as good as a new one.
    pub(super) fn is_full(&mut self, now_ms: u64) -> bool {
        self.available(now_ms) == self.limit.burst
    }

    fn refill(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms);
        let earned = passed.saturating_mul(self.limit.per_second);
        self.parts = self.parts.saturating_add(earned).min(self.limit.burst * PARTS);
        if passed > 0 || self.at_ms - now_ms > LATE_MS {
            self.at_ms = now_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::random::Random;

    fn bucket(per_second: u64, burst: u64) -> TokenBucket {
        TokenBucket::new(RateLimit { per_second, burst }, 0).expect("in range")
    }

    #[test]
    fn a_greedy_caller_gets_the_rate_within_five_percent_and_the_burst_once() {
        for (per_second, burst) in [(10_000, 1_000), (333, 7), (1, 1), (999_999, 5_000), (7, 100)] {
            let mut bucket = bucket(per_second, burst);
            let seconds = 60;
            let mut granted = 0;
            for now in 0..=seconds * 1_000 {
                while bucket.take(1, now).is_ok() {
                    granted += 1;
                }
            }
            let ideal = (burst + per_second * seconds) as f64;
            let off = (granted as f64 - ideal).abs() / ideal;
            assert!(off <= 0.05, "{per_second}/s burst {burst}: {granted}, ideal {ideal}");
            assert!(granted as f64 <= ideal, "{per_second}/s burst {burst}: {granted}, ideal {ideal}");
        }
    }

    #[test]
    fn no_window_holds_more_than_burst_and_rate_for_random_callers() {
        for seed in 0..50 {
            let mut random = Random(seed);
            let (per_second, burst) = (random.between(1, 5_000), random.between(1, 500));
            let (mut bucket, mut now, mut grants) = (bucket(per_second, burst), 0, Vec::new());
            for _ in 0..400 {
                now += random.between(0, 30);
                let count = random.between(1, burst);
                if bucket.take(count, now).is_ok() {
                    grants.push((now, count));
                }
                assert!(bucket.available(now) <= burst);
            }
            for (first, (start, _)) in grants.iter().enumerate() {
                let mut sum = 0;
                for (end, count) in &grants[first..] {
                    sum += count;
                    assert!(sum * 1_000 <= burst * 1_000 + per_second * (end - start), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn the_wait_is_exact() {
        for seed in 0..500 {
            let mut random = Random(seed);
            let mut bucket = bucket(random.between(1, 3_000), random.between(1, 300));
            let count = random.between(1, bucket.limit.burst);
            while bucket.take(count, 5).is_ok() {}
            let Err(Refusal::Wait { wait_ms }) = bucket.take(count, 5) else { panic!("it was empty") };
            assert!(bucket.clone().take(count, 5 + wait_ms - 1).is_err(), "seed {seed}");
            assert_eq!(bucket.take(count, 5 + wait_ms), Ok(()), "seed {seed}");
        }
    }

    #[test]
    fn more_than_the_burst_is_refused_for_good_and_takes_nothing() {
        let mut bucket = bucket(10, 5);
        assert_eq!(bucket.take(6, 0), Err(Refusal::TooMany { asked: 6, burst: 5 }));
        assert_eq!(bucket.take(u64::MAX, u64::MAX), Err(Refusal::TooMany { asked: u64::MAX, burst: 5 }));
        assert_eq!(bucket.take(5, 0), Ok(()));
    }

    #[test]
    fn time_that_goes_back_earns_nothing_and_starves_nobody() {
        let mut late = bucket(1_000, 10);
        late.take(10, 50_000).expect("it was full");
        // Readings that swing by a millisecond earn what the time earned, no more.
        let swung = (0..100).filter(|turn| late.take(1, 50_000 - turn % 2).is_ok()).count();
        assert_eq!(swung, 0);
        // The clock is set back by an hour: the bucket goes on from there.
        assert!(late.take(1, 10_000).is_err());
        assert_eq!(late.take(1, 10_001), Ok(()));
    }
}
