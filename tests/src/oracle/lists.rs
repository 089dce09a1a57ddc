//! Movable lists by their definition.
//!
//! Every insertion and every move makes a *place*, and whoever makes it sees how it lies among the others. The list
//! specification (Attiya et al.: "Specification and Complexity of Collaborative Text Editing", 2016) is that no two places
//! are ever shown the other way round. Which place and which value an item has follows from what happened before what.

use std::collections::BTreeMap;

use syncline::crdt::Value;
use syncline::doc::Doc;

use super::causal::{Event, Topic, delete, place, same, text};
use crate::rng::Rng;

/// One list.
pub struct Lists;

/// What happened to it.
#[derive(Clone, Debug)]
pub enum Act {
    /// An item got a place.
    Place {
        /// Its id.
        item: String,
        /// A name for the place.
        place: u64,
        /// The value of a new item.
        value: Option<i64>,
        /// All places that the author sees then, in their order.
        order: Vec<u64>,
    },
    /// An item was set.
    Set {
        /// Its id.
        item: String,
        /// What to.
        value: i64,
    },
    /// An item was deleted.
    Remove {
        /// Its id.
        item: String,
    },
    /// The list was deleted.
    Delete,
}

impl Act {
    fn item(&self) -> Option<&str> {
        match self {
            Act::Place { item, .. } | Act::Set { item, .. } | Act::Remove { item } => Some(item),
            Act::Delete => None,
        }
    }
}

/// The place and value of each item that is there.
type Items = BTreeMap<String, (u64, i64)>;

impl Topic for Lists {
    type Act = Act;

    fn act(rng: &mut Rng, doc: &mut Doc, known: &[Event<Act>]) -> Result<Option<Act>, String> {
        let mut items = items(known);
        let (length, new, value) = (items.len(), rng.bits(), rng.below(100) as i64);
        let (index, to) = (rng.below(length.max(1)), rng.below(length.max(1)));
        let mut order = |doc: &Doc, item: &str| {
            items.entry(item.to_owned()).or_insert((new, value)).0 = new;
            doc.list_ids(&place()).iter().map(|id| items.get(id).map_or(0, |item| item.0)).collect()
        };
        let choice = if length == 0 { 0 } else { rng.below(20) };
        match choice {
            0..9 => {
                let index = rng.below(length + 1);
                let item = doc.list_insert(&place(), index, Value::Int(value)).map_err(text)?;
                same("the index of a new item", doc.list_index(&place(), &item), Some(index))?;
                let order = order(doc, &item);
                Ok(Some(Act::Place { item, place: new, value: Some(value), order }))
            }
            9..13 => {
                let item = doc.list_ids(&place()).swap_remove(index);
                doc.list_move(&place(), index, to).map_err(text)?;
                same("the index of a moved item", doc.list_index(&place(), &item), Some(to))?;
                if index == to {
                    return Ok(None);
                }
                let order = order(doc, &item);
                Ok(Some(Act::Place { item, place: new, value: None, order }))
            }
            13..16 => {
                let item = doc.list_ids(&place()).swap_remove(index);
                doc.list_set(&place(), index, Value::Int(value)).map_err(text)?;
                Ok(Some(Act::Set { item, value }))
            }
            16..19 => {
                let item = doc.list_ids(&place()).swap_remove(index);
                doc.list_delete(&place(), index).map_err(text)?;
                Ok(Some(Act::Remove { item }))
            }
            _ => Ok(delete(rng, doc)?.then_some(Act::Delete)),
        }
    }

    fn check(doc: &mut Doc, seen: &[Event<Act>]) -> Result<(), String> {
        let items = items(seen);
        let ids = doc.list_ids(&place());
        let mut sorted = ids.clone();
        sorted.sort();
        same("the set of items", sorted, items.keys().cloned().collect::<Vec<_>>())?;
        let values: Vec<Value> = ids.iter().map(|id| Value::Int(items[id].1)).collect();
        let by_index: Vec<Value> = (0..doc.list_len(&place())).filter_map(|at| doc.list_get(&place(), at)).collect();
        same("the values by index", &by_index, &values)?;
        same("the values", &doc.list_values(&place()), &values)?;
        same("the view", doc.view(&place()), (!ids.is_empty()).then_some(Value::List(values)))?;
        let shown: Vec<u64> = ids.iter().map(|id| items[id].0).collect();
        for event in seen {
            if let Act::Place { order, .. } = &event.act {
                let among = |list: &[u64], other: &[u64]| -> Vec<u64> {
                    list.iter().copied().filter(|place| other.contains(place)).collect()
                };
                same("the order of places", among(&shown, order), among(order, &shown))?;
            }
        }
        Ok(())
    }
}

/// What an event says of its item: place and value, each with the stamp of the event that it is from.
#[derive(Clone, Copy)]
struct Saying {
    place: (Stamp, u64),
    value: (Stamp, i64),
}

type Stamp = (u64, syncline::clock::ReplicaId, usize);

fn items(seen: &[Event<Act>]) -> Items {
    let mut items = Items::new();
    for event in seen {
        if let Act::Place { item, value: Some(_), .. } = &event.act
            && let Some(shown) = one(seen, item)
        {
            items.insert(item.clone(), shown);
        }
    }
    items
}

/// An item is there if something was done to it that no delete has seen. Whoever moves it passes on the value that they see,
/// whoever sets it the place; of all that is passed on the newest counts.
fn one(seen: &[Event<Act>], item: &str) -> Option<(u64, i64)> {
    let gone = |event: &&Event<Act>| match &event.act {
        Act::Remove { item: removed } => removed == item,
        act => matches!(act, Act::Delete),
    };
    let deletes: Vec<_> = seen.iter().filter(gone).collect();
    // In the order of the history everyone comes after what they had seen.
    let mut sayings: Vec<(&Event<Act>, Saying)> = Vec::new();
    for event in seen.iter().filter(|event| event.act.item() == Some(item)) {
        let before = sum(&sayings, &deletes, |other| other.before(event));
        let (place, value) = match &event.act {
            Act::Place { place, value: Some(value), .. } => (Some(*place), Some(*value)),
            Act::Place { place, .. } => (Some(*place), None),
            Act::Set { value, .. } => (None, Some(*value)),
            _ => continue,
        };
        let place = place.map(|place| (event.stamp(), place)).or(before.map(|before| before.place));
        let value = value.map(|value| (event.stamp(), value)).or(before.map(|before| before.value));
        sayings.push((event, Saying { place: place?, value: value? }));
    }
    sum(&sayings, &deletes, |_| true).map(|all| (all.place.1, all.value.1))
}

/// What those of the sayings that are `known` and seen by no delete that is known amount to.
fn sum(
    sayings: &[(&Event<Act>, Saying)],
    deletes: &[&Event<Act>],
    known: impl Fn(&Event<Act>) -> bool,
) -> Option<Saying> {
    let deletes: Vec<_> = deletes.iter().filter(|delete| known(delete)).collect();
    let alive = |event: &Event<Act>| known(event) && !deletes.iter().any(|delete| event.before(delete));
    let alive = sayings.iter().filter(|(event, _)| alive(event)).map(|(_, saying)| *saying);
    alive.reduce(|one, two| Saying { place: one.place.max(two.place), value: one.value.max(two.value) })
}
