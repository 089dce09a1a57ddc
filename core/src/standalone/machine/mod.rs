//! State machines of the core with plain values in and plain values out, for bindings and for test vectors.

mod args;
mod commit;
mod history;
mod retire;

use super::CallError;
use crate::crdt::Value;
use crate::quorum::{Coordinator, Participant};
use crate::replica::RetireDriver;
use args::{map, output, whole};

pub(super) use history::history;

/// A state machine that takes and gives plain values.
///
/// | kind | opened with | inputs (`type` and fields) | outputs |
/// |---|---|---|---|
/// | `coordinator` | `name` | `begin` (`tx`, `parts`: room to bytes), `message` (`message`), `forced` (`tx`), `tick` | `force` and `note` (`tx`, `record`), `send` (`to`, `says`, `message`), `finished` (`tx`, `outcome`: `committed`, `refused` with `room` and `reason`, or `timed-out` with `rooms`) |
/// | `participant` | `room` | `message`, `validated` (`tx`, `refusal`), `forced`, `applied` (`tx`), `tick` | `validate` (`tx`, `payload`), `force`, `apply` (with `payload`), `release`, `send` |
/// | `retirement` | `members` (numbers), `horizon`, `now_ms`, `recover` | `message` (`from`, `message`) or what a member says in words (`fenced` with `attached` and `version`, `settled`, `retired`, `refused` with `bound`; each with `from` and `horizon`), `tick` | `send` (a `settle` also with `keep` and `finals`), `done` (`horizon`, `retired`), `failed` (`horizon`, `reason`: `late`, `apart`, or `bound` with `bound`) |
///
/// A coordinator and a participant may be given `prepare_ms` and `retry_ms`, and `log`, a list of records, from which they
/// recover. Messages, records and payloads are bytes, transaction ids 32 hex digits, times milliseconds since the Unix
/// epoch. The last output is always `idle` with `until`, the time of the next `tick`, or null.
///
/// See [`Coordinator`], [`Participant`] and [`RetireDriver`] for what a driver owes to each.
///
/// ```
/// use std::collections::BTreeMap;
/// use syncline::{crdt::Value, standalone::{CallError, Machine}};
/// let value = |fields: &[(&str, Value)]| Value::Map(fields.iter().map(|(name, it)| ((*name).into(), it.clone())).collect());
/// let mut room = Machine::open("participant", &value(&[("room", "accounts".into())]))?;
/// let Value::List(outputs) = room.handle(&value(&[("type", "tick".into())]), 1_000)? else { panic!() };
/// assert_eq!(outputs, [value(&[("type", "idle".into()), ("until", Value::Null)])]);
/// # Ok::<(), CallError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Coordinator(Coordinator),
    Participant(Participant),
    Retirement(RetireDriver),
}

impl Machine {
    /// Starts a machine, or brings one back from its log.
    ///
    /// # Errors
    /// [`CallError`] if there is no such kind, or an argument or a record is not as expected.
    pub fn open(kind: &str, args: &Value) -> Result<Machine, CallError> {
        let args = map(args, "args")?;
        Ok(Machine(match kind {
            "coordinator" => Kind::Coordinator(commit::open_coordinator(args)?),
            "participant" => Kind::Participant(commit::open_participant(args)?),
            "retirement" => Kind::Retirement(retire::open(args)?),
            _ => return Err(CallError::Unknown(kind.to_owned())),
        }))
    }

    /// Takes an input at a time; returns the list of what is to be done.
    ///
    /// # Errors
    /// [`CallError`] if the input is not as expected, or is refused. What was to be done before stays to be done: it comes
    /// with the next input.
    pub fn handle(&mut self, input: &Value, now_ms: u64) -> Result<Value, CallError> {
        let input = map(input, "input")?;
        match &mut self.0 {
            Kind::Coordinator(machine) => commit::tell_coordinator(machine, input, now_ms)?,
            Kind::Participant(machine) => commit::tell_participant(machine, input, now_ms)?,
            Kind::Retirement(driver) => {
                retire::tell(driver, input)?;
                driver.handle_timeout(now_ms);
            }
        }
        Ok(self.outputs(now_ms))
    }

    /// What a log must hold to recover from (`records`), what is prepared and not decided (`in_doubt`, a list of `tx` and
    /// `payload`), and how many transactions are under way (`active`); of each kind what it has.
    pub fn state(&self) -> Value {
        match &self.0 {
            Kind::Coordinator(machine) => {
                let records = commit::records(&machine.records());
                output("coordinator", vec![("records", records), ("active", whole(machine.active() as u64))])
            }
            Kind::Participant(machine) => {
                let records = commit::records(&machine.records());
                output("participant", vec![("records", records), ("in_doubt", commit::in_doubt(machine))])
            }
            Kind::Retirement(driver) => output("retirement", vec![("over", Value::Bool(driver.is_over()))]),
        }
    }

    fn outputs(&mut self, now_ms: u64) -> Value {
        let mut outputs = Vec::new();
        loop {
            let (output, is_last) = match &mut self.0 {
                Kind::Coordinator(machine) => commit::ask_coordinator(machine),
                Kind::Participant(machine) => commit::ask_participant(machine),
                Kind::Retirement(driver) => retire::ask(driver, now_ms),
            };
            outputs.push(output);
            if is_last {
                return Value::List(outputs);
            }
        }
    }
}
