//! What each type can do in a history, and how it is shown.

use super::super::{
    Crdt, DwFlag, EwFlag, GCounter, GSet, LwwMap, LwwRegister, LwwSet, MvRegister, OrMap, OrSet, Packed, PnCounter,
    RwSet, TwoPhaseSet, VectorClock,
};
use super::CallError;
use super::history::Step;
use crate::crdt::Value;

/// A type that histories can be played with.
pub(super) trait Subject: Crdt {
    /// Makes a change by the name of its operation and returns the delta.
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError>;

    /// The value that users see. Maps are lists of pairs, since any value can be a key.
    fn show(&self) -> Value;
}

fn unknown<T>(op: &str) -> Result<T, CallError> {
    Err(CallError::Unknown(op.to_owned()))
}

fn list(items: Vec<&Packed>) -> Value {
    Value::List(items.into_iter().map(Packed::value).collect())
}

/// A sum, held at the ends of the range of 64 bits.
fn sum(total: i128) -> Value {
    Value::Int(total.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

pub(super) fn clock(clock: &VectorClock) -> Value {
    // Sequence numbers are below 2^48.
    Value::Map(clock.iter().map(|(id, seq)| (id.to_string(), Value::Int(seq as i64))).collect())
}

impl Subject for VectorClock {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "increment" => Ok(self.increment(step.me)?.into()),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        clock(self)
    }
}

impl Subject for GCounter {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "increment" => {
                let by = u64::try_from(step.int("by")?).map_err(|_| CallError::Argument("by"))?;
                Ok(self.increment(step.me, by)?)
            }
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        sum(i128::try_from(self.value()).unwrap_or(i128::MAX))
    }
}

impl Subject for PnCounter {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "add" => Ok(self.add(step.me, step.int("by")?)?),
            "reset" => Ok(self.reset()),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        sum(self.value())
    }
}

impl Subject for LwwRegister<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "set" => Ok(self.set(step.at()?, step.me, step.packed("value")?)),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        self.value().map(Packed::value).unwrap_or_default()
    }
}

impl Subject for LwwSet<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "add" => Ok(self.add(step.at()?, step.me, step.packed("value")?)),
            "remove" => Ok(self.remove(step.at()?, step.me, step.packed("value")?)),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        list(self.values())
    }
}

impl Subject for LwwMap<Packed, Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "set" => Ok(self.set(step.at()?, step.me, step.packed("key")?, step.packed("value")?)),
            "remove" => Ok(self.remove(step.at()?, step.me, step.packed("key")?)),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        let pair = |(key, value): (&Packed, &Packed)| Value::List(vec![key.value(), value.value()]);
        Value::List(self.entries().into_iter().map(pair).collect())
    }
}

impl Subject for MvRegister<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "set" => Ok(self.set(step.me, step.packed("value")?)?),
            "clear" => Ok(self.clear()),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        list(self.values())
    }
}

impl Subject for GSet<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "add" => Ok(self.add(step.packed("value")?)),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        list(self.values())
    }
}

impl Subject for TwoPhaseSet<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "add" => Ok(self.add(step.packed("value")?)),
            "remove" => Ok(self.remove(step.packed("value")?)),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        list(self.values())
    }
}

impl Subject for OrSet<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "add" => Ok(self.add(step.me, step.packed("value")?)?),
            "remove" => Ok(self.remove(&step.packed("value")?)),
            "clear" => Ok(self.clear()),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        list(self.values())
    }
}

impl Subject for RwSet<Packed> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "add" => Ok(self.add(step.me, step.packed("value")?)?),
            "remove" => Ok(self.remove(step.me, step.packed("value")?)?),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        list(self.values())
    }
}

impl Subject for EwFlag {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "enable" => Ok(self.enable(step.me)?),
            "disable" => Ok(self.disable()),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        Value::Bool(self.is_enabled())
    }
}

impl Subject for DwFlag {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        match op {
            "enable" => Ok(self.enable(step.me)?),
            "disable" => Ok(self.disable(step.me)?),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        Value::Bool(self.is_enabled())
    }
}

/// The children are add-wins sets: `add` and `discard` change one, `remove` takes away the key.
impl Subject for OrMap<Packed, OrSet<Packed>> {
    fn change(&mut self, op: &str, step: &Step<'_>) -> Result<Self, CallError> {
        let key = step.packed("key")?;
        match op {
            "add" => {
                let value = step.packed("value")?;
                Ok(self.update(key, |child| child.add(step.me, value))?)
            }
            "discard" => {
                let value = step.packed("value")?;
                self.update(key, |child| Ok(child.remove(&value)))
            }
            "remove" => Ok(self.remove(&key)),
            _ => unknown(op),
        }
    }

    fn show(&self) -> Value {
        let entries = self.entries().into_iter();
        Value::List(entries.map(|(key, child)| Value::List(vec![key.value(), list(child.values())])).collect())
    }
}
