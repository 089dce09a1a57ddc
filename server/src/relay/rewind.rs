//! Versions of a room: listed, exported, and written again.
//!
//! A room goes back by new writes, as an undo does. They come from a replica made for it, which has seen what the room has
//! seen, so that whoever was offline meanwhile merges with them as with the writes of anyone else.

use std::sync::Arc;

use syncline::crdt::Path;
use syncline::doc::Doc;
use syncline::replica::{Room, RoomInput};
use tokio::sync::oneshot;

use super::manage::{Manage, WAITING, export};
use super::restore::document;
use super::{ExportFormat, ManageError, Relay, now_ms};
use crate::client::new_replica_id;
use crate::limits::ADMIN_PAGE;
use crate::store::{Saved, Store, StoredVersion};

/// The origin of the transaction that goes back.
const ORIGIN: &str = "restore";

/// An earlier version to go back to.
pub(crate) struct Rewind {
    pub(super) saved: Saved,
    /// What is above stays as it is.
    pub(super) path: Path,
}

/// Says what going back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewound {
    /// Leaves that were written.
    pub written: u64,
    /// Number of the last log entry then: what came before is the version from before.
    pub entry: u64,
}

type Answer = oneshot::Sender<Result<Rewound, String>>;

/// Who wants to go back, and who waits until that is on the disk.
#[derive(Default)]
pub(super) struct Rewinds {
    wanted: Vec<(Rewind, Answer)>,
    written: Vec<(Rewound, Answer)>,
}

impl Rewinds {
    pub(super) fn take(&mut self, rewind: Rewind, answer: Answer) {
        // Without an answer whoever asked is told that the room is silent.
        if self.wanted.len() + self.written.len() < WAITING {
            self.wanted.push((rewind, answer));
        }
    }

    pub(super) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Writes what was asked for into the room.
    pub(super) fn carry_out(&mut self, room: &mut Room) {
        for (rewind, answer) in std::mem::take(&mut self.wanted) {
            match go_back(room, &rewind) {
                Ok(written) => {
                    let rewound = Rewound { written, entry: room.last_persist() };
                    self.written.push((rewound, answer));
                }
                // Whoever asked may have gone.
                Err(reason) => drop(answer.send(Err(reason))),
            }
        }
        if room.is_durable() {
            self.durable(room.last_persist());
        }
    }

    pub(super) fn durable(&mut self, upto: u64) {
        for (rewound, answer) in self.written.extract_if(.., |(rewound, _)| rewound.entry <= upto) {
            // Whoever asked may have gone.
            let _ = answer.send(Ok(rewound));
        }
    }
}

/// Writes at and below a path what an earlier version has there. Returns the number of leaves.
fn go_back(room: &mut Room, rewind: &Rewind) -> Result<u64, String> {
    let mut old = document(room.name(), &rewind.saved).map_err(|error| error.to_string())?;
    let mut writer = Doc::new(new_replica_id());
    writer.import(&room.doc().export()).map_err(|error| error.to_string())?;
    let before = writer.version();
    let now = now_ms();
    let written = writer.rewind(now, Some(ORIGIN), &rewind.path, &mut old).map_err(|error| error.to_string())?;
    if written == 0 {
        return Ok(0);
    }
    let body = writer.delta_since(&before).encode();
    if body.len() > syncline::bounds::MESSAGE_BYTES {
        return Err("it takes more writes than fit into a message; go back one path after the other".into());
    }
    room.handle(RoomInput::MemberDelta { body }, now);
    Ok(written as u64)
}

impl Relay {
    /// The versions of a room that can be had, the newest first.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn room_versions(&self, name: &str) -> Result<Vec<StoredVersion>, ManageError> {
        self.require_room(name).await?;
        self.past()?.versions(name, ADMIN_PAGE).await.map_err(|error| ManageError::Store(error.to_string()))
    }

    /// All of a room as it was with the log entry `entry`, for other programs. The room is not loaded for it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn export_version(&self, name: &str, entry: u64, format: ExportFormat) -> Result<Vec<u8>, ManageError> {
        let (saved, room) = (self.version(name, entry).await?, name.to_owned());
        // A large room takes long, so that is not done on a worker.
        let task = tokio::task::spawn_blocking(move || document(&room, &saved).map(|doc| export(&doc, format)));
        let exported = task.await.map_err(|error| ManageError::Failed(error.to_string()))?;
        exported.map_err(|error| ManageError::Failed(error.to_string()))
    }

    /// Writes again what a room had at and below a path with the log entry `entry`; returns when the disk has it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn restore_version(self: &Arc<Self>, name: &str, entry: u64, path: Path) -> Result<Rewound, ManageError> {
        let saved = self.version(name, entry).await?;
        if !self.past()?.takes_writes() {
            return Err(ManageError::Refused("the database refuses writes now".into()));
        }
        let rewind = Rewind { saved, path };
        self.manage(name, |answer| Manage::Rewind(rewind, answer)).await?.map_err(ManageError::Failed)
    }

    async fn version(&self, name: &str, entry: u64) -> Result<Saved, ManageError> {
        self.require_room(name).await?;
        let saved = self.past()?.load_version(name, entry).await;
        let missing = || ManageError::NoVersion { room: name.to_owned(), entry };
        saved.map_err(|error| ManageError::Store(error.to_string()))?.ok_or_else(missing)
    }

    fn past(&self) -> Result<&Arc<Store>, ManageError> {
        self.store().ok_or_else(|| ManageError::Refused("the store is still being opened".into()))
    }
}
