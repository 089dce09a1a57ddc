//! The digest of a state: equal states have equal digests in every language.

use crate::bytes::{Sip, SmallBytes};
use crate::clock::{Hlc, ReplicaId};
use crate::crdt::Key;
use std::fmt;

/// A fixed key: the digest compares replicas, it does not authenticate them.
const KEY: [u64; 2] = [u64::from_le_bytes(*b"syncline"), u64::from_le_bytes(*b" digest1")];

/// The sum modulo 2^128 of the keyed hashes of all live dots. Order-independent, and kept up to date in O(1) per change
/// (Bellare, Micciancio: "A new paradigm for collision-free hashing", 1997, the additive variant).
///
/// ```
/// use syncline::{clock::ReplicaId, delta::Digest, doc::Doc};
/// assert_eq!(Doc::new(ReplicaId::new(1, 1)).digest(), Digest(0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub u128);

impl Digest {
    pub(crate) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    pub(crate) fn subtract(&mut self, hash: u128) {
        self.0 = self.0.wrapping_sub(hash);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The hash of one live dot: SipHash-1-3-128 over replica, number, clock, key length, key and payload.
pub(crate) fn dot_hash(replica: &ReplicaId, seq: u64, hlc: Hlc, key: &Key, payload: &SmallBytes) -> u128 {
    let mut hash = Sip::new(KEY);
    hash.write(replica.as_bytes());
    hash.write(&seq.to_le_bytes());
    hash.write(&hlc.as_u64().to_le_bytes());
    hash.write(&(key.as_bytes().len() as u32).to_le_bytes());
    hash.write(key.as_bytes());
    hash.write(payload);
    let (first, second) = hash.finish_both();
    u128::from(first) << 64 | u128::from(second)
}
