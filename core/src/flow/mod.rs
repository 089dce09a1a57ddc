//! Limits as pure state: they are told the time and the randomness, and answer what is due.
//!
//! | type | question it answers |
//! |---|---|
//! | [`Backoff`] | how long to wait before the next attempt? |
//! | [`AdaptiveBatch`] | how many items may the next batch have? |
//! | [`TokenBucket`] | may this much go out now, else when? |
//! | [`Throttle`] | the same for many peers, each of which belongs to a tenant |
//! | [`CircuitBreaker`] | may this peer be called now, else when? |
//!
//! None of them holds work, so none of them can lose any: who is refused keeps what it has and comes back.

mod backoff;
mod batch;
mod breaker;
mod bucket;
mod options;
mod random;
mod throttle;

pub use backoff::{Backoff, Jitter};
pub use batch::{AdaptiveBatch, BatchOptions, BatchTicket};
pub use breaker::{BreakerOpen, BreakerOptions, BreakerState, CallTicket, CircuitBreaker};
pub use bucket::{RateLimit, Refusal, TokenBucket};
pub use options::OptionError;
pub(crate) use random::{Random, mix};
pub use throttle::{THROTTLE_KEYS, Throttle};
