//! Plain JSON and CBOR in `Replica`.

use js_sys::Uint8Array;
use syncline::crdt::{Path, Value};
use syncline::doc::{Doc, PlainError};
use wasm_bindgen::JsValue;

use crate::error::fail;
use crate::refused::edit_code;

/// The numbers of `READ` and `WRITE` that are about plain data.
pub(crate) const FIRST: u32 = 96;
pub(crate) const LAST: u32 = 97;

/// Reads what is at a path; undefined if there is nothing.
pub(crate) fn read(doc: &Doc, what: u32, path: &Path) -> JsValue {
    if what == 96 {
        return doc.to_json(path).map_or(JsValue::UNDEFINED, |json| JsValue::from_str(&json));
    }
    doc.to_cbor(path).map_or(JsValue::UNDEFINED, |cbor| Uint8Array::from(cbor.as_slice()).into())
}

/// Writes JSON, given as text, or CBOR, given as bytes.
pub(crate) fn write(doc: &mut Doc, path: &Path, data: &Value) -> Result<(), JsValue> {
    let done = match data {
        Value::Str(json) => doc.import_json(path, json),
        Value::Bytes(cbor) => doc.import_cbor(path, cbor),
        _ => return Err(fail("invalid-value", "JSON comes as a string and CBOR as a Uint8Array")),
    };
    done.map_err(|error| {
        let code = match &error {
            PlainError::Json { .. } => "invalid-json",
            PlainError::Cbor { .. } => "invalid-cbor",
            PlainError::Edit { error, .. } => edit_code(error),
            _ => "edit",
        };
        fail(code, &error.to_string())
    })
}
