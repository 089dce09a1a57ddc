//! SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012).

/// A hash in the making. The result is that of the variant of 128 bits; its first half serves where 64 are enough.
pub(crate) struct Sip {
    state: [u64; 4],
    /// Bytes that do not fill a word yet, and their number in bits.
    tail: u64,
    held: u32,
    length: u64,
}

impl Sip {
    #[inline]
    pub(crate) fn new(key: [u64; 2]) -> Self {
        let state = [
            key[0] ^ 0x736f_6d65_7073_6575,
            key[1] ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            key[0] ^ 0x6c79_6765_6e65_7261,
            key[1] ^ 0x7465_6462_7974_6573,
        ];
        Sip { state, tail: 0, held: 0, length: 0 }
    }

    /// The first half of the result for bytes that are all at hand.
    pub(crate) fn once(key: [u64; 2], bytes: &[u8]) -> u64 {
        let (mut hash, (words, rest)) = (Sip::new(key), bytes.as_chunks::<8>());
        words.iter().for_each(|word| hash.compress(u64::from_le_bytes(*word)));
        (hash.tail, hash.length) = (last_word(bytes, rest), bytes.len() as u64);
        hash.finish()
    }

    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.push(u64::from_le_bytes(*word), 64);
        }
        if !rest.is_empty() {
            self.push(last_word(bytes, rest), rest.len() as u32 * 8);
        }
    }

    /// The first half of the result.
    #[inline]
    pub(crate) fn finish(&mut self) -> u64 {
        self.compress(self.tail | self.length << 56);
        self.state[2] ^= 0xee;
        self.close()
    }

    /// Both halves of the result.
    #[inline]
    pub(crate) fn finish_both(&mut self) -> (u64, u64) {
        let first = self.finish();
        self.state[1] ^= 0xdd;
        (first, self.close())
    }

    /// Appends the lowest `bits` of a word, whose others are 0.
    #[inline]
    fn push(&mut self, word: u64, bits: u32) {
        self.tail |= word << self.held;
        if self.held + bits < 64 {
            self.held += bits;
            return;
        }
        self.compress(self.tail);
        self.tail = if self.held == 0 { 0 } else { word >> (64 - self.held) };
        self.held = self.held + bits - 64;
    }

    #[inline]
    fn compress(&mut self, word: u64) {
        self.state[3] ^= word;
        self.round();
        self.state[0] ^= word;
    }

    #[inline]
    fn close(&mut self) -> u64 {
        (0..3).for_each(|_| self.round());
        self.state.iter().fold(0, |sum, part| sum ^ part)
    }

    #[inline]
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.state;
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }
}

/// The bytes behind the whole words, as the lower part of a word.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    match bytes.last_chunk::<8>() {
        // At once, with what stands before them shifted out.
        Some(_) if rest.is_empty() => 0,
        Some(last) => u64::from_le_bytes(*last) >> (64 - rest.len() * 8),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siphasher::sip128::{Hasher128, SipHasher13};
    use std::hash::Hasher;

    #[test]
    fn the_hash_is_that_of_the_reference_however_the_input_is_cut() {
        let bytes: Vec<u8> = (0..80).collect();
        for length in 0..bytes.len() {
            let mut reference = SipHasher13::new_with_keys(7, !9);
            reference.write(&bytes[..length]);
            let expected = reference.finish128();
            assert_eq!(Sip::once([7, !9], &bytes[..length]), expected.h1, "{length}");
            for cut in (0..=length).step_by(if cfg!(miri) { 40 } else { 1 }) {
                let mut hash = Sip::new([7, !9]);
                hash.write(&bytes[..cut]);
                hash.write(&bytes[cut..length]);
                assert_eq!(hash.finish_both(), (expected.h1, expected.h2), "{cut} of {length}");
            }
        }
    }
}
