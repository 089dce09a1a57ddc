//! The hybrid logical clock by its definition.

/// Issues (milliseconds, counter), never going back, and follows what it has seen if that is plausible.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    last: (u64, u64),
    seen: (u64, u64),
}

/// How far ahead of the local time another clock is followed, in milliseconds.
const FOLLOWED_MS: u64 = 60_000;

impl Clock {
    /// A transaction begins at `now_ms`: later than all before, and than the latest time seen since unless that lies too
    /// far ahead.
    pub fn tick(&mut self, now_ms: u64) -> (u64, u64) {
        let seen = std::mem::take(&mut self.seen);
        if seen.0 <= now_ms + FOLLOWED_MS {
            self.last = self.last.max(seen);
        }
        let (last_ms, counter) = self.last;
        self.last = if now_ms > last_ms { (now_ms, 0) } else { (last_ms, counter + 1) };
        self.last
    }

    /// A time was seen on an event of another replica.
    pub fn observe(&mut self, time: (u64, u64)) {
        self.seen = self.seen.max(time);
    }
}
