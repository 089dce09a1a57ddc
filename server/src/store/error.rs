//! What can go wrong with the database.

use std::path::PathBuf;

/// Says why the database cannot be opened, and what to do. The relay does not start then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder cannot be made or read.
    #[error("cannot use the data folder {folder}: {reason}. Choose a folder that this user may write to with --data.")]
    Folder {
        /// The folder that was asked for.
        folder: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Another process has the folder open.
    #[error("another relay uses the data folder {folder}. Stop it, or give this one a folder of its own with --data.")]
    InUse {
        /// The folder that was asked for.
        folder: PathBuf,
    },
    /// The file is no database, or damaged.
    #[error(
        "the database {path} is damaged or not a database: {reason}. Restore it from a backup, or move it away to start empty."
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// The database belongs to another program.
    #[error("the database {path} was not made by Syncline. Choose another folder with --data.")]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The database was written by another version.
    #[error(
        "the database {path} has schema version {found}, this relay knows {known}. Run the version of Syncline that wrote it, or a newer one."
    )]
    Version {
        /// The database file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Version of this program.
        known: i64,
    },
    /// SQLite refused for another reason.
    #[error("cannot open the database {path}: {reason}. Check the permissions and the free space of its folder.")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// The store's thread could not be started.
    #[error("cannot start the store's thread: {reason}. Raise the limit on threads of this user.")]
    Thread {
        /// What the operating system said.
        reason: std::io::Error,
    },
}

/// Says why a backup was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write a backup to {path}: {reason}. Give a new file in a folder with enough space.")]
pub struct BackupError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub reason: String,
}

/// Says why a room cannot be read. The room is refused then, never served empty.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// SQLite could not read it.
    #[error("cannot read room {room:?}: {reason}")]
    Sqlite {
        /// Name of the room.
        room: String,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// A log entry is missing.
    #[error(
        "the log of room {room:?} goes from entry {before} to {after}; what lies between is missing. Restore the database from a backup."
    )]
    Missing {
        /// Name of the room.
        room: String,
        /// Last entry before the hole.
        before: u64,
        /// First entry after it.
        after: u64,
    },
    /// SQLite could not list rooms.
    #[error("cannot list rooms: {reason}")]
    List {
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// The thread that read it was ended.
    #[error("reading was interrupted: {reason}")]
    Interrupted {
        /// Why.
        reason: String,
    },
}

/// Says why a write failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite refused it: the disk is full, the quota is used up, the disk has a fault.
    #[error("the database refused the write: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The entry does not follow the last one that is stored.
    #[error("entry {id} does not follow the last stored entry {last}")]
    OutOfOrder {
        /// Id of the refused entry.
        id: u64,
        /// Id of the last entry of the room.
        last: u64,
    },
    /// The room is not deleted, so it cannot be brought back.
    #[error("room {room:?} is not among the deleted ones")]
    NotDeleted {
        /// Name of the room.
        room: String,
    },
    /// The relay is shutting down.
    #[error("the store is closed because the relay is shutting down")]
    Stopped,
}

impl StoreError {
    /// Whether there is no space.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, StoreError::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    }
}
