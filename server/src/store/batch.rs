//! One transaction: what it writes, and what it tells the rooms afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Append, Compact, Report, Reports, StoreError, version};
use crate::limits::{STORE_PROBE_BYTES, STORE_ROOMS_CACHED};
use crate::metrics::Histogram;
use crate::relay::now_ms;
use crate::trace::Cause;

/// One write of a room.
pub(super) enum Work {
    Append(Append),
    Compact(Compact),
}

/// Keys and last log ids of the rooms written to, so that a commit need not ask the database.
#[derive(Default)]
pub(super) struct Rooms {
    known: HashMap<Arc<str>, RoomState>,
}

#[derive(Clone, Copy)]
struct RoomState {
    key: i64,
    last: u64,
}

/// What a committed batch tells the rooms: the last id of each.
pub(super) struct Outcome<'a> {
    rooms: HashMap<&'a str, (&'a Reports, u64)>,
    compacted: Vec<(&'a Reports, u64)>,
}

impl Work {
    pub(super) fn room(&self) -> &Arc<str> {
        match self {
            Work::Append(append) => &append.room,
            Work::Compact(compact) => &compact.room,
        }
    }

    fn tenant(&self) -> Option<&str> {
        match self {
            Work::Append(append) => append.tenant.as_deref(),
            Work::Compact(_) => None,
        }
    }

    /// The write that made it, if that is traced.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match self {
            Work::Append(append) => append.cause.as_deref(),
            Work::Compact(_) => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Work::Append(append) => append.blob.len(),
            Work::Compact(compact) => compact.blob.len(),
        }
    }
}

impl Rooms {
    /// Changes something rare, all or nothing, and forgets what was known of rooms. What is deleted is overwritten.
    pub(super) fn change(
        &mut self,
        connection: &mut Connection,
        change: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.known.clear();
        connection.pragma_update(None, "secure_delete", true)?;
        let done = whole(connection, change);
        connection.pragma_update(None, "secure_delete", false)?;
        done
    }

    /// Writes all or nothing; returns after the data is synced to the disk, which is timed.
    pub(super) fn write(
        &mut self,
        connection: &mut Connection,
        work: &[Work],
        times: &Histogram,
    ) -> Result<(), StoreError> {
        if self.known.len() > STORE_ROOMS_CACHED {
            self.known.clear();
        }
        // Immediate: another connection's lock is waited for here, not in the middle. Dropped without commit, it is rolled back.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut staged, now) = (HashMap::new(), now_ms());
        for work in work {
            let mut state = self.state(&transaction, &staged, work)?;
            match work {
                Work::Append(append) => insert(&transaction, &mut state, append, now)?,
                Work::Compact(compact) => replace(&transaction, state, compact, now)?,
            }
            staged.insert(work.room().clone(), state);
        }
        let begun = Instant::now();
        transaction.commit()?;
        times.took(begun.elapsed());
        self.known.extend(staged);
        Ok(())
    }

    fn state(
        &self,
        transaction: &Transaction<'_>,
        staged: &HashMap<Arc<str>, RoomState>,
        work: &Work,
    ) -> Result<RoomState, StoreError> {
        let room = work.room();
        match staged.get(room).or_else(|| self.known.get(room)) {
            Some(state) => Ok(*state),
            None => Ok(read_state(transaction, room, work.tenant())?),
        }
    }
}

impl<'a> Outcome<'a> {
    pub(super) fn of(work: &'a [Work]) -> Outcome<'a> {
        let mut outcome = Outcome { rooms: HashMap::new(), compacted: Vec::new() };
        for work in work {
            match work {
                Work::Append(append) => drop(outcome.rooms.insert(&append.room, (&append.reports, append.id))),
                Work::Compact(compact) => outcome.compacted.push((&compact.reports, compact.upto)),
            }
        }
        outcome
    }

    pub(super) fn send(self) {
        // A room that is gone has nobody waiting for its report.
        for (reports, upto) in self.rooms.into_values() {
            let _ = reports.send(Report::Durable { upto });
        }
        for (reports, upto) in self.compacted {
            let _ = reports.send(Report::Compacted { upto });
        }
    }
}

/// Runs a change in a transaction. Dropped without commit, it is rolled back.
fn whole(
    connection: &mut Connection,
    change: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change(&transaction)?;
    Ok(transaction.commit()?)
}

/// Writes something to the disk, and takes it back: whether that works again after a failure.
pub(super) fn probe(connection: &mut Connection) -> Result<(), StoreError> {
    connection
        .execute("INSERT OR REPLACE INTO meta VALUES('probe', hex(zeroblob(?1)))", [STORE_PROBE_BYTES as i64 / 2])?;
    connection.execute("DELETE FROM meta WHERE key = 'probe'", [])?;
    Ok(())
}

fn read_state(transaction: &Transaction<'_>, room: &str, tenant: Option<&str>) -> rusqlite::Result<RoomState> {
    let key = transaction
        .prepare_cached("SELECT key FROM room WHERE name = ?1")?
        .query_row([room], |row| row.get(0))
        .optional()?;
    let Some(key) = key else {
        transaction.prepare_cached("INSERT INTO room(name, tenant) VALUES(?1, ?2)")?.execute(params![room, tenant])?;
        return Ok(RoomState { key: transaction.last_insert_rowid(), last: 0 });
    };
    let last: i64 = transaction
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(id) FROM log WHERE room = ?1), 0), coalesce((SELECT upto FROM snapshot WHERE room = ?1), 0))",
        )?
        .query_row([key], |row| row.get(0))?;
    Ok(RoomState { key, last: last as u64 })
}

fn insert(transaction: &Transaction<'_>, state: &mut RoomState, append: &Append, now: u64) -> Result<(), StoreError> {
    if append.id != state.last + 1 {
        return Err(StoreError::OutOfOrder { id: append.id, last: state.last });
    }
    transaction.prepare_cached("INSERT INTO log(room, id, blob, at) VALUES(?1, ?2, ?3, ?4)")?.execute(params![
        state.key,
        append.id as i64,
        append.blob,
        now as i64
    ])?;
    state.last = append.id;
    Ok(())
}

/// Drops the log first: its pages then hold the snapshot, which so fits into a full database too.
fn replace(transaction: &Transaction<'_>, state: RoomState, compact: &Compact, now: u64) -> Result<(), StoreError> {
    if compact.upto > state.last {
        return Err(StoreError::OutOfOrder { id: compact.upto, last: state.last });
    }
    transaction
        .prepare_cached("DELETE FROM log WHERE room = ?1 AND id <= ?2")?
        .execute(params![state.key, compact.upto as i64])?;
    if let Some(rule) = &compact.history {
        version::keep(transaction, state.key, rule)?;
    }
    transaction
        .prepare_cached("INSERT INTO snapshot(room, upto, blob, at) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(room) DO UPDATE SET upto = excluded.upto, blob = excluded.blob, at = excluded.at WHERE excluded.upto >= upto")?
        .execute(params![state.key, compact.upto as i64, compact.blob, now as i64])?;
    if let Some(rule) = &compact.history {
        version::prune(transaction, state.key, rule, now)?;
    }
    Ok(())
}
