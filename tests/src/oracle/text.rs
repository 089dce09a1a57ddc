//! The list specification of collaborative texts (Attiya, Burckhardt, Gotsman, Morrison, Yang, Zawirski, PODC'16).
//!
//! Every character ever typed is unique here, so that a text can be read as a list of characters with identity:
//! a text holds exactly the characters that some insertion it has seen put there and no deletion it has seen took,
//! and all texts anyone has ever read agree on the order of any two characters (the weak specification: an order over
//! characters that were visible together).

use std::collections::{BTreeMap, BTreeSet};

use syncline::clock::ReplicaId;
use syncline::crdt::{Path, TextUnit};
use syncline::doc::Doc;

use crate::rng::Rng;

/// Watches the texts of all replicas of one history.
#[derive(Debug, Default)]
pub struct TextWatch {
    /// For each character, the characters that were read behind it.
    behind: BTreeMap<char, BTreeSet<char>>,
    next: u32,
}

impl TextWatch {
    /// A character that was never typed before; some lie beyond the basic plane.
    pub fn fresh(&mut self) -> char {
        self.next += 1;
        let start = if self.next.is_multiple_of(4) { 0x1_f300 } else { 0x4e00 };
        char::from_u32(start + self.next).unwrap_or('\u{fffd}')
    }

    /// Checks what a replica reads against the characters it must hold, and against all orders read before.
    pub fn check(&mut self, text: &str, inserted: &BTreeSet<char>, deleted: &BTreeSet<char>) -> Result<(), String> {
        let letters: Vec<char> = text.chars().collect();
        let held: BTreeSet<char> = letters.iter().copied().collect();
        let expected: BTreeSet<char> = inserted.difference(deleted).copied().collect();
        if held != expected || held.len() != letters.len() {
            return Err(format!("the text reads {text:?} but holds the characters {expected:?}"));
        }
        for (index, one) in letters.iter().enumerate() {
            for two in &letters[index + 1..] {
                if self.behind.get(two).is_some_and(|behind| behind.contains(one)) {
                    return Err(format!("{one:?} was read behind {two:?} before, and now in front of it: {text:?}"));
                }
                self.behind.entry(*one).or_default().insert(*two);
            }
        }
        Ok(())
    }
}

/// Replicas that type into one text, beside what each must read.
pub struct Typists {
    rng: Rng,
    docs: Vec<Doc>,
    watch: TextWatch,
    /// For each edit, by (author, number): what it inserted and what it deleted.
    edits: BTreeMap<(ReplicaId, u64), (Vec<char>, Vec<char>)>,
    now_ms: u64,
}

impl Typists {
    /// Makes 2 to 4 empty replicas.
    pub fn new(seed: u64) -> Typists {
        let mut rng = Rng::new(seed);
        let count = rng.between(2, 4);
        let docs = (0..count)
            .map(|index| Doc::new(ReplicaId::new(START_MS, u128::from(rng.bits()) << 8 | u128::from(index))))
            .collect();
        Typists { rng, docs, watch: TextWatch::default(), edits: BTreeMap::new(), now_ms: START_MS }
    }

    /// Whether updates were put together: then there are fewer than edits.
    pub fn compacted(&self) -> bool {
        self.docs.iter().any(|doc| doc.stats().dots < self.edits.len() / 2)
    }

    /// One edit or exchange; now and then a replica is checked.
    pub fn step(&mut self) -> Result<(), String> {
        self.now_ms += 1;
        let who = self.rng.below(self.docs.len());
        match self.rng.below(100) {
            0..80 => self.edit(who)?,
            80..97 => self.pull(who)?,
            _ => self.restart(who)?,
        }
        if self.rng.chance(5) { self.check(who) } else { Ok(()) }
    }

    /// Everyone hears from everyone; then all read the same.
    pub fn settle(&mut self) -> Result<(), String> {
        for to in (0..self.docs.len()).chain(0..self.docs.len()) {
            for from in 0..self.docs.len() {
                let delta = self.docs[from].export_from(&self.docs[to].version());
                self.docs[to].import(&delta).map_err(|error| error.to_string())?;
            }
        }
        for who in 0..self.docs.len() {
            self.check(who)?;
        }
        let exports: BTreeSet<Vec<u8>> = self.docs.iter().map(Doc::export).collect();
        if exports.len() == 1 { Ok(()) } else { Err("equal texts, unequal snapshots".into()) }
    }

    fn edit(&mut self, who: usize) -> Result<(), String> {
        let (doc, rng, path) = (&mut self.docs[who], &mut self.rng, note());
        let before: Vec<char> = doc.text(&path).chars().collect();
        let (mut inserted, mut deleted) = (Vec::new(), Vec::new());
        doc.begin(self.now_ms, None).map_err(|error| error.to_string())?;
        let at = rng.below(before.len() + 1);
        let done = if rng.chance(30) && at < before.len() {
            let count = (1 + rng.below(4)).min(before.len() - at);
            deleted.extend(&before[at..at + count]);
            doc.text_delete(&path, at, count, TextUnit::CodePoint)
        } else {
            inserted.extend((0..=rng.below(3)).map(|_| self.watch.fresh()));
            doc.text_insert(&path, at, &inserted.iter().collect::<String>(), TextUnit::CodePoint)
        };
        done.map_err(|error| error.to_string())?;
        if let Some(seq) = doc.commit().map_err(|error| error.to_string())? {
            self.edits.insert((doc.id(), seq), (inserted, deleted));
        }
        Ok(())
    }

    fn pull(&mut self, to: usize) -> Result<(), String> {
        let from = self.rng.below(self.docs.len());
        let delta = self.docs[from].export_from(&self.docs[to].version());
        self.docs[to].import(&delta).map(drop).map_err(|error| error.to_string())
    }

    fn restart(&mut self, who: usize) -> Result<(), String> {
        let mut doc = Doc::new(ReplicaId::new(self.now_ms, u128::from(self.rng.bits())));
        doc.import(&self.docs[who].save()).map_err(|error| error.to_string())?;
        self.docs[who] = doc;
        Ok(())
    }

    fn check(&mut self, who: usize) -> Result<(), String> {
        let version = self.docs[who].version();
        let seen = || self.edits.iter().filter(|((id, seq), _)| *seq <= version.get(id)).map(|(_, edit)| edit);
        let inserted = seen().flat_map(|(inserted, _)| inserted.iter().copied()).collect();
        let deleted = seen().flat_map(|(_, deleted)| deleted.iter().copied()).collect();
        let text = self.docs[who].text(&note());
        self.watch.check(&text, &inserted, &deleted)
    }
}

/// Where virtual time starts, in ms since the epoch.
const START_MS: u64 = 1_700_000_000_000;

fn note() -> Path {
    Path::from_segments(["note"])
}
