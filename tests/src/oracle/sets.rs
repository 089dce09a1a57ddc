//! Sets of all kinds by their definitions.

use syncline::crdt::{ContainerKind, Path, SetKind, Value};
use syncline::doc::{Doc, EditError};

use super::causal::{Event, Topic, delete, place, refused, same, text};
use crate::rng::Rng;

/// Numbers that are elements: few, so that conflicts are common.
const ELEMENTS: i64 = 3;

/// What happened to a set.
#[derive(Clone, Debug)]
pub enum Act {
    /// An element was added.
    Add(i64),
    /// An element that was there was removed.
    Remove(i64),
    /// The set was deleted.
    Delete,
}

/// A kind of set with its definition: whether an element is contained after these adds and removes of it.
trait Definition {
    const KIND: SetKind;

    fn contained(adds: &[&Event<Act>], removes: &[&Event<Act>]) -> bool;
}

macro_rules! topic {
    ($name:ident, $about:literal, $contained:expr) => {
        #[doc = $about]
        pub struct $name;

        impl Definition for $name {
            const KIND: SetKind = SetKind::$name;

            fn contained(adds: &[&Event<Act>], removes: &[&Event<Act>]) -> bool {
                let rule: fn(&[&Event<Act>], &[&Event<Act>]) -> bool = $contained;
                rule(adds, removes)
            }
        }

        impl Topic for $name {
            type Act = Act;

            fn act(rng: &mut Rng, doc: &mut Doc, known: &[Event<Act>]) -> Result<Option<Act>, String> {
                act::<$name>(rng, doc, known)
            }

            fn check(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
                check::<$name>(doc, seen)
            }
        }
    };
}

topic!(AddWins, "Some add that no remove has seen.", |adds, removes| {
    adds.iter().any(|add| !removes.iter().any(|remove| add.before(remove)))
});
topic!(RemoveWins, "Some add, and every remove was seen by one.", |adds, removes| {
    !adds.is_empty() && removes.iter().all(|remove| adds.iter().any(|add| remove.before(add)))
});
topic!(LastWriterWins, "The last of all adds and removes that none of them has seen is an add.", |adds, removes| {
    // Whoever has seen an event is later, also where a clock was an hour ahead and is right again.
    let seen = |event: &&Event<Act>| adds.iter().chain(removes).any(|later| event.before(later));
    let last = |events: &[&Event<Act>]| events.iter().filter(|event| !seen(event)).map(|event| event.stamp()).max();
    last(adds) > last(removes)
});
topic!(GrowOnly, "Some add.", |adds, _| !adds.is_empty());
topic!(TwoPhase, "Some add and no remove.", |adds, removes| !adds.is_empty() && removes.is_empty());

fn act<D: Definition>(rng: &mut Rng, doc: &mut Doc, known: &[Event<Act>]) -> Result<Option<Act>, String> {
    let number = rng.between(1, ELEMENTS as u64) as i64;
    let there = contains::<D>(known, number);
    match rng.below(20) {
        0..10 => {
            let removed = D::KIND == SetKind::TwoPhase && events(known, &Act::Remove(number)).next().is_some();
            if refused(doc.set_add_as(&place(), D::KIND, Value::Int(number)), &EditError::Removed)? {
                return if removed { Ok(None) } else { Err("an element that was never removed is refused".into()) };
            }
            if removed {
                return Err("a removed element was taken back".into());
            }
            // Where adds cannot be undone, a second one changes nothing.
            let idle = there && matches!(D::KIND, SetKind::GrowOnly | SetKind::TwoPhase);
            Ok((!idle).then_some(Act::Add(number)))
        }
        10..18 if D::KIND == SetKind::GrowOnly => {
            let result = doc.set_remove_as(&place(), D::KIND, &Value::Int(number));
            if refused(result, &EditError::GrowOnly)? { Ok(None) } else { Err("a grow-only set has shrunk".into()) }
        }
        10..18 => {
            let removed = doc.set_remove_as(&place(), D::KIND, &Value::Int(number)).map_err(text)?;
            same("the answer of a remove", removed, there)?;
            Ok(removed.then_some(Act::Remove(number)))
        }
        _ => Ok(delete(rng, doc)?.then_some(Act::Delete)),
    }
}

fn check<D: Definition>(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
    let expected: Vec<i64> = (1..=ELEMENTS).filter(|number| contains::<D>(seen, *number)).collect();
    for number in 1..=ELEMENTS {
        let found = doc.set_contains_as(&place(), D::KIND, &Value::Int(number));
        same(&format!("containing {number}"), found, expected.contains(&number))?;
    }
    let expected: Vec<Value> = expected.into_iter().map(Value::Int).collect();
    same("the elements", doc.set_elements_as(&place(), D::KIND), expected.clone())?;
    same("the number of elements", doc.set_len_as(&place(), D::KIND), expected.len())?;
    let empty = expected.is_empty();
    same("the kind", doc.kind(&place()), (!empty).then_some(ContainerKind::Set))?;
    same("the view", doc.view(&place()), (!empty).then_some(Value::List(expected)))?;
    // In a document that holds other things too, the set is not all there is.
    let alone = doc.keys(&Path::root()).iter().all(|key| key == "box");
    same("being empty", doc.is_empty(), empty && alone)
}

fn contains<D: Definition>(seen: &[Event<Act>], number: i64) -> bool {
    let adds: Vec<_> = events(seen, &Act::Add(number)).collect();
    let removes: Vec<_> = events(seen, &Act::Remove(number)).collect();
    D::contained(&adds, &removes)
}

/// The events that did `what`, without those that a delete of the set has seen.
fn events<'a>(seen: &'a [Event<Act>], what: &Act) -> impl Iterator<Item = &'a Event<Act>> {
    let what = format!("{what:?}");
    let deletes: Vec<_> = seen.iter().filter(|event| matches!(event.act, Act::Delete)).collect();
    let kept = move |event: &&Event<Act>| !deletes.iter().any(|delete| event.before(delete));
    seen.iter().filter(move |event| format!("{:?}", event.act) == what).filter(kept)
}
