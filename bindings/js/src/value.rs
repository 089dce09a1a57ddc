//! Between the values of JavaScript and those of the core.
//!
//! Numbers that are safe integers, and bigints of 64 bits, are integers; `-0` and all other numbers are floats. An
//! integer that JavaScript numbers cannot hold comes back as a bigint, so no value changes on its way.

use std::collections::BTreeMap;

use js_sys::{Array, BigInt, Date, Float32Array, Object, Reflect, Uint8Array};
use syncline::bounds;
#[cfg(any(feature = "streams", feature = "types"))]
use syncline::clock::VersionVector;
use syncline::crdt::Value;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::fail;
#[cfg(any(feature = "streams", feature = "types"))]
use crate::refused::decode_error;

/// `Number.MAX_SAFE_INTEGER`.
const MAX_SAFE: i64 = (1 << 53) - 1;

/// Converts a number: to an integer if it is safe to do so.
pub(crate) fn from_f64(number: f64) -> Value {
    let safe = number.trunc() == number && number.abs() <= MAX_SAFE as f64;
    if safe && !(number == 0.0 && number.is_sign_negative()) { Value::Int(number as i64) } else { Value::Float(number) }
}

/// Converts any JavaScript value.
///
/// # Errors
/// A `SynclineError` with the code `invalid-value` if there is no such value in a document.
pub fn from_js(value: &JsValue) -> Result<Value, JsValue> {
    read(value, bounds::DEPTH)
}

fn read(value: &JsValue, depth: usize) -> Result<Value, JsValue> {
    if let Some(number) = value.as_f64() {
        return Ok(from_f64(number));
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::Str(text));
    }
    if let Some(truth) = value.as_bool() {
        return Ok(Value::Bool(truth));
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    if value.is_bigint() {
        let number = i64::try_from(value.clone());
        return number
            .map(Value::Int)
            .map_err(|_| invalid("a bigint must fit into 64 bits: store larger ones as text"));
    }
    if !value.is_object() {
        return Err(invalid("undefined, functions and symbols cannot be stored: use null, or delete the key"));
    }
    read_object(value, depth)
}

fn read_object(value: &JsValue, depth: usize) -> Result<Value, JsValue> {
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(Value::Bytes(bytes.to_vec()));
    }
    if let Some(numbers) = value.dyn_ref::<Float32Array>() {
        return Ok(Value::Vector(numbers.to_vec()));
    }
    if let Some(date) = value.dyn_ref::<Date>() {
        let time = date.get_time();
        return if time.is_nan() {
            Err(invalid("an invalid Date cannot be stored"))
        } else {
            Ok(Value::Timestamp(time as i64))
        };
    }
    let Some(below) = depth.checked_sub(1).filter(|&left| left > 0) else {
        return Err(invalid("the value nests too deeply or contains itself: store its parts under several keys"));
    };
    if Array::is_array(value) {
        let (array, mut items) = (value.unchecked_ref::<Array>(), Vec::new());
        for at in 0..array.length() {
            items.push(read(&array.get(at), below)?);
        }
        return Ok(Value::List(items));
    }
    if !is_plain(value) {
        return Err(invalid(
            "only plain objects, arrays, Date, Uint8Array and Float32Array can be stored: convert it to one of them",
        ));
    }
    read_properties(value.unchecked_ref(), below).map(Value::Map)
}

fn read_properties(object: &Object, depth: usize) -> Result<BTreeMap<String, Value>, JsValue> {
    let mut entries = BTreeMap::new();
    let pairs = Object::entries(object);
    for at in 0..pairs.length() {
        let pair: Array = pairs.get(at).unchecked_into();
        let item = pair.get(1);
        if !item.is_undefined() {
            entries.insert(pair.get(0).as_string().unwrap_or_default(), read(&item, depth)?);
        }
    }
    Ok(entries)
}

/// Whether the object was written as `{}` or has no prototype, in this or another realm.
fn is_plain(value: &JsValue) -> bool {
    let prototype: JsValue = Object::get_prototype_of(value).into();
    prototype.is_null() || Object::get_prototype_of(&prototype).is_null()
}

/// Converts a value of the core.
pub fn to_js(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Bool(truth) => JsValue::from_bool(*truth),
        Value::Int(number) => int_to_js(*number),
        Value::Float(number) => JsValue::from_f64(*number),
        Value::Str(text) => JsValue::from_str(text),
        Value::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
        Value::Timestamp(ms) => Date::new(&JsValue::from_f64(*ms as f64)).into(),
        Value::List(items) => list_to_js(items),
        Value::Map(entries) => map_to_js(entries),
        Value::Vector(numbers) => Float32Array::from(numbers.as_slice()).into(),
    }
}

/// Converts values to an array.
pub(crate) fn list_to_js(items: &[Value]) -> JsValue {
    let array = Array::new();
    for item in items {
        array.push(&to_js(item));
    }
    array.into()
}

/// Converts what may be absent; that is `undefined`.
#[cfg(feature = "documents")]
pub(crate) fn option_to_js(value: Option<&Value>) -> JsValue {
    value.map_or(JsValue::UNDEFINED, to_js)
}

fn int_to_js(number: i64) -> JsValue {
    if number.unsigned_abs() <= MAX_SAFE as u64 {
        JsValue::from_f64(number as f64)
    } else {
        BigInt::from(number).into()
    }
}

fn map_to_js(entries: &BTreeMap<String, Value>) -> JsValue {
    let object = Object::new();
    for (key, item) in entries {
        let (name, item) = (JsValue::from_str(key), to_js(item));
        if key == "__proto__" {
            define(&object, &name, &item);
        } else {
            // Cannot fail: the object is new and not frozen.
            let _ = Reflect::set(&object, &name, &item);
        }
    }
    object.into()
}

/// Sets a property that assigning would take for the prototype.
fn define(object: &Object, name: &JsValue, item: &JsValue) {
    let descriptor = Object::new();
    for flag in ["enumerable", "writable", "configurable"] {
        let _ = Reflect::set(&descriptor, &flag.into(), &JsValue::TRUE);
    }
    let _ = Reflect::set(&descriptor, &"value".into(), item);
    let _ = Reflect::define_property(object, name, &descriptor);
}

/// Reads an encoded version.
#[cfg(any(feature = "streams", feature = "types"))]
pub(crate) fn version(value: &JsValue) -> Result<VersionVector, JsValue> {
    VersionVector::decode(&bytes(value)).map_err(decode_error)
}

/// The bytes of a `Uint8Array`; none if it is something else.
#[cfg(any(feature = "streams", feature = "types"))]
pub(crate) fn bytes(value: &JsValue) -> Vec<u8> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default()
}

/// Writes bytes, such as an id, as hex digits, without the weight of formatting.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn invalid(message: &str) -> JsValue {
    fail("invalid-value", message)
}
