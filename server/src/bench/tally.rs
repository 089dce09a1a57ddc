//! What is counted while a run goes on, by all connections together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::latency::Recorder;

/// Kinds of failures that are told apart; more are counted as others.
const REASONS: usize = 16;

/// Counts of all connections.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Messages sent.
    pub(super) sent: AtomicU64,
    /// Messages of others that arrived, once for each reader.
    pub(super) delivered: AtomicU64,
    /// Messages that arrived at a reader again, or after a later one of the same writer.
    pub(super) repeated: AtomicU64,
    /// Messages acknowledged to their writers.
    pub(super) acked: AtomicU64,
    /// Frames that arrived.
    pub(super) frames: AtomicU64,
    /// Bytes of these frames.
    pub(super) bytes: AtomicU64,
    /// From the time a message was due to its arrival, for each reader.
    pub(super) arrival: Recorder,
    /// From the time a message was due to its acknowledgement.
    pub(super) ack: Recorder,
    /// From the time a message was due to when this tool sent it.
    pub(super) late: Recorder,
    failures: Mutex<BTreeMap<String, u64>>,
}

/// What the counts came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Traffic {
    pub(super) sent: u64,
    /// Messages sent, times the others in the room.
    pub(super) expected: u64,
    pub(super) delivered: u64,
    /// Expected, but not delivered.
    pub(super) missing: u64,
    pub(super) repeated: u64,
    pub(super) acked: u64,
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl Tally {
    /// Counts something that went wrong.
    pub(super) fn failed(&self, reason: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let full = failures.len() >= REASONS && !failures.contains_key(reason);
        *failures.entry(if full { "other" } else { reason }.to_owned()).or_default() += 1;
    }

    /// What went wrong, and how often.
    pub(super) fn failures(&self) -> BTreeMap<String, u64> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn traffic(&self, expected: u64) -> Traffic {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let delivered = count(&self.delivered);
        Traffic {
            sent: count(&self.sent),
            expected,
            delivered,
            missing: expected.saturating_sub(delivered),
            repeated: count(&self.repeated),
            acked: count(&self.acked),
            frames: count(&self.frames),
            bytes: count(&self.bytes),
        }
    }
}

/// Adds to a count.
pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_bounded() {
        let tally = Tally::default();
        for number in 0..1000 {
            tally.failed(&format!("reason {number}"));
        }
        let failures = tally.failures();
        assert!(failures.len() <= REASONS + 1 && failures.values().sum::<u64>() == 1000);
        assert_eq!(failures["other"], 1000 - REASONS as u64);
    }
}
