//! The front doors: what an application drives, and what a relay drives.
//!
//! * [`Replica`]: a document and its link to one relay. One enum in ([`Input`]), one enum out ([`Output`]).
//! * [`Room`]: a document, everyone connected to it, and the order in which what they write is persisted, passed on and
//!   acknowledged. One enum in ([`RoomInput`]), one enum out ([`RoomOutput`]).
//!
//! Both speak through [`link`](crate::link) and know no socket, file or clock.

mod client;
mod client_io;
mod incoming;
mod outbound;
mod presence;
mod reissue;
mod retire;
mod rights;
mod room;
mod room_io;
mod room_presence;
mod room_retire;
mod room_space;
mod room_welcome;
mod unsaved;

pub use client::Replica;
pub use client_io::{Input, Output, ReplicaConfig, State, Status};
pub use presence::PresenceChange;
pub use retire::{MemberId, RetireDriver, RetireFailure, RetireMessage, RetireOutput};
pub use rights::Rights;
pub use room::Room;
pub use room_io::{ConnId, FrameKind, RoomConfig, RoomInput, RoomOutput, Space};

pub use crate::link::AckLevel;

#[cfg(test)]
mod retire_tests;
#[cfg(test)]
mod rights_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;
