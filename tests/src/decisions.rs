//! Decisions by name: tables of calls with the answer that every language has to give.
//!
//! A file in `tests/vectors/decisions/` is `{"about", "cases": [{"name", "call", "args", "expect" | "error"}]}`. A runner
//! hands `call` and `args` to the core's `decide` and compares the answer with `expect`, or the error's code with `error`.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use syncline::standalone::decide;

use crate::notation;

/// Loads the cases of all files, in order of name.
pub fn load_all() -> Result<Vec<Json>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/decisions");
    let listing = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| problem(&error))?;
        let mut file: Json = serde_json::from_str(&text).map_err(|error| problem(&error))?;
        match file["cases"].take() {
            Json::Array(found) if !found.is_empty() => cases.extend(found),
            _ => return Err(problem(&"no cases")),
        }
    }
    Ok(cases)
}

/// Makes the decision of a case and compares.
pub fn check(case: &Json) -> Result<(), String> {
    let call = case["call"].as_str().ok_or("a case needs a call")?;
    let answer = match decide(call, &notation::read(&case["args"])?) {
        Ok(value) => ("expect", notation::write(&value)),
        Err(error) => ("error", error.code().into()),
    };
    let wanted = match (case.get("expect"), case.get("error")) {
        (Some(value), None) => ("expect", value.clone()),
        (None, Some(code)) => ("error", code.clone()),
        _ => return Err("a case has either expect or error".to_owned()),
    };
    if answer == wanted {
        return Ok(());
    }
    Err(format!("{} {}, but wanted {} {}", answer.0, answer.1, wanted.0, wanted.1))
}

/// Changes what a case expects, somewhere inside.
pub fn corrupt(case: &mut Json) {
    let part = if case.get("error").is_some() { "error" } else { "expect" };
    flip(&mut case[part]);
}

fn flip(json: &mut Json) {
    match json {
        Json::Null => *json = Json::Bool(true),
        Json::Bool(flag) => *flag = !*flag,
        Json::Number(number) => *json = (number.as_i64().unwrap_or(0) + 1).into(),
        Json::String(text) => text.push('x'),
        Json::Array(items) if items.is_empty() => items.push(Json::Null),
        Json::Object(entries) if entries.is_empty() => drop(entries.insert("more".to_owned(), Json::Null)),
        Json::Array(items) => items.last_mut().map(flip).unwrap_or(()),
        Json::Object(entries) => entries.values_mut().next_back().map(flip).unwrap_or(()),
    }
}
