//! Who may connect, what for, and until when.
//!
//! A client says its token in the first message of its link. It is checked here, with keys or by asking a webhook, and
//! becomes a [`Grant`]: parsed once, asked for each room. A grant ends when its time is over or when it is revoked,
//! also while its connection is in use.

mod claims;
mod error;
mod jwks;
mod keys;
mod provider;
mod revoked;
mod sign;
mod web;
mod webhook;

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::AccessConfig;
use crate::limits::REVOKED;
use crate::relay::now_ms;
use crate::watched::{LOOK, Watched};

pub use claims::{AccessLevel, ClaimsError, Grant, RoomAccess};
pub use error::{AccessError, Denied};
pub use keys::{read_secret, read_token};
pub use revoked::{ParseRevocationError, Revocation};
pub use sign::{TokenRequest, sign};

use jwks::KeySet;
use keys::{Key, Presented, Rules};
use revoked::{Revoked, read_list};
use web::Web;
pub(crate) use web::agent;
use webhook::Webhook;

/// Decides who may connect to one relay.
#[derive(Debug)]
pub struct Access {
    checker: Checker,
    web: Web,
    leeway_ms: u64,
    revoked: watch::Sender<Revoked>,
    list: Option<std::path::PathBuf>,
}

#[derive(Debug)]
enum Checker {
    /// Nobody is asked for anything.
    Open,
    Keys {
        rules: Rules,
        keys: Vec<Key>,
        set: Option<KeySet>,
    },
    Webhook(Webhook),
}

impl Access {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// [`AccessError`]; the relay must not start then.
    pub fn new(config: &AccessConfig) -> Result<Access, AccessError> {
        provider::install();
        let checker = match &config.webhook {
            Some(url) => Checker::Webhook(Webhook::new(url)),
            None if config.is_configured() => Checker::Keys {
                rules: Rules::new(config),
                keys: keys::configured(config)?,
                set: config.jwks.as_deref().map(KeySet::new).transpose()?,
            },
            None => Checker::Open,
        };
        let listed = config.revoked.as_deref().map(read_list).transpose()?.unwrap_or_default();
        Ok(Access {
            checker,
            web: Web::new(Duration::from_secs(config.timeout_seconds)),
            leeway_ms: config.leeway_seconds * 1000,
            revoked: watch::Sender::new(Revoked { listed, ..Revoked::default() }),
            list: config.revoked.clone(),
        })
    }

    /// Whether nobody is asked for a token.
    pub fn is_open(&self) -> bool {
        matches!(self.checker, Checker::Open)
    }

    /// Checks what a client at `peer` shows.
    ///
    /// # Errors
    /// [`Denied`] with the codes to answer and to close with.
    pub async fn check(&self, token: Option<&str>, peer: Option<IpAddr>) -> Result<Grant, Denied> {
        let grant = match (&self.checker, token) {
            (Checker::Open, _) => Grant::open(),
            (_, None) => return Err(Denied::Missing),
            (Checker::Webhook(webhook), Some(token)) => webhook.check(token, peer, &self.web).await?,
            (Checker::Keys { rules, keys, set }, Some(token)) => {
                let token = Presented::read(token)?;
                match (token.check(keys, rules), set) {
                    (Err(Denied::UnknownKey | Denied::Signature), Some(set)) => {
                        token.check(&set.keys_for(&token, &self.web).await?, rules)?
                    }
                    (checked, _) => checked?,
                }
            }
        };
        self.still_holds(&grant).map(|()| grant)
    }

    /// Whether a grant is neither over nor revoked.
    ///
    /// # Errors
    /// [`Denied::Expired`] or [`Denied::Revoked`].
    pub fn still_holds(&self, grant: &Grant) -> Result<(), Denied> {
        if self.ends_ms(grant).is_some_and(|at| now_ms() >= at) {
            return Err(Denied::Expired);
        }
        if self.revoked.borrow().covers(grant) { Err(Denied::Revoked) } else { Ok(()) }
    }

    /// When a grant ends, in milliseconds since the Unix epoch.
    pub(crate) fn ends_ms(&self, grant: &Grant) -> Option<u64> {
        grant.expires_ms().map(|at| at.saturating_add(self.leeway_ms))
    }

    /// Takes tokens back until the relay ends: their connections are closed with 4401 and no new ones are taken.
    ///
    /// What is to hold longer belongs into the file `access.revoked`.
    ///
    /// # Errors
    /// [`AccessError::ManyRevoked`]: nothing was revoked.
    pub fn revoke(&self, revocation: Revocation) -> Result<(), AccessError> {
        let mut full = false;
        self.revoked.send_if_modified(|revoked| {
            full = revoked.added.len() >= REVOKED && !revoked.added.contains(&revocation);
            !full && revoked.added.insert(revocation)
        });
        if full { Err(AccessError::ManyRevoked(REVOKED)) } else { Ok(()) }
    }

    /// Hears of it when something is revoked.
    pub(crate) fn revocations(&self) -> Revocations {
        Revocations(self.revoked.subscribe())
    }

    /// Reads the list of revoked tokens again whenever it changes. Ends never, or at once if there is no list.
    pub(crate) async fn follow_list(&self) {
        let Some(path) = self.list.clone() else { return };
        // It may have changed since it was read, so it counts as not looked at.
        let mut file = Watched::unseen(path);
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                let read = file.changed().then(|| read_list(&file.path));
                (file, read)
            });
            let Ok((same, read)) = looked.await else { return };
            file = same;
            match read {
                Some(Ok(listed)) => {
                    tracing::info!(entries = listed.len(), "list of revoked tokens read");
                    self.revoked.send_modify(|revoked| revoked.listed = listed);
                }
                Some(Err(error)) => tracing::error!(%error, "the list of revoked tokens is kept as it was"),
                None => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Wakes when something is revoked.
pub(crate) struct Revocations(watch::Receiver<Revoked>);

impl Revocations {
    /// Waits for the next one.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody can revoke any more.
            std::future::pending::<()>().await;
        }
    }
}
