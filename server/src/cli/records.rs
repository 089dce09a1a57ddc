//! Takes an imported JSON value apart into writes that belong together.

use syncline::crdt::{Path, Value};

use super::Failure;

/// Writes of one record; they go into one transaction.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub(super) path: Path,
    pub(super) value: Value,
    /// Values in it, an empty map counting as one.
    pub(super) leaves: usize,
    /// Bytes that its values take, roughly.
    pub(super) bytes: usize,
}

/// Takes a JSON object apart by its keys, or an array of objects by the given field.
///
/// A key whose object is larger than `most` leaves is taken apart further, so that a transaction stays bounded.
pub(super) fn split(root: &Path, value: Value, key: Option<&str>, most: usize) -> Result<Vec<Record>, Failure> {
    let mut records = Vec::new();
    match (value, key) {
        (Value::Map(map), None) => map.into_iter().for_each(|(name, value)| push(root.child(&name), value, most, &mut records)),
        (Value::List(list), Some(field)) => {
            for (index, value) in list.into_iter().enumerate() {
                let name = name_of(&value, field).map_err(|problem| bad_record(index, field, problem))?;
                push(root.child(&name), value, most, &mut records);
            }
        }
        (Value::List(_), None) => return Err(Failure::Usage("the file holds an array. Name the field that identifies each record with --key FIELD.".into())),
        (Value::Map(_), Some(_)) => return Err(Failure::Usage("the file holds an object, but --key is for an array of records. Leave --key out.".into())),
        _ => return Err(Failure::Usage("the file holds a single value. Import an object, or an array of records with --key FIELD; write one value with `syncline set`.".into())),
    }
    Ok(records)
}

fn push(path: Path, value: Value, most: usize, records: &mut Vec<Record>) {
    let leaves = leaves(&value);
    match value {
        Value::Map(map) if leaves > most => {
            map.into_iter().for_each(|(name, value)| push(path.child(&name), value, most, records))
        }
        value => {
            let bytes = bytes(&value);
            records.push(Record { path, value, leaves, bytes });
        }
    }
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Map(map) if !map.is_empty() => map.values().map(leaves).sum(),
        _ => 1,
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Vector(numbers) => 4 * numbers.len(),
        Value::List(items) => items.iter().map(bytes).sum(),
        Value::Map(map) => map.iter().map(|(key, value)| key.len() + bytes(value)).sum(),
        _ => 8,
    }
}

fn name_of(value: &Value, field: &str) -> Result<String, &'static str> {
    let Value::Map(map) = value else { return Err("is not an object") };
    match map.get(field) {
        Some(Value::Str(name)) => Ok(name.clone()),
        Some(Value::Int(number)) => Ok(number.to_string()),
        Some(_) => Err("has a key that is neither text nor a whole number"),
        None => Err("does not have this field"),
    }
}

fn bad_record(index: usize, field: &str, problem: &str) -> Failure {
    Failure::Failed(format!(
        "record {} of the array {problem} (--key {field}). Choose a field that every record has, or correct the record; nothing was written.",
        index + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    fn paths(records: &[Record]) -> Vec<String> {
        records.iter().map(|record| record.path.segments().join("/")).collect()
    }

    #[test]
    fn objects_split_by_key_and_large_ones_further() {
        let value = parse(r#"{"a": 1, "b": {"x": 1, "y": {"z": 2}}, "c": {"1": 1, "2": 2, "3": 3}}"#);
        let records = split(&Path::from_segments(["r"]), value, None, 2).unwrap();
        assert_eq!(paths(&records), ["r/a", "r/b", "r/c/1", "r/c/2", "r/c/3"]);
        assert_eq!(records[1].leaves, 2);
    }

    #[test]
    fn records_are_keyed_by_text_or_number() {
        let records = split(&Path::root(), parse(r#"[{"id": "x", "n": 1}, {"id": 7}]"#), Some("id"), 100).unwrap();
        assert_eq!(paths(&records), ["x", "7"]);
    }

    #[test]
    fn bad_shapes_say_what_to_do() {
        let error = |json, key| split(&Path::root(), parse(json), key, 10).unwrap_err().to_string();
        assert!(error("[1]", None).contains("--key FIELD"));
        assert!(error("{}", Some("id")).contains("Leave --key out"));
        assert!(error("3", None).contains("syncline set"));
        assert!(error(r#"[{"id": 1}, {"name": 2}]"#, Some("id")).contains("record 2"));
    }
}
