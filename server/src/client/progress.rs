//! What those wait for who await a client: kept by the driver, read by the application.

use syncline::replica::{AckLevel, State, Status};

/// How far the client has come.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) status: Status,
    /// Own sequence numbers that have reached accepted, stored and durable.
    acked: [u64; 3],
    /// A connection was made at least once.
    pub(super) connected: bool,
    /// What happened at the last failed attempt to connect.
    pub(super) failure: Option<String>,
    /// What the relay complained about last.
    pub(super) complaint: Option<String>,
    /// Why the relay does not take what was written here; until something is acknowledged or another token is given.
    pub(super) forbidden: Option<String>,
    /// Why the relay will not have this client.
    pub(super) refused: Option<String>,
    /// The application asked to close.
    pub(super) closing: bool,
    /// The driver has ended.
    pub(super) ended: bool,
}

impl Progress {
    pub(super) fn new(status: Status) -> Progress {
        Progress {
            status,
            acked: [0; 3],
            connected: false,
            failure: None,
            complaint: None,
            forbidden: None,
            refused: None,
            closing: false,
            ended: false,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.status.state == State::Live
    }

    pub(super) fn acked(&self, level: AckLevel) -> u64 {
        self.acked[index(level)]
    }

    pub(super) fn ack(&mut self, level: AckLevel, seq: u64) {
        self.forbidden = None;
        let reached = &mut self.acked[index(level)];
        *reached = seq.max(*reached);
    }
}

fn index(level: AckLevel) -> usize {
    match level {
        AckLevel::Accepted => 0,
        AckLevel::Stored => 1,
        AckLevel::Durable => 2,
    }
}
