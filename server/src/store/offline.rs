//! Looks into a database file without taking it from a relay that runs on it.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::list::{self, StoredRoom};
use super::open::{FILE_NAME, check_header, classify};
use super::{BackupError, LoadError, OpenError, Saved, read, version};

/// Begins every SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Rooms that are read at a time.
const PAGE: usize = 500;

/// Is a database that is only read.
#[derive(Debug)]
pub struct StoreFile {
    path: PathBuf,
    connection: Connection,
}

/// Is what is known of a database as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Its path.
    pub path: PathBuf,
    /// Bytes of the file, without what is still in the write-ahead log.
    pub bytes: u64,
    /// Version of its tables.
    pub schema: i64,
    /// The program that made it.
    pub created_by: String,
}

impl StoreFile {
    /// The database that a path names: a data folder, or the file itself. `None` if it is something else.
    pub fn at(path: &Path) -> Option<PathBuf> {
        if path.is_dir() {
            return Some(path.join(FILE_NAME));
        }
        let mut head = [0; MAGIC.len()];
        let read = File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
        (read.is_ok() && head == *MAGIC).then(|| path.to_path_buf())
    }

    /// Opens a database to read it.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be read, or was not made by this version of Syncline.
    pub fn open(path: &Path) -> Result<StoreFile, OpenError> {
        let failed = |reason| classify(path, reason);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        check_header(&connection, path)?;
        Ok(StoreFile { path: path.into(), connection })
    }

    /// What is known of it as a whole.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read.
    pub fn facts(&self) -> Result<FileFacts, LoadError> {
        let created_by = "SELECT value FROM meta WHERE key = 'created_by'";
        let read = || -> rusqlite::Result<FileFacts> {
            Ok(FileFacts {
                path: self.path.clone(),
                bytes: std::fs::metadata(&self.path).map_or(0, |file| file.len()),
                schema: self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
                created_by: self.connection.query_row(created_by, [], |row| row.get(0))?,
            })
        };
        read().map_err(|reason| LoadError::List { reason })
    }

    /// Calls `each` for all rooms in the order of their names, until it fails.
    ///
    /// # Errors
    /// [`LoadError`] if the list cannot be read, or what `each` says.
    pub fn each_room<E: From<LoadError>>(
        &mut self,
        mut each: impl FnMut(&mut StoreFile, StoredRoom) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last: Option<String> = None;
        loop {
            let page = list::rooms(&self.connection, last.as_deref(), PAGE);
            let page = page.map_err(|reason| LoadError::List { reason })?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.name.clone());
            for room in page {
                each(self, room)?;
            }
        }
    }

    /// What is stored of a room.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read or entries are missing.
    pub fn load(&mut self, room: &str) -> Result<Saved, LoadError> {
        read::load(&mut self.connection, room)
    }

    /// The snapshots of a room that were replaced and kept, by the log entry that each goes up to.
    ///
    /// # Errors
    /// [`LoadError`] if they cannot be read.
    pub fn kept_versions(&self, room: &str) -> Result<Vec<u64>, LoadError> {
        version::kept(&self.connection, room).map_err(|reason| LoadError::List { reason })
    }

    /// What a version holds that was kept.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read.
    pub fn load_version(&self, room: &str, entry: u64) -> Result<Option<Saved>, LoadError> {
        version::load(&self.connection, room, entry).map_err(|reason| LoadError::List { reason })
    }

    /// Writes all of it, as it is at one moment, into a new file, also while a relay goes on writing; returns when the disk
    /// has it.
    ///
    /// # Errors
    /// [`BackupError`]. A file that was begun is removed.
    pub fn back_up(&self, to: &Path) -> Result<(), BackupError> {
        let failed = |reason: String| BackupError { path: to.into(), reason };
        // Made here, so that nothing that was there before is touched.
        let made = File::options().write(true).create_new(true).open(to);
        let file = made.map_err(|error| failed(error.to_string()))?;
        let written = || -> Result<(), String> {
            let name = to.to_str().ok_or("its name is not UTF-8")?;
            self.connection.execute("VACUUM INTO ?1", [name]).map_err(|error| error.to_string())?;
            file.sync_all().map_err(|error| error.to_string())
        };
        written().map_err(|reason| {
            // The failure itself is what is told.
            let _ = std::fs::remove_file(to);
            failed(reason)
        })
    }

    /// What SQLite finds wrong with its pages and indexes; empty if nothing.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read at all.
    pub fn damage(&self) -> Result<Vec<String>, LoadError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut check = self.connection.prepare("PRAGMA integrity_check(20)")?;
            check.query_map([], |row| row.get(0))?.collect()
        };
        let found = read().map_err(|reason| LoadError::List { reason })?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }
}
