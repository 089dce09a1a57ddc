//! The WebAssembly side of the npm package `syncline`.
//!
//! One class, `Replica`, wraps the core's replica. It converts and does nothing else: the API that people use is
//! TypeScript, in `ts/`, and everything that decides anything is in the core. With the feature `tools` there are the function
//! `decide` for decisions that need no document, and the classes `Machine` and `Session` for state machines and reconciling; that
//! is built as a module of its own.
//!
//! - A path crosses as one string, in its encoded form, and a write of a number, text, truth or null as itself.
//! - Times are milliseconds since 1970, as from `Date.now()`. Sequence numbers are numbers; they stay below 2^48.
//! - Changes are taken, not pushed. JavaScript is called from within in one place only: a function that picks one of several
//!   concurrent values, which must not call this class (see `conflict`).
#![forbid(unsafe_code)]

#[cfg(feature = "documents")]
mod change;
#[cfg(feature = "types")]
mod conflict;
#[cfg(feature = "documents")]
mod doc;
mod error;
#[cfg(feature = "lists")]
mod list;
#[cfg(feature = "plain")]
mod plain;
#[cfg(feature = "tools")]
mod reconcile;
#[cfg(feature = "documents")]
mod refused;
#[cfg(feature = "documents")]
mod replica;
#[cfg(feature = "documents")]
mod room;
#[cfg(feature = "streams")]
mod stream;
#[cfg(feature = "text")]
mod text;
#[cfg(feature = "tools")]
mod tools;
#[cfg(feature = "types")]
mod types;
#[cfg(feature = "undo")]
mod undo;
mod value;

pub use error::{set_error_factory, set_panic_handler};
#[cfg(feature = "tools")]
pub use reconcile::Session;
#[cfg(feature = "documents")]
pub use replica::Replica;
#[cfg(feature = "tools")]
pub use tools::{Machine, decide};
pub use value::{from_js, to_js};
