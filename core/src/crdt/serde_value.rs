//! The JSON shape of values, for tools and test vectors.
//!
//! What JSON lacks is an object with one key that begins with `$`: `{"$bytes": base64}`, `{"$timestamp": ms}`,
//! `{"$vector": [..]}`, `{"$int": "9223372036854775807"}` beyond 2^53, `{"$float": "NaN" | "Infinity" | "-Infinity"}`, and
//! `{"$map": {..}}` around a real map that could be mistaken for one of these.

use super::Value;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::{collections::BTreeMap, fmt};

const SAFE: u64 = 1 << 53;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Int(number) if number.unsigned_abs() > SAFE => tagged(serializer, "$int", &number.to_string()),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Float(number) if number.is_nan() => tagged(serializer, "$float", "NaN"),
            Value::Float(number) if number.is_infinite() => {
                tagged(serializer, "$float", if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => tagged(serializer, "$bytes", &STANDARD.encode(bytes)),
            Value::Timestamp(ms) => tagged(serializer, "$timestamp", ms),
            Value::List(items) => serializer.collect_seq(items),
            Value::Vector(numbers) => tagged(serializer, "$vector", numbers),
            Value::Map(entries) if looks_tagged(entries) => tagged(serializer, "$map", &Plain(entries)),
            Value::Map(entries) => serializer.collect_map(entries),
        }
    }
}

struct Plain<'a>(&'a BTreeMap<String, Value>);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(serializer: S, tag: &str, body: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, body)?;
    map.end()
}

fn looks_tagged(entries: &BTreeMap<String, Value>) -> bool {
    entries.len() == 1 && entries.keys().all(|key| key.starts_with('$'))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read { tags: true })
    }
}

struct Read {
    /// Whether a map of one key is read as what its tag says.
    tags: bool,
}

impl<'de> Visitor<'de> for Read {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Int).map_err(|_| E::custom("the integer does not fit into 64 bits with sign"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let (mut map, mut wrapped) = (BTreeMap::new(), None);
        while let Some(key) = entries.next_key::<String>()? {
            if self.tags && key == "$map" {
                wrapped = Some(entries.next_value::<Untouched>()?.0);
            } else {
                map.insert(key, entries.next_value()?);
            }
        }
        match wrapped {
            Some(body @ Value::Map(_)) if map.is_empty() => return Ok(body),
            // Beside other keys it is a key as any other.
            Some(body) => drop(map.insert("$map".to_owned(), read_tags(body).map_err(Error::custom)?)),
            None => {}
        }
        if self.tags { read_tags(Value::Map(map)).map_err(Error::custom) } else { Ok(Value::Map(map)) }
    }
}

/// A value in which a map of one key stays what it is, whatever the key.
struct Untouched(Value);

impl<'de> Deserialize<'de> for Untouched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read { tags: false }).map(Untouched)
    }
}

/// Reads a map of one key as what its tag says.
fn read_tags(value: Value) -> Result<Value, String> {
    match value {
        Value::Map(mut map) if looks_tagged(&map) => {
            let (tag, body) = map.pop_first().unwrap_or_default();
            untag(&tag, body)
        }
        value => Ok(value),
    }
}

fn untag(tag: &str, body: Value) -> Result<Value, String> {
    match (tag, body) {
        ("$int", Value::Str(digits)) => {
            digits.parse().map(Value::Int).map_err(|_| format!("$int: not a 64-bit integer: {digits}"))
        }
        ("$float", Value::Str(name)) => {
            name.parse().map(Value::Float).map_err(|_| format!("$float: not a number: {name}"))
        }
        ("$bytes", Value::Str(text)) => {
            STANDARD.decode(text).map(Value::Bytes).map_err(|error| format!("$bytes: {error}"))
        }
        ("$timestamp", Value::Int(ms)) => Ok(Value::Timestamp(ms)),
        ("$vector", Value::List(items)) => {
            items.iter().map(to_f32).collect::<Option<_>>().map(Value::Vector).ok_or("$vector: numbers only".into())
        }
        (tag, body) => Ok(Value::Map(BTreeMap::from([(tag.to_owned(), body)]))),
    }
}

fn to_f32(item: &Value) -> Option<f32> {
    match item {
        Value::Int(number) => Some(*number as f32),
        Value::Float(number) => Some(*number as f32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_that_look_like_tags_come_back() {
        let one = |key: &str, value: Value| Value::Map(BTreeMap::from([(key.to_owned(), value)]));
        let int = one("$int", "5".into());
        for value in [
            int.clone(),
            one("$map", int.clone()),
            one("$map", one("a", int)),
            one("$float", "NaN".into()),
            one("$map", Value::Int(7)),
        ] {
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value, "{json}");
        }
        let beside = r#"{"$map":{"$int":"5"},"a":1}"#;
        let expected = [("$map".to_owned(), Value::Int(5)), ("a".to_owned(), Value::Int(1))];
        assert_eq!(serde_json::from_str::<Value>(beside).unwrap(), Value::Map(expected.into()));
        assert_eq!(serde_json::from_str::<Value>(r#"{"$int":"5"}"#).unwrap(), Value::Int(5));
        assert_eq!(serde_json::from_str::<Value>(r#"{"$map":7}"#).unwrap(), one("$map", Value::Int(7)));
    }
}
