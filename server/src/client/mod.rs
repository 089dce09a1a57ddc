//! An asynchronous client: a document that keeps itself in step with a relay.
//!
//! ```no_run
//! use syncline::{crdt::{Path, Value}, doc::Doc, replica::AckLevel};
//! use syncline_server::client::{Client, new_replica_id};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let doc = Doc::new(new_replica_id());
//! let client = Client::connect("ws://127.0.0.1:7171/sync", "board", doc)?;
//! client.synced().await?;
//! let title = Path::from_segments(["title"]);
//! client.edit(None, |doc| doc.set(&title, Value::Str("Plan".into())))?;
//! client.acked(AckLevel::Durable).await?;
//! client.close().await;
//! # Ok(())
//! # }
//! ```

mod driver;
mod progress;
pub(crate) mod transport;
mod trust;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline::clock::ReplicaId;
use syncline::crdt::Value;
use syncline::doc::{Change, Doc, EditError};
use syncline::replica::{AckLevel, Input, PresenceChange, Replica, ReplicaConfig, Status};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;

use crate::limits::CLIENT_CHANGES;
use crate::relay::now_ms;
use crate::trace::TraceParent;

use driver::Driver;
use progress::Progress;
use transport::Address;

/// Says what a client connects to.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Address of the relay: `ws://host:port/sync`, or with `wss://` over TLS.
    pub url: String,
    /// Name of the room.
    pub room: String,
    /// Name and version of the program, for the relay's logs.
    pub agent: String,
    /// Proof of who the client is, for a relay that asks for it.
    pub token: Option<String>,
    /// PEM file with the authorities that are trusted for `wss://`; without it the public ones (Mozilla's list) are.
    pub authorities: Option<PathBuf>,
    /// The trace that connections and writes belong to, for a relay that traces.
    pub trace: Option<TraceParent>,
}

/// Says why a client cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not that of a relay.
    #[error("{url:?} is not the address of a relay: {problem}. Use a form like ws://127.0.0.1:7171/sync.")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The authorities for TLS cannot be read.
    #[error(
        "cannot trust the authorities in {}: {reason}. Give a PEM file with the certificate that signed the relay's.",
        path.as_ref().map_or("the built-in list".into(), |path| path.display().to_string())
    )]
    Authorities {
        /// The file; `None` for the list in this program.
        path: Option<PathBuf>,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection could be made.
    #[error(
        "cannot reach the relay at {url}: {reason}. Start it with `syncline serve`, or give its address with --url."
    )]
    Unreachable {
        /// Address that was tried.
        url: String,
        /// What happened at the last attempt.
        reason: String,
    },
    /// The relay refuses this client for good; reconnecting would not help.
    #[error("the relay refuses the connection: {reason}")]
    Refused {
        /// What the relay said.
        reason: String,
    },
    /// The token, or a quota, does not allow what was written here: it stays here only.
    #[error("the relay does not take what was written here: {reason}")]
    Forbidden {
        /// What the relay said.
        reason: String,
    },
    /// The client was closed while something waited for it.
    #[error("the client was closed; connect again")]
    Closed,
}

/// Is a document that a task keeps in step with a relay; it reconnects by itself.
pub struct Client {
    shared: Arc<Shared>,
    driver: JoinHandle<()>,
}

/// What the application and the driver's task share.
struct Shared {
    replica: Mutex<Replica>,
    /// The application did something that the driver must poll for.
    wake: Notify,
    progress: watch::Sender<Progress>,
    changes: broadcast::Sender<Arc<[Change]>>,
    presence: broadcast::Sender<Arc<[PresenceChange]>>,
}

impl ClientOptions {
    /// Connects to a room without a token.
    pub fn new(url: impl Into<String>, room: impl Into<String>) -> ClientOptions {
        let agent = concat!("syncline-rust/", env!("CARGO_PKG_VERSION")).into();
        ClientOptions { url: url.into(), room: room.into(), agent, token: None, authorities: None, trace: None }
    }
}

impl Client {
    /// Starts to keep `doc` in step with a room. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Address`] or [`ClientError::Authorities`]; that the relay cannot be reached is no error here, since the client keeps trying.
    pub fn connect(url: &str, room: &str, doc: Doc) -> Result<Client, ClientError> {
        Client::connect_with(ClientOptions::new(url, room), doc)
    }

    /// Does as [`Client::connect`] with more options.
    ///
    /// # Errors
    /// [`ClientError::Address`] or [`ClientError::Authorities`].
    pub fn connect_with(options: ClientOptions, doc: Doc) -> Result<Client, ClientError> {
        let address = Address::parse(&options.url, options.authorities.as_deref())?.traced(options.trace);
        let config =
            ReplicaConfig { room: options.room, agent: options.agent, token: options.token, seed: random() as u64 };
        let mut replica = Replica::new(config, doc);
        replica.set_trace(said(options.trace));
        replica.handle(Input::Online(true), now_ms());
        let shared = Arc::new(Shared {
            progress: watch::Sender::new(Progress::new(replica.status())),
            replica: Mutex::new(replica),
            wake: Notify::new(),
            changes: broadcast::Sender::new(CLIENT_CHANGES),
            presence: broadcast::Sender::new(CLIENT_CHANGES),
        });
        let driver = tokio::spawn(Driver::new(shared.clone(), address).run());
        Ok(Client { shared, driver })
    }

    /// Waits until the room's content has arrived and what is written here is on its way.
    ///
    /// # Errors
    /// [`ClientError::Refused`] or [`ClientError::Closed`]; while the relay cannot be reached it goes on waiting.
    pub async fn synced(&self) -> Result<(), ClientError> {
        self.shared.wait(Progress::is_live).await
    }

    /// Waits until everything written here so far has reached a level.
    ///
    /// # Errors
    /// As [`Client::synced`], and [`ClientError::Forbidden`].
    pub async fn acked(&self, level: AckLevel) -> Result<(), ClientError> {
        self.acked_upto(level, self.written()).await
    }

    /// Waits until everything written here up to the own sequence number `seq` has reached a level.
    ///
    /// # Errors
    /// As [`Client::acked`].
    pub async fn acked_upto(&self, level: AckLevel, seq: u64) -> Result<(), ClientError> {
        let reached = |progress: &Progress| progress.acked(level) >= seq;
        self.shared.wait(|progress| reached(progress) || progress.forbidden.is_some()).await?;
        let progress = self.shared.progress.borrow();
        match progress.forbidden.clone().filter(|_| !reached(&progress)) {
            Some(reason) => Err(ClientError::Forbidden { reason }),
            None => Ok(()),
        }
    }

    /// Runs a transaction on the document; an error rolls it back.
    ///
    /// # Errors
    /// What the closure or the commit returned.
    pub fn edit<R>(
        &self,
        origin: Option<&str>,
        edit: impl FnOnce(&mut Doc) -> Result<R, EditError>,
    ) -> Result<R, EditError> {
        let done = self.shared.lock().doc_mut().transact(now_ms(), origin, edit);
        self.shared.wake.notify_one();
        done
    }

    /// Reads from the document.
    pub fn read<R>(&self, read: impl FnOnce(&Doc) -> R) -> R {
        read(self.shared.lock().doc())
    }

    /// The own sequence number of the last write.
    pub fn written(&self) -> u64 {
        self.shared.lock().doc().last_seq()
    }

    /// Reports the changes of the document from now on, own ones included. A reader that falls behind by
    /// more than a few hundred lists is told that it missed some and reads the document instead.
    pub fn changes(&self) -> broadcast::Receiver<Arc<[Change]>> {
        let receiver = self.shared.changes.subscribe();
        self.shared.lock().doc_mut().observe(true);
        receiver
    }

    /// Tells the others in the room about this client, such as a name or a cursor; `None` takes it back.
    pub fn set_presence(&self, state: Option<Value>) {
        self.shared.input(Input::Presence(state.as_ref()));
    }

    /// Reports what the others in the room tell about themselves from now on.
    pub fn presence(&self) -> broadcast::Receiver<Arc<[PresenceChange]>> {
        self.shared.presence.subscribe()
    }

    /// Connection state and what is unsaved.
    pub fn status(&self) -> Status {
        self.shared.lock().status()
    }

    /// Takes a fresh token: a relay that is connected is told at once, others at the next connection.
    pub fn set_token(&self, token: Option<String>) {
        self.shared.progress.send_modify(|progress| progress.forbidden = None);
        self.shared.lock().set_token(token);
        self.shared.wake.notify_one();
    }

    /// Says which trace the writes from now on belong to, for a relay that traces; `None` for one of their own for each.
    pub fn set_trace(&self, parent: Option<TraceParent>) {
        self.shared.lock().set_trace(said(parent));
        self.shared.wake.notify_one();
    }

    /// Leaves the relay and keeps working on the document alone.
    pub fn offline(&self) {
        self.shared.input(Input::Online(false));
    }

    /// Connects again after [`Client::offline`].
    pub fn online(&self) {
        self.shared.input(Input::Online(true));
    }

    /// Waits for the outcome of the first attempt to connect; the client keeps trying after a failed one.
    ///
    /// # Errors
    /// What happened at the first attempt.
    pub async fn first_attempt(&self) -> Result<(), String> {
        let mut progress = self.shared.progress.subscribe();
        // The sender lives in `shared`, so waiting cannot fail.
        let _ = progress.wait_for(|progress| progress.connected || progress.failure.is_some() || progress.ended).await;
        let progress = progress.borrow();
        match (progress.connected, &progress.failure) {
            (true, _) => Ok(()),
            (false, failure) => Err(failure.clone().unwrap_or_else(|| "the client was closed".into())),
        }
    }

    /// Waits until the client cannot go on, and returns why.
    pub async fn stopped(&self) -> ClientError {
        self.shared.wait(|_| false).await.err().unwrap_or(ClientError::Closed)
    }

    /// Whether a connection was made at least once.
    pub fn was_connected(&self) -> bool {
        self.shared.progress.borrow().connected
    }

    /// The own sequence number up to which everything has reached a level.
    pub fn acknowledged(&self, level: AckLevel) -> u64 {
        self.shared.progress.borrow().acked(level)
    }

    /// What the relay complained about last, such as a room that cannot be loaded now.
    pub fn last_complaint(&self) -> Option<String> {
        self.shared.progress.borrow().complaint.clone()
    }

    /// What happened at the last attempt to connect that failed.
    pub fn last_failure(&self) -> Option<String> {
        self.shared.progress.borrow().failure.clone()
    }

    /// Closes the connection and returns the document's state as it is; unacknowledged writes may or may not have arrived.
    pub async fn close(mut self) {
        self.shared.progress.send_modify(|progress| progress.closing = true);
        self.shared.input(Input::Online(false));
        // A panic of the task was printed by it.
        let _ = (&mut self.driver).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("progress", &*self.shared.progress.borrow()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Replica> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self, input: Input<'_>) {
        self.lock().handle(input, now_ms());
        self.wake.notify_one();
    }

    async fn wait(&self, done: impl Fn(&Progress) -> bool) -> Result<(), ClientError> {
        let mut receiver = self.progress.subscribe();
        let reached =
            receiver.wait_for(|progress| done(progress) || progress.ended || progress.refused.is_some()).await;
        match reached {
            Ok(progress) if done(&progress) => Ok(()),
            Ok(progress) => {
                Err(progress.refused.clone().map_or(ClientError::Closed, |reason| ClientError::Refused { reason }))
            }
            Err(_) => Err(ClientError::Closed),
        }
    }
}

/// As the protocol says it.
fn said(parent: Option<TraceParent>) -> String {
    parent.map(|parent| parent.to_string()).unwrap_or_default()
}

/// A fresh id for a document. Ids are for one session: a document read from a store gets a new one too.
pub fn new_replica_id() -> ReplicaId {
    ReplicaId::new(now_ms(), random())
}

/// Random bits from the operating system.
///
/// # Panics
/// If the system has no randomness: ids would then not be unique, and data would be lost.
pub(crate) fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    u128::from_le_bytes(bytes)
}
