//! Positions that stay with the characters around them: the relative positions of Yjs, checked before they are used.

use super::marks::{is_low, points_of};
use super::text::{Ids, Text, TextError};
use super::update::{MAX_CLIENT, ROOT};
use super::{Assoc, TextUnit};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, Writer};
use yrs::block::ClientID;
use yrs::{ID, IndexScope, IndexedSequence, ReadTxn, StickyIndex, TextRef};

/// What stands behind the place: clings to the character behind, or to the one in front.
const AFTER: u8 = 0;
const BEFORE: u8 = 0x41;

impl Text {
    /// A cursor at a position: the bytes of a Yjs relative position.
    pub(crate) fn cursor(&self, index: usize, unit: TextUnit, assoc: Assoc) -> Result<Vec<u8>, TextError> {
        let at = self.position(index, unit)?.units as u32;
        let sticky = self.root.sticky_index(&self.transact(), at, sticky_side(assoc));
        let mut out = Writer::default();
        match sticky.as_ref().and_then(StickyIndex::id) {
            Some(id) => {
                out.varint(0);
                out.varint(id.client.get());
                out.varint(u64::from(id.clock));
            }
            // There is no character on that side: the end of the text itself.
            None => {
                out.varint(1);
                out.block(ROOT.as_bytes());
            }
        }
        out.byte(if assoc == Assoc::After { AFTER } else { BEFORE });
        Ok(out.into_bytes())
    }

    /// Where a cursor is now; `None` if it clings to a character that never was in this text.
    pub(crate) fn cursor_index(&self, cursor: &[u8], unit: TextUnit) -> Result<Option<usize>, DecodeError> {
        let sticky = parse(cursor)?;
        let txn = self.transact();
        let Some(at) = sticky.get_offset(&txn).map(|offset| offset.index as usize) else { return Ok(None) };
        drop(txn);
        let counts_points = unit == TextUnit::CodePoint && self.astral;
        Ok(Some(if counts_points { points_of(&self.string(), at) } else { at }))
    }
}

fn parse(cursor: &[u8]) -> Result<StickyIndex, DecodeError> {
    let mut reader = Reader::new(cursor);
    let scope = match reader.varint()? {
        0 => {
            let (client, clock) = (reader.varint()?, reader.varint()?);
            if client > MAX_CLIENT || clock > bounds::TEXT_UNITS {
                return Err(DecodeError::Range("text cursor"));
            }
            IndexScope::Relative(ID::new(ClientID::new(client), clock as u32))
        }
        1 if reader.block(8)? == ROOT.as_bytes() => IndexScope::Root(ROOT.into()),
        _ => return Err(DecodeError::Range("text cursor")),
    };
    let assoc = match reader.byte()? {
        AFTER => Assoc::After,
        BEFORE => Assoc::Before,
        _ => return Err(DecodeError::Range("text cursor")),
    };
    reader.finish()?;
    Ok(StickyIndex::new(scope, sticky_side(assoc)))
}

fn sticky_side(assoc: Assoc) -> yrs::Assoc {
    match assoc {
        Assoc::Before => yrs::Assoc::Before,
        Assoc::After => yrs::Assoc::After,
    }
}

/// How many units are shown in front of a character, which may be deleted; `None` if it never was in this text.
pub(crate) fn index_of<T: ReadTxn>(txn: &T, author: u64, clock: u64) -> Option<u32> {
    let id = ID::new(ClientID::new(author), clock as u32);
    StickyIndex::from_id(id, yrs::Assoc::After).get_offset(txn).map(|offset| offset.index)
}

/// Most pieces that a stretch is told apart into; beyond it the rest counts as one piece with its beginning.
const PIECES: usize = 64;

/// Most units of one piece that are looked at one by one.
const CHECKED: u32 = 256;

/// The characters from `from` to `to` (exclusive) as pieces of consecutive numbers. `text` is the whole text, in UTF-16.
pub(crate) fn pieces<T: ReadTxn>(
    root: &TextRef,
    txn: &T,
    text: &[u16],
    (from, to): (u32, u32),
    out: &mut Vec<(u32, u32, Ids)>,
) {
    let id = |at: u32| root.sticky_index(txn, at, yrs::Assoc::After).and_then(|sticky| sticky.id().copied());
    let (Some(first), Some(last)) = (id(from), id(to - 1)) else { return };
    // The ends alone may fit by chance, where somebody typed here and there. What is too long to be looked at unit by unit
    // is looked at here and there, too.
    let fits = |at: u32| id(at) == Some(ID::new(first.client, first.clock + (at - from)));
    let ends = first.client == last.client && last.clock.checked_sub(first.clock) == Some(to - 1 - from);
    let whole = ends && (from..to).step_by((to - from).div_ceil(CHECKED) as usize).all(fits);
    if whole || to - from == 1 || out.len() >= PIECES {
        let (author, start) = (first.client.get(), u64::from(first.clock));
        let len = if whole { u64::from(to - from) } else { 1 };
        out.push((from, to, Ids { author, first: start, end: start + len }));
        return;
    }
    let middle = from + (to - from) / 2;
    // The two units of a character have consecutive numbers and stay together.
    let middle = middle + u32::from(text.get(middle as usize).is_some_and(|unit| is_low(*unit)));
    pieces(root, txn, text, (from, middle), out);
    pieces(root, txn, text, (middle, to), out);
}
