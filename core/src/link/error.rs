//! What can go wrong on a link, and what each side tells the other of it.

use crate::bytes::DecodeError;

/// Why something was refused, as a number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A frame broke the protocol.
    Protocol,
    /// The versions of the protocol do not match.
    Version,
    /// The token is missing or not valid.
    Unauthorized,
    /// The token does not allow this.
    Forbidden,
    /// A limit is reached.
    Limit,
    /// The room cannot be had now.
    Unavailable,
    /// The writer's clock is too far ahead.
    ClockSkew,
    /// Events are missing: open the room again.
    Resync,
    /// What was sent is damaged.
    Damaged,
    /// The store does not take writes now.
    Store,
    /// Two replicas have seen the same and hold different states.
    Divergence,
    /// The events of a retired id cannot be told apart any more.
    Retired,
    /// The room was deleted, or it is another one of the same name than the client has.
    Deleted,
    /// The room or the tenant has all the bytes, or the tenant all the rooms, that it may have; deletes are taken.
    Quota,
    /// One that this version does not know.
    Other(u16),
}

impl ErrorCode {
    const KNOWN: [ErrorCode; 14] = [
        ErrorCode::Protocol,
        ErrorCode::Version,
        ErrorCode::Unauthorized,
        ErrorCode::Forbidden,
        ErrorCode::Limit,
        ErrorCode::Unavailable,
        ErrorCode::ClockSkew,
        ErrorCode::Resync,
        ErrorCode::Damaged,
        ErrorCode::Store,
        ErrorCode::Divergence,
        ErrorCode::Retired,
        ErrorCode::Deleted,
        ErrorCode::Quota,
    ];

    pub(super) fn number(self) -> u64 {
        match self {
            ErrorCode::Other(number) => number.into(),
            known => Self::KNOWN.iter().position(|&code| code == known).unwrap_or(0) as u64,
        }
    }

    pub(super) fn from_number(number: u64) -> Self {
        let known = usize::try_from(number).ok().and_then(|at| Self::KNOWN.get(at)).copied();
        known.unwrap_or(ErrorCode::Other(number.min(u16::MAX.into()) as u16))
    }

    /// The name, for programs that tell codes apart by text.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::Protocol => "protocol",
            ErrorCode::Version => "version",
            ErrorCode::Unauthorized => "unauthorized",
            ErrorCode::Forbidden => "forbidden",
            ErrorCode::Limit => "limit",
            ErrorCode::Unavailable => "unavailable",
            ErrorCode::ClockSkew => "clock_skew",
            ErrorCode::Resync => "resync",
            ErrorCode::Damaged => "damaged",
            ErrorCode::Store => "store",
            ErrorCode::Divergence => "divergence",
            ErrorCode::Retired => "retired",
            ErrorCode::Deleted => "deleted",
            ErrorCode::Quota => "quota",
            ErrorCode::Other(_) => "other",
        }
    }
}

/// What the other side says went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// The kind.
    pub code: ErrorCode,
    /// A sentence for people.
    pub message: String,
    /// Whether trying again later may help.
    pub temporary: bool,
}

impl RemoteError {
    /// Makes one that trying again does not mend.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        RemoteError { code, message: message.into(), temporary: false }
    }

    /// Makes one that may pass by itself.
    pub fn temporary(code: ErrorCode, message: impl Into<String>) -> Self {
        RemoteError { code, message: message.into(), temporary: true }
    }
}

impl From<DecodeError> for RemoteError {
    fn from(error: DecodeError) -> Self {
        RemoteError::new(ErrorCode::Damaged, error.to_string())
    }
}

/// The link cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A frame could not be decoded.
    #[error("a frame could not be read: {0}")]
    Decode(#[from] DecodeError),
    /// A message came that does not belong there.
    #[error("{0}")]
    Unexpected(&'static str),
    /// The other side speaks another version of the protocol.
    #[error("the other side speaks protocol version {0}, this one speaks 1: update the older of the two")]
    Version(u64),
    /// Nothing was heard for too long.
    #[error("nothing was heard for {0} ms")]
    Silent(u64),
}

impl LinkError {
    /// The WebSocket close code: 4400 to 4499 tell the client to stop, all others to connect again.
    pub fn close_code(&self) -> u16 {
        match self {
            LinkError::Decode(_) | LinkError::Unexpected(_) => 4400,
            LinkError::Version(_) => 4426,
            LinkError::Silent(_) => 4508,
        }
    }

    /// What to tell the other side.
    pub fn to_remote(&self) -> RemoteError {
        let code = match self {
            LinkError::Version(_) => ErrorCode::Version,
            _ => ErrorCode::Protocol,
        };
        RemoteError { code, message: self.to_string(), temporary: matches!(self, LinkError::Silent(_)) }
    }
}
