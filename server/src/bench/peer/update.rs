//! Updates of Yjs, written by hand: what a client makes that sets keys of a map.

use crate::yjs::bytes::{push_block, push_number};

/// Kind of content: values of any type.
const ANY: u8 = 8;
/// The block stands behind another.
const ORIGIN: u8 = 0x80;
/// The block is the value of a key.
const KEY: u8 = 0x20;
/// The types of values that are written here.
const STRING: u8 = 119;
const INTEGER: u8 = 125;

/// What one author makes next.
pub(super) struct Update {
    pub(super) author: u64,
    pub(super) clock: u64,
}

impl Update {
    /// Sets a key of a map to a text. A value before, by the same author, is named by its clock; it is deleted.
    pub(super) fn set(&self, key: &str, text: &str, replaces: Option<u64>) -> Vec<u8> {
        let mut out = self.begin(1);
        match replaces {
            Some(before) => {
                out.push(ANY | ORIGIN | KEY);
                push_number(&mut out, self.author);
                push_number(&mut out, before);
            }
            None => push_place(&mut out, key),
        }
        out.extend_from_slice(&[1, STRING]);
        push_block(&mut out, text.as_bytes());
        let Some(before) = replaces else {
            out.push(0);
            return out;
        };
        out.push(1);
        push_number(&mut out, self.author);
        out.push(1);
        push_number(&mut out, before);
        out.push(1);
        out
    }

    /// Sets many keys of the map to small numbers.
    pub(super) fn fill(&self, cells: u32, key: impl Fn(u32) -> String) -> Vec<u8> {
        let mut out = self.begin(u64::from(cells));
        for cell in 0..cells {
            push_place(&mut out, &key(cell));
            out.extend_from_slice(&[1, INTEGER, (cell % 64) as u8]);
        }
        out.push(0);
        out
    }

    /// One author, so many blocks, from this clock on.
    fn begin(&self, blocks: u64) -> Vec<u8> {
        let mut out = vec![1];
        push_number(&mut out, blocks);
        push_number(&mut out, self.author);
        push_number(&mut out, self.clock);
        out
    }
}

/// The key of a map at the root, for a block that stands behind no other.
fn push_place(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(&[ANY | KEY, 1]);
    push_block(out, b"cells");
    push_block(out, key.as_bytes());
}
