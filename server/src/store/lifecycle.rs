//! Deleted rooms: kept for a while, brought back, and gone for good.
//!
//! Of a room that is gone its name stays, with the ids of those who wrote to it. Who comes back later with such an id and
//! finds a new room under the name has a copy of another one.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::limits::FORMER_WRITERS;
use syncline::clock::ReplicaId;

/// Is what is known of a room beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Whose the room is, if it is someone's.
    pub tenant: Option<String>,
    /// When it was deleted, in milliseconds since the Unix epoch.
    pub deleted_ms: Option<u64>,
    /// Who wrote to rooms of this name that are gone.
    pub former: Vec<ReplicaId>,
}

pub(super) fn about(connection: &Connection, name: &str) -> rusqlite::Result<About> {
    let room: Option<(Option<String>, Option<i64>)> = connection
        .prepare_cached("SELECT tenant, deleted FROM room WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (tenant, deleted) = room.unwrap_or_default();
    Ok(About { tenant, deleted_ms: deleted.map(|at| at as u64), former: former(connection, name)? })
}

/// Marks a room as deleted; `writers` are those who wrote to it.
pub(super) fn delete(connection: &Connection, name: &str, writers: &[ReplicaId], now: u64) -> Result<(), StoreError> {
    connection.execute("INSERT INTO room(name) VALUES(?1) ON CONFLICT(name) DO NOTHING", [name])?;
    let marked = "UPDATE room SET deleted = ?2, writers = ?3 WHERE name = ?1";
    connection.execute(marked, params![name, now as i64, encode(writers)])?;
    Ok(())
}

/// Takes the mark away.
pub(super) fn undelete(connection: &Connection, name: &str) -> Result<(), StoreError> {
    let unmarked = "UPDATE room SET deleted = NULL, writers = NULL WHERE name = ?1 AND deleted IS NOT NULL";
    match connection.execute(unmarked, [name])? {
        0 => Err(StoreError::NotDeleted { room: name.into() }),
        _ => Ok(()),
    }
}

/// Removes the rooms that were deleted up to a time, overwriting what they held, and returns their number.
pub(super) fn purge(connection: &Connection, upto: u64) -> Result<usize, StoreError> {
    let mut due = connection.prepare_cached("SELECT key, name, deleted, writers FROM room WHERE deleted <= ?1")?;
    let rooms: Vec<(i64, String, i64, Vec<u8>)> = due
        .query_map([upto.min(i64::MAX as u64) as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (key, name, deleted, writers) in &rooms {
        for table in ["log", "snapshot", "version"] {
            connection.execute(&format!("DELETE FROM {table} WHERE room = ?1"), [key])?;
        }
        connection.execute("DELETE FROM room WHERE key = ?1", [key])?;
        let mut writers = decode(writers);
        writers.extend(former(connection, name)?);
        // The youngest ids: of a room with more writers those who were there long ago are not told.
        writers.sort_unstable_by(|one, two| two.cmp(one));
        writers.dedup();
        writers.truncate(FORMER_WRITERS);
        let kept = "INSERT OR REPLACE INTO former(name, deleted, writers) VALUES(?1, ?2, ?3)";
        connection.execute(kept, params![name, deleted, encode(&writers)])?;
    }
    Ok(rooms.len())
}

fn former(connection: &Connection, name: &str) -> rusqlite::Result<Vec<ReplicaId>> {
    let query = "SELECT writers FROM former WHERE name = ?1";
    let bytes: Option<Vec<u8>> = connection.prepare_cached(query)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(decode(&bytes.unwrap_or_default()))
}

fn encode(writers: &[ReplicaId]) -> Vec<u8> {
    writers.iter().flat_map(|id| *id.as_bytes()).collect()
}

fn decode(bytes: &[u8]) -> Vec<ReplicaId> {
    let (ids, _) = bytes.as_chunks::<16>();
    ids.iter().map(|id| ReplicaId::from_bytes(*id)).collect()
}
