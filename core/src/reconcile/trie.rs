//! A Merkle trie over hashes of keys, and the walk that finds where two of them differ.
//!
//! Merkle 1987, with sums in place of nested hashes (as in the additive digest), so that a change costs O(depth).

use crate::bytes::{DecodeError, Reader, Writer};
use crate::crdt::Key;
use siphasher::sip::SipHasher13;

/// Levels below the root: 16^5 buckets at most, 8 MiB.
const DEEPEST: u32 = 5;

/// Keys of a bucket, about: the trie is as deep as this takes.
const BUCKET_KEYS: usize = 16;

/// Nodes of one message of the walk, each with 16 sums of 8 bytes: 33 KiB.
const NODES: usize = 256;

/// The hash that a key stands at in the trie (SipHash-1-3 under a fixed key: it is the same in every replica).
pub fn key_hash(key: &Key) -> u64 {
    SipHasher13::new_with_key(b"syncline  merkle").hash(key.as_bytes())
}

/// Sums of what lies below each place, 16 children to a node.
///
/// ```
/// use syncline::reconcile::Trie;
/// let mut trie = Trie::for_keys(100_000);
/// trie.add(0xabcd << 48, 17);
/// trie.add(0xabcd << 48, 17u64.wrapping_neg());
/// assert_eq!(trie, Trie::for_keys(100_000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trie {
    /// The sums of each level, the root's first.
    levels: Vec<Vec<u64>>,
}

impl Trie {
    /// Makes an empty trie for about this number of keys.
    pub fn for_keys(keys: usize) -> Trie {
        let depth = (1..DEEPEST).find(|depth| BUCKET_KEYS << (4 * depth) >= keys).unwrap_or(DEEPEST);
        Trie { levels: (0..=depth).map(|level| vec![0; 1 << (4 * level)]).collect() }
    }

    /// Adds to what is kept at a key's hash; to take out, add the negative.
    pub fn add(&mut self, key_hash: u64, sum: u64) {
        for (level, sums) in (0u32..).zip(&mut self.levels) {
            let at = &mut sums[place(key_hash, level) as usize];
            *at = at.wrapping_add(sum);
        }
    }

    /// The sum of everything.
    pub fn total(&self) -> u64 {
        self.levels[0][0]
    }

    /// Levels below the root.
    pub fn depth(&self) -> u32 {
        self.levels.len() as u32 - 1
    }

    /// The sum of a bucket at a level.
    fn sum(&self, level: u32, index: u32) -> u64 {
        self.levels.get(level as usize).and_then(|sums| sums.get(index as usize)).copied().unwrap_or(0)
    }

    /// The trie in bytes, to be kept with a document. Encoded less deep where it is sparse.
    pub fn encode(&self) -> Vec<u8> {
        let full = |sums: &&Vec<u64>| sums.len() <= SPARSE + SPARSE * sums.iter().filter(|sum| **sum != 0).count();
        let sums = self.levels.iter().rfind(full).unwrap_or(&self.levels[0]);
        let mut out = Writer::default();
        out.varint(sums.len().ilog2() as u64 / 4);
        out.varint(sums.iter().filter(|sum| **sum != 0).count() as u64);
        let mut next = 0;
        for (at, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum != 0) {
            out.varint((at - next) as u64);
            out.bytes(&sum.to_le_bytes());
            next = at + 1;
        }
        out.into_bytes()
    }

    /// Reads what [`Trie::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are cut short, or claim more than they hold.
    pub fn decode(bytes: &[u8]) -> Result<Trie, DecodeError> {
        let mut reader = Reader::new(bytes);
        let depth = reader.varint()?;
        let count = reader.count(9, 1 << (4 * DEEPEST))?;
        if depth > DEEPEST.into() || 1usize << (4 * depth) > SPARSE + SPARSE * count {
            return Err(DecodeError::Range("depth of a trie"));
        }
        let mut trie = Trie { levels: (0..=depth).map(|level| vec![0; 1 << (4 * level)]).collect() };
        let mut next = 0u64;
        for _ in 0..count {
            let at = next.checked_add(reader.varint()?).filter(|at| *at < 1 << (4 * depth));
            let at = at.ok_or(DecodeError::Range("bucket"))?;
            trie.add(if depth == 0 { 0 } else { at << (64 - 4 * depth) }, read_sum(&mut reader)?);
            next = at + 1;
        }
        reader.finish()?;
        Ok(trie)
    }

    /// Tells whether another trie of the same content, perhaps of another depth, has the same sums.
    pub fn agrees(&self, other: &Trie) -> bool {
        let level = self.depth().min(other.depth()) as usize;
        self.levels[level] == other.levels[level]
    }
}

/// Places for each sum that is not zero, at most, in bytes kept.
const SPARSE: usize = 16;

/// The place at a level of a key's hash.
fn place(key_hash: u64, level: u32) -> u32 {
    if level == 0 { 0 } else { (key_hash >> (64 - 4 * level)) as u32 }
}

/// One step of a walk: nodes that differ, with the sums of their children on the sender's side.
///
/// Either end answers the other's step with the next level, of the children that differ. Both ends use the depth of the
/// shallower trie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    depth: u32,
    level: u32,
    /// The bucket from which on differences were left out of this walk.
    pub(crate) resume: Option<u32>,
    nodes: Vec<(u32, [u64; 16])>,
}

/// Where a walk stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalkStep {
    /// Send this on.
    Deeper(Walk),
    /// These buckets differ, in ascending order; the walk left out what lies from `resume` on.
    Buckets(Vec<Bucket>, Option<u32>),
}

/// A range of key hashes: those whose upper `4 * depth` bits are `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Levels below the root, 1 to 5.
    pub depth: u32,
    /// The place at that level.
    pub index: u32,
}

impl Bucket {
    /// Tells whether a key's hash lies in it.
    pub fn holds(&self, key_hash: u64) -> bool {
        place(key_hash, self.depth) == self.index
    }
}

impl Walk {
    /// Begins a walk: the root's children.
    pub fn begin(trie: &Trie) -> Walk {
        Walk { depth: trie.depth(), level: 0, resume: None, nodes: vec![(0, children(trie, 0, 0))] }
    }

    /// Answers a step of the other side. Buckets below `cursor`, at the deepest level possible, are passed over.
    pub fn step(&self, trie: &Trie, cursor: u32) -> WalkStep {
        let depth = self.depth.min(trie.depth());
        let mut differing = Vec::new();
        for (index, theirs) in &self.nodes {
            let own = children(trie, self.level, *index);
            let differ = (0u32..16).filter(|&child| own[child as usize] != theirs[child as usize]);
            differing.extend(differ.map(|child| index * 16 + child));
        }
        let level = self.level + 1;
        // The cursor counts buckets of the deepest level that a trie can have.
        let below = 4 * (DEEPEST - level);
        differing.retain(|index| (u64::from(*index) + 1) << below > cursor.into());
        if level >= depth {
            let bucket = |index| Bucket { depth: level, index };
            return WalkStep::Buckets(differing.into_iter().map(bucket).collect(), self.resume);
        }
        let cut = differing.get(NODES).map(|index| index << below);
        let resume = [self.resume, cut].into_iter().flatten().min();
        differing.truncate(NODES);
        let nodes = differing.into_iter().map(|index| (index, children(trie, level, index))).collect();
        WalkStep::Deeper(Walk { depth, level, resume, nodes })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.bytes(&[self.depth as u8, self.level as u8]);
        out.varint(self.resume.map_or(0, |bucket| u64::from(bucket) + 1));
        out.varint(self.nodes.len() as u64);
        for (index, sums) in &self.nodes {
            out.varint((*index).into());
            // Sums of nothing are common in small documents.
            let mask = (0..16).fold(0u16, |mask, at| mask | u16::from(sums[at] != 0) << at);
            out.bytes(&mask.to_le_bytes());
            sums.iter().filter(|sum| **sum != 0).for_each(|sum| out.bytes(&sum.to_le_bytes()));
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Walk, DecodeError> {
        let (depth, level) = (u32::from(reader.byte()?), u32::from(reader.byte()?));
        if depth == 0 || depth > DEEPEST || level >= depth {
            return Err(DecodeError::Range("level"));
        }
        let resume = reader.varint()?.checked_sub(1).map(|bucket| u32::try_from(bucket).unwrap_or(u32::MAX));
        let mut nodes = Vec::with_capacity(reader.count(3, NODES)?);
        for _ in 0..nodes.capacity() {
            let index = u32::try_from(reader.varint()?).ok().filter(|index| *index < 1 << (4 * level));
            let mut mask = [0; 2];
            mask.copy_from_slice(reader.take(2)?);
            let (mask, mut sums) = (u16::from_le_bytes(mask), [0; 16]);
            for (at, sum) in sums.iter_mut().enumerate() {
                if mask >> at & 1 == 1 {
                    *sum = read_sum(reader)?;
                }
            }
            nodes.push((index.ok_or(DecodeError::Range("node"))?, sums));
        }
        reader.finish()?;
        Ok(Walk { depth, level, resume, nodes })
    }

    /// The step in bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.write(&mut out);
        out.into_bytes()
    }

    /// Reads what [`Walk::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged, or hold more nodes than a step does.
    pub fn decode(bytes: &[u8]) -> Result<Walk, DecodeError> {
        Walk::read(&mut Reader::new(bytes))
    }
}

fn children(trie: &Trie, level: u32, index: u32) -> [u64; 16] {
    std::array::from_fn(|child| trie.sum(level + 1, index * 16 + child as u32))
}

fn read_sum(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(reader.take(8)?);
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(item: u64) -> u64 {
        SipHasher13::new_with_keys(1, 2).hash(&item.to_le_bytes())
    }

    /// Walks two tries against each other; returns the buckets and the number of messages.
    fn walk(one: &Trie, two: &Trie, cursor: u32) -> (Vec<Bucket>, Option<u32>, usize) {
        let (mut step, mut messages) = (Walk::begin(one), 1);
        loop {
            let bytes = step.encode();
            assert_eq!(Walk::decode(&bytes), Ok(step.clone()));
            assert!((0..bytes.len()).step_by(977).all(|cut| Walk::decode(&bytes[..cut]).is_err()));
            match step.step(if messages % 2 == 1 { two } else { one }, cursor) {
                WalkStep::Deeper(next) => step = next,
                WalkStep::Buckets(buckets, resume) => return (buckets, resume, messages),
            }
            messages += 1;
        }
    }

    #[test]
    fn a_walk_finds_every_bucket_that_differs_and_no_other() {
        for (keys, other_keys) in [(50_000, 50_000), (50_000, 900), (10, 50_000)] {
            let (mut one, mut two) = (Trie::for_keys(keys), Trie::for_keys(other_keys));
            for item in 0..50_000 {
                one.add(hash(item), item + 1);
                two.add(hash(item), item + 1 + u64::from(item % 1_000 == 7));
            }
            let (buckets, resume, messages) = walk(&one, &two, 0);
            let depth = one.depth().min(two.depth());
            let mut expected: Vec<Bucket> =
                (7..50_000).step_by(1_000).map(|item| Bucket { depth, index: place(hash(item), depth) }).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!((buckets, resume), (expected, None));
            assert!(messages <= depth as usize);
        }
    }

    #[test]
    fn a_walk_that_is_too_long_goes_on_where_it_stopped() {
        let (mut one, two) = (Trie::for_keys(200_000), Trie::for_keys(200_000));
        (0..20_000).for_each(|item| one.add(hash(item), 1));
        let (mut found, mut cursor, mut rounds) = (std::collections::BTreeSet::new(), 0, 0);
        loop {
            let (buckets, resume, _) = walk(&one, &two, cursor);
            found.extend(buckets);
            rounds += 1;
            match resume {
                Some(next) if next > cursor => cursor = next,
                _ => break,
            }
        }
        let expected: std::collections::BTreeSet<Bucket> =
            (0..20_000).map(|item| Bucket { depth: 4, index: place(hash(item), 4) }).collect();
        assert_eq!(found, expected);
        assert!(rounds > 3, "{rounds}");
    }

    #[test]
    fn a_trie_comes_back_from_its_bytes() {
        for (room, keys) in [(0, 0), (100_000, 3), (100_000, 100_000)] {
            let mut trie = Trie::for_keys(room);
            (0..keys).for_each(|item| trie.add(hash(item), item + 1));
            let bytes = trie.encode();
            let back = Trie::decode(&bytes).expect("a trie");
            assert!(back.agrees(&trie) && back.total() == trie.total());
            for cut in 0..bytes.len().min(300) {
                assert!(Trie::decode(&bytes[..cut]).is_err());
            }
        }
        assert!(Trie::decode(&[5, 0]).is_err());
    }
}
