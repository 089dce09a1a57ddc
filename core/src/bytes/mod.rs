//! Reading and writing bytes: variable-length integers and bounded slices.

pub(crate) mod cbor;
mod crc;
#[cfg(test)]
mod noise;
mod sip;
mod small;

pub(crate) use crc::crc32;
#[cfg(test)]
pub(crate) use noise::noise;
pub(crate) use sip::Sip;
pub use small::SmallBytes;

/// Bytes could not be decoded. Nothing was changed by the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends in the middle of something.
    #[error("the bytes end too early: the data was cut short on its way, fetch it again")]
    Truncated,
    /// There are bytes behind the end.
    #[error("{0} bytes stand behind the end of the data")]
    Trailing(usize),
    /// A field has a value that it cannot have; the field is named.
    #[error("the {0} is out of range: the data is damaged or was made by something else")]
    Range(&'static str),
    /// A field is larger than the limit; the field and the limit are named.
    #[error("the {what} is larger than the limit of {limit}")]
    TooLarge {
        /// The field.
        what: &'static str,
        /// The limit in the field's unit.
        limit: usize,
    },
    /// Not a Syncline blob.
    #[error("this is not a Syncline blob: it does not begin with the magic bytes")]
    Magic,
    /// A blob of a later version.
    #[error("the blob has format version {0}, this build reads version 1: update Syncline")]
    Version(u8),
    /// The checksum differs.
    #[error("the checksum does not match: the data was damaged, fetch it again")]
    Checksum,
}

/// Reads from a slice without ever going past its end.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.rest.len())) }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// LEB128, at most ten bytes.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(DecodeError::Range("integer"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Range("integer"))
    }

    /// A count of items that take at least `item_bytes` (> 0) each, refused if the rest cannot hold them.
    pub(crate) fn count(&mut self, item_bytes: usize, limit: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count > limit {
            return Err(DecodeError::TooLarge { what: "count", limit });
        }
        if count > self.rest.len() / item_bytes.max(1) { Err(DecodeError::Truncated) } else { Ok(count) }
    }

    /// Bytes behind their length.
    pub(crate) fn block(&mut self, limit: usize) -> Result<&'a [u8], DecodeError> {
        let length = self.count(1, limit)?;
        self.take(length)
    }
}

/// Appends to a byte vector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Writer { out: Vec::with_capacity(bytes) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.out
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    pub(crate) fn block(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.bytes(bytes);
    }
}

/// Maps small negative numbers to small unsigned ones.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bytes that `varint` takes for `value`.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_and_their_length_is_known() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let mut out = Writer::default();
            out.varint(value);
            assert_eq!(out.len(), varint_len(value));
            assert_eq!(Reader::new(&out.into_bytes()).varint(), Ok(value));
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn an_integer_beyond_64_bits_is_refused() {
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(DecodeError::Range("integer")));
    }

    #[test]
    fn a_count_that_the_input_cannot_hold_is_refused() {
        assert_eq!(Reader::new(&[200, 1, 0, 0]).count(1, 1_000), Err(DecodeError::Truncated));
    }
}
