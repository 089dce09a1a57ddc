//! The connections of one document, and one encoding of a frame for all that speak alike.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio_tungstenite::tungstenite::Bytes;

use super::message::{Dialect, Reply};
use crate::socket::{Importance, Outbox};
use crate::trace::WriteTrace;

/// Prefixes for which a frame is kept while it is sent to everybody: of y-websocket, and of Hocuspocus without sessions.
const SHARED: usize = 2;

/// One connection that has the document open.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(super) outbox: Arc<Outbox>,
    /// What stands in front of its frames.
    pub(super) prefix: Arc<[u8]>,
    pub(super) dialect: Dialect,
    pub(super) writes: bool,
    /// When it began.
    pub(super) since: Instant,
    /// Whether it was told that it may not write.
    pub(super) told: bool,
    /// Whether it has asked what it lacks.
    pub(super) asked: bool,
    /// Whether there was no space for what it wrote: it has to come again to be asked for that.
    pub(super) turned_away: bool,
    /// On whose account it is.
    pub(super) tenant: Option<Arc<str>>,
    /// What its writes belong to, if anything is traced.
    pub(super) trace: Option<Arc<WriteTrace>>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) by_number: HashMap<u64, Member>,
}

impl Member {
    /// Queues a frame for it.
    pub(super) fn reply(&self, reply: Reply<'_>, importance: Importance) {
        self.push(reply.encode(&self.prefix).into(), importance);
    }

    pub(super) fn push(&self, frame: Bytes, importance: Importance) {
        self.outbox.push(vec![frame], importance);
    }
}

impl Members {
    /// Queues a frame for all but one.
    pub(super) fn broadcast(&self, reply: Reply<'_>, except: Option<u64>, importance: Importance) {
        let mut frames: Vec<(&Arc<[u8]>, Bytes)> = Vec::with_capacity(SHARED);
        for (number, member) in &self.by_number {
            if Some(*number) == except {
                continue;
            }
            let known = frames.iter().find(|(prefix, _)| **prefix == member.prefix).map(|(_, frame)| frame.clone());
            let frame = known.unwrap_or_else(|| {
                let frame = Bytes::from(reply.encode(&member.prefix));
                if frames.len() < SHARED {
                    frames.push((&member.prefix, frame.clone()));
                }
                frame
            });
            member.push(frame, importance);
        }
    }
}
