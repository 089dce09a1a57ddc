//! Registers under policies by their definition.

use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Policy, Resolution, Value};
use syncline::doc::Doc;

use super::causal::{Event, Topic, place, same, text};
use crate::rng::Rng;

/// One register, and policies for it and for what is around it.
pub struct Policies;

/// What happened.
#[derive(Clone, Debug)]
pub enum Act {
    /// The register was written.
    Write(i64),
    /// It was deleted; under remove-wins as its author knew it.
    Delete(bool),
    /// A policy was set for the register, or for what is around it.
    Set(bool, Policy),
}

impl Topic for Policies {
    type Act = Act;

    fn act(rng: &mut Rng, doc: &mut Doc, known: &[Event<Act>]) -> Result<Option<Act>, String> {
        let own = doc.id();
        if !known.iter().any(|event| event.author == own) {
            doc.set_source(source(own)).map_err(text)?;
        }
        match rng.below(20) {
            0..4 => {
                let exact = rng.chance(50);
                let policy = match rng.below(6) {
                    0 => Policy::LastWriterWins,
                    1 => Policy::KeepAll,
                    2 => Policy::SourcePriority(vec!["odd".into(), "even".into()]),
                    3 => Policy::InsertWins,
                    _ => Policy::RemoveWins,
                };
                let path = if exact { place() } else { Path::from_segments(["box"]) };
                doc.set_policy(&path, &policy).map_err(text)?;
                Ok(Some(Act::Set(exact, policy)))
            }
            4..9 => {
                let marked = policy(known) == Policy::RemoveWins;
                let there = doc.contains(&place());
                let live = live(known);
                let deleted = doc.delete(&place()).map_err(text)?;
                same("the answer of a delete", deleted, there)?;
                // Where nothing is shown and marks are left, they stay as they are.
                let idle = live.is_empty() || (!there && marked);
                Ok((!idle).then_some(Act::Delete(marked)))
            }
            _ => {
                let value = rng.below(50) as i64;
                doc.set(&place(), Value::Int(value)).map_err(text)?;
                Ok(Some(Act::Write(value)))
            }
        }
    }

    fn check(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
        let mut live = live(seen);
        live.sort_by_key(|event| std::cmp::Reverse(event.stamp()));
        let policy = policy(seen);
        let values: Vec<(i64, ReplicaId)> = live
            .iter()
            .filter_map(|event| if let Act::Write(value) = event.act { Some((value, event.author)) } else { None })
            .collect();
        let removed = values.len() < live.len();
        let last = || live.first().and_then(|event| if let Act::Write(value) = event.act { Some(value) } else { None });
        let expected = match &policy {
            Policy::KeepAll | Policy::InsertWins => values.first().map(|value| value.0),
            Policy::RemoveWins if removed => None,
            Policy::SourcePriority(order) => {
                let rank = |event: &Event<Act>| order.iter().position(|name| *name == source(event.author));
                let first = live.iter().min_by_key(|event| rank(event));
                first.and_then(|event| if let Act::Write(value) = event.act { Some(value) } else { None })
            }
            _ => last(),
        };
        same("the policy", doc.policy(&place()), policy.clone())?;
        same("the value", doc.get(&place()), expected.map(Value::Int))?;
        same("being there", doc.contains(&place()), expected.is_some())?;
        same("being empty", doc.is_empty(), expected.is_none())?;
        let all: Vec<Value> = values.iter().map(|value| Value::Int(value.0)).collect();
        let all = if expected.is_some() { all } else { Vec::new() };
        same("all values", doc.get_all(&place()), all.clone())?;
        let resolution = match (policy, expected) {
            (_, None) => Resolution::Absent,
            (Policy::KeepAll, _) => Resolution::All(all),
            (_, Some(value)) => Resolution::Value(Value::Int(value)),
        };
        same("the resolution", doc.resolve(&place()), Ok(resolution))
    }
}

fn source(replica: ReplicaId) -> &'static str {
    if replica.as_bytes()[14] % 2 == 1 { "odd" } else { "even" }
}

/// The writes, and the deletes that leave a mark, that no later write or delete has seen.
fn live(seen: &[Event<Act>]) -> Vec<&Event<Act>> {
    let here = |event: &&Event<Act>| !matches!(event.act, Act::Set(..));
    let all: Vec<_> = seen.iter().filter(here).collect();
    let kept =
        |event: &&&Event<Act>| !matches!(event.act, Act::Delete(false)) && !all.iter().any(|later| event.before(later));
    all.iter().filter(kept).copied().collect()
}

/// The last policy that was set for the register, else the last that was set for what is around it.
fn policy(seen: &[Event<Act>]) -> Policy {
    let last = |exact: bool| {
        let set = seen.iter().filter(|event| matches!(event.act, Act::Set(at, _) if at == exact));
        set.max_by_key(|event| event.stamp()).and_then(|event| match &event.act {
            Act::Set(_, policy) => Some(policy.clone()),
            _ => None,
        })
    };
    last(true).or(last(false)).unwrap_or_default()
}
