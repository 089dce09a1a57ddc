//! What decoding a blob may cost in memory.

use crate::bounds;
use crate::bytes::DecodeError;

/// Memory that is left for decoding, in bytes: [`bounds::FREE_BYTES`] plus [`bounds::EXPANSION`] for each byte of input.
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    pub(crate) fn of(input_bytes: usize) -> Self {
        Budget { left: input_bytes.saturating_mul(bounds::EXPANSION).saturating_add(bounds::FREE_BYTES) }
    }

    /// Takes `bytes` before they are allocated.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), DecodeError> {
        let refusal = DecodeError::TooLarge { what: "expansion of the blob", limit: bounds::EXPANSION };
        self.left = self.left.checked_sub(bytes).ok_or(refusal)?;
        Ok(())
    }

    /// Bytes of input that an encoder must reach so that `needed` bytes of memory are justified.
    pub(crate) fn input_for(needed: usize) -> usize {
        needed.saturating_sub(bounds::FREE_BYTES).div_ceil(bounds::EXPANSION)
    }
}
