//! How lists of items are written: close ones as runs, far ones by the bits of their gaps.

use super::bits::{BitReader, BitWriter, width_of};
use super::peel::Difference;
use crate::bytes::{DecodeError, Reader, Writer};

/// Writes numbers below the largest, in ascending order and without repetition: for each run the gap before it and its length less one.
pub(crate) fn write_runs(out: &mut Writer, items: &[u64]) {
    let mut rest = items;
    let mut next = 0;
    while let Some(&first) = rest.first() {
        let length = rest.iter().zip(first..).take_while(|(item, number)| *item == number).count();
        // Most runs of a few items are single: one bit of the gap tells.
        let gap = u128::from(first - next) << 1 | u128::from(length > 1);
        write_wide(out, gap);
        if length > 1 {
            out.varint(length as u64 - 2);
        }
        next = first.saturating_add(length as u64);
        rest = &rest[length..];
    }
}

/// Writes numbers in ascending order that lie apart evenly, as hashes do: the lower bits of each gap as they are, the rest
/// as so many ones and a zero (Rice 1979).
pub(crate) fn write_gaps(out: &mut Writer, items: &[u64]) {
    let span = items.last().map_or(0, |last| last / items.len() as u64);
    // The mean of what is left above the lower bits is then between 0.7 and 1.4.
    let low = width_of(span / 3 * 2);
    out.varint(items.len() as u64);
    out.byte(low as u8);
    let (mut bits, mut next) = (BitWriter::default(), 0);
    for &item in items {
        let gap: u64 = item - next;
        let mut high = gap.checked_shr(low).unwrap_or(0);
        while high > 32 {
            bits.push(u64::MAX, 32);
            high -= 32;
        }
        bits.push((1 << high) - 1, high as u32 + 1);
        bits.push(gap, low);
        next = item.wrapping_add(1);
    }
    out.bytes(&bits.finish());
}

/// Reads what [`write_gaps`] wrote, to the end.
pub(crate) fn read_gaps(reader: &mut Reader<'_>, most: usize) -> Result<Vec<u64>, DecodeError> {
    let count = reader.varint()?;
    let low = u32::from(reader.byte()?);
    let rest = reader.take_rest();
    if count > most as u64 || low > 64 {
        return Err(DecodeError::Range("number of items"));
    }
    let (mut bits, mut next, mut items) = (BitReader::new(rest), Some(0u64), Vec::new());
    for _ in 0..count {
        let mut high = 0u64;
        while bits.pull(1)? == 1 {
            high += 1;
        }
        let gap = u128::from(high) << low | u128::from(bits.pull(low)?);
        let item = next.and_then(|next| u64::try_from(gap).ok()?.checked_add(next)).ok_or(RUN)?;
        items.push(item);
        next = item.checked_add(1);
    }
    bits.finish()?;
    Ok(items)
}

/// Numbers in ascending order as runs: the first of each and their number. Takes memory as the input does, not as the
/// numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs(Vec<(u64, u64)>);

impl Runs {
    /// Reads what [`write_runs`] wrote, to the end.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Runs, DecodeError> {
        let (mut runs, mut next) = (Vec::new(), 0u64);
        while !reader.is_empty() {
            let gap = read_wide(reader)?;
            let first = u64::try_from(gap >> 1).ok().and_then(|gap| next.checked_add(gap)).ok_or(RUN)?;
            let length = if gap & 1 == 1 { reader.varint()?.checked_add(2).ok_or(RUN)? } else { 1 };
            next = first.checked_add(length).ok_or(RUN)?;
            runs.push((first, length));
        }
        Ok(Runs(runs))
    }

    /// Number of numbers.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, length)| sum.saturating_add(*length))
    }

    /// The numbers, at most `most`.
    pub(crate) fn items(&self, most: usize) -> Result<Vec<u64>, DecodeError> {
        if self.count() > most as u64 {
            return Err(DecodeError::TooLarge { what: "number of items", limit: most });
        }
        Ok(self.0.iter().flat_map(|&(first, length)| first..first + length).collect())
    }

    /// What `here` (in ascending order) has beyond these numbers, and these beyond `here`: at most `most` of those.
    pub(crate) fn beside(&self, here: &[u64], most: usize) -> Result<Difference, DecodeError> {
        let (mut rest, mut found) = (here, Difference::default());
        for &(first, length) in &self.0 {
            let before = rest.partition_point(|item| *item < first);
            found.only_here.extend_from_slice(&rest[..before]);
            let inside = rest[before..].partition_point(|item| *item - first < length);
            let shared = &rest[before..before + inside];
            if length - inside as u64 > (most - found.only_there.len()) as u64 {
                return Err(DecodeError::TooLarge { what: "number of items", limit: most });
            }
            let mut next = first;
            for &item in shared {
                found.only_there.extend(next..item);
                next = item + 1;
            }
            found.only_there.extend(next..first + length);
            rest = &rest[before + inside..];
        }
        found.only_here.extend_from_slice(rest);
        Ok(found)
    }
}

const RUN: DecodeError = DecodeError::Range("run of items");

fn write_wide(out: &mut Writer, value: u128) {
    let mut value = value;
    while value >= 0x80 {
        out.byte(value as u8 | 0x80);
        value >>= 7;
    }
    out.byte(value as u8);
}

fn read_wide(reader: &mut Reader<'_>) -> Result<u128, DecodeError> {
    let mut value = 0u128;
    for shift in (0..70).step_by(7) {
        let byte = reader.byte()?;
        value |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(RUN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::noise;

    fn listed(items: &[u64]) -> Vec<u8> {
        let mut out = Writer::default();
        write_runs(&mut out, items);
        out.into_bytes()
    }

    #[test]
    fn a_list_of_runs_costs_as_its_gaps() {
        let items: Vec<u64> = (1..=1_000).chain([2_000, 2_002]).chain(5 << 48..(5 << 48) + 90).collect();
        let bytes = listed(&items);
        assert!(bytes.len() <= 20, "{}", bytes.len());
        let runs = Runs::read(&mut Reader::new(&bytes)).expect("a list");
        assert_eq!((runs.items(2_000), runs.count()), (Ok(items), 1_092));
        assert!(runs.items(1_000).is_err());
    }

    #[test]
    fn a_list_is_compared_without_being_unrolled() {
        let runs = Runs(vec![(2, 3), (10, 1 << 40)]);
        assert!(runs.beside(&[], 1_000).is_err());
        let runs = Runs(vec![(2, 3), (10, 4)]);
        let found = runs.beside(&[1, 3, 7, 10, 12, 99], 1_000);
        assert_eq!(found, Ok(Difference { only_here: vec![1, 7, 99], only_there: vec![2, 4, 11, 13] }));
    }

    #[test]
    fn evenly_spread_numbers_cost_their_gaps() {
        let mut state = 7u64;
        let mut items: Vec<u64> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            state >> 1
        })
        .take(500)
        .collect();
        items.sort_unstable();
        for items in [&items[..], &items[..1], &[0], &[u64::MAX], &[3, 4, 5, 1 << 60], &[]] {
            let mut out = Writer::default();
            write_gaps(&mut out, items);
            let bytes = out.into_bytes();
            assert!(bytes.len() <= 3 + items.len().max(1) * 9, "{}", bytes.len());
            assert!(items.len() < 500 || bytes.len() <= 3_500, "{}", bytes.len());
            assert_eq!(read_gaps(&mut Reader::new(&bytes), 500).as_deref(), Ok(items));
            assert!(items.is_empty() || read_gaps(&mut Reader::new(&bytes), items.len() - 1).is_err());
            assert!((0..bytes.len()).all(|cut| read_gaps(&mut Reader::new(&bytes[..cut]), 500).is_err()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        for (bytes, _) in noise() {
            let _ = read_gaps(&mut Reader::new(&bytes), 100);
            if let Ok(runs) = Runs::read(&mut Reader::new(&bytes)) {
                let _ = (runs.items(100), runs.beside(&[5, 9], 100));
            }
        }
    }
}
