//! How long the writes of one room wait for their acknowledgements.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Level, Metrics};

/// Writes of one room whose time is taken at once; of more than that only the first are timed.
const TIMED: usize = 16 * 1024;

/// Knows when the writes came that wait for a level.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    accepted: Vec<Instant>,
    /// Entry of the log and when its write came, for each level above accepted.
    stored: VecDeque<(u64, Instant)>,
    durable: VecDeque<(u64, Instant)>,
}

impl Acks {
    /// A write that came at `received` was merged, and its last log entry has the number `entry`.
    pub(crate) fn wrote(&mut self, entry: u64, received: Instant) {
        if self.durable.len() < TIMED && self.stored.len() < TIMED && self.accepted.len() < TIMED {
            self.accepted.push(received);
            self.stored.push_back((entry, received));
            self.durable.push_back((entry, received));
        }
    }

    /// A write that is acknowledged as durable only.
    pub(crate) fn wrote_for_disk(&mut self, entry: u64, received: Instant) {
        if self.durable.len() < TIMED {
            self.durable.push_back((entry, received));
        }
    }

    /// Everything that was merged is acknowledged as accepted.
    pub(crate) fn accepted(&mut self, metrics: &Metrics) {
        if self.accepted.is_empty() {
            return;
        }
        let now = Instant::now();
        self.accepted.drain(..).for_each(|received| metrics.ack(Level::Accepted).took(now - received));
    }

    /// The entries up to a number are acknowledged at a level. Durable includes stored.
    pub(crate) fn reached(&mut self, level: Level, upto: u64, metrics: &Metrics) {
        let now = Instant::now();
        let settle = |waiting: &mut VecDeque<(u64, Instant)>, level| {
            while let Some((_, received)) = waiting.pop_front_if(|(entry, _)| *entry <= upto) {
                metrics.ack(level).took(now - received);
            }
        };
        match level {
            Level::Accepted => {}
            Level::Stored => settle(&mut self.stored, Level::Stored),
            Level::Durable => {
                // A store that tells of durable only has no level between.
                self.stored.retain(|(entry, _)| *entry > upto);
                settle(&mut self.durable, Level::Durable);
            }
        }
    }
}
