//! Where data lives: who holds it, and who is asked.
//!
//! Everything here is a pure function of what is handed in, so all who know the same topology decide the same, in every
//! language.
//!
//! | to decide | use |
//! |---|---|
//! | which node gets a request | [`Router`] with a [`Strategy`] on a [`Topology`] |
//! | which shard a key belongs to | [`Partitioner`] |
//! | which nodes hold a shard, and how to get there | [`ShardMap`], [`plan`] |
//! | which of some nodes with weights holds a key | [`Rendezvous`]: even, any node may come and go, cost grows with nodes |
//! | the same among hundreds of nodes, many million times a second | [`Ring`]: constant cost, less even |
//! | which of `n` numbered buckets | [`jump`]: even, without memory, buckets come and go at the end only |
//!
//! Rings and rendezvous have bounded variants: no node gets more than its share and a little.

mod bounded;
mod calls;
mod error;
mod hash;
mod health;
mod jump;
mod rendezvous;
mod ring;
mod router;
mod shards;
mod strategy;
#[cfg(test)]
mod tests;
mod topology;
mod weight;

pub use calls::{CallError, decide};
pub use error::PlaceError;
pub use hash::hash;
pub use health::{DOWN_AFTER, Mark, UP_AFTER};
pub use jump::jump;
pub use rendezvous::{Rendezvous, Spread};
pub use ring::{RING_POINTS, Ring};
pub use router::{Access, CANDIDATES, Decision, Request, Role, RouteError, Router};
pub use shards::{Layout, Move, Partitioner, ShardMap, plan};
pub use strategy::{Residency, Strategy};
pub use topology::{Node, Topology, TopologyBuilder};

/// Longest name of a node, zone, region or namespace in bytes.
pub const NAME_BYTES: usize = 128;

/// Most regions of a topology: more than any cloud has.
pub const REGIONS: usize = 64;

/// Most zones of a topology, all regions together.
pub const ZONES: usize = 1_024;

/// Most nodes of a topology: beyond it rendezvous takes some ten microseconds for each key.
pub const NODES: usize = 4_096;

/// Most namespaces with rules of their own: they are looked through for each request.
pub const NAMESPACES: usize = 4_096;

/// Most shards of one map.
pub const SHARDS: usize = 1 << 16;

/// The weight of a usual node, in percent.
pub const USUAL_WEIGHT: u32 = 100;

/// The largest weight in percent: a hundred usual nodes.
pub const MOST_WEIGHT: u32 = 10_000;
