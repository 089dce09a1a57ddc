//! The values that leaves hold.

use crate::assoc::order;
use crate::bounds;
use crate::bytes::cbor::{self, CborReader};
use crate::bytes::{DecodeError, SmallBytes};
use ciborium_ll::{Header, simple, tag};
use std::collections::BTreeMap;

/// RFC 8746: a typed array of 32-bit floats, little-endian.
const TAG_F32_LE: u64 = 85;
/// RFC 8949 3.4.2: seconds since the Unix epoch.
const TAG_EPOCH: u64 = 1;

/// One value. It is replaced as a whole: to merge the fields of a map, nest maps by path instead.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// Nothing, but present.
    #[default]
    Null,
    /// Truth.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// A number of 64-bit floating point. All NaNs are one.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Milliseconds since the Unix epoch, at most 2^50 either way.
    Timestamp(i64),
    /// A list, replaced as a whole.
    List(Vec<Value>),
    /// A map, replaced as a whole.
    Map(BTreeMap<String, Value>),
    /// A packed vector of 32-bit floats, such as an embedding.
    Vector(Vec<f32>),
}

/// A value cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Nested deeper than [`bounds::DEPTH`].
    #[error("the value nests deeper than {max} levels: flatten it or store it under several paths", max = bounds::DEPTH)]
    TooDeep,
    /// Larger than [`bounds::VALUE_BYTES`].
    #[error("the value takes {0} bytes, at most {max} are allowed: split it or keep large blobs elsewhere", max = bounds::VALUE_BYTES)]
    TooLarge(usize),
    /// A time beyond 2^50 ms.
    #[error("the timestamp {0} ms is out of range: at most 2^50 ms before or after 1970")]
    Timestamp(i64),
}

impl Value {
    /// Encodes the value as deterministic CBOR (RFC 8949 4.2): equal values give equal bytes.
    ///
    /// ```
    /// use syncline::crdt::Value;
    /// assert_eq!(Value::Int(5).to_cbor(), [5]);
    /// ```
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Decodes one CBOR item that stands for a value.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are cut short, nest too deeply, or hold an item that no value stands for.
    pub fn from_cbor(bytes: &[u8]) -> Result<Value, DecodeError> {
        // The commonest values, which the first byte tells from most others.
        match cbor::int_from(bytes) {
            Some(number) => Ok(Value::Int(number)),
            None => Value::read_cbor(bytes).map_err(|(error, _)| error),
        }
    }

    /// Decodes one CBOR item; an error comes with the number of bytes that could be read.
    pub(crate) fn read_cbor(bytes: &[u8]) -> Result<Value, (DecodeError, usize)> {
        let mut reader = CborReader::new(bytes);
        let value = read(&mut reader, bounds::DEPTH).and_then(|value| reader.finish().map(|()| value));
        value.map_err(|error| (error, bytes.len() - reader.remaining()))
    }

    /// Checks the limits and encodes.
    ///
    /// # Errors
    /// [`ValueError`], before anything is written.
    pub fn checked_cbor(&self) -> Result<Vec<u8>, ValueError> {
        self.check(bounds::DEPTH)?;
        let bytes = self.to_cbor();
        if bytes.len() > bounds::VALUE_BYTES { Err(ValueError::TooLarge(bytes.len())) } else { Ok(bytes) }
    }

    /// What [`Value::checked_cbor`] encodes, as a leaf keeps it; a whole number needs no memory for that.
    pub(crate) fn payload(&self) -> Result<SmallBytes, ValueError> {
        match self {
            Value::Int(number) => {
                let (bytes, length) = cbor::int_bytes(*number);
                Ok(SmallBytes::new(&bytes[..length]))
            }
            value => value.checked_cbor().map(SmallBytes::from),
        }
    }

    fn check(&self, depth: usize) -> Result<(), ValueError> {
        let below = || depth.checked_sub(1).filter(|&left| left > 0).ok_or(ValueError::TooDeep);
        match self {
            Value::List(items) => {
                let depth = below()?;
                items.iter().try_for_each(|item| item.check(depth))
            }
            Value::Map(entries) => {
                let depth = below()?;
                entries.values().try_for_each(|item| item.check(depth))
            }
            Value::Timestamp(ms) if ms.unsigned_abs() > 1 << 50 => Err(ValueError::Timestamp(*ms)),
            _ => Ok(()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => cbor::push(out, Header::Simple(simple::NULL)),
            Value::Bool(true) => cbor::push(out, Header::Simple(simple::TRUE)),
            Value::Bool(false) => cbor::push(out, Header::Simple(simple::FALSE)),
            Value::Int(number) => cbor::push_int(out, *number),
            Value::Float(number) => cbor::push(out, Header::Float(if number.is_nan() { f64::NAN } else { *number })),
            Value::Str(text) => cbor::push_text(out, text),
            Value::Bytes(bytes) => cbor::push_bytes(out, bytes),
            Value::Timestamp(ms) => {
                cbor::push(out, Header::Tag(TAG_EPOCH));
                match ms % 1_000 {
                    0 => cbor::push_int(out, ms / 1_000),
                    _ => cbor::push(out, Header::Float(*ms as f64 / 1_000.0)),
                }
            }
            Value::List(items) => {
                cbor::push(out, Header::Array(Some(items.len())));
                items.iter().for_each(|item| item.write(out));
            }
            Value::Map(entries) => {
                cbor::push(out, Header::Map(Some(entries.len())));
                // Deterministic order is that of the encoded keys: shorter first.
                let entries: Vec<(&String, &Value)> = entries.iter().collect();
                for at in order(entries.iter().map(|(key, _)| (key.len() as u64, 0))) {
                    let (key, item) = entries[at as usize];
                    cbor::push_text(out, key);
                    item.write(out);
                }
            }
            Value::Vector(numbers) => {
                cbor::push(out, Header::Tag(TAG_F32_LE));
                cbor::push(out, Header::Bytes(Some(numbers.len() * 4)));
                numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
            }
        }
    }
}

fn read(reader: &mut CborReader<'_>, depth: usize) -> Result<Value, DecodeError> {
    const BAD: DecodeError = DecodeError::Range("value");
    let depth = depth.checked_sub(1).ok_or(DecodeError::TooLarge { what: "nesting", limit: bounds::DEPTH })?;
    Ok(match reader.header()? {
        Header::Simple(simple::NULL) => Value::Null,
        Header::Simple(simple::TRUE) => Value::Bool(true),
        Header::Simple(simple::FALSE) => Value::Bool(false),
        Header::Positive(number) => Value::Int(i64::try_from(number).map_err(|_| BAD)?),
        Header::Negative(number) => Value::Int(!i64::try_from(number).map_err(|_| BAD)?),
        Header::Float(number) => Value::Float(number),
        Header::Text(Some(length)) => Value::Str(reader.text_body(length)?),
        Header::Bytes(Some(length)) => Value::Bytes(reader.body(length)?),
        Header::Array(Some(length)) if length <= reader.remaining() => {
            let mut items = Vec::new();
            for _ in 0..length {
                items.push(read(reader, depth)?);
            }
            Value::List(items)
        }
        Header::Map(Some(length)) if length <= reader.remaining() => {
            let mut entries = BTreeMap::new();
            for _ in 0..length {
                let (key, item) = read_entry(reader, depth)?;
                entries.insert(key, item);
            }
            Value::Map(entries)
        }
        Header::Tag(TAG_EPOCH) => read_time(reader)?,
        Header::Tag(TAG_F32_LE) => match reader.header()? {
            Header::Bytes(Some(length)) if length % 4 == 0 => Value::Vector(read_floats(&reader.body(length)?)),
            _ => return Err(BAD),
        },
        Header::Tag(tag::BIGPOS | tag::BIGNEG) => return Err(DecodeError::Range("integer (64 bits are supported)")),
        _ => return Err(BAD),
    })
}

fn read_entry(reader: &mut CborReader<'_>, depth: usize) -> Result<(String, Value), DecodeError> {
    match reader.header()? {
        Header::Text(Some(length)) => Ok((reader.text_body(length)?, read(reader, depth)?)),
        _ => Err(DecodeError::Range("map key (text is supported)")),
    }
}

fn read_time(reader: &mut CborReader<'_>) -> Result<Value, DecodeError> {
    let ms = match reader.header()? {
        Header::Positive(secs) => i64::try_from(secs).ok().and_then(|secs| secs.checked_mul(1_000)),
        Header::Negative(secs) => i64::try_from(secs).ok().and_then(|secs| (!secs).checked_mul(1_000)),
        Header::Float(secs) => Some((secs * 1_000.0).round() as i64),
        _ => None,
    };
    ms.filter(|ms| ms.unsigned_abs() <= 1 << 50).map(Value::Timestamp).ok_or(DecodeError::Range("timestamp"))
}

fn read_floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]])).collect()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_their_bytes() {
        let nested = Value::Map(BTreeMap::from([
            ("b".into(), Value::List(vec![Value::Null, 1.into()])),
            ("aa".into(), "x".into()),
        ]));
        let values = [
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(i64::MAX),
            Value::Float(0.1),
            Value::Float(-0.0),
            Value::Float(f64::INFINITY),
            Value::Str("é😀\0".into()),
            Value::Bytes(vec![0, 255]),
            Value::Timestamp(1_700_000_000_123),
            Value::Timestamp(-1),
            Value::Timestamp(1 << 50),
            Value::Vector(vec![1.5, f32::MAX]),
            nested,
        ];
        for value in values {
            let bytes = value.to_cbor();
            assert_eq!(Value::from_cbor(&bytes), Ok(value));
            assert!((0..bytes.len()).all(|cut| Value::from_cbor(&bytes[..cut]).is_err()));
        }
    }

    #[test]
    fn all_nans_have_the_same_bytes() {
        let odd = f64::from_bits(0xfff8_0000_dead_beef);
        assert_eq!(Value::Float(odd).to_cbor(), Value::Float(f64::NAN).to_cbor());
        assert_eq!(Value::Float(f64::NAN).to_cbor().len(), 3);
    }

    #[test]
    fn a_length_beyond_the_input_is_refused_before_allocating() {
        assert_eq!(Value::from_cbor(&[0x5b, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
        assert!(Value::from_cbor(&[0x9b, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(Value::from_cbor(&[0x81; 100]).is_err());
    }

    #[test]
    fn limits_are_checked_before_writing() {
        let deep = (0..100).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        assert_eq!(deep.checked_cbor(), Err(ValueError::TooDeep));
        assert_eq!(Value::Timestamp(i64::MAX).checked_cbor(), Err(ValueError::Timestamp(i64::MAX)));
    }
}
