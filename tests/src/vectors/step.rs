//! One step of a vector, done to real documents.
//!
//! | op | fields |
//! |---|---|
//! | `set`, `assign` | `path`, `value` |
//! | `register` | `path`, `value`: the same as `set`, through the register of a facade |
//! | `delete` | `path` |
//! | `add`, `remove` | `path`, `value`: an element of a set; `kind`: `add-wins` (default), `remove-wins`, `last-writer-wins`, `grow-only`, `two-phase` |
//! | `flag` | `path`, `kind` (`enable-wins` or `disable-wins`), `value` |
//! | `increment` | `path`, `by`: an integer within ±(2^53-1), which every facade takes |
//! | `grow` | `path`, `by`: an increment that must not be negative |
//! | `reset` | `path`: resets a counter as far as it was seen |
//! | `fold` | `stable`: replicas; folds what all of them have seen now |
//! | `bounded` | `path`, `bound`: makes a bounded counter |
//! | `bounded-add`, `bounded-sub` | `path`, `by` |
//! | `bounded-transfer` | `path`, `to`: a replica's id, `by` |
//! | `policy` | `path`, `is`: a list of the policy's name and what belongs to it (`last-writer-wins`, `keep-all`, `source-priority` and sources, `insert-wins`, `remove-wins`, `custom` and a name), or null to clear it |
//! | `source` | `path` (empty), `name`: the replica's source, written with its next transaction |
//! | `list-insert` | `path`, `index` (the end if absent), `value` |
//! | `list-delete`, `list-set` | `path`, `index`, and `value` |
//! | `list-move` | `path`, `from`, `to`: the index that the item has afterwards |
//! | `insert`, `erase` | `path`, `index`, and `text` or `count`; both in code points |
//! | `insert` | also `attributes` (name to scalar): the insertion has just these |
//! | `format` | `path`, `index`, `count`, `attributes`; null takes one away; code points |
//! | `runs` | `path`, `is`: checks the parts of a text, each `[string, attributes]` |
//! | `cursor` | `path`, `index`, `assoc` (`before` or `after`), `as`, `is` (the bytes in hex): keeps a cursor |
//! | `cursor-index` | `path`, `cursor` (a name), `is`: checks where a kept cursor is now, in code points; null for nowhere |
//! | `watch` | begins to collect change events of this replica |
//! | `changes` | `is`: checks the events since `watch` or the last `changes`, see [`events`](super::events) |
//! | `version` | `as`: keeps the version of this replica |
//! | `since` | `of` (a kept version), `is`: checks the net changes, see [`events`](super::events) |
//! | `keep-undo` | `merge` (ms): local transactions can be undone from now on |
//! | `undo`, `redo` | `is`: whether there was something to undo or redo (default true) |
//! | `fill`, `clear` | `path`, `keys`: sets each key to its index, or deletes each, in one transaction |
//! | `transact` | `steps`, `rollback` |
//! | `capture` | `as`, and `save: true` or `since` (a replica's version now), else a full export |
//! | `import` | `blob`, or `from` and optionally `since`; `fails: true` when it must be refused |
//! | `sync` | `replicas`: each imports what it lacks from each other, twice |
//! | `siblings` | `path`, `is`: checks the values of a register, newest first |
//! | `elements` | `path`, `kind`, `is`: checks the elements of a set |
//! | `resolve` | `path`, `is`: checks `{"value": ..}`, `{"all": [..]}`, `{}` for nothing, or `{"error": ..}` with `source`, `resolver` or `choice` |
//! | `value` | `path`, `is`: checks the value of a register, null if there is none |
//! | `rights` | `path`, `of`: a replica's id, `is`: checks its rights on a bounded counter |
//! | `list-is` | `path`, `is`: checks the values of a list, one by one by index |
//! | `flag-is` | `path`, `kind`, `is`: checks a flag |
//!
//! The id of an item of a list is the hexadecimal id of its author's replica, then the event's number in as few bytes.
//!
//! An edit with `fails: true` must be refused. Edits are in [`super::edit`], checks in [`super::check`].
//! `on` names the replica. `at` is the time in ms after [`BASE_MS`] and holds until the next `at`.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline::doc::Doc;

use super::check::{check, is_check};
use super::edit::{edit, text};
use super::watch::{Kept, is_watch};

/// The time that `at: 0` stands for, in ms since the epoch.
pub const BASE_MS: u64 = 1_700_000_000_000;

/// The documents and captured blobs of a running vector.
#[derive(Default)]
pub struct Bench {
    /// Replica letter to document.
    pub docs: BTreeMap<String, Doc>,
    /// Name to captured blob.
    pub blobs: BTreeMap<String, Vec<u8>>,
    kept: Kept,
    now_ms: u64,
}

impl Bench {
    /// Makes one empty document per replica of `vector`.
    pub fn new(vector: &Json) -> Result<Bench, String> {
        let mut bench = Bench { now_ms: BASE_MS, ..Bench::default() };
        for (name, id) in vector["replicas"].as_object().ok_or("a vector needs replicas")? {
            let id = id.as_str().and_then(|id| id.parse().ok()).ok_or("a replica id has 32 hex digits")?;
            bench.docs.insert(name.clone(), Doc::new(id));
        }
        Ok(bench)
    }

    /// Does one step.
    pub fn step(&mut self, step: &Json) -> Result<(), String> {
        if let Some(at) = step["at"].as_u64() {
            self.now_ms = BASE_MS + at;
        }
        match text(step, "op")? {
            "sync" => self.sync(step),
            "capture" => {
                let blob = self.blob(text(step, "on")?, step)?;
                self.blobs.insert(text(step, "as")?.to_string(), blob);
                Ok(())
            }
            "import" => self.import(step),
            "fold" => self.fold(step),
            op if is_check(op) => {
                let doc = self.doc(text(step, "on")?)?;
                check(doc, step)
            }
            op if is_watch(op) => {
                let doc = self.docs.get_mut(text(step, "on")?).ok_or("no such replica")?;
                self.kept.watch(doc, step, self.now_ms)
            }
            _ => self.edit(step),
        }
    }

    fn doc(&mut self, name: &str) -> Result<&mut Doc, String> {
        self.docs.get_mut(name).ok_or_else(|| format!("no replica {name}"))
    }

    fn edit(&mut self, step: &Json) -> Result<(), String> {
        let now_ms = self.now_ms;
        let doc = self.doc(text(step, "on")?)?;
        doc.begin(now_ms, step["origin"].as_str()).map_err(|e| e.to_string())?;
        if step["fails"] == Json::Bool(true) {
            let refused = edit(doc, step).is_err();
            doc.rollback();
            return if refused { Ok(()) } else { Err("this edit must be refused".into()) };
        }
        if text(step, "op")? != "transact" {
            edit(doc, step)?;
        } else {
            for inner in step["steps"].as_array().ok_or("transact needs steps")? {
                edit(doc, inner)?;
            }
            if step["rollback"] == Json::Bool(true) {
                doc.rollback();
                return Ok(());
            }
        }
        doc.commit().map(drop).map_err(|e| e.to_string())
    }

    fn fold(&mut self, step: &Json) -> Result<(), String> {
        let names = step["stable"].as_array().ok_or("fold needs stable")?.iter().filter_map(Json::as_str);
        let now_ms = self.now_ms;
        let mut stable = self.doc(text(step, "on")?)?.version();
        for name in names {
            stable = stable.meet(&self.doc(name)?.version());
        }
        let folded = self.doc(text(step, "on")?)?.transact(now_ms, None, |doc| doc.fold(&stable));
        folded.map(drop).map_err(|e| e.to_string())
    }

    fn blob(&mut self, on: &str, step: &Json) -> Result<Vec<u8>, String> {
        let since = match step["since"].as_str() {
            Some(name) => Some(self.doc(name)?.version()),
            None => None,
        };
        let doc = self.doc(on)?;
        Ok(match since {
            _ if step["save"] == Json::Bool(true) => doc.save(),
            Some(since) => doc.export_from(&since),
            None => doc.export(),
        })
    }

    fn import(&mut self, step: &Json) -> Result<(), String> {
        let blob = match step["blob"].as_str() {
            Some(name) => self.blobs.get(name).ok_or_else(|| format!("no blob {name}"))?.clone(),
            None => self.blob(text(step, "from")?, step)?,
        };
        let result = self.doc(text(step, "on")?)?.import(&blob);
        match (result, step["fails"] == Json::Bool(true)) {
            (Ok(_), false) | (Err(_), true) => Ok(()),
            (Ok(_), true) => Err("this import must be refused".into()),
            (Err(error), false) => Err(error.to_string()),
        }
    }

    fn sync(&mut self, step: &Json) -> Result<(), String> {
        let names: Vec<&str> =
            step["replicas"].as_array().ok_or("sync needs replicas")?.iter().filter_map(Json::as_str).collect();
        for (to, from) in (0..2).flat_map(|_| names.iter().flat_map(|to| names.iter().map(move |from| (*to, *from)))) {
            if to != from {
                let since = self.doc(to)?.version();
                let blob = self.doc(from)?.export_from(&since);
                self.doc(to)?.import(&blob).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }
}
