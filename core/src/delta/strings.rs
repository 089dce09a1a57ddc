//! Columns of byte strings: the class of key that fits them all, chosen for each column. A column of one string is that
//! string alone, behind its length.
//!
//! | class | layout |
//! |---|---|
//! | 0 plain | shared prefix lengths, suffix lengths (integer columns), suffixes |
//! | 1 hex | digits of each, then two digits a byte |
//! | 2 UUID | 16 bytes each |
//! | 3 counted | prefix, digits of the tail (0: not padded), tails as an integer column |
//! | 4 dictionary | number of entries, entries as a column, indices as an integer column |
//! | 5 base64url | characters of each, then six bits a character |
//!
//! (Shared prefixes are front coding: Witten, Moffat, Bell: "Managing Gigabytes", 1999, section 4.1.)

use super::budget::Budget;
use super::column::{read_ints, write_ints};
use crate::assoc::{Table, at};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, SmallBytes, Writer};

const PLAIN: u8 = 0;
const HEX: u8 = 1;
const UUID: u8 = 2;
const COUNTED: u8 = 3;
const DICTIONARY: u8 = 4;
const BASE64: u8 = 5;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const SAMPLE: usize = 256;

/// Appends the column of `items`; their number is not written.
pub(crate) fn write_strings(out: &mut Writer, items: &[&[u8]]) {
    match items {
        [] => return,
        [one] => return out.block(one),
        _ => {}
    }
    if let Some((entries, indices)) = dictionary(items) {
        out.byte(DICTIONARY);
        out.varint(entries.len() as u64);
        write_strings(out, &entries);
        return write_ints(out, &indices);
    }
    if items.len() < 3 {
        write_plain(out, items);
    } else if items.iter().all(|item| is_uuid(item)) {
        out.byte(UUID);
        items.iter().for_each(|item| pack_hex(item, out));
    } else if let Some(length) =
        fixed_length(items, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).filter(|length| length % 2 == 0)
    {
        out.byte(HEX);
        out.varint(length as u64);
        items.iter().for_each(|item| pack_hex(item, out));
    } else if let Some(counted) = Counted::of(items) {
        counted.write(out);
    } else if let Some(length) = fixed_length(items, |byte| six(byte).is_some()).filter(|&length| length >= 8) {
        out.byte(BASE64);
        out.varint(length as u64);
        items.iter().for_each(|item| pack_base64(item, out));
    } else {
        write_plain(out, items);
    }
}

/// Reads a column of `count` items, taking their memory from `budget`.
pub(crate) fn read_strings(
    reader: &mut Reader<'_>,
    count: usize,
    budget: &mut Budget,
) -> Result<Vec<SmallBytes>, DecodeError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    budget.spend(count.saturating_mul(size_of::<SmallBytes>()))?;
    if count == 1 {
        let one = reader.block(bounds::VALUE_BYTES)?;
        budget.spend(one.len())?;
        return Ok(vec![SmallBytes::new(one)]);
    }
    match reader.byte()? {
        PLAIN => read_plain(reader, count, budget),
        HEX => {
            let length = length(reader)?;
            fixed(reader, count, length / 2, length / 2 * 2, budget, unpack_hex)
        }
        UUID => fixed(reader, count, 16, 36, budget, with_dashes),
        COUNTED => Counted::read(reader, count, budget),
        DICTIONARY => {
            let entries = usize::try_from(reader.varint()?).ok().filter(|&entries| entries <= count);
            let entries = entries.ok_or(DecodeError::Range("dictionary size"))?;
            // A dictionary of dictionaries is never written; refusing it bounds the recursion.
            if entries > 1 && reader.clone().byte()? == DICTIONARY {
                return Err(DecodeError::Range("dictionary"));
            }
            let entries = read_strings(reader, entries, budget)?;
            let mut items = Vec::with_capacity(count);
            for index in read_ints(reader, count)? {
                budget.spend(1)?;
                items.push(at(&entries, index).ok_or(DecodeError::Range("dictionary index"))?.clone());
            }
            Ok(items)
        }
        BASE64 => {
            let length = length(reader)?;
            fixed(reader, count, (length * 6).div_ceil(8), length, budget, unpack_base64)
        }
        _ => Err(DecodeError::Range("string class")),
    }
}

fn length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let length = reader.varint()?;
    if length > bounds::PATH_BYTES as u64 {
        Err(DecodeError::TooLarge { what: "key", limit: bounds::PATH_BYTES })
    } else {
        Ok(length as usize)
    }
}

fn fixed(
    reader: &mut Reader<'_>,
    count: usize,
    packed: usize,
    length: usize,
    budget: &mut Budget,
    unpack: impl Fn(&[u8], &mut [u8]),
) -> Result<Vec<SmallBytes>, DecodeError> {
    budget.spend(count.saturating_mul(length))?;
    let (mut items, mut item) = (Vec::with_capacity(count), vec![0; length]);
    for _ in 0..count {
        unpack(reader.take(packed)?, &mut item);
        items.push(SmallBytes::new(&item));
    }
    Ok(items)
}

/// Distinct entries in order of appearance and the index of each item, if items repeat enough to pay.
fn dictionary<'a>(items: &[&'a [u8]]) -> Option<(Vec<&'a [u8]>, Vec<u64>)> {
    if items.len() < 4 {
        return None;
    }
    let mut known: Table<&[u8], u64> = Table::default();
    let (mut entries, mut indices) = (Vec::new(), Vec::with_capacity(items.len()));
    for (at, &item) in items.iter().enumerate() {
        let index = *known.get_or_insert(item, entries.len() as u64);
        if index == entries.len() as u64 {
            entries.push(item);
        }
        indices.push(index);
        // Give up early on columns of unique keys.
        if at >= 3 && (at + 1).is_power_of_two() && at < SAMPLE && entries.len() * 4 > (at + 1) * 3 {
            return None;
        }
    }
    (entries.len() * 2 <= items.len()).then_some((entries, indices))
}

fn write_plain(out: &mut Writer, items: &[&[u8]]) {
    out.byte(PLAIN);
    let mut last: &[u8] = &[];
    let (mut shared, mut suffixes, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let common = item.iter().zip(last).take_while(|(a, b)| a == b).count();
        shared.push(common as u64);
        suffixes.push((item.len() - common) as u64);
        bytes.extend_from_slice(&item[common..]);
        last = item;
    }
    write_ints(out, &shared);
    write_ints(out, &suffixes);
    out.bytes(&bytes);
}

fn read_plain(reader: &mut Reader<'_>, count: usize, budget: &mut Budget) -> Result<Vec<SmallBytes>, DecodeError> {
    let (shared, suffixes) = (read_ints(reader, count)?, read_ints(reader, count)?);
    let (mut last, mut items): (Vec<u8>, _) = (Vec::new(), Vec::with_capacity(count));
    for (shared, suffix) in shared.into_iter().zip(suffixes) {
        let keep = usize::try_from(shared)
            .ok()
            .filter(|&keep| keep <= last.len())
            .ok_or(DecodeError::Range("shared prefix"))?;
        last.truncate(keep);
        last.extend_from_slice(reader.take(usize::try_from(suffix).map_err(|_| DecodeError::Truncated)?)?);
        budget.spend(last.len())?;
        items.push(SmallBytes::new(&last));
    }
    Ok(items)
}

/// Items that are a common prefix and a decimal number.
struct Counted<'a> {
    prefix: &'a [u8],
    width: usize,
    tails: Vec<u64>,
}

impl<'a> Counted<'a> {
    fn of(items: &[&'a [u8]]) -> Option<Self> {
        let first = items[0];
        let digits = first.iter().rev().take_while(|byte| byte.is_ascii_digit()).count().min(18);
        let prefix = &first[..first.len() - digits];
        let padded = items.iter().all(|item| item.len() == first.len()) && digits > 0;
        let width = if padded { digits } else { 0 };
        let tails = items.iter().map(|item| decimal(item.strip_prefix(prefix)?, width)).collect::<Option<_>>()?;
        Some(Counted { prefix, width, tails })
    }

    fn write(&self, out: &mut Writer) {
        out.byte(COUNTED);
        out.block(self.prefix);
        out.varint(self.width as u64);
        write_ints(out, &self.tails);
    }

    fn read(reader: &mut Reader<'_>, count: usize, budget: &mut Budget) -> Result<Vec<SmallBytes>, DecodeError> {
        let prefix = reader.block(bounds::PATH_BYTES)?;
        let width = reader.varint()?.min(19) as usize;
        let tails = read_ints(reader, count)?;
        budget.spend(count.saturating_mul(prefix.len() + 20))?;
        let (mut items, mut item) = (Vec::with_capacity(count), prefix.to_vec());
        for tail in tails {
            item.truncate(prefix.len());
            push_decimal(&mut item, tail, width);
            items.push(SmallBytes::new(&item));
        }
        Ok(items)
    }
}

/// A number of at most 18 digits, padded to `width` or not padded at all.
fn decimal(digits: &[u8], width: usize) -> Option<u64> {
    let canonical = if width > 0 { digits.len() == width } else { digits.len() == 1 || digits.first() != Some(&b'0') };
    if digits.is_empty() || digits.len() > 18 || !canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Appends a number with at least `width` digits.
fn push_decimal(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let start = out.len();
    while number > 0 || out.len() < start + width.max(1) {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    out[start..].reverse();
}

fn fixed_length(items: &[&[u8]], allowed: impl Fn(u8) -> bool) -> Option<usize> {
    let length = items[0].len();
    let fits = |item: &&[u8]| item.len() == length && item.iter().all(|&byte| allowed(byte));
    (length > 0 && length <= bounds::PATH_BYTES && items.iter().all(fits)).then_some(length)
}

fn is_uuid(item: &[u8]) -> bool {
    item.len() == 36
        && item.iter().enumerate().all(|(at, &byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Packs the digits, without dashes.
fn pack_hex(digits: &[u8], out: &mut Writer) {
    let mut upper = None;
    for &digit in digits.iter().filter(|&&digit| digit != b'-') {
        let nibble = if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
        match upper.take() {
            None => upper = Some(nibble << 4),
            Some(upper) => out.byte(upper | nibble),
        }
    }
}

fn unpack_hex(bytes: &[u8], out: &mut [u8]) {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
    for (byte, digits) in bytes.iter().zip(out.as_chunks_mut::<2>().0) {
        *digits = [digit(byte >> 4), digit(byte & 15)];
    }
}

fn with_dashes(bytes: &[u8], out: &mut [u8]) {
    let (mut bytes, mut out) = (bytes, out);
    for part in [4, 2, 2, 2, 6] {
        let (these, others) = bytes.split_at(part);
        let (digits, behind) = std::mem::take(&mut out).split_at_mut(2 * part);
        unpack_hex(these, digits);
        bytes = others;
        if let Some((dash, behind)) = behind.split_first_mut() {
            *dash = b'-';
            out = behind;
        }
    }
}

/// The place of a letter in [`DIGITS`].
fn six(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

fn pack_base64(item: &[u8], out: &mut Writer) {
    let (mut pending, mut held) = (0u16, 0);
    for &letter in item {
        pending |= u16::from(six(letter).unwrap_or(0)) << held;
        held += 6;
        if held >= 8 {
            out.byte(pending as u8);
            pending >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.byte(pending as u8);
    }
}

fn unpack_base64(bytes: &[u8], out: &mut [u8]) {
    let (mut pending, mut held, mut bytes) = (0u16, 0, bytes.iter());
    for letter in out {
        if held < 6 {
            pending |= u16::from(bytes.next().copied().unwrap_or(0)) << held;
            held += 8;
        }
        *letter = DIGITS[usize::from(pending & 63)];
        pending >>= 6;
        held -= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<S: AsRef<[u8]>>(items: &[S]) -> (u8, usize) {
        let items: Vec<&[u8]> = items.iter().map(AsRef::as_ref).collect();
        let mut out = Writer::default();
        write_strings(&mut out, &items);
        let bytes = out.into_bytes();
        let mut reader = Reader::new(&bytes);
        let read = read_strings(&mut reader, items.len(), &mut Budget::of(bytes.len())).unwrap();
        assert!(reader.is_empty());
        assert_eq!(read.iter().map(|item| &**item).collect::<Vec<_>>(), items);
        for cut in 0..bytes.len() {
            let _ = read_strings(&mut Reader::new(&bytes[..cut]), items.len(), &mut Budget::of(cut));
        }
        (bytes[0], bytes.len())
    }

    fn scrambled(index: u64) -> u64 {
        (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn every_class_comes_back_and_is_found() {
        let hex: Vec<String> = (0..100).map(|i| format!("{:016x}", scrambled(i))).collect();
        assert_eq!(round_trip(&hex), (HEX, 802));
        let uuid: Vec<String> =
            (0..100).map(|i| format!("{:08x}-0000-4000-8000-{:012x}", i, scrambled(i) >> 16)).collect();
        assert_eq!(round_trip(&uuid), (UUID, 1_601));
        let counted: Vec<String> = (0..1_000).map(|i| format!("user-{i}")).collect();
        assert_eq!(round_trip(&counted).0, COUNTED);
        let padded: Vec<String> = (0..1_000).map(|i| format!("k{i:06}")).collect();
        let (class, size) = round_trip(&padded);
        assert!(class == COUNTED && size < 16);
        let repeated: Vec<&str> = (0..100).map(|i| ["name", "age", "city"][i % 3]).collect();
        assert_eq!(round_trip(&repeated).0, DICTIONARY);
        let nano: Vec<Vec<u8>> =
            (0..100).map(|i| (0..11).map(|c| DIGITS[(scrambled(i) >> (c * 5)) as usize & 63]).collect()).collect();
        assert_eq!(round_trip(&nano), (BASE64, 2 + 100 * 9));
        assert_eq!(round_trip(&["", "a", "ab", "é", "b"]).0, PLAIN);
        assert_eq!(round_trip(&["007", "08", "9", "10"]).0, PLAIN);
    }
}
