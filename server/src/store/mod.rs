//! The database: one SQLite file in WAL mode, written by one thread of its own.
//!
//! Persist, then acknowledge. A [`Report::Durable`] is sent only after COMMIT returned, and every commit is synced to the
//! disk (`synchronous=FULL`). There is no timer: while one commit runs, what arrives is queued, and becomes the next one
//! (group commit). A failure is reported to each room that it concerns; nothing is lost silently.
//!
//! | table | what it holds |
//! |---|---|
//! | `room` | name and key of each room, its tenant, and when it was deleted |
//! | `log` | blobs of a room by consecutive id, in the order in which the room wrote them, with their times |
//! | `snapshot` | one blob per room that stands for its log up to an id; what it covers is deleted with it in one transaction |
//! | `version` | snapshots that were replaced and are kept as history |
//! | `former` | names of rooms that are gone, with their writers, so that a copy from before is known as such |
//! | `meta` | facts about the database itself |

mod batch;
mod checkpoint;
mod error;
mod lifecycle;
mod list;
mod migrate;
mod offline;
mod open;
mod read;
mod thread;
mod version;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use syncline::clock::ReplicaId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::config::{HistoryConfig, StoreConfig};
use crate::limits::{STORE_COMMAND_BYTES, STORE_QUEUE_BYTES};
use crate::metrics::StoreMetrics;
use crate::relay::now_ms;
use crate::trace::Cause;

pub use error::{BackupError, LoadError, OpenError, StoreError};
pub use lifecycle::About;
pub use list::{StoredRoom, TenantSizes};
pub use offline::{FileFacts, StoreFile};
pub use open::FILE_NAME;
pub use read::Saved;
pub use version::{StoredVersion, VersionKind};

use thread::WriterThread;

/// Tells a room what became of what it handed to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// All log entries up to this id are on the disk.
    Durable {
        /// Id of the last one.
        upto: u64,
    },
    /// The entries from this id on are not stored, and the room must not continue as if they were.
    Failed {
        /// Id of the first one.
        from: u64,
        /// What happened, for people.
        reason: String,
    },
    /// The snapshot stands for the log up to this id.
    Compacted {
        /// Id of the last entry it covers.
        upto: u64,
    },
    /// The snapshot could not be written; the log is complete, so nothing is lost.
    CompactFailed {
        /// What happened, for people.
        reason: String,
    },
}

/// Takes the reports of one room; the number of pending ones is bounded by the store's queue.
pub type Reports = mpsc::UnboundedSender<Report>;

/// Counts what the store did since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Transactions committed.
    pub commits: u64,
    /// Log entries written.
    pub entries: u64,
    /// Bytes of blobs written.
    pub bytes: u64,
    /// Transactions that failed.
    pub failures: u64,
}

/// Is the open database; made once per process and shared.
pub struct Store {
    path: PathBuf,
    queue: std::sync::mpsc::Sender<Command>,
    space: Arc<Semaphore>,
    reader: Arc<Mutex<Connection>>,
    counters: Arc<StoreMetrics>,
    thread: Mutex<Option<WriterThread>>,
    /// Held while the folder is in use.
    lock: Mutex<Option<std::fs::File>>,
}

/// One thing for the store's thread to do.
enum Command {
    Append(Append),
    Compact(Compact),
    Change(Change),
    Flush(oneshot::Sender<()>),
    Stop,
}

type ChangeWork = Box<dyn FnOnce(&Connection) -> Result<(), StoreError> + Send>;

/// Something rare, in a transaction of its own behind everything that was queued before.
struct Change {
    change: ChangeWork,
    done: oneshot::Sender<Result<(), StoreError>>,
}

struct Append {
    room: Arc<str>,
    /// Whose the room is, if it is new.
    tenant: Option<Arc<str>>,
    id: u64,
    blob: Vec<u8>,
    /// The write that made it, if that is traced.
    cause: Option<Box<Cause>>,
    reports: Reports,
    _space: OwnedSemaphorePermit,
}

struct Compact {
    room: Arc<str>,
    upto: u64,
    blob: Vec<u8>,
    /// Which of the snapshots that were replaced are kept; without it none is touched.
    history: Option<HistoryConfig>,
    reports: Reports,
    _space: OwnedSemaphorePermit,
}

impl Store {
    /// Opens the database in a folder, making both if they are missing, and starts its thread.
    ///
    /// # Errors
    /// [`OpenError`] if the folder cannot be used, another process has it, or the database is damaged or of another version.
    pub fn open(folder: &Path, config: &StoreConfig) -> Result<Store, OpenError> {
        Store::open_counted(folder, config, Arc::default())
    }

    /// As [`Store::open`], and counts into `counters` what it does.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_counted(folder: &Path, config: &StoreConfig, counters: Arc<StoreMetrics>) -> Result<Store, OpenError> {
        let opened = open::open(folder, config)?;
        let (queue, commands) = std::sync::mpsc::channel();
        let thread =
            WriterThread::start(opened.writer, opened.checkpointer, opened.path.clone(), commands, counters.clone())
                .map_err(|reason| OpenError::Thread { reason })?;
        Ok(Store {
            path: opened.path,
            queue,
            space: Arc::new(Semaphore::new(STORE_QUEUE_BYTES)),
            reader: Arc::new(Mutex::new(opened.reader)),
            counters,
            thread: Mutex::new(Some(thread)),
            lock: Mutex::new(Some(opened.lock)),
        })
    }

    /// Path of the database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Queues one log entry; waits while the queue is full. The outcome is sent to `reports`.
    ///
    /// Ids of a room are consecutive: an entry whose id does not follow the last stored one fails.
    pub async fn append(&self, room: &Arc<str>, id: u64, blob: Vec<u8>, reports: &Reports) {
        self.append_for((None, None), room, id, blob, reports).await;
    }

    /// As [`Store::append`]; a room that is new is noted as one of `tenant`, and the commit refers to its `cause`.
    pub(crate) async fn append_for(
        &self,
        (tenant, cause): (Option<Arc<str>>, Option<Box<Cause>>),
        room: &Arc<str>,
        id: u64,
        blob: Vec<u8>,
        reports: &Reports,
    ) {
        let Some(space) = self.reserve(blob.len()).await else {
            return report_stopped(reports, id);
        };
        let append = Append { room: room.clone(), tenant, id, blob, cause, reports: reports.clone(), _space: space };
        if self.queue.send(Command::Append(append)).is_err() {
            report_stopped(reports, id);
        }
    }

    /// Queues a snapshot that stands for the log up to `upto`; waits while the queue is full. The snapshot that it replaces
    /// is kept as `history` says.
    pub async fn compact(
        &self,
        room: &Arc<str>,
        upto: u64,
        blob: Vec<u8>,
        history: Option<HistoryConfig>,
        reports: &Reports,
    ) {
        let Some(space) = self.reserve(blob.len()).await else { return };
        let compact = Compact { room: room.clone(), upto, blob, history, reports: reports.clone(), _space: space };
        // A stopped store means that the process ends; the log is complete without the snapshot.
        let _ = self.queue.send(Command::Compact(compact));
    }

    /// Reads what is stored of a room; empty if the room is new.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read or entries are missing. A room must not be served then.
    pub async fn load(&self, room: &Arc<str>) -> Result<Saved, LoadError> {
        let (reader, room) = (self.reader.clone(), room.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let mut saved = read::load(&mut reader, &room)?;
            saved.log_since = version::log_since(&reader, &room).map_err(|reason| LoadError::List { reason })?;
            saved.about = lifecycle::about(&reader, &room).map_err(|reason| LoadError::List { reason })?;
            Ok(saved)
        });
        task.await.unwrap_or_else(|error| Err(LoadError::Interrupted { reason: error.to_string() }))
    }

    /// Whether anything is stored of a room, and then when it was deleted, if it was.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn has_room(&self, room: &str) -> Result<Option<Option<u64>>, LoadError> {
        let name = room.to_owned();
        self.read(move |reader| list::has(reader, &name)).await
    }

    /// What is known of a room beside its content.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn about(&self, name: &str) -> Result<About, LoadError> {
        let name = name.to_owned();
        self.read(move |reader| lifecycle::about(reader, &name)).await
    }

    /// What is stored for a tenant, without what is deleted.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn tenant(&self, tenant: &str) -> Result<TenantSizes, LoadError> {
        let tenant = tenant.to_owned();
        self.read(move |reader| list::tenant(reader, &tenant)).await
    }

    /// Marks a room as deleted behind everything that was queued before; `writers` are those who wrote to it.
    ///
    /// # Errors
    /// [`StoreError`]; the room is as before then.
    pub async fn delete_room(&self, room: &str, writers: Vec<ReplicaId>) -> Result<(), StoreError> {
        let name = room.to_owned();
        self.change(move |connection| lifecycle::delete(connection, &name, &writers, now_ms())).await
    }

    /// Takes the mark of [`Store::delete_room`] away.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::NotDeleted`] if there is none.
    pub async fn undelete_room(&self, room: &str) -> Result<(), StoreError> {
        let name = room.to_owned();
        self.change(move |connection| lifecycle::undelete(connection, &name)).await
    }

    /// Removes what is too old: rooms that were deleted before `deleted_ms`, versions from before `versions_ms`.
    ///
    /// # Errors
    /// [`StoreError`]; everything is as before then.
    pub async fn sweep(&self, deleted_ms: u64, versions_ms: u64) -> Result<(), StoreError> {
        self.change(move |connection| {
            version::sweep(connection, versions_ms)?;
            match lifecycle::purge(connection, deleted_ms)? {
                0 => {}
                rooms => tracing::info!(rooms, "deleted rooms are gone"),
            }
            Ok(())
        })
        .await
    }

    /// Changes something in a transaction of its own.
    async fn change(
        &self,
        change: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (done, wait) = oneshot::channel();
        let change = Change { change: Box::new(change), done };
        self.queue.send(Command::Change(change)).map_err(|_| StoreError::Stopped)?;
        wait.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Names and sizes of stored rooms in the order of their names: at most `limit` that come after `after`.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn rooms(&self, after: Option<&str>, limit: usize) -> Result<Vec<StoredRoom>, LoadError> {
        let after = after.map(str::to_owned);
        self.read(move |reader| list::rooms(reader, after.as_deref(), limit)).await
    }

    /// The sizes of one room; `None` if nothing is stored of it.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn room(&self, name: &str) -> Result<Option<StoredRoom>, LoadError> {
        let name = name.to_owned();
        self.read(move |reader| list::room(reader, &name)).await
    }

    /// The versions of a room that can be had, the newest first: at most `limit`.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn versions(&self, name: &str, limit: usize) -> Result<Vec<StoredVersion>, LoadError> {
        let name = name.to_owned();
        self.read(move |reader| version::list(reader, &name, limit)).await
    }

    /// What was stored of a room up to a log entry; `None` if that cannot be had any more.
    ///
    /// # Errors
    /// [`LoadError`] if the database cannot be read.
    pub async fn load_version(&self, name: &str, entry: u64) -> Result<Option<Saved>, LoadError> {
        let name = name.to_owned();
        self.read(move |reader| version::load(reader, &name, entry)).await
    }

    /// Reads on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LoadError> {
        let reader = self.reader.clone();
        let task = tokio::task::spawn_blocking(move || {
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            read(&reader).map_err(|reason| LoadError::List { reason })
        });
        task.await.unwrap_or_else(|error| Err(LoadError::Interrupted { reason: error.to_string() }))
    }

    /// Waits until everything queued before is committed or has failed.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Command::Flush(done)).is_ok() {
            // An error means that the thread stopped after it had worked off its queue.
            let _ = wait.await;
        }
    }

    /// Commits what is queued, copies the write-ahead log into the database, ends the thread and gives the folder free.
    pub async fn close(&self) {
        let thread = self.stop();
        // The join fails only if the runtime is going down, which is what closing is for.
        let _ = tokio::task::spawn_blocking(move || thread.map(WriterThread::join)).await;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Counts what was done so far.
    pub fn stats(&self) -> StoreStats {
        StoreStats {
            commits: self.counters.commits.value(),
            entries: self.counters.entries.value(),
            bytes: self.counters.bytes.value(),
            failures: self.counters.failures.value(),
        }
    }

    /// Whether the store's thread takes writes: false after [`Store::close`], or if the thread died.
    pub fn is_running(&self) -> bool {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(WriterThread::is_running)
    }

    /// Whether the database took the last write. Where it did not, because the disk is full or has a fault, the store tries
    /// again by itself.
    pub fn takes_writes(&self) -> bool {
        !self.counters.refusing.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Bytes that wait for the store's thread.
    pub fn queued_bytes(&self) -> usize {
        STORE_QUEUE_BYTES - self.space.available_permits()
    }

    async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let cost = bytes.saturating_add(STORE_COMMAND_BYTES).min(STORE_QUEUE_BYTES);
        self.space.clone().acquire_many_owned(cost as u32).await.ok()
    }

    fn stop(&self) -> Option<WriterThread> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // An error means that the thread has ended already.
        let _ = self.queue.send(Command::Stop);
        thread
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(thread) = self.stop() {
            thread.join();
        }
    }
}

fn report_stopped(reports: &Reports, from: u64) {
    // The room may be gone; then nobody waits for an acknowledgement either.
    let _ = reports.send(Report::Failed { from, reason: StoreError::Stopped.to_string() });
}
