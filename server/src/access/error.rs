//! Why access cannot be set up, and why someone is refused.

use std::path::PathBuf;

use syncline::link::{ErrorCode, RemoteError};

use super::claims::ClaimsError;

/// Characters of a reason that a client is told.
const MESSAGE_CHARS: usize = 500;

/// Says why the settings of access cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// A file cannot be read.
    #[error("cannot read {path} of the setting `{key}`: {reason}. Correct the path, or let the relay's user read it.")]
    File {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The secret can be guessed.
    #[error(
        "the secret of `{key}` has {bytes} bytes, and fewer than 32 can be guessed. Make one with `openssl rand -base64 48`."
    )]
    ShortSecret {
        /// The setting.
        key: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A file holds no public key that can be used.
    #[error(
        "{path} of the setting `{key}` {problem}. Give public keys: RSA of at least 2048 bits for RS256, Ed25519 for EdDSA."
    )]
    Keys {
        /// The setting.
        key: &'static str,
        /// Where they were looked for.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The list of revoked tokens cannot be understood.
    #[error("line {line} of {path} is not a revocation. Write `sub NAME` or `jti NAME`, or begin the line with #.")]
    Revoked {
        /// The list.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// More is revoked than the relay keeps.
    #[error("more than {0} subjects and tokens are revoked. Take those out whose tokens have expired.")]
    ManyRevoked(usize),
}

/// Says why someone may not connect, open a room, or stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// There is no token.
    #[error("this relay asks for a token; get one from whoever runs it and give it when connecting")]
    Missing,
    /// What came is not a token, or is signed in a way that is not taken.
    #[error("the token is not one, or its algorithm is not taken; sign it with HS256, RS256 or EdDSA")]
    Malformed,
    /// No key is known that could have signed it.
    #[error("the token is signed with a key that this relay does not know; get one from the issuer that it trusts")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the signature of the token is wrong; get a new one")]
    Signature,
    /// Its time is over.
    #[error("the token has expired; get a fresh one")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet; try again later, or correct the clock of whoever signs it")]
    Early,
    /// Someone else issued it.
    #[error("the token is from another issuer than this relay trusts; get one from that")]
    Issuer,
    /// It is for another service.
    #[error("the token is for another audience than this relay; get one for it")]
    Audience,
    /// The claims are not what they should be.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// It was taken back.
    #[error("the token was revoked; get a new one if you may have it")]
    Revoked,
    /// A fresh token is that of someone else.
    #[error("the fresh token is for another subject than the connection; connect anew with it")]
    OtherSubject,
    /// Fresh tokens come too often.
    #[error("one fresh token in a second is enough; wait a moment")]
    TooOften,
    /// The webhook does not take the token.
    #[error("the service that checks tokens refuses this one; get a new one")]
    Refused,
    /// The webhook knows who it is and lets nothing be done.
    #[error("the service that checks tokens does not allow this; ask whoever runs it")]
    NotAllowed,
    /// The token does not grant the room.
    #[error("the token does not grant the room; ask for one that does")]
    Room,
    /// The tenant has all the connections that it may have.
    #[error("the tenant has as many connections as `rate.tenant_connections` allows; try again later")]
    TenantFull,
    /// The keys or the webhook cannot be had now.
    #[error("tokens cannot be checked at the moment: {0}; try again in a moment")]
    Unavailable(String),
}

impl Denied {
    /// The number that says it on the wire.
    pub fn code(&self) -> ErrorCode {
        match self {
            Denied::Room | Denied::NotAllowed => ErrorCode::Forbidden,
            Denied::TooOften => ErrorCode::Limit,
            Denied::Unavailable(_) | Denied::TenantFull => ErrorCode::Unavailable,
            _ => ErrorCode::Unauthorized,
        }
    }

    /// The WebSocket close code; those from 4400 to 4499 tell a client to stop until someone acts.
    pub fn close_code(&self) -> u16 {
        match self.code() {
            ErrorCode::Forbidden => 4403,
            ErrorCode::Limit => 4413,
            ErrorCode::Unavailable => 1013,
            _ => 4401,
        }
    }

    /// What to tell the client.
    pub fn to_remote(&self) -> RemoteError {
        let temporary = matches!(self, Denied::Unavailable(_) | Denied::TenantFull | Denied::TooOften);
        // Claims may be quoted, and they may be long.
        let message = self.to_string().chars().take(MESSAGE_CHARS).collect();
        RemoteError { code: self.code(), message, temporary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_is_told_fits_into_a_message_whatever_the_claims() {
        let denied = Denied::Claims(ClaimsError::Pattern("\u{10ffff}".repeat(100_000)));
        assert!(denied.to_remote().message.len() <= syncline::bounds::FIELD_BYTES);
        assert_eq!((denied.code(), denied.close_code()), (ErrorCode::Unauthorized, 4401));
    }
}
