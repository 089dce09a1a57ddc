//! What a blob says, as JSON: the reference for readers that were written from FORMAT.md alone.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde_json::{Map, Value as Json, json};
use std::path::{Path, PathBuf};
use syncline::clock::{Floor, Handover, ReplicaId, VersionVector};
use syncline::crdt::{Key, Kind, Value};
use syncline::delta::{Batch, Blob, Delta, Round, RoundStep};
use syncline::doc::{Doc, Origin};

use crate::notation;

/// Decodes a blob and describes everything in it.
pub fn describe(blob: &[u8]) -> Result<Json, String> {
    match Blob::decode(blob).map_err(|error| error.to_string())? {
        Blob::Delta(delta) => Ok(describe_delta(&delta)),
        Blob::Batch(batch) => Ok(describe_batch(&batch)),
        Blob::Handover(Handover { from, taken, heir }) => {
            Ok(json!({ "kind": "handover", "from": from.to_string(), "taken": taken, "heir": heir.to_string() }))
        }
        Blob::Round(round) => Ok(describe_round(&round)),
        other => Err(format!("a blob of a kind without a description: {other:?}")),
    }
}

/// The folder of the blobs that every later version must read.
pub fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/golden")
}

/// Reads bytes from their notation.
pub fn unhex(text: &str) -> Result<Vec<u8>, String> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|error| error.to_string())
}

fn describe_delta(delta: &Delta) -> Json {
    let writers = delta.writers();
    let dot = |writer: u32, seq: u64| json!([writers[writer as usize].to_string(), seq]);
    let mut dots = delta.dots.iter();
    let mut leaves = Vec::new();
    for leaf in &delta.leaves {
        let mut described = describe_key(&leaf.key);
        let rows = dots.by_ref().take(leaf.dots as usize).map(|row| {
            let value = row.value.as_ref().map(|(hlc, payload)| {
                json!({ "clock": [hlc.ms(), hlc.counter()], "payload": describe_payload(&leaf.key, payload) })
            });
            json!({ "dot": dot(row.writer, row.seq), "value": value })
        });
        described.insert("dots".into(), rows.collect());
        leaves.push(Json::Object(described));
    }
    let deletes = delta.deletes.iter().map(|(key, writer, seq)| {
        let mut described = describe_key(key);
        described.insert("dot".into(), dot(*writer, *seq));
        Json::Object(described)
    });
    let mut says = json!({
        "kind": "delta",
        "complete": delta.complete,
        "since": describe_version(&delta.since),
        "version": describe_version(&delta.version),
        "floor": describe_floor(&delta.floor),
        "leaves": leaves,
        "deletes": deletes.collect::<Vec<_>>(),
    });
    if !delta.memory.is_empty() {
        let retired = delta.memory.iter().map(|(id, seq, horizon)| json!([id.to_string(), seq, horizon]));
        let retired: Vec<Json> = retired.collect();
        let (forgotten, rounds) = (delta.memory.forgotten(), delta.memory.rounds());
        says["memory"] = json!({ "forgotten": forgotten, "rounds": rounds, "retired": retired });
    }
    if let Some(promise) = &delta.promise {
        says["promise"] = describe_round(promise);
    }
    // On its own a complete delta is a state, and a state has a digest.
    if delta.complete && delta.since.is_empty() {
        let mut doc = Doc::new(ReplicaId::new((1 << 48) - 1, 0));
        let digest = doc.join(delta, &Origin::Import).map(|_| doc.digest().to_string());
        says["digest"] = json!(digest.unwrap_or_else(|error| error.to_string()));
    }
    says
}

fn describe_round(round: &Round) -> Json {
    let step = match round.step {
        RoundStep::Promised => "promised",
        RoundStep::Committed => "committed",
        RoundStep::Dropped => "dropped",
    };
    let keep: Vec<String> = round.keep.iter().map(ReplicaId::to_string).collect();
    let finals: Vec<Json> = round.finals.iter().map(|(id, seq)| json!([id.to_string(), seq])).collect();
    json!({ "kind": "round", "step": step, "horizon": round.horizon, "keep": keep, "finals": finals })
}

fn describe_batch(batch: &Batch) -> Json {
    let events = batch.ops.iter().map(|op| {
        let mut described = describe_key(&op.key);
        let payload = op.payload.as_ref().map(|payload| describe_payload(&op.key, payload));
        let removes = op.removes.iter().map(|span| json!([span.replica.to_string(), span.from, span.to]));
        described.insert("payload".into(), json!(payload));
        described.insert("removes".into(), removes.collect());
        Json::Object(described)
    });
    json!({
        "kind": "batch",
        "writer": batch.writer.to_string(),
        "first": batch.first,
        "clock": [batch.hlc.ms(), batch.hlc.counter()],
        "events": events.collect::<Vec<_>>(),
    })
}

fn describe_key(key: &Key) -> Map<String, Json> {
    let path = key.path();
    let (kind, behind) = key.as_bytes()[path.as_str().len() + 1..].split_first().expect("a key names its kind");
    let mut out = Map::new();
    out.insert("path".into(), json!(path.segments()));
    out.insert("leaf".into(), json!(kind));
    if !behind.is_empty() {
        out.insert("behind".into(), json!(HEXLOWER.encode(behind)));
    }
    out
}

/// Values in their notation; what has none as bytes.
fn describe_payload(key: &Key, payload: &[u8]) -> Json {
    match Value::from_cbor(payload) {
        Ok(value) if [Kind::REGISTER, Kind::COUNTER, Kind::MARKER].contains(&key.kind()) => notation::write(&value),
        _ => json!({ "raw": HEXLOWER.encode(payload) }),
    }
}

fn describe_version(version: &VersionVector) -> Json {
    json!({ "horizon": version.horizon(), "entries": entries(version.iter()) })
}

fn describe_floor(floor: &Floor) -> Json {
    json!({ "horizon": floor.horizon(), "entries": entries(floor.iter()) })
}

fn entries(entries: impl Iterator<Item = (ReplicaId, u64)>) -> Json {
    Json::Object(entries.map(|(id, seq)| (id.to_string(), json!(seq))).collect())
}
