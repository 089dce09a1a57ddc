//! Undo and redo in `Replica`.

use js_sys::Array;
use syncline::doc::{Doc, UndoOptions};
use wasm_bindgen::{JsCast, JsValue};

use crate::refused::edit_error;

/// The numbers of `READ` that are about undo.
pub(crate) const FIRST: u32 = 80;
pub(crate) const LAST: u32 = 84;

/// Reads and acts; `value` is a list of options, or the time.
pub(crate) fn read(doc: &mut Doc, what: u32, value: &JsValue) -> Result<JsValue, JsValue> {
    let now = value.as_f64().unwrap_or_default() as u64;
    let done = match what {
        80 => {
            doc.keep_undo(value.dyn_ref::<Array>().map(options));
            return Ok(JsValue::UNDEFINED);
        }
        81 => doc.undo(now).map_err(edit_error)?,
        82 => doc.redo(now).map_err(edit_error)?,
        83 => {
            let (undo, redo) = doc.undo_depth();
            return Ok(Array::of2(&(undo as u32).into(), &(redo as u32).into()).into());
        }
        _ => {
            doc.close_undo_group();
            return Ok(JsValue::UNDEFINED);
        }
    };
    Ok(if done { JsValue::from_f64(doc.last_seq() as f64) } else { JsValue::UNDEFINED })
}

/// From a list: depth, bytes, milliseconds to merge in, origins or undefined.
fn options(list: &Array) -> UndoOptions {
    let number = |at: u32| list.get(at).as_f64().unwrap_or_default();
    let origins = list.get(3).dyn_into::<Array>().ok().map(|names| {
        let names = names.iter();
        names.filter_map(|name| name.as_string()).collect()
    });
    UndoOptions { depth: number(0) as usize, bytes: number(1) as usize, merge_ms: number(2) as u64, origins }
}
