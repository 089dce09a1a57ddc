//! Columns of integers: the smallest of nine simple codes, chosen for each column.
//!
//! A code is a transform (as is, differences, differences of differences) followed by a packing (runs, bits, bytes). Its
//! number is `transform * 3 + packing`, the first byte of the column. A column of one number is that number alone.
//!
//! (Light codes tried for each column: Abadi, Madden, Ferreira: "Integrating compression and execution in column-oriented
//! database systems", 2006. Packing beside a least value: Goldstein, Ramakrishnan, Shaft: "Compressing relations and
//! indexes", 1998.)

use crate::bytes::{DecodeError, Reader, Writer, unzigzag, varint_len, zigzag};

const TRANSFORMS: u8 = 3;
const RUNS: u8 = 0;
const BITS: u8 = 1;
const BYTES: u8 = 2;

/// Appends the column of `values`; their number is not written.
pub(crate) fn write_ints(out: &mut Writer, values: &[u64]) {
    match values {
        [] => return,
        [one] => return out.varint(*one),
        _ => {}
    }
    let mut sizes = [Sizes::default(); TRANSFORMS as usize];
    let (mut last, mut last_step) = (0u64, 0u64);
    for &value in values {
        let step = zigzag(value.wrapping_sub(last) as i64);
        let change = zigzag(step.wrapping_sub(last_step) as i64);
        sizes.iter_mut().zip([value, step, change]).for_each(|(sizes, value)| sizes.add(value));
        (last, last_step) = (value, step);
    }
    let mut best = (usize::MAX, 0);
    for (transform, sizes) in (0..).zip(&sizes) {
        let (size, packing) = sizes.smallest(values.len());
        if size < best.0 {
            best = (size, transform * 3 + packing);
        }
        if size <= 4 {
            break;
        }
    }
    let mut column = values.to_vec();
    (0..best.1 / 3).for_each(|_| differences(&mut column));
    out.byte(best.1);
    match best.1 % 3 {
        RUNS => write_runs(out, &column),
        BITS => write_bits(out, &column),
        _ => column.iter().for_each(|&value| out.varint(value)),
    }
}

/// What a column would take in each packing.
#[derive(Clone, Copy)]
struct Sizes {
    least: u64,
    most: u64,
    bytes: usize,
    runs: usize,
    last: u64,
    /// Length of the run that is not counted yet.
    run: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { least: u64::MAX, most: 0, bytes: 0, runs: 0, last: 0, run: 0 }
    }
}

impl Sizes {
    #[inline]
    fn add(&mut self, value: u64) {
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
        self.bytes += varint_len(value);
        if self.run > 0 && value != self.last {
            self.close_run();
        }
        (self.last, self.run) = (value, self.run + 1);
    }

    fn close_run(&mut self) {
        self.runs += varint_len(self.last) + varint_len(self.run);
        self.run = 0;
    }

    fn smallest(mut self, count: usize) -> (usize, u8) {
        self.close_run();
        let width = 64 - (self.most.wrapping_sub(self.least)).leading_zeros();
        let bits = varint_len(self.least) + 1 + (count * width as usize).div_ceil(8);
        [(self.runs, RUNS), (bits, BITS), (self.bytes, BYTES)].into_iter().min().unwrap_or((self.bytes, BYTES))
    }
}

/// Reads a column of `count` values. The caller has accounted for the memory of `count` values.
pub(crate) fn read_ints(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, DecodeError> {
    match count {
        0 => return Ok(Vec::new()),
        1 => return Ok(vec![reader.varint()?]),
        _ => {}
    }
    let code = reader.byte()?;
    if code >= TRANSFORMS * 3 {
        return Err(DecodeError::Range("column code"));
    }
    let mut values = match code % 3 {
        RUNS => read_runs(reader, count)?,
        BITS => read_bits(reader, count)?,
        BYTES => read_bytes(reader, count)?,
        _ => return Err(DecodeError::Range("column code")),
    };
    (0..code / 3).for_each(|_| sums(&mut values));
    Ok(values)
}

/// Replaces each value by its difference from the one before, mapped so that small negative ones stay small.
fn differences(values: &mut [u64]) {
    let mut last = 0u64;
    for value in values {
        let this = *value;
        *value = zigzag(this.wrapping_sub(last) as i64);
        last = this;
    }
}

fn sums(values: &mut [u64]) {
    let mut last = 0u64;
    for value in values {
        last = last.wrapping_add(unzigzag(*value) as u64);
        *value = last;
    }
}

fn write_runs(out: &mut Writer, values: &[u64]) {
    for run in values.chunk_by(|a, b| a == b) {
        out.varint(run[0]);
        out.varint(run.len() as u64);
    }
}

fn read_runs(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, DecodeError> {
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let (value, run) = (reader.varint()?, reader.varint()?);
        if run == 0 || run > (count - values.len()) as u64 {
            return Err(DecodeError::Range("run length"));
        }
        values.resize(values.len() + run as usize, value);
    }
    Ok(values)
}

/// The least value, and the bits that the distance of the others from it needs.
fn frame(values: &[u64]) -> (u64, u32) {
    let (least, most) = values.iter().fold((u64::MAX, 0), |(low, high), &value| (low.min(value), high.max(value)));
    (least, 64 - (most.wrapping_sub(least)).leading_zeros())
}

fn read_bytes(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, DecodeError> {
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(reader.varint()?);
    }
    Ok(values)
}

fn write_bits(out: &mut Writer, values: &[u64]) {
    let (least, width) = frame(values);
    out.varint(least);
    out.byte(width as u8);
    let (mut pending, mut held) = (0u128, 0u32);
    for &value in values {
        pending |= u128::from(value - least) << held;
        held += width;
        while held >= 8 {
            out.byte(pending as u8);
            pending >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.byte(pending as u8);
    }
}

fn read_bits(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, DecodeError> {
    let (least, width) = (reader.varint()?, u32::from(reader.byte()?));
    if width > 64 {
        return Err(DecodeError::Range("bit width"));
    }
    let packed = reader.take((count * width as usize).div_ceil(8))?;
    let mask = (1u128 << width) - 1;
    let (mut pending, mut held, mut next) = (0u128, 0u32, packed.iter());
    let value = |_| {
        while held < width {
            pending |= u128::from(next.next().copied().unwrap_or(0)) << held;
            held += 8;
        }
        let value = (pending & mask) as u64;
        pending >>= width;
        held -= width;
        least.wrapping_add(value)
    };
    Ok((0..count).map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(values: &[u64]) -> usize {
        let mut out = Writer::default();
        write_ints(&mut out, values);
        let bytes = out.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(read_ints(&mut reader, values.len()).as_deref(), Ok(values));
        assert!(reader.is_empty());
        for cut in 0..bytes.len() {
            let _ = read_ints(&mut Reader::new(&bytes[..cut]), values.len());
        }
        bytes.len()
    }

    #[test]
    fn every_shape_comes_back_and_finds_its_code() {
        assert_eq!((round_trip(&[]), round_trip(&[127]), round_trip(&[u64::MAX])), (0, 1, 10));
        assert!(round_trip(&[7; 10_000]) <= 4);
        assert!(round_trip(&(5..10_005).collect::<Vec<_>>()) <= 6);
        assert!(round_trip(&(0..1_000).map(|i| i * i).collect::<Vec<_>>()) <= 8);
        assert!(round_trip(&(0..1_000).map(|i| i * 7_919 % 4).collect::<Vec<_>>()) <= 256);
        round_trip(&[0, u64::MAX, 1, u64::MAX - 1, 1 << 63]);
        round_trip(&(0..500u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect::<Vec<_>>());
    }
}
