//! What the tests of Syncline share: conformance vectors and their runner, oracles written from the
//! definition of each data type, the laws of joins, seeded simulators (of clients, links and a relay, and of a cluster),
//! and a mutator of captured frames.
//!
//! One test binary per kind lives in `tests/`: `cluster`, `conformance`, `decisions`, `format`, `garbage`, `models`, `oracle`,
//! `quorum`, `retire`, `sim`, `standalone`, `streams`, `tidy`, `traps`.
//! The same vectors are run by Node, Chromium and Python from `conformance/`.

pub mod commit;
pub mod corpus;
pub mod decisions;
pub mod format;
pub mod hostile;
pub mod lattice;
pub mod notation;
pub mod oracle;
pub mod retire;
pub mod rng;
pub mod sim;
pub mod vectors;
pub mod watch;

/// The Rust snippets of the README, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
