//! One entry by which tools and test vectors of any language reach all types and decisions.

mod history;
mod subject;

use super::{ChangeError, Crdt, DwFlag, EwFlag, GCounter, GSet, LwwMap, LwwRegister, LwwSet, MvRegister, OrMap, OrSet};
use super::{Packed, PnCounter, RwSet, TwoPhaseSet, VectorClock};
use crate::bytes::DecodeError;
use crate::clock::{Causality, ReplicaId};
use crate::crdt::{Value, ValueError};
use crate::place;
use crate::quorum;
use history::{field, history};
use std::collections::BTreeMap;

/// A call could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such call or operation.
    #[error("there is no {0:?}: see the documentation of decide for the names")]
    Unknown(String),
    /// An argument is missing or of the wrong type.
    #[error("the argument {0:?} is missing or not as expected: see the documentation of decide")]
    Argument(&'static str),
    /// More steps than one call takes.
    #[error("{0} steps are too many for one call: play them in several")]
    Steps(usize),
    /// A change was refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A state machine has refused an input.
    #[error("{text}")]
    Refused {
        /// The name of the cause, such as `reused`.
        code: &'static str,
        /// What to do about it.
        text: String,
    },
    /// A value cannot be kept.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Bytes could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A call of [`quorum::decide`] was refused.
    #[error(transparent)]
    Decision(#[from] place::CallError),
}

impl CallError {
    /// The name of the cause, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            CallError::Unknown(_) => "unknown_call",
            CallError::Argument(_) => "argument",
            CallError::Steps(_) => "steps",
            CallError::Change(_) => "change",
            CallError::Refused { code, .. } => code,
            CallError::Value(_) => "value",
            CallError::Decode(_) => "decode",
            CallError::Decision(error) => error.code(),
        }
    }
}

/// Makes a call by name, with arguments and a result that every language can write down.
///
/// * `vector_clock.compare` takes clocks `left` and `right`, maps from replica id (32 hex digits) to number, and returns
///   `"before"`, `"after"`, `"equal"` or `"concurrent"`; `vector_clock.merge` returns the merged clock.
/// * The name of a type (`vector_clock`, `g_counter`, `pn_counter`, `lww_register`, `lww_set`, `lww_map`, `mv_register`,
///   `g_set`, `two_phase_set`, `or_set`, `rw_set`, `ew_flag`, `dw_flag`, `or_map`) plays a history. `replicas` is a map from name to
///   id; `steps` is a list of maps, each with `on`, the name of a replica, and `op`: `"merge"` (all of `from`),
///   `"apply"` (the delta of step number `step`, from 0), `"load"` (`bytes` in hex, as encoded), or an operation of the type with its `value`,
///   `key`, `by` or `at` (milliseconds, or `[milliseconds, counter]`). Returns for each replica its `value` and its encoded `bytes` in hex.
/// * `machines` plays what happens to several [`Machine`](super::Machine)s. `machines` is a map from name to `kind` and what it
///   is opened with; `steps` is a list of inputs, each also with `on`, the name of a machine, and `at`, the time. In the
///   place of a `message` may stand `[step, output]`: that of an earlier output. The step `crash` opens the machine anew,
///   with a `log` of such places and whatever else is given. Returns for each step the list of outputs; after a crash the
///   machine's state; `refused` with its `code` where an input is.
/// * All calls of [`quorum::decide`] and of [`place::decide`](crate::place::decide).
///
/// # Errors
/// [`CallError`], which names the cause.
///
/// ```
/// use syncline::{crdt::Value, standalone::{CallError, decide}};
/// let nothing = Value::Map([("left", Value::Map([].into())), ("right", Value::Map([].into()))]
///     .into_iter().map(|(name, clock)| (name.to_owned(), clock)).collect());
/// assert_eq!(decide("vector_clock.compare", &nothing), Ok(Value::from("equal")));
/// assert_eq!(decide("vector_clock.guess", &nothing).map_err(|error| error.code()), Err("unknown_call"));
/// ```
pub fn decide(call: &str, args: &Value) -> Result<Value, CallError> {
    match call {
        "vector_clock.compare" => {
            let (left, right) = clocks(args)?;
            Ok(Value::from(match left.compare(&right) {
                Causality::Before => "before",
                Causality::After => "after",
                Causality::Equal => "equal",
                Causality::Concurrent => "concurrent",
            }))
        }
        "vector_clock.merge" => {
            let (mut left, right) = clocks(args)?;
            left.merge(&right);
            Ok(subject::clock(&left))
        }
        "machines" => super::machine::history(args),
        "vector_clock" => history::<VectorClock>(args),
        "g_counter" => history::<GCounter>(args),
        "pn_counter" => history::<PnCounter>(args),
        "lww_register" => history::<LwwRegister<Packed>>(args),
        "lww_set" => history::<LwwSet<Packed>>(args),
        "lww_map" => history::<LwwMap<Packed, Packed>>(args),
        "mv_register" => history::<MvRegister<Packed>>(args),
        "g_set" => history::<GSet<Packed>>(args),
        "two_phase_set" => history::<TwoPhaseSet<Packed>>(args),
        "or_set" => history::<OrSet<Packed>>(args),
        "rw_set" => history::<RwSet<Packed>>(args),
        "ew_flag" => history::<EwFlag>(args),
        "dw_flag" => history::<DwFlag>(args),
        "or_map" => history::<OrMap<Packed, OrSet<Packed>>>(args),
        _ => Ok(quorum::decide(call, args)?),
    }
}

fn clocks(args: &Value) -> Result<(VectorClock, VectorClock), CallError> {
    let Value::Map(args) = args else { return Err(CallError::Argument("args")) };
    Ok((read_clock(args, "left")?, read_clock(args, "right")?))
}

fn read_clock(args: &BTreeMap<String, Value>, name: &'static str) -> Result<VectorClock, CallError> {
    let Value::Map(entries) = field(args, name)? else { return Err(CallError::Argument(name)) };
    let entry = |(id, count): (&String, &Value)| match (id.parse::<ReplicaId>(), count) {
        (Ok(id), Value::Int(count)) => u64::try_from(*count).ok().map(|count| (id, count)),
        _ => None,
    };
    entries.iter().map(entry).collect::<Option<_>>().ok_or(CallError::Argument(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    fn play(call: &str, step: &[(&str, Value)]) -> Result<Value, CallError> {
        let replicas = map(&[("a", Value::from("018bcfe5680000000000000000000a01"))]);
        decide(call, &map(&[("replicas", replicas), ("steps", Value::List(vec![map(step)]))]))
    }

    #[test]
    fn what_cannot_be_called_is_named() {
        assert_eq!(decide("or_set", &Value::Null), Err(CallError::Argument("args")));
        assert_eq!(decide("or_set", &map(&[])), Err(CallError::Argument("replicas")));
        let on = ("on", Value::from("a"));
        assert_eq!(play("or_set", std::slice::from_ref(&on)), Err(CallError::Argument("op")));
        assert_eq!(play("or_set", &[on.clone(), ("op", "fly".into())]), Err(CallError::Unknown("fly".into())));
        assert_eq!(play("or_set", &[on.clone(), ("op", "add".into())]), Err(CallError::Argument("value")));
        assert_eq!(play("or_set", &[("on", "z".into()), ("op", "add".into())]), Err(CallError::Argument("on")));
        let apply = [on.clone(), ("op", "apply".into()), ("step", 0.into())];
        assert_eq!(play("or_set", &apply), Err(CallError::Argument("step")));
        let load = |bytes: &str| [on.clone(), ("op", "load".into()), ("bytes", bytes.into())];
        assert_eq!(play("or_set", &load("0a")), Err(CallError::Decode(DecodeError::Truncated)));
        assert_eq!(play("or_set", &load("0")), Err(CallError::Argument("bytes")));
        assert!(play("or_set", &load("0a0000")).is_ok());
        let (by, up) = (("by", Value::Int(-1)), ("op", "increment".into()));
        assert_eq!(play("g_counter", &[on, up, by]), Err(CallError::Argument("by")));
    }

    #[test]
    fn too_many_steps_are_refused() {
        let steps = Value::List(vec![map(&[]); history::STEPS + 1]);
        let args = map(&[("replicas", map(&[])), ("steps", steps)]);
        assert_eq!(decide("or_set", &args), Err(CallError::Steps(history::STEPS + 1)));
    }
}
