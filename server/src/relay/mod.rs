//! The relay: which rooms run, who is connected, and how all of it ends.
//!
//! One task per room owns the room's state; it is loaded once, however many clients ask at the same time, because its handle
//! is in the registry before loading starts. A failed load refuses the joins and takes the handle out again: a room is never
//! served empty because its data could not be read.

mod clients;
mod compaction;
mod former;
mod manage;
mod quota;
mod registry;
mod restore;
mod rewind;
mod room;
mod sizes;
mod snapshots;
mod standing;
mod tasks;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::access::Access;
use crate::admin::AdminGate;
use crate::config::Config;
use crate::limits::TRACE_END;
use crate::metrics::Metrics;
use crate::socket::Tenants;
use crate::store::Store;
use crate::trace::{TraceError, Tracing};

pub use clients::{Client, Clients, Said};
pub use manage::{ExportFormat, ManageError, RoomFacts};
pub use rewind::Rewound;
pub use sizes::RoomSizes;

pub(crate) use clients::Present;
pub(crate) use compaction::Compaction;
pub(crate) use quota::{Quotas, Share};
pub(crate) use registry::{OpenRefusal, Registry, RoomHandle, Seed};
pub(crate) use restore::{document, rebuild};
pub(crate) use room::RoomCommand;
pub(crate) use snapshots::SnapshotOrders;
pub(crate) use tasks::Place;

use crate::yjs::Hub;
use tasks::Tasks;

/// What writers are told while the disk is full or has a fault.
pub(crate) const CANNOT_STORE: &str = "the relay cannot store writes now because its disk is full or has a fault";

/// Says what the relay does as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The store is being opened; no connection is taken.
    Starting,
    /// Everything is served.
    Ready,
    /// Connections are being closed; the process ends soon.
    Draining,
}

/// Is one running relay, shared by all its tasks.
#[derive(Debug)]
pub struct Relay {
    config: Config,
    access: Access,
    admin: AdminGate,
    drain_asked: watch::Sender<bool>,
    metrics: Arc<Metrics>,
    tracing: OnceLock<Arc<Tracing>>,
    clients: Clients,
    phase: watch::Sender<Phase>,
    store: OnceLock<Arc<Store>>,
    registry: Registry,
    yjs: Hub,
    connections: Tasks,
    rooms: Tasks,
    next_connection: AtomicU64,
    tenants: Tenants,
    quotas: Quotas,
}

impl Relay {
    /// Makes a relay that serves nothing before [`Relay::ready`].
    pub fn new(config: Config, access: Access, admin: AdminGate) -> Arc<Relay> {
        Arc::new(Relay {
            tenants: Tenants::new(config.rate.clone()),
            config,
            access,
            admin,
            drain_asked: watch::Sender::new(false),
            metrics: Arc::default(),
            tracing: OnceLock::new(),
            clients: Clients::default(),
            phase: watch::Sender::new(Phase::Starting),
            store: OnceLock::new(),
            registry: Registry::default(),
            yjs: Hub::default(),
            connections: Tasks::new(),
            rooms: Tasks::new(),
            next_connection: AtomicU64::new(1),
            quotas: Quotas::default(),
        })
    }

    /// Hands in the open store and starts to serve. A second call changes nothing.
    pub fn ready(&self, store: Store) {
        if self.store.set(Arc::new(store)).is_ok() {
            self.phase.send_replace(Phase::Ready);
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Who may connect.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// How fast those of a tenant may send.
    pub(crate) fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// What is stored for tenants.
    pub(crate) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Who may administer.
    pub fn admin(&self) -> &AdminGate {
        &self.admin
    }

    /// Asks whoever runs the relay to drain it.
    pub fn request_drain(&self) {
        self.drain_asked.send_replace(true);
    }

    /// Waits until a drain is asked for.
    pub async fn drain_requested(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.drain_asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// The numbers that are counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Starts to trace if the settings say so.
    ///
    /// # Errors
    /// [`TraceError`] if spans cannot be sent to what the settings name.
    pub fn start_tracing(&self) -> Result<(), TraceError> {
        if let Some(tracing) = Tracing::new(&self.config.trace, self.metrics.spans.clone())? {
            // A second call changes nothing.
            let _ = self.tracing.set(tracing);
        }
        Ok(())
    }

    /// What makes spans, if anything is traced.
    pub(crate) fn tracing(&self) -> Option<&Arc<Tracing>> {
        self.tracing.get()
    }

    /// Who is connected.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// What the relay does now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Follows what the relay does.
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Whether the store takes writes; true while it is being opened.
    pub fn is_healthy(&self) -> bool {
        self.store.get().is_none_or(|store| store.is_running() || self.phase() == Phase::Draining)
    }

    /// The store, once it is open.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.get()
    }

    /// The documents of Yjs.
    pub(crate) fn yjs(&self) -> &Hub {
        &self.yjs
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.running()
    }

    /// Rooms that are in memory.
    pub fn rooms(&self) -> usize {
        self.rooms.running()
    }

    /// Takes a place for a connection, if one is free.
    pub(crate) fn take_place(&self) -> Option<Place> {
        self.connections.enter(self.config.socket.max)
    }

    /// A number for a connection that no other one of this process has.
    pub(crate) fn connection_number(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends everything in order: connections, rooms, store. What takes longer than the limit is abandoned, except the store.
    pub async fn drain(&self, limit: Duration) {
        self.phase.send_replace(Phase::Draining);
        let deadline = tokio::time::Instant::now() + limit;
        if tokio::time::timeout_at(deadline, self.connections.ended()).await.is_err() {
            tracing::warn!(connections = self.connections(), "connections did not end in time");
        }
        self.registry.clear();
        self.yjs.registry.clear();
        if tokio::time::timeout_at(deadline, self.rooms.ended()).await.is_err() {
            tracing::warn!(rooms = self.rooms(), "rooms did not end in time");
        }
        if let Some(store) = self.store.get() {
            store.close().await;
        }
        if let Some(tracing) = self.tracing() {
            tracing.clone().end(TRACE_END).await;
        }
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    // A clock before 1970 is a broken machine; the epoch then is as good as any other time.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
