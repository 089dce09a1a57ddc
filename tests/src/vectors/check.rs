//! The checks of vectors: what a document must show at this point.

use serde_json::{Value as Json, json};
use syncline::crdt::{Resolution, ResolveError, Value};
use syncline::doc::Doc;

use super::edit::{flag_kind, path, replica, set_kind, text};
use crate::notation;

/// Whether `op` checks rather than edits.
pub fn is_check(op: &str) -> bool {
    matches!(op, "siblings" | "elements" | "flag-is" | "list-is" | "rights" | "resolve" | "value")
}

/// Compares what `doc` shows with `is`.
pub fn check(doc: &mut Doc, step: &Json) -> Result<(), String> {
    let path = path(step)?;
    let list = |values: Vec<Value>| Json::Array(values.iter().map(notation::write).collect());
    let found = match text(step, "op")? {
        "siblings" => list(doc.siblings(&path)),
        "elements" => list(doc.set_elements_as(&path, set_kind(step)?)),
        "list-is" => {
            list((0..doc.list_len(&path)).map(|index| doc.list_get(&path, index).unwrap_or_default()).collect())
        }
        "value" => doc.get(&path).map_or(Json::Null, |value| notation::write(&value)),
        "resolve" => match doc.resolve(&path) {
            Ok(Resolution::Absent) => json!({}),
            Ok(Resolution::Value(value)) => json!({ "value": notation::write(&value) }),
            Ok(Resolution::All(values)) => json!({ "all": list(values) }),
            Err(ResolveError::UnknownSource(_)) => json!({ "error": "source" }),
            Err(ResolveError::NoResolver(_)) => json!({ "error": "resolver" }),
            Err(_) => json!({ "error": "choice" }),
        },
        "rights" => json!(doc.bounded_rights(&path, replica(step, "of")?)),
        "flag-is" => json!(doc.flag(&path, flag_kind(step)?)),
        other => return Err(format!("no such check: {other}")),
    };
    if found == step["is"] { Ok(()) } else { Err(format!("{} is {found}, not {}", step["op"], step["is"])) }
}
