//! Packing numbers of few bits.

use crate::bytes::DecodeError;

/// Appends numbers of 0 to 64 bits, the lowest bit first.
#[derive(Default)]
pub(crate) struct BitWriter {
    out: Vec<u8>,
    pending: u128,
    filled: u32,
}

impl BitWriter {
    pub(crate) fn push(&mut self, value: u64, width: u32) {
        let value = if width < 64 { value & ((1 << width) - 1) } else { value };
        self.pending |= u128::from(value) << self.filled;
        self.filled += width;
        while self.filled >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.filled -= 8;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.out.push(self.pending as u8);
        }
        self.out
    }
}

/// Reads what a [`BitWriter`] made.
pub(crate) struct BitReader<'a> {
    rest: &'a [u8],
    pending: u128,
    filled: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        BitReader { rest: bytes, pending: 0, filled: 0 }
    }

    pub(crate) fn pull(&mut self, width: u32) -> Result<u64, DecodeError> {
        while self.filled < width {
            let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
            self.pending |= u128::from(byte) << self.filled;
            self.rest = rest;
            self.filled += 8;
        }
        let value = if width < 64 { self.pending as u64 & ((1 << width) - 1) } else { self.pending as u64 };
        self.pending >>= width;
        self.filled -= width;
        Ok(value)
    }

    /// Refuses bytes behind the last one used, and padding that is not zero.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        match (self.rest.len(), self.pending) {
            (0, 0) => Ok(()),
            (0, _) => Err(DecodeError::Range("padding")),
            (more, _) => Err(DecodeError::Trailing(more)),
        }
    }
}

/// Bits that a number takes: 0 for 0.
pub(crate) fn width_of(value: u64) -> u32 {
    64 - value.leading_zeros()
}
