//! What a connection has of its documents: those that are open, and frames for those whose token has not come yet.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use syncline::replica::Rights;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Bytes;

use super::message::{Dialect, Reply};
use super::room::{Command, Handle};
use crate::access::{Access, Denied, Grant};
use crate::limits::{TOKEN_PAUSE, YJS_TOKEN_LEAD};
use crate::relay::now_ms;

/// A document on a connection.
pub(super) enum Entry {
    /// Frames that came before its token.
    Waiting(Vec<Bytes>),
    /// It is open.
    Open(Open),
}

/// A document that is open on a connection.
pub(super) struct Open {
    pub(super) handle: Handle,
    pub(super) member: u64,
    pub(super) prefix: Arc<[u8]>,
    grant: Grant,
    /// Whether a fresh token was asked for.
    asked: bool,
    /// When the last token came.
    entered: Instant,
}

/// What a token grants for a document, and whether that is writing.
pub(super) struct Admitted {
    grant: Grant,
    pub(super) writes: bool,
}

/// Checks the token for a document. An update cannot be told by paths, so writing needs the right to write everywhere.
pub(super) async fn admit(
    access: &Access,
    peer: Option<IpAddr>,
    token: Option<&str>,
    name: &str,
) -> Result<Admitted, Denied> {
    // Hocuspocus sends an empty one if it has none.
    let grant = access.check(token.filter(|token| !token.is_empty()), peer).await?;
    let writes = grant.room(name).ok_or(Denied::Room)?.rights == Rights::Write;
    Ok(Admitted { grant, writes })
}

impl Admitted {
    pub(super) fn tenant(&self) -> Option<&str> {
        self.grant.tenant()
    }

    /// Whose token it is, if a token is asked for.
    pub(super) fn subject(&self) -> Option<&str> {
        self.grant.expires_ms().is_some().then(|| self.grant.subject())
    }
}

impl Open {
    pub(super) fn new(handle: Handle, member: u64, prefix: Arc<[u8]>, admitted: Admitted) -> Open {
        Open { handle, member, prefix, grant: admitted.grant, asked: false, entered: Instant::now() }
    }

    /// Whether another token may be checked already.
    pub(super) fn may_renew(&self) -> bool {
        self.entered.elapsed() >= TOKEN_PAUSE
    }

    /// Takes a fresh grant of the same subject.
    pub(super) fn renew(&mut self, admitted: Admitted) -> Result<(), Denied> {
        if admitted.grant.subject() != self.grant.subject() {
            return Err(Denied::OtherSubject);
        }
        self.asked &= admitted.grant.expires_ms() == self.grant.expires_ms();
        (self.grant, self.entered) = (admitted.grant, Instant::now());
        Ok(())
    }

    /// Whether its grant holds.
    pub(super) fn check(&self, access: &Access) -> Result<(), Denied> {
        access.still_holds(&self.grant)
    }

    /// When to look at its grant again; `None` if it has no end.
    pub(super) fn next_look(&self, access: &Access) -> Option<Duration> {
        let left = Duration::from_millis(access.ends_ms(&self.grant)?.saturating_sub(now_ms()));
        // An answer that comes too soon after the token before would not be looked at.
        let pause = TOKEN_PAUSE.saturating_sub(self.entered.elapsed());
        Some(if self.asked { left } else { left.saturating_sub(YJS_TOKEN_LEAD).max(pause) })
    }

    /// The question for a fresh token, once, shortly before its grant ends. y-websocket has no word for it.
    pub(super) fn question(&mut self, dialect: Dialect, access: &Access) -> Option<Vec<u8>> {
        let due = self.next_look(access).is_some_and(|left| left.is_zero()) && !self.asked;
        self.asked |= due;
        (due && dialect == Dialect::Hocuspocus).then(|| Reply::TokenPlease.encode(&self.prefix))
    }

    /// Hands a command to the document; waits while its mailbox is full. Whether it was taken.
    pub(super) async fn send(&self, command: Command) -> bool {
        self.handle.mailbox.send(command).await.is_ok()
    }
}
