//! A deterministic simulation of a cluster: nodes with real documents and the real machines for quorum writes and reads,
//! hints, terms, two-phase commit, membership, reconciliation and flow, over a network and disks that do their worst.
//!
//! | what may happen | where |
//! |---|---|
//! | messages are lost, doubled, late and out of order; links are cut, also one way | [`scene`] |
//! | a crash loses what was not synced, or all but a prefix of it | [`disk`] |
//! | a disk is lost and comes back from a backup, under another name | `fate` |
//! | clocks differ and jump forth and back, nodes become slow | `fate` |
//! | members are replaced, added and removed | [`members`] |
//!
//! What is checked on the way and at the end is in [`account`] and [`ledger`]. A seed decides everything.

pub mod account;
mod cold;
mod commit;
pub mod counts;
pub mod disk;
mod fate;
mod fence;
pub mod ledger;
pub mod members;
pub mod message;
pub mod node;
pub mod peer;
mod program;
mod read;
pub mod scene;
pub mod world;
pub mod write;
