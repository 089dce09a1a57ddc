//! The Syncline relay and its tools: durable rooms over WebSocket, a Rust client, and the `syncline` command.
//!
//! The protocol and the state are in the crate [`syncline`], which does no IO. Here are the drivers around it:
//!
//! | module | what it is |
//! |---|---|
//! | [`access`] | who may connect, what for, and until when |
//! | [`admin`] | metrics, admin interface and status page over HTTP |
//! | [`config`] | settings from file, environment and flags |
//! | [`limits`] | every fixed limit on sizes, counts and times |
//! | [`store`] | the database: an SQLite file with a thread of its own |
//! | [`relay`] | the rooms in memory, one task each |
//! | [`socket`] | one connection: upgrade, framing, bounded queue, keep-alive |
//! | [`trace`] | spans of what is done, sent to a collector |
//! | [`metrics`] | what is counted, and how it is shown |
//! | [`yjs`] | documents for clients of Yjs: y-websocket and Hocuspocus |
//! | [`http`] | health, readiness, version, the door to `/sync` |
//! | [`tls`] | TLS in this process, with certificates that may change |
//! | [`serve`] | puts these together, starts and ends them in order |
//! | [`mod@bench`] | a load generator for relays |
//! | [`client`] | a document that keeps itself in step with a relay |
//! | [`cli`] | the command line |
//!
//! # The path of a write
//! A frame arrives at the connection's task; its [`syncline::link::Link`] makes it a message for a room. The room's task hands
//! it to [`syncline::replica::Room`], which asks to persist it and to send it to the others. The store commits it together
//! with whatever else has queued up, and only when the disk has it the room is told, and acknowledges it as durable.
#![forbid(unsafe_code)]

pub mod access;
pub mod admin;
pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod http;
pub mod limits;
pub mod logging;
pub mod metrics;
pub mod relay;
pub mod serve;
pub mod shutdown;
pub mod socket;
pub mod store;
pub mod tls;
pub mod trace;
mod watched;
pub mod yjs;
