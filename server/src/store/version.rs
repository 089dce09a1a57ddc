//! The history of a room: snapshots that were replaced, the present one, and what the log leads to from there.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Saved;
use crate::config::HistoryConfig;
use crate::limits::VERSION_STEP_MS;

/// Is a state of a room that can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVersion {
    /// Number of the last log entry that it holds.
    pub entry: u64,
    /// When that was written, in milliseconds since the Unix epoch, if that is known.
    pub at_ms: Option<u64>,
    /// Where it is.
    pub kind: VersionKind,
    /// Bytes of the snapshot, or of the log entries of this step.
    pub bytes: u64,
}

/// Says where a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// A snapshot that was replaced since.
    Kept,
    /// The present snapshot.
    Snapshot,
    /// The log behind it.
    Log,
}

/// Lists the newest first. Of the log only the last entry of each minute is listed.
pub(super) fn list(connection: &Connection, name: &str, limit: usize) -> rusqlite::Result<Vec<StoredVersion>> {
    let Some(key) = key_of(connection, name)? else { return Ok(Vec::new()) };
    let most = limit as i64;
    let mut all = rows(
        connection,
        "SELECT max(id), max(at), sum(length(blob)) FROM log WHERE room = ?1 AND id > coalesce((SELECT upto FROM snapshot WHERE room = ?1), 0) GROUP BY at / ?3 ORDER BY 1 DESC LIMIT ?2",
        params![key, most, VERSION_STEP_MS],
        VersionKind::Log,
    )?;
    all.extend(rows(
        connection,
        "SELECT upto, at, length(blob) FROM snapshot WHERE room = ?1",
        params![key],
        VersionKind::Snapshot,
    )?);
    all.extend(rows(
        connection,
        "SELECT upto, at, length(blob) FROM version WHERE room = ?1 ORDER BY upto DESC LIMIT ?2",
        params![key, most],
        VersionKind::Kept,
    )?);
    all.truncate(limit);
    Ok(all)
}

/// The versions of a room that were kept. A file of the first version has none.
pub(super) fn kept(connection: &Connection, name: &str) -> rusqlite::Result<Vec<u64>> {
    let schema: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if schema < 2 {
        return Ok(Vec::new());
    }
    let query = "SELECT upto FROM version WHERE room = (SELECT key FROM room WHERE name = ?1) ORDER BY upto";
    connection.prepare_cached(query)?.query_map([name], |row| row.get::<_, i64>(0).map(|entry| entry as u64))?.collect()
}

/// Reads what leads to a version: what is asked for may lie anywhere in the log.
pub(super) fn load(connection: &Connection, name: &str, entry: u64) -> rusqlite::Result<Option<Saved>> {
    // One read transaction, so that a compaction cannot fall between the queries. Dropped, it ends.
    let transaction = connection.unchecked_transaction()?;
    let Some(key) = key_of(&transaction, name)? else { return Ok(None) };
    let kept: Option<Vec<u8>> = transaction
        .prepare_cached("SELECT blob FROM version WHERE room = ?1 AND upto = ?2")?
        .query_row(params![key, entry as i64], |row| row.get(0))
        .optional()?;
    if let Some(blob) = kept {
        return Ok(Some(Saved { snapshot: Some((entry, blob)), ..Saved::default() }));
    }
    let snapshot: Option<(u64, Vec<u8>)> = transaction
        .prepare_cached("SELECT upto, blob FROM snapshot WHERE room = ?1 AND upto <= ?2")?
        .query_row(params![key, entry as i64], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))
        .optional()?;
    let upto = snapshot.as_ref().map_or(0, |(upto, _)| *upto);
    let log: Vec<(u64, Vec<u8>)> = transaction
        .prepare_cached("SELECT id, blob FROM log WHERE room = ?1 AND id > ?2 AND id <= ?3 ORDER BY id")?
        .query_map(params![key, upto as i64, entry as i64], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    // Without a gap from the snapshot, or from the beginning, to the entry.
    let whole = log.len() as u64 == entry - upto && log.first().is_none_or(|(id, _)| *id == upto + 1);
    Ok((entry > 0 && whole).then_some(Saved { snapshot, log, ..Saved::default() }))
}

/// When the first log entry of a room was written.
pub(super) fn log_since(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let query = "SELECT at FROM log WHERE room = (SELECT key FROM room WHERE name = ?1) ORDER BY id LIMIT 1";
    let at: Option<i64> = connection.prepare_cached(query)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(at.map(|at| at as u64).filter(|at| *at > 0))
}

/// Keeps the present snapshot of a room, which is about to be replaced, unless the last one that was kept is too young.
pub(super) fn keep(transaction: &Transaction<'_>, key: i64, rule: &HistoryConfig) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO version(room, upto, at, blob) SELECT room, upto, at, blob FROM snapshot WHERE room = ?1 AND at >= coalesce((SELECT max(at) FROM version WHERE room = ?1) + ?2, at)",
        )?
        .execute(params![key, rule.every_ms() as i64])?;
    Ok(())
}

/// Drops what is beyond the bounds, the oldest first.
pub(super) fn prune(transaction: &Transaction<'_>, key: i64, rule: &HistoryConfig, now: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM version WHERE room = ?1 AND (at < ?2 OR upto IN (SELECT upto FROM (SELECT upto, row_number() OVER newer AS place, sum(length(blob)) OVER newer AS total FROM version WHERE room = ?1 WINDOW newer AS (ORDER BY upto DESC)) WHERE place > ?3 OR total > ?4))",
        )?
        .execute(params![
            key,
            now.saturating_sub(rule.age_ms()) as i64,
            rule.versions as i64,
            rule.bytes.min(i64::MAX as u64) as i64
        ])?;
    Ok(())
}

/// Drops the older half of the versions of all rooms, and returns how many that were.
pub(super) fn drop_older_half(connection: &Connection) -> rusqlite::Result<usize> {
    let oldest = "DELETE FROM version WHERE rowid IN (SELECT rowid FROM version ORDER BY at LIMIT (SELECT (count(*) + 1) / 2 FROM version))";
    connection.execute(oldest, [])
}

fn key_of(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT key FROM room WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

fn rows(
    connection: &Connection,
    query: &str,
    params: impl rusqlite::Params,
    kind: VersionKind,
) -> rusqlite::Result<Vec<StoredVersion>> {
    connection.prepare_cached(query)?.query_map(params, |row| version(row, kind))?.collect()
}

fn version(row: &Row<'_>, kind: VersionKind) -> rusqlite::Result<StoredVersion> {
    let number = |at| row.get::<_, i64>(at).map(|number| number as u64);
    Ok(StoredVersion { entry: number(0)?, at_ms: Some(number(1)?).filter(|at| *at > 0), kind, bytes: number(2)? })
}

/// Drops the versions of all rooms from before a time.
pub(super) fn sweep(connection: &Connection, before: u64) -> rusqlite::Result<()> {
    let gone = "DELETE FROM version WHERE at < ?1";
    connection.prepare_cached(gone)?.execute([before.min(i64::MAX as u64) as i64]).map(drop)
}
