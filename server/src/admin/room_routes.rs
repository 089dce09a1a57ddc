//! Rooms: which there are, how large they are, exports, compaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Problem;
use super::reply::{json_reply, text};
use super::target::{self, Target};
use crate::limits::{ADMIN_PAGE, ADMIN_TIMEOUT};
use crate::relay::{ExportFormat, ManageError, Relay, RoomFacts, RoomSizes};
use crate::store::StoredRoom;

/// Entries of a page that nobody gave a size for.
const PAGE: usize = 100;

/// The type of an export that is not text.
const BYTES: &str = "application/octet-stream";

/// Which part of a list is asked for.
pub(super) struct Page {
    pub(super) after: Option<String>,
    pub(super) limit: usize,
    /// Of rooms: only those in memory, for which the store is not asked.
    loaded: bool,
}

/// A room or document in a list: what is stored of it, and what it has in memory.
#[derive(Default)]
struct Entry {
    stored: Option<StoredRoom>,
    loaded: Option<RoomSizes>,
}

impl Page {
    pub(super) fn parse(query: Option<&str>, more: &[&str]) -> Result<Page, Problem> {
        let mut page = Page { after: None, limit: PAGE, loaded: false };
        for (name, value) in parameters(query, &[&["after", "limit"], more].concat())? {
            match (name.as_str(), value.parse()) {
                ("loaded", _) => page.loaded = flag("loaded", &value)?,
                ("limit", Ok(limit)) if (1..=ADMIN_PAGE).contains(&limit) => page.limit = limit,
                ("limit", _) => {
                    let advice = format!("Give a number from 1 to {ADMIN_PAGE}.");
                    return Err(Problem::usage(format!("`limit` is {value:?}"), advice));
                }
                _ => page.after = Some(value),
            }
        }
        Ok(page)
    }
}

/// Documents of Yjs and rooms, by the names under which they are stored, a page at a time: those stored and those in memory.
pub(super) async fn list(State(relay): State<Arc<Relay>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let page = Page::parse(query.as_deref(), &["loaded"])?;
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let stored = match page.loaded {
        true => Vec::new(),
        false => store(&relay)?.rooms(page.after.as_deref(), page.limit + 1).await?,
    };
    for stored in stored {
        let entry = entries.entry(stored.name.clone()).or_default();
        entry.stored = Some(stored);
    }
    for (name, gauges) in relay.loaded().iter().filter(|(name, _)| page.after.as_deref().is_none_or(|at| **name > *at))
    {
        entries.entry(name.to_string()).or_default().loaded = Some(gauges.read());
    }
    let rooms: Vec<Value> =
        entries.iter().take(page.limit).map(|(name, entry)| describe(&relay, name, entry)).collect();
    let next = entries.keys().take(page.limit).next_back().filter(|_| entries.len() > page.limit);
    Ok(json_reply(&json!({"rooms": rooms, "next": next})))
}

/// One room, with what only its task knows; it is loaded for that.
pub(super) async fn show(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let (target, _) = Target::of(room, query, &[])?;
    let facts = match &target {
        Target::Room(room) => in_time("asking the room", ADMIN_TIMEOUT, relay.describe_room(room)).await?,
        Target::Document(name) => in_time("asking the document", ADMIN_TIMEOUT, relay.describe_document(name)).await?,
    };
    let name = target.stored();
    let stored = store(&relay)?.room(&name).await?;
    let loaded = relay.loaded().into_iter().find(|(loaded, _)| **loaded == *name).map(|(_, gauges)| gauges.read());
    let mut body = describe(&relay, &name, &Entry { stored, loaded });
    let RoomFacts { digest, writers, events, durable } = facts;
    body["content"] = json!({"digest": digest, "writers": writers, "events": events, "durable": durable});
    Ok(json_reply(&body))
}

/// All of a room, as JSON or as the snapshot that the libraries import; of a document of Yjs, as one update.
pub(super) async fn export(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let (target, parameters) = Target::of(room, query, &["format"])?;
    let (format, content_type) = export_format(&parameters)?;
    match &target {
        Target::Room(room) => {
            let bytes = in_time("the export", ADMIN_TIMEOUT, relay.export_room(room, format)).await?;
            Ok(text(content_type, bytes))
        }
        // The relay knows what clients said, not what it means.
        Target::Document(_) if format == ExportFormat::Json && !parameters.is_empty() => {
            Err(Problem::usage("a document of Yjs has no form in JSON here", "Give `binary`, or no `format`."))
        }
        Target::Document(name) => {
            let bytes = in_time("the export", ADMIN_TIMEOUT, relay.export_document(name)).await?;
            Ok(text(BYTES, bytes))
        }
    }
}

/// Replaces the log of a room by a snapshot, and answers when the disk has it.
pub(super) async fn compact(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let (target, _) = Target::of(room, query, &[])?;
    match &target {
        Target::Room(room) => in_time("the compaction", ADMIN_TIMEOUT, relay.compact_room(room)).await?,
        Target::Document(name) => in_time("the compaction", ADMIN_TIMEOUT, relay.compact_document(name)).await?,
    }
    let name = target.stored();
    let stored = store(&relay)?.room(&name).await?;
    Ok(json_reply(&describe(&relay, &name, &Entry { stored, loaded: None })["stored"]))
}

/// Deletes a room: it can be brought back for a while.
pub(super) async fn remove(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let room = Target::of(room, query, &[])?.0.room("deleting")?;
    tracing::info!(room, "an operator deletes a room");
    in_time("the deletion", ADMIN_TIMEOUT, relay.delete_room(&room)).await?;
    let stored = store(&relay)?.room(&room).await?;
    Ok(json_reply(&json!({"name": room, "deleted": deleted(&relay, stored.as_ref())})))
}

/// Brings a deleted room back.
pub(super) async fn undelete(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let room = Target::of(room, query, &[])?.0.room("bringing back")?;
    tracing::info!(room, "an operator brings a room back");
    in_time("bringing it back", ADMIN_TIMEOUT, relay.undelete_room(&room)).await?;
    Ok(json_reply(&json!({"name": room, "deleted": null})))
}

/// When a room was deleted, and until when it can be brought back.
fn deleted(relay: &Relay, stored: Option<&StoredRoom>) -> Option<Value> {
    let at = stored.and_then(|stored| stored.deleted_ms)?;
    let until = at.saturating_add(relay.config().room.deleted_seconds.saturating_mul(1000));
    Some(json!({"at_ms": at, "until_ms": until}))
}

/// The form that the parameter `format` asks for, and its type.
pub(super) fn export_format(parameters: &[(String, String)]) -> Result<(ExportFormat, &'static str), Problem> {
    match parameters.first().map(|(_, value)| value.as_str()) {
        None | Some("json") => Ok((ExportFormat::Json, "application/json")),
        Some("binary") => Ok((ExportFormat::Binary, BYTES)),
        Some(_) => Err(Problem::usage("this `format` is unknown", "Give `json` or `binary`.")),
    }
}

/// A parameter that is true or false.
pub(super) fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    value.parse().map_err(|_| Problem::usage(format!("`{name}` is {value:?}"), "Give `true` or `false`."))
}

/// The parameters of a request; unknown ones are refused, because a misspelt one would go unnoticed.
pub(super) fn parameters(query: Option<&str>, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned();
    let mut found = Vec::new();
    for (name, value) in pairs {
        if !known.contains(&name.as_str()) {
            let list = known.join(", ");
            return Err(Problem::usage(format!("there is no parameter `{name}`"), format!("There is: {list}.")));
        }
        found.push((name, value));
    }
    Ok(found)
}

pub(super) async fn in_time<T>(
    doing: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, ManageError>>,
) -> Result<T, Problem> {
    match timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Problem::late(doing)),
    }
}

fn store(relay: &Relay) -> Result<&Arc<crate::store::Store>, Problem> {
    relay.store().ok_or_else(|| {
        let message = "the store is still being opened";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, "Try again in a moment.")
    })
}

fn describe(relay: &Relay, name: &str, entry: &Entry) -> Value {
    let stored = entry.stored.as_ref().map(|stored| {
        json!({
            "log_entries": stored.log_entries,
            "log_bytes": stored.log_bytes,
            "snapshot_bytes": stored.snapshot_bytes,
            "last_entry": stored.last_entry,
        })
    });
    let loaded = entry.loaded.map(|sizes| {
        json!({
            "connections": sizes.connections,
            "log_entries": sizes.log_entries,
            "log_bytes": sizes.log_bytes,
            "snapshot_bytes": sizes.snapshot_bytes,
            "last_entry": sizes.last_entry,
        })
    });
    let deleted = deleted(relay, entry.stored.as_ref());
    let (name, dialect) = target::describe(name);
    json!({"name": name, "dialect": dialect, "stored": stored, "loaded": loaded, "deleted": deleted})
}
