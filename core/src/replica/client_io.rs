//! What goes into a client's replica and what comes out of it.

use super::presence::PresenceChange;
use crate::clock::ReplicaId;
use crate::crdt::Value;
use crate::doc::Change;
use crate::link::{AckLevel, RemoteError};

/// What a replica is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// The room at the relay.
    pub room: String,
    /// Name and version of the application.
    pub agent: String,
    /// What entitles it, if the relay asks.
    pub token: Option<String>,
    /// Seeds the jitter of reconnects.
    pub seed: u64,
}

/// What happens to a replica.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The application wants to be connected, or not to be. It does not at first.
    Online(bool),
    /// The transport that [`Output::Connect`] asked for is open.
    Connected,
    /// A frame arrived.
    Frame(&'a [u8]),
    /// The transport is closed or could not be opened. 1006 if the code is not known.
    Disconnected {
        /// The WebSocket close code.
        code: u16,
    },
    /// What others are to see of this client; `None` for nothing.
    Presence(Option<&'a Value>),
    /// The time that [`Output::Idle`] named has come, or the document was edited.
    Tick,
}

/// What a replica wants done, or known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Open a transport to the relay.
    Connect,
    /// Close the transport.
    Disconnect,
    /// Send a frame.
    Send(Vec<u8>),
    /// Append a blob to the local store. Importing all of them in order makes the document again.
    Journal(Vec<u8>),
    /// The document became different.
    Changes(Vec<Change>),
    /// All own events up to a number have reached a level.
    Acked {
        /// The level.
        level: AckLevel,
        /// The number.
        seq: u64,
    },
    /// The replica writes under another id from now on, and its events are counted anew. Those up to `taken` are
    /// durable at the relay; later ones were renamed and are, when [`Status::unsaved`] is 0 again.
    Renewed {
        /// The id until now.
        from: ReplicaId,
        /// The number of its last event that the relay knew.
        taken: u64,
        /// The id from now on.
        to: ReplicaId,
    },
    /// Others came, changed or left.
    Presence(Vec<PresenceChange>),
    /// The status became different.
    Status(Status),
    /// The relay refused something, or the link failed; the status says what follows.
    Error(RemoteError),
    /// Nothing to do before this time (ms since the Unix epoch), or before the next input.
    Idle(Option<u64>),
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not wanted.
    #[default]
    Offline,
    /// Waiting for the transport, or for the time to try again.
    Connecting,
    /// Exchanging what each side lacks.
    Syncing,
    /// In step.
    Live,
    /// Refused for good: see the error. Going online again tries once more.
    Stopped,
}

/// Where a replica stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The connection.
    pub state: State,
    /// Number of events here that are not known to be durable at the relay.
    pub unsaved: u64,
    /// When the next attempt to connect is due (ms since the Unix epoch), while waiting for it.
    pub retry_at: Option<u64>,
    /// The relay's name and version, while connected.
    pub relay: Option<String>,
}
