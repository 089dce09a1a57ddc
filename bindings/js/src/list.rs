//! Lists in `Replica`: reads and edits by index.

use syncline::crdt::{Path, Value};
use syncline::doc::{Doc, EditError};
use wasm_bindgen::JsValue;

use crate::doc::names_to_js;
use crate::value::{list_to_js, option_to_js};

/// The numbers of `READ` and `WRITE` that are about lists.
pub(crate) const FIRST: u32 = 12;
pub(crate) const LAST: u32 = 16;

/// Reads; `value` is an index or an id.
pub(crate) fn read(doc: &mut Doc, what: u32, path: &Path, value: &JsValue) -> JsValue {
    match what {
        12 => (doc.list_len(path) as u32).into(),
        13 => option_to_js(doc.list_get(path, value.as_f64().unwrap_or_default() as usize).as_ref()),
        14 => list_to_js(&doc.list_values(path)),
        15 => names_to_js(&doc.list_ids(path)),
        _ => {
            let index = doc.list_index(path, &value.as_string().unwrap_or_default());
            index.map_or(JsValue::UNDEFINED, |index| (index as u32).into())
        }
    }
}

/// Edits; `value` is the value to insert or set, or the index to move to.
pub(crate) fn write(doc: &mut Doc, what: u32, path: &Path, value: Value, index: usize) -> Result<(), EditError> {
    match (what, value) {
        (12, value) => doc.list_insert(path, index, value).map(drop),
        (13, value) => doc.list_push(path, value).map(drop),
        (14, _) => doc.list_delete(path, index),
        (15, value) => doc.list_set(path, index, value),
        (_, Value::Int(to)) => doc.list_move(path, index, to as usize),
        (_, _) => Err(EditError::OutOfList(doc.list_len(path))),
    }
}
