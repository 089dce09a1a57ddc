//! A coordinator and its rooms with their logs, for two-phase commit under crashes, loss, duplication and reordering.
//!
//! The real state machines run; the world does what they ask for, one effect at a time, so that a crash fits between any
//! two of them. A log keeps what was forced through a crash and may lose what was written behind it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use syncline::quorum::{
    CommitMessage, CommitRecord, CommitTimes, Coordinator, CoordinatorInput, CoordinatorOutput, MemberId, Outcome,
    Participant, ParticipantInput, ParticipantOutput, TxId,
};

/// The driver around the machines is wrong in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// None: as it should be.
    None,
    /// A room's record is called forced while it is only written.
    VoteBeforeForce,
    /// The coordinator's record is called forced while it is only written.
    DecideBeforeForce,
    /// The writes and the record that they are done are stored one after the other.
    ApplyInTwo,
    /// After a crash the same transaction is begun again under the same id, with other writes for the same rooms.
    SameIdAgain,
}

/// One thing that a node still has to do with its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Effect {
    Force(CommitRecord),
    Note(CommitRecord),
    Apply(TxId, CommitRecord),
    Record(TxId, CommitRecord),
    TellForced(TxId),
    TellApplied(TxId),
}

/// Records in order; those behind `synced` may be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Log {
    records: Vec<CommitRecord>,
    synced: usize,
}

impl Log {
    fn push(&mut self, record: CommitRecord, sync: bool) {
        let tx = tx_of(&record);
        if self.records.iter().rev().find(|last| tx_of(last) == tx) != Some(&record) {
            self.records.push(record);
        }
        if sync {
            self.sync();
        }
    }

    fn crash(&mut self, lose: bool) {
        if lose {
            self.records.truncate(self.synced);
        }
        self.sync();
    }

    /// Puts all on disk and drops what later records make superfluous, so that a log does not grow for ever.
    fn sync(&mut self) {
        let mut kept: Vec<CommitRecord> = Vec::new();
        for record in self.records.drain(..) {
            let tx = tx_of(&record);
            kept.retain(|before| tx_of(before) != tx || matches!(before, CommitRecord::Done(_)));
            let ends = matches!(record, CommitRecord::End(_) | CommitRecord::Released(_));
            if !ends && !kept.contains(&record) {
                kept.push(record);
            }
        }
        self.records = kept;
        self.synced = self.records.len();
    }
}

/// A room: its machine, its log, and how often each transaction was merged into its data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Room {
    machine: Participant,
    log: Log,
    todo: VecDeque<Effect>,
    applied: BTreeMap<TxId, u32>,
    released: BTreeSet<TxId>,
    refuses: BTreeSet<TxId>,
}

/// A message on its way; coordinator is `None`.
pub type Envelope = (Option<usize>, CommitMessage);

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives; it may stay on its way to arrive again.
    Deliver(Envelope, bool),
    /// A message is lost.
    Drop(Envelope),
    /// A node (`None` is the coordinator) does its next effect.
    Effect(Option<usize>),
    /// A node crashes and recovers; whether what it did not force is lost.
    Crash(Option<usize>, bool),
    /// A node's timer goes off.
    Tick(Option<usize>, u64),
}

/// One coordinator and its rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    fault: Fault,
    times: CommitTimes,
    /// The time, where the caller moves it.
    pub now_ms: u64,
    coordinator: Coordinator,
    log: Log,
    todo: VecDeque<Effect>,
    rooms: Vec<Room>,
    /// Messages on their way.
    pub net: BTreeSet<Envelope>,
    told: BTreeMap<TxId, bool>,
    contradicted: bool,
    begun: BTreeMap<TxId, Vec<usize>>,
}

fn name() -> MemberId {
    MemberId::new("c").expect("c is a name")
}

fn room_name(at: usize) -> String {
    format!("r{at}")
}

impl World {
    /// A world of `rooms` rooms in which nothing has happened.
    pub fn new(rooms: usize, times: CommitTimes, fault: Fault) -> World {
        let room = |at| Room {
            machine: Participant::new(room_name(at), times),
            log: Log::default(),
            todo: VecDeque::new(),
            applied: BTreeMap::new(),
            released: BTreeSet::new(),
            refuses: BTreeSet::new(),
        };
        World {
            fault,
            times,
            now_ms: 0,
            coordinator: Coordinator::new(name(), times),
            log: Log::default(),
            todo: VecDeque::new(),
            rooms: (0..rooms).map(room).collect(),
            net: BTreeSet::new(),
            told: BTreeMap::new(),
            contradicted: false,
            begun: BTreeMap::new(),
        }
    }

    /// Begins a transaction over `rooms`; those in `refusing` will say no.
    pub fn begin(&mut self, tx: TxId, rooms: &[usize], refusing: &[usize]) {
        self.rooms.iter_mut().enumerate().filter(|(at, _)| refusing.contains(at)).for_each(|(_, room)| {
            room.refuses.insert(tx);
        });
        self.begun.insert(tx, rooms.to_vec());
        let parts = rooms.iter().map(|&at| (room_name(at), tx.to_bytes().to_vec())).collect();
        self.tell_coordinator(CoordinatorInput::Begin { tx, parts }, self.now_ms);
    }

    /// Nodes that have an effect to do.
    pub fn busy(&self) -> Vec<Option<usize>> {
        let rooms = (0..self.rooms.len()).filter(|&at| !self.rooms[at].todo.is_empty()).map(Some);
        rooms.chain((!self.todo.is_empty()).then_some(None)).collect()
    }

    /// The most effects that a node has left to do.
    pub fn backlog(&self) -> usize {
        self.rooms.iter().map(|room| room.todo.len()).chain([self.todo.len()]).max().unwrap_or(0)
    }

    /// Whether a node has written something that it may lose.
    pub fn may_lose(&self, node: Option<usize>) -> bool {
        let log = node.map_or(&self.log, |at| &self.rooms[at].log);
        log.synced < log.records.len()
    }

    /// When the next timer goes off, and whose.
    pub fn next_timer(&self) -> Option<(u64, Option<usize>)> {
        let coordinator = match self.coordinator.clone().poll() {
            CoordinatorOutput::Idle(due) => due.map(|due| (due, None)),
            _ => None,
        };
        let rooms = self.rooms.iter().enumerate().filter_map(|(at, room)| match room.machine.clone().poll() {
            ParticipantOutput::Idle(due) => due.map(|due| (due, Some(at))),
            _ => None,
        });
        rooms.chain(coordinator).min()
    }

    /// Lets something happen.
    pub fn act(&mut self, action: Action) {
        match action {
            Action::Deliver(envelope, stays) => {
                if !stays {
                    self.net.remove(&envelope);
                }
                match envelope {
                    (None, message) => self.tell_coordinator(CoordinatorInput::Message(message), self.now_ms),
                    (Some(at), message) => self.tell_room(at, ParticipantInput::Message(message), self.now_ms),
                }
            }
            Action::Drop(envelope) => drop(self.net.remove(&envelope)),
            Action::Effect(None) => self.coordinator_effect(),
            Action::Effect(Some(at)) => self.room_effect(at),
            Action::Crash(None, lose) => self.crash_coordinator(lose),
            Action::Crash(Some(at), lose) => self.crash_room(at, lose),
            Action::Tick(None, now_ms) => self.tell_coordinator(CoordinatorInput::Tick, now_ms),
            Action::Tick(Some(at), now_ms) => self.tell_room(at, ParticipantInput::Tick, now_ms),
        }
    }

    fn crash_coordinator(&mut self, lose: bool) {
        self.log.crash(lose);
        self.todo.clear();
        self.coordinator = Coordinator::recover(name(), self.times, self.log.records.clone());
        self.tell_coordinator(CoordinatorInput::Tick, self.now_ms);
        if self.fault == Fault::SameIdAgain && self.coordinator.active() == 0 {
            let begun = std::mem::take(&mut self.begun);
            begun.iter().for_each(|(tx, rooms)| self.begin(*tx, rooms, &[]));
        }
    }

    fn crash_room(&mut self, at: usize, lose: bool) {
        let room = &mut self.rooms[at];
        room.log.crash(lose);
        room.todo.clear();
        room.machine = Participant::recover(room_name(at), self.times, room.log.records.clone());
        self.tell_room(at, ParticipantInput::Tick, self.now_ms);
    }

    fn coordinator_effect(&mut self) {
        match self.todo.pop_front() {
            Some(Effect::Force(record)) => {
                let tx = tx_of(&record);
                self.log.push(record, self.fault != Fault::DecideBeforeForce);
                self.todo.push_front(Effect::TellForced(tx));
            }
            Some(Effect::Note(record)) => self.log.push(record, false),
            Some(Effect::TellForced(tx)) => self.tell_coordinator(CoordinatorInput::Forced(tx), self.now_ms),
            _ => {}
        }
    }

    fn room_effect(&mut self, at: usize) {
        let (fault, room) = (self.fault, &mut self.rooms[at]);
        match room.todo.pop_front() {
            Some(Effect::Force(record)) => {
                let tx = tx_of(&record);
                room.log.push(record, fault != Fault::VoteBeforeForce);
                room.todo.push_front(Effect::TellForced(tx));
            }
            Some(Effect::Note(record)) => room.log.push(record, false),
            Some(Effect::Apply(tx, record)) => {
                *room.applied.entry(tx).or_default() += 1;
                room.todo.push_front(Effect::Record(tx, record));
                if fault != Fault::ApplyInTwo {
                    self.room_effect(at);
                }
            }
            Some(Effect::Record(tx, record)) => {
                room.log.push(record, true);
                room.todo.push_front(Effect::TellApplied(tx));
            }
            Some(Effect::TellForced(tx)) => self.tell_room(at, ParticipantInput::Forced(tx), self.now_ms),
            Some(Effect::TellApplied(tx)) => self.tell_room(at, ParticipantInput::Applied(tx), self.now_ms),
            None => {}
        }
    }

    fn tell_coordinator(&mut self, input: CoordinatorInput, now_ms: u64) {
        // Only `Begin` can fail, and then nothing has happened.
        let _ = self.coordinator.handle(input, now_ms);
        loop {
            match self.coordinator.poll() {
                CoordinatorOutput::Idle(_) => return,
                CoordinatorOutput::Force(record) => self.todo.push_back(Effect::Force(record)),
                CoordinatorOutput::Note(record) => self.todo.push_back(Effect::Note(record)),
                CoordinatorOutput::Send { to, message } => {
                    let at = to.trim_start_matches('r').parse().expect("rooms are called r and a number");
                    self.net.insert((Some(at), message));
                }
                CoordinatorOutput::Finished { tx, outcome } => {
                    let committed = outcome == Outcome::Committed;
                    self.contradicted |= self.told.insert(tx, committed).is_some_and(|before| before != committed);
                }
            }
        }
    }

    fn tell_room(&mut self, at: usize, input: ParticipantInput, now_ms: u64) {
        let room = &mut self.rooms[at];
        room.machine.handle(input, now_ms);
        loop {
            match room.machine.poll() {
                ParticipantOutput::Idle(_) => return,
                ParticipantOutput::Validate { tx, .. } => {
                    let refusal = room.refuses.contains(&tx).then(|| "not enough left".to_string());
                    room.machine.handle(ParticipantInput::Validated { tx, refusal }, now_ms);
                }
                ParticipantOutput::Force(record) => room.todo.push_back(Effect::Force(record)),
                ParticipantOutput::Apply { tx, record, .. } => room.todo.push_back(Effect::Apply(tx, record)),
                ParticipantOutput::Release { tx, record } => {
                    room.released.insert(tx);
                    room.todo.push_back(Effect::Note(record));
                }
                ParticipantOutput::Send { message, .. } => drop(self.net.insert((None, message))),
            }
        }
    }

    /// What must hold at every moment: no transaction is merged in one room and given up in another, none is merged twice,
    /// and the program was told the truth.
    pub fn check(&self) -> Result<(), String> {
        if self.contradicted {
            return Err("the program was told two outcomes".into());
        }
        for tx in self.begun.keys() {
            let applied: Vec<u32> = self.rooms.iter().map(|room| *room.applied.get(tx).unwrap_or(&0)).collect();
            let released = self.rooms.iter().any(|room| room.released.contains(tx));
            let (any, told) = (applied.iter().any(|&count| count > 0), self.told.get(tx));
            if applied.iter().any(|&count| count > 1) {
                return Err(format!("{tx} was merged twice: {applied:?}"));
            }
            if released && (any || told == Some(&true)) || any && told == Some(&false) {
                return Err(format!("{tx} is merged {applied:?}, released: {released}, told: {told:?}"));
            }
        }
        Ok(())
    }

    /// What must hold when all is quiet: nothing is in doubt, and what is merged or told to be is merged everywhere.
    pub fn check_settled(&self) -> Result<(), String> {
        self.check()?;
        if let Some(at) = self.rooms.iter().position(|room| room.machine.in_doubt().count() > 0) {
            return Err(format!("room {at} is still in doubt"));
        }
        for (tx, rooms) in &self.begun {
            let applied = rooms.iter().filter(|&&at| self.rooms[at].applied.contains_key(tx)).count();
            let told = self.told.get(tx) == Some(&true);
            if applied != 0 && applied != rooms.len() || told && applied == 0 {
                return Err(format!("{tx} is in {applied} of {} rooms, told committed: {told}", rooms.len()));
            }
        }
        Ok(())
    }

    /// How many transactions are merged somewhere.
    pub fn merged_count(&self) -> usize {
        self.begun.keys().filter(|tx| self.merged(**tx)).count()
    }

    /// Whether a transaction is merged in some room.
    pub fn merged(&self, tx: TxId) -> bool {
        self.rooms.iter().any(|room| room.applied.contains_key(&tx))
    }

    /// Whether the program was told that a transaction was aborted.
    pub fn told_aborted(&self, tx: TxId) -> bool {
        self.told.get(&tx) == Some(&false)
    }

    /// Lets everything happen that needs no fault, in a fixed order, until nothing is left or `steps` are done; `watch` is
    /// called with the number of each step before it, and may do harm. Returns the steps taken.
    pub fn run(&mut self, steps: usize, mut watch: impl FnMut(&mut World, usize)) -> Result<usize, String> {
        for step in 0..steps {
            watch(self, step);
            self.check()?;
            if let Some(&node) = self.busy().first() {
                self.act(Action::Effect(node));
            } else if let Some(envelope) = self.net.first().cloned() {
                self.act(Action::Deliver(envelope, false));
            } else if let Some((due_ms, node)) = self.next_timer() {
                self.now_ms = self.now_ms.max(due_ms);
                self.act(Action::Tick(node, self.now_ms));
            } else {
                return Ok(step);
            }
        }
        Err(format!("not settled after {steps} steps: {self:?}"))
    }
}

fn tx_of(record: &CommitRecord) -> TxId {
    match record {
        CommitRecord::Committed { tx, .. } | CommitRecord::Prepared { tx, .. } => *tx,
        CommitRecord::End(tx) | CommitRecord::Done(tx) | CommitRecord::Released(tx) | CommitRecord::Floor(tx) => *tx,
    }
}
