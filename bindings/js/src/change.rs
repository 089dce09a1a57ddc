//! Change events, flattened: JavaScript makes objects of them only for those who listen.

use js_sys::Array;
use syncline::crdt::ContainerKind;
#[cfg(feature = "text")]
use syncline::crdt::{Attributes, Splice, Value};
use syncline::doc::{Change, Origin};
use wasm_bindgen::JsValue;

#[cfg(feature = "text")]
use crate::value::to_js;
use crate::value::{hex, option_to_js};

/// Fields of one change in the flat list: path, kind, old, new, splices, by, origin, origin name.
const FIELDS: usize = 8;

/// Converts changes to one flat list, [`FIELDS`] values for each.
pub(crate) fn flatten(changes: &[Change]) -> Array {
    let flat = Array::new_with_length((changes.len() * FIELDS) as u32);
    let mut at = 0;
    for change in changes {
        for field in fields(change) {
            flat.set(at, field);
            at += 1;
        }
    }
    flat
}

/// The fields of one change.
pub(crate) fn fields(change: &Change) -> [JsValue; FIELDS] {
    let (origin, name) = match &change.origin {
        Origin::Local(name) => (0, name.as_deref()),
        Origin::Import => (1, None),
        Origin::Link => (2, None),
    };
    [
        change.path.as_str().into(),
        kind_number(change.kind).into(),
        option_to_js(change.old.as_ref()),
        option_to_js(change.new.as_ref()),
        #[cfg(feature = "text")]
        splices(&change.splices),
        #[cfg(not(feature = "text"))]
        JsValue::UNDEFINED,
        hex(change.by.as_bytes()).into(),
        origin.into(),
        name.map_or(JsValue::UNDEFINED, JsValue::from_str),
    ]
}

pub(crate) fn kind_number(kind: ContainerKind) -> u32 {
    match kind {
        ContainerKind::Register => 0,
        ContainerKind::Set => 1,
        ContainerKind::Counter => 2,
        ContainerKind::Text => 3,
        ContainerKind::Map => 4,
        ContainerKind::Flag => 5,
        ContainerKind::List => 6,
        ContainerKind::Bounded => 7,
    }
}

/// Index, delete, insert, retain and attributes of each, in turn; undefined if there are none.
#[cfg(feature = "text")]
pub(crate) fn splices(splices: &[Splice]) -> JsValue {
    if splices.is_empty() {
        return JsValue::UNDEFINED;
    }
    let flat = Array::new();
    for splice in splices {
        flat.push(&JsValue::from_f64(splice.index as f64));
        flat.push(&JsValue::from_f64(splice.delete as f64));
        flat.push(&JsValue::from_str(&splice.insert));
        flat.push(&JsValue::from_f64(splice.retain as f64));
        flat.push(&attributes_to_js(&splice.attributes));
    }
    flat.into()
}

/// Attributes as an object; undefined if there are none.
#[cfg(feature = "text")]
pub(crate) fn attributes_to_js(attributes: &Attributes) -> JsValue {
    if attributes.is_empty() { JsValue::UNDEFINED } else { to_js(&Value::Map(attributes.clone())) }
}
