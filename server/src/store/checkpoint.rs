//! Copies the write-ahead log into the database on a thread of its own, so that commits do not wait for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::limits::{CHECKPOINT_BYTES, CHECKPOINT_FORCE_BYTES};

/// Bytes that a commit adds to the write-ahead log beside its blobs: the pages it touches.
const COMMIT_PAGES_BYTES: u64 = 3 * 4096;

/// The writer's side: counts what was written and wakes the thread.
pub(super) struct Checkpoints {
    log: PathBuf,
    written: u64,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn start(connection: Connection, database: PathBuf) -> std::io::Result<Checkpoints> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || run(&connection, &woken))?;
        Ok(Checkpoints { log: log_path(&database), written: 0, wake: Some(wake), thread: Some(thread) })
    }

    /// Wakes the thread now and then. A log that grows all the same is copied right here: writers wait then, the disk does not fill up.
    pub(super) fn after_commit(&mut self, writer: &Connection, bytes: u64) {
        self.written += bytes + COMMIT_PAGES_BYTES;
        if self.written < CHECKPOINT_BYTES {
            return;
        }
        self.written = 0;
        if std::fs::metadata(&self.log).is_ok_and(|log| log.len() > CHECKPOINT_FORCE_BYTES) {
            return checkpoint(writer, "TRUNCATE");
        }
        let full = self.wake.as_ref().map(|wake| wake.try_send(()));
        if let Some(Err(TrySendError::Disconnected(()))) = full {
            checkpoint(writer, "PASSIVE");
        }
    }

    /// Ends the thread and leaves an empty write-ahead log.
    pub(super) fn finish(&mut self, writer: &Connection) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed by it.
            let _ = thread.join();
        }
        checkpoint(writer, "TRUNCATE");
    }
}

fn run(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        checkpoint(connection, "PASSIVE");
    }
}

/// A failed checkpoint loses nothing: the log keeps its content, and the next one tries again.
fn checkpoint(connection: &Connection, mode: &str) {
    let done = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(0));
    if let Err(reason) = done {
        tracing::warn!(%reason, mode, "checkpoint failed");
    }
}

fn log_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
