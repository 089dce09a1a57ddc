//! One connection: from the HTTP upgrade through the handshake to the last frame.

mod connection;
mod gate;
mod outbox;
mod pace;
mod upgrade;
mod wire;

pub(crate) use connection::{Alive, Ended, draining, overdue, write};
pub(crate) use connection::{CLOSE_NOT_BINARY, CLOSE_RESTART, CLOSE_TOO_LARGE, CLOSE_TOO_MANY_ROOMS, CLOSE_TRY_AGAIN};
pub(crate) use gate::Peer;
pub use outbox::{CLOSE_TOO_SLOW, CloseReason, Importance, Next, Outbox};
pub(crate) use pace::{Pace, TenantFull, Tenants};
pub(crate) use upgrade::{Accepted, Socket, accept, socket_config};
pub use upgrade::{Refusal, upgrade};
pub(crate) use wire::{Wire, WireStream};

pub use syncline::link::SUBPROTOCOL;
