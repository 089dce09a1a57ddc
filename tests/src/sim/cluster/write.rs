//! Writes that wait for members, and hints for members that are down.

use std::collections::BTreeSet;

use syncline::clock::{Dot, VersionVector};
use syncline::quorum::{Ack, Level, MemberId, Write, WriteInput, WriteOutput};

use super::disk::Record;
use super::ledger::Committed;
use super::message::{Bytes, Message, session};
use super::node::{Done, Node, index_of};
use super::scene::{Scene, Told};

/// How long a write waits, in ms of its node's clock.
const WRITE_MS: u64 = 2_500;

/// How long a hint is kept, in ms of the stand-in's clock.
const HINT_MS: u64 = 8_000;

/// The number under which hints are delivered; no read has it.
pub const HINT_READ: u64 = 0;

/// A write that stand-ins may help.
pub(super) struct Sloppy {
    asked: BTreeSet<(MemberId, usize)>,
}

impl Node {
    /// A program's transaction was committed here: onto the disk, out to the peers, and the program waits for `level`.
    /// Whether the level can be reached at all.
    pub fn write(
        &mut self,
        ticket: u64,
        committed: &Committed,
        (level, sloppy): (Level, bool),
        scene: &mut Scene,
    ) -> Result<bool, String> {
        let (now_ms, dot) = (self.clock(scene), committed.dot);
        let lax = if sloppy { ", sloppy" } else { "" };
        scene.tell(|| {
            format!("n{} WRITE {ticket} at {level}{lax} as {}:{}", self.index, session(&dot.replica), dot.seq)
        });
        self.commit_here(committed, scene)?;
        let write = Write { ticket, dot, level, sloppy, deadline_ms: now_ms + WRITE_MS };
        let taken = self.live.writes.handle(WriteInput::Submit(write), now_ms).is_ok();
        if taken && sloppy {
            self.live.sloppy.insert(ticket, Sloppy { asked: BTreeSet::new() });
        }
        self.drain_writes(scene)?;
        Ok(taken)
    }

    /// A transaction that nobody waits for.
    pub fn commit_here(&mut self, committed: &Committed, scene: &mut Scene) -> Result<(), String> {
        self.persist(Record::Data(committed.blob.clone()), None, scene);
        self.publish(committed.first, &committed.blob, scene);
        self.changed(scene)
    }

    /// Someone waits for a write that has not reached its level before.
    pub fn wait_again(&mut self, ticket: u64, dot: Dot, level: Level, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        scene.tell(|| format!("n{} WRITE {ticket} again, {}:{}", self.index, session(&dot.replica), dot.seq));
        let write = Write { ticket, dot, level, sloppy: false, deadline_ms: now_ms + WRITE_MS };
        // Refused if too many wait or the members are too few: then nobody is told anything.
        let _ = self.live.writes.handle(WriteInput::Submit(write), now_ms);
        self.drain_writes(scene)
    }

    pub(super) fn drain_writes(&mut self, scene: &mut Scene) -> Result<(), String> {
        while let WriteOutput::Finished(report) = self.live.writes.poll() {
            self.live.sloppy.remove(&report.ticket);
            scene.tell(|| {
                let (n, by) = (self.index, &report.acked_by);
                format!("n{n} TELLS write {} is {:?}, on {by:?} {:?}", report.ticket, report.outcome, report.hinted_by)
            });
            let config = self.live.writes.configuration().clone();
            scene.told.push(Told::Wrote(config, report));
        }
        Ok(())
    }

    /// Time for writes and hints.
    pub(super) fn tick_writes(&mut self, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        self.live.writes.handle(WriteInput::Tick, now_ms).map_err(|error| error.to_string())?;
        self.ask_stand_ins(scene);
        let expired = self.live.hints.expire(now_ms);
        if !expired.is_empty() {
            scene.tell(|| format!("n{} gives up its hints for {expired:?}: their time is over", self.index));
            self.persist(Record::Hints(self.live.hints.encode()), None, scene);
        }
        self.deliver_hints(scene);
        self.drain_writes(scene)
    }

    /// For each member that is down, a machine that is none of the members is asked to stand in.
    fn ask_stand_ins(&mut self, scene: &mut Scene) {
        let members: BTreeSet<usize> = self.live.config.ids().into_iter().map(index_of).collect();
        let spares: Vec<usize> = (0..self.live.peers.len()).filter(|spare| !members.contains(spare)).collect();
        let down = |id: &&MemberId| self.live.peers[index_of(id)].is_down() && index_of(id) != self.index;
        let targets: Vec<MemberId> = self.live.config.ids().into_iter().filter(down).cloned().collect();
        let (version, mut letters) = (self.live.doc.version(), Vec::new());
        for sloppy in self.live.sloppy.values_mut() {
            for (target, spare) in targets.iter().zip(&spares).filter(|(_, spare)| **spare != self.index) {
                if sloppy.asked.insert((target.clone(), *spare)) {
                    letters.push((target.clone(), *spare));
                }
            }
        }
        for (target, spare) in letters {
            let Some(blob) = self.blob_since(&self.live.peers[spare].cursor) else { return };
            let since = self.live.peers[index_of(&target)].cursor.clone();
            scene.send(self.index, spare, Message::StandIn(target, since, version.clone(), blob));
        }
    }

    /// Keeps a hint, if there is room and the data fits.
    pub(super) fn stand_in(
        &mut self,
        from: usize,
        target: &MemberId,
        (since, until): (&VersionVector, &VersionVector),
        blob: &Bytes,
        scene: &mut Scene,
    ) -> Result<(), String> {
        if !self.import(blob, scene)? || !self.live.doc.version().includes(until) {
            return Ok(());
        }
        let expires_ms = self.clock(scene) + HINT_MS;
        if self.live.hints.keep(target, since, until, expires_ms).is_ok() {
            let record = Record::Hints(self.live.hints.encode());
            self.persist(record, Some(Done::StoodIn(from, target.clone())), scene);
        }
        Ok(())
    }

    /// A stand-in keeps a hint for a member.
    pub(super) fn stood_in(&mut self, target: MemberId, ack: Ack, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        // One that does not count changes nothing.
        let _ = self.live.writes.handle(WriteInput::Hint { target, ack }, now_ms);
        self.drain_writes(scene)
    }

    fn deliver_hints(&mut self, scene: &mut Scene) {
        if self.live.hints.targets().next().is_none() || !scene.rng.chance(25) {
            return;
        }
        let targets: Vec<MemberId> = self.live.hints.targets().cloned().collect();
        for target in targets {
            let since = self.live.hints.due(&target).map(|hint| hint.since.clone()).unwrap_or_default();
            if let Some(blob) = self.blob_since(&since) {
                scene.send(self.index, index_of(&target), Message::Offer(HINT_READ, blob));
            }
        }
    }

    /// A member holds this now: hints for it may have ended.
    pub(super) fn delivered(&mut self, ack: &Ack, scene: &mut Scene) {
        let Some(hint) = self.live.hints.due(&ack.from).cloned() else { return };
        self.live.hints.delivered(&ack.from, &ack.durable);
        if self.live.hints.due(&ack.from).is_none() {
            scene.tell(|| format!("n{} has delivered its hints for {}", self.index, ack.from));
            scene.told.push(Told::Delivered(self.index, ack.from.clone(), hint.until));
            self.persist(Record::Hints(self.live.hints.encode()), None, scene);
        }
    }
}
