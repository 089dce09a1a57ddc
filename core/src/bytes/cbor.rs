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
    // A negative integer n is kept as -1 - n, which is the complement of its bits.
    let header = if number < 0 { Header::Negative(!number as u64) } else { Header::Positive(number as u64) };
    push(out, header);
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
