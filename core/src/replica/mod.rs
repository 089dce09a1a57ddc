//! The front doors: what an application drives, and what a relay drives.
//!
//! * [`Replica`]: a document and its link to one relay. One enum in ([`Input`]), one enum out ([`Output`]).
//! * [`Room`]: a document, everyone connected to it, and the order in which what they write is persisted, passed on and
//!   acknowledged. One enum in ([`RoomInput`]), one enum out ([`RoomOutput`]).
//!
//! Both speak through [`link`](crate::link) and know no socket, file or clock.

mod outbound;
mod presence;
mod room;
mod session;
mod unsaved;

pub use presence::PresenceChange;
pub use room::{ConnId, FrameKind, Room, RoomConfig, RoomInput, RoomOutput};
pub use session::{Input, Output, Replica, ReplicaConfig, State, Status};

pub use crate::link::AckLevel;

#[cfg(test)]
mod tests;
