//! Random histories of one type, with what happened before what written down.
//!
//! A [`Topic`] does something to a document and says what it did; later it is handed all events that a replica has seen,
//! each with the events that its author had seen, and says what the document must show. Definitions of concurrent data
//! types are in these terms ("some add that no remove has seen"), so nothing here knows of dots, leaves or kinds.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::Path;
use syncline::delta::Digest;
use syncline::doc::{Doc, EditError};

use crate::rng::Rng;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event<A> {
    /// Its number in the history.
    pub number: usize,
    /// What was done.
    pub act: A,
    /// Who did it.
    pub author: ReplicaId,
    /// The hybrid time of the transaction; the largest while it is open.
    pub time: u64,
    /// The numbers of the events that the author had seen.
    pub past: BTreeSet<usize>,
    /// The author's last number in the transaction; the largest while it is open.
    pub seq: u64,
}

impl<A> Event<A> {
    /// Whether the author of `later` had seen this event.
    pub fn before(&self, later: &Event<A>) -> bool {
        later.past.contains(&self.number)
    }

    /// What orders events for last-writer-wins. Events of one transaction follow each other.
    pub fn stamp(&self) -> (u64, ReplicaId, usize) {
        (self.time, self.author, self.number)
    }
}

/// One type under test.
pub trait Topic {
    /// What can be done to it.
    type Act: Clone + std::fmt::Debug;

    /// Does something at random to `doc`, whose replica has seen `known`, and says what; `None` if nothing came of it.
    fn act(rng: &mut Rng, doc: &mut Doc, known: &[Event<Self::Act>]) -> Result<Option<Self::Act>, String>;

    /// Tidies up what is stable, in an open transaction; nothing that is shown changes.
    fn fold(_doc: &mut Doc, _stable: &VersionVector) -> Result<(), String> {
        Ok(())
    }

    /// Compares what `doc` shows with what the definition says about the events that its replica has seen.
    fn check(doc: &mut Doc, seen: &[Event<Self::Act>]) -> Result<(), String>;
}

struct Member {
    doc: Doc,
    version: VersionVector,
}

/// Some replicas with a common history.
pub struct World<T: Topic> {
    rng: Rng,
    history: Vec<Event<T::Act>>,
    members: Vec<Member>,
    blobs: Vec<(Vec<u8>, VersionVector)>,
    digests: Vec<(VersionVector, Digest)>,
    /// What all had seen at some moment: the least and the most of it.
    moments: Vec<(VersionVector, VersionVector)>,
    now_ms: u64,
    topic: PhantomData<T>,
}

impl<T: Topic> World<T> {
    /// Makes 2 to 4 empty replicas.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let now_ms = 1_700_000_000_000;
        let members = (0..rng.between(2, 4)).map(|index| {
            let id = ReplicaId::new(now_ms, u128::from(rng.bits()) << 8 | u128::from(index));
            let mut doc = Doc::new(id);
            doc.keep_batches(true);
            doc.stream_batches(false);
            Member { doc, version: VersionVector::default() }
        });
        let members = members.collect();
        World {
            rng,
            history: Vec::new(),
            members,
            blobs: Vec::new(),
            digests: Vec::new(),
            moments: Vec::new(),
            now_ms,
            topic: PhantomData,
        }
    }

    /// Takes one random step and checks the replica that it changed.
    pub fn step(&mut self) -> Result<(), String> {
        let who = self.rng.below(self.members.len());
        self.now_ms += self.rng.between(0, 2);
        match self.rng.below(100) {
            0..55 => self.transact(who)?,
            55..85 => {
                let from = self.rng.below(self.members.len());
                self.pull(who, from)?;
            }
            85..92 => self.receive_again(who)?,
            92..94 => {
                let stable = self.moment().0;
                self.members[who].doc.prune(&stable);
            }
            94..97 => self.fold(who)?,
            _ => self.rollback(who)?,
        }
        self.check(who)
    }

    /// Lets everyone hear from everyone, then compares all.
    pub fn settle(&mut self) -> Result<(), String> {
        let count = self.members.len();
        for pair in 0..2 * count * count {
            self.pull(pair / count % count, pair % count)?;
        }
        for who in 0..count {
            self.check(who)?;
            if self.members[who].doc.export() != self.members[0].doc.export() {
                return Err("equal versions, unequal snapshots".into());
            }
        }
        Ok(())
    }

    fn transact(&mut self, who: usize) -> Result<(), String> {
        let now_ms = self.now_ms + self.rng.between(0, 4);
        let first = self.history.len();
        let member = &mut self.members[who];
        member.doc.begin(now_ms, None).map_err(text)?;
        for _ in 0..*self.rng.pick(&[1, 1, 1, 2, 3]) {
            self.act(who)?;
        }
        let member = &mut self.members[who];
        let Some(seq) = member.doc.commit().map_err(text)? else {
            return if self.history.len() == first { Ok(()) } else { Err("a transaction wrote nothing".into()) };
        };
        let time = member.doc.take_batch().ok_or("a commit left no batch")?.hlc.as_u64();
        self.history[first..].iter_mut().for_each(|event| (event.seq, event.time) = (seq, time));
        member.version.insert(member.doc.id(), seq);
        Ok(())
    }

    fn act(&mut self, who: usize) -> Result<(), String> {
        let known = self.seen(who);
        let member = &mut self.members[who];
        if let Some(act) = T::act(&mut self.rng, &mut member.doc, &known)? {
            let past = known.iter().map(|event| event.number).collect();
            let author = member.doc.id();
            let number = self.history.len();
            self.history.push(Event { number, act, author, time: u64::MAX, past, seq: u64::MAX });
        }
        Ok(())
    }

    /// A transaction that is rolled back leaves no trace.
    fn rollback(&mut self, who: usize) -> Result<(), String> {
        let (history, before) = (self.history.clone(), self.members[who].doc.save());
        self.members[who].doc.begin(self.now_ms, None).map_err(text)?;
        for _ in 0..3 {
            self.act(who)?;
        }
        self.members[who].doc.rollback();
        self.history = history;
        if self.members[who].doc.save() == before { Ok(()) } else { Err("a rollback left a trace".into()) }
    }

    fn pull(&mut self, to: usize, from: usize) -> Result<(), String> {
        let blob = self.members[from].doc.export_from(&self.members[to].version);
        let version = self.members[from].version.clone();
        self.receive(to, &blob, &version)?;
        if self.rng.chance(30) {
            self.blobs.push((blob, version));
        }
        Ok(())
    }

    fn receive(&mut self, to: usize, blob: &[u8], version: &VersionVector) -> Result<(), String> {
        let member = &mut self.members[to];
        member.doc.import(blob).map_err(text)?;
        member.version.join(version);
        Ok(())
    }

    /// A delta that this replica, or another one, had before.
    fn receive_again(&mut self, to: usize) -> Result<(), String> {
        if self.blobs.is_empty() {
            return Ok(());
        }
        let (blob, version) = self.rng.pick(&self.blobs).clone();
        // Over a gap it is refused, which the other histories check.
        if self.members[to].version.includes(&version) { self.receive(to, &blob, &version) } else { Ok(()) }
    }

    /// The least and the most that anyone has seen now.
    fn moment(&self) -> (VersionVector, VersionVector) {
        let all = || self.members.iter().map(|member| &member.version);
        let most = all().fold(VersionVector::default(), |mut most, version| {
            most.join(version);
            most
        });
        (all().fold(most.clone(), |least, version| least.meet(version)), most)
    }

    /// Folds by what was stable at a moment of which this replica has heard everything.
    fn fold(&mut self, who: usize) -> Result<(), String> {
        let now = self.moment();
        self.moments.push(now);
        let version = &self.members[who].version;
        let heard: Vec<_> = self.moments.iter().filter(|(_, most)| version.includes(most)).collect();
        let Some(stable) = heard.last().map(|moment| moment.0.clone()) else { return Ok(()) };
        let member = &mut self.members[who];
        member.doc.begin(self.now_ms, None).map_err(text)?;
        T::fold(&mut member.doc, &stable)?;
        if let Some(seq) = member.doc.commit().map_err(text)? {
            member.doc.take_batch().ok_or("a commit left no batch")?;
            member.version.insert(member.doc.id(), seq);
        }
        Ok(())
    }

    /// What a replica has seen, its open transaction included.
    fn seen(&self, who: usize) -> Vec<Event<T::Act>> {
        let (version, own) = (&self.members[who].version, self.members[who].doc.id());
        let seen = |event: &&Event<T::Act>| {
            event.seq <= version.get(&event.author) || (event.seq == u64::MAX && event.author == own)
        };
        self.history.iter().filter(seen).cloned().collect()
    }

    fn check(&mut self, who: usize) -> Result<(), String> {
        let seen = self.seen(who);
        let member = &mut self.members[who];
        member.doc.check()?;
        T::check(&mut member.doc, &seen)?;
        let (version, digest) = (member.doc.version(), member.doc.digest());
        if version != member.version {
            return Err(format!("version {version:?}, expected {:?}", member.version));
        }
        match self.digests.iter().find(|(known, _)| *known == version) {
            Some((_, known)) if *known != digest => Err("one version, two digests".into()),
            Some(_) => Ok(()),
            None => {
                self.digests.push((version, digest));
                Ok(())
            }
        }
    }
}

/// The place that the acts of most topics are about.
pub fn place() -> Path {
    Path::from_segments(["box", "thing"])
}

/// Deletes the place or what is around it. Whether that did anything.
pub fn delete(rng: &mut Rng, doc: &mut Doc) -> Result<bool, String> {
    let before = doc.stats().dots;
    let path = if rng.chance(50) { place() } else { Path::from_segments(["box"]) };
    doc.delete(&path).map_err(text)?;
    Ok(doc.stats().dots < before)
}

/// Compares, and says what differs.
pub fn same<V: PartialEq + std::fmt::Debug>(what: &str, found: V, expected: V) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, the definition says {expected:?}")) }
}

/// An error of the core as text.
pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A refusal is an answer, other errors are failures.
pub fn refused<V>(result: Result<V, EditError>, refusal: &EditError) -> Result<bool, String> {
    match result {
        Ok(_) => Ok(false),
        Err(error) if error == *refusal => Ok(true),
        Err(error) => Err(text(error)),
    }
}
