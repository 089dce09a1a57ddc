//! The document part of [`Replica`]: reads, writes, exchange.
//!
//! Every write takes the time and returns the sequence number of what it wrote. Outside a transaction it is one by
//! itself; inside, the number is 0, as it is if there was nothing to write.

use js_sys::Array;
use syncline::clock::VersionVector;
#[cfg(feature = "text")]
use syncline::crdt::TextUnit;
use syncline::crdt::{Path, Value};
use syncline::doc::{Doc, EditError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::change::flatten;
#[cfg(feature = "types")]
use crate::conflict;
use crate::error::fail;
#[cfg(feature = "lists")]
use crate::list;
#[cfg(feature = "plain")]
use crate::plain;
use crate::refused::{decode_error, edit_error, import_error, path_error, unsupported};
use crate::replica::Replica;
#[cfg(feature = "streams")]
use crate::stream;
#[cfg(feature = "text")]
use crate::text;
#[cfg(feature = "types")]
use crate::types;
#[cfg(feature = "undo")]
use crate::undo;
#[cfg(feature = "types")]
use crate::value::bytes;
use crate::value::{from_f64, from_js, hex, list_to_js, option_to_js, to_js};

#[wasm_bindgen]
impl Replica {
    /// Opens a transaction, or joins the open one.
    pub fn begin(&mut self, now: f64, origin: Option<String>) -> Result<(), JsValue> {
        self.doc_mut().begin(now as u64, origin.as_deref()).map_err(edit_error)
    }

    /// Ends the innermost transaction; the outermost one takes effect.
    pub fn commit(&mut self) -> Result<f64, JsValue> {
        let seq = self.doc_mut().commit().map_err(edit_error)?;
        Ok(seq.unwrap_or(0) as f64)
    }

    /// Undoes the transaction.
    pub fn rollback(&mut self) {
        self.doc_mut().rollback();
    }

    /// The value at a path, or the content of the container there.
    pub fn get(&self, path: &str) -> Result<JsValue, JsValue> {
        let (path, doc) = (parse(path)?, self.doc());
        Ok(option_to_js(doc.get(&path).or_else(|| doc.view(&path)).as_ref()))
    }

    /// Reads anything else at a path; `what` is a number of `READ` in `ts/raw.ts`. `value` is what is looked for: an element,
    /// an index, an id.
    ///
    /// One method for all, because each method of its own makes the WASM a third of a kilobyte larger.
    pub fn read(&mut self, what: u32, path: &str, value: &JsValue) -> Result<JsValue, JsValue> {
        let path = &parse(path)?;
        #[cfg(feature = "types")]
        if what == types::MEND {
            return self.mend_from(&bytes(value)).map(|()| JsValue::UNDEFINED).map_err(import_error);
        }
        let doc = self.doc_mut();
        Ok(match what {
            0 => option_to_js(doc.view(path).as_ref()),
            1 => list_to_js(&doc.siblings(path)),
            2 => doc.contains(path).into(),
            3 => (doc.len(path) as u32).into(),
            4 => names_to_js(&doc.keys(path)),
            5 => entries_to_js(doc.view(path)),
            6 => doc.set_contains(path, &from_js(value)?).into(),
            7 => (doc.set_len(path) as u32).into(),
            8 => list_to_js(&doc.set_elements(path)),
            9 => JsValue::from_f64(doc.counter(path) as f64),
            #[cfg(feature = "text")]
            10 => JsValue::from_str(&doc.text(path)),
            #[cfg(feature = "text")]
            11 => (doc.text_len(path, TextUnit::Utf16) as u32).into(),
            #[cfg(feature = "lists")]
            list::FIRST..=list::LAST => list::read(doc, what, path, value),
            #[cfg(feature = "text")]
            text::FIRST..=text::LAST => return text::read(doc, what, path, value),
            #[cfg(feature = "streams")]
            stream::FIRST..=stream::LAST => return stream::read(doc, what, path, value),
            #[cfg(feature = "undo")]
            undo::FIRST..=undo::LAST => return undo::read(doc, what, value),
            #[cfg(feature = "plain")]
            plain::FIRST..=plain::LAST => plain::read(doc, path),
            #[cfg(feature = "types")]
            conflict::FIRST..=conflict::LAST => conflict::read(doc, what, path, value),
            17 => JsValue::from_f64(doc.lost_changes() as f64),
            #[cfg(feature = "types")]
            _ => return types::read(doc, what, path, value),
            #[cfg(not(feature = "types"))]
            _ => return Err(unsupported()),
        })
    }

    /// Sets a number.
    pub fn set_f64(&mut self, path: &str, value: f64, now: f64) -> Result<f64, JsValue> {
        self.edit(path, now, |doc, path| doc.set(path, from_f64(value)))
    }

    /// Sets a text value.
    pub fn set_str(&mut self, path: &str, value: String, now: f64) -> Result<f64, JsValue> {
        self.edit(path, now, |doc, path| doc.set(path, Value::Str(value)))
    }

    /// Writes at a path; `what` is a number of `WRITE` in `ts/raw.ts`, and `index` the place or amount that some need. One
    /// method for all, as for reading.
    pub fn write(&mut self, what: u32, path: &str, value: &JsValue, now: f64, index: f64) -> Result<f64, JsValue> {
        #[cfg(not(any(feature = "lists", feature = "types")))]
        let _ = index;
        let value = if value.is_undefined() && NEED_NO_VALUE.contains(&what) { Value::Null } else { from_js(value)? };
        match (what, &value) {
            (1, Value::Map(_)) | (4, Value::Int(_)) => {}
            (1, _) => {
                return Err(fail("invalid-value", "assign() takes a plain object: use set() for a single value"));
            }
            (4, _) => {
                return Err(fail("invalid-value", "a counter takes safe integers: use a register for other numbers"));
            }
            (0..=6, _) => {}
            #[cfg(feature = "lists")]
            (list::FIRST..=list::LAST, _) => {}
            #[cfg(feature = "text")]
            (text::FIRST..=text::LAST, _) => {
                return self.change(path, now, false, |doc, path| text::write(doc, what, path, value, index as usize));
            }
            #[cfg(feature = "plain")]
            (plain::FIRST..=plain::LAST, _) => {
                return self.change(path, now, true, |doc, path| plain::write(doc, what, path, value));
            }
            #[cfg(feature = "types")]
            (types::FIRST.., _) => {
                let write = types::Write::read(what, value, index)?;
                return self.edit(path, now, |doc, path| write.make(doc, path));
            }
            _ => return Err(unsupported()),
        }
        self.edit(path, now, |doc, path| match (what, value) {
            (1, value) => doc.assign(path, value),
            (2, value) => doc.set_add(path, value).map(drop),
            (3, value) => doc.set_remove(path, &value).map(drop),
            (4, Value::Int(by)) => doc.counter_add(path, by),
            (5, _) => doc.create_map(path),
            (6, _) => doc.delete(path).map(drop),
            #[cfg(feature = "lists")]
            (list::FIRST..=list::LAST, value) => list::write(doc, what, path, value, index as usize),
            (_, value) => doc.set(path, value),
        })
    }

    /// The canonical snapshot.
    pub fn export(&self) -> Vec<u8> {
        self.doc().export()
    }

    /// What a replica at an encoded version lacks.
    pub fn export_from(&self, version: &[u8]) -> Result<Vec<u8>, JsValue> {
        Ok(self.doc().export_from(&VersionVector::decode(version).map_err(decode_error)?))
    }

    /// A snapshot with delete records.
    pub fn save(&self) -> Vec<u8> {
        self.doc().save()
    }

    /// Joins any blob and passes on what is new; returns the number of new events.
    pub fn import(&mut self, bytes: &[u8]) -> Result<f64, JsValue> {
        let report = self.import_blob(bytes).map_err(import_error)?;
        Ok(report.applied as f64)
    }

    /// The encoded version.
    pub fn version(&self) -> Vec<u8> {
        self.doc().version().encode()
    }

    /// The version as replica ids and numbers, in turn.
    pub fn version_entries(&self) -> Array {
        let flat = Array::new();
        for (replica, seq) in self.doc().version().iter() {
            flat.push(&JsValue::from_str(&hex(replica.as_bytes())));
            flat.push(&JsValue::from_f64(seq as f64));
        }
        flat
    }

    /// The digest: 32 hex digits.
    pub fn digest(&self) -> String {
        self.doc().digest().to_string()
    }

    /// The number of values, of delete records and of replicas.
    pub fn stats(&self) -> Vec<f64> {
        let stats = self.doc().stats();
        [stats.dots, stats.deletes, stats.replicas].iter().map(|&count| count as f64).collect()
    }

    /// Switches the collection of changes.
    pub fn observe(&mut self, on: bool) {
        self.doc_mut().observe(on);
    }

    /// Takes the collected changes, flattened.
    pub fn take_changes(&mut self) -> Array {
        flatten(&self.doc_mut().take_changes())
    }
}

/// The writes for which the path is enough.
const NEED_NO_VALUE: [u32; 2] = [5, 6];

impl Replica {
    /// Edits within the open transaction, or in one of its own.
    pub(crate) fn edit(
        &mut self,
        path: &str,
        now: f64,
        change: impl FnOnce(&mut Doc, &Path) -> Result<(), EditError>,
    ) -> Result<f64, JsValue> {
        self.change(path, now, false, |doc, path| change(doc, path).map_err(edit_error))
    }

    /// Edits within the open transaction or, if there is none or `whole` is said, in one of its own, which fails as a whole.
    pub(crate) fn change(
        &mut self,
        path: &str,
        now: f64,
        whole: bool,
        change: impl FnOnce(&mut Doc, &Path) -> Result<(), JsValue>,
    ) -> Result<f64, JsValue> {
        let path = parse(path)?;
        let apart = whole || !self.doc().in_transaction();
        if apart {
            self.begin(now, None)?;
        }
        let done = change(self.doc_mut(), &path);
        if !apart {
            return done.map(|()| 0.0);
        }
        if done.is_err() {
            self.rollback();
        }
        done.and_then(|()| self.commit())
    }
}

fn parse(path: &str) -> Result<Path, JsValue> {
    Path::parse(path).map_err(path_error)
}

pub(crate) fn names_to_js(names: &[String]) -> JsValue {
    let array = Array::new();
    for name in names {
        array.push(&JsValue::from_str(name));
    }
    array.into()
}

/// The keys and contents of a map, in turn.
fn entries_to_js(map: Option<Value>) -> JsValue {
    let flat = Array::new();
    if let Some(Value::Map(entries)) = map {
        for (key, item) in &entries {
            flat.push(&JsValue::from_str(key));
            flat.push(&to_js(item));
        }
    }
    flat.into()
}
