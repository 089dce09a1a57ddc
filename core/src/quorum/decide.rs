//! The decisions of this module as calls on plain values, so that every language runs the same table of cases.

use super::{
    Ack, Configuration, Level, Member, MemberError, MemberId, SessionToken, Write, WriteInput, WriteOutcome,
    WriteOutput, WriteTracker,
};
use crate::clock::{Dot, ReplicaId, VersionVector};
use crate::crdt::Value;
use crate::place::{self, CallError};
use std::collections::BTreeMap;

impl From<MemberError> for CallError {
    fn from(error: MemberError) -> Self {
        CallError::Failed { code: "members", text: error.to_string() }
    }
}

fn bad(name: &'static str) -> CallError {
    CallError::Argument { name: name.to_owned(), wanted: "there and of the kind that the table of `decide` says" }
}

type Args = BTreeMap<String, Value>;

/// Answers one call: those below, and all of [`place::decide`]. `args` is a map; the members are a list of names or of
/// `{"id", "region"}`.
///
/// | call | arguments | answer |
/// |---|---|---|
/// | `quorum` | `members`, `level`, `acked` (list); `next` (members), `local` (region) | `{"done", "reachable"}` |
/// | `frontier` | `members`, `level`, `reached` (name to number); `next`, `local` | a number, null if out of reach |
/// | `write` | `members`, `level`, `seq`, `deadline_ms`, `steps`; `sloppy`, `epoch`, `next`, `local` | `{"outcome", "acked_by", "hinted_by"}` |
/// | `session` | `needs`, `seen` (replica id to number) | true or false |
///
/// The level is its name or a number. A step of `write` is `{"at"}` with `{"ack": member, "seq"}`, with
/// `{"hint": target, "by": stand-in, "seq"}`, or alone for the time to pass; `epoch` may be given. A step that is refused
/// changes nothing. The outcome is `done`, `sloppy`, `indeterminate`, `waiting` or `unreachable`.
///
/// # Errors
/// [`CallError`] if the call is not known, an argument is not of its kind, or the members are not valid (`members`).
///
/// ```
/// use std::collections::BTreeMap;
/// use syncline::{crdt::Value, quorum::decide};
/// let list = |names: &[&str]| Value::List(names.iter().map(|&name| name.into()).collect());
/// let args = Value::Map(BTreeMap::from([
///     ("members".into(), list(&["a", "b", "c"])),
///     ("level".into(), "quorum".into()),
///     ("acked".into(), list(&["a", "c", "a"])),
/// ]));
/// let expected = BTreeMap::from([("done".into(), Value::Bool(true)), ("reachable".into(), Value::Bool(true))]);
/// assert_eq!(decide("quorum", &args), Ok(Value::Map(expected)));
/// ```
pub fn decide(call: &str, args: &Value) -> Result<Value, CallError> {
    if !["quorum", "frontier", "write", "session"].contains(&call) {
        return place::decide(call, args);
    }
    let Value::Map(args) = args else { return Err(bad("args")) };
    match call {
        "quorum" => {
            let acked = list(args, "acked")?.iter().map(|item| name(item, "acked")).collect::<Result<Vec<_>, _>>()?;
            let reached = frontier(args, &|id| u64::from(acked.contains(id)))?;
            let answer = [("done", reached > Some(0)), ("reachable", reached.is_some())];
            Ok(Value::Map(answer.map(|(key, truth)| (key.to_owned(), Value::Bool(truth))).into()))
        }
        "frontier" => {
            let Some(Value::Map(reached)) = args.get("reached") else { return Err(bad("reached")) };
            for number in reached.values() {
                whole(Some(number), "reached")?;
            }
            let of = |id: &MemberId| whole(reached.get(id.as_str()), "reached").unwrap_or(0);
            Ok(frontier(args, &of)?.map_or(Value::Null, |number| Value::Int(number as i64)))
        }
        "write" => write(args),
        _ => {
            let needs = SessionToken::saw(version(args, "needs")?);
            Ok(Value::Bool(needs.satisfied_by(&version(args, "seen")?)))
        }
    }
}

fn frontier(args: &Args, reached: &dyn Fn(&MemberId) -> u64) -> Result<Option<u64>, CallError> {
    let local = region(args.get("local"), "local")?;
    Ok(configuration(args)?.frontier(level(args)?, local.as_ref(), reached).ok())
}

fn write(args: &Args) -> Result<Value, CallError> {
    let writer = ReplicaId::new(0, 0);
    let config = configuration(args)?;
    let epoch = config.epoch();
    let mut tracker = WriteTracker::new(config, region(args.get("local"), "local")?);
    let dot = Dot::new(writer, whole(args.get("seq"), "seq")?);
    let sloppy = args.get("sloppy") == Some(&Value::Bool(true));
    let deadline_ms = whole(args.get("deadline_ms"), "deadline_ms")?;
    let submit = Write { ticket: 0, dot, level: level(args)?, sloppy, deadline_ms };
    if tracker.handle(WriteInput::Submit(submit), 0).is_err() {
        return Ok(report("unreachable", &[], &[]));
    }
    for step in list(args, "steps")? {
        let Value::Map(step) = step else { return Err(bad("steps")) };
        // A step that is refused changes nothing, which is what the answer then shows.
        let _ = tracker.handle(input(step, writer, epoch)?, whole(step.get("at"), "at")?);
    }
    Ok(match tracker.poll() {
        WriteOutput::Idle(_) => report("waiting", &tracker.holders(&dot), &[]),
        WriteOutput::Finished(end) => {
            let outcome = match end.outcome {
                WriteOutcome::Done => "done",
                WriteOutcome::Sloppy => "sloppy",
                WriteOutcome::Indeterminate => "indeterminate",
            };
            report(outcome, &end.acked_by, &end.hinted_by)
        }
    })
}

fn input(step: &Args, writer: ReplicaId, epoch: u64) -> Result<WriteInput, CallError> {
    let epoch = step.get("epoch").map_or(Ok(epoch), |epoch| whole(Some(epoch), "epoch"))?;
    let ack = |from: MemberId| {
        let durable = [(writer, whole(step.get("seq"), "seq")?)].into_iter().collect();
        Ok::<_, CallError>(Ack { from, epoch, durable })
    };
    Ok(match (step.get("ack"), step.get("hint"), step.get("by")) {
        (Some(from), None, None) => WriteInput::Ack(ack(name(from, "ack")?)?),
        (None, Some(target), Some(by)) => {
            WriteInput::Hint { target: name(target, "hint")?, ack: ack(name(by, "by")?)? }
        }
        (None, None, None) => WriteInput::Tick,
        _ => return Err(bad("steps")),
    })
}

fn report(outcome: &str, acked_by: &[MemberId], hinted_by: &[(MemberId, MemberId)]) -> Value {
    let text = |id: &MemberId| Value::from(id.as_str());
    let pairs = hinted_by.iter().map(|(holder, target)| Value::List(vec![text(holder), text(target)]));
    Value::Map(BTreeMap::from([
        ("outcome".to_owned(), outcome.into()),
        ("acked_by".to_owned(), Value::List(acked_by.iter().map(text).collect())),
        ("hinted_by".to_owned(), Value::List(pairs.collect())),
    ]))
}

fn configuration(args: &Args) -> Result<Configuration, CallError> {
    let epoch = args.get("epoch").map_or(Ok(1), |epoch| whole(Some(epoch), "epoch"))?;
    let joint = args.contains_key("next");
    let config = Configuration::new(epoch.saturating_sub(joint.into()), members(args, "members")?)?;
    if joint { Ok(config.begin_change(members(args, "next")?)?) } else { Ok(config) }
}

fn members(args: &Args, key: &'static str) -> Result<Vec<Member>, CallError> {
    let member = |item: &Value| match item {
        Value::Map(parts) => {
            let id = parts.get("id").ok_or_else(|| bad(key))?;
            Ok(Member { id: name(id, key)?, region: region(parts.get("region"), key)? })
        }
        other => name(other, key).map(Member::from),
    };
    list(args, key)?.iter().map(member).collect()
}

fn level(args: &Args) -> Result<Level, CallError> {
    match args.get("level") {
        Some(Value::Str(text)) => text.parse().map_err(|_| bad("level")),
        Some(Value::Int(count)) => u8::try_from(*count).map(Level::N).map_err(|_| bad("level")),
        _ => Err(bad("level")),
    }
}

fn version(args: &Args, key: &'static str) -> Result<VersionVector, CallError> {
    let Some(Value::Map(entries)) = args.get(key) else { return Err(bad(key)) };
    let entry = |(id, seq): (&String, &Value)| Ok((id.parse().map_err(|_| bad(key))?, whole(Some(seq), key)?));
    entries.iter().map(entry).collect()
}

fn region(value: Option<&Value>, key: &'static str) -> Result<Option<MemberId>, CallError> {
    value.map(|value| name(value, key)).transpose()
}

fn name(value: &Value, key: &'static str) -> Result<MemberId, CallError> {
    match value {
        Value::Str(text) => Ok(MemberId::new(text)?),
        _ => Err(bad(key)),
    }
}

fn list<'a>(args: &'a Args, key: &'static str) -> Result<&'a [Value], CallError> {
    match args.get(key) {
        Some(Value::List(items)) => Ok(items),
        _ => Err(bad(key)),
    }
}

fn whole(value: Option<&Value>, key: &'static str) -> Result<u64, CallError> {
    match value {
        Some(Value::Int(number)) => u64::try_from(*number).map_err(|_| bad(key)),
        _ => Err(bad(key)),
    }
}
