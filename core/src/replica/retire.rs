//! Retiring replica ids: what the driver of a round and the durable members of a room say to each other, and the driver.
//!
//! ```text
//! driver                         every durable member
//!   fence(horizon)          ->
//!                           <-   fenced(attached ids, version)       lets no other id born before the horizon write
//!   settle(keep, finals)    ->
//!                           <-   settled                             once it holds exactly that, on its disk
//!   retire                  ->
//!                           <-   retired                             the entries are dropped
//! ```
//!
//! Nobody drops an entry before everybody has promised, on the disk, to hold the same and to let nobody add to it. Until
//! then the round may be given up. No two rounds have the same horizon: a peer that took part in the first would count as
//! knowing the deletes that the second forgets.
//!
//! The round is our own, in the shape of a two-phase commit (Gray: "Notes on data base operating systems", 1978) whose
//! votes are promises about versions; `tests/src/retire` holds it against histories in which sessions come and go.
//!
//! There is one driver for a room at a time. One that takes over after another's end clears up with
//! [`RetireDriver::recover`] before it starts a round of its own.

use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::{ReplicaId, VersionVector};
use crate::delta::{Round, read_ids, write_ids};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Names a durable member; the cluster chooses it.
pub type MemberId = u64;

/// A message of a round, which the horizon names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetireMessage {
    /// To a member: let no id born before the horizon write but those that are attached now.
    Fence {
        /// The new horizon (ms since the Unix epoch).
        horizon: u64,
    },
    /// From a member: done.
    Fenced {
        /// The horizon of the round.
        horizon: u64,
        /// Ids born before it whose owners are connected here.
        attached: Vec<ReplicaId>,
        /// What the member has seen.
        version: VersionVector,
    },
    /// To a member: promise to hold exactly this.
    Settle {
        /// What is retired and what is kept.
        round: Round,
    },
    /// From a member: it is promised, and on the disk.
    Settled {
        /// The horizon of the round.
        horizon: u64,
    },
    /// To a member: all have promised.
    Retire {
        /// The horizon of the round.
        horizon: u64,
    },
    /// From a member: the horizon is in force, and that is on the disk.
    Retired {
        /// The horizon of the round.
        horizon: u64,
    },
    /// To a member: the round came to nothing.
    Abort {
        /// The horizon of the round.
        horizon: u64,
    },
    /// To a member: how far did this round come?
    Query {
        /// The horizon of the round.
        horizon: u64,
    },
    /// From a member: it cannot take part.
    Refused {
        /// The horizon of the round.
        horizon: u64,
        /// The horizon of another round to which it is bound by a promise; 0 for none.
        bound: u64,
    },
}

impl RetireMessage {
    /// The horizon of the round that the message belongs to.
    pub fn horizon(&self) -> u64 {
        match self {
            RetireMessage::Settle { round } => round.horizon,
            RetireMessage::Fence { horizon }
            | RetireMessage::Fenced { horizon, .. }
            | RetireMessage::Settled { horizon }
            | RetireMessage::Retire { horizon }
            | RetireMessage::Retired { horizon }
            | RetireMessage::Abort { horizon }
            | RetireMessage::Query { horizon }
            | RetireMessage::Refused { horizon, .. } => *horizon,
        }
    }

    /// Encodes the message: a byte for its kind, the horizon, the fields.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(match self {
            RetireMessage::Fence { .. } => 0,
            RetireMessage::Fenced { .. } => 1,
            RetireMessage::Settle { .. } => 2,
            RetireMessage::Settled { .. } => 3,
            RetireMessage::Retire { .. } => 4,
            RetireMessage::Retired { .. } => 5,
            RetireMessage::Abort { .. } => 6,
            RetireMessage::Query { .. } => 7,
            RetireMessage::Refused { .. } => 8,
        });
        out.varint(self.horizon());
        match self {
            RetireMessage::Fenced { attached, version, .. } => {
                write_ids(&mut out, attached);
                out.bytes(&version.encode());
            }
            RetireMessage::Settle { round } => round.write(&mut out),
            RetireMessage::Refused { bound, .. } => out.varint(*bound),
            _ => {}
        }
        out.into_bytes()
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (kind, horizon) = (reader.byte()?, reader.varint()?);
        let message = match kind {
            0 => RetireMessage::Fence { horizon },
            1 => RetireMessage::Fenced {
                horizon,
                attached: read_ids(&mut reader)?,
                version: VersionVector::read(&mut reader)?,
            },
            2 => RetireMessage::Settle { round: Round::read(&mut reader)? },
            3 => RetireMessage::Settled { horizon },
            4 => RetireMessage::Retire { horizon },
            5 => RetireMessage::Retired { horizon },
            6 => RetireMessage::Abort { horizon },
            7 => RetireMessage::Query { horizon },
            8 => RetireMessage::Refused { horizon, bound: reader.varint()? },
            _ => return Err(DecodeError::Range("message of a round")),
        };
        reader.finish()?;
        if message.horizon() == horizon { Ok(message) } else { Err(DecodeError::Range("horizon")) }
    }
}

/// What a driver wants done, or known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetireOutput {
    /// Send a message to a member.
    Send {
        /// To whom.
        to: MemberId,
        /// What.
        message: RetireMessage,
    },
    /// The round is over.
    Done {
        /// The horizon that is in force now, or was in force.
        horizon: u64,
        /// Ids whose entries were dropped.
        retired: usize,
    },
    /// The round came to nothing; a later one, with a later horizon, may succeed.
    Failed {
        /// The horizon.
        horizon: u64,
        /// Why.
        reason: RetireFailure,
    },
}

/// Why a round came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetireFailure {
    /// Not all members answered in time.
    #[error("not all durable members answered in time: retire ids when all are there")]
    Late,
    /// A member is bound by a promise to an earlier round.
    #[error("a member is bound to the round with horizon {0}: recover that one first")]
    Bound(u64),
    /// Members have different horizons, or one holds more than was agreed on.
    #[error("the members have not the same state: let them synchronise, then try again")]
    Apart,
}

/// What a round waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Fencing(BTreeMap<MemberId, (Vec<ReplicaId>, VersionVector)>),
    Settling(Round),
    Retiring(usize),
    Recovering(BTreeMap<MemberId, bool>),
    Over,
}

/// Drives one round of retirement.
#[derive(Clone, Debug)]
pub struct RetireDriver {
    members: BTreeSet<MemberId>,
    horizon: u64,
    phase: Phase,
    /// Who has answered in this phase.
    answered: BTreeSet<MemberId>,
    outputs: VecDeque<RetireOutput>,
    again_ms: u64,
    deadline_ms: u64,
}

impl RetireDriver {
    /// Unanswered messages are sent again after this time.
    const AGAIN_MS: u64 = 1_000;

    /// A round that has not all promises after this time is given up.
    const ROUND_MS: u64 = 30_000;

    /// Starts a round among all durable members. The horizon must be later than that of every round before, also of those
    /// that came to nothing, and not later than the time at which any new replica may be born.
    pub fn start(members: BTreeSet<MemberId>, horizon: u64, now_ms: u64) -> Self {
        Self::new(members, horizon, Phase::Fencing(BTreeMap::new()), now_ms)
    }

    /// Brings a round to its end that another driver left behind: completes it if a member has retired its ids, and gives it
    /// up if none has.
    pub fn recover(members: BTreeSet<MemberId>, horizon: u64, now_ms: u64) -> Self {
        Self::new(members, horizon, Phase::Recovering(BTreeMap::new()), now_ms)
    }

    fn new(members: BTreeSet<MemberId>, horizon: u64, phase: Phase, now_ms: u64) -> Self {
        let mut driver = RetireDriver {
            members,
            horizon,
            phase,
            answered: BTreeSet::new(),
            outputs: VecDeque::new(),
            again_ms: now_ms,
            deadline_ms: now_ms + Self::ROUND_MS,
        };
        driver.handle_timeout(now_ms);
        driver
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<RetireOutput> {
        self.outputs.pop_front()
    }

    /// Whether the round is over.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Sends again what was not answered, and gives up what takes too long. Returns when to call again.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Option<u64> {
        let undecided = matches!(self.phase, Phase::Fencing(_) | Phase::Settling(_));
        if undecided && now_ms >= self.deadline_ms {
            self.give_up(RetireFailure::Late);
        }
        if now_ms >= self.again_ms && !self.is_over() {
            self.again_ms = now_ms + Self::AGAIN_MS;
            self.tell();
        }
        (!self.is_over()).then_some(self.again_ms)
    }

    /// Takes what a member says.
    pub fn handle(&mut self, from: MemberId, message: RetireMessage) {
        if message.horizon() != self.horizon || !self.members.contains(&from) {
            return;
        }
        match (&mut self.phase, message) {
            (Phase::Fencing(fenced), RetireMessage::Fenced { attached, version, .. }) => {
                fenced.insert(from, (attached, version));
                self.answered.insert(from);
                self.when_fenced();
            }
            (Phase::Settling(round), RetireMessage::Settled { .. }) => {
                self.answered.insert(from);
                if self.answered.len() == self.members.len() {
                    let retired = round.finals.len();
                    self.enter(Phase::Retiring(retired));
                }
            }
            (Phase::Retiring(retired), RetireMessage::Retired { .. }) => {
                self.answered.insert(from);
                if self.answered.len() == self.members.len() {
                    let retired = *retired;
                    self.phase = Phase::Over;
                    self.outputs.push_back(RetireOutput::Done { horizon: self.horizon, retired });
                }
            }
            (Phase::Fencing(_) | Phase::Settling(_), RetireMessage::Refused { bound, .. }) => {
                self.give_up(if bound > 0 { RetireFailure::Bound(bound) } else { RetireFailure::Apart });
            }
            (Phase::Recovering(_), RetireMessage::Retired { .. }) => self.when_known(from, true),
            (Phase::Recovering(_), RetireMessage::Settled { .. } | RetireMessage::Refused { .. }) => {
                self.when_known(from, false);
            }
            _ => {}
        }
    }

    /// Once all are fenced, it is known who writes and how far the others came.
    fn when_fenced(&mut self) {
        let Phase::Fencing(fenced) = &self.phase else { return };
        if self.answered.len() < self.members.len() {
            return;
        }
        let keep: BTreeSet<ReplicaId> = fenced.values().flat_map(|(attached, _)| attached.iter().copied()).collect();
        let mut versions = fenced.values().map(|(_, version)| version);
        let Some(mut all) = versions.next().cloned() else { return };
        let apart = versions.any(|version| {
            let apart = version.horizon() != all.horizon();
            all.join(version);
            apart
        });
        if apart {
            return self.give_up(RetireFailure::Apart);
        }
        let finals = all.iter().filter(|(id, _)| id.birth_ms() < self.horizon && !keep.contains(id)).collect();
        let round = Round { horizon: self.horizon, keep: keep.into_iter().collect(), finals, ..Round::default() };
        self.enter(Phase::Settling(round));
    }

    fn when_known(&mut self, from: MemberId, retired: bool) {
        let Phase::Recovering(known) = &mut self.phase else { return };
        known.insert(from, retired);
        self.answered.insert(from);
        if known.len() < self.members.len() {
            return;
        }
        match known.values().any(|&retired| retired) {
            true => self.enter(Phase::Retiring(0)),
            false => self.give_up(RetireFailure::Late),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.answered.clear();
        self.tell();
    }

    /// Says what is due to all who have not answered.
    fn tell(&mut self) {
        let horizon = self.horizon;
        let message = match &self.phase {
            Phase::Fencing(_) => RetireMessage::Fence { horizon },
            Phase::Settling(round) => RetireMessage::Settle { round: round.clone() },
            Phase::Retiring(_) => RetireMessage::Retire { horizon },
            Phase::Recovering(_) => RetireMessage::Query { horizon },
            Phase::Over => return,
        };
        let silent = self.members.difference(&self.answered);
        self.outputs.extend(silent.map(|&to| RetireOutput::Send { to, message: message.clone() }));
    }

    fn give_up(&mut self, reason: RetireFailure) {
        let horizon = self.horizon;
        self.phase = Phase::Over;
        let abort = RetireMessage::Abort { horizon };
        self.outputs.extend(self.members.iter().map(|&to| RetireOutput::Send { to, message: abort.clone() }));
        self.outputs.push_back(RetireOutput::Failed { horizon, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_from_their_bytes() {
        let id = ReplicaId::new(5, 1);
        let version: VersionVector = [(id, 3)].into_iter().collect();
        let round = Round { horizon: 9, keep: vec![id], finals: vec![(id, 3)], ..Round::default() };
        for message in [
            RetireMessage::Fence { horizon: 9 },
            RetireMessage::Fenced { horizon: 9, attached: vec![id], version },
            RetireMessage::Settle { round },
            RetireMessage::Settled { horizon: 9 },
            RetireMessage::Retire { horizon: 9 },
            RetireMessage::Retired { horizon: 9 },
            RetireMessage::Abort { horizon: 9 },
            RetireMessage::Query { horizon: 9 },
            RetireMessage::Refused { horizon: 9, bound: 7 },
        ] {
            let bytes = message.encode();
            assert_eq!(RetireMessage::decode(&bytes), Ok(message));
            assert!((0..bytes.len()).all(|cut| RetireMessage::decode(&bytes[..cut]).is_err()));
        }
    }

    fn sends(driver: &mut RetireDriver) -> Vec<RetireOutput> {
        std::iter::from_fn(|| driver.poll()).collect()
    }

    fn fenced(seq: u64, horizon: u64) -> RetireMessage {
        let mut version: VersionVector = [(ReplicaId::new(5, 1), seq)].into_iter().collect();
        version.set_horizon(horizon);
        RetireMessage::Fenced { horizon: 9, attached: vec![], version }
    }

    #[test]
    fn nothing_is_retired_before_all_members_have_promised() {
        let mut driver = RetireDriver::start([1, 2].into(), 9, 0);
        assert_eq!(sends(&mut driver).len(), 2);
        driver.handle(1, fenced(3, 0));
        driver.handle(1, fenced(3, 0));
        driver.handle(7, fenced(3, 0));
        assert!(sends(&mut driver).is_empty());
        driver.handle(2, fenced(4, 0));
        let settle = sends(&mut driver);
        assert!(matches!(&settle[..], [RetireOutput::Send { message: RetireMessage::Settle { round }, .. }, _]
            if round.finals == [(ReplicaId::new(5, 1), 4)]));
        driver.handle(2, RetireMessage::Settled { horizon: 9 });
        driver.handle(2, RetireMessage::Settled { horizon: 9 });
        assert!(sends(&mut driver).is_empty());
        driver.handle(1, RetireMessage::Settled { horizon: 9 });
        assert_eq!(sends(&mut driver).len(), 2);
        // From here on it is never given up.
        assert!(driver.handle_timeout(1_000_000).is_some());
        assert_eq!(sends(&mut driver).len(), 2);
        driver.handle(1, RetireMessage::Retired { horizon: 9 });
        driver.handle(2, RetireMessage::Retired { horizon: 9 });
        assert_eq!(sends(&mut driver), [RetireOutput::Done { horizon: 9, retired: 1 }]);
    }

    #[test]
    fn a_round_is_given_up_when_members_are_silent_bound_or_apart() {
        let failure = |handle: &dyn Fn(&mut RetireDriver)| {
            let mut driver = RetireDriver::start([1, 2].into(), 9, 0);
            handle(&mut driver);
            assert!(driver.is_over());
            match sends(&mut driver).pop() {
                Some(RetireOutput::Failed { reason, .. }) => reason,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(failure(&|driver| assert_eq!(driver.handle_timeout(30_000), None)), RetireFailure::Late);
        let refused = RetireMessage::Refused { horizon: 9, bound: 4 };
        assert_eq!(failure(&|driver| driver.handle(1, refused.clone())), RetireFailure::Bound(4));
        let apart = failure(&|driver| {
            driver.handle(1, fenced(3, 0));
            driver.handle(2, fenced(3, 4));
        });
        assert_eq!(apart, RetireFailure::Apart);
    }

    #[test]
    fn a_round_left_behind_is_completed_if_anyone_has_retired_and_given_up_if_nobody_has() {
        for retired in [true, false] {
            let mut driver = RetireDriver::recover([1, 2].into(), 9, 0);
            driver.handle(1, RetireMessage::Settled { horizon: 9 });
            assert_eq!(sends(&mut driver).len(), 2);
            let second =
                if retired { RetireMessage::Retired { horizon: 9 } } else { RetireMessage::Settled { horizon: 9 } };
            driver.handle(2, second);
            let retire = sends(&mut driver)
                .iter()
                .filter(|output| matches!(output, RetireOutput::Send { message: RetireMessage::Retire { .. }, .. }))
                .count();
            assert_eq!((retire, driver.is_over()), if retired { (2, false) } else { (0, true) });
        }
    }
}
