//! The write tracker: which writes have reached their level.
//!
//! A level is reached once enough *named* members hold the write on disk: majorities intersect (Gifford: "Weighted voting
//! for replicated data", 1979). Acks are cumulative, so what k members hold of a writer is the k-th largest of what they
//! say, as the commit index is found in Raft (Ongaro, Ousterhout, 2014), here for each writer of a version vector.

use super::ack::{Ack, AckError};
use super::configuration::{Configuration, Group};
use super::level::{Level, LevelError};
use super::member::MemberId;
use super::setback::set_back;
use crate::assoc::SortedMap;
use crate::clock::{Dot, ReplicaId, VersionVector};
use std::collections::VecDeque;

/// Most writes of one room that wait for a level, or whose report was not taken: at about 100 bytes each, 6 MiB.
pub const WAITING: usize = 64 * 1024;

/// Most pairs of a stand-in and the member that it stands in for.
pub const STAND_INS: usize = 256;

/// A write whose author waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// The caller's number for it; it comes back in the report.
    pub ticket: u64,
    /// The event. For a batch, the last event of the batch: acks are gapless, so it stands for those before it.
    pub dot: Dot,
    /// What to wait for.
    pub level: Level,
    /// Whether stand-ins may make up for members that are down.
    pub sloppy: bool,
    /// When to stop waiting, in milliseconds of the caller's clock. If that is set back, the deadline moves along.
    pub deadline_ms: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteInput {
    /// A write wants to know when it is done.
    Submit(Write),
    /// A member, perhaps the coordinator itself, has fsynced.
    Ack(Ack),
    /// `holder` has fsynced on behalf of `target`, which is down.
    Hint {
        /// The member that is down.
        target: MemberId,
        /// Who stands in for it, what that one has on disk, and in which epoch.
        ack: Ack,
    },
    /// The members have changed.
    Configure(Configuration),
    /// Time has passed.
    Tick,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutput {
    /// Tell the author.
    Finished(WriteReport),
    /// Nothing until the next input, or until this time in milliseconds.
    Idle(Option<u64>),
}

/// How a write ended, and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WriteReport {
    /// The caller's number.
    pub ticket: u64,
    /// The event.
    pub dot: Dot,
    /// What was asked for.
    pub level: Level,
    /// How it ended.
    pub outcome: WriteOutcome,
    /// The distinct members that have it on disk (the strict count is their number).
    pub acked_by: Vec<MemberId>,
    /// Distinct stand-ins beyond those, each with the member that it stands in for (the hinted count).
    pub hinted_by: Vec<(MemberId, MemberId)>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteOutcome {
    /// The level is reached by members.
    Done,
    /// The level is reached only by counting stand-ins. The write is as durable as asked for, but a quorum read may miss
    /// it until the stand-ins have delivered.
    Sloppy,
    /// Time ran out. The write is not lost and may still spread; sending the same dot again is harmless.
    Indeterminate,
}

/// A write cannot be waited for. It was not changed or lost by this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The level cannot be reached.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// The ack does not count.
    #[error(transparent)]
    Ack(#[from] AckError),
    /// More than [`WAITING`].
    #[error("{WAITING} writes wait for members already: wait for some of them, or write less at a time")]
    Full,
    /// A configuration that is not later than the one here.
    #[error("the configuration is of epoch {got}, epoch {known} is in force: it was overtaken, fetch the newest")]
    Overtaken {
        /// The epoch in force.
        known: u64,
        /// The epoch offered.
        got: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiter {
    seq: u64,
    ticket: u64,
    deadline_ms: u64,
}

/// Writes of one writer that wait for the same; the last one is whether stand-ins count.
type Line = (ReplicaId, Level, bool);

/// Collects acks of one room and tells which writes have reached their level.
///
/// What a member holds is kept by member, never as a count, so one that acknowledges twice counts once, and so does a
/// coordinator that is a member and also hears its own ack. The largest event that k members hold is the k-th largest of
/// what they hold, the *commit frontier*; every write up to it is done.
///
/// ```
/// use syncline::clock::{Dot, ReplicaId};
/// use syncline::quorum::*;
/// let (a, b, c) = (MemberId::new("a")?, MemberId::new("b")?, MemberId::new("c")?);
/// let config = Configuration::new(1, vec![a.clone().into(), b.clone().into(), c.into()])?;
/// let mut writes = WriteTracker::new(config, None);
/// let dot = Dot::new(ReplicaId::new(1, 1), 1);
/// let write = Write { ticket: 7, dot, level: Level::Quorum, sloppy: false, deadline_ms: 500 };
/// writes.handle(WriteInput::Submit(write), 0)?;
/// let durable = [(dot.replica, 1)].into_iter().collect();
/// let ack = |from: &MemberId| WriteInput::Ack(Ack { from: from.clone(), epoch: 1, durable: Clone::clone(&durable) });
/// writes.handle(ack(&a), 1)?;
/// writes.handle(ack(&a), 2)?;
/// assert_eq!(writes.poll(), WriteOutput::Idle(Some(500)));
/// writes.handle(ack(&b), 3)?;
/// assert!(matches!(writes.poll(), WriteOutput::Finished(report) if report.acked_by == [a, b]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WriteTracker {
    config: Configuration,
    local: Option<MemberId>,
    durable: SortedMap<MemberId, VersionVector>,
    /// By stand-in, then by the member that it stands in for.
    hints: SortedMap<(MemberId, MemberId), VersionVector>,
    lines: SortedMap<Line, VecDeque<Waiter>>,
    waiting: usize,
    /// No write ends before; it may be too early, never too late.
    earliest_ms: u64,
    /// The caller's clock when it was read last.
    last_ms: u64,
    finished: VecDeque<WriteReport>,
}

impl WriteTracker {
    /// Starts with nothing acknowledged. `local` is the coordinator's region, for [`Level::LocalQuorum`].
    pub fn new(config: Configuration, local: Option<MemberId>) -> Self {
        WriteTracker {
            config,
            local,
            durable: SortedMap::default(),
            hints: SortedMap::default(),
            lines: SortedMap::default(),
            waiting: 0,
            earliest_ms: u64::MAX,
            last_ms: 0,
            finished: VecDeque::new(),
        }
    }

    /// Takes an input, then ends what is due.
    ///
    /// # Errors
    /// [`WriteError`]; the input changed nothing, apart from the time.
    pub fn handle(&mut self, input: WriteInput, now_ms: u64) -> Result<(), WriteError> {
        self.follow_clock(now_ms);
        let result = match input {
            WriteInput::Submit(write) => self.submit(write),
            WriteInput::Ack(ack) => self.ack(ack),
            WriteInput::Hint { target, ack } => self.hint(target, ack),
            WriteInput::Configure(config) => self.configure(config),
            WriteInput::Tick => Ok(()),
        };
        self.expire(now_ms);
        result
    }

    /// The next thing to do. Ask until it says [`WriteOutput::Idle`].
    pub fn poll(&mut self) -> WriteOutput {
        match self.finished.pop_front() {
            Some(report) => WriteOutput::Finished(report),
            None => WriteOutput::Idle((self.waiting > 0).then_some(self.earliest_ms)),
        }
    }

    /// Who counts.
    pub fn configuration(&self) -> &Configuration {
        &self.config
    }

    /// How many writes wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The largest event number of `writer` that enough members for `level` hold on disk.
    ///
    /// # Errors
    /// [`LevelError`] if these members cannot reach the level.
    pub fn frontier(&self, writer: &ReplicaId, level: Level) -> Result<u64, LevelError> {
        self.config.frontier(level, self.local.as_ref(), &|id| self.held(id, writer))
    }

    /// The members that hold an event on disk, each once, in order.
    pub fn holders(&self, dot: &Dot) -> Vec<MemberId> {
        let ids = self.config.ids().into_iter();
        ids.filter(|id| self.held(id, &dot.replica) >= dot.seq).cloned().collect()
    }

    fn held(&self, id: &MemberId, writer: &ReplicaId) -> u64 {
        self.durable.get(id).map_or(0, |durable| durable.get(writer))
    }

    fn submit(&mut self, write: Write) -> Result<(), WriteError> {
        self.config.groups(write.level, self.local.as_ref())?;
        if self.waiting + self.finished.len() >= WAITING {
            return Err(WriteError::Full);
        }
        let line = (write.dot.replica, write.level, write.sloppy);
        let waiter = Waiter { seq: write.dot.seq, ticket: write.ticket, deadline_ms: write.deadline_ms };
        let waiters = self.lines.get_or_insert_with(line, VecDeque::new);
        let at = waiters.partition_point(|other| other.seq <= waiter.seq);
        waiters.insert(at, waiter);
        self.waiting += 1;
        self.earliest_ms = self.earliest_ms.min(write.deadline_ms);
        self.settle(Some(&write.dot.replica));
        Ok(())
    }

    fn ack(&mut self, ack: Ack) -> Result<(), WriteError> {
        self.config.check(&ack.from, ack.epoch)?;
        self.durable.get_or_insert_with(ack.from, VersionVector::default).join(&ack.durable);
        self.settle(None);
        Ok(())
    }

    fn hint(&mut self, target: MemberId, ack: Ack) -> Result<(), WriteError> {
        self.config.check(&target, ack.epoch)?;
        let pair = (ack.from, target);
        if pair.0 == pair.1 || (self.hints.len() >= STAND_INS && self.hints.get(&pair).is_none()) {
            return Err(AckError::StandIn(pair.0).into());
        }
        self.hints.get_or_insert_with(pair, VersionVector::default).join(&ack.durable);
        self.settle(None);
        Ok(())
    }

    fn configure(&mut self, config: Configuration) -> Result<(), WriteError> {
        if config.epoch() <= self.config.epoch() {
            return Err(WriteError::Overtaken { known: self.config.epoch(), got: config.epoch() });
        }
        // Whoever leaves may come back with an empty disk: what it had does not count any more.
        self.durable.retain(|id, _| config.contains(id));
        self.hints.retain(|(_, target), _| config.contains(target));
        self.config = config;
        self.settle(None);
        Ok(())
    }

    /// Ends the writes, of one writer or of all, that have reached their level.
    fn settle(&mut self, writer: Option<&ReplicaId>) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.retain(|line, waiters| {
            if writer.is_none_or(|writer| *writer == line.0) {
                self.settle_line(*line, waiters);
            }
            !waiters.is_empty()
        });
        self.lines = lines;
    }

    fn settle_line(&mut self, line: Line, waiters: &mut VecDeque<Waiter>) {
        let (writer, level, sloppy) = line;
        // Members that have become too few for the level: the write waits for its deadline, or for other members.
        let frontier = self.frontier(&writer, level).unwrap_or(0);
        while let Some(first) = waiters.front() {
            let outcome = match first.seq {
                seq if seq <= frontier => WriteOutcome::Done,
                seq if sloppy && self.hinted_suffice(&Dot::new(writer, seq), level) => WriteOutcome::Sloppy,
                _ => break,
            };
            waiters.pop_front().into_iter().for_each(|waiter| self.finish(line, &waiter, outcome));
        }
    }

    fn finish(&mut self, (writer, level, _): Line, waiter: &Waiter, outcome: WriteOutcome) {
        self.waiting -= 1;
        let dot = Dot::new(writer, waiter.seq);
        let hinted_by = self.stand_ins(&dot, &self.config.ids());
        let acked_by = self.holders(&dot);
        self.finished.push_back(WriteReport { ticket: waiter.ticket, dot, level, outcome, acked_by, hinted_by });
    }

    /// A clock that was set back takes the deadlines with it.
    fn follow_clock(&mut self, now_ms: u64) {
        let back = set_back(&mut self.last_ms, now_ms);
        if back > 0 && self.waiting > 0 {
            let waiters = self.lines.iter_mut().flat_map(|(_, waiters)| waiters.iter_mut());
            waiters.for_each(|waiter| waiter.deadline_ms = waiter.deadline_ms.saturating_sub(back));
            self.earliest_ms = self.earliest_ms.saturating_sub(back);
        }
    }

    fn expire(&mut self, now_ms: u64) {
        if now_ms < self.earliest_ms {
            return;
        }
        let (mut lines, mut earliest) = (std::mem::take(&mut self.lines), u64::MAX);
        lines.retain(|line, waiters| {
            waiters.retain(|waiter| {
                let due = waiter.deadline_ms <= now_ms;
                if due {
                    self.finish(*line, waiter, WriteOutcome::Indeterminate);
                } else {
                    earliest = earliest.min(waiter.deadline_ms);
                }
                !due
            });
            !waiters.is_empty()
        });
        (self.lines, self.earliest_ms) = (lines, earliest);
    }

    fn hinted_suffice(&self, dot: &Dot, level: Level) -> bool {
        let suffices = |group: &Group<'_>| {
            let held = group.members.iter().filter(|id| self.held(id, &dot.replica) >= dot.seq).count();
            held + self.stand_ins(dot, &group.members).len() >= group.needed
        };
        self.config.groups(level, self.local.as_ref()).is_ok_and(|groups| groups.iter().all(suffices))
    }

    /// Pairs of a stand-in and a member, no machine and no member in two of them, and none that holds the event itself.
    fn stand_ins(&self, dot: &Dot, members: &[&MemberId]) -> Vec<(MemberId, MemberId)> {
        let holds = |id: &MemberId| self.held(id, &dot.replica) >= dot.seq;
        let mut pairs: Vec<(MemberId, MemberId)> = Vec::new();
        for ((holder, target), durable) in self.hints.iter() {
            let taken = pairs.iter().any(|pair| pair.0 == *holder || pair.1 == *target);
            if !taken && durable.covers(dot) && members.contains(&target) && !holds(holder) && !holds(target) {
                pairs.push((holder.clone(), target.clone()));
            }
        }
        pairs
    }
}
