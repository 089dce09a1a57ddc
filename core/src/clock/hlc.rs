//! The hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone: "Logical Physical Clocks", 2014).

/// A point of hybrid time: 48 bits of milliseconds, then a 16-bit counter. Compares time before counter.
///
/// ```
/// use syncline::clock::Hlc;
/// assert!(Hlc::new(5, 0) > Hlc::new(4, 65_535));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc(u64);

impl Hlc {
    /// Largest time part: 48 bits of milliseconds, the year 10889.
    pub const MAX_MS: u64 = (1 << 48) - 1;

    /// Makes a point from milliseconds since the Unix epoch (clamped to 48 bits) and a counter.
    pub fn new(ms: u64, counter: u16) -> Self {
        Hlc(ms.min(Self::MAX_MS) << 16 | u64::from(counter))
    }

    /// The time part in milliseconds since the Unix epoch.
    pub fn ms(self) -> u64 {
        self.0 >> 16
    }

    /// The counter part.
    pub fn counter(self) -> u16 {
        self.0 as u16
    }

    /// Both parts in one number that keeps their order.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The inverse of [`Hlc::as_u64`]; every number is a valid point.
    pub fn from_u64(bits: u64) -> Self {
        Hlc(bits)
    }
}

/// A clock was further ahead than the door allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock is {ahead_ms} ms ahead (at most {limit_ms} ms are accepted): set this machine's clock")]
pub struct SkewError {
    /// How far ahead in milliseconds.
    pub ahead_ms: u64,
    /// The limit in milliseconds.
    pub limit_ms: u64,
}

/// Issues [`Hlc`] points that never go back.
///
/// A join never refuses an event for its clock (replicas would diverge): [`HlcClock::observe`] follows a clock that is
/// at most [`HlcClock::SKEW_MS`] ahead and ignores the rest. The refusal belongs at a relay's door: [`HlcClock::check`].
#[derive(Clone, Copy, Debug, Default)]
pub struct HlcClock {
    last: Hlc,
    /// The latest point seen elsewhere; followed at the next tick if it is plausible then.
    seen: Hlc,
    /// How far the local time is ahead of a trusted one, once that is worth correcting.
    ahead_ms: u64,
}

impl HlcClock {
    /// How far ahead of the local time a clock may be, in milliseconds.
    pub const SKEW_MS: u64 = 60_000;

    /// Issues a point later than all issued or followed before. `now_ms` is the local time.
    pub fn tick(&mut self, now_ms: u64) -> Hlc {
        let now_ms = now_ms.saturating_sub(self.ahead_ms);
        let seen = std::mem::take(&mut self.seen);
        if seen.ms() <= now_ms.saturating_add(Self::SKEW_MS) {
            self.last = self.last.max(seen);
        }
        // A full counter carries into the time part: the order is kept at the price of a millisecond.
        let next = Hlc(self.last.0.saturating_add(1));
        self.last = Hlc::new(now_ms, 0).max(next);
        self.last
    }

    /// Learns how far the local time is ahead of a trusted one; up to half of [`HlcClock::SKEW_MS`] is left as it is.
    pub fn correct(&mut self, ahead_ms: u64) {
        self.ahead_ms = if ahead_ms > Self::SKEW_MS / 2 { ahead_ms } else { 0 };
    }

    /// Follows a point seen from another replica, if it is plausible beside the local time of the next tick.
    pub fn observe(&mut self, seen: Hlc) {
        self.seen = self.seen.max(seen);
    }

    /// Refuses a point further ahead of `now_ms` than [`HlcClock::SKEW_MS`]: the check at a relay's door.
    ///
    /// # Errors
    /// [`SkewError`] with both figures.
    pub fn check(seen: Hlc, now_ms: u64) -> Result<(), SkewError> {
        let ahead_ms = seen.ms().saturating_sub(now_ms);
        if ahead_ms > Self::SKEW_MS { Err(SkewError { ahead_ms, limit_ms: Self::SKEW_MS }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_never_go_back_when_the_local_time_does() {
        let mut clock = HlcClock::default();
        let first = clock.tick(1_000);
        let second = clock.tick(900);
        assert!(second > first);
        assert_eq!(second.ms(), 1_000);
    }

    #[test]
    fn a_full_counter_carries_into_the_time() {
        let mut clock = HlcClock { last: Hlc::new(1_000, u16::MAX), ..HlcClock::default() };
        assert_eq!(clock.tick(1_000), Hlc::new(1_001, 0));
    }

    #[test]
    fn a_clock_far_ahead_is_refused_at_the_door_and_not_followed() {
        let far = Hlc::new(2_000_000, 0);
        assert!(HlcClock::check(far, 1_000).is_err());
        assert!(HlcClock::check(Hlc::new(61_000, 0), 1_000).is_ok());
        let mut clock = HlcClock::default();
        clock.tick(1_000);
        clock.observe(far);
        assert_eq!(clock.tick(1_000).ms(), 1_000);
        clock.observe(Hlc::new(50_000, 3));
        assert_eq!(clock.tick(1_000), Hlc::new(50_000, 4));
    }

    #[test]
    fn a_local_time_far_ahead_is_corrected_once_known() {
        let mut clock = HlcClock::default();
        clock.correct(300_000);
        assert_eq!(clock.tick(1_000_000).ms(), 700_000);
        clock.correct(5_000);
        assert_eq!(clock.tick(1_000_000).ms(), 1_000_000);
    }

    #[test]
    fn the_largest_time_does_not_poison_the_clock() {
        let mut clock = HlcClock::default();
        clock.observe(Hlc::from_u64(u64::MAX));
        assert_eq!(clock.tick(5).ms(), 5);
    }
}
