//! One block of an update: a run of insertions by one author. Its borders are found, its parts cut, nothing is built of it.

use super::bytes::{Malformed, Reader, push_block, push_number};

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT: u8 = 0x40;
const HAS_KEY: u8 = 0x20;
const CONTENT: u8 = 0x1f;

const COLLECTED: u8 = 0;
const DELETED: u8 = 1;
const JSON: u8 = 2;
const BINARY: u8 = 3;
const TEXT: u8 = 4;
const EMBED: u8 = 5;
const FORMAT: u8 = 6;
const TYPE: u8 = 7;
const ANY: u8 = 8;
const DOCUMENT: u8 = 9;
const GAP: u8 = 10;

/// Types that have a name: elements and hooks of XML.
const NAMED_TYPES: [u64; 2] = [3, 5];

/// The last type without a name that can be passed over.
const TYPE_MAX: u64 = 6;

/// A block as it stands in an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    /// Clocks that it takes.
    pub(super) length: u32,
    /// Whether it stands for something that another update has.
    pub(super) is_gap: bool,
    info: u8,
    origin: Option<(u64, u32)>,
    right: Option<(u64, u32)>,
    /// Where its content begins.
    content: usize,
}

impl<'a> Block<'a> {
    /// Reads the next block.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Block<'a>, Malformed> {
        let all = reader.remaining();
        let info = reader.byte()?;
        let mut block =
            Block { bytes: all, length: 0, is_gap: info == GAP, info, origin: None, right: None, content: 1 };
        if info == COLLECTED || info == GAP {
            block.length = reader.clock()?;
        } else {
            block.read_place(reader)?;
            block.content = all.len() - reader.remaining().len();
            block.length = read_content(info & CONTENT, reader)?;
        }
        block.bytes = &all[..all.len() - reader.remaining().len()];
        if block.length == 0 { Err(Malformed::Part("an empty block")) } else { Ok(block) }
    }

    fn read_place(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        if self.info & HAS_ORIGIN != 0 {
            self.origin = Some(read_id(reader)?);
        }
        if self.info & HAS_RIGHT != 0 {
            self.right = Some(read_id(reader)?);
        }
        if self.info & (HAS_ORIGIN | HAS_RIGHT) == 0 {
            match reader.number()? {
                1 => drop(reader.text()?),
                0 => drop(read_id(reader)?),
                _ => return Err(Malformed::Part("a parent")),
            }
            if self.info & HAS_KEY != 0 {
                reader.text()?;
            }
        }
        Ok(())
    }

    /// Writes the part of a block from one place in it to another. `id` is that of its first unit.
    pub(super) fn write_part(&self, out: &mut Vec<u8>, id: (u64, u32), from: u32, to: u32) {
        if from == 0 && to == self.length {
            return out.extend_from_slice(self.bytes);
        }
        if self.info == COLLECTED || self.info == GAP {
            return write_length(out, self.info, to - from);
        }
        self.write_place(out, self.info & CONTENT, id, from);
        self.write_content(out, from, to);
    }

    /// Writes a part as something that is deleted: where it is stays, what it is goes. Whether that can be done.
    pub(super) fn write_deleted(&self, out: &mut Vec<u8>, id: (u64, u32), from: u32, to: u32) -> bool {
        if !matches!(self.info & CONTENT, DELETED | JSON | BINARY | TEXT | EMBED | FORMAT | ANY) || self.is_gap {
            return false;
        }
        self.write_place(out, DELETED, id, from);
        push_number(out, u64::from(to - from));
        true
    }

    fn write_place(&self, out: &mut Vec<u8>, content: u8, (author, clock): (u64, u32), from: u32) {
        if from == 0 {
            out.push(self.info & !CONTENT | content);
            return out.extend_from_slice(&self.bytes[1..self.content]);
        }
        // What stands inside of a block was inserted behind what is before it there.
        out.push(self.info & !CONTENT | HAS_ORIGIN | content);
        push_id(out, (author, clock + from - 1));
        if let Some(right) = self.right {
            push_id(out, right);
        }
    }

    fn write_content(&self, out: &mut Vec<u8>, from: u32, to: u32) {
        let mut reader = Reader::new(&self.bytes[self.content..]);
        match self.info & CONTENT {
            DELETED => push_number(out, u64::from(to - from)),
            TEXT => push_block(out, part_of_text(reader.text().unwrap_or_default(), from, to).as_bytes()),
            kind @ (ANY | JSON) => {
                // The block was checked when it was read, so its values are there.
                let skip = |reader: &mut Reader<'a>, count: u32| {
                    for _ in 0..count {
                        let _ = if kind == ANY { reader.any() } else { reader.json() };
                    }
                };
                let _ = reader.number();
                skip(&mut reader, from);
                let values = reader.remaining();
                skip(&mut reader, to - from);
                push_number(out, u64::from(to - from));
                out.extend_from_slice(&values[..values.len() - reader.remaining().len()]);
            }
            // One unit, of which there is no part.
            _ => out.extend_from_slice(reader.remaining()),
        }
    }

    /// Puts a block and the one behind it into one, if that says the same. `id` is that of the second one.
    pub(super) fn join(&self, next: &Block<'_>, (author, clock): (u64, u32)) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if self.info == COLLECTED && next.info == COLLECTED {
            write_length(&mut out, COLLECTED, self.length + next.length);
            return Some(out);
        }
        let kind = self.info & CONTENT;
        let follows = next.origin == Some((author, clock.wrapping_sub(1))) && self.right == next.right;
        if self.info == COLLECTED || self.is_gap || next.is_gap || kind != next.info & CONTENT || !follows {
            return None;
        }
        let (mine, others) = (&self.bytes[self.content..], &next.bytes[next.content..]);
        out.extend_from_slice(&self.bytes[..self.content]);
        match kind {
            DELETED => push_number(&mut out, u64::from(self.length + next.length)),
            TEXT => {
                let (mine, others) = (Reader::new(mine).block().ok()?, Reader::new(others).block().ok()?);
                push_number(&mut out, (mine.len() + others.len()) as u64);
                out.extend_from_slice(mine);
                out.extend_from_slice(others);
            }
            ANY | JSON => {
                push_number(&mut out, u64::from(self.length + next.length));
                for values in [mine, others] {
                    let mut reader = Reader::new(values);
                    reader.number().ok()?;
                    out.extend_from_slice(reader.remaining());
                }
            }
            _ => return None,
        }
        Some(out)
    }
}

fn read_content(kind: u8, reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let one = |read: Result<(), Malformed>| read.map(|()| 1);
    match kind {
        DELETED => reader.clock(),
        JSON => repeat(reader, Reader::json),
        BINARY => one(reader.block().map(drop)),
        TEXT => Ok(reader.text()?.chars().map(char::len_utf16).sum::<usize>() as u32),
        EMBED => one(reader.json()),
        FORMAT => one(reader.text().and_then(|_| reader.json())),
        TYPE => one(read_type(reader)),
        ANY => repeat(reader, Reader::any),
        DOCUMENT => one(reader.text().and_then(|_| reader.any())),
        _ => Err(Malformed::Part("a kind of content")),
    }
}

fn repeat<'a>(reader: &mut Reader<'a>, read: fn(&mut Reader<'a>) -> Result<(), Malformed>) -> Result<u32, Malformed> {
    let count = reader.count(1)?;
    (0..count).try_for_each(|_| read(reader))?;
    u32::try_from(count).map_err(|_| Malformed::Part("a length"))
}

fn read_type(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    match reader.number()? {
        kind if NAMED_TYPES.contains(&kind) => reader.text().map(drop),
        0..=TYPE_MAX => Ok(()),
        _ => Err(Malformed::Part("a type")),
    }
}

fn read_id(reader: &mut Reader<'_>) -> Result<(u64, u32), Malformed> {
    Ok((reader.number()?, reader.clock()?))
}

fn push_id(out: &mut Vec<u8>, (author, clock): (u64, u32)) {
    push_number(out, author);
    push_number(out, u64::from(clock));
}

fn write_length(out: &mut Vec<u8>, info: u8, length: u32) {
    out.push(info);
    push_number(out, u64::from(length));
}

/// Writes that a number of clocks is left out here.
pub(super) fn write_gap(out: &mut Vec<u8>, length: u32) {
    write_length(out, GAP, length);
}

/// The UTF-16 units from one place to another. Half of a pair cannot be written; as in Yjs a replacement stands for it.
fn part_of_text(text: &str, from: u32, to: u32) -> String {
    let (mut at, mut part) = (0, String::new());
    for letter in text.chars() {
        let end = at + letter.len_utf16() as u32;
        if at >= from && end <= to {
            part.push(letter);
        } else if end > from && at < to {
            part.push(char::REPLACEMENT_CHARACTER);
        }
        at = end;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_block(text: &str) -> Vec<u8> {
        let mut bytes = vec![HAS_RIGHT | TEXT, 7, 3];
        push_block(&mut bytes, text.as_bytes());
        bytes
    }

    fn part(bytes: &[u8], from: u32, to: u32) -> Vec<u8> {
        let (block, mut out) = (Block::read(&mut Reader::new(bytes)).unwrap(), Vec::new());
        block.write_part(&mut out, (9, 100), from, to);
        assert_eq!(Block::read(&mut Reader::new(&out)).unwrap().length, to - from);
        out
    }

    #[test]
    fn a_block_is_cut_and_put_together_again() {
        let bytes = text_block("abc\u{1f600}d");
        let (left, right) = (part(&bytes, 0, 2), part(&bytes, 2, 6));
        assert_eq!(right[..5], [HAS_ORIGIN | HAS_RIGHT | TEXT, 9, 101, 7, 3]);
        let read = |bytes| Block::read(&mut Reader::new(bytes)).unwrap();
        assert_eq!(read(&left).join(&read(&right), (9, 102)), Some(bytes.clone()));
        assert_eq!(read(&left).join(&read(&right), (9, 103)), None);
        // In the middle of a pair.
        assert_eq!(part_of_text("a\u{1f600}b", 0, 2), "a\u{fffd}");
        assert_eq!(part_of_text("a\u{1f600}b", 2, 4), "\u{fffd}b");
    }

    #[test]
    fn values_are_cut_between_them() {
        let bytes = [HAS_RIGHT | ANY, 7, 3, 3, 125, 1, 119, 1, b'x', 120];
        assert_eq!(part(&bytes, 1, 2), [HAS_ORIGIN | HAS_RIGHT | ANY, 9, 100, 7, 3, 1, 119, 1, b'x']);
        let block = Block::read(&mut Reader::new(&bytes)).unwrap();
        let mut out = Vec::new();
        assert!(block.write_deleted(&mut out, (9, 100), 0, 3));
        assert_eq!(out, [HAS_RIGHT | DELETED, 7, 3, 3]);
    }
}
