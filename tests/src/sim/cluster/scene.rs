//! The world between the nodes: time, chance, the network, and the story of the run.

use std::collections::BTreeSet;

use super::message::Message;
use crate::rng::Rng;
use crate::sim::agenda::Agenda;
use syncline::clock::{Dot, VersionVector};
use syncline::quorum::{Configuration, MemberId, ReadReport, TxId, WriteReport};

/// Where virtual time starts, in ms since the epoch.
pub const START_MS: u64 = 1_700_000_000_000;

/// What happens at a point of virtual time.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message reaches a node: from, to, what.
    Arrive(usize, usize, Message),
    /// A disk has synced up to this entry: node, incarnation of the disk, entries.
    Synced(usize, u64, usize),
    /// A node looks at its clock: node, incarnation of the disk.
    Tick(usize, u64),
    /// A node comes back.
    Up(usize),
    /// Whoever decides about membership looks around.
    Review,
}

/// What a node tells a program, for the account.
#[derive(Clone, Debug)]
pub enum Told {
    /// A write has ended while these were the members.
    Wrote(Configuration, WriteReport),
    /// A quorum read has ended; the number names it.
    Read(usize, u64, ReadReport),
    /// A transaction has ended: whether it is committed.
    Decided(TxId, bool),
    /// A room has merged a transaction, or let go of it: room, transaction, whether it is merged.
    Settled(usize, TxId, bool),
    /// A member has promised a term: its name, the term.
    Promised(MemberId, u64),
    /// A member has taken a write of a term: its name, the term, the holder.
    Admitted(MemberId, u64, MemberId),
    /// A claim is held: the term, the holder, what the members hold that have promised.
    Held(u64, MemberId, VersionVector),
    /// A fenced write of a term is admitted by a majority.
    Fenced(u64, Dot),
    /// A stand-in believes to have delivered: the stand-in, the member, its hint.
    Delivered(usize, MemberId, VersionVector),
    /// The members in force are others.
    Reconfigured,
}

/// How hostile a run is, drawn once for each seed.
#[derive(Clone, Copy, Debug)]
pub struct Climate {
    /// Messages lost, in percent.
    pub loss: usize,
    /// Messages delivered twice, in percent.
    pub twice: usize,
    /// Messages that take long, in percent.
    pub late: usize,
    /// Whether disks may be lost and come back from a backup; transactions, whose logs must not be lost, are off then.
    pub disasters: bool,
    /// Whether clocks jump.
    pub jumps: bool,
    /// Whether membership changes.
    pub changes: bool,
}

impl Climate {
    /// Draws the climate of a run.
    pub fn draw(rng: &mut Rng) -> Climate {
        Climate {
            loss: *rng.pick(&[0, 1, 5, 20]),
            twice: *rng.pick(&[0, 2, 10]),
            late: *rng.pick(&[0, 3, 20]),
            disasters: rng.chance(30),
            jumps: rng.chance(50),
            changes: rng.chance(60),
        }
    }
}

/// Everything that nodes share.
pub struct Scene {
    /// True time in ms; no node knows it.
    pub now_ms: u64,
    /// Chance.
    pub rng: Rng,
    /// How hostile the world is.
    pub climate: Climate,
    /// Whether all faults are over.
    pub peace: bool,
    /// What is to happen.
    pub agenda: Agenda<Event>,
    /// Directed links that carry nothing: from, to.
    pub cut: BTreeSet<(usize, usize)>,
    /// Nodes that take ten times as long for everything.
    pub slow: BTreeSet<usize>,
    /// What was told since the account looked last.
    pub told: Vec<Told>,
    /// Events so far.
    pub steps: u64,
    story: Option<String>,
}

impl Scene {
    /// A world at its beginning.
    pub fn new(rng: Rng, climate: Climate, with_story: bool) -> Scene {
        Scene {
            now_ms: START_MS,
            rng,
            climate,
            peace: false,
            agenda: Agenda::default(),
            cut: BTreeSet::new(),
            slow: BTreeSet::new(),
            told: Vec::new(),
            steps: 0,
            story: with_story.then(String::new),
        }
    }

    /// Adds a line to the story, if anyone listens.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        let now_ms = self.now_ms - START_MS;
        if let Some(story) = &mut self.story {
            story.push_str(&format!("{:>8.3} s  {}\n", now_ms as f64 / 1_000.0, line()));
        }
    }

    /// The story so far.
    pub fn take_story(&mut self) -> String {
        self.story.take().unwrap_or_default()
    }

    /// Notes an event for `delay_ms` from now.
    pub fn after(&mut self, delay_ms: u64, event: Event) {
        self.agenda.note(self.now_ms + delay_ms, event);
    }

    /// Advances the time to the next event not later than `limit_ms`.
    pub fn next(&mut self, limit_ms: u64) -> Option<Event> {
        let next = self.agenda.take(limit_ms);
        self.now_ms = self.now_ms.max(next.as_ref().map_or(limit_ms, |(at_ms, _)| *at_ms));
        self.steps += u64::from(next.is_some());
        next.map(|(_, event)| event)
    }

    /// Sends a message, which may be lost, late or doubled.
    pub fn send(&mut self, from: usize, to: usize, message: Message) {
        if from == to {
            return self.after(0, Event::Arrive(from, to, message));
        }
        let (calm, climate) = (self.peace, self.climate);
        if self.cut.contains(&(from, to)) {
            return self.tell(|| format!("n{from} -> n{to} {message}, cut off"));
        }
        if !calm && self.rng.chance(climate.loss) {
            return self.tell(|| format!("n{from} -> n{to} {message}, LOST"));
        }
        let copies = if !calm && self.rng.chance(climate.twice) { 2 } else { 1 };
        for copy in 1..=copies {
            let delay_ms = self.latency(from, to);
            let twice = if copy == 2 { " AGAIN" } else { "" };
            self.tell(|| format!("n{from} -> n{to} {message}, {delay_ms} ms{twice}"));
            self.after(delay_ms, Event::Arrive(from, to, message.clone()));
        }
    }

    fn latency(&mut self, from: usize, to: usize) -> u64 {
        let late = !self.peace && self.rng.chance(self.climate.late);
        let swift = if late { self.rng.between(50, 1_500) } else { self.rng.between(1, 12) };
        let slow = self.slow.contains(&from) || self.slow.contains(&to);
        if slow { 10 * swift } else { swift }
    }

    /// How long a disk takes to sync.
    pub fn sync_ms(&mut self, node: usize) -> u64 {
        let swift = if self.rng.chance(10) { self.rng.between(10, 120) } else { self.rng.between(1, 8) };
        if self.slow.contains(&node) { 10 * swift } else { swift }
    }
}
