//! Random edits of documents, and what each is by definition.

use std::collections::BTreeSet;

use syncline::crdt::{Path, TextUnit, Value};
use syncline::doc::{Doc, EditError};

use super::{Event, History, Leaf};
use crate::rng::Rng;

/// Few places, so that conflicts are common.
pub const PLACES: &[&[&str]] = &[&["a"], &["b"], &["a", "x"], &["a", "y"], &["b", "x"], &["a", "x", "p"]];

/// Which operations a history consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// All types on all places.
    Mixed,
    /// Registers and deletes.
    Registers,
    /// Counters and deletes.
    Counters,
    /// Sets and deletes.
    Sets,
    /// Texts and deletes.
    Texts,
}

/// What an edit did: a fact that has no author, time and number yet.
pub struct Drawn {
    /// Where.
    pub path: Vec<String>,
    /// The leaf written; `None` for a delete.
    pub leaf: Option<Leaf>,
    /// The value written.
    pub value: Value,
    /// The events removed.
    pub removes: BTreeSet<Event>,
}

/// Edits `doc`, whose author sees `live`, at random in its open transaction, and says what that is by definition.
/// Everything is deleted now and then only if `everything` says so.
pub fn random_edit(
    rng: &mut Rng,
    flavour: Flavour,
    everything: bool,
    history: &History,
    live: &BTreeSet<Event>,
    doc: &mut Doc,
) -> Result<Option<Drawn>, String> {
    let place: Vec<String> = rng.pick(PLACES).iter().map(|segment| segment.to_string()).collect();
    let path = Path::from_segments(&place);
    let number = rng.between(0, 3) as i64;
    let kind = match flavour {
        Flavour::Mixed => rng.below(100),
        Flavour::Registers => *rng.pick(&[0, 0, 0, 20]),
        Flavour::Counters => *rng.pick(&[60, 60, 60, 20]),
        Flavour::Sets => *rng.pick(&[40, 40, 50, 50, 20]),
        Flavour::Texts => *rng.pick(&[70, 70, 70, 85, 85, 20]),
    };
    let (leaf, value, removes) = match kind {
        0..20 => {
            doc.set(&path, Value::Int(number)).map_err(text)?;
            (Some(Leaf::Register), Value::Int(number), history.within(live, &place))
        }
        20..35 => {
            let reach = if everything && rng.chance(10) { &[][..] } else { &place };
            let removes = history.within(live, reach);
            expect("delete", doc.delete(&Path::from_segments(reach)), !removes.is_empty())?;
            (None, Value::Null, removes)
        }
        35..40 => {
            doc.create_map(&path).map_err(text)?;
            if !history.at(live, &place, &Leaf::Marker).is_empty() {
                return Ok(None);
            }
            (Some(Leaf::Marker), Value::Null, BTreeSet::new())
        }
        40..50 => {
            let leaf = Leaf::Element(Value::Int(number).to_cbor());
            let removes = history.at(live, &place, &leaf);
            expect("set_add", doc.set_add(&path, Value::Int(number)), removes.is_empty())?;
            (Some(leaf), Value::Int(number), removes)
        }
        50..60 => {
            let removes = history.at(live, &place, &Leaf::Element(Value::Int(number).to_cbor()));
            expect("set_remove", doc.set_remove(&path, &Value::Int(number)), !removes.is_empty())?;
            (None, Value::Null, removes)
        }
        60..70 => {
            doc.counter_add(&path, number + 1).map_err(text)?;
            let (removes, before) = history.counted_in_transaction(live, &place);
            (Some(Leaf::Counter), Value::Int(before + number + 1), removes)
        }
        70..85 => {
            let index = rng.below(doc.text_len(&path, TextUnit::Utf16) + 1);
            doc.text_insert(&path, index, "xyz", TextUnit::Utf16).map_err(text)?;
            (Some(Leaf::Text), Value::Null, BTreeSet::new())
        }
        _ => {
            let length = doc.text_len(&path, TextUnit::CodePoint);
            if length == 0 {
                return Ok(None);
            }
            doc.text_delete(&path, rng.below(length), 1, TextUnit::CodePoint).map_err(text)?;
            (Some(Leaf::Text), Value::Null, BTreeSet::new())
        }
    };
    let happened = leaf.is_some() || !removes.is_empty();
    Ok(happened.then_some(Drawn { path: place, leaf, value, removes }))
}

/// Compares what a document shows at one place with the definition.
pub fn check_place(doc: &Doc, history: &History, live: &BTreeSet<Event>, place: &[&str]) -> Result<(), String> {
    let path = Path::from_segments(place);
    let place: Vec<String> = place.iter().map(|segment| segment.to_string()).collect();
    same("siblings", &place, doc.siblings(&path), history.siblings(live, &place))?;
    same("get", &place, doc.get(&path), history.siblings(live, &place).into_iter().next())?;
    same("counter", &place, doc.counter(&path), history.sum(live, &place))?;
    same("set_elements", &place, doc.set_elements(&path), history.elements(live, &place))?;
    same("set_len", &place, doc.set_len(&path), history.elements(live, &place).len())?;
    for number in 0..4 {
        let element = Value::Int(number);
        same(
            "set_contains",
            &place,
            doc.set_contains(&path, &element),
            history.elements(live, &place).contains(&element),
        )?;
    }
    same("contains", &place, doc.contains(&path), !history.within(live, &place).is_empty())?;
    let children: Vec<String> = history.children(live, &place).into_iter().collect();
    same("len", &place, doc.len(&path), children.len())?;
    same("keys", &place, doc.keys(&path), children)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, place: &[String], found: T, expected: T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} of {place:?} is {found:?}, the definition says {expected:?}"))
    }
}

fn expect(what: &str, found: Result<bool, EditError>, expected: bool) -> Result<(), String> {
    let found = found.map_err(text)?;
    if found == expected { Ok(()) } else { Err(format!("{what} returned {found}, not {expected}")) }
}

/// An error as text.
pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
