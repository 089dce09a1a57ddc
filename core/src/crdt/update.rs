//! A walk over text updates from strangers, without building anything.
//!
//! An update is the Yjs format, version 1: blocks by client, then ranges that are deleted. Whatever is not a block of a
//! plain text, or claims more than its bytes can hold, is refused here, so that the text algorithm is only ever handed
//! updates of the kind it makes itself. A relay runs this check too: a bad update is refused at the door.

use crate::bounds;
use crate::bytes::{DecodeError, Reader};

/// The name that every text has inside its own update format.
pub(crate) const ROOT: &str = "t";

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_PARENT_SUB: u8 = 0x20;
const MAX_CLIENT: u64 = (1 << 53) - 1;

/// A text update is not one that a text makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text update is malformed ({0}): it was damaged or made by something else")]
pub struct UpdateError(#[from] pub DecodeError);

/// Checks that `update` is a well-formed update of a plain text. Allocates nothing; takes time linear in its length.
///
/// # Errors
/// [`UpdateError`] with what is wrong.
pub fn check_update(update: &[u8]) -> Result<(), UpdateError> {
    let mut reader = Reader::new(update);
    let clients = reader.count(3, usize::MAX)?;
    for _ in 0..clients {
        check_client(&mut reader)?;
    }
    let deleted = reader.count(2, usize::MAX)?;
    for _ in 0..deleted {
        check_deleted(&mut reader)?;
    }
    Ok(reader.finish()?)
}

fn check_client(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let blocks = reader.count(1, usize::MAX)?;
    client(reader)?;
    let mut clock = reader.varint()?;
    for _ in 0..blocks {
        let length = block_length(reader)?;
        clock = clock
            .checked_add(length)
            .filter(|&end| end <= bounds::TEXT_UNITS)
            .ok_or(DecodeError::Range("text clock"))?;
    }
    Ok(())
}

fn block_length(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let info = reader.byte()?;
    let length = match info & 0x1f {
        // Collected, or skipped because another update holds it.
        0 | 10 if info & !0x1f == 0 => reader.varint()?,
        content => {
            check_item_head(info, reader)?;
            match content {
                1 => reader.varint()?,
                4 => text_units(reader.block(bounds::VALUE_BYTES)?)?,
                _ => return Err(DecodeError::Range("text block")),
            }
        }
    };
    if length == 0 || length > bounds::TEXT_UNITS { Err(DecodeError::Range("text block length")) } else { Ok(length) }
}

fn check_item_head(info: u8, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if info & HAS_PARENT_SUB != 0 {
        return Err(DecodeError::Range("text block"));
    }
    for flag in [HAS_ORIGIN, HAS_RIGHT_ORIGIN] {
        if info & flag != 0 {
            client(reader)?;
            clock(reader)?;
        }
    }
    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 && (reader.varint()? != 1 || reader.block(8)? != ROOT.as_bytes()) {
        return Err(DecodeError::Range("text root"));
    }
    Ok(())
}

fn check_deleted(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    client(reader)?;
    for _ in 0..reader.count(2, usize::MAX)? {
        let (from, length) = (clock(reader)?, reader.varint()?);
        if length == 0 || from.saturating_add(length) > bounds::TEXT_UNITS {
            return Err(DecodeError::Range("deleted range"));
        }
    }
    Ok(())
}

fn client(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if reader.varint()? > MAX_CLIENT { Err(DecodeError::Range("text client")) } else { Ok(()) }
}

fn clock(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    reader
        .varint()
        .and_then(|clock| if clock > bounds::TEXT_UNITS { Err(DecodeError::Range("text clock")) } else { Ok(clock) })
}

/// Clocks of texts count UTF-16 code units.
fn text_units(bytes: &[u8]) -> Result<u64, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Range("text (it is not UTF-8)"))?;
    Ok(text.encode_utf16().count() as u64)
}
