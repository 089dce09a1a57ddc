//! Random histories of real documents beside the oracle.

mod cold;

use std::collections::{BTreeMap, BTreeSet};

use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::{Path, Value};
use syncline::delta::{Blob, Digest};
use syncline::doc::{Doc, ImportError};

use super::clock::Clock;
use super::edit::{Drawn, PLACES, check_place, random_edit, text};
use super::{Event, Fact, History, Leaf};

pub use super::edit::Flavour;
use crate::rng::Rng;

/// A document with what the oracle knows about it.
struct Member {
    doc: Doc,
    version: VersionVector,
    clock: Clock,
}

/// A blob on its way; it may be lost, delayed or delivered twice.
#[derive(Clone)]
struct Parcel {
    bytes: Vec<u8>,
    since: VersionVector,
    version: VersionVector,
    /// For a single transaction, as journals and live streams carry it: its time.
    single: Option<(u64, u64)>,
}

/// Some replicas, their common history, and blobs on their way.
pub struct World {
    rng: Rng,
    flavour: Flavour,
    history: History,
    members: Vec<Member>,
    parcels: Vec<Parcel>,
    versions: Vec<VersionVector>,
    now_ms: u64,
    born: u128,
    spelled: BTreeMap<BTreeSet<Event>, String>,
    digests: BTreeMap<BTreeSet<Event>, Digest>,
    dropped: u64,
}

impl World {
    /// Makes 3 to 6 empty replicas.
    pub fn new(seed: u64, flavour: Flavour) -> World {
        World::of(Rng::new(seed), flavour)
    }

    /// Makes 3 to 6 empty replicas, whose fate `rng` decides.
    pub fn of(rng: Rng, flavour: Flavour) -> World {
        let mut world = World {
            rng,
            flavour,
            history: History::default(),
            members: Vec::new(),
            parcels: Vec::new(),
            versions: vec![VersionVector::default()],
            now_ms: 1_700_000_000_000,
            born: 0,
            spelled: BTreeMap::new(),
            digests: BTreeMap::new(),
            dropped: 0,
        };
        for _ in 0..world.rng.between(3, 6) {
            let mut doc = Doc::new(world.fresh_id());
            doc.keep_batches(true);
            world.members.push(Member { doc, version: VersionVector::default(), clock: Clock::default() });
        }
        world
    }

    /// Takes one random step and checks the replica that it changed.
    pub fn step(&mut self) -> Result<(), String> {
        let who = self.rng.below(self.members.len());
        self.now_ms += self.rng.between(0, 3);
        match self.rng.below(100) {
            0..50 => self.transact(who)?,
            50..72 => self.send(who)?,
            72..88 => self.receive_old(who)?,
            88..93 => self.prune(who),
            93..96 => self.restart(who)?,
            _ => self.snapshot(who)?,
        }
        self.check(who)
    }

    /// Lets everyone exchange what they lack, then compares all.
    pub fn settle(&mut self) -> Result<(), String> {
        for _ in 0..2 {
            for to in 0..self.members.len() {
                for from in (0..self.members.len()).filter(|from| *from != to) {
                    let parcel = self.parcel(from, self.members[to].version.clone());
                    self.deliver(to, &parcel)?;
                    self.check(to)?;
                }
            }
        }
        let first = &self.members[0].doc;
        for member in &self.members[1..] {
            if member.doc.digest() != first.digest() {
                return Err("equal versions, unequal digests".into());
            }
            if member.doc.export() != first.export() {
                return Err("equal states, unequal snapshots".into());
            }
        }
        Ok(())
    }

    fn fresh_id(&mut self) -> ReplicaId {
        self.born += 1;
        // The random part decides ties, so it must not follow the order of birth.
        ReplicaId::new(self.now_ms, u128::from(self.rng.bits()) << 16 | self.born)
    }

    fn transact(&mut self, who: usize) -> Result<(), String> {
        // Clocks differ by up to a few milliseconds, and now and then by more than is followed.
        let skew = if self.rng.chance(2) { 100_000 } else { self.rng.between(0, 5) };
        let now_ms = self.now_ms - self.rng.between(0, 5) + skew;
        let before = self.history.facts.len();
        let untouched = Untouched::of(&mut self.members[who].doc);
        self.members[who].doc.begin(now_ms, None).map_err(text)?;
        let time = self.members[who].clock.tick(now_ms);
        for _ in 0..*self.rng.pick(&[1, 1, 1, 2, 4]) {
            self.edit(who, time).map_err(|problem| format!("{problem} (in a transaction)"))?;
        }
        if self.rng.chance(8) {
            self.members[who].doc.rollback();
            self.history.facts.truncate(before);
            return untouched.compare(&mut self.members[who].doc);
        }
        let wrote = self.history.facts.len() > before;
        let seq = self.members[who].doc.commit().map_err(text)?;
        match (seq, wrote) {
            (Some(seq), true) => self.record(who, before, seq),
            (None, false) => Ok(()),
            (seq, _) => Err(format!("commit returned {seq:?} though the transaction wrote: {wrote}")),
        }
    }

    /// The transaction's events get their number, and the author has seen them.
    fn record(&mut self, who: usize, first: Event, seq: u64) -> Result<(), String> {
        let member = &mut self.members[who];
        let id = member.doc.id();
        let minted = seq - member.version.get(&id);
        // A value over a subtree is a delete and a write.
        if minted == 0 || minted > 2 * (self.history.facts.len() - first) as u64 {
            return Err(format!("{minted} dots for {} events", self.history.facts.len() - first));
        }
        self.history.facts[first..].iter_mut().for_each(|fact| fact.seq = seq);
        let batch = member.doc.take_batch().ok_or("a commit left no batch")?;
        self.parcels.push(Parcel {
            bytes: Blob::encode_batch(&batch),
            since: member.version.clone(),
            version: [(id, seq)].into_iter().collect(),
            single: Some(self.history.facts[first].time),
        });
        member.version.insert(id, seq);
        self.versions.push(member.version.clone());
        Ok(())
    }

    fn edit(&mut self, who: usize, time: (u64, u64)) -> Result<(), String> {
        let live = self.live_in_transaction(who);
        let doc = &mut self.members[who].doc;
        let author = doc.id();
        if let Some(drawn) = random_edit(&mut self.rng, self.flavour, true, &self.history, &live, doc)? {
            let Drawn { path, leaf, value, removes } = drawn;
            self.history.facts.push(Fact { path, leaf, value, author, seq: u64::MAX, time, removes });
        }
        Ok(())
    }

    /// What the author sees in its open transaction: its past and the facts not yet numbered.
    fn live_in_transaction(&self, who: usize) -> BTreeSet<Event> {
        let mut seen = self.history.seen(&self.members[who].version);
        seen.extend((0..self.history.facts.len()).filter(|event| self.history.facts[*event].seq == u64::MAX));
        self.history.live(&seen)
    }

    fn parcel(&self, from: usize, since: VersionVector) -> Parcel {
        let member = &self.members[from];
        // A delta builds on no more than its maker knows.
        let bytes = member.doc.export_from(&since);
        let since = since.meet(&member.version);
        match Blob::decode(&bytes) {
            // A single transaction says nothing of what others wrote.
            Ok(Blob::Batch(batch)) => {
                let version = [(batch.writer, batch.last())].into_iter().collect();
                let time = (batch.hlc.ms(), batch.hlc.counter().into());
                Parcel { bytes, since, version, single: Some(time) }
            }
            _ => Parcel { bytes, since, version: member.version.clone(), single: None },
        }
    }

    /// Someone makes a delta for `to`; it arrives at once, later, twice or never.
    fn send(&mut self, to: usize) -> Result<(), String> {
        let from = self.rng.below(self.members.len());
        let since = match self.rng.below(10) {
            0..7 => self.members[to].version.clone(),
            _ => self.rng.pick(&self.versions).clone(),
        };
        let parcel = self.parcel(from, since);
        if self.rng.chance(60) {
            self.deliver(to, &parcel)?;
        }
        if self.rng.chance(50) {
            self.parcels.push(parcel);
        }
        Ok(())
    }

    fn receive_old(&mut self, to: usize) -> Result<(), String> {
        if self.parcels.is_empty() {
            return Ok(());
        }
        let index = self.rng.below(self.parcels.len());
        let parcel = if self.rng.chance(30) { self.parcels.swap_remove(index) } else { self.parcels[index].clone() };
        self.deliver(to, &parcel)
    }

    fn snapshot(&mut self, to: usize) -> Result<(), String> {
        let from = self.rng.below(self.members.len());
        let member = &self.members[from];
        let bytes = if self.rng.chance(50) { member.doc.export() } else { member.doc.save() };
        let parcel = Parcel { bytes, since: VersionVector::default(), version: member.version.clone(), single: None };
        self.parcels.push(parcel.clone());
        self.deliver(to, &parcel)
    }

    /// A join must bring exactly what the sender had seen, or refuse because of a gap.
    fn deliver(&mut self, to: usize, parcel: &Parcel) -> Result<(), String> {
        let news = {
            let seen = self.history.seen(&self.members[to].version);
            let sent = self.history.live(&self.history.seen(&parcel.version));
            sent.difference(&seen).copied().collect::<BTreeSet<_>>()
        };
        let member = &mut self.members[to];
        let fits = member.version.includes(&parcel.since);
        match member.doc.import(&parcel.bytes) {
            Ok(_) if fits => {}
            // A single transaction may also be taken where only events are missing that it does not touch.
            Ok(_) if parcel.single.is_some() => {}
            Ok(_) => return Err("a delta over a gap was taken".into()),
            Err(ImportError::Gap { .. }) if !fits => return Ok(()),
            Err(error) => return Err(format!("import failed: {error}")),
        }
        let known = member.version.includes(&parcel.version);
        member.version.join(&parcel.version);
        match parcel.single {
            Some(_) if known => {}
            Some(time) => member.clock.observe(time),
            None => news.into_iter().for_each(|event| member.clock.observe(self.history.facts[event].time)),
        }
        self.versions.push(member.version.clone());
        Ok(())
    }

    /// Pruning is always safe, whatever it is told to be stable.
    fn prune(&mut self, who: usize) {
        let stable = match self.rng.below(3) {
            0 => self.members[who].version.clone(),
            1 => self.members.iter().fold(self.members[who].version.clone(), |all, member| all.meet(&member.version)),
            _ => self.rng.pick(&self.versions).clone(),
        };
        self.members[who].doc.prune(&stable);
    }

    /// The replica comes back from its own store, under a new name.
    fn restart(&mut self, who: usize) -> Result<(), String> {
        let saved = self.members[who].doc.save();
        let mut doc = Doc::new(self.fresh_id());
        doc.keep_batches(true);
        doc.import(&saved).map_err(|error| format!("a save does not load: {error}"))?;
        if doc.save() != saved {
            return Err("a save differs after it was loaded".into());
        }
        self.members[who].doc = doc;
        self.members[who].clock = Clock::default();
        let times: Vec<_> = self.live(who).into_iter().map(|event| self.history.facts[event].time).collect();
        times.into_iter().for_each(|time| self.members[who].clock.observe(time));
        Ok(())
    }

    fn live(&self, who: usize) -> BTreeSet<Event> {
        self.history.live(&self.history.seen(&self.members[who].version))
    }

    /// Compares a replica with the definition.
    fn check(&mut self, who: usize) -> Result<(), String> {
        let live = self.live(who);
        self.members[who].doc.check()?;
        self.check_version(who)?;
        self.check_texts(who, &live)?;
        self.check_digest(who, &live)?;
        let doc = &self.members[who].doc;
        let spelled = &self.spelled;
        let expected = self.history.view(&live, &[], &|updates| spelled.get(updates).cloned());
        let found = doc.view(&Path::root());
        if found != expected {
            return Err(format!("replica {who} shows {found:?}\n  the definition says {expected:?}"));
        }
        for place in PLACES {
            check_place(&self.members[who].doc, &self.history, &live, place)?;
        }
        Ok(())
    }

    fn check_version(&self, who: usize) -> Result<(), String> {
        let (found, expected) = (self.members[who].doc.version(), &self.members[who].version);
        if found == *expected { Ok(()) } else { Err(format!("version {found:?}, expected {expected:?}")) }
    }

    /// A digest is a function of the live events, and of nothing else.
    fn check_digest(&mut self, who: usize, live: &BTreeSet<Event>) -> Result<(), String> {
        let digest = self.members[who].doc.digest();
        let known = *self.digests.entry(live.clone()).or_insert(digest);
        if known == digest {
            Ok(())
        } else {
            Err(format!("digest {digest}, but {known} for the same live events before"))
        }
    }

    /// What a text spells is a function of its live updates.
    fn check_texts(&mut self, who: usize, live: &BTreeSet<Event>) -> Result<(), String> {
        for place in PLACES {
            let place: Vec<String> = place.iter().map(|segment| segment.to_string()).collect();
            let updates = self.history.at(live, &place, &Leaf::Text);
            let found = self.members[who].doc.text(&Path::from_segments(&place));
            if updates.is_empty() {
                if !found.is_empty() {
                    return Err(format!("{place:?} has no live update but reads {found:?}"));
                }
                continue;
            }
            let known = self.spelled.entry(updates).or_insert_with(|| found.clone());
            if *known != found {
                return Err(format!("{place:?} reads {found:?}, but {known:?} for the same live updates before"));
            }
        }
        Ok(())
    }
}

/// What a rollback must bring back.
struct Untouched {
    save: Vec<u8>,
    digest: Digest,
    view: Option<Value>,
    texts: Vec<String>,
}

impl Untouched {
    fn of(doc: &mut Doc) -> Untouched {
        let texts = PLACES.iter().map(|place| doc.text(&Path::from_segments(*place))).collect();
        Untouched { save: doc.save(), digest: doc.digest(), view: doc.view(&Path::root()), texts }
    }

    fn compare(&self, doc: &mut Doc) -> Result<(), String> {
        let now = Untouched::of(doc);
        let same =
            now.save == self.save && now.digest == self.digest && now.view == self.view && now.texts == self.texts;
        if same { Ok(()) } else { Err(format!("a rollback left a trace: {:?} became {:?}", self.view, now.view)) }
    }
}
