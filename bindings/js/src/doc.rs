//! The document part of [`Replica`]: reads, writes, exchange.
//!
//! Every write takes the time and returns the sequence number of what it wrote. Outside a transaction it is one by
//! itself; inside, the number is 0, as it is if there was nothing to write.

use js_sys::Array;
use syncline::clock::VersionVector;
use syncline::crdt::{Path, Value};
use syncline::doc::{Doc, EditError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::change::{flatten, hex};
use crate::error::{decode_error, edit_error, fail, import_error, path_error};
use crate::replica::Replica;
use crate::value::{from_f64, from_js, option_to_js, to_js};

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
        let path = parse(path)?;
        let value = self.doc().get(&path).or_else(|| self.doc().view(&path));
        Ok(option_to_js(value.as_ref()))
    }

    /// All concurrent values at a path, newest first.
    pub fn siblings(&self, path: &str) -> Result<Array, JsValue> {
        Ok(self.doc().siblings(&parse(path)?).iter().map(to_js).collect())
    }

    /// Everything at and below a path.
    pub fn view(&self, path: &str) -> Result<JsValue, JsValue> {
        Ok(option_to_js(self.doc().view(&parse(path)?).as_ref()))
    }

    /// Whether anything is at or below a path.
    pub fn has(&self, path: &str) -> Result<bool, JsValue> {
        Ok(self.doc().contains(&parse(path)?))
    }

    /// The keys of a map, sorted.
    pub fn keys(&self, path: &str) -> Result<Vec<String>, JsValue> {
        Ok(self.doc().keys(&parse(path)?))
    }

    /// The keys and contents of a map, in turn.
    pub fn entries(&self, path: &str) -> Result<Array, JsValue> {
        let flat = Array::new();
        if let Some(Value::Map(entries)) = self.doc().view(&parse(path)?) {
            for (key, item) in &entries {
                flat.push(&JsValue::from_str(key));
                flat.push(&to_js(item));
            }
        }
        Ok(flat)
    }

    /// The number of keys of a map.
    pub fn size(&self, path: &str) -> Result<u32, JsValue> {
        Ok(self.doc().len(&parse(path)?) as u32)
    }

    /// Whether a set has an element.
    pub fn set_has(&self, path: &str, value: &JsValue) -> Result<bool, JsValue> {
        Ok(self.doc().set_contains(&parse(path)?, &from_js(value)?))
    }

    /// The elements of a set.
    pub fn set_values(&self, path: &str) -> Result<Array, JsValue> {
        Ok(self.doc().set_elements(&parse(path)?).iter().map(to_js).collect())
    }

    /// The number of elements of a set.
    pub fn set_size(&self, path: &str) -> Result<u32, JsValue> {
        Ok(self.doc().set_len(&parse(path)?) as u32)
    }

    /// The value of a counter.
    pub fn counter(&self, path: &str) -> Result<f64, JsValue> {
        Ok(self.doc().counter(&parse(path)?) as f64)
    }

    /// Sets a number.
    pub fn set_f64(&mut self, path: &str, value: f64, now: f64) -> Result<f64, JsValue> {
        self.put(path, from_f64(value), now)
    }

    /// Sets a text value.
    pub fn set_str(&mut self, path: &str, value: String, now: f64) -> Result<f64, JsValue> {
        self.put(path, Value::Str(value), now)
    }

    /// Sets a truth value.
    pub fn set_bool(&mut self, path: &str, value: bool, now: f64) -> Result<f64, JsValue> {
        self.put(path, Value::Bool(value), now)
    }

    /// Sets null.
    pub fn set_null(&mut self, path: &str, now: f64) -> Result<f64, JsValue> {
        self.put(path, Value::Null, now)
    }

    /// Sets any value.
    pub fn set_value(&mut self, path: &str, value: &JsValue, now: f64) -> Result<f64, JsValue> {
        self.put(path, from_js(value)?, now)
    }

    /// Sets properties, objects as nested maps.
    pub fn assign(&mut self, path: &str, value: &JsValue, now: f64) -> Result<f64, JsValue> {
        let Value::Map(entries) = from_js(value)? else {
            return Err(fail("invalid-value", "assign() takes a plain object: use set() for a single value"));
        };
        let path = parse(path)?;
        self.edit(now, |doc| doc.assign(&path, Value::Map(entries)))
    }

    /// Makes an empty map exist.
    pub fn create_map(&mut self, path: &str, now: f64) -> Result<f64, JsValue> {
        let path = parse(path)?;
        self.edit(now, |doc| doc.create_map(&path))
    }

    /// Deletes everything at and below a path.
    pub fn remove(&mut self, path: &str, now: f64) -> Result<f64, JsValue> {
        let path = parse(path)?;
        self.edit(now, |doc| doc.delete(&path).map(drop))
    }

    /// Adds an element to a set.
    pub fn set_add(&mut self, path: &str, value: &JsValue, now: f64) -> Result<f64, JsValue> {
        let (path, value) = (parse(path)?, from_js(value)?);
        self.edit(now, |doc| doc.set_add(&path, value).map(drop))
    }

    /// Removes an element from a set.
    pub fn set_remove(&mut self, path: &str, value: &JsValue, now: f64) -> Result<f64, JsValue> {
        let (path, value) = (parse(path)?, from_js(value)?);
        self.edit(now, |doc| doc.set_remove(&path, &value).map(drop))
    }

    /// Adds to a counter.
    pub fn counter_add(&mut self, path: &str, by: f64, now: f64) -> Result<f64, JsValue> {
        let Value::Int(by) = from_f64(by + 0.0) else {
            return Err(fail("invalid-value", "a counter takes safe integers: use a register for other numbers"));
        };
        let path = parse(path)?;
        self.edit(now, |doc| doc.counter_add(&path, by))
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
            flat.push(&JsValue::from_str(&hex(&replica)));
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

impl Replica {
    fn put(&mut self, path: &str, value: Value, now: f64) -> Result<f64, JsValue> {
        let path = parse(path)?;
        self.edit(now, |doc| doc.set(&path, value))
    }

    /// Edits within the open transaction, or in one of its own.
    pub(crate) fn edit(
        &mut self,
        now: f64,
        change: impl FnOnce(&mut Doc) -> Result<(), EditError>,
    ) -> Result<f64, JsValue> {
        if self.doc().in_transaction() {
            return change(self.doc_mut()).map(|()| 0.0).map_err(edit_error);
        }
        self.begin(now, None)?;
        match change(self.doc_mut()) {
            Ok(()) => self.commit(),
            Err(error) => {
                self.rollback();
                Err(edit_error(error))
            }
        }
    }
}

pub(crate) fn parse(path: &str) -> Result<Path, JsValue> {
    Path::parse(path).map_err(path_error)
}
