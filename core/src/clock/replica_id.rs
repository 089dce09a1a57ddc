//! Names of writing sessions.

use std::{cmp::Ordering, fmt, str::FromStr};

/// The name of one writing session: 48 bits of birth time in milliseconds, then 80 random bits.
///
/// Ids sort by birth, which lets members agree on a *horizon* below which all ids are retired. An id is single-use:
/// a process that starts takes a new one, so a dot cannot be minted twice after a crash or a restored backup.
///
/// ```
/// use syncline::clock::ReplicaId;
/// let id = ReplicaId::new(1_700_000_000_000, 7);
/// assert_eq!(id.birth_ms(), 1_700_000_000_000);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplicaId([u8; 16]);

impl ReplicaId {
    /// Largest time of birth: 48 bits of milliseconds.
    pub const LAST_BIRTH: u64 = (1 << 48) - 1;

    /// Makes an id from the time of birth (ms since the Unix epoch, 48 bits used) and randomness (80 bits used).
    pub fn new(birth_ms: u64, random: u128) -> Self {
        let birth = u128::from(birth_ms & 0xffff_ffff_ffff) << 80;
        ReplicaId((birth | (random & ((1 << 80) - 1))).to_be_bytes())
    }

    /// Takes the 16 bytes of an id as they are.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        ReplicaId(bytes)
    }

    /// The 16 bytes; their order is the order of ids.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The time of birth in milliseconds since the Unix epoch.
    pub fn birth_ms(&self) -> u64 {
        (u128::from_be_bytes(self.0) >> 80) as u64
    }
}

impl Ord for ReplicaId {
    /// The order of the bytes, as one comparison of numbers.
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for ReplicaId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a replica id is 32 hexadecimal digits")]
pub struct ParseReplicaIdError;

impl FromStr for ReplicaId {
    type Err = ParseReplicaIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseReplicaIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| ParseReplicaIdError)?;
        Ok(ReplicaId(number.to_be_bytes()))
    }
}
