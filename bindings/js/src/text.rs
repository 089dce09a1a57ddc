//! Edits of texts in [`Replica`]. Positions and lengths are in UTF-16 code units, as JavaScript counts.

use syncline::crdt::TextUnit;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::replica::Replica;

#[wasm_bindgen]
impl Replica {
    /// Replaces a range of a text.
    pub fn text_splice(&mut self, path: &str, index: u32, count: u32, text: &str, now: f64) -> Result<f64, JsValue> {
        self.edit(path, now, |doc, path| {
            let (index, count) = (index as usize, count as usize);
            if count > 0 {
                doc.text_delete(path, index, count, TextUnit::Utf16)?;
            }
            if text.is_empty() { Ok(()) } else { doc.text_insert(path, index, text, TextUnit::Utf16) }
        })
    }
}
