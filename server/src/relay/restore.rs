//! Makes a room from what is stored of it.

use std::sync::Arc;

use syncline::doc::{Doc, ImportError};
use syncline::replica::{Room, RoomConfig};

use super::former::DELETED;
use crate::client::new_replica_id;
use crate::store::{About, LoadError, Saved, Store};

/// Says why a room is refused. It is never served empty instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The database could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It was deleted.
    #[error("{DELETED}")]
    Deleted,
    /// A stored blob is damaged or does not fit.
    #[error(
        "{what} of room {room:?} is damaged: {reason}. Restore the database from a backup, or delete that room from it."
    )]
    Blob { room: String, what: String, reason: ImportError },
    /// The thread that restored it was ended.
    #[error("restoring room {room:?} was interrupted: {reason}")]
    Interrupted { room: String, reason: String },
}

/// A restored room, and how large what is stored of it is.
pub(crate) struct Restored {
    /// Boxed: it goes from task to task.
    pub(crate) room: Box<Room>,
    pub(super) log_entries: u64,
    pub(super) log_bytes: u64,
    pub(super) snapshot_bytes: u64,
    pub(super) log_since: Option<u64>,
    pub(super) about: About,
}

/// Reads and rebuilds a room; off the workers, since both may take long.
pub(super) async fn restore(store: &Store, name: &Arc<str>, alias: u32) -> Result<Restored, RestoreError> {
    let saved = store.load(name).await?;
    if saved.about.deleted_ms.is_some() {
        return Err(RestoreError::Deleted);
    }
    let room = name.clone();
    let task = tokio::task::spawn_blocking(move || rebuild(&room, alias, &saved));
    task.await
        .unwrap_or_else(|error| Err(RestoreError::Interrupted { room: name.to_string(), reason: error.to_string() }))
}

/// Makes a room of what is stored.
pub(crate) fn rebuild(name: &str, alias: u32, saved: &Saved) -> Result<Restored, RestoreError> {
    let config = RoomConfig { name: name.to_string(), alias, id: new_replica_id(), next_persist: saved.last_id() + 1 };
    let mut room = Box::new(Room::new(config));
    let damaged = |what: String| move |reason| RestoreError::Blob { room: name.into(), what, reason };
    if let Some((upto, blob)) = &saved.snapshot {
        room.restore(blob).map_err(damaged(format!("the snapshot up to entry {upto}")))?;
    }
    for (id, blob) in &saved.log {
        room.restore(blob).map_err(damaged(format!("log entry {id}")))?;
    }
    Ok(Restored {
        room,
        log_entries: saved.log.len() as u64,
        log_bytes: saved.log_bytes(),
        snapshot_bytes: saved.snapshot.as_ref().map_or(0, |(_, blob)| blob.len() as u64),
        log_since: saved.log_since,
        about: saved.about.clone(),
    })
}

/// Makes the document of what is stored.
pub(crate) fn document(name: &str, saved: &Saved) -> Result<Doc, RestoreError> {
    let mut doc = Doc::new(new_replica_id());
    let snapshot = saved.snapshot.iter().map(|(upto, blob)| (blob, format!("the snapshot up to entry {upto}")));
    let log = saved.log.iter().map(|(id, blob)| (blob, format!("log entry {id}")));
    for (blob, what) in snapshot.chain(log) {
        doc.import(blob).map_err(|reason| RestoreError::Blob { room: name.into(), what, reason })?;
    }
    Ok(doc)
}
