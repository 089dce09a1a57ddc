//! Every limit of the core on sizes and counts, with its unit and its reason.
//!
//! A limit is checked where bytes or arguments enter; behind the check the code may rely on it.

/// Longest encoded path in bytes: deeper or longer keys are almost always a mistake, and every leaf pays for its path.
pub const PATH_BYTES: usize = 4 * 1024;

/// Most segments of a path; also how deep a value may nest. Keeps recursion far below any stack's limit.
pub const DEPTH: usize = 64;

/// Largest encoded value of one leaf in bytes. A text's compacted update is one value, hence not smaller.
pub const VALUE_BYTES: usize = 16 * 1024 * 1024;

/// Most dots of one transaction; larger imports are split by the caller.
pub const TRANSACTION_DOTS: usize = 1_000_000;

/// Largest sequence number of one replica id: leaves head room so that arithmetic on it cannot overflow.
pub const SEQUENCE: u64 = 1 << 48;

/// Most replica ids in one document, blob or message. At 16 bytes each that is 16 MiB of version vector.
pub const REPLICAS: usize = 1 << 20;

/// Bytes that decoding any blob may take for free; beyond it the blob must justify them, see [`EXPANSION`].
pub const FREE_BYTES: usize = 1024 * 1024;

/// Bytes of memory that one byte of a blob justifies. Encoders pad what compresses better than that.
pub const EXPANSION: usize = 64;

/// Largest message on a link in bytes after its fragments are put together, and the largest blob.
pub const MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Largest frame on a link in bytes. Larger messages travel as fragments so that others are not kept waiting.
pub const FRAME_BYTES: usize = 256 * 1024;

/// Longest room name in bytes.
pub const ROOM_NAME_BYTES: usize = 256;

/// Longest text field of a message (agent, reason, token) in bytes.
pub const FIELD_BYTES: usize = 8 * 1024;

/// Largest presence state of one client in bytes.
pub const PRESENCE_BYTES: usize = 4 * 1024;

/// Most clients listed in the presence of one room.
pub const PRESENCE_CLIENTS: usize = 10_000;

/// Most containers and writers that a live stream numbers; beyond it they are spelled out in the frame.
pub const STREAM_TABLE: usize = 4 * 1024;

/// Bytes of committed batches kept for the live stream; a peer further behind gets a delta instead.
pub const OUTBOX_BYTES: usize = 1024 * 1024;

/// Change events kept until they are taken; beyond it the oldest are dropped and the count is reported.
pub const CHANGES: usize = 1_000_000;

/// Conflicts kept until they are taken; beyond it the oldest are dropped and the count is reported. Each holds its values.
pub const CONFLICTS: usize = 10_000;

/// Most change streams of one document. Each costs a few hundred bytes and the events that wait in it.
pub const STREAMS: usize = 100_000;

/// Most events that wait in one change stream until they are taken.
pub const STREAM_EVENTS: usize = 65_536;

/// Most checkpoints that a document keeps.
pub const CHECKPOINTS: usize = 64;

/// Bytes that all checkpoints of a document may hold; the oldest go first.
pub const CHECKPOINT_BYTES: usize = 16 * 1024 * 1024;

/// Updates of one size class that a text keeps before they are merged into one.
pub const TEXT_UPDATES: usize = 32;

/// Longest name of a text's attribute in bytes: it is repeated wherever the attribute begins and ends.
pub const ATTRIBUTE_NAME_BYTES: usize = 256;

/// Longest value of a text's attribute in bytes, as JSON: room for a link.
pub const ATTRIBUTE_BYTES: usize = 8 * 1024;

/// Most attributes that one edit of a text names.
pub const ATTRIBUTES: usize = 64;

/// Largest number of units in one text: keeps clocks of the text algorithm far from overflow.
pub const TEXT_UNITS: u64 = 1 << 30;
