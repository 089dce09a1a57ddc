//! Versions of a room: which there are, exports, going back to one.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};
use syncline::crdt::Path as Place;

use super::Problem;
use super::reply::{json_reply, text};
use super::room_routes::{export_format, in_time};
use super::target::Target;
use crate::limits::ADMIN_TIMEOUT;
use crate::relay::{Relay, Rewound};
use crate::store::{StoredVersion, VersionKind};

/// What documents of Yjs do not have.
const VERSIONS: &str = "going back to a version";

/// The versions of a room, the newest first.
pub(super) async fn list(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let room = Target::of(room, query, &[])?.0.room(VERSIONS)?;
    let versions = in_time("looking for versions", ADMIN_TIMEOUT, relay.room_versions(&room)).await?;
    let versions: Vec<Value> = versions.iter().map(describe).collect();
    Ok(json_reply(&json!({"versions": versions})))
}

/// All of a room as it was, as JSON or as the snapshot that the libraries import.
pub(super) async fn export(
    State(relay): State<Arc<Relay>>,
    Path((room, version)): Path<(String, String)>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let (target, parameters) = Target::of(Path(room), query, &["format"])?;
    let room = target.room(VERSIONS)?;
    let (format, content_type) = export_format(&parameters)?;
    let entry = number(&version)?;
    let bytes = in_time("the export", ADMIN_TIMEOUT, relay.export_version(&room, entry, format)).await?;
    Ok(text(content_type, bytes))
}

/// Writes again what a version has, everywhere or at and below the path that the parameters `path` name key by key.
pub(super) async fn restore(
    State(relay): State<Arc<Relay>>,
    Path((room, version)): Path<(String, String)>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let (target, parameters) = Target::of(Path(room), query, &["path"])?;
    let room = target.room(VERSIONS)?;
    let keys = parameters.into_iter().map(|(_, key)| key);
    let place = Place::from_segments(keys);
    place.check().map_err(|error| Problem::usage(error.to_string(), "Give `path` once for each key."))?;
    let entry = number(&version)?;
    tracing::info!(room, entry, path = place.as_str(), "an operator restores a version");
    let done = in_time("the restore", ADMIN_TIMEOUT, relay.restore_version(&room, entry, place)).await?;
    let Rewound { written, entry } = done;
    Ok(json_reply(&json!({"written": written, "last_entry": entry})))
}

fn number(version: &str) -> Result<u64, Problem> {
    let wrong = |_| Problem::usage(format!("{version:?} is no version"), "Give the `version` of one from the list.");
    version.parse().map_err(wrong)
}

fn describe(version: &StoredVersion) -> Value {
    let kind = match version.kind {
        VersionKind::Kept => "kept",
        VersionKind::Snapshot => "snapshot",
        VersionKind::Log => "log",
    };
    json!({"version": version.entry, "at_ms": version.at_ms, "kind": kind, "bytes": version.bytes})
}
