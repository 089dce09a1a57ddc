//! A short visit of the command line in a room.

use std::future::Future;
use std::time::Duration;

use syncline::crdt::Path;
use syncline::doc::Doc;
use syncline::replica::AckLevel;

use super::{Failure, Level, Target};
use crate::client::{self, Client, ClientError, ClientOptions};
use crate::trace::TraceParent;

/// A connected client and how long to wait for it.
pub(super) struct Session {
    pub(super) client: Client,
    seconds: u64,
}

/// Runs a client command on a small runtime of its own.
pub(super) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|reason| Failure::Failed(format!("cannot start: {reason}. Check the limits of this user.")))?;
    runtime.block_on(command)
}

impl Session {
    /// Connects and waits until the room's content has arrived.
    pub(super) async fn open(target: &Target) -> Result<Session, Failure> {
        let options = ClientOptions {
            agent: concat!("syncline-cli ", env!("CARGO_PKG_VERSION")).into(),
            token: target.token.clone(),
            authorities: target.ca.clone(),
            trace: target.traceparent.as_deref().and_then(TraceParent::read),
            ..ClientOptions::new(&target.url, &target.room)
        };
        let client = Client::connect_with(options, Doc::new(client::new_replica_id()))?;
        let session = Session { client, seconds: target.timeout };
        if !target.wait {
            session
                .limit("connecting", session.client.first_attempt())
                .await?
                .map_err(|reason| unreachable(target, reason))?;
        }
        let synced = tokio::time::timeout(session.wait(), session.client.synced()).await;
        match (synced, session.client.last_failure()) {
            (Ok(done), _) => done?,
            (Err(_), Some(reason)) if !session.client.was_connected() => return Err(unreachable(target, reason)),
            (Err(_), _) => return Err(session.late("loading the room")),
        }
        Ok(session)
    }

    /// Waits for something with the time-out of the command line.
    pub(super) async fn limit<T>(&self, doing: &'static str, work: impl Future<Output = T>) -> Result<T, Failure> {
        let done = tokio::time::timeout(self.wait(), work).await;
        done.map_err(|_| self.late(doing))
    }

    /// A time-out, with what the relay said meanwhile.
    fn late(&self, doing: &'static str) -> Failure {
        let said = self.client.last_complaint().map_or(String::new(), |said| format!(" (the relay says: {said})"));
        Failure::Timeout { doing, seconds: self.seconds, said }
    }

    /// Waits until all own writes have reached a level, then leaves.
    pub(super) async fn finish(self, level: AckLevel) -> Result<(), Failure> {
        self.limit("the relay stores the change", self.client.acked(level)).await??;
        self.leave().await;
        Ok(())
    }

    /// Leaves without waiting for anything but the close of the connection.
    pub(super) async fn leave(self) {
        let wait = self.wait();
        // The work is done; a relay that does not answer the close changes nothing about it.
        let _ = tokio::time::timeout(wait, self.client.close()).await;
    }

    fn wait(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

impl From<Level> for AckLevel {
    fn from(level: Level) -> AckLevel {
        match level {
            Level::Accepted => AckLevel::Accepted,
            Level::Stored => AckLevel::Stored,
            Level::Durable => AckLevel::Durable,
        }
    }
}

/// The path of the keys given as arguments.
pub(super) fn path_of(keys: &[String]) -> Path {
    Path::from_segments(keys)
}

/// The keys as people write them.
pub(super) fn shown(keys: &[String]) -> String {
    match keys.is_empty() {
        true => "the root".into(),
        false => keys.join("/"),
    }
}

/// A refused write as a failure of the command.
pub(super) fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("the document refuses the write: {error}"))
}

fn unreachable(target: &Target, reason: String) -> Failure {
    Failure::from(ClientError::Unreachable { url: target.url.clone(), reason })
}
