//! One connection: from the HTTP upgrade through the handshake to the last frame.

mod connection;
mod gate;
mod outbox;
mod pace;
mod upgrade;

pub(crate) use gate::Peer;
pub use outbox::{CLOSE_TOO_SLOW, CloseReason, Importance, Next, Outbox};
pub(crate) use pace::Tenants;
pub use upgrade::{Refusal, upgrade};

pub use syncline::link::SUBPROTOCOL;
