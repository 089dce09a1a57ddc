//! A walk over text updates from strangers, without building anything.
//!
//! An update is the Yjs format, version 1: blocks by client, then ranges that are deleted. Whatever is not a block of a
//! text or of its attributes, or claims more than its bytes can hold, is refused here, so that the text algorithm is only
//! ever handed updates of the kind it makes itself. A relay runs this check too: a bad update is refused at the door.

use crate::bounds;
use crate::bytes::{DecodeError, Reader};

/// The name that every text has inside its own update format.
pub(crate) const ROOT: &str = "t";

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_PARENT_SUB: u8 = 0x20;
pub(crate) const MAX_CLIENT: u64 = (1 << 53) - 1;

/// A text update is not one that a text makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text update is malformed ({0}): it was damaged or made by something else")]
pub struct UpdateError(#[from] pub DecodeError);

/// Checks that `update` is a well-formed update of a text. Allocates nothing; takes time linear in its length.
///
/// # Errors
/// [`UpdateError`] with what is wrong.
pub fn check_update(update: &[u8]) -> Result<(), UpdateError> {
    walk(update).map(drop)
}

/// Walks over an update. Returns whether it holds attributes.
pub(crate) fn walk(update: &[u8]) -> Result<bool, UpdateError> {
    let mut reader = Reader::new(update);
    let mut marked = false;
    let clients = reader.count(3, usize::MAX)?;
    for _ in 0..clients {
        check_client(&mut reader, &mut marked)?;
    }
    let deleted = reader.count(2, usize::MAX)?;
    for _ in 0..deleted {
        check_deleted(&mut reader)?;
    }
    reader.finish()?;
    Ok(marked)
}

/// The blocks of characters in a locally made update: each with its author, its first number and the one behind its last.
#[cfg(feature = "text")]
pub(crate) fn own_blocks(update: &[u8]) -> Vec<(u64, u64, u64)> {
    let (mut reader, mut out) = (Reader::new(update), Vec::new());
    let mut read = || -> Result<(), DecodeError> {
        for _ in 0..reader.varint()? {
            let (blocks, author, mut clock) = (reader.varint()?, reader.varint()?, reader.varint()?);
            for _ in 0..blocks {
                let (first, letters) = (clock, reader.clone().byte()? & 0x1f == 4);
                clock += block(&mut reader, &mut false)?.length;
                if letters {
                    out.push((author, first, clock));
                }
            }
        }
        Ok(())
    };
    // An update that was made here is sound.
    let sound = read();
    debug_assert!(sound.is_ok());
    out
}

fn check_client(reader: &mut Reader<'_>, marked: &mut bool) -> Result<(), DecodeError> {
    let blocks = reader.count(1, usize::MAX)?;
    client(reader)?;
    let mut clock = reader.varint()?;
    for _ in 0..blocks {
        let length = block(reader, marked)?.length;
        clock = clock
            .checked_add(length)
            .filter(|&end| end <= bounds::TEXT_UNITS)
            .ok_or(DecodeError::Range("text clock"))?;
    }
    Ok(())
}

/// One block of an update.
pub(super) struct Block {
    pub(super) length: u64,
    /// It holds nothing: another update does.
    pub(super) skipped: bool,
    /// What it stands beside, if anything: author and number.
    pub(super) beside: [Option<(u64, u64)>; 2],
}

pub(super) fn block(reader: &mut Reader<'_>, marked: &mut bool) -> Result<Block, DecodeError> {
    let (info, mut beside) = (reader.byte()?, [None; 2]);
    let length = match info & 0x1f {
        // Collected, or skipped because another update holds it.
        0 | 10 if info & !0x1f == 0 => reader.varint()?,
        content => {
            beside = item_head(info, reader)?;
            match content {
                1 => reader.varint()?,
                4 => text_units(reader.block(bounds::VALUE_BYTES)?)?,
                6 => {
                    *marked = true;
                    check_attribute(
                        reader.block(bounds::ATTRIBUTE_NAME_BYTES)?,
                        reader.block(bounds::ATTRIBUTE_BYTES)?,
                    )?;
                    1
                }
                _ => return Err(DecodeError::Range("text block")),
            }
        }
    };
    if length == 0 || length > bounds::TEXT_UNITS {
        return Err(DecodeError::Range("text block length"));
    }
    Ok(Block { length, skipped: info == 10, beside })
}

fn item_head(info: u8, reader: &mut Reader<'_>) -> Result<[Option<(u64, u64)>; 2], DecodeError> {
    if info & HAS_PARENT_SUB != 0 {
        return Err(DecodeError::Range("text block"));
    }
    let mut beside = [None; 2];
    for (flag, beside) in [HAS_ORIGIN, HAS_RIGHT_ORIGIN].into_iter().zip(&mut beside) {
        if info & flag != 0 {
            *beside = Some((client(reader)?, clock(reader)?));
        }
    }
    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 && (reader.varint()? != 1 || reader.block(8)? != ROOT.as_bytes()) {
        return Err(DecodeError::Range("text root"));
    }
    Ok(beside)
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

fn client(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let client = reader.varint()?;
    if client > MAX_CLIENT { Err(DecodeError::Range("text client")) } else { Ok(client) }
}

fn clock(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    reader
        .varint()
        .and_then(|clock| if clock > bounds::TEXT_UNITS { Err(DecodeError::Range("text clock")) } else { Ok(clock) })
}

/// An attribute is a name and a scalar in JSON, as short as the text algorithm writes it: it hands this to a parser of JSON,
/// which must have nothing to nest, to overflow or to object to.
pub(crate) fn check_attribute(name: &[u8], value: &[u8]) -> Result<(), DecodeError> {
    let sound = std::str::from_utf8(name).is_ok() && std::str::from_utf8(value).is_ok();
    let scalar = match value {
        b"null" | b"true" | b"false" => true,
        [b'"', inner @ .., b'"'] => is_json_text(inner),
        _ => is_json_number(value),
    };
    if sound && scalar { Ok(()) } else { Err(DecodeError::Range("text attribute")) }
}

/// The inside of a JSON text. Of escapes by number only those of control characters: others stand for themselves.
fn is_json_text(mut rest: &[u8]) -> bool {
    loop {
        rest = match rest {
            [] => return true,
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
            [b'\\', b'u', b'0', b'0', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [b'\\' | b'"' | 0..0x20, ..] => return false,
            [_, rest @ ..] => rest,
        }
    }
}

/// A JSON number that every reader takes without loss of range: at most 18 digits, and exponents of two digits.
fn is_json_number(value: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    let mut sound = (1..=18).contains(&whole) && (whole == 1 || unsigned[0] != b'0');
    if let [b'.', fraction @ ..] = rest {
        let count = digits(fraction);
        sound = sound && (1..=24).contains(&count);
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = if let [b'+' | b'-', unsigned @ ..] = exponent { unsigned } else { exponent };
        let count = digits(exponent);
        sound = sound && (1..=2).contains(&count);
        rest = &exponent[count..];
    }
    sound && rest.is_empty()
}

/// Clocks of texts count UTF-16 code units.
fn text_units(bytes: &[u8]) -> Result<u64, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Range("text (it is not UTF-8)"))?;
    Ok(text.encode_utf16().count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_scalars_that_no_parser_objects_to() {
        for value in ["null", "true", "1.0", "-0.5", "12", "1e21", "\"\"", "\"é\\n\\u001f\\\\\""] {
            assert_eq!(check_attribute(b"bold", value.as_bytes()), Ok(()), "{value}");
        }
        let deep = "[".repeat(100);
        for value in [
            "",
            "nul",
            "01",
            "1.",
            "1e999",
            "-",
            ".5",
            "1234567890123456789",
            "{}",
            &deep,
            "\"",
            "\"\\\"",
            "\"\\ud800\"",
            "\"\n\"",
        ] {
            assert!(check_attribute(b"bold", value.as_bytes()).is_err(), "{value}");
        }
        assert!(check_attribute(&[0xff], b"true").is_err() && check_attribute(b"b", &[b'"', 0xff, b'"']).is_err());
    }
}
