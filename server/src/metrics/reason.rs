//! Why something was refused, as labels.

use syncline::link::ErrorCode;

use super::Count;
use crate::socket::Refusal;

/// Declares an enumeration whose variants are the values of a label.
macro_rules! reasons {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl Reason for $name {
            const ALL: &'static [$name] = &[$($name::$variant,)*];

            fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

/// Is one value of a label out of a list that does not change.
pub trait Reason: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// How it is shown.
    fn label(self) -> &'static str;

    /// Its place in the list.
    fn place(self) -> usize;
}

reasons! {
    /// Says why a connection was not taken.
    Refused {
        /// A plain request came to the address of WebSockets.
        NotWebSocket = "not_websocket",
        /// The client does not offer the protocol.
        Subprotocol = "subprotocol",
        /// A page of another site.
        Origin = "origin",
        /// The relay starts or drains.
        NotReady = "not_ready",
        /// All places are taken.
        Full = "full",
        /// The address names no document that can be.
        Name = "name",
        /// The handshake of TLS failed.
        Tls = "tls",
        /// Something else.
        Other = "other",
    }
}

reasons! {
    /// Says what became of a finished span.
    Exported {
        /// The collector has it.
        Sent = "sent",
        /// The queue was full.
        Dropped = "dropped",
        /// The collector did not take it.
        Failed = "failed",
    }
}

reasons! {
    /// Says why a frame was not taken.
    Rejected {
        /// It cannot be read, or does not belong there.
        BadFrame = "bad_frame",
        /// It is larger than a frame may be.
        TooLarge = "too_large",
        /// It is text.
        NotBinary = "not_binary",
        /// The token is missing or not valid.
        Unauthorized = "unauthorized",
        /// The token does not allow it.
        Forbidden = "forbidden",
        /// It names a room that the connection did not open.
        UnknownRoom = "unknown_room",
        /// It would exceed a limit.
        Limit = "limit",
        /// The room cannot be had now.
        Unavailable = "unavailable",
        /// The writer's clock is too far ahead.
        ClockSkew = "clock_skew",
        /// It builds on something that the room does not have.
        Resync = "resync",
        /// Its content is damaged.
        Damaged = "damaged",
        /// The store does not take writes.
        Store = "store",
        /// It has events of a retired id.
        Retired = "retired",
        /// It is for a room that was deleted.
        Deleted = "deleted",
        /// It is beyond a quota.
        Quota = "quota",
        /// Something else.
        Other = "other",
    }
}

reasons! {
    /// Says how something ended.
    Outcome {
        /// As it should.
        Ok = "ok",
        /// It failed.
        Failed = "failed",
    }
}

reasons! {
    /// Says how safe an acknowledged write is.
    Level {
        /// The relay has merged it.
        Accepted = "accepted",
        /// It survives the end of the process.
        Stored = "stored",
        /// It is on the disk.
        Durable = "durable",
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotWebSocket => Refused::NotWebSocket,
            Refusal::Subprotocol => Refused::Subprotocol,
            Refusal::Origin(_) => Refused::Origin,
            Refusal::NotReady(_) => Refused::NotReady,
            Refusal::Full => Refused::Full,
            Refusal::Name => Refused::Name,
        }
    }
}

impl From<ErrorCode> for Rejected {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Protocol => Rejected::BadFrame,
            ErrorCode::Unauthorized => Rejected::Unauthorized,
            ErrorCode::Forbidden => Rejected::Forbidden,
            ErrorCode::Limit => Rejected::Limit,
            ErrorCode::Unavailable => Rejected::Unavailable,
            ErrorCode::ClockSkew => Rejected::ClockSkew,
            ErrorCode::Resync => Rejected::Resync,
            ErrorCode::Damaged => Rejected::Damaged,
            ErrorCode::Store => Rejected::Store,
            ErrorCode::Retired => Rejected::Retired,
            ErrorCode::Deleted => Rejected::Deleted,
            ErrorCode::Quota => Rejected::Quota,
            _ => Rejected::Other,
        }
    }
}

/// Holds one number for each value of a label.
#[derive(Debug)]
pub struct By<R>(Box<[Count]>, std::marker::PhantomData<R>);

impl<R: Reason> By<R> {
    /// The number for one value.
    pub fn of(&self, reason: R) -> &Count {
        &self.0[reason.place()]
    }

    /// All values with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        R::ALL.iter().map(|reason| (reason.label(), self.of(*reason).value()))
    }
}

impl<R: Reason> Default for By<R> {
    fn default() -> Self {
        By(R::ALL.iter().map(|_| Count::default()).collect(), std::marker::PhantomData)
    }
}
