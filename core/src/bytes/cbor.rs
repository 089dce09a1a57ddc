//! CBOR items (RFC 8949) with deterministic lengths, on top of `ciborium-ll`.

use super::DecodeError;
use ciborium_io::Read;
use ciborium_ll::{Decoder, Encoder, Header};
use std::convert::Infallible;

/// Appends one header. Lengths and integers take the shortest form, floats the shortest that keeps the value.
pub(crate) fn push(out: &mut Vec<u8>, header: Header) {
    never(Encoder::from(out).push(header));
}

pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    push(out, Header::Text(Some(text.len())));
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push(out, Header::Bytes(Some(bytes.len())));
    out.extend_from_slice(bytes);
}

pub(crate) fn push_int(out: &mut Vec<u8>, number: i64) {
    let (bytes, length) = int_bytes(number);
    out.extend_from_slice(&bytes[..length]);
}

/// A whole number in its shortest form, and how many bytes that takes.
pub(crate) fn int_bytes(number: i64) -> ([u8; 9], usize) {
    // A negative integer n is kept as -1 - n, which is the complement of its bits.
    let (major, number) = if number < 0 { (0x20, !number as u64) } else { (0, number as u64) };
    let (head, width) = match number {
        0..24 => (number as u8, 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    let mut bytes = [0; 9];
    bytes[0] = major | head;
    bytes[1..=width].copy_from_slice(&number.to_be_bytes()[8 - width..]);
    (bytes, 1 + width)
}

/// The whole number that `bytes` are the shortest form of.
pub(crate) fn int_from(bytes: &[u8]) -> Option<i64> {
    let (&head, rest) = bytes.split_first()?;
    let number = match (head & 0x1f, rest) {
        (small @ 0..24, []) => u64::from(small),
        (24..28, rest) if rest.len() <= 8 => rest.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)),
        _ => return None,
    };
    let number = i64::try_from(number).ok().map(|number| if head & 0x20 == 0 { number } else { !number })?;
    let (shortest, length) = int_bytes(number);
    (*bytes == shortest[..length]).then_some(number)
}

fn never(result: Result<(), Infallible>) {
    match result {
        Ok(()) => {}
        Err(impossible) => match impossible {},
    }
}

/// Reads items from a slice; lengths are checked against what is left before anything is allocated.
pub(crate) struct CborReader<'a> {
    decoder: Decoder<&'a [u8]>,
    bytes: &'a [u8],
}

impl<'a> CborReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        CborReader { decoder: Decoder::from(bytes), bytes }
    }

    pub(crate) fn header(&mut self) -> Result<Header, DecodeError> {
        self.decoder.pull().map_err(|error| match error {
            ciborium_ll::Error::Io(_) => DecodeError::Truncated,
            ciborium_ll::Error::Syntax(_) => DecodeError::Range("CBOR item"),
        })
    }

    pub(crate) fn remaining(&mut self) -> usize {
        self.bytes.len() - self.decoder.offset()
    }

    pub(crate) fn finish(&mut self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            rest => Err(DecodeError::Trailing(rest)),
        }
    }

    /// The body of a byte or text string whose header was read.
    pub(crate) fn body(&mut self, length: usize) -> Result<Vec<u8>, DecodeError> {
        if length > self.remaining() {
            return Err(DecodeError::Truncated);
        }
        let mut body = vec![0; length];
        self.decoder.read_exact(&mut body).map_err(|_| DecodeError::Truncated)?;
        Ok(body)
    }

    pub(crate) fn text_body(&mut self, length: usize) -> Result<String, DecodeError> {
        String::from_utf8(self.body(length)?).map_err(|_| DecodeError::Range("text (it is not UTF-8)"))
    }

    pub(crate) fn uint(&mut self) -> Result<u64, DecodeError> {
        match self.header()? {
            Header::Positive(number) => Ok(number),
            _ => Err(DecodeError::Range("CBOR unsigned integer")),
        }
    }

    pub(crate) fn text(&mut self, limit: usize) -> Result<String, DecodeError> {
        match self.header()? {
            Header::Text(Some(length)) if length <= limit => self.text_body(length),
            Header::Text(Some(_)) => Err(DecodeError::TooLarge { what: "text", limit }),
            _ => Err(DecodeError::Range("CBOR text")),
        }
    }

    pub(crate) fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, DecodeError> {
        match self.header()? {
            Header::Bytes(Some(length)) if length <= limit => self.body(length),
            Header::Bytes(Some(_)) => Err(DecodeError::TooLarge { what: "byte string", limit }),
            _ => Err(DecodeError::Range("CBOR byte string")),
        }
    }

    /// The length of an array of at most `limit` items, each of at least one byte.
    pub(crate) fn array(&mut self, limit: usize) -> Result<usize, DecodeError> {
        match self.header()? {
            Header::Array(Some(length)) if length > limit => Err(DecodeError::TooLarge { what: "array", limit }),
            Header::Array(Some(length)) if length > self.remaining() => Err(DecodeError::Truncated),
            Header::Array(Some(length)) => Ok(length),
            _ => Err(DecodeError::Range("CBOR array")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_take_the_form_of_the_library_and_come_back() {
        let edges = [0, 23, 24, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, i64::MAX];
        for number in edges.into_iter().flat_map(|edge| [edge, !edge]) {
            let (bytes, length) = int_bytes(number);
            let mut expected = Vec::new();
            let header = if number < 0 { Header::Negative(!number as u64) } else { Header::Positive(number as u64) };
            push(&mut expected, header);
            assert_eq!((&bytes[..length], int_from(&bytes[..length])), (&*expected, Some(number)));
            assert_eq!((int_from(&bytes[..length - 1]), int_from(&[&bytes[..length], &[0]].concat())), (None, None));
        }
        for longer in
            [&[24, 5][..], &[25, 0, 255], &[0x3b, 0, 0, 0, 0, 0, 0, 0, 1], &[0x1b, 255, 0, 0, 0, 0, 0, 0, 0], &[0x40]]
        {
            assert_eq!(int_from(longer), None);
        }
    }
}
