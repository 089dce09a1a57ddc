//! Syncline's replication core: the state, the protocol and nothing else.
//!
//! There is no socket, file, clock, thread or random number in this crate. The time and the seeds are arguments,
//! bytes come in and bytes go out, so the same code runs in a browser, in Python, in a relay and in a simulator.
//!
//! The list of modules is the order of dependency and the path that a write takes: a module uses only those above it.
//!
//! | module | what it is |
//! |---|---|
//! | [`bounds`] | every limit on sizes and counts, in one place |
//! | [`bytes`] | reading and writing bytes without going past their end |
//! | [`clock`] | replica ids, dots, version vectors, causal contexts, the hybrid logical clock |
//! | [`crdt`] | values, paths and the types that merge |
//! | [`delta`] | what travels and what is stored: the columnar body, journal entries, blobs, the digest |
//! | [`doc`] | the document: transactions, joins, snapshots, change events |
//! | [`flow`] | limits as pure state: backoff, adaptive batch, token bucket, throttle, circuit breaker |
//! | [`link`] | one conversation with one peer: messages, live frames, fragments |
//! | [`place`] | where data lives: topology, health, routing, ring, jump, rendezvous, shards |
//! | [`quorum`] | when a write or read is done: members, levels, hints, session tokens, fences, two-phase commit |
//! | [`reconcile`] | the cold path: rateless cells, run-coded lists, Merkle walk, the session that repairs |
//! | [`replica`] | the front doors: [`replica::Replica`] for clients, [`replica::Room`] for relays |
//! | [`standalone`] | types that merge, without a document |
//!
//! # Example
//!
//! Two replicas that change the same map without having heard of each other end up equal.
//!
//! ```
//! use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::Doc};
//!
//! let mut ada = Doc::new(ReplicaId::new(1_700_000_000_000, 1));
//! let mut bob = Doc::new(ReplicaId::new(1_700_000_000_000, 2));
//! let now = 1_700_000_000_500;
//! ada.transact(now, None, |doc| doc.set(&Path::from_segments(["users", "ada"]), Value::Int(36)))?;
//! bob.transact(now, None, |doc| doc.set(&Path::from_segments(["users", "bob"]), Value::Int(41)))?;
//!
//! bob.import(&ada.export())?;
//! ada.import(&bob.export_from(&ada.version()))?;
//! assert_eq!(ada.digest(), bob.digest());
//! assert_eq!(ada.keys(&Path::from_segments(["users"])), ["ada", "bob"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod assoc;
pub mod bounds;
pub mod bytes;
pub mod clock;
pub mod crdt;
pub mod delta;
pub mod doc;
pub mod flow;
pub mod link;
pub mod place;
pub mod quorum;
pub mod reconcile;
pub mod replica;
pub mod standalone;

/// The version of this crate, of the packages and of the relay: they are released together.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
