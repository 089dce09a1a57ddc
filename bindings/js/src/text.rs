//! The text part of [`Replica`]. Positions and lengths are in UTF-16 code units, as JavaScript counts.

use syncline::crdt::TextUnit;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::doc::parse;
use crate::replica::Replica;

#[wasm_bindgen]
impl Replica {
    /// The content of a text.
    pub fn text(&mut self, path: &str) -> Result<String, JsValue> {
        let path = parse(path)?;
        Ok(self.doc_mut().text(&path))
    }

    /// The length of a text.
    pub fn text_length(&mut self, path: &str) -> Result<u32, JsValue> {
        let path = parse(path)?;
        Ok(self.doc_mut().text_len(&path, TextUnit::Utf16) as u32)
    }

    /// Replaces a range of a text.
    pub fn text_splice(&mut self, path: &str, index: u32, count: u32, text: &str, now: f64) -> Result<f64, JsValue> {
        let path = parse(path)?;
        self.edit(now, |doc| {
            let (index, count) = (index as usize, count as usize);
            if count > 0 {
                doc.text_delete(&path, index, count, TextUnit::Utf16)?;
            }
            if text.is_empty() { Ok(()) } else { doc.text_insert(&path, index, text, TextUnit::Utf16) }
        })
    }
}
