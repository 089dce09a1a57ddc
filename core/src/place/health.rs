//! How nodes are: marks set by people, and pings handed in by whoever measures.

use super::{PlaceError, Topology};

/// Failed pings in a row after which a node counts as down: one lost packet is no outage.
pub const DOWN_AFTER: u32 = 3;

/// Answered pings in a row after which a node that was down counts as up again, so that routes do not flap.
pub const UP_AFTER: u32 = 2;

/// Longest latency taken as such, in milliseconds: an hour.
const LONGEST_MS: u64 = 3_600_000;

/// Whether a node serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// It serves.
    #[default]
    Up,
    /// It does not answer.
    Down,
    /// It answers and is about to leave: it serves when nobody else does, and gets no new shards.
    Draining,
}

/// A node's mark and what speaks for changing it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    draining: bool,
    down: bool,
    /// Pings in a row that spoke against the present state.
    against: u32,
}

impl Pulse {
    pub(super) fn mark(self) -> Mark {
        match (self.down, self.draining) {
            (true, _) => Mark::Down,
            (false, true) => Mark::Draining,
            (false, false) => Mark::Up,
        }
    }

    fn ping(&mut self, answered: bool) {
        let limit = if self.down { UP_AFTER } else { DOWN_AFTER };
        self.against = if answered == self.down { self.against + 1 } else { 0 };
        if self.against >= limit {
            self.down = !self.down;
            self.against = 0;
        }
    }
}

impl Topology {
    /// Sets the mark of a node at once, whatever the pings said. `Draining` stays until somebody marks the node as up.
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such node.
    pub fn mark(&mut self, node: &str, mark: Mark) -> Result<(), PlaceError> {
        let at = self.node(node)?;
        let draining = match mark {
            Mark::Up => false,
            Mark::Draining => true,
            Mark::Down => self.pulses[at].draining,
        };
        self.pulses[at] = Pulse { draining, down: mark == Mark::Down, against: 0 };
        Ok(())
    }

    /// Learns how a ping of a node ended: [`DOWN_AFTER`] failures in a row mark it as down, [`UP_AFTER`] answers in a row
    /// bring it back. Returns its mark.
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such node.
    pub fn pinged(&mut self, node: &str, answered: bool) -> Result<Mark, PlaceError> {
        let at = self.node(node)?;
        self.pulses[at].ping(answered);
        Ok(self.pulses[at].mark())
    }

    /// Learns how long a node took to answer somebody in a region, in milliseconds. A new value counts for an eighth, as
    /// round trips do in RFC 6298; the first one counts whole.
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such region or node.
    pub fn measured(&mut self, from_region: &str, node: &str, ms: u64) -> Result<(), PlaceError> {
        let pair = (self.region(from_region)?, self.node(node)? as u32);
        let micros = ms.min(LONGEST_MS) * 1_000;
        let smoothed = self.latencies.get(&pair).map_or(micros, |before| (before * 7 + micros) / 8);
        self.latencies.insert(pair, smoothed);
        Ok(())
    }

    /// The smoothed time from a region to a node in whole milliseconds, if it was ever measured.
    ///
    /// # Errors
    /// [`PlaceError::Unknown`] if there is no such region or node.
    pub fn latency_ms(&self, from_region: &str, node: &str) -> Result<Option<u64>, PlaceError> {
        let pair = (self.region(from_region)?, self.node(node)? as u32);
        Ok(self.latencies.get(&pair).map(|micros| micros / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_node() -> Topology {
        Topology::builder().region("eu", ["a"]).node("n", "eu", "a").build().expect("valid")
    }

    fn pings(topology: &mut Topology, answers: &[bool]) -> Vec<Mark> {
        answers.iter().map(|answer| topology.pinged("n", *answer).expect("known")).collect()
    }

    #[test]
    fn three_lost_pings_take_a_node_down_and_two_answers_bring_it_back() {
        use Mark::{Down, Up};
        let mut topology = one_node();
        let marks = pings(&mut topology, &[false, false, true, false, false, false, true, false, true, true, false]);
        assert_eq!(marks, [Up, Up, Up, Up, Up, Down, Down, Down, Down, Up, Up]);
    }

    #[test]
    fn a_draining_node_that_goes_down_comes_back_draining() {
        let mut topology = one_node();
        topology.mark("n", Mark::Draining).expect("known");
        assert_eq!(
            pings(&mut topology, &[false, false, false, true, true])[2..],
            [Mark::Down, Mark::Down, Mark::Draining]
        );
        topology.mark("n", Mark::Up).expect("known");
        assert_eq!(topology.mark_of("n"), Ok(Mark::Up));
    }

    #[test]
    fn latencies_are_smoothed_and_strangers_are_refused() {
        let mut topology = one_node();
        assert_eq!(topology.latency_ms("eu", "n"), Ok(None));
        topology.measured("eu", "n", 80).expect("known");
        topology.measured("eu", "n", 160).expect("known");
        assert_eq!(topology.latency_ms("eu", "n"), Ok(Some(90)));
        (0..100).for_each(|_| topology.measured("eu", "n", u64::MAX).expect("known"));
        assert!(topology.latency_ms("eu", "n").is_ok_and(|ms| ms.is_some_and(|ms| ms <= LONGEST_MS)));
        assert_eq!(topology.measured("mars", "n", 1).map_err(|error| error.code()), Err("unknown"));
        assert_eq!(topology.mark("m", Mark::Up).map_err(|error| error.code()), Err("unknown"));
    }
}
