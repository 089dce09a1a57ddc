//! Conformance vectors: data files with operations in, and value, digest, version and exact bytes out.
//!
//! A file in `tests/vectors/` is `{"about", "vectors": [...]}`. A vector has a `name`, `replicas` (letter to
//! id), `steps`, `values` written by hand (per replica, or `*` for all), optionally `converged` (replicas that
//! must end with one digest and one export), and `expect`, which `cargo run -p syncline-tests --bin vectors --
//! --write` fills in from the Rust core for review. [`step`] lists the steps.

pub mod check;
pub mod edit;
pub mod events;
pub mod file;
pub mod keys;
pub mod run;
pub mod step;
pub mod watch;
