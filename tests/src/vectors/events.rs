//! Change events and net changes as vectors write them.
//!
//! An event is `{"path", "kind", "by" (the replica id), "origin" ("local", "import" or "link"), "name" (of the transaction),
//! "old", "new", "splices"}`; what is absent is left out. A splice is `{"at", "delete", "insert", "retain",
//! "attributes"}` in code points, and what is 0 or empty is left out. Net changes are `{"complete", "removed": [path],
//! "changes": [{"path", "kind", "old", "new"}]}`.

use serde_json::{Map, Value as Json, json};
use syncline::crdt::{Attributes, ContainerKind, Run, Splice, Value};
use syncline::doc::{CatchUp, Change, Origin};

use crate::notation;

/// The parts of a text.
pub fn runs(runs: &[Run]) -> Json {
    runs.iter().map(|run| json!([run.text, attributes(&run.attributes)])).collect()
}

/// Events, in order.
pub fn changes(changes: &[Change]) -> Json {
    changes.iter().map(change).collect()
}

/// Net changes.
pub fn catch_up(catch_up: &CatchUp) -> Json {
    let changes = catch_up.changes.iter().map(|change| {
        let mut out = Map::new();
        out.insert("path".into(), json!(change.path.segments()));
        out.insert("kind".into(), json!(kind(change.kind)));
        values(&mut out, &change.old, &change.new);
        Json::Object(out)
    });
    let removed: Vec<Json> = catch_up.removed.iter().map(|path| json!(path.segments())).collect();
    json!({ "complete": catch_up.complete, "removed": removed, "changes": changes.collect::<Vec<_>>() })
}

fn change(change: &Change) -> Json {
    let mut out = Map::new();
    out.insert("path".into(), json!(change.path.segments()));
    out.insert("kind".into(), json!(kind(change.kind)));
    out.insert("by".into(), json!(change.by.to_string()));
    let (origin, name) = match &change.origin {
        Origin::Local(name) => ("local", name.clone()),
        Origin::Import => ("import", None),
        Origin::Link => ("link", None),
    };
    out.insert("origin".into(), json!(origin));
    if let Some(name) = name {
        out.insert("name".into(), json!(name));
    }
    values(&mut out, &change.old, &change.new);
    if !change.splices.is_empty() {
        out.insert("splices".into(), change.splices.iter().map(splice).collect());
    }
    Json::Object(out)
}

fn values(out: &mut Map<String, Json>, old: &Option<Value>, new: &Option<Value>) {
    for (name, value) in [("old", old), ("new", new)] {
        if let Some(value) = value {
            out.insert(name.into(), notation::write(value));
        }
    }
}

fn splice(splice: &Splice) -> Json {
    let mut out = Map::new();
    out.insert("at".into(), json!(splice.points.0));
    for (name, count) in [("delete", splice.points.1), ("retain", splice.retain_points)] {
        if count > 0 {
            out.insert(name.into(), json!(count));
        }
    }
    if !splice.insert.is_empty() {
        out.insert("insert".into(), json!(splice.insert));
    }
    if !splice.attributes.is_empty() {
        out.insert("attributes".into(), attributes(&splice.attributes));
    }
    Json::Object(out)
}

fn attributes(attributes: &Attributes) -> Json {
    Json::Object(attributes.iter().map(|(name, value)| (name.clone(), notation::write(value))).collect())
}

fn kind(kind: ContainerKind) -> String {
    format!("{kind:?}").to_lowercase()
}
