//! Reads and writes vector files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// One file of vectors.
pub struct VectorFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub json: Json,
}

impl VectorFile {
    /// The file's vectors.
    pub fn vectors(&self) -> &[Json] {
        self.json["vectors"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Saves the file with one step and one replica per line.
    pub fn save(&self) -> Result<(), String> {
        let mut text = String::new();
        print(&self.json, 0, &mut text);
        fs::write(&self.path, text + "\n").map_err(|e| format!("{}: {e}", self.path.display()))
    }
}

/// Loads every file of `tests/vectors`, in order of name.
pub fn load_all() -> Result<Vec<VectorFile>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let listing = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.into_iter().map(load).collect()
}

fn load(path: PathBuf) -> Result<VectorFile, String> {
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(VectorFile { path, json })
}

/// How deep objects and lists are broken into lines: file, vectors, vector, steps.
const BROKEN_LEVELS: usize = 4;

fn print(json: &Json, level: usize, out: &mut String) {
    let (open, close, items): (char, char, Vec<(Option<&String>, &Json)>) = match json {
        Json::Object(entries) => ('{', '}', entries.iter().map(|(key, item)| (Some(key), item)).collect()),
        Json::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        scalar => return out.push_str(&scalar.to_string()),
    };
    let broken = level < BROKEN_LEVELS + usize::from(out.ends_with("\"replicas\": "))
        && items.iter().any(|(_, item)| item.is_object() || item.is_array());
    let broken = broken || (level < 3 && !items.is_empty());
    out.push(open);
    for (index, (key, item)) in items.iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        out.push_str(&if broken {
            format!("\n{}", "  ".repeat(level + 1))
        } else if index > 0 {
            " ".into()
        } else {
            String::new()
        });
        if let Some(key) = key {
            out.push_str(&format!("{}: ", Json::String(key.to_string())));
        }
        print(item, level + 1, out);
    }
    out.push_str(&if broken { format!("\n{}", "  ".repeat(level)) } else { String::new() });
    out.push(close);
}
