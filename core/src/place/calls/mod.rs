//! The decisions of `flow` and `place` by name, with values in and a value out, so that bindings need one function and
//! every language runs the same table of cases.

mod args;
mod limits;
mod nodes;
mod routing;

use super::{PlaceError, RouteError};
use crate::crdt::Value;
use crate::flow::OptionError;
use args::Args;
use std::collections::BTreeMap;

/// A call by name was not understood, or its answer is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such call.
    #[error("there is no call named '{0}': the documentation of `decide` lists them")]
    UnknownCall(String),
    /// An argument is missing, of another type, or not known to this call.
    #[error("the argument '{name}' must be {wanted}")]
    Argument {
        /// Which argument.
        name: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The answer is an error.
    #[error("{text}")]
    Failed {
        /// The name of its cause, such as `no_buckets`.
        code: &'static str,
        /// What to do about it.
        text: String,
    },
}

impl CallError {
    /// The name of the cause, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            CallError::UnknownCall(_) => "unknown_call",
            CallError::Argument { .. } => "argument",
            CallError::Failed { code, .. } => code,
        }
    }
}

impl From<PlaceError> for CallError {
    fn from(error: PlaceError) -> Self {
        CallError::Failed { code: error.code(), text: error.to_string() }
    }
}

impl From<RouteError> for CallError {
    fn from(error: RouteError) -> Self {
        CallError::Failed { code: error.code(), text: error.to_string() }
    }
}

impl From<OptionError> for CallError {
    fn from(error: OptionError) -> Self {
        CallError::Failed { code: "option", text: error.to_string() }
    }
}

/// Makes a decision by name. Arguments are a map, as the answer often is; times are milliseconds, hashes 16 hexadecimal
/// digits. A `?` marks what may be left out.
///
/// | call | arguments | answer |
/// |---|---|---|
/// | `hash` | `key` | its hash |
/// | `jump` | `key` or `hash`, `buckets` | the bucket |
/// | `ring` | `nodes`, `key`, `points?`, `count?` | the first `count` nodes, 1 if not said |
/// | `ring_bounded` | `nodes`, `key`, `points?`, `loads`, `slack` | the node |
/// | `rendezvous` | `nodes` or `topology`, `key`, `count?`, `spread?`, `distinct?` | the best `count` nodes, 1 if not said |
/// | `rendezvous_bounded` | `nodes` or `topology`, `key`, `loads`, `slack` | the node |
/// | `topology` | `regions`, `nodes` | the names of the nodes, in order |
/// | `shard` | `key`, `shards` or `splits` | the shard |
/// | `shard_map` | `topology`, `shards`, `replicas?`, `spread?`, `slack?`, `draining?` | for each shard its nodes |
/// | `plan` | `topology`, `shards`, `replicas?`, `spread?`, `slack?`, `draining?`, `target`, `most?` | moves `{shard, add, remove}` |
/// | `route` | `topology`, `strategy`, `order?`, `homes?`, `otherwise?`, `residency?`, `steps` | for each `read` and `write` what was decided |
/// | `backoff` | `first`, `most`, `jitter?`, `seed`, `count` | the waits |
/// | `batch` | `least?`, `most?`, `first?`, `step?`, `lag?`, `steps` | the size after each step |
/// | `bucket` | `rate?`, `burst?`, `steps` | for each step `true`, or how long to wait, or `too_many` |
/// | `throttle` | `peer`, `tenant`, `steps` | the same |
/// | `breaker` | `failures?`, `rate?`, `calls?`, `reset?`, `probes?`, `steps` | for each step the state, or how long to wait |
///
/// Nodes are `{name, weight?}`; a topology is `{regions: {name: [zones]}, nodes: [{name, region, zone, weight?}]}`; a
/// target is a topology with the nodes `draining?`. Steps are maps with a time `at`: of batches and breakers
/// `{at, start: true}` or `{at, finish: n, ok}`, where `n` counts the starts that were let through, from 0, with `items`
/// for batches; of buckets `{at, take}`, of throttles with `peer` and `tenant`. Steps of `route` are
/// `{do: "read" | "write", from, zone?, namespace, key}`, `{do: "mark", node, as}`, `{do: "ping", node, ok}` and
/// `{do: "measured", from, node, ms}`.
///
/// # Errors
/// [`CallError`], whose code is that of the Rust error behind it.
///
/// ```
/// use std::collections::BTreeMap;
/// use syncline::{crdt::Value, place::decide};
/// let args = BTreeMap::from([("key".to_owned(), "room 7".into()), ("buckets".to_owned(), Value::Int(10))]);
/// assert_eq!(decide("jump", &Value::Map(args.clone())), Ok(Value::Int(2)));
/// assert_eq!(decide("jmup", &Value::Map(args)).map_err(|error| error.code()), Err("unknown_call"));
/// ```
pub fn decide(call: &str, args: &Value) -> Result<Value, CallError> {
    let args = Args::of("arguments", args)?;
    match call {
        "hash" => nodes::hash_of(&args),
        "jump" => nodes::jump_to(&args),
        "ring" => nodes::ring(&args),
        "ring_bounded" => nodes::ring_bounded(&args),
        "rendezvous" => nodes::rendezvous(&args),
        "rendezvous_bounded" => nodes::rendezvous_bounded(&args),
        "topology" => routing::topology(&args),
        "shard" => nodes::shard(&args),
        "shard_map" => routing::shard_map(&args),
        "plan" => routing::next_moves(&args),
        "route" => routing::route(&args),
        "backoff" => limits::backoff(&args),
        "batch" => limits::batch(&args),
        "bucket" => limits::bucket(&args),
        "throttle" => limits::throttle(&args),
        "breaker" => limits::breaker(&args),
        other => Err(CallError::UnknownCall(other.to_owned())),
    }
}

fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn list<T>(items: impl IntoIterator<Item = T>, make: impl FnMut(T) -> Value) -> Value {
    Value::List(items.into_iter().map(make).collect())
}

fn text(text: impl Into<String>) -> Value {
    Value::Str(text.into())
}

fn map(entries: &mut [(&str, Value)]) -> Value {
    // One by one: building from a list would bring a sort of its own into the WASM.
    let mut made = BTreeMap::new();
    for (name, value) in entries {
        made.insert((*name).to_owned(), std::mem::take(value));
    }
    Value::Map(made)
}
