//! Histories: machines by name, what happens to them, and what they want done.

use super::super::CallError;
use super::Machine;
use super::args::{Args, as_number, field, list, map, number, output, text};
use crate::crdt::Value;
use std::collections::BTreeMap;

/// Most steps of one call.
const STEPS: usize = 1_000;

/// Plays the steps; returns for each the list of outputs. See [`decide`](super::super::decide) for the arguments.
pub(in super::super) fn history(args: &Value) -> Result<Value, CallError> {
    let args = map(args, "args")?;
    let steps = list(args, "steps")?;
    if steps.len() > STEPS {
        return Err(CallError::Steps(steps.len()));
    }
    let mut machines: BTreeMap<&str, (Args, Machine)> = BTreeMap::new();
    for (name, how) in map(field(args, "machines")?, "machines")? {
        let how = map(how, "machines")?.clone();
        let machine = open(&how)?;
        machines.insert(name, (how, machine));
    }
    let mut outputs: Vec<Value> = Vec::new();
    for step in steps {
        let step = filled(map(step, "steps")?, &outputs)?;
        let now_ms = number(&step, "at")?;
        let (how, machine) = machines.get_mut(text(&step, "on")?).ok_or(CallError::Argument("on"))?;
        if text(&step, "type")? == "crash" {
            // It begins anew, with what the step says beside what it began with.
            how.extend(step.into_iter().filter(|(name, _)| !["on", "at", "type"].contains(&name.as_str())));
            *machine = open(how)?;
            outputs.push(Value::List(vec![machine.state()]));
            continue;
        }
        let done = machine.handle(&Value::Map(step), now_ms);
        let refused = |error: CallError| Value::List(vec![output("refused", vec![("code", error.code().into())])]);
        outputs.push(done.unwrap_or_else(refused));
    }
    Ok(Value::List(outputs))
}

fn open(how: &Args) -> Result<Machine, CallError> {
    Machine::open(text(how, "kind")?, &Value::Map(how.clone()))
}

/// The step, with messages and records in the place of references to outputs of earlier steps.
fn filled(step: &Args, outputs: &[Value]) -> Result<Args, CallError> {
    let mut step = step.clone();
    if let Some(message) = step.get_mut("message") {
        *message = resolved(message, "message", outputs)?;
    }
    if let Some(Value::List(log)) = step.get_mut("log") {
        for record in log {
            *record = resolved(record, "record", outputs)?;
        }
    }
    Ok(step)
}

/// What `[step, output]` refers to; anything else is itself.
fn resolved(value: &Value, name: &'static str, outputs: &[Value]) -> Result<Value, CallError> {
    let Value::List(place) = value else { return Ok(value.clone()) };
    let [step, output] = &place[..] else { return Err(CallError::Argument(name)) };
    let (step, output) = (as_number(step, name)?, as_number(output, name)?);
    let found = match outputs.get(usize::try_from(step).unwrap_or(usize::MAX)) {
        Some(Value::List(outputs)) => outputs.get(usize::try_from(output).unwrap_or(usize::MAX)),
        _ => None,
    };
    Ok(field(map(found.ok_or(CallError::Argument(name))?, name)?, name)?.clone())
}
