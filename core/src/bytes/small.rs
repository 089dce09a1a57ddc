//! Short byte strings without an allocation.

use std::{cmp::Ordering, fmt, hash, ops::Deref, sync::Arc};

const INLINE: usize = 23;

/// Bytes that are put together on the stack before they are shared: enough for all but long keys.
const STACK: usize = 128;

/// Immutable bytes: up to 23 in place, longer ones shared. Cloning never copies more than 24 bytes.
///
/// ```
/// use syncline::bytes::SmallBytes;
/// assert_eq!(&*SmallBytes::from(b"abc".as_slice()), b"abc");
/// ```
#[derive(Clone)]
pub struct SmallBytes(Repr);

#[derive(Clone)]
enum Repr {
    Inline(Length, [u8; INLINE]),
    Shared(Arc<[u8]>),
}

/// A number up to [`INLINE`]. The compiler uses the numbers beyond to tell enums apart, which thus take no more room.
#[derive(Clone, Copy)]
#[repr(u8)]
#[rustfmt::skip]
enum Length { L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22, L23 }

#[rustfmt::skip]
const LENGTHS: [Length; INLINE + 1] = {
    use Length::*;
    [L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22, L23]
};

impl SmallBytes {
    /// Copies the bytes.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE {
            return SmallBytes(Repr::Shared(bytes.into()));
        }
        let mut buffer = [0; INLINE];
        buffer[..bytes.len()].copy_from_slice(bytes);
        SmallBytes(Repr::Inline(LENGTHS[bytes.len()], buffer))
    }

    /// Puts parts together.
    pub(crate) fn concat(parts: &[&[u8]]) -> Self {
        let length = parts.iter().map(|part| part.len()).sum();
        if length <= INLINE {
            let (mut buffer, mut at) = ([0; INLINE], 0);
            for part in parts {
                buffer[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            return SmallBytes(Repr::Inline(LENGTHS[length], buffer));
        }
        if length > STACK {
            return SmallBytes::from(parts.concat());
        }
        let (mut buffer, mut at) = ([0; STACK], 0);
        for part in parts {
            buffer[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        SmallBytes::new(&buffer[..length])
    }
}

impl Default for SmallBytes {
    fn default() -> Self {
        SmallBytes(Repr::Inline(Length::L0, [0; INLINE]))
    }
}

impl Deref for SmallBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(length, buffer) => &buffer[..*length as usize],
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for SmallBytes {
    fn from(bytes: &[u8]) -> Self {
        SmallBytes::new(bytes)
    }
}

impl From<Vec<u8>> for SmallBytes {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() > INLINE { SmallBytes(Repr::Shared(bytes.into())) } else { SmallBytes::new(&bytes) }
    }
}

impl std::borrow::Borrow<[u8]> for SmallBytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for SmallBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SmallBytes {}

impl PartialOrd for SmallBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SmallBytes {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl hash::Hash for SmallBytes {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_bytes_compare_alike_and_stay_small() {
        for length in [0, 1, INLINE, INLINE + 1, 1_000] {
            let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
            assert_eq!(*SmallBytes::new(&bytes), *bytes);
            assert_eq!(SmallBytes::from(bytes.clone()), SmallBytes::new(&bytes));
            assert_eq!(SmallBytes::concat(&[&bytes[..length / 3], &[], &bytes[length / 3..]]), SmallBytes::new(&bytes));
        }
        assert!(SmallBytes::new(&[1; 30]) < SmallBytes::new(&[2]));
        assert_eq!((size_of::<SmallBytes>(), size_of::<Option<SmallBytes>>()), (24, 24));
    }
}
