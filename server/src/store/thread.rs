//! The thread that owns the writing connection: it collects a batch, commits it, and reports.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::batch::{Outcome, Rooms, Work, probe};
use super::checkpoint::Checkpoints;
use super::version;
use super::{Append, Change, Command, Compact, Report, StoreError};
use crate::limits::{COMMIT_BYTES, COMMIT_ENTRIES, STORE_PROBE_PAUSE};
use crate::metrics::StoreMetrics;
use crate::trace;

/// The running thread; ends after [`Command::Stop`].
pub(super) struct WriterThread(JoinHandle<()>);

struct Writer {
    connection: Connection,
    rooms: Rooms,
    checkpoints: Checkpoints,
    counters: Arc<StoreMetrics>,
}

/// What is committed together.
#[derive(Default)]
struct Batch {
    work: Vec<Work>,
    bytes: usize,
    /// What comes behind it, and ends it.
    change: Option<Change>,
    flushed: Vec<oneshot::Sender<()>>,
    stop: bool,
}

impl WriterThread {
    pub(super) fn start(
        connection: Connection,
        checkpointer: Connection,
        path: PathBuf,
        commands: Receiver<Command>,
        counters: Arc<StoreMetrics>,
    ) -> std::io::Result<WriterThread> {
        let checkpoints = Checkpoints::start(checkpointer, path)?;
        let mut writer = Writer { connection, rooms: Rooms::default(), checkpoints, counters };
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || writer.run(&commands))?;
        Ok(WriterThread(thread))
    }

    pub(super) fn is_running(&self) -> bool {
        !self.0.is_finished()
    }

    /// Waits for the end; a panic of the thread was printed by it.
    pub(super) fn join(self) {
        let _ = self.0.join();
    }
}

impl Writer {
    fn run(&mut self, commands: &Receiver<Command>) {
        while let Some(first) = self.next(commands) {
            let batch = Batch::collect(first, commands);
            self.commit(batch.work);
            if let Some(Change { change, done }) = batch.change {
                let changed = self.rooms.change(&mut self.connection, change);
                self.noted(&changed);
                // Whoever asked may have gone.
                let _ = done.send(changed);
            }
            for done in batch.flushed {
                // Whoever waited may have given up.
                let _ = done.send(());
            }
            self.checkpoints.after_commit(&self.connection, batch.bytes as u64);
            if batch.stop {
                break;
            }
        }
        self.checkpoints.finish(&self.connection);
    }

    /// Waits for work. While the database refuses writes, tries from time to time whether it takes them again.
    fn next(&mut self, commands: &Receiver<Command>) -> Option<Command> {
        while self.counters.refusing.load(Ordering::Relaxed) {
            match commands.recv_timeout(STORE_PROBE_PAUSE) {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let taken = probe(&mut self.connection);
                    self.noted(&taken);
                }
            }
        }
        commands.recv().ok()
    }

    /// Notes whether the database takes writes. An entry out of order says nothing about that.
    fn noted(&self, written: &Result<(), StoreError>) {
        let refusing = match written {
            Ok(()) => false,
            Err(StoreError::Sqlite(_)) => true,
            Err(_) => return,
        };
        if self.counters.refusing.swap(refusing, Ordering::Relaxed) != refusing {
            match refusing {
                true => {
                    tracing::error!("the database refuses writes; rooms can be read, and writers are told to come back")
                }
                false => tracing::info!("the database takes writes again"),
            }
        }
    }

    /// Writes; if there is no space, once more without the older half of what is kept of the past.
    fn write(&mut self, work: &[Work]) -> Result<(), StoreError> {
        let bytes = || work.iter().map(Work::bytes).sum();
        let mut span = trace::commit(work.iter().filter_map(Work::cause), work.len(), bytes);
        let mut written = self.rooms.write(&mut self.connection, work, &self.counters.commit);
        if matches!(&written, Err(error) if error.is_full()) {
            // A disk without any space does not even take that.
            let dropped = version::drop_older_half(&self.connection).unwrap_or_default();
            if dropped > 0 {
                tracing::warn!(dropped, "the database is full: the older half of the versions of rooms is dropped");
                written = self.rooms.write(&mut self.connection, work, &self.counters.commit);
            }
        }
        if let (Some(span), Err(error)) = (&mut span, &written) {
            span.failed(&error.to_string());
        }
        self.noted(&written);
        written
    }

    /// Commits all in one transaction. If that fails, each room on its own, so that one cannot harm another.
    fn commit(&mut self, work: Vec<Work>) {
        if work.is_empty() {
            return;
        }
        match self.write(&work) {
            Ok(()) => self.report_success(&work),
            Err(error) => {
                self.counters.failures.inc();
                let rooms = by_room(work);
                if rooms.len() == 1 {
                    return rooms.iter().for_each(|work| report_failure(work, &error.to_string()));
                }
                for work in rooms {
                    match self.write(&work) {
                        Ok(()) => self.report_success(&work),
                        Err(error) => report_failure(&work, &error.to_string()),
                    }
                }
            }
        }
    }

    fn report_success(&self, work: &[Work]) {
        let bytes: usize = work.iter().map(Work::bytes).sum();
        let entries = work.iter().filter(|work| matches!(work, Work::Append(_))).count();
        self.counters.commits.inc();
        self.counters.entries.add(entries as u64);
        self.counters.bytes.add(bytes as u64);
        self.counters.batch.observe(entries as u64);
        Outcome::of(work).send();
    }
}

impl Batch {
    /// Takes everything that is queued already, up to the limits of one transaction.
    fn collect(first: Command, commands: &Receiver<Command>) -> Batch {
        let mut batch = Batch::default();
        batch.add(first);
        while !batch.stop && batch.change.is_none() && batch.work.len() < COMMIT_ENTRIES && batch.bytes < COMMIT_BYTES {
            let Ok(next) = commands.try_recv() else { break };
            batch.add(next);
        }
        batch
    }

    fn add(&mut self, command: Command) {
        match command {
            Command::Append(append) => self.push(Work::Append(append)),
            Command::Compact(compact) => self.push(Work::Compact(compact)),
            Command::Change(change) => self.change = Some(change),
            Command::Flush(done) => self.flushed.push(done),
            Command::Stop => self.stop = true,
        }
    }

    fn push(&mut self, work: Work) {
        self.bytes += work.bytes();
        self.work.push(work);
    }
}

/// Splits the work by room, in its order within each.
fn by_room(work: Vec<Work>) -> Vec<Vec<Work>> {
    let mut rooms: BTreeMap<Arc<str>, Vec<Work>> = BTreeMap::new();
    for work in work {
        rooms.entry(work.room().clone()).or_default().push(work);
    }
    rooms.into_values().collect()
}

/// Tells one room that nothing of this work is stored.
fn report_failure(work: &[Work], reason: &str) {
    let first = work.iter().find_map(|work| match work {
        Work::Append(append) => Some(append),
        Work::Compact(_) => None,
    });
    tracing::error!(room = work.first().map(|work| &**work.room()), reason, "write failed");
    // A room that is gone has nobody waiting.
    if let Some(Append { id, reports, .. }) = first {
        let _ = reports.send(Report::Failed { from: *id, reason: reason.to_string() });
    }
    for work in work {
        if let Work::Compact(Compact { reports, .. }) = work {
            let _ = reports.send(Report::CompactFailed { reason: reason.to_string() });
        }
    }
}
