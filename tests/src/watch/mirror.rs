//! A copy of a document, or of a part of it, kept by events.

use std::collections::BTreeMap;

use syncline::crdt::{Attributes, ContainerKind, Path, Value};
use syncline::doc::{CatchUp, Change, Doc, NetChange, Splice};

/// Where something stands: the path in segments, the kind, and the element of a set by its encoding.
type Place = (Vec<String>, ContainerKind, Vec<u8>);

/// One character of a text and its attributes.
type Letter = (char, Attributes);

/// What a consumer knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mirror {
    values: BTreeMap<Place, Value>,
    texts: BTreeMap<Vec<String>, Vec<Letter>>,
}

impl Mirror {
    /// Reads everything below `path` off a document.
    pub fn of(doc: &mut Doc, path: &Path) -> Mirror {
        let mut mirror = Mirror::default();
        let catch_up = doc.changes_since(&Default::default());
        for change in catch_up.changes.iter().filter(|change| change.path.is_within(path)) {
            mirror.take_net(change);
            if change.kind == ContainerKind::Text {
                mirror.read_text(doc, &change.path);
            }
        }
        mirror
    }

    /// Takes an event over.
    pub fn take(&mut self, change: &Change) -> Result<(), String> {
        if change.kind == ContainerKind::Text {
            let text = self.texts.entry(change.path.segments()).or_default();
            for splice in &change.splices {
                apply(text, splice).map_err(|problem| format!("{problem} in {splice:?} of {change:?}"))?;
            }
            return Ok(());
        }
        let element =
            if change.kind == ContainerKind::Set { change.new.as_ref().or(change.old.as_ref()) } else { None };
        let place = (change.path.segments(), change.kind, element.map(Value::to_cbor).unwrap_or_default());
        let before = match &change.new {
            Some(value) => self.values.insert(place, value.clone()),
            None => self.values.remove(&place),
        };
        if before == change.old {
            Ok(())
        } else {
            Err(format!("the value before was {before:?}, not that of {change:?}"))
        }
    }

    /// Takes net changes over; texts are read from the document, because net changes have no attributes.
    pub fn catch_up(&mut self, doc: &mut Doc, catch_up: &CatchUp) {
        for removed in &catch_up.removed {
            let segments = removed.segments();
            self.values.retain(|place, _| !place.0.starts_with(&segments));
            self.texts.retain(|place, _| !place.starts_with(&segments));
        }
        for change in &catch_up.changes {
            self.take_net(change);
            if change.kind == ContainerKind::Text {
                self.read_text(doc, &change.path);
            }
        }
    }

    /// Takes one net change over.
    pub fn take_net(&mut self, change: &NetChange) {
        if change.kind == ContainerKind::Text {
            let letters = |text: &Value| match text {
                Value::Str(text) => text.chars().map(|letter| (letter, Attributes::new())).collect(),
                _ => Vec::new(),
            };
            self.texts.insert(change.path.segments(), change.new.as_ref().map(letters).unwrap_or_default());
            return;
        }
        let element =
            if change.kind == ContainerKind::Set { change.new.as_ref().or(change.old.as_ref()) } else { None };
        let place = (change.path.segments(), change.kind, element.map(Value::to_cbor).unwrap_or_default());
        match &change.new {
            Some(value) => drop(self.values.insert(place, value.clone())),
            None => drop(self.values.remove(&place)),
        }
    }

    /// Takes a difference over, texts by their splices.
    pub fn take_difference(&mut self, change: &NetChange) -> Result<(), String> {
        if change.kind != ContainerKind::Text {
            self.take_net(change);
            return Ok(());
        }
        let text = self.texts.entry(change.path.segments()).or_default();
        change.splices.iter().try_for_each(|splice| apply(text, splice))
    }

    /// What it knows, without what reads like nothing: texts that are empty, and counters that undoing left at zero.
    pub fn tidy(mut self) -> Mirror {
        self.texts.retain(|_, text| !text.is_empty());
        self.values.retain(|place, value| place.1 != ContainerKind::Counter || *value != Value::Int(0));
        self
    }

    fn read_text(&mut self, doc: &mut Doc, path: &Path) {
        let letters = doc.text_runs(path).into_iter().flat_map(|run| {
            let attributes = run.attributes;
            run.text.chars().map(|letter| (letter, attributes.clone())).collect::<Vec<_>>()
        });
        self.texts.insert(path.segments(), letters.collect());
    }
}

/// Does to a text what a splice says, by UTF-16 units, and checks that code points say the same.
fn apply(text: &mut Vec<Letter>, splice: &Splice) -> Result<(), String> {
    let from = at(text, splice.index)?;
    let to = at(text, splice.index + splice.delete)?;
    let kept = at(text, splice.index + splice.delete + splice.retain)?;
    if (from, to - from, kept - to) != (splice.points.0, splice.points.1, splice.retain_points) {
        return Err(format!("code points {:?}, counted {from}, {}, {}", splice.points, to - from, kept - to));
    }
    for (_, attributes) in &mut text[to..kept] {
        for (name, value) in &splice.attributes {
            if *value == Value::Null {
                attributes.remove(name);
            } else {
                attributes.insert(name.clone(), value.clone());
            }
        }
    }
    let inserted: Vec<Letter> = splice.insert.chars().map(|letter| (letter, splice.attributes.clone())).collect();
    text.splice(from..to, inserted);
    Ok(())
}

/// The number of characters in the first `units` UTF-16 units.
fn at(text: &[Letter], units: usize) -> Result<usize, String> {
    let mut passed = 0;
    for (count, (letter, _)) in text.iter().enumerate() {
        if passed == units {
            return Ok(count);
        }
        passed += letter.len_utf16();
    }
    if passed == units { Ok(text.len()) } else { Err(format!("no position {units} in {} units", passed)) }
}
