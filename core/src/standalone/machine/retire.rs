//! The driver of a round of retirement as plain values.

use super::super::CallError;
use super::args::{Args, as_number, bytes, field, idle, list, map, number, output, text, whole};
use crate::clock::{ReplicaId, VersionVector};
use crate::crdt::Value;
use crate::quorum::MEMBERS;
use crate::replica::{MemberId, RetireDriver, RetireFailure, RetireMessage, RetireOutput};
use std::collections::BTreeSet;

pub(super) fn open(args: &Args) -> Result<RetireDriver, CallError> {
    let ids = list(args, "members")?.iter().map(|member| as_number(member, "members"));
    let members: BTreeSet<MemberId> = ids.collect::<Result<_, _>>()?;
    let (horizon, now_ms) = (number(args, "horizon")?, number(args, "now_ms")?);
    if members.is_empty() || members.len() > MEMBERS {
        return Err(CallError::Argument("members"));
    }
    if horizon.max(now_ms) > ReplicaId::LAST_BIRTH {
        return Err(CallError::Argument("horizon"));
    }
    match args.get("recover") {
        None | Some(Value::Bool(false)) => Ok(RetireDriver::start(members, horizon, now_ms)),
        Some(Value::Bool(true)) => Ok(RetireDriver::recover(members, horizon, now_ms)),
        Some(_) => Err(CallError::Argument("recover")),
    }
}

pub(super) fn tell(driver: &mut RetireDriver, input: &Args) -> Result<(), CallError> {
    match text(input, "type")? {
        "tick" => {}
        "message" => driver.handle(number(input, "from")?, RetireMessage::decode(bytes(input, "message")?)?),
        // What a member says, in words.
        says => driver.handle(number(input, "from")?, said(says, input)?),
    }
    Ok(())
}

/// A message of a member, from its fields.
pub(super) fn said(says: &str, input: &Args) -> Result<RetireMessage, CallError> {
    let horizon = number(input, "horizon")?;
    Ok(match says {
        "fenced" => {
            let attached = list(input, "attached")?.iter().map(|id| match id {
                Value::Str(id) => id.parse().map_err(|_| CallError::Argument("attached")),
                _ => Err(CallError::Argument("attached")),
            });
            let attached = attached.collect::<Result<_, _>>()?;
            RetireMessage::Fenced { horizon, attached, version: version(input)? }
        }
        "settled" => RetireMessage::Settled { horizon },
        "retired" => RetireMessage::Retired { horizon },
        "refused" => RetireMessage::Refused { horizon, bound: number(input, "bound")? },
        _ => return Err(CallError::Argument("type")),
    })
}

fn version(input: &Args) -> Result<VersionVector, CallError> {
    let entry = |(id, seq): (&String, &Value)| {
        let id: ReplicaId = id.parse().map_err(|_| CallError::Argument("version"))?;
        Ok::<_, CallError>((id, as_number(seq, "version")?))
    };
    map(field(input, "version")?, "version")?.iter().map(entry).collect()
}

/// What to do next, and whether it is nothing.
pub(super) fn ask(driver: &mut RetireDriver, now_ms: u64) -> (Value, bool) {
    let value = match driver.poll() {
        None => return (idle(driver.handle_timeout(now_ms)), true),
        Some(RetireOutput::Send { to, message }) => send(to, &message),
        Some(RetireOutput::Done { horizon, retired }) => {
            output("done", vec![("horizon", whole(horizon)), ("retired", whole(retired as u64))])
        }
        Some(RetireOutput::Failed { horizon, reason }) => {
            let mut fields = vec![("horizon", whole(horizon))];
            let reason = match reason {
                RetireFailure::Late => "late",
                RetireFailure::Bound(bound) => {
                    fields.push(("bound", whole(bound)));
                    "bound"
                }
                RetireFailure::Apart => "apart",
            };
            fields.push(("reason", reason.into()));
            output("failed", fields)
        }
    };
    (value, false)
}

fn send(to: MemberId, message: &RetireMessage) -> Value {
    let says = match message {
        RetireMessage::Fence { .. } => "fence",
        RetireMessage::Settle { .. } => "settle",
        RetireMessage::Retire { .. } => "retire",
        RetireMessage::Abort { .. } => "abort",
        RetireMessage::Query { .. } => "query",
        RetireMessage::Fenced { .. } => "fenced",
        RetireMessage::Settled { .. } => "settled",
        RetireMessage::Retired { .. } => "retired",
        RetireMessage::Refused { .. } => "refused",
    };
    let mut fields = vec![("to", whole(to)), ("says", says.into()), ("message", Value::Bytes(message.encode()))];
    if let RetireMessage::Settle { round } = message {
        let ids = round.keep.iter().map(|id| Value::Str(id.to_string()));
        let finals = round.finals.iter().map(|(id, seq)| (id.to_string(), whole(*seq)));
        fields.extend([("keep", Value::List(ids.collect())), ("finals", Value::Map(finals.collect()))]);
    }
    output("send", fields)
}
