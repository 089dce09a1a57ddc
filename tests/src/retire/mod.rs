//! Many short sessions over several relays: real replicas, links and rooms, a made-up clock and a perfect network.
//!
//! A *profile* is what a browser keeps: a document that each of its sessions goes on with, under an id of its own.

mod profile;
mod relay;
pub mod run;
pub mod talk;

pub use profile::Profile;
pub use relay::Relay;

/// Where the made-up clock starts (ms since the Unix epoch).
pub const NOON: u64 = 1_700_000_000_000;
