//! What travels between replicas and what is stored.
//!
//! * [`Batch`]: the events of one transaction, each with the dots that it removes. It travels in live frames, whose
//!   numbering of writers and containers ([`LiveEncoder`], [`LiveDecoder`]) both ends of a stream build up as they go,
//!   and is stored in journals.
//! * [`Delta`]: the state that a peer lacks, in columns, however many events led to it. It travels in catch-ups and
//!   is what snapshots are made of.
//! * [`Round`]: ids that the durable members of a room retire.
//! * [`Blob`]: any of them on its own, with magic bytes, version and checksum.
//! * [`Digest`]: equal for equal states.
//!
//! The layout is written down in `FORMAT.md` beside this file.
#![doc = include_str!("FORMAT.md")]

mod batch;
mod blob;
mod body;
mod budget;
mod column;
mod digest;
mod keys;
mod live;
mod round;
mod strings;
mod table;

pub use batch::{Batch, Op, Span};
pub use blob::Blob;
pub use body::{Delta, DotRow, LeafRow};
pub use digest::Digest;
pub use live::{LiveDecoder, LiveEncoder, LiveError};
pub use round::{Round, RoundStep};

pub(crate) use digest::dot_hash;
pub(crate) use live::read_id;
pub(crate) use round::{read_ids, write_ids};
