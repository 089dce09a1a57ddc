//! Histories: replicas by name, steps on them, and what they hold in the end.

use super::super::Packed;
use super::CallError;
use super::subject::Subject;
use crate::clock::{Hlc, ReplicaId};
use crate::crdt::Value;
use std::collections::BTreeMap;

/// Most steps of one call: each keeps a delta, and a merge may cost as much as all steps before it.
pub(super) const STEPS: usize = 10_000;

/// The arguments of one step.
pub(super) struct Step<'a> {
    args: &'a BTreeMap<String, Value>,
    pub(super) me: ReplicaId,
}

impl Step<'_> {
    pub(super) fn packed(&self, name: &'static str) -> Result<Packed, CallError> {
        Ok(Packed::try_from(field(self.args, name)?)?)
    }

    pub(super) fn int(&self, name: &'static str) -> Result<i64, CallError> {
        match field(self.args, name)? {
            Value::Int(number) => Ok(*number),
            _ => Err(CallError::Argument(name)),
        }
    }

    /// The point in time: milliseconds, or a list of milliseconds and counter.
    pub(super) fn at(&self) -> Result<Hlc, CallError> {
        let (ms, counter) = match field(self.args, "at")? {
            Value::Int(ms) => (*ms, 0),
            Value::List(parts) => match parts[..] {
                [Value::Int(ms), Value::Int(counter)] => (ms, counter),
                _ => return Err(CallError::Argument("at")),
            },
            _ => return Err(CallError::Argument("at")),
        };
        match (u64::try_from(ms), u16::try_from(counter)) {
            (Ok(ms), Ok(counter)) => Ok(Hlc::new(ms, counter)),
            _ => Err(CallError::Argument("at")),
        }
    }
}

/// Plays the steps and returns what each replica holds then.
pub(super) fn history<S: Subject>(args: &Value) -> Result<Value, CallError> {
    let Value::Map(args) = args else { return Err(CallError::Argument("args")) };
    let Value::Map(replicas) = field(args, "replicas")? else { return Err(CallError::Argument("replicas")) };
    let Value::List(steps) = field(args, "steps")? else { return Err(CallError::Argument("steps")) };
    if steps.len() > STEPS {
        return Err(CallError::Steps(steps.len()));
    }
    let mut states: BTreeMap<&str, (ReplicaId, S)> = BTreeMap::new();
    for (name, id) in replicas {
        let Value::Str(id) = id else { return Err(CallError::Argument("replicas")) };
        let id = id.parse().map_err(|_| CallError::Argument("replicas"))?;
        states.insert(name, (id, S::default()));
    }
    let mut deltas = Vec::new();
    for step in steps {
        let Value::Map(args) = step else { return Err(CallError::Argument("steps")) };
        let delta = play(&mut states, &deltas, args)?;
        deltas.push(delta);
    }
    let shown = |(_, state): &(ReplicaId, S)| {
        let fields = [("value", state.show()), ("bytes", Value::Str(hex(&state.encode())))];
        Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())
    };
    Ok(Value::Map(states.iter().map(|(name, replica)| ((*name).to_owned(), shown(replica))).collect()))
}

/// Plays one step and returns its delta.
fn play<S: Subject>(
    states: &mut BTreeMap<&str, (ReplicaId, S)>,
    deltas: &[S],
    args: &BTreeMap<String, Value>,
) -> Result<S, CallError> {
    let op = text(args, "op");
    let arrived = match op {
        Ok("merge") => Some(states.get(text(args, "from")?).ok_or(CallError::Argument("from"))?.1.clone()),
        Ok("apply") => match field(args, "step")? {
            Value::Int(step) => {
                let at = u64::try_from(*step).ok().and_then(|step| crate::assoc::at(deltas, step));
                Some(at.ok_or(CallError::Argument("step"))?.clone())
            }
            _ => return Err(CallError::Argument("step")),
        },
        Ok("load") => Some(S::decode(&unhex(text(args, "bytes")?).ok_or(CallError::Argument("bytes"))?)?),
        _ => None,
    };
    let (me, state) = states.get_mut(text(args, "on")?).ok_or(CallError::Argument("on"))?;
    match arrived {
        Some(delta) => {
            state.merge(&delta);
            Ok(delta)
        }
        None => state.change(op?, &Step { args, me: *me }),
    }
}

pub(super) fn field<'a>(args: &'a BTreeMap<String, Value>, name: &'static str) -> Result<&'a Value, CallError> {
    args.get(name).ok_or(CallError::Argument(name))
}

fn text<'a>(args: &'a BTreeMap<String, Value>, name: &'static str) -> Result<&'a str, CallError> {
    match field(args, name)? {
        Value::Str(text) => Ok(text),
        _ => Err(CallError::Argument(name)),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    if rest.is_empty() { bytes } else { None }
}
