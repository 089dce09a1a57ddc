//! Bounded counters by their definition: nobody takes what they have no right to, and the sum never falls below the bound.

use syncline::clock::ReplicaId;
use syncline::crdt::Value;
use syncline::doc::{Doc, EditError};

use super::causal::{Event, Topic, place, refused, same, text};
use crate::rng::Rng;

/// One bounded counter.
pub struct Bounded;

/// What happened to it.
#[derive(Clone, Debug)]
pub enum Act {
    /// Its bound was set.
    Bound(i64),
    /// Something was added.
    Add(u64),
    /// Something was taken away.
    Take(u64),
    /// Rights were given.
    Give(ReplicaId, u64),
}

impl Topic for Bounded {
    type Act = Act;

    fn act(rng: &mut Rng, doc: &mut Doc, known: &[Event<Act>]) -> Result<Option<Act>, String> {
        let amount = rng.between(1, 12);
        let available = rights(known, doc.id());
        let refusal = EditError::Rights { available, asked: amount };
        let others: Vec<ReplicaId> = doc.version().iter().map(|(id, _)| id).collect();
        let act = match rng.below(20) {
            0 => {
                doc.bounded_create(&place(), amount as i64 - 6).map_err(text)?;
                return Ok(Some(Act::Bound(amount as i64 - 6)));
            }
            1..7 => {
                doc.bounded_add(&place(), amount).map_err(text)?;
                return Ok(Some(Act::Add(amount)));
            }
            7..15 => (doc.bounded_sub(&place(), amount), Act::Take(amount)),
            _ if others.is_empty() => return Ok(None),
            _ => {
                let to = *rng.pick(&others);
                (doc.bounded_transfer(&place(), to, amount), Act::Give(to, amount))
            }
        };
        let refused = refused(act.0, &refusal)?;
        same("a refusal", refused, amount > available)?;
        let idle = matches!(act.1, Act::Give(to, _) if to == doc.id());
        Ok((!refused && !idle).then_some(act.1))
    }

    fn check(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
        let bounds = seen.iter().filter(|event| matches!(event.act, Act::Bound(_)));
        let bound = bounds.max_by_key(|event| event.stamp()).map_or(0, |event| match event.act {
            Act::Bound(bound) => bound,
            _ => 0,
        });
        let sum = |part: fn(&Act) -> i64| seen.iter().map(|event| part(&event.act)).sum::<i64>();
        let above = sum(|act| match act {
            Act::Add(amount) => *amount as i64,
            Act::Take(amount) => -(*amount as i64),
            _ => 0,
        });
        if above < 0 {
            return Err(format!("the counter fell {} below its bound", -above));
        }
        same("the bounded counter", doc.bounded(&place()), bound + above)?;
        for (id, _) in doc.version().iter() {
            same("the rights", doc.bounded_rights(&place(), id), rights(seen, id))?;
        }
        same("the view", doc.view(&place()), (!seen.is_empty()).then_some(Value::Int(bound + above)))
    }
}

/// What a replica has minted and got, less what it has taken and given.
fn rights(seen: &[Event<Act>], replica: ReplicaId) -> u64 {
    let change = |event: &Event<Act>| match event.act {
        Act::Add(amount) if event.author == replica => amount as i64,
        Act::Take(amount) if event.author == replica => -(amount as i64),
        Act::Give(to, amount) => amount as i64 * (i64::from(to == replica) - i64::from(event.author == replica)),
        _ => 0,
    };
    seen.iter().map(change).sum::<i64>() as u64
}
