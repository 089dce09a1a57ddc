//! The edits of vectors.

use serde_json::Value as Json;
use syncline::clock::ReplicaId;
use syncline::crdt::{Attributes, FlagKind, Path, Policy, SetKind, TextUnit, Value};
use syncline::doc::{Doc, EditError};

use super::keys;
use crate::notation;

/// Does one edit in the open transaction of `doc`.
pub fn edit(doc: &mut Doc, step: &Json) -> Result<(), String> {
    let path = path(step)?;
    let value = || notation::read(&step["value"]);
    let done: Result<(), EditError> = match text(step, "op")? {
        "set" | "register" => doc.set(&path, value()?),
        "assign" => doc.assign(&path, value()?),
        "delete" => doc.delete(&path).map(drop),
        "add" => doc.set_add_as(&path, set_kind(step)?, value()?).map(drop),
        "remove" => doc.set_remove_as(&path, set_kind(step)?, &value()?).map(drop),
        "flag" => doc.flag_set(&path, flag_kind(step)?, step["value"] == Json::Bool(true)),
        "increment" => doc.counter_add(&path, integer(step, "by")?),
        "grow" => doc.counter_grow(&path, integer(step, "by")?),
        "reset" => doc.counter_reset(&path).map(drop),
        "policy" if step["is"].is_null() => doc.clear_policy(&path).map(drop),
        "policy" => doc.set_policy(&path, &policy(step)?),
        "source" => doc.set_source(text(step, "name")?),
        "bounded" => doc.bounded_create(&path, integer(step, "bound")?),
        "bounded-add" => doc.bounded_add(&path, number(step, "by")? as u64),
        "bounded-sub" => doc.bounded_sub(&path, number(step, "by")? as u64),
        "bounded-transfer" => doc.bounded_transfer(&path, replica(step, "to")?, number(step, "by")? as u64),
        "list-insert" if step["index"].is_null() => doc.list_push(&path, value()?).map(drop),
        "list-insert" => doc.list_insert(&path, number(step, "index")?, value()?).map(drop),
        "list-delete" => doc.list_delete(&path, number(step, "index")?),
        "list-set" => doc.list_set(&path, number(step, "index")?, value()?),
        "list-move" => doc.list_move(&path, number(step, "from")?, number(step, "to")?),
        "insert" if step["attributes"].is_object() => {
            let (index, attributes) = (number(step, "index")?, attributes(step)?);
            doc.text_insert_with(&path, index, text(step, "text")?, &attributes, TextUnit::CodePoint)
        }
        "format" => {
            let (index, count) = (number(step, "index")?, number(step, "count")?);
            doc.text_format(&path, index, count, &attributes(step)?, TextUnit::CodePoint)
        }
        "insert" => doc.text_insert(&path, number(step, "index")?, text(step, "text")?, TextUnit::CodePoint),
        "erase" => doc.text_delete(&path, number(step, "index")?, number(step, "count")?, TextUnit::CodePoint),
        "fill" | "clear" => bulk(doc, &path, step),
        other => return Err(format!("no such op: {other}")),
    };
    done.map_err(|e| e.to_string())
}

fn bulk(doc: &mut Doc, path: &Path, step: &Json) -> Result<(), EditError> {
    for (index, key) in keys::make(&step["keys"]).unwrap_or_default().iter().enumerate() {
        let path = path.child(key);
        if step["op"] == "fill" {
            doc.set(&path, Value::Int(index as i64))?;
        } else {
            doc.delete(&path)?;
        }
    }
    Ok(())
}

fn attributes(step: &Json) -> Result<Attributes, String> {
    let entries = step["attributes"].as_object().ok_or("a step needs attributes")?;
    entries.iter().map(|(name, value)| Ok((name.clone(), notation::read(value)?))).collect()
}

/// The `kind` of set of a step; add-wins if it names none.
pub fn set_kind(step: &Json) -> Result<SetKind, String> {
    Ok(match step["kind"].as_str().unwrap_or("add-wins") {
        "add-wins" => SetKind::AddWins,
        "remove-wins" => SetKind::RemoveWins,
        "last-writer-wins" => SetKind::LastWriterWins,
        "grow-only" => SetKind::GrowOnly,
        "two-phase" => SetKind::TwoPhase,
        other => return Err(format!("no such kind of set: {other}")),
    })
}

/// The `kind` of flag of a step.
pub fn flag_kind(step: &Json) -> Result<FlagKind, String> {
    match text(step, "kind")? {
        "enable-wins" => Ok(FlagKind::EnableWins),
        "disable-wins" => Ok(FlagKind::DisableWins),
        other => Err(format!("no such kind of flag: {other}")),
    }
}

/// The policy that a step names.
fn policy(step: &Json) -> Result<Policy, String> {
    let texts: Vec<String> =
        step["is"].as_array().into_iter().flatten().filter_map(Json::as_str).map(String::from).collect();
    let (name, rest) = texts.split_first().ok_or("a policy needs a name")?;
    Ok(match name.as_str() {
        "last-writer-wins" => Policy::LastWriterWins,
        "keep-all" => Policy::KeepAll,
        "source-priority" => Policy::SourcePriority(rest.to_vec()),
        "insert-wins" => Policy::InsertWins,
        "remove-wins" => Policy::RemoveWins,
        "custom" => Policy::Custom(rest.first().ok_or("a custom policy needs a name")?.clone()),
        other => return Err(format!("no such policy: {other}")),
    })
}

/// The `path` of a step.
pub fn path(step: &Json) -> Result<Path, String> {
    let segments = step["path"].as_array().ok_or("a step needs a path")?;
    Ok(Path::from_segments(segments.iter().filter_map(Json::as_str)))
}

/// A field that is text.
pub fn text<'a>(step: &'a Json, field: &str) -> Result<&'a str, String> {
    step[field].as_str().ok_or_else(|| format!("a step needs the text {field}"))
}

/// A field that is the id of a replica.
pub fn replica(step: &Json, field: &str) -> Result<ReplicaId, String> {
    text(step, field)?.parse().map_err(|_| format!("{field} needs the id of a replica"))
}

/// A field that is an index or a length.
pub fn number(step: &Json, field: &str) -> Result<usize, String> {
    step[field].as_u64().map(|n| n as usize).ok_or_else(|| format!("a step needs the number {field}"))
}

/// A field that is an integer of 64 bits, in the notation of values.
pub fn integer(step: &Json, field: &str) -> Result<i64, String> {
    match notation::read(&step[field])? {
        Value::Int(number) => Ok(number),
        _ => Err(format!("{field} needs an integer")),
    }
}
