//! Plain data in `Replica`: CBOR, and values that were JSON.

use js_sys::Uint8Array;
use syncline::crdt::{Path, Value};
use syncline::doc::{Doc, PlainError};
use wasm_bindgen::JsValue;

use crate::error::fail;
use crate::refused::edit_code;

/// The numbers of `READ` and `WRITE` that are about plain data.
pub(crate) const FIRST: u32 = 96;
pub(crate) const LAST: u32 = 97;

/// Reads what is at a path as CBOR; undefined if there is nothing.
pub(crate) fn read(doc: &Doc, path: &Path) -> JsValue {
    doc.to_cbor(path).map_or(JsValue::UNDEFINED, |cbor| Uint8Array::from(cbor.as_slice()).into())
}

/// Writes a value at and below a path, or one that is given as CBOR.
pub(crate) fn write(doc: &mut Doc, what: u32, path: &Path, value: Value) -> Result<(), JsValue> {
    let done = match (what, value) {
        (FIRST, value) => doc.import_value(path, value),
        (_, Value::Bytes(cbor)) => doc.import_cbor(path, &cbor),
        _ => return Err(fail("invalid-value", "CBOR comes as a Uint8Array")),
    };
    done.map_err(|error| {
        let code = match &error {
            PlainError::Cbor { .. } => "invalid-cbor",
            PlainError::Edit { error, .. } => edit_code(error),
            _ => "edit",
        };
        fail(code, &error.to_string())
    })
}
