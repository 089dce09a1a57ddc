//! What an operator asks of a document.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Bytes;

use super::document::Document;
use super::name;
use super::room::{self, Command};
use crate::relay::{ManageError, Relay, RoomFacts, SnapshotOrders};

/// Exports that wait in one document; beyond it the next are refused.
const WAITING: usize = 16;

/// Is a question or an order to a document.
pub(crate) enum Order {
    /// What it holds.
    Describe(oneshot::Sender<RoomFacts>),
    /// All of it as one update.
    Export(oneshot::Sender<Bytes>),
    /// A snapshot that replaces the log; answered when the disk has it, or with what went wrong.
    Compact(oneshot::Sender<Result<(), String>>),
}

/// What waits in a document until its turn is over.
#[derive(Default)]
pub(super) struct Orders {
    exports: Vec<oneshot::Sender<Bytes>>,
    pub(super) snapshots: SnapshotOrders,
}

impl Orders {
    /// Answers at once or keeps the order; whoever asked may have gone, which is all right.
    pub(super) fn take(&mut self, document: &Document, durable: bool, order: Order) {
        match order {
            Order::Describe(answer) => drop(answer.send(describe(document, durable))),
            Order::Export(answer) if self.exports.len() < WAITING => self.exports.push(answer),
            Order::Export(_) => {}
            Order::Compact(answer) => self.snapshots.take(answer),
        }
    }

    /// Does what takes long with a large document, off the workers. `None` if that panicked.
    pub(super) async fn carry_out(&mut self, document: &mut Document) -> Option<()> {
        if self.exports.is_empty() {
            return Some(());
        }
        let (exports, whole) = (std::mem::take(&mut self.exports), std::mem::take(document));
        let task = tokio::task::spawn_blocking(move || {
            // All who wait share it.
            let update = Bytes::from(whole.snapshot());
            exports.into_iter().for_each(|answer| drop(answer.send(update.clone())));
            whole
        });
        *document = task.await.ok()?;
        Some(())
    }
}

impl Relay {
    /// What a document of Yjs says of itself.
    pub(crate) async fn describe_document(self: &Arc<Self>, name: &str) -> Result<RoomFacts, ManageError> {
        self.ask_document(name, Order::Describe).await
    }

    /// All of a document of Yjs as one update.
    pub(crate) async fn export_document(self: &Arc<Self>, name: &str) -> Result<Bytes, ManageError> {
        self.ask_document(name, Order::Export).await
    }

    /// Replaces the log of a document of Yjs by a snapshot; returns when the disk has it.
    pub(crate) async fn compact_document(self: &Arc<Self>, name: &str) -> Result<(), ManageError> {
        self.ask_document(name, Order::Compact).await?.map_err(ManageError::Failed)
    }

    /// Asks a document that exists, loading it if need be.
    async fn ask_document<T>(
        self: &Arc<Self>,
        name: &str,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, ManageError> {
        self.require_document(name).await?;
        let (answer, wait) = oneshot::channel();
        // The handle is kept until the answer is here, so that the document stays in memory.
        let handle = room::open(self, name)?;
        let sent = handle.mailbox.send(Command::Manage(order(answer))).await;
        sent.map_err(|_| ManageError::Silent)?;
        wait.await.map_err(|_| ManageError::Silent)
    }

    /// Fails if a document is neither in memory nor stored.
    pub(crate) async fn require_document(&self, name: &str) -> Result<(), ManageError> {
        let stored = self.require_stored(&name::stored(name)).await;
        stored.map_err(|error| match error {
            ManageError::Missing(_) => ManageError::Missing(name::shown(name).to_string()),
            other => other,
        })
    }
}

fn describe(document: &Document, durable: bool) -> RoomFacts {
    let (writers, events) = document.known();
    RoomFacts { digest: None, writers, events, durable }
}
