//! Both sides of two-phase commit as plain values.

use super::super::CallError;
use super::args::{
    Args, as_bytes, bytes, field, idle, list, map, maybe_text, member, number_or, output, text, texts, tx,
};
use crate::crdt::Value;
use crate::quorum::{
    AbortReason, BeginError, CommitMessage, CommitRecord, CommitTimes, Coordinator, CoordinatorInput,
    CoordinatorOutput, Outcome, Participant, ParticipantInput, ParticipantOutput, TxId,
};

impl From<BeginError> for CallError {
    fn from(error: BeginError) -> Self {
        CallError::Refused { code: error.code(), text: error.to_string() }
    }
}

pub(super) fn open_coordinator(args: &Args) -> Result<Coordinator, CallError> {
    let (name, times) = (member(args, "name")?, times(args)?);
    Ok(if args.contains_key("log") {
        Coordinator::recover(name, times, log(args)?)
    } else {
        Coordinator::new(name, times)
    })
}

pub(super) fn open_participant(args: &Args) -> Result<Participant, CallError> {
    let (room, times) = (text(args, "room")?.to_owned(), times(args)?);
    Ok(if args.contains_key("log") {
        Participant::recover(room, times, log(args)?)
    } else {
        Participant::new(room, times)
    })
}

fn times(args: &Args) -> Result<CommitTimes, CallError> {
    let usual = CommitTimes::default();
    Ok(CommitTimes {
        prepare_ms: number_or(args, "prepare_ms", usual.prepare_ms)?,
        retry_ms: number_or(args, "retry_ms", usual.retry_ms)?,
    })
}

fn log(args: &Args) -> Result<Vec<CommitRecord>, CallError> {
    let record = |item: &Value| Ok(CommitRecord::decode(as_bytes(item, "log")?)?);
    list(args, "log")?.iter().map(record).collect()
}

pub(super) fn tell_coordinator(machine: &mut Coordinator, input: &Args, now_ms: u64) -> Result<(), CallError> {
    let input = match text(input, "type")? {
        "begin" => {
            let parts = map(field(input, "parts")?, "parts")?.iter();
            let part = |(room, part): (&String, &Value)| Ok((room.clone(), as_bytes(part, "parts")?.to_vec()));
            CoordinatorInput::Begin { tx: tx(input)?, parts: parts.map(part).collect::<Result<_, CallError>>()? }
        }
        "message" => CoordinatorInput::Message(message(input)?),
        "forced" => CoordinatorInput::Forced(tx(input)?),
        "tick" => CoordinatorInput::Tick,
        _ => return Err(CallError::Argument("type")),
    };
    Ok(machine.handle(input, now_ms)?)
}

pub(super) fn tell_participant(machine: &mut Participant, input: &Args, now_ms: u64) -> Result<(), CallError> {
    let input = match text(input, "type")? {
        "message" => ParticipantInput::Message(message(input)?),
        "validated" => ParticipantInput::Validated { tx: tx(input)?, refusal: maybe_text(input, "refusal")? },
        "forced" => ParticipantInput::Forced(tx(input)?),
        "applied" => ParticipantInput::Applied(tx(input)?),
        "tick" => ParticipantInput::Tick,
        _ => return Err(CallError::Argument("type")),
    };
    machine.handle(input, now_ms);
    Ok(())
}

fn message(input: &Args) -> Result<CommitMessage, CallError> {
    Ok(CommitMessage::decode(bytes(input, "message")?)?)
}

/// What to do next, and whether it is nothing.
pub(super) fn ask_coordinator(machine: &mut Coordinator) -> (Value, bool) {
    let value = match machine.poll() {
        CoordinatorOutput::Idle(until_ms) => return (idle(until_ms), true),
        CoordinatorOutput::Force(record) => with_record("force", &record, Vec::new()),
        CoordinatorOutput::Note(record) => with_record("note", &record, Vec::new()),
        CoordinatorOutput::Send { to, message } => send(to, &message),
        CoordinatorOutput::Finished { tx, outcome } => {
            let mut fields = vec![("tx", hex(tx))];
            let name = match outcome {
                Outcome::Committed => "committed",
                Outcome::Aborted(AbortReason::Refused { room, reason }) => {
                    fields.extend([("room", Value::Str(room)), ("reason", Value::Str(reason))]);
                    "refused"
                }
                Outcome::Aborted(AbortReason::TimedOut(rooms)) => {
                    fields.push(("rooms", texts(rooms)));
                    "timed-out"
                }
            };
            fields.push(("outcome", name.into()));
            output("finished", fields)
        }
    };
    (value, false)
}

/// What to do next, and whether it is nothing.
pub(super) fn ask_participant(machine: &mut Participant) -> (Value, bool) {
    let value = match machine.poll() {
        ParticipantOutput::Idle(until_ms) => return (idle(until_ms), true),
        ParticipantOutput::Validate { tx, payload } => {
            output("validate", vec![("tx", hex(tx)), ("payload", Value::Bytes(payload))])
        }
        ParticipantOutput::Force(record) => with_record("force", &record, Vec::new()),
        ParticipantOutput::Apply { payload, record, .. } => {
            with_record("apply", &record, vec![("payload", Value::Bytes(payload))])
        }
        ParticipantOutput::Release { record, .. } => with_record("release", &record, Vec::new()),
        ParticipantOutput::Send { to, message } => send(to.as_str().to_owned(), &message),
    };
    (value, false)
}

/// What is prepared and not decided.
pub(super) fn in_doubt(machine: &Participant) -> Value {
    let staged = machine.in_doubt().map(|(tx, payload)| {
        let fields = [("tx", hex(tx)), ("payload", Value::Bytes(payload.to_vec()))];
        Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())
    });
    Value::List(staged.collect())
}

pub(super) fn records(records: &[CommitRecord]) -> Value {
    Value::List(records.iter().map(|record| Value::Bytes(record.encode())).collect())
}

fn with_record(kind: &str, record: &CommitRecord, mut fields: Vec<(&str, Value)>) -> Value {
    fields.extend([("tx", hex(record.tx())), ("record", Value::Bytes(record.encode()))]);
    output(kind, fields)
}

fn send(to: String, message: &CommitMessage) -> Value {
    let says = Value::from(message.says());
    output("send", vec![("to", Value::Str(to)), ("says", says), ("message", Value::Bytes(message.encode()))])
}

fn hex(tx: TxId) -> Value {
    Value::Str(tx.to_string())
}
