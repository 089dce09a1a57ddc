//! Equal versions, different content: finding the leaves that differ and mending them.

use super::error::SessionError;
use super::trie::{Bucket, Trie, Walk, WalkStep, key_hash};
use crate::bounds;
use crate::bytes::{DecodeError, Reader, SmallBytes, Writer};
use crate::clock::{Dot, Hlc, ReplicaId, VersionVector};
use crate::crdt::Key;
use crate::delta::Digest;
use crate::doc::{Doc, Mended, Origin};
use std::collections::BTreeSet;

const WALK: u8 = 1;
const SUMS: u8 = 2;
const CONTENT: u8 = 3;

/// Leaves that one audit compares at most: a bad disk is mended in steps that do not hold up a room.
pub const AUDIT_LEAVES: usize = 1_000;

/// Bytes of leaves that one audit exchanges in each direction, about; a single leaf may exceed it.
const AUDIT_BYTES: usize = 4 * 1024 * 1024;

/// What the content was when it was last known to be sound; kept beside the stored document.
///
/// Whoever has one for its present version can tell damage from difference: its own content is trusted if it agrees with
/// the record, and is not if it does not. Without a record nothing that another replica holds is ever taken as deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    version: VersionVector,
    trie: Trie,
}

impl Record {
    /// Records a document.
    pub fn of(doc: &Doc) -> Record {
        Record { version: doc.version(), trie: trie_of(doc) }
    }

    /// Tells whether the content is what was recorded; `None` if the document has gone on since.
    pub fn agrees(&self, doc: &Doc) -> Option<bool> {
        (self.version == doc.version()).then(|| self.trie.agrees(&trie_of(doc)))
    }

    /// The record in bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.block(&self.version.encode());
        out.bytes(&self.trie.encode());
        out.into_bytes()
    }

    /// Reads what [`Record::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = VersionVector::decode(reader.block(bytes.len())?)?;
        Ok(Record { version, trie: Trie::decode(reader.take_rest())? })
    }
}

/// The Merkle trie of a document: at each key's hash the hashes of its live dots.
pub fn trie_of(doc: &Doc) -> Trie {
    let mut trie = Trie::for_keys(doc.stats().leaves);
    doc.each_live_dot(&mut |live| trie.add(key_hash(live.key), live.hash() as u64));
    trie
}

/// Tells whether the content is what the digest was kept for. What a damaged replica lacks must not count as deleted.
pub(crate) fn is_sound(doc: &Doc) -> bool {
    let mut sum = 0u128;
    doc.each_live_dot(&mut |live| sum = sum.wrapping_add(live.hash()));
    Digest(sum) == doc.digest()
}

/// One dot that differed, and what became of it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub key: Key,
    /// The event.
    pub dot: Dot,
    /// How the two sides differed.
    pub kind: FindingKind,
    /// What was done here.
    pub action: Action,
}

/// How two replicas differ in a dot that both have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// Only this side holds it.
    MissingThere,
    /// Only the other side holds it.
    MissingHere,
    /// Both hold it with different values: damage, or a dot that was used twice.
    Differs,
}

impl FindingKind {
    /// Its name, the same in every language.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::MissingThere => "missing-there",
            FindingKind::MissingHere => "missing-here",
            FindingKind::Differs => "differs",
        }
    }
}

/// What an audit did with a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// This side's stays.
    Kept,
    /// The other side's was taken.
    Taken,
    /// Dropped, because the other side is intact, has seen it and no longer holds it.
    Dropped,
    /// Not taken, because this side is intact, has seen it and no longer holds it.
    Refused,
}

impl Action {
    /// Its name, the same in every language.
    pub fn name(self) -> &'static str {
        match self {
            Action::Kept => "kept",
            Action::Taken => "taken",
            Action::Dropped => "dropped",
            Action::Refused => "refused",
        }
    }
}

/// One end of an audit.
pub(crate) struct Audit {
    trie: Trie,
    /// Whether this side's content is proven.
    intact: bool,
    version: VersionVector,
    cursor: u32,
    resume: Option<u32>,
    findings: Vec<Finding>,
    /// Whether this side has sent its content.
    told: bool,
    done: bool,
}

/// The leaves of one side.
struct Content {
    intact: bool,
    /// Hashes of the keys that it speaks of: those without a leaf here are not there.
    wanted: Vec<u64>,
    leaves: Vec<(Key, Vec<Mended>)>,
}

impl Audit {
    pub(crate) fn new(doc: &Doc, record: Option<Record>) -> Audit {
        let trie = trie_of(doc);
        let intact = record.is_some_and(|record| record.version == doc.version() && record.trie.agrees(&trie));
        let version = doc.version();
        Audit { trie, intact, version, cursor: 0, resume: None, findings: Vec::new(), told: false, done: false }
    }

    pub(crate) fn begin(doc: &Doc, record: Option<Record>, cursor: u32) -> (Audit, Vec<u8>) {
        let audit = Audit { cursor, ..Audit::new(doc, record) };
        let first = audit.walk(&Walk::begin(&audit.trie));
        (audit, first)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    pub(crate) fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    pub(crate) fn resume(&self) -> Option<u32> {
        self.resume
    }

    fn walk(&self, walk: &Walk) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(WALK);
        out.varint(self.cursor.into());
        walk.write(&mut out);
        out.into_bytes()
    }

    pub(crate) fn handle(
        &mut self,
        message: &[u8],
        doc: &mut Doc,
        origin: &Origin,
    ) -> Result<Option<Vec<u8>>, SessionError> {
        if doc.version() != self.version {
            return Err(SessionError::Changed);
        }
        let mut reader = Reader::new(message);
        match reader.byte()? {
            WALK => {
                self.cursor = u32::try_from(reader.varint()?).unwrap_or(u32::MAX);
                let walk = Walk::read(&mut reader)?;
                match walk.step(&self.trie, self.cursor) {
                    WalkStep::Deeper(next) => Ok(Some(self.walk(&next))),
                    WalkStep::Buckets(buckets, resume) => Ok(Some(self.tell_sums(buckets, resume, doc))),
                }
            }
            SUMS => Ok(Some(self.compare_sums(&mut reader, doc)?)),
            CONTENT => {
                let content = Content::read(&mut reader)?;
                self.settle(content, doc, origin)
            }
            _ => Err(DecodeError::Range("kind of message").into()),
        }
    }

    /// The leaves of the buckets that differ, with the sum of each.
    fn tell_sums(&mut self, mut buckets: Vec<Bucket>, resume: Option<u32>, doc: &Doc) -> Vec<u8> {
        let sums = sums_within(doc, &buckets);
        let mut taken = 0;
        for (at, bucket) in buckets.iter().enumerate() {
            taken += sums.iter().filter(|(hash, _)| bucket.holds(*hash)).count().max(1);
            if taken > AUDIT_LEAVES && at > 0 {
                self.resume = Some(bucket.index << (4 * (5 - bucket.depth)));
                buckets.truncate(at);
                break;
            }
        }
        self.resume = self.resume.or(resume);
        let mut out = Writer::default();
        out.byte(SUMS);
        out.varint(self.resume.map_or(0, |bucket| u64::from(bucket) + 1));
        out.varint(buckets.len() as u64);
        for bucket in &buckets {
            out.byte(bucket.depth as u8);
            out.varint(bucket.index.into());
        }
        for (hash, sum) in sums.iter().filter(|(hash, _)| buckets.iter().any(|bucket| bucket.holds(*hash))) {
            out.bytes(&hash.to_le_bytes());
            out.bytes(&sum.to_le_bytes());
        }
        out.into_bytes()
    }

    /// Finds the leaves that differ, and sends this side's content of them.
    fn compare_sums(&mut self, reader: &mut Reader<'_>, doc: &Doc) -> Result<Vec<u8>, SessionError> {
        let resume = reader.varint()?.checked_sub(1);
        self.resume = resume.map(|bucket| u32::try_from(bucket).unwrap_or(u32::MAX));
        let mut buckets = Vec::new();
        for _ in 0..reader.count(2, 16 * AUDIT_LEAVES)? {
            let depth = u32::from(reader.byte()?);
            let index = u32::try_from(reader.varint()?).map_err(|_| DecodeError::Range("bucket"))?;
            if depth == 0 || depth > 5 {
                return Err(DecodeError::Range("bucket").into());
            }
            buckets.push(Bucket { depth, index });
        }
        let mut theirs = Vec::new();
        while !reader.is_empty() {
            theirs.push((read_u64(reader)?, read_u64(reader)?));
        }
        theirs.sort_unstable();
        let own = sums_within(doc, &buckets);
        let differ = |(hash, sum): &(u64, u64), other: &[(u64, u64)]| {
            (other.binary_search(&(*hash, *sum)).is_err()).then_some(*hash)
        };
        let mut wanted: Vec<u64> = own.iter().filter_map(|entry| differ(entry, &theirs)).collect();
        wanted.extend(theirs.iter().filter_map(|entry| differ(entry, &own)));
        wanted.sort_unstable();
        wanted.dedup();
        wanted.truncate(AUDIT_LEAVES);
        self.told = true;
        Ok(self.content(&wanted, doc).encode())
    }

    /// This side's content of some leaves: of as many as a message carries.
    fn content(&self, wanted: &[u64], doc: &Doc) -> Content {
        let (leaves, left_out) = leaves_of(doc, wanted);
        let wanted = wanted.iter().copied().filter(|hash| !left_out.contains(hash)).collect();
        Content { intact: self.intact, wanted, leaves }
    }

    /// Both sides see both contents and decide alike.
    fn settle(&mut self, theirs: Content, doc: &mut Doc, origin: &Origin) -> Result<Option<Vec<u8>>, SessionError> {
        let mut wanted = theirs.wanted.clone();
        wanted.sort_unstable();
        let own = self.content(&wanted, doc);
        let reply = (!self.told).then(|| own.encode());
        // What one side has left out of its message is not missing there.
        let spoken = |leaves: Vec<(Key, Vec<Mended>)>| {
            let both = |key: &Key| [&own.wanted, &theirs.wanted].iter().all(|all| all.contains(&key_hash(key)));
            leaves.into_iter().filter(|(key, _)| both(key)).collect::<Vec<_>>()
        };
        let (there, intact) = (spoken(theirs.leaves.clone()), theirs.intact);
        let own = spoken(own.leaves.clone());
        let mut keys: Vec<&Key> = own.iter().chain(&there).map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut mended = Vec::new();
        for key in keys {
            let side = |leaves: &[(Key, Vec<Mended>)]| {
                leaves.iter().find(|(found, _)| found == key).map(|(_, dots)| dots.clone()).unwrap_or_default()
            };
            let dots = self.decide(key, side(&own), side(&there), intact);
            mended.extend(dots.map(|dots| (key.clone(), dots)));
        }
        // Leaves that agree under digests that do not: the digest itself is damaged. Mending makes it anew.
        if !mended.is_empty() || !is_sound(doc) {
            doc.mend(&mended, origin)?;
        }
        self.done = true;
        Ok(reply)
    }

    /// The dots that a leaf should hold; `None` if it holds them.
    fn decide(&mut self, key: &Key, own: Vec<Mended>, theirs: Vec<Mended>, there: bool) -> Option<Vec<Mended>> {
        let mut dots: Vec<Dot> = own.iter().chain(&theirs).map(|(dot, ..)| *dot).collect();
        dots.sort_unstable();
        dots.dedup();
        let mut kept = Vec::new();
        for dot in dots.into_iter().filter(|dot| self.version.covers(dot)) {
            let here = own.iter().find(|(found, ..)| *found == dot);
            let over_there = theirs.iter().find(|(found, ..)| *found == dot);
            let (kind, action) = match (here, over_there) {
                (Some(here), Some(over_there)) if here == over_there => {
                    kept.push(here.clone());
                    continue;
                }
                (Some(here), Some(over_there)) => {
                    let value = |(_, hlc, payload): &Mended| (*hlc, payload.clone());
                    let ours = match (self.intact, there) {
                        (true, false) => true,
                        (false, true) => false,
                        _ => value(here) >= value(over_there),
                    };
                    (FindingKind::Differs, if ours { Action::Kept } else { Action::Taken })
                }
                (Some(_), None) => (FindingKind::MissingThere, if there { Action::Dropped } else { Action::Kept }),
                _ => (FindingKind::MissingHere, if self.intact { Action::Refused } else { Action::Taken }),
            };
            match action {
                Action::Kept => kept.extend(here.cloned()),
                Action::Taken => kept.extend(over_there.cloned()),
                Action::Dropped | Action::Refused => {}
            }
            self.findings.push(Finding { key: key.clone(), dot, kind, action });
        }
        let mut own = own;
        own.sort_unstable_by_key(|(dot, ..)| *dot);
        (own != kept).then_some(kept)
    }
}

impl Content {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(CONTENT);
        out.byte(u8::from(self.intact));
        out.varint(self.wanted.len() as u64);
        self.wanted.iter().for_each(|hash| out.bytes(&hash.to_le_bytes()));
        for (key, dots) in &self.leaves {
            out.block(key.as_bytes());
            out.varint(dots.len() as u64);
            for (dot, hlc, payload) in dots {
                out.bytes(dot.replica.as_bytes());
                out.varint(dot.seq);
                out.bytes(&hlc.as_u64().to_le_bytes());
                out.block(payload);
            }
        }
        out.into_bytes()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Content, DecodeError> {
        let intact = reader.byte()? != 0;
        let mut wanted = Vec::with_capacity(reader.count(8, AUDIT_LEAVES)?);
        for _ in 0..wanted.capacity() {
            wanted.push(read_u64(reader)?);
        }
        let mut leaves = Vec::new();
        while !reader.is_empty() {
            let key = Key::parse(reader.block(2 * bounds::PATH_BYTES)?)?;
            let count = reader.count(26, bounds::TRANSACTION_DOTS)?;
            let mut dots = Vec::new();
            for _ in 0..count {
                let mut id = [0; 16];
                id.copy_from_slice(reader.take(16)?);
                let seq = reader.varint()?;
                let hlc = Hlc::from_u64(read_u64(reader)?);
                let payload = SmallBytes::new(reader.block(bounds::VALUE_BYTES)?);
                if seq == 0 || seq > bounds::SEQUENCE || hlc.ms() > Hlc::MAX_MS {
                    return Err(DecodeError::Range("dot"));
                }
                dots.push((Dot::new(ReplicaId::from_bytes(id), seq), hlc, payload));
            }
            leaves.push((key, dots));
        }
        if leaves.len() > AUDIT_LEAVES {
            return Err(DecodeError::TooLarge { what: "number of leaves", limit: AUDIT_LEAVES });
        }
        Ok(Content { intact, wanted, leaves })
    }
}

/// The hash and the sum of each leaf in the buckets, in order.
fn sums_within(doc: &Doc, buckets: &[Bucket]) -> Vec<(u64, u64)> {
    let mut sums: Vec<(u64, u64)> = Vec::new();
    doc.each_live_dot(&mut |live| {
        let hash = key_hash(live.key);
        if !buckets.iter().any(|bucket| bucket.holds(hash)) {
            return;
        }
        match sums.last_mut().filter(|(last, _)| *last == hash) {
            Some((_, sum)) => *sum = sum.wrapping_add(live.hash() as u64),
            None => sums.push((hash, live.hash() as u64)),
        }
    });
    sums.sort_unstable();
    sums
}

/// The leaves with these hashes (in order), and the hashes of those that the message has no room for.
fn leaves_of(doc: &Doc, hashes: &[u64]) -> (Vec<(Key, Vec<Mended>)>, BTreeSet<u64>) {
    let (mut leaves, mut left_out) = (Vec::<(Key, Vec<Mended>)>::new(), BTreeSet::new());
    let mut bytes = 0;
    doc.each_live_dot(&mut |live| {
        let same = leaves.last().is_some_and(|(key, _)| key == live.key);
        let hash = key_hash(live.key);
        if !same && hashes.binary_search(&hash).is_err() {
            return;
        }
        if !same && bytes > AUDIT_BYTES {
            left_out.insert(hash);
            return;
        }
        bytes += live.payload.len() + live.key.as_bytes().len() + 40;
        let dot = (live.dot, live.hlc, live.payload.clone());
        match leaves.last_mut().filter(|_| same) {
            Some((_, dots)) => dots.push(dot),
            None => leaves.push((live.key.clone(), vec![dot])),
        }
    });
    leaves.iter_mut().for_each(|(_, dots)| dots.sort_unstable_by_key(|(dot, ..)| *dot));
    (leaves, left_out)
}

fn read_u64(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(reader.take(8)?);
    Ok(u64::from_le_bytes(bytes))
}
