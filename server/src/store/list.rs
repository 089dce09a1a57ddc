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
}

/// The lengths are in the head of each record, so no blob is read.
const COLUMNS: &str = "name,
    (SELECT count(*) FROM log WHERE log.room = room.key),
    (SELECT coalesce(sum(length(blob)), 0) FROM log WHERE log.room = room.key),
    coalesce((SELECT length(blob) FROM snapshot WHERE snapshot.room = room.key), 0),
    max(coalesce((SELECT max(id) FROM log WHERE log.room = room.key), 0),
        coalesce((SELECT upto FROM snapshot WHERE snapshot.room = room.key), 0))";

pub(super) fn has(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM room WHERE name = ?1")?.exists([name])
}

pub(super) fn room(connection: &Connection, name: &str) -> rusqlite::Result<Option<StoredRoom>> {
    let query = format!("SELECT {COLUMNS} FROM room WHERE name = ?1");
    connection.prepare_cached(&query)?.query_row([name], stored).optional()
}

pub(super) fn rooms(connection: &Connection, after: Option<&str>, limit: usize) -> rusqlite::Result<Vec<StoredRoom>> {
    // Two queries, so that each page begins at its place in the index.
    let query = |after| format!("SELECT {COLUMNS} FROM room {after} ORDER BY name LIMIT ?1");
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
    })
}
