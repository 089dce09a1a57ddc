//! The cases of `tests/vectors/decisions/standalone.json`: `{"cases": [{"name", "call", "args", "expect"}]}`, made by
//! [`decide`] in every language.
//!
//! The values of an expectation are written by hand; `cargo run -p syncline-tests --bin decided -- --write` fills in the bytes.

use crate::notation;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use syncline::standalone::decide;

/// Where the cases are.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/decisions/standalone.json")
}

/// Loads the file.
pub fn load() -> Result<Json, String> {
    let text = std::fs::read_to_string(path()).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// The cases of a file.
pub fn cases(file: &Json) -> &[Json] {
    file["cases"].as_array().map_or(&[], Vec::as_slice)
}

/// Makes the call of a case. What is refused is `{"error": text}`.
pub fn outcome(case: &Json) -> Result<Json, String> {
    let call = case["call"].as_str().ok_or("a case needs a call")?;
    Ok(match decide(call, &notation::read(&case["args"])?) {
        Ok(value) => notation::write(&value),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// Makes the call and compares.
pub fn check(case: &Json) -> Result<(), String> {
    let found = outcome(case)?;
    let expected = notation::write(&notation::read(&case["expect"])?);
    if found == expected { Ok(()) } else { Err(format!("{}: {found} instead of {expected}", case["name"])) }
}

/// Puts the bytes found into the expectation, where only the values are written by hand.
///
/// # Errors
/// A value that differs from the one written.
pub fn fill(case: &mut Json) -> Result<(), String> {
    let found = outcome(case)?;
    for (name, replica) in case["expect"].as_object_mut().into_iter().flatten() {
        if replica.is_object() && replica.get("value").is_some() {
            replica["bytes"] = found[name]["bytes"].clone();
        }
    }
    check(case)
}

/// Flips the last thing that a case expects: the first digit of bytes, a truth, a number or a letter.
pub fn flip(expect: &mut Json) {
    match expect {
        Json::Object(entries) if entries.is_empty() => *expect = json!({ "more": 0 }),
        Json::Array(items) if items.is_empty() => items.push(json!(0)),
        Json::Object(entries) => entries.iter_mut().next_back().map_or((), |entry| flip(entry.1)),
        Json::Array(items) => items.last_mut().map_or((), flip),
        Json::Bool(truth) => *truth = !*truth,
        Json::Number(number) => *expect = json!(number.as_i64().unwrap_or(0) + 1),
        Json::String(text) => text.insert(0, if text.starts_with('0') { '1' } else { '0' }),
        Json::Null => *expect = json!(0),
    }
}
