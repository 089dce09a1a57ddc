//! What documents must show, from the definition alone: the oracle's history, and one type in terms of what happened
//! before what.

use std::collections::BTreeSet;

use syncline::clock::{Dot, VersionVector};
use syncline::crdt::{Path, Value};
use syncline::delta::Blob;
use syncline::doc::Doc;

use super::message::Bytes;
use super::node::text;
use crate::oracle::causal::{Event, Topic};
use crate::oracle::edit::{Drawn, Flavour, PLACES, check_place, random_edit};
use crate::oracle::{Fact, History, bounded, counters, flags, lists, sets};
use crate::rng::Rng;

/// All events that ever happened, in any node.
pub struct Ledger {
    history: History,
    topic: Box<dyn Chronicle>,
}

/// A transaction that was committed.
#[derive(Clone)]
pub struct Committed {
    /// Its last event.
    pub dot: Dot,
    /// The number of its first.
    pub first: u64,
    /// Its batch.
    pub blob: Bytes,
}

/// The place of what a client writes to be read by itself.
pub fn session_place(client: usize) -> Path {
    Path::from_segments(["session", &format!("c{client}")])
}

impl Ledger {
    /// Draws the type beside those of the history. Where clocks jump by more than what is followed, a later event may
    /// have an earlier time; lists and bounds are defined by time alone and are left out then.
    pub fn draw(jumps: bool, rng: &mut Rng) -> Ledger {
        let topic: Box<dyn Chronicle> = match rng.below(if jumps { 7 } else { 9 }) {
            0 => Box::new(Events::<counters::Counters>::default()),
            1 => Box::new(Events::<flags::Flags>::default()),
            2 => Box::new(Events::<sets::AddWins>::default()),
            3 => Box::new(Events::<sets::RemoveWins>::default()),
            4 => Box::new(Events::<sets::LastWriterWins>::default()),
            5 => Box::new(Events::<sets::GrowOnly>::default()),
            6 => Box::new(Events::<sets::TwoPhase>::default()),
            7 => Box::new(Events::<lists::Lists>::default()),
            _ => Box::new(Events::<bounded::Bounded>::default()),
        };
        Ledger { history: History::default(), topic }
    }

    /// Commits one transaction: what a client writes for itself, then random edits.
    pub fn transact(
        &mut self,
        doc: &mut Doc,
        now_ms: u64,
        own: (usize, u64),
        rng: &mut Rng,
    ) -> Result<Committed, String> {
        let (first, version, author) = (self.history.facts.len(), doc.version(), doc.id());
        doc.begin(now_ms, None).map_err(text)?;
        doc.set(&session_place(own.0).child(&own.1.to_string()), Value::Int(own.1 as i64)).map_err(text)?;
        for _ in 0..rng.below(3) {
            if rng.chance(40) {
                self.topic.act(rng, doc, &version)?;
                continue;
            }
            let mut seen = self.history.seen(&version);
            seen.extend(first..self.history.facts.len());
            let live = self.history.live(&seen);
            if let Some(drawn) = random_edit(rng, Flavour::Mixed, false, &self.history, &live, doc)? {
                let Drawn { path, leaf, value, removes } = drawn;
                let fact = Fact { path, leaf, value, author, seq: u64::MAX, time: (u64::MAX, 0), removes };
                self.history.facts.push(fact);
            }
        }
        let seq = doc.commit().map_err(text)?.ok_or("a transaction wrote nothing")?;
        let batch = doc.take_batch().ok_or("a commit left no batch")?;
        let time = (batch.hlc.ms(), batch.hlc.counter().into());
        self.history.facts[first..].iter_mut().for_each(|fact| (fact.seq, fact.time) = (seq, time));
        self.topic.close(seq, batch.hlc.as_u64());
        Ok(Committed { dot: Dot::new(author, seq), first: batch.first, blob: Blob::encode_batch(&batch).into() })
    }

    /// Compares what a document shows with the definition.
    pub fn check(&self, doc: &mut Doc) -> Result<(), String> {
        doc.check()?;
        let version = doc.version();
        let live = self.history.live(&self.history.seen(&version));
        PLACES.iter().try_for_each(|place| check_place(doc, &self.history, &live, place))?;
        self.topic.check(doc, &version)
    }
}

/// The events of one type.
trait Chronicle {
    fn act(&mut self, rng: &mut Rng, doc: &mut Doc, version: &VersionVector) -> Result<(), String>;
    fn close(&mut self, seq: u64, time: u64);
    fn check(&self, doc: &mut Doc, version: &VersionVector) -> Result<(), String>;
}

struct Events<T: Topic>(Vec<Event<T::Act>>);

impl<T: Topic> Default for Events<T> {
    fn default() -> Self {
        Events(Vec::new())
    }
}

impl<T: Topic> Events<T> {
    fn seen(&self, version: &VersionVector, open: bool) -> Vec<Event<T::Act>> {
        let seen = |event: &&Event<T::Act>| match event.seq {
            u64::MAX => open,
            seq => seq <= version.get(&event.author),
        };
        self.0.iter().filter(seen).cloned().collect()
    }
}

impl<T: Topic> Chronicle for Events<T> {
    fn act(&mut self, rng: &mut Rng, doc: &mut Doc, version: &VersionVector) -> Result<(), String> {
        let known = self.seen(version, true);
        if let Some(act) = T::act(rng, doc, &known)? {
            let past: BTreeSet<usize> = known.iter().map(|event| event.number).collect();
            let number = self.0.len();
            self.0.push(Event { number, act, author: doc.id(), time: u64::MAX, past, seq: u64::MAX });
        }
        Ok(())
    }

    fn close(&mut self, seq: u64, time: u64) {
        let open = self.0.iter_mut().filter(|event| event.seq == u64::MAX);
        open.for_each(|event| (event.seq, event.time) = (seq, time));
    }

    fn check(&self, doc: &mut Doc, version: &VersionVector) -> Result<(), String> {
        T::check(doc, &self.seen(version, false))
    }
}
