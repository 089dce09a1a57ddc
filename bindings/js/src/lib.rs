//! The WebAssembly side of the npm package `syncline`.
//!
//! One class, [`Replica`](replica::Replica), wraps the core's replica. It converts and does nothing else: the API that
//! people use is TypeScript, in `ts/`, and everything that decides anything is in the core.
//!
//! - A path crosses as one string, in its encoded form, and a write of a number, text, truth or null as itself.
//! - Times are milliseconds since 1970, as from `Date.now()`. Sequence numbers are numbers; they stay below 2^48.
//! - No method calls back into JavaScript code that could call this class again; changes are taken, not pushed.
#![forbid(unsafe_code)]

mod change;
mod doc;
mod error;
mod replica;
#[cfg(feature = "text")]
mod text;
mod value;

pub use error::{set_error_factory, set_panic_handler};
pub use replica::Replica;
pub use value::{from_js, to_js};
