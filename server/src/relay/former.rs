//! Rooms that were deleted, and copies of rooms that are gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use syncline::clock::ReplicaId;
use syncline::link::{ErrorCode, Message, RemoteError};
use syncline::replica::Room;
use tokio::sync::oneshot;

use super::manage::Manage;
use super::{ManageError, Relay, now_ms};
use crate::limits::SWEEP_PAUSE;
use crate::socket::Outbox;
use crate::store::StoreError;

/// Close code of a room that was deleted: clients stop at it.
pub(crate) const CLOSE_DELETED: u16 = 4410;

/// What clients of a deleted room are told.
pub(super) const DELETED: &str = "the room was deleted; what this client has of it stays here";

/// What clients with a copy of a room that is gone are told.
const ANOTHER: &str = "this is another room than the one of this name that this client has a copy of, which was deleted; \
    begin with an empty document, and put in again what is to be kept";

/// Those who wrote to rooms of this name that are gone.
pub(super) struct Former(HashSet<ReplicaId>);

impl Former {
    pub(super) fn new(writers: &[ReplicaId]) -> Former {
        Former(writers.iter().copied().collect())
    }

    /// Whether whoever opens the room has a copy of one that is gone. Ids that the room knows were brought into it since.
    pub(super) fn knows(&self, opening: &Message, room: &Room) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let version = room.doc().version();
        let gone = |id: &ReplicaId| self.0.contains(id) && version.get(id) == 0;
        match opening {
            Message::Open(open) => gone(&open.replica) || open.version.iter().any(|(id, _)| gone(&id)),
            // Whoever has more than its own and what the room knows is asked for all of it.
            Message::Resume(resume) => gone(&resume.replica),
            _ => false,
        }
    }
}

/// Tells a client why it cannot have the room, and that it is to stay away.
pub(super) fn turn_away(outbox: &Outbox, reason: &str) {
    let error = RemoteError::new(ErrorCode::Deleted, reason);
    outbox.push_message(&Message::Error { alias: None, error });
    outbox.close(CLOSE_DELETED, reason);
}

/// As [`turn_away`], for a copy of a room that is gone.
pub(super) fn turn_away_copy(outbox: &Outbox) {
    turn_away(outbox, ANOTHER);
}

/// All who wrote to a room.
pub(super) fn writers(room: &Room) -> Vec<ReplicaId> {
    room.doc().version().iter().map(|(id, _)| id).collect()
}

impl Relay {
    /// Deletes a room: whoever has it open is told and closed, and nobody gets in. It can be brought back for a while.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn delete_room(self: &Arc<Self>, name: &str) -> Result<(), ManageError> {
        self.manage(name, |answer: oneshot::Sender<Result<(), String>>| Manage::Delete(answer))
            .await?
            .map_err(ManageError::Failed)
    }

    /// Brings a deleted room back as it was.
    ///
    /// # Errors
    /// [`ManageError`]; [`ManageError::Missing`] if there is no deleted room of this name.
    pub async fn undelete_room(&self, name: &str) -> Result<(), ManageError> {
        let store = self.store().ok_or_else(|| ManageError::Refused("the store is still being opened".into()))?;
        store.undelete_room(name).await.map_err(|error| match error {
            StoreError::NotDeleted { room } => ManageError::Missing(room),
            error => ManageError::Failed(error.to_string()),
        })?;
        self.quotas().came_back(store, name).await;
        Ok(())
    }

    /// Removes from time to time what is too old in the store.
    pub(crate) async fn sweep(&self) {
        let deleted = Duration::from_secs(self.config().room.deleted_seconds);
        let age = Duration::from_millis(self.config().history.age_ms());
        let pause = SWEEP_PAUSE.min(deleted / 2).min(age / 2).max(Duration::from_millis(500));
        loop {
            tokio::time::sleep(pause).await;
            let Some(store) = self.store().filter(|store| store.takes_writes()) else { continue };
            let before = |time: Duration| now_ms().saturating_sub(time.as_millis() as u64);
            match store.sweep(before(deleted), before(age)).await {
                Ok(()) => {}
                Err(StoreError::Stopped) => return,
                Err(error) => tracing::error!(%error, "what is too old cannot be removed"),
            }
        }
    }
}
