//! Reads what is stored of a room.

use rusqlite::{Connection, OptionalExtension, params};

use super::{About, LoadError};

/// Holds what is stored of one room: apply the snapshot, then the log in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saved {
    /// Id that the snapshot stands for, and its blob.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// Entries after the snapshot, by consecutive id.
    pub log: Vec<(u64, Vec<u8>)>,
    /// When the first of these entries was written, in milliseconds since the Unix epoch, if that is known.
    pub log_since: Option<u64>,
    /// What is known of the room beside its content.
    pub about: About,
}

impl Saved {
    /// Id of the last entry, stored or covered by the snapshot; 0 for a new room.
    pub fn last_id(&self) -> u64 {
        let covered = self.snapshot.as_ref().map_or(0, |(upto, _)| *upto);
        self.log.last().map_or(covered, |(id, _)| *id)
    }

    /// Bytes of the log entries.
    pub fn log_bytes(&self) -> u64 {
        self.log.iter().map(|(_, blob)| blob.len() as u64).sum()
    }
}

pub(super) fn load(connection: &mut Connection, room: &str) -> Result<Saved, LoadError> {
    let saved = query(connection, room).map_err(|reason| LoadError::Sqlite { room: room.into(), reason })?;
    let mut before = saved.snapshot.as_ref().map_or(0, |(upto, _)| *upto);
    for (id, _) in &saved.log {
        if *id != before + 1 {
            return Err(LoadError::Missing { room: room.into(), before, after: *id });
        }
        before = *id;
    }
    Ok(saved)
}

/// Snapshot and log in one read transaction, so that a compaction cannot fall between them.
fn query(connection: &mut Connection, room: &str) -> rusqlite::Result<Saved> {
    let transaction = connection.transaction()?;
    let key: Option<i64> = transaction
        .prepare_cached("SELECT key FROM room WHERE name = ?1")?
        .query_row([room], |row| row.get(0))
        .optional()?;
    let Some(key) = key else { return Ok(Saved::default()) };
    let snapshot = transaction
        .prepare_cached("SELECT upto, blob FROM snapshot WHERE room = ?1")?
        .query_row([key], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))
        .optional()?;
    let upto = snapshot.as_ref().map_or(0, |(upto, _): &(u64, Vec<u8>)| *upto);
    let log = transaction
        .prepare_cached("SELECT id, blob FROM log WHERE room = ?1 AND id > ?2 ORDER BY id")?
        .query_map(params![key, upto as i64], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Saved { snapshot, log, ..Saved::default() })
}
