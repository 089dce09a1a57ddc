//! How test files write values that JSON has no form for.
//!
//! | value | notation |
//! |---|---|
//! | bytes | `{"$bytes": "base64"}` |
//! | timestamp | `{"$timestamp": 1700000000000}` (ms) |
//! | packed `f32` vector | `{"$vector": [0.5, 1.25]}` |
//! | integer beyond ±(2^53-1) | `{"$int": "9223372036854775807"}` |
//! | NaN, infinities, -0, floats without a fraction | `{"$float": "NaN"}`, `"Infinity"`, `"-Infinity"`, `"-0"`, `"1e+300"` |
//!
//! A plain JSON number without fraction is an integer, one with a fraction a float. JavaScript has one
//! number type, so vectors use no float between ±(2^53-1) without a fraction other than -0.

use data_encoding::BASE64;
use serde_json::{Map, Value as Json, json};
use syncline::crdt::Value;

/// The largest integer that every language reads from a plain JSON number.
const SAFE: i64 = (1 << 53) - 1;

/// Reads a value from its notation.
pub fn read(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().ok_or("number out of range")?),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(read).collect::<Result<_, _>>()?),
        Json::Object(entries) => match read_tagged(entries)? {
            Some(value) => value,
            None => Value::Map(
                entries.iter().map(|(key, item)| Ok((key.clone(), read(item)?))).collect::<Result<_, String>>()?,
            ),
        },
    })
}

/// Writes a value in its notation.
pub fn write(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(int) if (-SAFE..=SAFE).contains(int) => json!(int),
        Value::Int(int) => json!({ "$int": int.to_string() }),
        Value::Float(float) => write_float(*float),
        Value::Str(text) => json!(text),
        Value::Bytes(bytes) => json!({ "$bytes": BASE64.encode(bytes) }),
        Value::Timestamp(ms) => json!({ "$timestamp": ms }),
        Value::Vector(items) => json!({ "$vector": items.iter().map(|item| write_item(*item)).collect::<Vec<_>>() }),
        Value::List(items) => Json::Array(items.iter().map(write).collect()),
        Value::Map(entries) => Json::Object(entries.iter().map(|(key, item)| (key.clone(), write(item))).collect()),
    }
}

fn read_tagged(entries: &Map<String, Json>) -> Result<Option<Value>, String> {
    let (Some((tag, inner)), 1) = (entries.iter().next(), entries.len()) else { return Ok(None) };
    Ok(Some(match (tag.as_str(), inner) {
        ("$bytes", Json::String(text)) => Value::Bytes(BASE64.decode(text.as_bytes()).map_err(|e| e.to_string())?),
        ("$timestamp", Json::Number(ms)) => Value::Timestamp(ms.as_i64().ok_or("timestamp out of range")?),
        ("$int", Json::String(text)) => Value::Int(text.parse().map_err(|_| format!("not an i64: {text}"))?),
        ("$float", Json::String(text)) => Value::Float(read_float(text)?),
        ("$vector", Json::Array(items)) => {
            let floats = items.iter().map(|item| match read(item)? {
                Value::Float(float) => Ok(float as f32),
                Value::Int(int) => Ok(int as f32),
                _ => Err("a vector holds numbers".to_string()),
            });
            Value::Vector(floats.collect::<Result<_, _>>()?)
        }
        _ => return Ok(None),
    }))
}

fn read_float(text: &str) -> Result<f64, String> {
    match text {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        other => other.parse().map_err(|_| format!("not a float: {text}")),
    }
}

/// Items of a vector are floats in any case, so whole ones need no mark.
fn write_item(item: f32) -> Json {
    let whole = item.fract() == 0.0 && item.abs() < SAFE as f32 && !(item == 0.0 && item.is_sign_negative());
    if whole { json!(item as i64) } else { write_float(f64::from(item)) }
}

fn write_float(float: f64) -> Json {
    let tagged = |text: String| json!({ "$float": text });
    match float {
        f if f.is_nan() => tagged("NaN".into()),
        f if f.is_infinite() => tagged(if f > 0.0 { "Infinity" } else { "-Infinity" }.into()),
        f if f == 0.0 && f.is_sign_negative() => tagged("-0".into()),
        f if f.fract() == 0.0 => tagged(format!("{f:e}")),
        f => json!(f),
    }
}
