//! Asks a relay for its numbers.

use std::time::Duration;

use serde_json::Value;

use super::super::Failure;
use super::super::operator::{Operator, OperatorArgs};

/// Time that the relay has for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Rooms in memory that are looked at: as many as one answer may have.
const ROOMS: &str = "/admin/v1/rooms?loaded=true&limit=1000";

/// A relay to ask.
pub(super) struct Source(Operator);

/// What a relay says at one moment.
pub(super) struct Look {
    pub(super) stats: Value,
    pub(super) rooms: Value,
}

impl Source {
    pub(super) fn new(args: &OperatorArgs) -> Result<Source, Failure> {
        Operator::new(args, TIMEOUT).map(Source)
    }

    pub(super) fn look(&self) -> Result<Look, Failure> {
        Ok(Look { stats: self.0.ask("GET", "/admin/v1/stats")?, rooms: self.0.ask("GET", ROOMS)? })
    }
}
