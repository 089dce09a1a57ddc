//! Dots as numbers: so that what was decoded names the event itself and need not be looked up.

use super::cell::ItemHasher;
use crate::clock::{Dot, ReplicaId, VersionVector};
use siphasher::sip::SipHasher13;

const SEQ_BITS: u32 = 48;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;

/// The writers that two replicas know between them, each with a number of 16 bits.
///
/// A writer's number is a hash of its id, so that cells stay valid when writers join; where two writers share a hash, all
/// are numbered in the order of ids instead.
///
/// ```
/// use syncline::clock::{Dot, ReplicaId, VersionVector};
/// use syncline::reconcile::{DotNumbers, ItemHasher};
/// let version: VersionVector = [(ReplicaId::new(1, 1), 5), (ReplicaId::new(1, 2), 3)].into_iter().collect();
/// let numbers = DotNumbers::new(ItemHasher::new(9), &version).expect("not too many writers");
/// let dot = Dot::new(ReplicaId::new(1, 2), 3);
/// assert_eq!(numbers.item(&dot).and_then(|item| numbers.dot(item)), Some(dot));
/// ```
#[derive(Clone, Debug)]
pub struct DotNumbers {
    /// In the order of ids.
    writers: Vec<(ReplicaId, u16)>,
    hashed: bool,
}

impl DotNumbers {
    /// Numbers the writers of a version; `None` if there are more than 65,535.
    pub fn new(hasher: ItemHasher, version: &VersionVector) -> Option<DotNumbers> {
        let hashed: Vec<(ReplicaId, u16)> = version.iter().map(|(id, _)| (id, writer_hash(hasher, &id))).collect();
        let mut tags: Vec<u16> = hashed.iter().map(|(_, tag)| *tag).collect();
        tags.sort_unstable();
        if tags.windows(2).all(|pair| pair[0] != pair[1]) {
            return Some(DotNumbers { writers: hashed, hashed: true });
        }
        let ranked = version.iter().enumerate().map(|(rank, (id, _))| Some((id, u16::try_from(rank).ok()?)));
        Some(DotNumbers { writers: ranked.collect::<Option<_>>()?, hashed: false })
    }

    /// Whether the numbers are hashes, so that cells kept for the same seed hold.
    pub fn hashed(&self) -> bool {
        self.hashed
    }

    /// The number of a dot; `None` if its writer is unknown.
    pub fn item(&self, dot: &Dot) -> Option<u64> {
        let at = self.writers.binary_search_by(|(id, _)| id.cmp(&dot.replica)).ok()?;
        Some(number(self.writers[at].1, dot.seq))
    }

    /// The dot of a number; `None` if there is none.
    pub fn dot(&self, item: u64) -> Option<Dot> {
        let tag = (item >> SEQ_BITS) as u16;
        let (id, _) = self.writers.iter().find(|(_, found)| *found == tag)?;
        Some(Dot::new(*id, item & SEQ_MASK)).filter(|dot| dot.seq > 0)
    }
}

/// The number of a dot for cells that are kept while no session runs. Two writers whose numbers collide make sessions
/// fall back on cells of their own.
pub fn dot_item(hasher: ItemHasher, dot: &Dot) -> u64 {
    number(writer_hash(hasher, &dot.replica), dot.seq)
}

fn number(tag: u16, seq: u64) -> u64 {
    u64::from(tag) << SEQ_BITS | seq & SEQ_MASK
}

fn writer_hash(hasher: ItemHasher, id: &ReplicaId) -> u16 {
    (SipHasher13::new_with_keys(!hasher.seed(), hasher.seed()).hash(id.as_bytes()) >> SEQ_BITS) as u16
}
