//! The cases of `tests/vectors/decisions/standalone.json`: `{"cases": [{"name", "call", "args", "expect" | "error"}]}`,
//! made by [`decide`] in every language; [`check`] compares.
//!
//! The values of an expectation are written by hand; `cargo run -p syncline-tests --bin decided -- --write` fills in the bytes.

use crate::decisions::check;
use crate::notation;
use serde_json::Value as Json;
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

/// Puts the bytes found into the expectation, where only the values are written by hand.
///
/// # Errors
/// An answer that differs from the one written.
pub fn fill(case: &mut Json) -> Result<(), String> {
    let call = case["call"].as_str().ok_or("a case needs a call")?;
    let found = decide(call, &notation::read(&case["args"])?).map_or(Json::Null, |value| notation::write(&value));
    for (name, replica) in case["expect"].as_object_mut().into_iter().flatten() {
        if replica.is_object() && replica.get("value").is_some() {
            replica["bytes"] = found[name]["bytes"].clone();
        }
    }
    check(case)
}
