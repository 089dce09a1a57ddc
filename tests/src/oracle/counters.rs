//! Counters with resets and folds by their definition.

use syncline::clock::VersionVector;
use syncline::crdt::Value;
use syncline::doc::{Doc, EditError};

use super::causal::{Event, Topic, place, refused, same, text};
use crate::rng::Rng;

/// One counter.
pub struct Counters;

/// What happened to it.
#[derive(Clone, Debug)]
pub enum Act {
    /// It was incremented.
    Add(i64),
    /// It was reset.
    Reset,
}

impl Topic for Counters {
    type Act = Act;

    fn act(rng: &mut Rng, doc: &mut Doc, known: &[Event<Act>]) -> Result<Option<Act>, String> {
        // Powers of four tell which increments are missing.
        let amount = 1 << (2 * rng.below(10));
        match rng.below(20) {
            0..4 => {
                let taken = doc.counter_reset(&place()).map_err(text)?;
                same("the amount taken away", taken, sum(known))?;
                // Of nothing there is nothing to reset.
                return Ok(counted(known).next().is_some().then_some(Act::Reset));
            }
            4..8 => doc.counter_grow(&place(), amount).map_err(text)?,
            8..10 if refused(doc.counter_grow(&place(), -amount), &EditError::Shrinks)? => return Ok(None),
            10..12 => {
                doc.counter_add(&place(), -amount).map_err(text)?;
                return Ok(Some(Act::Add(-amount)));
            }
            _ => doc.counter_add(&place(), amount).map_err(text)?,
        }
        Ok(Some(Act::Add(amount)))
    }

    fn fold(doc: &mut Doc, stable: &VersionVector) -> Result<(), String> {
        let (before, dots) = (doc.counter(&place()), doc.stats().dots);
        let folded = doc.fold(stable).map_err(text)?;
        same("the sum after folding", doc.counter(&place()), before)?;
        let stats = doc.stats();
        if stats.dots > dots || (folded > 0 && stats.dots == dots && stats.deletes == 0) {
            // A single dot beside a reset is written anew when the reset goes.
            return Err(format!("{dots} dots became {} by folding {folded} counters", stats.dots));
        }
        Ok(())
    }

    fn check(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
        same("the counter", doc.counter(&place()), sum(seen))?;
        let shown = doc.view(&place()).unwrap_or(Value::Int(0));
        same("the view", shown, Value::Int(sum(seen)))
    }
}

/// The sum of the increments that no reset has seen.
fn sum(seen: &[Event<Act>]) -> i64 {
    counted(seen).map(|event| if let Act::Add(amount) = event.act { amount } else { 0 }).sum()
}

fn counted(seen: &[Event<Act>]) -> impl Iterator<Item = &Event<Act>> {
    let (resets, adds): (Vec<_>, Vec<_>) = seen.iter().partition(|event| matches!(event.act, Act::Reset));
    adds.into_iter().filter(move |event| !resets.iter().any(|reset| event.before(reset)))
}
