//! Texts in [`Replica`]: edits, marks and cursors. Positions and lengths are in UTF-16 code units, as JavaScript counts.

use js_sys::{Array, Uint8Array};
use syncline::crdt::{Assoc, Attributes, Path, TextUnit, Value};
use syncline::doc::Doc;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::change::attributes_to_js;
use crate::error::fail;
use crate::refused::{decode_error, edit_error};
use crate::replica::Replica;

/// The numbers of `READ` and `WRITE` that are about texts, beside the two reads that every small program needs.
pub(crate) const FIRST: u32 = 48;
pub(crate) const LAST: u32 = 50;
const FORMAT: u32 = 49;

#[wasm_bindgen]
impl Replica {
    /// Replaces a range of a text.
    pub fn text_splice(&mut self, path: &str, index: u32, count: u32, text: &str, now: f64) -> Result<f64, JsValue> {
        self.edit(path, now, |doc, path| {
            let (index, count) = (index as usize, count as usize);
            if count > 0 {
                doc.text_delete(path, index, count, TextUnit::Utf16)?;
            }
            if text.is_empty() { Ok(()) } else { doc.text_insert(path, index, text, TextUnit::Utf16) }
        })
    }
}

/// Reads; `value` is an index and a side, or a cursor.
pub(crate) fn read(doc: &mut Doc, what: u32, path: &Path, value: &JsValue) -> Result<JsValue, JsValue> {
    Ok(match what {
        48 => {
            let flat = Array::new();
            for run in doc.text_runs(path) {
                flat.push(&JsValue::from_str(&run.text));
                flat.push(&attributes_to_js(&run.attributes));
            }
            flat.into()
        }
        49 => {
            let place: &Array = value.unchecked_ref();
            let assoc = if place.get(1).is_truthy() { Assoc::Before } else { Assoc::After };
            let index = place.get(0).as_f64().unwrap_or_default() as usize;
            let cursor = doc.text_cursor(path, index, TextUnit::Utf16, assoc).map_err(edit_error)?;
            Uint8Array::from(cursor.as_slice()).into()
        }
        _ => {
            let cursor = value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
            let index = doc.text_cursor_index(path, &cursor, TextUnit::Utf16).map_err(decode_error)?;
            index.map_or(JsValue::UNDEFINED, |index| (index as u32).into())
        }
    })
}

/// Inserts with attributes, or gives some to a range: `value` is a list of the text or the length, and the attributes.
pub(crate) fn write(doc: &mut Doc, what: u32, path: &Path, value: Value, index: usize) -> Result<(), JsValue> {
    let Some((part, attributes)) = text_and_attributes(value) else {
        return Err(fail("invalid-attribute", "attributes are a plain object of names and scalars"));
    };
    let unit = TextUnit::Utf16;
    match (what, part) {
        (FIRST, Value::Str(text)) => doc.text_insert_with(path, index, &text, &attributes, unit).map_err(edit_error),
        (FORMAT, Value::Int(count)) => {
            doc.text_format(path, index, count as usize, &attributes, unit).map_err(edit_error)
        }
        _ => Err(fail("invalid-value", "only a string can be inserted into a text")),
    }
}

fn text_and_attributes(value: Value) -> Option<(Value, Attributes)> {
    let Value::List(list) = value else { return None };
    let mut list = list.into_iter();
    match (list.next(), list.next()) {
        (Some(what), Some(Value::Map(attributes))) => Some((what, attributes)),
        _ => None,
    }
}
