//! Limits as pure state: they are told the time and the randomness, and answer what is due.

mod backoff;

pub use backoff::Backoff;
