//! What can be an element, a key or a value of a standalone type.

use crate::bounds;
use crate::bytes::{DecodeError, SmallBytes};
use crate::crdt::{Value, ValueError};
use std::{fmt, hash::Hash};

/// An element, a key or a value: it has a total order, and bytes that say exactly what it is.
///
/// The order breaks ties and is the order of encoding, so it has to be the same everywhere. For a type of your own,
/// write two functions:
///
/// ```
/// use syncline::{bytes::DecodeError, standalone::{Crdt, GSet, Item}};
///
/// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// struct Seat(u8);
///
/// impl Item for Seat {
///     fn write(&self, out: &mut Vec<u8>) {
///         out.push(self.0);
///     }
///     fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
///         match bytes {
///             [seat] => Ok(Seat(*seat)),
///             _ => Err(DecodeError::Range("seat")),
///         }
///     }
/// }
///
/// let mut seats = GSet::default();
/// seats.add(Seat(12));
/// assert_eq!(GSet::decode(&seats.encode()), Ok(seats));
/// ```
pub trait Item: Clone + Ord + Hash {
    /// Appends the bytes of this item. Equal items have equal bytes; a length is not needed.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads an item from exactly these bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if no item has these bytes.
    fn read(bytes: &[u8]) -> Result<Self, DecodeError>;
}

impl Item for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::Range("text (it is not UTF-8)"))
    }
}

impl Item for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(bytes.to_vec())
    }
}

impl Item for SmallBytes {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(SmallBytes::new(bytes))
    }
}

impl Item for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(DecodeError::Range("truth")),
        }
    }
}

/// Big-endian without leading zeros; nothing for 0.
impl Item for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes()[self.leading_zeros() as usize / 8..]);
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > 8 || bytes.first() == Some(&0) {
            return Err(DecodeError::Range("number"));
        }
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}

/// As the unsigned number that zigzag gives: 0, -1, 1, -2, and so on.
impl Item for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        crate::bytes::zigzag(*self).write(out);
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        u64::read(bytes).map(crate::bytes::unzigzag)
    }
}

/// Any [`Value`] as an item: kept, compared and hashed as its deterministic CBOR, so that all NaNs are one.
///
/// ```
/// use syncline::{crdt::Value, standalone::Packed};
/// let nan = Packed::try_from(&Value::Float(f64::NAN))?;
/// assert_eq!(nan, Packed::try_from(&Value::Float(-f64::NAN))?);
/// assert_eq!(Packed::try_from(&Value::from("x"))?.value(), Value::from("x"));
/// # Ok::<(), syncline::crdt::ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packed(SmallBytes);

impl Packed {
    /// The value.
    pub fn value(&self) -> Value {
        // The bytes were checked when they came in; what could not be read would be nothing rather than a panic.
        Value::from_cbor(&self.0).unwrap_or_default()
    }
}

impl TryFrom<&Value> for Packed {
    type Error = ValueError;

    fn try_from(value: &Value) -> Result<Self, ValueError> {
        value.checked_cbor().map(|bytes| Packed(bytes.into()))
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value(), f)
    }
}

impl Item for Packed {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > bounds::VALUE_BYTES {
            return Err(DecodeError::TooLarge { what: "value", limit: bounds::VALUE_BYTES });
        }
        // One value has one form; anything else would be two elements that look the same.
        match Value::from_cbor(bytes)?.checked_cbor() {
            Ok(canonical) if canonical == bytes => Ok(Packed(bytes.into())),
            _ => Err(DecodeError::Range("value (it is not deterministic CBOR)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Item + fmt::Debug>(items: &[T]) {
        for item in items {
            let mut bytes = Vec::new();
            item.write(&mut bytes);
            assert_eq!(T::read(&bytes).as_ref(), Ok(item));
        }
    }

    #[test]
    fn items_come_back_from_their_bytes() {
        there_and_back(&[0u64, 1, 255, 256, u64::MAX]);
        there_and_back(&[0i64, -1, 1, i64::MIN, i64::MAX]);
        there_and_back(&[true, false]);
        there_and_back(&[String::new(), "é😀".into()]);
        there_and_back(&[vec![], vec![0u8, 255]]);
        there_and_back(&[Packed(Value::Float(0.5).to_cbor().into())]);
    }

    #[test]
    fn a_second_form_of_an_item_is_refused() {
        assert!(u64::read(&[0, 1]).is_err() && u64::read(&[1; 9]).is_err());
        assert!(bool::read(&[2]).is_err() && bool::read(&[]).is_err());
        assert!(String::read(&[0xff]).is_err());
        // 5 in two bytes, and one and a half as a 64-bit float.
        assert!(Packed::read(&[0x18, 5]).is_err());
        assert!(Packed::read(&[0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(Packed::read(&[0x81; 100]).is_err());
    }
}
