//! Every limit of the relay on sizes, counts and times, with its unit and its reason.
//!
//! Limits of the protocol itself (frames, messages, room names) are in [`syncline::bounds`].
//! What an operator may want to change is in [`crate::config`]; the rest is fixed here.

use std::time::Duration;

/// Bytes that wait for the store's thread over all rooms; a room that would exceed it waits.
pub const STORE_QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that a queued command costs beside its blob, so that many tiny blobs are bounded as well.
pub const STORE_COMMAND_BYTES: usize = 256;

/// Most log entries of one transaction: keeps a commit, and so an acknowledgement, in the milliseconds.
pub const COMMIT_ENTRIES: usize = 4096;

/// Most bytes of one transaction, for the same reason.
pub const COMMIT_BYTES: usize = 8 * 1024 * 1024;

/// Time between two attempts to write into a database that refuses writes, while no room attempts it.
pub const STORE_PROBE_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of such an attempt: a disk that has just these left is as good as full.
pub const STORE_PROBE_BYTES: usize = 64 * 1024;

/// Milliseconds of a room's log of which the list of versions shows one.
pub const VERSION_STEP_MS: i64 = 60_000;

/// Writers of a room that is gone by which a copy of it is known later, the youngest: 16 bytes for each.
pub const FORMER_WRITERS: usize = 4096;

/// Longest time between two looks for what is too old in the store.
pub const SWEEP_PAUSE: Duration = Duration::from_secs(60);

/// Time between two snapshots that are made because a room is full: what was deleted counts until then.
pub const FULL_PAUSE_MS: u64 = 1_000;

/// Rooms whose next log id the store's thread remembers; beyond it the ids are read again.
pub const STORE_ROOMS_CACHED: usize = 16 * 1024;

/// Write-ahead log bytes after which the checkpoint thread copies pages into the database.
pub const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// Write-ahead log bytes after which the store's thread itself waits for a complete checkpoint.
pub const CHECKPOINT_FORCE_BYTES: u64 = 256 * 1024 * 1024;

/// Messages from connections that wait for one room; a sender beyond it waits, and with it its socket.
pub const ROOM_MAILBOX: usize = 256;

/// Messages that a room takes from its mailbox before it writes out what they caused.
pub const ROOM_TURN: usize = 64;

/// Time between two turns of a room without input: presence time-outs, idle unload.
pub const ROOM_TICK: Duration = Duration::from_secs(5);

/// Time for which the presence of clients is gathered: all of it goes out as one frame to each, however many moved.
pub const PRESENCE_GATHER: Duration = Duration::from_millis(50);

/// Read buffer of one WebSocket in bytes; an idle connection pays for it.
pub const SOCKET_READ_BUFFER: usize = 4 * 1024;

/// Bytes that a WebSocket collects before it writes to the socket within one flush.
pub const SOCKET_WRITE_BUFFER: usize = 16 * 1024;

/// Largest write buffer of a WebSocket in bytes: a few frames of the largest size.
pub const SOCKET_WRITE_BUFFER_MAX: usize = 4 * syncline::bounds::FRAME_BYTES;

/// HTTP connections beside the WebSockets, for health checks and handshakes; more wait in the system's queue.
pub const HTTP_CONNECTIONS: usize = 256;

/// Connections that the system keeps until they are taken; it has a limit of its own (on Linux `net.core.somaxconn`).
pub const LISTEN_BACKLOG: u32 = 4096;

/// Time for reading the head of an HTTP request.
pub const HTTP_HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest HTTP request head in bytes (hyper's own minimum).
pub const HTTP_BUFFER: usize = 8 * 1024;

/// Time a WebSocket gets to take a close frame before its socket is dropped.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest reason of a close frame in bytes (RFC 6455: 125 for the payload, two of them the code).
pub const CLOSE_REASON_BYTES: usize = 123;

/// Lists of changes that wait for a reader of [`crate::client::Client::changes`]; beyond it the reader is told that it missed some.
pub const CLIENT_CHANGES: usize = 256;

/// Read buffer of a client's WebSocket in bytes: one connection per process, often with a large first answer.
pub const CLIENT_READ_BUFFER: usize = 64 * 1024;

/// Time for a client to connect and agree on the protocol.
pub const CLIENT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a relay to take what a client writes, before the client reconnects.
pub const CLIENT_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest file that `syncline import` reads, in bytes.
pub const IMPORT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Values that `syncline import` puts into one transaction.
pub const IMPORT_DOTS: usize = 1000;

/// Bytes, roughly, that `syncline import` puts into one transaction.
pub const IMPORT_CHUNK_BYTES: usize = 1024 * 1024;

/// Transactions that `syncline import` keeps unacknowledged at a time.
pub const IMPORT_WINDOW: usize = 8;

/// Shortest secret of tokens in bytes: as long as the digest of HS256 (RFC 7518, 3.2).
pub const SECRET_BYTES_MIN: usize = 32;

/// Largest file with keys, a secret or revocations in bytes.
pub const KEY_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Most keys of one file or set; a token that names none is tried with each.
pub const KEYS: usize = 64;

/// Age at which a set of keys is read again, so that keys taken out of it lose their force.
pub const KEY_SET_AGE: Duration = Duration::from_secs(300);

/// Time between two readings of a set of keys, however many tokens name unknown keys.
pub const KEY_SET_PAUSE: Duration = Duration::from_secs(5);

/// Questions to a key server or webhook at a time: each has a thread while it waits.
pub const WEB_REQUESTS: usize = 16;

/// Largest answer of a key server or webhook in bytes.
pub const WEB_BYTES: u64 = 256 * 1024;

/// Answers of a webhook that are remembered; beyond it those whose time is over go, then all.
pub const WEBHOOK_CACHED: usize = 10_000;

/// Longest name in a claim in bytes.
pub const CLAIM_BYTES: usize = 256;

/// Most entries of the claim `rooms`: each is compared when a room is opened.
pub const CLAIM_ROOMS: usize = 256;

/// Most paths of one entry: each is compared with each write.
pub const CLAIM_PATHS: usize = 64;

/// Most revoked subjects and tokens, in the list and added to it each.
pub const REVOKED: usize = 100_000;

/// Time between two fresh tokens on one connection.
pub const TOKEN_PAUSE: Duration = Duration::from_secs(1);

/// Time for a TLS handshake.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Most entries of one answer of the admin interface.
pub const ADMIN_PAGE: usize = 1000;

/// Time for an order of an operator to a room: what takes longer goes on, but nobody waits for it.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Most spans of one message to the collector: some 300 kB.
pub const TRACE_BATCH: usize = 512;

/// Longest time that a finished span waits for others to be sent with.
pub const TRACE_PAUSE: Duration = Duration::from_secs(2);

/// Time for the collector to take a batch; what it did not take by then is given up.
pub const TRACE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for what waits to be sent at the end of the process, beyond that of the drain.
pub const TRACE_END: Duration = Duration::from_secs(3);

/// Writes of one room that are traced at a time; of more than that only the first are.
pub const TRACE_WRITES: usize = 1024;

/// Longest text in a span in bytes: the queue is bounded by spans.
pub const TRACE_TEXT: usize = 256;

/// Writes that one commit refers to.
pub const TRACE_LINKS: usize = 128;

/// Largest document of Yjs in memory in bytes: also the largest frame that a client gets.
pub const YJS_DOCUMENT_BYTES: usize = syncline::bounds::MESSAGE_BYTES;

/// Largest frame from a client of Yjs in bytes: it sends a whole document in one.
pub const YJS_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of frames that wait for documents of Yjs over all rooms; a connection beyond it waits, and with it its socket.
pub const YJS_INBOX_BYTES: usize = 64 * 1024 * 1024;

/// Blocks of a document that may wait for others that are missing.
pub const YJS_GAPS: usize = 10_000;

/// Largest state of presence of one client of Yjs in bytes; a larger one is not shown.
pub const YJS_PRESENCE_BYTES: usize = 16 * 1024;

/// Most clients that one connection tells of: tabs that share it, and those that were replaced.
pub const YJS_PRESENCE_IDS: usize = 32;

/// Bytes of all states of presence in one document.
pub const YJS_PRESENCE_ROOM_BYTES: usize = 4 * 1024 * 1024;

/// Time for which changes of presence are gathered into one frame.
pub const YJS_PRESENCE_PAUSE: Duration = Duration::from_millis(50);

/// Time between two frames that say nothing: clients of Yjs give up after 30 seconds without one.
pub const YJS_KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Time for which a refused client of y-websocket is kept: it comes back a tenth of a second after it was closed.
pub const YJS_REFUSAL_PAUSE: Duration = Duration::from_millis(2_500);

/// Time for a client of Hocuspocus to open its first document, and to stay without one.
pub const YJS_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time before a token's end at which a client of Hocuspocus is asked for a fresh one.
pub const YJS_TOKEN_LEAD: Duration = Duration::from_secs(30);

/// Frames of one connection that wait for the token of their documents.
pub const YJS_WAITING: usize = 256;

/// Bytes of them.
pub const YJS_WAITING_BYTES: usize = 1024 * 1024;

/// Tokens that may be refused on one connection before it is closed.
pub const YJS_REFUSALS: usize = 16;
