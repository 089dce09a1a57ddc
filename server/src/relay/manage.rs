//! What an operator asks of a room.

use std::sync::Arc;

use syncline::crdt::Path;
use syncline::doc::Doc;
use syncline::replica::Room;
use tokio::sync::oneshot;

use super::rewind::{Rewind, Rewinds, Rewound};
use super::snapshots::SnapshotOrders;
use super::{OpenRefusal, Relay, RoomCommand};
use crate::yjs::from_stored;

/// Questions and orders that wait in one room; beyond it the next are refused.
pub(super) const WAITING: usize = 64;

/// Is a question or an order to a room.
pub(crate) enum Manage {
    /// What the room holds.
    Describe(oneshot::Sender<RoomFacts>),
    /// All of the room as it is for other programs.
    Export(ExportFormat, oneshot::Sender<Vec<u8>>),
    /// An earlier version, written again.
    Rewind(Rewind, oneshot::Sender<Result<Rewound, String>>),
    /// The end of the room.
    Delete(oneshot::Sender<Result<(), String>>),
    /// A snapshot that replaces the log; answered when the disk has it, or with what went wrong.
    Compact(oneshot::Sender<Result<(), String>>),
}

/// Names a form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Plain JSON.
    Json,
    /// The canonical snapshot.
    Binary,
}

/// Is what a room says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFacts {
    /// Digest of the content: equal rooms have equal ones. Documents of Yjs have none.
    pub digest: Option<String>,
    /// Replicas, or client ids of Yjs, that have written to it.
    pub writers: u64,
    /// Events that it has seen; of Yjs, what was inserted.
    pub events: u64,
    /// Whether the disk has all of it.
    pub durable: bool,
}

/// Says why a room did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// It is neither in memory nor stored.
    #[error("there is no room {0:?}")]
    Missing(String),
    /// The store cannot say whether it is there.
    #[error("the room cannot be looked up: {0}")]
    Store(String),
    /// It cannot be loaded now.
    #[error("{0}")]
    Refused(String),
    /// It ended, or it has too much to do.
    #[error("the room did not answer")]
    Silent,
    /// It was deleted.
    #[error("room {0:?} was deleted")]
    Deleted(String),
    /// This version of the room cannot be had any more, or never could.
    #[error("there is no version {entry} of room {room:?}")]
    NoVersion {
        /// The room.
        room: String,
        /// The log entry that was asked for.
        entry: u64,
    },
    /// The order was not carried out.
    #[error("{0}")]
    Failed(String),
}

impl From<OpenRefusal> for ManageError {
    fn from(refusal: OpenRefusal) -> Self {
        ManageError::Refused(refusal.to_string())
    }
}

/// What waits in a room until its turn is over.
#[derive(Default)]
pub(super) struct Orders {
    exports: Vec<(ExportFormat, oneshot::Sender<Vec<u8>>)>,
    rewinds: Rewinds,
    deletes: Vec<oneshot::Sender<Result<(), String>>>,
    pub(super) snapshots: SnapshotOrders,
}

impl Orders {
    /// Answers at once or keeps the order; whoever asked may have gone, which is all right.
    pub(super) fn take(&mut self, room: &Room, order: Manage) {
        match order {
            Manage::Describe(answer) => drop(answer.send(describe(room))),
            Manage::Export(format, answer) if self.exports.len() < WAITING => self.exports.push((format, answer)),
            Manage::Compact(answer) => self.snapshots.take(answer),
            Manage::Rewind(rewind, answer) => self.rewinds.take(rewind, answer),
            Manage::Delete(answer) if self.deletes.len() < WAITING => self.deletes.push(answer),
            Manage::Export(..) | Manage::Delete(_) => {}
        }
    }

    /// Who wants the room to be deleted.
    pub(super) fn take_deletes(&mut self) -> Vec<oneshot::Sender<Result<(), String>>> {
        std::mem::take(&mut self.deletes)
    }

    /// The log is on the disk up to this entry.
    pub(super) fn durable(&mut self, upto: u64) {
        self.rewinds.durable(upto);
    }

    /// Does what takes long in a large room, so that is not done on a worker.
    pub(super) async fn carry_out(&mut self, mut room: Box<Room>) -> Option<Box<Room>> {
        if self.exports.is_empty() && !self.rewinds.are_wanted() {
            return Some(room);
        }
        let (exports, mut rewinds) = (std::mem::take(&mut self.exports), std::mem::take(&mut self.rewinds));
        let done = tokio::task::spawn_blocking(move || {
            for (format, answer) in exports {
                // Whoever asked may have gone.
                let _ = answer.send(export(room.doc(), format));
            }
            rewinds.carry_out(&mut room);
            (room, rewinds)
        });
        // Fails only if that panicked; the room is then loaded anew.
        let (room, rewinds) = done.await.ok()?;
        self.rewinds = rewinds;
        Some(room)
    }
}

impl Relay {
    /// Asks a room that exists, loading it if need be.
    pub(super) async fn manage<T>(
        self: &Arc<Self>,
        name: &str,
        order: impl FnOnce(oneshot::Sender<T>) -> Manage,
    ) -> Result<T, ManageError> {
        self.require_room(name).await?;
        let (answer, wait) = oneshot::channel();
        // The handle is kept until the answer is here, so that the room stays in memory.
        let handle = self.open(name)?;
        let sent = handle.mailbox.send(RoomCommand::Manage(order(answer).into())).await;
        sent.map_err(|_| ManageError::Silent)?;
        wait.await.map_err(|_| ManageError::Silent)
    }

    /// Fails if a room is neither in memory nor stored, or deleted.
    pub(crate) async fn require_room(&self, name: &str) -> Result<(), ManageError> {
        // Nobody reaches a document of Yjs under the name of a room.
        if from_stored(name).is_some() {
            return Err(ManageError::Missing(name.to_owned()));
        }
        self.require_stored(name).await
    }

    /// Fails if nothing is in memory or stored under a name of the store, or if it was deleted.
    pub(crate) async fn require_stored(&self, name: &str) -> Result<(), ManageError> {
        let missing = || ManageError::Missing(name.to_owned());
        let store = self.store().ok_or_else(missing)?;
        match store.has_room(name).await.map_err(|error| ManageError::Store(error.to_string()))? {
            Some(None) => Ok(()),
            Some(Some(_)) => Err(ManageError::Deleted(name.to_owned())),
            None if self.loaded().iter().any(|(loaded, _)| **loaded == *name) => Ok(()),
            None => Err(missing()),
        }
    }

    /// What a room says of itself.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn describe_room(self: &Arc<Self>, name: &str) -> Result<RoomFacts, ManageError> {
        self.manage(name, Manage::Describe).await
    }

    /// All of a room for other programs.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn export_room(self: &Arc<Self>, name: &str, format: ExportFormat) -> Result<Vec<u8>, ManageError> {
        self.manage(name, |answer| Manage::Export(format, answer)).await
    }

    /// Replaces the log of a room by a snapshot; returns when the disk has it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn compact_room(self: &Arc<Self>, name: &str) -> Result<(), ManageError> {
        self.manage(name, Manage::Compact).await?.map_err(ManageError::Failed)
    }
}

fn describe(room: &Room) -> RoomFacts {
    let version = room.doc().version();
    RoomFacts {
        digest: Some(room.doc().digest().to_string()),
        writers: version.iter().count() as u64,
        events: version.iter().map(|(_, last)| last).sum(),
        durable: room.is_durable(),
    }
}

/// A document for other programs.
pub(super) fn export(doc: &Doc, format: ExportFormat) -> Vec<u8> {
    match format {
        ExportFormat::Json => doc.to_json(&Path::root()).unwrap_or_else(|| "{}".into()).into_bytes(),
        ExportFormat::Binary => doc.export(),
    }
}
