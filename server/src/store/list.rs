//! Which rooms are stored, and how large they are.

use rusqlite::{Connection, OptionalExtension, Row, params};

/// Is what is stored of one room, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    /// Its name.
    pub name: String,
    /// Log entries behind the snapshot.
    pub log_entries: u64,
    /// Bytes of these entries.
    pub log_bytes: u64,
    /// Bytes of the snapshot.
    pub snapshot_bytes: u64,
    /// Number of the last log entry, also when the snapshot covers it.
    pub last_entry: u64,
    /// When it was deleted, in milliseconds since the Unix epoch, if it was.
    pub deleted_ms: Option<u64>,
}

/// Is what is stored for one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantSizes {
    /// Rooms.
    pub rooms: u64,
    /// Bytes of their logs and snapshots.
    pub bytes: u64,
}

/// The lengths are in the head of each record, so no blob is read.
const COLUMNS: &str = "name,
    (SELECT count(*) FROM log WHERE log.room = room.key),
    (SELECT coalesce(sum(length(blob)), 0) FROM log WHERE log.room = room.key),
    coalesce((SELECT length(blob) FROM snapshot WHERE snapshot.room = room.key), 0),
    max(coalesce((SELECT max(id) FROM log WHERE log.room = room.key), 0),
        coalesce((SELECT upto FROM snapshot WHERE snapshot.room = room.key), 0))";

pub(super) fn has(connection: &Connection, name: &str) -> rusqlite::Result<Option<Option<u64>>> {
    let deleted: Option<Option<i64>> = connection
        .prepare_cached("SELECT deleted FROM room WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(deleted.map(|at| at.map(|at| at as u64)))
}

pub(super) fn tenant(connection: &Connection, tenant: &str) -> rusqlite::Result<TenantSizes> {
    let query = "SELECT count(*), coalesce(sum((SELECT coalesce(sum(length(blob)), 0) FROM log WHERE log.room = room.key) + coalesce((SELECT length(blob) FROM snapshot WHERE snapshot.room = room.key), 0)), 0) FROM room WHERE tenant = ?1 AND deleted IS NULL";
    let number = |row: &Row<'_>, at| row.get::<_, i64>(at).map(|number| number as u64);
    connection
        .prepare_cached(query)?
        .query_row([tenant], |row| Ok(TenantSizes { rooms: number(row, 0)?, bytes: number(row, 1)? }))
}

/// The columns of a room. A file of the first version has no deleted ones.
fn columns(connection: &Connection) -> rusqlite::Result<String> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(format!("{COLUMNS}, {}", if version > 1 { "deleted" } else { "NULL" }))
}

pub(super) fn room(connection: &Connection, name: &str) -> rusqlite::Result<Option<StoredRoom>> {
    let query = format!("SELECT {} FROM room WHERE name = ?1", columns(connection)?);
    connection.prepare_cached(&query)?.query_row([name], stored).optional()
}

pub(super) fn rooms(connection: &Connection, after: Option<&str>, limit: usize) -> rusqlite::Result<Vec<StoredRoom>> {
    // Two queries, so that each page begins at its place in the index.
    let columns = columns(connection)?;
    let query = |after| format!("SELECT {columns} FROM room {after} ORDER BY name LIMIT ?1");
    match after {
        None => connection.prepare_cached(&query(""))?.query_map([limit as i64], stored)?.collect(),
        Some(after) => {
            let mut page = connection.prepare_cached(&query("WHERE name > ?2"))?;
            page.query_map(params![limit as i64, after], stored)?.collect()
        }
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredRoom> {
    let number = |at| row.get::<_, i64>(at).map(|number| number as u64);
    Ok(StoredRoom {
        name: row.get(0)?,
        log_entries: number(1)?,
        log_bytes: number(2)?,
        snapshot_bytes: number(3)?,
        last_entry: number(4)?,
        deleted_ms: row.get::<_, Option<i64>>(5)?.map(|at| at as u64),
    })
}
