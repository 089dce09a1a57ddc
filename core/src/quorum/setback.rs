//! Clocks that are set back: nobody waits for longer than agreed because of it.

/// A step back in time up to this is a reading taken late and is ignored; beyond it the clock was set. Milliseconds.
const LATE_MS: u64 = 1_000;

/// Follows the caller's clock. Returns by how much it was set back, in milliseconds: deadlines move along with it.
pub(super) fn set_back(last_ms: &mut u64, now_ms: u64) -> u64 {
    let back = last_ms.saturating_sub(now_ms);
    if (1..=LATE_MS).contains(&back) {
        return 0;
    }
    *last_ms = now_ms;
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_taken_late_is_no_setback() {
        let mut last = 0;
        let backs = [5_000, 4_500, 4_000, 5_100, 600, 700].map(|now_ms| set_back(&mut last, now_ms));
        assert_eq!((backs, last), ([0, 0, 0, 0, 4_500, 0], 700));
    }
}
