//! Random edits of all kinds that change events tell of.

use syncline::crdt::{Attributes, Path, TextUnit, Value};
use syncline::doc::{Doc, EditError};

use crate::rng::Rng;

/// What an edit may do, so that a test can leave something out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// Deletes of places, removals of elements.
    pub deletes: bool,
    /// Deletes of places with texts.
    pub whole_texts: bool,
    /// Deletions within texts.
    pub erases: bool,
    /// Attributes of texts.
    pub marks: bool,
}

/// Everything.
pub const ALL: Allowed = Allowed { deletes: true, whole_texts: true, erases: true, marks: true };

/// The places that edits happen at: a name that begins another one, and one below it.
pub const PLACES: [&str; 4] = ["a", "ab", "a/x", "b/y"];

/// A place by its written form.
pub fn place(name: &str) -> Path {
    Path::from_segments(name.split('/'))
}

/// Makes one edit inside an open transaction.
pub fn edit(doc: &mut Doc, rng: &mut Rng, allowed: Allowed) -> Result<(), EditError> {
    let path = place(rng.pick::<&str>(&PLACES));
    let number = Value::Int(rng.below(5) as i64);
    match rng.below(if allowed.deletes { 12 } else { 10 }) {
        0 | 1 => doc.set(&path.child("value"), number),
        2 => doc.counter_add(&path, rng.below(9) as i64 - 3),
        3 => doc.set_add(&path, number).map(drop),
        4 => doc.create_map(&path.child("map")),
        5..10 => edit_text(doc, rng, allowed),
        10 => doc.set_remove(&path, &number).map(drop),
        _ => {
            let holds_text = ["a", "b/y"].iter().any(|name| place(name).is_within(&path));
            let below = rng.chance(50) || (holds_text && !allowed.whole_texts);
            doc.delete(&if below { path.child("value") } else { path }).map(drop)
        }
    }
}

/// Edits one of two texts.
pub fn edit_text(doc: &mut Doc, rng: &mut Rng, allowed: Allowed) -> Result<(), EditError> {
    let path = place(if rng.chance(70) { "a" } else { "b/y" });
    let len = doc.text_len(&path, TextUnit::CodePoint);
    let at = rng.below(len + 1);
    let count = rng.below(4).min(len - at);
    let words = ["x", "yz", "é", "😀", "long", "p😀q"];
    match rng.below(10) {
        0..3 if allowed.erases => doc.text_delete(&path, at, count, TextUnit::CodePoint),
        3..5 if allowed.marks => doc.text_format(&path, at, count, &attributes(rng), TextUnit::CodePoint),
        5 if allowed.marks => {
            let attributes = attributes(rng);
            doc.text_insert_with(&path, at, rng.pick::<&str>(&words), &attributes, TextUnit::CodePoint)
        }
        _ => doc.text_insert(&path, at, rng.pick::<&str>(&words), TextUnit::CodePoint),
    }
}

fn attributes(rng: &mut Rng) -> Attributes {
    let mut attributes = Attributes::new();
    for name in ["bold", "size"] {
        if rng.chance(60) {
            let value = [Value::Null, Value::Bool(true), Value::Int(12), Value::Float(1.5), Value::Str("é\n".into())];
            attributes.insert(name.into(), rng.pick(&value).clone());
        }
    }
    attributes
}
