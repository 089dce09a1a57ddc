//! The steps of vectors that watch a document, keep a place in it, or go back.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::Value as Json;
use syncline::clock::VersionVector;
use syncline::crdt::{Assoc, TextUnit};
use syncline::doc::{Doc, UndoOptions};

use super::edit::{number, path, text};
use super::events;

/// What steps keep by name for later ones.
#[derive(Default)]
pub struct Kept {
    cursors: BTreeMap<String, Vec<u8>>,
    versions: BTreeMap<String, VersionVector>,
}

/// Whether `op` is one of these steps.
pub fn is_watch(op: &str) -> bool {
    matches!(
        op,
        "runs" | "cursor" | "cursor-index" | "watch" | "changes" | "version" | "since" | "keep-undo" | "undo" | "redo"
    )
}

impl Kept {
    /// Does one step to `doc`.
    pub fn watch(&mut self, doc: &mut Doc, step: &Json, now_ms: u64) -> Result<(), String> {
        match text(step, "op")? {
            "runs" => same(step, events::runs(&doc.text_runs(&path(step)?))),
            "cursor" => self.cursor(doc, step),
            "cursor-index" => {
                let cursor = self.cursors.get(text(step, "cursor")?).ok_or("no such cursor")?;
                let found = doc.text_cursor_index(&path(step)?, cursor, TextUnit::CodePoint);
                same(step, found.map_err(|e| e.to_string())?.map_or(Json::Null, Json::from))
            }
            "changes" => same(step, events::changes(&doc.take_changes())),
            "since" => {
                let version = self.versions.get(text(step, "of")?).ok_or("no such version")?;
                same(step, events::catch_up(&doc.changes_since(version)))
            }
            "version" => {
                self.versions.insert(text(step, "as")?.to_string(), doc.version());
                Ok(())
            }
            "keep-undo" => {
                let merge_ms = step["merge"].as_u64().unwrap_or_default();
                doc.keep_undo(Some(UndoOptions { merge_ms, ..UndoOptions::default() }));
                Ok(())
            }
            "watch" => {
                doc.observe(true);
                Ok(())
            }
            op => {
                let done = if op == "undo" { doc.undo(now_ms) } else { doc.redo(now_ms) };
                let expected = step["is"].as_bool().unwrap_or(true);
                if done.map_err(|e| e.to_string())? == expected { Ok(()) } else { Err(format!("{expected} is wrong")) }
            }
        }
    }

    fn cursor(&mut self, doc: &mut Doc, step: &Json) -> Result<(), String> {
        let assoc = match text(step, "assoc")? {
            "before" => Assoc::Before,
            "after" => Assoc::After,
            other => return Err(format!("no such side: {other}")),
        };
        let cursor = doc.text_cursor(&path(step)?, number(step, "index")?, TextUnit::CodePoint, assoc);
        let cursor = cursor.map_err(|e| e.to_string())?;
        self.cursors.insert(text(step, "as")?.to_string(), cursor.clone());
        same(step, Json::String(HEXLOWER.encode(&cursor)))
    }
}

/// Compares with what the step says.
fn same(step: &Json, found: Json) -> Result<(), String> {
    if step["is"] == found { Ok(()) } else { Err(format!("expected {}, found {found}", step["is"])) }
}
