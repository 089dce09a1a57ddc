//! Opens and checks the database before anything is served from it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::{OpenError, migrate};
use crate::config::StoreConfig;

/// Name of the database file within the data folder.
pub const FILE_NAME: &str = "syncline.db";

/// Name of the file whose lock says that a relay uses the folder.
const LOCK_NAME: &str = "syncline.lock";

/// "SYNC": marks the file as Syncline's in its header.
const APPLICATION_ID: i64 = 0x5359_4e43;

/// Version of the tables below; raised with each change of them.
pub(super) const SCHEMA_VERSION: i64 = 2;

/// Time that a connection waits for the checkpoint thread or the writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The tables of version 1; [`migrate`] makes those of today out of them, in a new file too.
const SCHEMA: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE room(key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE log(room INTEGER NOT NULL, id INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY(room, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshot(room INTEGER PRIMARY KEY, upto INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
";

/// The connections of an open database and the lock on its folder.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
    pub(super) reader: Connection,
    pub(super) checkpointer: Connection,
    pub(super) lock: File,
}

pub(super) fn open(folder: &Path, config: &StoreConfig) -> Result<Opened, OpenError> {
    std::fs::create_dir_all(folder).map_err(|reason| OpenError::Folder { folder: folder.into(), reason })?;
    let lock = lock(folder)?;
    let path = folder.join(FILE_NAME);
    let connections = connect_all(&path, config).map_err(|reason| classify(&path, reason))?;
    let (writer, reader, checkpointer) = connections;
    check_header(&writer, &path)?;
    create_tables(&writer).map_err(|reason| classify(&path, reason))?;
    migrate::bring_up(&writer).map_err(|reason| classify(&path, reason))?;
    if config.check_at_start {
        check_pages(&writer, &path)?;
    }
    Ok(Opened { path, writer, reader, checkpointer, lock })
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let unusable = |reason| OpenError::Folder { folder: folder.into(), reason };
    let file =
        File::options().create(true).truncate(false).write(true).open(folder.join(LOCK_NAME)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.into() }),
        Err(TryLockError::Error(reason)) => Err(unusable(reason)),
    }
}

fn connect_all(path: &Path, config: &StoreConfig) -> rusqlite::Result<(Connection, Connection, Connection)> {
    let writer = connect(path)?;
    writer.pragma_update(None, "journal_mode", "WAL")?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    // What the log file keeps of a burst after it was copied into the database, in bytes.
    writer.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    // The checkpoint thread does it, so that a commit does not pay for it.
    writer.pragma_update(None, "wal_autocheckpoint", 0)?;
    if config.max_bytes > 0 {
        let page: i64 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = (config.max_bytes / page.max(1) as u64).max(1);
        writer.pragma_update(None, "max_page_count", pages as i64)?;
    }
    let reader = connect(path)?;
    reader.pragma_update(None, "query_only", true)?;
    let checkpointer = connect(path)?;
    checkpointer.pragma_update(None, "synchronous", "FULL")?;
    Ok((writer, reader, checkpointer))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Refuses files of other programs and of later versions; a new file passes, and one of an earlier version.
pub(super) fn check_header(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let read = |name| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(|reason| classify(path, reason))
    };
    let (application, version, pages) = (read("application_id")?, read("user_version")?, read("page_count")?);
    if application == APPLICATION_ID && (1..=SCHEMA_VERSION).contains(&version) || pages == 0 {
        return Ok(());
    }
    if application == APPLICATION_ID {
        return Err(OpenError::Version { path: path.into(), found: version, known: SCHEMA_VERSION });
    }
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    match tables.map_err(|reason| classify(path, reason))? {
        0 => Ok(()),
        _ => Err(OpenError::Foreign { path: path.into() }),
    }
}

/// Makes the tables in a new file, in one transaction with the marks that [`check_header`] looks for.
fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION_ID {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction
        .execute("INSERT INTO meta VALUES('created_by', ?1)", [concat!("syncline ", env!("CARGO_PKG_VERSION"))])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", 1)?;
    transaction.commit()
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found.map_err(|reason| classify(path, reason))? {
        ok if ok == "ok" => Ok(()),
        reason => Err(OpenError::Damaged { path: path.into(), reason }),
    }
}

pub(super) fn classify(path: &Path, reason: rusqlite::Error) -> OpenError {
    let path = path.to_path_buf();
    match reason.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { path, reason: reason.to_string() }
        }
        _ => OpenError::Sqlite { path, reason },
    }
}
