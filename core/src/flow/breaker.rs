//! Leaving a peer that fails alone for a while.

use super::OptionError;
use super::options::{LONGEST_MS, within};

/// When a [`CircuitBreaker`] opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it; from 1.
    pub failures: u32,
    /// Share of failures among the last calls that opens it, in percent; from 1 to 100.
    pub rate_percent: u32,
    /// Fewest calls that a share is taken of; up to 64, which is also how many calls are remembered.
    pub rate_calls: u32,
    /// How long it stays open before a probe, in milliseconds.
    pub reset_ms: u64,
    /// Successful probes in a row that close it; from 1.
    pub probes: u32,
}

impl Default for BreakerOptions {
    /// Opens after 5 failures in a row, or half of at least 20 calls, for 30 s; one successful probe closes it.
    fn default() -> Self {
        BreakerOptions { failures: 5, rate_percent: 50, rate_calls: 20, reset_ms: 30_000, probes: 1 }
    }
}

impl BreakerOptions {
    fn check(&self) -> Result<(), OptionError> {
        within("breaker.failures", self.failures.into(), 1, 1_000_000)?;
        within("breaker.rate_percent", self.rate_percent.into(), 1, 100)?;
        within("breaker.rate_calls", self.rate_calls.into(), 1, 64)?;
        within("breaker.reset_ms", self.reset_ms, 1, LONGEST_MS)?;
        within("breaker.probes", self.probes.into(), 1, 1_000)
    }
}

/// What a [`CircuitBreaker`] does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every call may go out.
    Closed,
    /// No call may go out.
    Open,
    /// One call at a time may go out, as a probe.
    HalfOpen,
}

/// One call under way: hand it back to [`CircuitBreaker::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTicket(u32);

/// Not now. The caller keeps what it wanted to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer failed too often and is left alone: try again in {wait_ms} ms, and keep what is to be sent")]
#[non_exhaustive]
pub struct BreakerOpen {
    /// After how many milliseconds it is worth asking again.
    pub wait_ms: u64,
}

/// A circuit breaker (Nygard, "Release It!", 2007): closed, open, half-open.
///
/// It only answers "may I call now, and if not, when?"; it holds no work and so can lose none. Ask with
/// [`CircuitBreaker::start`] before a call, and report with [`CircuitBreaker::finish`] after it. A result that arrives after
/// the breaker has changed its state says nothing about the present and is ignored.
///
/// ```
/// use syncline::flow::{BreakerOptions, CircuitBreaker};
/// let mut breaker = CircuitBreaker::new(BreakerOptions::default())?;
/// for _ in 0..5 {
///     let ticket = breaker.start(0).expect("it is closed");
///     breaker.finish(ticket, false, 0);
/// }
/// assert_eq!(breaker.start(10_000).map_err(|open| open.wait_ms), Err(20_000));
/// let probe = breaker.start(30_000).expect("one probe may go out");
/// assert!(breaker.start(30_000).is_err(), "only one");
/// breaker.finish(probe, true, 30_100);
/// assert!(breaker.start(30_100).is_ok());
/// # Ok::<(), syncline::flow::OptionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    options: BreakerOptions,
    phase: Phase,
    /// Counts the changes of phase, so that a late result is known as such.
    turn: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed(Window),
    /// Until when.
    Open(u64),
    /// Successful probes so far, and until when the probe under way may take.
    HalfOpen(u32, Option<u64>),
}

impl CircuitBreaker {
    /// Starts closed.
    ///
    /// # Errors
    /// [`OptionError`] if an option is out of range.
    pub fn new(options: BreakerOptions) -> Result<Self, OptionError> {
        options.check()?;
        Ok(CircuitBreaker { options, phase: Phase::Closed(Window::default()), turn: 0 })
    }

    /// Asks whether a call may go out now.
    ///
    /// # Errors
    /// [`BreakerOpen`] says when to ask again.
    pub fn start(&mut self, now_ms: u64) -> Result<CallTicket, BreakerOpen> {
        let reset_ms = self.options.reset_ms;
        match &mut self.phase {
            Phase::Closed(_) => {}
            Phase::Open(until) | Phase::HalfOpen(_, Some(until)) if now_ms < *until => {
                // A clock that was set back must not keep it shut for longer than agreed.
                *until = (*until).min(now_ms.saturating_add(reset_ms));
                return Err(BreakerOpen { wait_ms: *until - now_ms });
            }
            Phase::Open(_) => self.enter(Phase::HalfOpen(0, Some(now_ms.saturating_add(reset_ms)))),
            // The probe before this one was lost: its result, if it comes after all, is ignored.
            Phase::HalfOpen(done, Some(_)) => {
                let done = *done;
                self.enter(Phase::HalfOpen(done, Some(now_ms.saturating_add(reset_ms))));
            }
            Phase::HalfOpen(_, probe @ None) => *probe = Some(now_ms.saturating_add(reset_ms)),
        }
        Ok(CallTicket(self.turn))
    }

    /// Learns how a call ended.
    pub fn finish(&mut self, ticket: CallTicket, ok: bool, now_ms: u64) {
        if ticket.0 != self.turn {
            return;
        }
        let open = Phase::Open(now_ms.saturating_add(self.options.reset_ms));
        match &mut self.phase {
            Phase::Closed(window) => {
                window.push(ok);
                if window.is_bad(&self.options) {
                    self.enter(open);
                }
            }
            Phase::Open(_) => {}
            Phase::HalfOpen(..) if !ok => self.enter(open),
            Phase::HalfOpen(done, _) if *done + 1 >= self.options.probes => {
                self.enter(Phase::Closed(Window::default()));
            }
            Phase::HalfOpen(done, _) => {
                let done = *done + 1;
                self.enter(Phase::HalfOpen(done, None));
            }
        }
    }

    /// What it does at the moment; open lasts until somebody asks after its time.
    pub fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed(_) => BreakerState::Closed,
            Phase::Open(_) => BreakerState::Open,
            Phase::HalfOpen(..) => BreakerState::HalfOpen,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.turn = self.turn.wrapping_add(1);
    }
}

/// The last calls, the latest in the lowest bit: 1 is a failure.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    calls: u32,
    failed: u64,
    in_a_row: u32,
}

impl Window {
    fn push(&mut self, ok: bool) {
        self.calls = (self.calls + 1).min(64);
        self.failed = self.failed << 1 | u64::from(!ok);
        self.in_a_row = if ok { 0 } else { self.in_a_row.saturating_add(1) };
    }

    /// Only a failure can make it bad, so that a success never opens the breaker.
    fn is_bad(&self, options: &BreakerOptions) -> bool {
        let often = self.calls >= options.rate_calls
            && self.failed.count_ones() * 100 >= options.rate_percent * self.calls
            && self.in_a_row > 0;
        often || self.in_a_row >= options.failures
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
