//! What goes into a room of a relay and what comes out of it.

use super::retire::RetireMessage;
use super::rights::Rights;
use crate::clock::ReplicaId;
use crate::link::Message;
use std::sync::Arc;

/// Names a connection; the driver chooses it.
pub type ConnId = u64;

/// What a room is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomConfig {
    /// Its name.
    pub name: String,
    /// The number that stands for it at this relay, the same on all connections.
    pub alias: u32,
    /// The id of the relay's own replica; it writes nothing, so any fresh one will do.
    pub id: ReplicaId,
    /// The number that the first entry given to the store is to have.
    pub next_persist: u64,
}

/// How much more of a room may be stored. Once nothing is left, only what deletes is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes of entries. The write that takes the last of them may be larger.
    pub left: u64,
    /// What writers are told then, for people.
    pub reason: String,
}

/// What happens to a room.
#[derive(Clone, Debug)]
pub enum RoomInput {
    /// A message for this room came. [`Message::Open`] lets a connection in.
    Message {
        /// The connection.
        conn: ConnId,
        /// The message.
        message: Message,
    },
    /// What a connection may do from now on. Told before the connection opens the room; one of which nothing is told may
    /// write.
    Rights {
        /// The connection.
        conn: ConnId,
        /// What.
        rights: Rights,
    },
    /// How much more may be stored; `None` for no limit.
    Space(Option<Space>),
    /// A connection is gone.
    Leave {
        /// The connection.
        conn: ConnId,
    },
    /// The entries up to this number survive the end of the process.
    Stored {
        /// The number.
        upto: u64,
    },
    /// The entries up to this number are on the disk.
    Durable {
        /// The number.
        upto: u64,
    },
    /// The driver of a round of retirement says something.
    Retire(RetireMessage),
    /// Another durable member of the room has something: what [`Room::delta_for_member`](super::Room::delta_for_member)
    /// made of it.
    MemberDelta {
        /// The delta.
        body: Vec<u8>,
    },
    /// An entry could not be stored: the room takes no more writes. Load it again from the store.
    StoreFailed {
        /// A sentence for people.
        reason: String,
    },
}

/// What may happen to a frame when its reader is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// It must arrive, or the connection must end.
    Data,
    /// A later one makes up for it.
    Presence,
}

/// What a room wants done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RoomOutput {
    /// Send a frame to one connection.
    Send {
        /// The connection.
        conn: ConnId,
        /// The frame.
        frame: Vec<u8>,
        /// Whether it may be dropped.
        kind: FrameKind,
    },
    /// Send a frame to every connection that is in the room, but one.
    Broadcast {
        /// The one that knows it already.
        except: Option<ConnId>,
        /// The frame.
        frame: Arc<[u8]>,
        /// Whether it may be dropped.
        kind: FrameKind,
    },
    /// Append an entry to the log of the room. Numbers are consecutive.
    Persist {
        /// Its number.
        id: u64,
        /// Its bytes: [`Room::restore`](super::Room::restore) takes them.
        blob: Vec<u8>,
    },
    /// Answer the driver of a round of retirement.
    Retire(RetireMessage),
    /// Close a connection, after what was sent to it before.
    Close {
        /// The connection.
        conn: ConnId,
        /// The WebSocket close code.
        code: u16,
        /// A sentence for people.
        reason: String,
    },
}
