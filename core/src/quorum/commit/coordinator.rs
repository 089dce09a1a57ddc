//! The side that decides.

use super::{
    CommitMessage, CommitRecord, CommitTimes, OUTPUTS, TRANSACTION_BYTES, TRANSACTION_ROOMS, TRANSACTIONS, TxId,
};
use crate::assoc::SortedMap;
use crate::bounds;
use crate::quorum::MemberId;
use std::collections::VecDeque;

/// What happened at the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CoordinatorInput {
    /// A program wants these writes in these rooms, or in none.
    Begin {
        /// A new id: later than all before, also for a retry.
        tx: TxId,
        /// Each room once, with what to write there.
        parts: Vec<(String, Vec<u8>)>,
    },
    /// A room says something.
    Message(CommitMessage),
    /// The `Committed` record is on disk.
    Forced(TxId),
    /// Time has passed.
    Tick,
}

/// What the coordinator is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CoordinatorOutput {
    /// Put the record on disk with fsync, then say [`CoordinatorInput::Forced`].
    Force(CommitRecord),
    /// Put the record into the log some time.
    Note(CommitRecord),
    /// Send a message to a room.
    Send {
        /// The room.
        to: String,
        /// What to say.
        message: CommitMessage,
    },
    /// Tell the program. A commit is on disk by now and will reach all rooms.
    Finished {
        /// The transaction.
        tx: TxId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Nothing until the next input, or until this time in milliseconds.
    Idle(Option<u64>),
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// In all rooms.
    Committed,
    /// In none.
    Aborted(AbortReason),
}

/// Why a transaction was aborted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AbortReason {
    /// A room refused.
    Refused {
        /// The room.
        room: String,
        /// Why.
        reason: String,
    },
    /// These rooms did not vote in time: try again, under a new id.
    TimedOut(Vec<String>),
}

/// A transaction cannot begin. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// Not later than an id that was used.
    #[error("the transaction id {0} is not later than all before it: a retry needs a new id")]
    Reused(TxId),
    /// No room, or more than [`TRANSACTION_ROOMS`].
    #[error("a transaction writes to 1 to {TRANSACTION_ROOMS} rooms, not to {0}")]
    Rooms(usize),
    /// A room's name is empty, too long, or comes twice.
    #[error("the room {0:?} is named twice, has no name or a name over 256 bytes")]
    Room(String),
    /// A part is larger than [`TRANSACTION_BYTES`].
    #[error("the part for the room {0:?} is larger than {TRANSACTION_BYTES} bytes: split the transaction")]
    TooLarge(String),
    /// More than [`TRANSACTIONS`].
    #[error("{TRANSACTIONS} transactions are under way: wait for some of them")]
    Full,
}

impl BeginError {
    /// The name of the cause, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            BeginError::Reused(_) => "reused",
            BeginError::Rooms(_) => "rooms",
            BeginError::Room(_) => "room",
            BeginError::TooLarge(_) => "too_large",
            BeginError::Full => "full",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// What to write where, until all have voted.
    Voting { parts: Vec<(String, Vec<u8>)>, deadline_ms: u64 },
    /// All have voted yes and the record is on its way to the disk: it cannot be aborted any more.
    Forcing,
    /// It is committed.
    Committed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Transaction {
    phase: Phase,
    /// Rooms that have not voted, and later those that have not acknowledged.
    silent: Vec<String>,
    rooms: Vec<String>,
    retry_at_ms: u64,
}

/// Decides transactions over several rooms.
///
/// ```
/// use syncline::quorum::*;
/// let mut coordinator = Coordinator::new(MemberId::new("a")?, CommitTimes::default());
/// let (tx, room) = (TxId::new(1, 1), String::from("accounts"));
/// coordinator.handle(CoordinatorInput::Begin { tx, parts: vec![(room.clone(), b"+5".to_vec())] }, 0)?;
/// assert!(matches!(coordinator.poll(), CoordinatorOutput::Send { .. }));
/// coordinator.handle(CoordinatorInput::Message(CommitMessage::Vote { tx, room, refusal: None }), 1)?;
/// assert!(matches!(coordinator.poll(), CoordinatorOutput::Force(CommitRecord::Committed { .. })));
/// coordinator.handle(CoordinatorInput::Forced(tx), 2)?;
/// assert_eq!(coordinator.poll(), CoordinatorOutput::Finished { tx, outcome: Outcome::Committed });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    name: MemberId,
    times: CommitTimes,
    active: SortedMap<TxId, Transaction>,
    last: Option<TxId>,
    out: VecDeque<CoordinatorOutput>,
}

impl Coordinator {
    /// Starts with an empty log.
    pub fn new(name: MemberId, times: CommitTimes) -> Self {
        Coordinator { name, times, active: SortedMap::default(), last: None, out: VecDeque::new() }
    }

    /// Starts from the records of its log, in order: what is committed and not ended is told to its rooms again at once.
    /// Whatever else was under way is aborted by not being there.
    pub fn recover(name: MemberId, times: CommitTimes, log: impl IntoIterator<Item = CommitRecord>) -> Self {
        let mut coordinator = Coordinator::new(name, times);
        for record in log {
            match record {
                CommitRecord::Committed { tx, rooms } => {
                    let silent = rooms.clone();
                    let transaction = Transaction { phase: Phase::Committed, silent, rooms, retry_at_ms: 0 };
                    coordinator.active.insert(tx, transaction);
                    coordinator.last = coordinator.last.max(Some(tx));
                }
                CommitRecord::End(tx) => drop(coordinator.active.remove(&tx)),
                _ => {}
            }
        }
        coordinator
    }

    /// The records that a log must hold to recover from; a log may be replaced by them.
    pub fn records(&self) -> Vec<CommitRecord> {
        let committed = self.active.iter().filter(|(_, transaction)| transaction.phase == Phase::Committed);
        committed
            .map(|(tx, transaction)| CommitRecord::Committed { tx: *tx, rooms: transaction.rooms.clone() })
            .collect()
    }

    /// Takes an input, then does what is due.
    ///
    /// # Errors
    /// [`BeginError`] if a transaction cannot begin; nothing was sent for it. Messages are never an error: what does not
    /// fit is taken for late and ignored.
    pub fn handle(&mut self, input: CoordinatorInput, now_ms: u64) -> Result<(), BeginError> {
        let result = match input {
            CoordinatorInput::Begin { tx, parts } => self.begin(tx, parts, now_ms),
            CoordinatorInput::Message(message) => {
                self.message(message);
                Ok(())
            }
            CoordinatorInput::Forced(tx) => {
                self.forced(tx, now_ms);
                Ok(())
            }
            CoordinatorInput::Tick => Ok(()),
        };
        self.tick(now_ms);
        result
    }

    /// The next thing to do. Ask until it says [`CoordinatorOutput::Idle`].
    pub fn poll(&mut self) -> CoordinatorOutput {
        let due = |(_, transaction): &(TxId, Transaction)| match &transaction.phase {
            Phase::Voting { deadline_ms, .. } => Some(transaction.retry_at_ms.min(*deadline_ms)),
            Phase::Forcing => None,
            Phase::Committed => Some(transaction.retry_at_ms),
        };
        let output = self.out.pop_front();
        output.unwrap_or_else(|| CoordinatorOutput::Idle(self.active.iter().filter_map(due).min()))
    }

    /// How many transactions are under way.
    pub fn active(&self) -> usize {
        self.active.len()
    }

    fn begin(&mut self, tx: TxId, parts: Vec<(String, Vec<u8>)>, now_ms: u64) -> Result<(), BeginError> {
        if self.last >= Some(tx) {
            return Err(BeginError::Reused(tx));
        }
        let rooms = checked_rooms(&parts)?;
        if self.active.len() >= TRANSACTIONS {
            return Err(BeginError::Full);
        }
        self.last = Some(tx);
        let phase = Phase::Voting { parts, deadline_ms: now_ms.saturating_add(self.times.prepare_ms) };
        let transaction = Transaction { phase, silent: rooms.clone(), rooms, retry_at_ms: 0 };
        self.active.insert(tx, transaction);
        self.say(tx, now_ms);
        Ok(())
    }

    fn message(&mut self, message: CommitMessage) {
        match message {
            CommitMessage::Vote { tx, room, refusal } => self.vote(tx, room, refusal),
            CommitMessage::Ack { tx, room } => self.ack(tx, &room),
            CommitMessage::Inquire { tx, room } => match self.active.get(&tx).map(|transaction| &transaction.phase) {
                None => self.decide(tx, room, false),
                Some(Phase::Committed) => self.decide(tx, room, true),
                Some(_) => {}
            },
            CommitMessage::Prepare { .. } | CommitMessage::Decide { .. } => {}
        }
    }

    fn vote(&mut self, tx: TxId, room: String, refusal: Option<String>) {
        let Some(transaction) = self.active.get_mut(&tx) else {
            // Not under way is aborted: whoever is prepared may let go.
            return if refusal.is_none() {
                self.decide(tx, room, false)
            };
        };
        if !matches!(transaction.phase, Phase::Voting { .. }) || !transaction.rooms.contains(&room) {
            return;
        }
        if let Some(reason) = refusal {
            return self.abort(tx, AbortReason::Refused { room, reason });
        }
        transaction.silent.retain(|silent| *silent != room);
        if transaction.silent.is_empty() {
            transaction.phase = Phase::Forcing;
            let record = CommitRecord::Committed { tx, rooms: transaction.rooms.clone() };
            self.out.push_back(CoordinatorOutput::Force(record));
        }
    }

    fn forced(&mut self, tx: TxId, now_ms: u64) {
        let Some(transaction) = self.active.get_mut(&tx).filter(|transaction| transaction.phase == Phase::Forcing)
        else {
            return;
        };
        transaction.phase = Phase::Committed;
        transaction.silent = transaction.rooms.clone();
        self.out.push_back(CoordinatorOutput::Finished { tx, outcome: Outcome::Committed });
        self.say(tx, now_ms);
    }

    fn ack(&mut self, tx: TxId, room: &str) {
        let Some(transaction) = self.active.get_mut(&tx).filter(|transaction| transaction.phase == Phase::Committed)
        else {
            return;
        };
        transaction.silent.retain(|silent| silent != room);
        if transaction.silent.is_empty() {
            self.active.remove(&tx);
            self.out.push_back(CoordinatorOutput::Note(CommitRecord::End(tx)));
        }
    }

    fn abort(&mut self, tx: TxId, reason: AbortReason) {
        let rooms = self.active.remove(&tx).map(|transaction| transaction.rooms);
        rooms.into_iter().flatten().for_each(|room| self.decide(tx, room, false));
        self.out.push_back(CoordinatorOutput::Finished { tx, outcome: Outcome::Aborted(reason) });
    }

    fn tick(&mut self, now_ms: u64) {
        // A clock that was set back must not make anyone wait for longer than agreed.
        let (latest_ms, retry_ms) = (now_ms.saturating_add(self.times.prepare_ms), self.times.retry_ms.max(1));
        for (_, transaction) in self.active.iter_mut() {
            transaction.retry_at_ms = transaction.retry_at_ms.min(now_ms.saturating_add(retry_ms));
            if let Phase::Voting { deadline_ms, .. } = &mut transaction.phase {
                *deadline_ms = latest_ms.min(*deadline_ms);
            }
        }
        let late = |(_, transaction): &&(TxId, Transaction)| matches!(transaction.phase, Phase::Voting { deadline_ms, .. } if deadline_ms <= now_ms);
        let late: Vec<TxId> = self.active.iter().filter(late).map(|(tx, _)| *tx).collect();
        for tx in late {
            let silent = self.active.get(&tx).map(|transaction| transaction.silent.clone());
            self.abort(tx, AbortReason::TimedOut(silent.unwrap_or_default()));
        }
        let due = |(_, transaction): &&(TxId, Transaction)| {
            transaction.phase != Phase::Forcing && transaction.retry_at_ms <= now_ms
        };
        let due: Vec<TxId> = self.active.iter().filter(due).map(|(tx, _)| *tx).collect();
        due.into_iter().for_each(|tx| self.say(tx, now_ms));
    }

    /// Tells the rooms that have not answered what they are to answer.
    fn say(&mut self, tx: TxId, now_ms: u64) {
        let Some(transaction) = self.active.get_mut(&tx) else { return };
        transaction.retry_at_ms = now_ms.saturating_add(self.times.retry_ms.max(1));
        let (from, silent) = (self.name.clone(), &transaction.silent);
        let messages: Vec<(String, CommitMessage)> = match &transaction.phase {
            Phase::Voting { parts, .. } => {
                let silent = parts.iter().filter(|(room, _)| silent.contains(room)).cloned();
                silent
                    .map(|(room, payload)| (room, CommitMessage::Prepare { tx, from: from.clone(), payload }))
                    .collect()
            }
            Phase::Forcing => Vec::new(),
            Phase::Committed => {
                let decide = CommitMessage::Decide { tx, from, commit: true };
                silent.iter().map(|room| (room.clone(), decide.clone())).collect()
            }
        };
        messages.into_iter().for_each(|(to, message)| self.send(to, message));
    }

    fn decide(&mut self, tx: TxId, to: String, commit: bool) {
        let from = self.name.clone();
        self.send(to, CommitMessage::Decide { tx, from, commit });
    }

    fn send(&mut self, to: String, message: CommitMessage) {
        if self.out.len() < OUTPUTS {
            self.out.push_back(CoordinatorOutput::Send { to, message });
        }
    }
}

fn checked_rooms(parts: &[(String, Vec<u8>)]) -> Result<Vec<String>, BeginError> {
    if parts.is_empty() || parts.len() > TRANSACTION_ROOMS {
        return Err(BeginError::Rooms(parts.len()));
    }
    let mut rooms: Vec<String> = Vec::with_capacity(parts.len());
    for (room, payload) in parts {
        if room.is_empty() || room.len() > bounds::ROOM_NAME_BYTES || rooms.contains(room) {
            return Err(BeginError::Room(room.clone()));
        }
        if payload.len() > TRANSACTION_BYTES {
            return Err(BeginError::TooLarge(room.clone()));
        }
        rooms.push(room.clone());
    }
    Ok(rooms)
}
