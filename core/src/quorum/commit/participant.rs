//! The side that stages and applies: one for each room.

use super::{CommitMessage, CommitRecord, CommitTimes, OUTPUTS, REASON_BYTES, REMEMBERED, TRANSACTIONS, TxId, clipped};
use crate::assoc::SortedMap;
use crate::quorum::MemberId;
use std::collections::VecDeque;

/// What happened at the room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParticipantInput {
    /// A coordinator says something.
    Message(CommitMessage),
    /// The answer to [`ParticipantOutput::Validate`].
    Validated {
        /// The transaction.
        tx: TxId,
        /// Why the room cannot take it, or nothing if it can.
        refusal: Option<String>,
    },
    /// The `Prepared` record is on disk.
    Forced(TxId),
    /// The writes are merged, and they and the `Done` record are on disk.
    Applied(TxId),
    /// Time has passed.
    Tick,
}

/// What the room is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParticipantOutput {
    /// Check whether the room could take these writes, and reserve what they need, such as escrow rights. Mint nothing.
    Validate {
        /// The transaction.
        tx: TxId,
        /// What it writes.
        payload: Vec<u8>,
    },
    /// Put the record on disk with fsync, then say [`ParticipantInput::Forced`].
    Force(CommitRecord),
    /// Mint and merge the writes and put the record into the log, in one transaction of the store with fsync, then say
    /// [`ParticipantInput::Applied`].
    Apply {
        /// The transaction.
        tx: TxId,
        /// What it writes.
        payload: Vec<u8>,
        /// The record that it is done.
        record: CommitRecord,
    },
    /// Give back what was reserved, if anything was, and put the record into the log some time.
    Release {
        /// The transaction.
        tx: TxId,
        /// The record that nothing is staged any more.
        record: CommitRecord,
    },
    /// Send a message to a coordinator.
    Send {
        /// The coordinator.
        to: MemberId,
        /// What to say.
        message: CommitMessage,
    },
    /// Nothing until the next input, or until this time in milliseconds.
    Idle(Option<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Validating,
    Forcing,
    /// On disk, and the coordinator may know: only it can end this.
    Prepared,
    Applying,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Staged {
    stage: Stage,
    coordinator: MemberId,
    payload: Vec<u8>,
    inquire_at_ms: u64,
}

/// Stages the part of transactions that concerns one room, and applies what is committed exactly once.
///
/// ```
/// use syncline::quorum::*;
/// let mut room = Participant::new("accounts".into(), CommitTimes::default());
/// let (tx, from) = (TxId::new(1, 1), MemberId::new("a")?);
/// room.handle(ParticipantInput::Message(CommitMessage::Prepare { tx, from, payload: b"+5".to_vec() }), 0);
/// assert!(matches!(room.poll(), ParticipantOutput::Validate { .. }));
/// room.handle(ParticipantInput::Validated { tx, refusal: None }, 1);
/// assert!(matches!(room.poll(), ParticipantOutput::Force(CommitRecord::Prepared { .. })));
/// room.handle(ParticipantInput::Forced(tx), 2);
/// assert!(matches!(room.poll(), ParticipantOutput::Send { message: CommitMessage::Vote { refusal: None, .. }, .. }));
/// # Ok::<(), MemberError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Participant {
    room: String,
    times: CommitTimes,
    staged: SortedMap<TxId, Staged>,
    done: SortedMap<TxId, ()>,
    floor: Option<TxId>,
    out: VecDeque<ParticipantOutput>,
}

impl Participant {
    /// Starts with an empty log.
    pub fn new(room: String, times: CommitTimes) -> Self {
        let (staged, done) = (SortedMap::default(), SortedMap::default());
        Participant { room, times, staged, done, floor: None, out: VecDeque::new() }
    }

    /// Starts from the records of its log, in order. What is prepared and not decided is asked for at the first
    /// [`ParticipantInput::Tick`]; until then [`Participant::in_doubt`] tells what to reserve again.
    pub fn recover(room: String, times: CommitTimes, log: impl IntoIterator<Item = CommitRecord>) -> Self {
        let mut participant = Participant::new(room, times);
        for record in log {
            match record {
                CommitRecord::Prepared { tx, coordinator, payload } => {
                    let staged = Staged { stage: Stage::Prepared, coordinator, payload, inquire_at_ms: 0 };
                    participant.staged.insert(tx, staged);
                }
                CommitRecord::Done(tx) => {
                    participant.staged.remove(&tx);
                    participant.remember(tx);
                }
                CommitRecord::Released(tx) => drop(participant.staged.remove(&tx)),
                CommitRecord::Floor(tx) => participant.floor = participant.floor.max(Some(tx)),
                CommitRecord::Committed { .. } | CommitRecord::End(_) => {}
            }
        }
        participant
    }

    /// The records that a log must hold to recover from; a log may be replaced by them, if nothing is being forced or
    /// applied at that moment.
    pub fn records(&self) -> Vec<CommitRecord> {
        let mut records: Vec<CommitRecord> = self.floor.map(CommitRecord::Floor).into_iter().collect();
        records.extend(self.done.iter().map(|(tx, ())| CommitRecord::Done(*tx)));
        let staged = self.staged.iter().filter(|(_, staged)| matches!(staged.stage, Stage::Prepared | Stage::Applying));
        records.extend(staged.map(|(tx, staged)| record_of(*tx, staged)));
        records
    }

    /// What is prepared and not decided, each with what it would write.
    pub fn in_doubt(&self) -> impl Iterator<Item = (TxId, &[u8])> {
        let prepared = self.staged.iter().filter(|(_, staged)| staged.stage == Stage::Prepared);
        prepared.map(|(tx, staged)| (*tx, staged.payload.as_slice()))
    }

    /// Takes an input, then does what is due. What does not fit is taken for late and ignored.
    pub fn handle(&mut self, input: ParticipantInput, now_ms: u64) {
        match input {
            ParticipantInput::Message(CommitMessage::Prepare { tx, from, payload }) => self.prepare(tx, from, payload),
            ParticipantInput::Message(CommitMessage::Decide { tx, from, commit: true }) => self.commit(tx, from),
            ParticipantInput::Message(CommitMessage::Decide { tx, commit: false, .. }) => self.abort(tx),
            ParticipantInput::Validated { tx, refusal } => self.validated(tx, refusal),
            ParticipantInput::Forced(tx) => self.forced(tx, now_ms),
            ParticipantInput::Applied(tx) => self.applied(tx),
            ParticipantInput::Message(_) | ParticipantInput::Tick => {}
        }
        self.inquire(now_ms);
    }

    /// The next thing to do. Ask until it says [`ParticipantOutput::Idle`].
    pub fn poll(&mut self) -> ParticipantOutput {
        let prepared = self.staged.iter().filter(|(_, staged)| staged.stage == Stage::Prepared);
        let due = prepared.map(|(_, staged)| staged.inquire_at_ms).min();
        self.out.pop_front().unwrap_or(ParticipantOutput::Idle(due))
    }

    fn prepare(&mut self, tx: TxId, from: MemberId, payload: Vec<u8>) {
        if self.done.get(&tx).is_some() {
            return self.vote(tx, from, None);
        }
        match self.staged.get(&tx).map(|staged| staged.stage) {
            Some(Stage::Prepared | Stage::Applying) => self.vote(tx, from, None),
            Some(Stage::Validating | Stage::Forcing) => {}
            None if self.floor >= Some(tx) => self.vote(tx, from, Some("the transaction is too old: try again".into())),
            None if self.staged.len() >= TRANSACTIONS => {
                self.vote(tx, from, Some("too many transactions are under way in the room: try again later".into()));
            }
            None => {
                self.out.push_back(ParticipantOutput::Validate { tx, payload: payload.clone() });
                let staged = Staged { stage: Stage::Validating, coordinator: from, payload, inquire_at_ms: 0 };
                self.staged.insert(tx, staged);
            }
        }
    }

    fn validated(&mut self, tx: TxId, refusal: Option<String>) {
        let Some(staged) = self.staged.get_mut(&tx).filter(|staged| staged.stage == Stage::Validating) else { return };
        if let Some(reason) = refusal {
            let from = staged.coordinator.clone();
            self.staged.remove(&tx);
            return self.vote(tx, from, Some(clipped(&reason, REASON_BYTES)));
        }
        staged.stage = Stage::Forcing;
        let record = record_of(tx, staged);
        self.out.push_back(ParticipantOutput::Force(record));
    }

    fn forced(&mut self, tx: TxId, now_ms: u64) {
        let retry_ms = self.times.retry_ms.max(1);
        if let Some(staged) = self.staged.get_mut(&tx).filter(|staged| staged.stage == Stage::Forcing) {
            staged.stage = Stage::Prepared;
            staged.inquire_at_ms = now_ms.saturating_add(retry_ms);
            let to = staged.coordinator.clone();
            self.vote(tx, to, None);
        }
    }

    fn commit(&mut self, tx: TxId, from: MemberId) {
        match self.staged.get_mut(&tx) {
            Some(staged) if staged.stage == Stage::Prepared => {
                staged.stage = Stage::Applying;
                let (payload, record) = (staged.payload.clone(), CommitRecord::Done(tx));
                self.out.push_back(ParticipantOutput::Apply { tx, payload, record });
            }
            // Not voted for yet, or not on disk yet.
            Some(_) => {}
            // A commit is only ever decided after this room has prepared, so it is done already.
            None => self.send(from, CommitMessage::Ack { tx, room: self.room.clone() }),
        }
    }

    fn applied(&mut self, tx: TxId) {
        if self.staged.get(&tx).is_some_and(|staged| staged.stage == Stage::Applying)
            && let Some(staged) = self.staged.remove(&tx)
        {
            self.remember(tx);
            self.send(staged.coordinator, CommitMessage::Ack { tx, room: self.room.clone() });
        }
    }

    fn abort(&mut self, tx: TxId) {
        if self.staged.get(&tx).is_some_and(|staged| staged.stage != Stage::Applying) {
            self.staged.remove(&tx);
            self.out.push_back(ParticipantOutput::Release { tx, record: CommitRecord::Released(tx) });
        }
    }

    /// Remembers a commit by name; the oldest names are forgotten and refused from then on.
    fn remember(&mut self, tx: TxId) {
        self.done.insert(tx, ());
        if self.done.len() > REMEMBERED {
            let oldest = self.done.iter().next().map(|(tx, ())| *tx);
            self.done.retain(|tx, ()| Some(*tx) != oldest);
            self.floor = self.floor.max(oldest);
        }
    }

    fn inquire(&mut self, now_ms: u64) {
        let next_ms = now_ms.saturating_add(self.times.retry_ms.max(1));
        // A clock that was set back must not make anyone wait for longer than agreed.
        self.staged.iter_mut().for_each(|(_, staged)| staged.inquire_at_ms = staged.inquire_at_ms.min(next_ms));
        let due = |(_, staged): &&(TxId, Staged)| staged.stage == Stage::Prepared && staged.inquire_at_ms <= now_ms;
        let due: Vec<TxId> = self.staged.iter().filter(due).map(|(tx, _)| *tx).collect();
        for tx in due {
            if let Some(staged) = self.staged.get_mut(&tx) {
                staged.inquire_at_ms = next_ms;
                let to = staged.coordinator.clone();
                self.send(to, CommitMessage::Inquire { tx, room: self.room.clone() });
            }
        }
    }

    fn vote(&mut self, tx: TxId, to: MemberId, refusal: Option<String>) {
        self.send(to, CommitMessage::Vote { tx, room: self.room.clone(), refusal });
    }

    fn send(&mut self, to: MemberId, message: CommitMessage) {
        if self.out.len() < OUTPUTS {
            self.out.push_back(ParticipantOutput::Send { to, message });
        }
    }
}

fn record_of(tx: TxId, staged: &Staged) -> CommitRecord {
    CommitRecord::Prepared { tx, coordinator: staged.coordinator.clone(), payload: staged.payload.clone() }
}
