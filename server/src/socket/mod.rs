//! One connection: from the HTTP upgrade through the handshake to the last frame.

mod connection;
mod outbox;
mod upgrade;

pub use outbox::{CLOSE_TOO_SLOW, CloseReason, Importance, Next, Outbox};
pub use upgrade::{Refusal, upgrade};

pub use syncline::link::SUBPROTOCOL;
