//! Deterministic simulations: of clients, links, a relay and its store, and of a [`cluster`].
//!
//! The real state machines ([`Replica`](syncline::replica::Replica) on one side, [`Link`](syncline::link::Link) and
//! [`Room`](syncline::replica::Room) on the other) run in virtual time. The world around them is hostile within the
//! promises of its parts: a connection delivers in order until it breaks; a store keeps what it has called stored
//! through a kill and what it has called durable through a power cut; a client's own store keeps a prefix of its
//! journal. A seed decides everything.

pub mod agenda;
pub mod client;
pub mod cluster;
pub mod command;
pub mod net;
pub mod relay;
pub mod run;
pub mod store;
