//! Brings the tables of an earlier version up to those of today. No blob is rewritten, so it takes no time.

use rusqlite::Connection;

use super::open::SCHEMA_VERSION;
use crate::relay::now_ms;

/// The steps; the one at place n leads from version n + 1 to the next. `{now}` stands for the time.
const STEPS: [&str; SCHEMA_VERSION as usize - 1] = ["
    ALTER TABLE room ADD COLUMN tenant TEXT;
    ALTER TABLE room ADD COLUMN deleted INTEGER;
    ALTER TABLE room ADD COLUMN writers BLOB;
    ALTER TABLE log ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE snapshot ADD COLUMN at INTEGER NOT NULL DEFAULT {now};
    CREATE TABLE version(room INTEGER NOT NULL, upto INTEGER NOT NULL, at INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY(room, upto)) STRICT;
    CREATE TABLE former(name TEXT PRIMARY KEY, deleted INTEGER NOT NULL, writers BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX version_at ON version(at);
    CREATE INDEX room_tenant ON room(tenant) WHERE tenant IS NOT NULL;
    CREATE INDEX room_deleted ON room(deleted) WHERE deleted IS NOT NULL;
"];

/// Takes the missing steps, all in one transaction.
pub(super) fn bring_up(connection: &Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version.max(1) - 1).unwrap_or_default();
    if done >= STEPS.len() {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    for step in &STEPS[done..] {
        transaction.execute_batch(&step.replace("{now}", &now_ms().to_string()))?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    let begun: bool = connection.query_row("SELECT EXISTS(SELECT 1 FROM room)", [], |row| row.get(0))?;
    if begun {
        tracing::info!(from = version, to = SCHEMA_VERSION, "the tables of the store are those of today now");
    }
    Ok(())
}
