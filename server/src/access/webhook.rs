//! Another service decides about tokens.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ring::digest::{SHA256, digest};
use serde_json::json;

use super::claims::{Claims, ClaimsError, Grant};
use super::error::Denied;
use super::web::Web;
use crate::limits::WEBHOOK_CACHED;
use crate::relay::now_ms;

/// Asks a URL about tokens and remembers what it granted until that expires.
#[derive(Debug)]
pub(super) struct Webhook {
    url: String,
    /// By the digest of the token: what is kept opens nothing.
    known: Mutex<HashMap<Vec<u8>, Grant>>,
}

impl Webhook {
    pub(super) fn new(url: &str) -> Webhook {
        Webhook { url: url.into(), known: Mutex::default() }
    }

    pub(super) async fn check(&self, token: &str, peer: Option<IpAddr>, web: &Web) -> Result<Grant, Denied> {
        let name = digest(&SHA256, token.as_bytes()).as_ref().to_vec();
        let remembered = self.lock().get(&name).filter(|grant| is_current(grant)).cloned();
        if let Some(grant) = remembered {
            return Ok(grant);
        }
        let question = json!({"token": token, "peer": peer.map(|peer| peer.to_string())}).to_string();
        let answer = web.post(&self.url, question).await.map_err(|reason| {
            tracing::warn!(reason, "access.webhook cannot be asked");
            Denied::Unavailable("the service that checks them does not answer".into())
        })?;
        let grant = granted(answer)?;
        if !is_current(&grant) {
            return Err(Denied::Expired);
        }
        self.remember(name, grant.clone());
        Ok(grant)
    }

    fn remember(&self, name: Vec<u8>, grant: Grant) {
        let mut known = self.lock();
        if known.len() >= WEBHOOK_CACHED {
            known.retain(|_, grant| is_current(grant));
        }
        if known.len() >= WEBHOOK_CACHED {
            known.clear();
        }
        known.insert(name, grant);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Grant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn granted((status, body): (u16, Vec<u8>)) -> Result<Grant, Denied> {
    match status {
        200 => {
            let claims: Result<Claims, _> = serde_json::from_slice(&body);
            let claims = claims.map_err(|error| ClaimsError::Form(error.to_string()));
            claims.and_then(Grant::parse).map_err(|error| {
                tracing::warn!(%error, "access.webhook answers with claims that cannot be used");
                Denied::Claims(error)
            })
        }
        401 => Err(Denied::Refused),
        403 => Err(Denied::NotAllowed),
        status => {
            tracing::warn!(status, "access.webhook answers with a status that says nothing");
            Err(Denied::Unavailable(format!("the service that checks them answers with status {status}")))
        }
    }
}

fn is_current(grant: &Grant) -> bool {
    grant.expires_ms().is_none_or(|at| now_ms() < at)
}
