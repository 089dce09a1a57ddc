//! Runs a vector on the Rust core and compares.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;

use super::step::Bench;
use crate::notation;

/// Bytes up to this length are written in full, longer ones as a hash: a person can still read the former.
pub const FULL_BYTES: usize = 2_048;

/// Runs the steps and returns what belongs into `expect`.
pub fn outcome(vector: &Json) -> Result<Json, String> {
    let mut bench = Bench::new(vector)?;
    for (number, step) in vector["steps"].as_array().ok_or("a vector needs steps")?.iter().enumerate() {
        bench.step(step).map_err(|problem| format!("step {}: {problem}", number + 1))?;
    }
    check_by_hand(vector, &bench)?;
    let replicas: Map<String, Json> = bench.docs.iter().map(|(name, doc)| (name.clone(), describe(doc))).collect();
    let blobs: Map<String, Json> = bench.blobs.iter().map(|(name, blob)| (name.clone(), bytes(blob))).collect();
    Ok(json!({ "replicas": replicas, "blobs": blobs }))
}

/// Runs the steps and returns all blobs that come of it: the captured ones, and exports, saves and deltas of each replica.
pub fn blobs(vector: &Json) -> Result<Vec<Vec<u8>>, String> {
    let mut bench = Bench::new(vector)?;
    for (number, step) in vector["steps"].as_array().ok_or("a vector needs steps")?.iter().enumerate() {
        bench.step(step).map_err(|problem| format!("step {}: {problem}", number + 1))?;
    }
    let mut blobs: Vec<Vec<u8>> = bench.blobs.into_values().collect();
    for doc in bench.docs.values() {
        let version = doc.version();
        // Everyone but this one's own events, and half of each writer's.
        let others = version.iter().filter(|(id, _)| *id != doc.id()).collect();
        let half = version.iter().map(|(id, seq)| (id, seq / 2)).collect();
        blobs.extend([doc.export(), doc.save(), doc.export_from(&others), doc.export_from(&half)]);
    }
    blobs.dedup();
    Ok(blobs)
}

/// Compares the outcome of `vector` with its `expect`; the error names the first difference.
pub fn check(vector: &Json) -> Result<(), String> {
    let found = outcome(vector)?;
    let expected = &vector["expect"];
    if expected.is_null() {
        return Err("has no expectation; fill it in with: cargo run -p syncline-tests --bin vectors -- --write".into());
    }
    difference("expect", expected, &found).map_or(Ok(()), Err)
}

/// Flips one bit of the first exact byte that `vector` expects.
pub fn corrupt(vector: &mut Json) -> Result<(), String> {
    let replicas = vector["expect"]["replicas"].as_object_mut().ok_or("nothing expected")?;
    let export = &mut replicas.values_mut().next().ok_or("no replica expected")?["export"];
    let hex = if export.is_string() { export } else { &mut export["sha256"] };
    let mut raw = HEXLOWER_PERMISSIVE.decode(hex.as_str().unwrap_or_default().as_bytes()).map_err(|e| e.to_string())?;
    *raw.last_mut().ok_or("no byte expected")? ^= 1;
    *hex = Json::String(HEXLOWER.encode(&raw));
    Ok(())
}

fn check_by_hand(vector: &Json, bench: &Bench) -> Result<(), String> {
    for (name, doc) in &bench.docs {
        let expected = vector["values"].get(name).or_else(|| vector["values"].get("*"));
        let expected = expected.ok_or_else(|| format!("no value written for replica {name}"))?;
        if let Some(problem) = difference(&format!("values.{name}"), expected, &view(doc)) {
            return Err(problem);
        }
    }
    let converged: Vec<&str> = vector["converged"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for pair in converged.windows(2) {
        let (one, two) = (&bench.docs[pair[0]], &bench.docs[pair[1]]);
        if one.digest() != two.digest() || one.export() != two.export() {
            return Err(format!("{} and {} did not converge", pair[0], pair[1]));
        }
    }
    Ok(())
}

fn describe(doc: &Doc) -> Json {
    json!({
        "digest": doc.digest().to_string(),
        "version": HEXLOWER.encode(&doc.version().encode()),
        "export": bytes(&doc.export()),
    })
}

/// The JSON view of a whole document; of more than 100 entries the `fill` and `clear` vectors keep the count.
fn view(doc: &Doc) -> Json {
    match doc.view(&Path::root()) {
        Some(value) => shorten(&value),
        None => Json::Null,
    }
}

fn shorten(value: &Value) -> Json {
    match value {
        Value::Map(entries) if entries.len() > 100 => json!({ "$entries": entries.len() }),
        Value::Map(entries) => Json::Object(entries.iter().map(|(key, item)| (key.clone(), shorten(item))).collect()),
        other => notation::write(other),
    }
}

fn bytes(raw: &[u8]) -> Json {
    if raw.len() <= FULL_BYTES {
        return json!(HEXLOWER.encode(raw));
    }
    json!({ "bytes": raw.len(), "sha256": HEXLOWER.encode(&Sha256::digest(raw)) })
}

fn difference(place: &str, expected: &Json, found: &Json) -> Option<String> {
    match (expected, found) {
        (Json::Object(one), Json::Object(two)) if one.len() == two.len() => one.iter().find_map(|(key, inner)| {
            let other = two.get(key).unwrap_or(&Json::Null);
            difference(&format!("{place}.{key}"), inner, other)
        }),
        _ if expected == found => None,
        _ => Some(format!("{place}: expected {}, found {}", shown(expected), shown(found))),
    }
}

/// The beginning of long values is enough to find the place.
fn shown(json: &Json) -> String {
    let text = json.to_string();
    if text.len() <= 600 { text } else { text.chars().take(600).chain("...".chars()).collect() }
}
