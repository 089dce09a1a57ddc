//! Who is at the other end of a connection: from its first token to the end of the last one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use syncline::link::Message;
use syncline::replica::Rights;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::outbox::Outbox;
use super::pace::{Pace, TenantFull};
use crate::access::{Denied, Grant};
use crate::limits::TOKEN_PAUSE;
use crate::relay::{Relay, now_ms};

/// Longest sleep until a grant ends: the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// The address at the other end of an HTTP connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Knows what the connection may do. Nothing, until a token was checked.
pub(super) struct Gate {
    relay: Arc<Relay>,
    peer: Option<IpAddr>,
    grant: watch::Sender<Option<Arc<Grant>>>,
}

impl Gate {
    pub(super) fn new(relay: Arc<Relay>, peer: Option<Peer>) -> Gate {
        Gate { relay, peer: peer.map(|peer| peer.0), grant: watch::Sender::new(None) }
    }

    /// Checks the token that came first, and from then on counts the connection among those of its tenant.
    pub(super) async fn enter(&self, token: Option<&str>, pace: &mut Pace) -> Result<(), Denied> {
        let grant = self.relay.access().check(token, self.peer).await?;
        if let Some(tenant) = grant.tenant() {
            self.relay.tenants().enter(pace, tenant).map_err(|TenantFull| Denied::TenantFull)?;
        }
        self.grant.send_replace(Some(Arc::new(grant)));
        Ok(())
    }

    /// Checks a fresh token; the one before holds until this one has passed. `last` is when the last one came.
    pub(super) async fn renew(&self, token: &str, last: &mut Option<Instant>) -> Result<(), Denied> {
        if last.replace(Instant::now()).is_some_and(|last| last.elapsed() < TOKEN_PAUSE) {
            return Err(Denied::TooOften);
        }
        let grant = self.relay.access().check(Some(token), self.peer).await?;
        if self.grant.borrow().as_ref().is_some_and(|before| before.subject() != grant.subject()) {
            return Err(Denied::OtherSubject);
        }
        self.grant.send_replace(Some(Arc::new(grant)));
        Ok(())
    }

    /// Whom the token is for, if there was one.
    pub(super) fn subject(&self) -> Option<String> {
        let grant = self.grant.borrow();
        grant.as_ref().map(|grant| grant.subject().to_owned()).filter(|subject| !subject.is_empty())
    }

    /// On whose account it is, if the token says so.
    pub(super) fn tenant(&self) -> Option<Arc<str>> {
        self.grant.borrow().as_ref().and_then(|grant| grant.tenant().map(Arc::from))
    }

    /// What the connection may do in a room.
    pub(super) fn room(&self, name: &str) -> Result<Rights, Denied> {
        let grant = self.grant.borrow();
        let access = grant.as_ref().ok_or(Denied::Missing)?.room(name).ok_or(Denied::Room)?;
        Ok(access.rights)
    }

    /// Closes the connection when its grant ends: at its time, or because it was revoked.
    pub(super) async fn guard(&self, outbox: &Outbox) -> &'static str {
        let access = self.relay.access();
        let (mut grants, mut revocations) = (self.grant.subscribe(), access.revocations());
        loop {
            let grant = grants.borrow_and_update().clone();
            if let Some(Err(denied)) = grant.as_ref().map(|grant| access.still_holds(grant)) {
                close(outbox, &denied);
                // The writer says goodbye, and has a limited time for it.
                std::future::pending::<()>().await;
            }
            let ends = grant.as_ref().and_then(|grant| access.ends_ms(grant));
            let pause = ends.map_or(SLEEP_MAX, |at| Duration::from_millis(at.saturating_sub(now_ms())).min(SLEEP_MAX));
            tokio::select! {
                // The sender is here, so waiting cannot fail.
                _ = grants.changed() => {}
                () = revocations.changed() => {}
                () = sleep(pause), if ends.is_some() => {}
            }
        }
    }
}

/// Says why and closes; what the client sends after that is thrown away.
pub(super) fn close(outbox: &Outbox, denied: &Denied) {
    tell(outbox, denied);
    outbox.close(denied.close_code(), &denied.to_string());
}

/// Says why, and leaves the connection open.
pub(super) fn tell(outbox: &Outbox, denied: &Denied) {
    outbox.push_message(&Message::Error { alias: None, error: denied.to_remote() });
}
