//! The quorum read: ask, pull, write back, until enough members say the same.

use super::ack::{Ack, AckError};
use super::configuration::Configuration;
use super::level::{Level, LevelError};
use super::member::MemberId;
use super::setback::set_back;
use crate::assoc::SortedMap;
use crate::clock::{Causality, VersionVector};
use std::collections::VecDeque;

/// How much a read waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReadLevel {
    /// Guarantees nothing beyond what the replica asked happens to have seen.
    #[default]
    Local,
    /// Guarantees that the reader sees what its [`SessionToken`](super::SessionToken) names: its own writes, and no less
    /// than it has seen before; it says nothing about the writes of others.
    Session,
    /// Guarantees that the reader sees every write that was acknowledged at the same level before the read began, if the
    /// level is `Quorum` or more; and if the outcome is [`ReadOutcome::Agreed`], that reads are linearizable.
    Members(Level),
}

/// What to read, and for how long to try.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadPlan {
    /// How many members must answer, and in the end answer the same.
    pub level: Level,
    /// How often to write back before giving up on agreement; 3 or 4 is plenty unless the room is written all the time.
    pub rounds: u32,
    /// How long to wait before members that have not answered are asked again, in milliseconds.
    pub retry_ms: u64,
    /// When to stop, in milliseconds of the caller's clock. If that is set back, the deadline moves along.
    pub deadline_ms: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadInput {
    /// A member says what it has on disk; the coordinator, if it is one, says so of itself too.
    Answer(Ack),
    /// What the coordinator's own replica has seen, said when it has changed.
    Local(VersionVector),
    /// A member cannot be reached.
    Failed(MemberId),
    /// Time has passed.
    Tick,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOutput {
    /// Ask a member what it has on disk.
    Ask(MemberId),
    /// Fetch a member's delta since this, merge it, and say [`ReadInput::Local`].
    Pull {
        /// The member that has seen the most.
        from: MemberId,
        /// What is here.
        since: VersionVector,
    },
    /// Send a member the delta since this; its answer is what it has on disk then.
    Push {
        /// A member that has seen less.
        to: MemberId,
        /// What it has.
        since: VersionVector,
    },
    /// Answer the reader from the coordinator's replica as it is now, or tell it that there is no answer.
    Finished(ReadReport),
    /// Nothing until the next input, or until this time in milliseconds.
    Idle(Option<u64>),
}

/// How a read ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadReport {
    /// How it ended.
    pub outcome: ReadOutcome,
    /// What the coordinator's replica has seen at that moment.
    pub version: VersionVector,
    /// The distinct members that answered.
    pub answered_by: Vec<MemberId>,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadOutcome {
    /// Enough members hold exactly what is read here. With more than half of them, reads that end so are linearizable.
    Agreed,
    /// What enough members answered was merged, but they did not come to agree in time. It includes every write that was
    /// acknowledged before, yet two such reads may each miss what the other returned: not linearizable.
    Merged,
    /// Too few members answered. What is here may be stale.
    Unavailable,
}

/// One quorum read.
///
/// That more than half of the members were read and more than half were written is **not enough** for linearizable reads
/// of a merging type: two readers may return joins of which neither includes the other, or a reader returns a write that
/// only a minority holds and the next reader misses it. So a read writes back what it merged and ends when enough members
/// answer the *identical* vector (Skrzypczak, Schintke, Schütt, "Linearizable State Machine Replication of State-Based
/// CRDTs without Logs", PODC 2019).
///
/// ```
/// use syncline::{clock::VersionVector, quorum::*};
/// let (a, b) = (MemberId::new("a")?, MemberId::new("b")?);
/// let config = Configuration::new(1, vec![a.clone().into(), b.clone().into()])?;
/// let plan = ReadPlan { level: Level::Quorum, rounds: 3, retry_ms: 100, deadline_ms: 900 };
/// let mut read = QuorumRead::new(config, None, plan, VersionVector::default(), 0)?;
/// for from in [a, b] {
///     assert_eq!(read.poll(), ReadOutput::Ask(from.clone()));
///     read.handle(ReadInput::Answer(Ack { from, epoch: 1, durable: VersionVector::default() }), 1)?;
/// }
/// assert!(matches!(read.poll(), ReadOutput::Finished(report) if report.outcome == ReadOutcome::Agreed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumRead {
    config: Configuration,
    region: Option<MemberId>,
    plan: ReadPlan,
    local: VersionVector,
    answers: SortedMap<MemberId, VersionVector>,
    pulling: Option<MemberId>,
    /// What was written back last.
    pushed: Option<VersionVector>,
    rounds: u32,
    retry_at_ms: u64,
    /// The caller's clock when it was read last.
    last_ms: u64,
    finished: bool,
    out: VecDeque<ReadOutput>,
}

impl QuorumRead {
    /// Begins a read by asking every member. `region` is the coordinator's, `local` what its replica has seen.
    ///
    /// # Errors
    /// [`LevelError`] if these members cannot reach the level.
    pub fn new(
        config: Configuration,
        region: Option<MemberId>,
        plan: ReadPlan,
        local: VersionVector,
        now_ms: u64,
    ) -> Result<Self, LevelError> {
        config.groups(plan.level, region.as_ref())?;
        let mut read = QuorumRead {
            rounds: plan.rounds,
            retry_at_ms: 0,
            last_ms: now_ms,
            config,
            region,
            plan,
            local,
            answers: SortedMap::default(),
            pulling: None,
            pushed: None,
            finished: false,
            out: VecDeque::new(),
        };
        read.ask(now_ms);
        Ok(read)
    }

    /// Takes an input, then does what is due.
    ///
    /// # Errors
    /// [`AckError`] if an answer does not count; it changed nothing, apart from the time.
    pub fn handle(&mut self, input: ReadInput, now_ms: u64) -> Result<(), AckError> {
        if self.finished {
            return Ok(());
        }
        let back = set_back(&mut self.last_ms, now_ms);
        self.plan.deadline_ms = self.plan.deadline_ms.saturating_sub(back);
        self.retry_at_ms = self.retry_at_ms.saturating_sub(back);
        let result = self.take(input);
        self.step();
        if !self.finished && now_ms >= self.plan.deadline_ms {
            let merged = self.suffices(&|_| true) && self.answers.iter().all(|(_, seen)| self.local.includes(seen));
            self.finish(if merged { ReadOutcome::Merged } else { ReadOutcome::Unavailable });
        } else if !self.finished && now_ms >= self.retry_at_ms && self.out.is_empty() {
            (self.pulling, self.pushed) = (None, None);
            self.ask(now_ms);
        }
        result
    }

    /// The next thing to do. Ask until it says [`ReadOutput::Idle`].
    pub fn poll(&mut self) -> ReadOutput {
        let due = self.plan.deadline_ms.min(self.retry_at_ms);
        self.out.pop_front().unwrap_or(ReadOutput::Idle((!self.finished).then_some(due)))
    }

    fn ask(&mut self, now_ms: u64) {
        self.retry_at_ms = now_ms.saturating_add(self.plan.retry_ms.max(1));
        for id in self.config.ids() {
            if self.answers.get(id) != Some(&self.local) {
                self.out.push_back(ReadOutput::Ask(id.clone()));
            }
        }
    }

    fn take(&mut self, input: ReadInput) -> Result<(), AckError> {
        match input {
            ReadInput::Answer(ack) => {
                self.config.check(&ack.from, ack.epoch)?;
                self.answers.get_or_insert_with(ack.from, VersionVector::default).join(&ack.durable);
            }
            ReadInput::Local(version) => self.local.join(&version),
            ReadInput::Failed(id) => {
                self.answers.remove(&id);
                self.pulling = self.pulling.take().filter(|from| *from != id);
            }
            ReadInput::Tick => {}
        }
        Ok(())
    }

    fn step(&mut self) {
        if self.suffices(&|seen| *seen == self.local) {
            return self.finish(ReadOutcome::Agreed);
        }
        if !self.suffices(&|_| true) {
            return;
        }
        if let Some(from) = self.fresher() {
            if self.pulling.is_none() {
                self.out.push_back(ReadOutput::Pull { from: from.clone(), since: self.local.clone() });
                self.pulling = Some(from);
            }
            return;
        }
        self.pulling = None;
        if self.pushed.as_ref() == Some(&self.local) {
            return;
        }
        match self.rounds.checked_sub(1) {
            None => self.finish(ReadOutcome::Merged),
            Some(rounds) => {
                self.rounds = rounds;
                self.write_back();
            }
        }
    }

    fn write_back(&mut self) {
        self.pushed = Some(self.local.clone());
        for (id, seen) in self.answers.iter().filter(|(_, seen)| *seen != self.local) {
            self.out.push_back(ReadOutput::Push { to: id.clone(), since: seen.clone() });
        }
    }

    /// A member that has seen what this replica has not: the one pulled from, else one that no other is ahead of.
    fn fresher(&self) -> Option<MemberId> {
        let ahead = |id: &MemberId| self.answers.get(id).is_some_and(|seen| !self.local.includes(seen));
        if let Some(id) = self.pulling.as_ref().filter(|id| ahead(id)) {
            return Some(id.clone());
        }
        let last = |seen: &VersionVector| !self.answers.iter().any(|(_, more)| seen.compare(more) == Causality::Before);
        self.answers.iter().find(|(id, seen)| ahead(id) && last(seen)).map(|(id, _)| id.clone())
    }

    fn suffices(&self, counts: &dyn Fn(&VersionVector) -> bool) -> bool {
        let counted = |id: &MemberId| self.answers.get(id).is_some_and(counts);
        self.config.satisfied(self.plan.level, self.region.as_ref(), &counted) == Ok(true)
    }

    fn finish(&mut self, outcome: ReadOutcome) {
        self.finished = true;
        self.out.clear();
        let answered_by = self.answers.iter().map(|(id, _)| id.clone()).collect();
        self.out.push_back(ReadOutput::Finished(ReadReport { outcome, version: self.local.clone(), answered_by }));
    }
}
