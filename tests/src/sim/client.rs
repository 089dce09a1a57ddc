//! A simulated client: the real replica, an app that edits at random, and a local store that may lose its tail.

use std::collections::BTreeMap;

use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::{Path, TextUnit, Value};
use syncline::doc::{Doc, EditError};
use syncline::replica::{AckLevel, Input, Output, Replica, ReplicaConfig, State};

use super::net::{Conn, Event, Net};
use crate::rng::Rng;

/// What one committed write did that the simulation can check later.
#[derive(Clone, Debug)]
pub enum Mark {
    /// This key below `unique` was set to this number; nobody deletes it.
    Unique(String, i64),
    /// The shared counter was raised by this.
    Counted(i64),
}

/// Marks by the dot that they belong to: (author, number).
pub type Marks = BTreeMap<(ReplicaId, u64), Vec<Mark>>;

/// One client, across its restarts.
pub struct Client {
    index: usize,
    /// The running replica; `None` while crashed.
    pub replica: Option<Replica>,
    conn: Option<Conn>,
    connected: bool,
    journal: Vec<Vec<u8>>,
    /// Journal entries that survive a crash.
    flushed: usize,
    acked: BTreeMap<AckLevel, u64>,
    /// Who is here, as the relay has told.
    pub present: BTreeMap<ReplicaId, Value>,
    ticks: Option<u64>,
    starts: u64,
    online: bool,
    presence: Option<i64>,
}

impl Client {
    /// A client that was never started.
    pub fn new(index: usize) -> Client {
        Client {
            index,
            replica: None,
            conn: None,
            connected: false,
            journal: Vec::new(),
            flushed: 0,
            acked: BTreeMap::new(),
            present: BTreeMap::new(),
            ticks: None,
            starts: 0,
            online: false,
            presence: None,
        }
    }

    /// Starts under a new id, from what the local store has kept.
    pub fn start(&mut self, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        self.starts += 1;
        let id = ReplicaId::new(net.now_ms, u128::from(rng.bits()) << 8 | self.index as u128);
        let mut doc = Doc::new(id);
        for entry in &self.journal {
            doc.import(entry).map_err(|error| format!("client {}: its journal does not load: {error}", self.index))?;
        }
        let config = ReplicaConfig { room: "sim".into(), agent: "sim".into(), token: None, seed: rng.bits() };
        let mut replica = Replica::new(config, doc);
        replica.journaling(true);
        self.replica = Some(replica);
        self.acked.clear();
        self.present.clear();
        self.ticks = None;
        self.go_online(true, net, rng)
    }

    /// The app's switch.
    pub fn go_online(&mut self, online: bool, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        self.online = online;
        self.input(Input::Online(online), net, rng)
    }

    /// What the local store was given.
    pub fn journal(&self) -> &[Vec<u8>] {
        &self.journal
    }

    /// Whether the app wants to be online.
    pub fn is_online(&self) -> bool {
        self.online && self.replica.is_some()
    }

    /// Sets what others shall see of this client.
    pub fn show(&mut self, state: i64, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if self.replica.is_none() {
            return Ok(());
        }
        self.presence = Some(state);
        let state = Value::Int(state);
        self.input(Input::Presence(Some(&state)), net, rng)
    }

    /// Dies; the local store keeps a prefix. Returns the version that it still stands for.
    pub fn crash(&mut self, net: &mut Net, rng: &mut Rng) -> Result<VersionVector, String> {
        self.replica = None;
        self.presence = None;
        self.journal.truncate(self.flushed);
        if let Some(conn) = self.conn.take() {
            net.cut(conn, 1006, rng);
        }
        self.connected = false;
        let mut kept = Doc::new(ReplicaId::new(0, 0));
        for entry in &self.journal {
            kept.import(entry)
                .map_err(|error| format!("client {}: a prefix of its journal does not load: {error}", self.index))?;
        }
        Ok(kept.version())
    }

    /// The local store flushes some of what it has.
    pub fn flush(&mut self, rng: &mut Rng) {
        let open = self.journal.len() - self.flushed;
        self.flushed += rng.below(open + 1);
    }

    /// The local store flushes all.
    pub fn flush_all(&mut self) {
        self.flushed = self.journal.len();
    }

    /// Commits a random transaction.
    pub fn edit(&mut self, marks: &mut Marks, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        let now_ms = net.now_ms + rng.below(20) as u64;
        let Some(replica) = &mut self.replica else { return Ok(()) };
        let doc = replica.doc_mut();
        let unique = format!("{}-{}-{}", self.index, self.starts, rng.below(1 << 30));
        let mut made = Vec::new();
        doc.begin(now_ms, None).map_err(|error| error.to_string())?;
        for _ in 0..=rng.below(3) {
            random_edit(doc, &unique, &mut made, rng).map_err(|error| error.to_string())?;
        }
        if rng.chance(5) {
            doc.rollback();
        } else if let Some(seq) = doc.commit().map_err(|error| error.to_string())? {
            marks.insert((doc.id(), seq), made);
        }
        self.drain(net, rng)
    }

    /// A connection is open.
    pub fn opened(&mut self, conn: Conn, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if self.conn != Some(conn) || self.replica.is_none() {
            return Ok(());
        }
        self.connected = true;
        self.input(Input::Connected, net, rng)
    }

    /// A frame has arrived; one for a connection given up is dropped.
    pub fn frame(&mut self, conn: Conn, frame: &[u8], net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if self.conn != Some(conn) || !self.connected {
            return Ok(());
        }
        self.input(Input::Frame(frame), net, rng)
    }

    /// A connection is gone.
    pub fn gone(&mut self, conn: Conn, code: u16, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if self.conn != Some(conn) {
            return Ok(());
        }
        self.conn = None;
        self.connected = false;
        self.input(Input::Disconnected { code }, net, rng)
    }

    /// Time passes.
    pub fn tick(&mut self, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if self.ticks.is_some_and(|at| at <= net.now_ms) {
            self.ticks = None;
        }
        self.input(Input::Tick, net, rng)
    }

    /// Breaks the connection, if there is one.
    pub fn cut(&mut self, net: &mut Net, rng: &mut Rng) {
        if let Some(conn) = self.conn {
            net.cut(conn, 1006, rng);
        }
    }

    /// After a power cut, an ack of the level stored is worth nothing.
    pub fn forget_stored(&mut self) {
        self.acked.remove(&AckLevel::Stored);
    }

    /// What is acknowledged at this level: (own id, number).
    pub fn acked(&self, level: AckLevel) -> Option<(ReplicaId, u64)> {
        Some((self.replica.as_ref()?.doc().id(), *self.acked.get(&level)?))
    }

    /// What a settled client must be like.
    pub fn settled(&self, here: &BTreeMap<ReplicaId, Value>) -> Result<(), String> {
        let Some(replica) = &self.replica else { return Err(format!("client {} is down", self.index)) };
        let status = replica.status();
        if status.state != State::Live || status.unsaved != 0 {
            return Err(format!("client {} has not settled: {status:?}", self.index));
        }
        let own = replica.doc().id();
        let seen: BTreeMap<_, _> = self.present.iter().filter(|(id, _)| **id != own).collect();
        let others: BTreeMap<_, _> = here.iter().filter(|(id, _)| **id != own).collect();
        if seen != others {
            return Err(format!("client {} sees {seen:?} present, but there are {others:?}", self.index));
        }
        Ok(())
    }

    /// What this client shows of itself, if anything.
    pub fn shown(&self) -> Option<(ReplicaId, Value)> {
        Some((self.replica.as_ref()?.doc().id(), Value::Int(self.presence?)))
    }

    fn input(&mut self, input: Input<'_>, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        let now_ms = net.now_ms;
        if let Some(replica) = &mut self.replica {
            replica.handle(input, now_ms);
        }
        self.drain(net, rng)
    }

    /// Carries out what the replica wants until it is idle.
    fn drain(&mut self, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        for _ in 0..100_000 {
            let Some(replica) = &mut self.replica else { return Ok(()) };
            match replica.poll(net.now_ms) {
                Output::Idle(deadline) => {
                    self.arm(deadline, net);
                    return Ok(());
                }
                output => self.carry_out(output, net, rng)?,
            }
        }
        Err(format!("client {} does not become idle", self.index))
    }

    fn carry_out(&mut self, output: Output, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        match output {
            Output::Connect => {
                if let Some(old) = self.conn.take() {
                    net.cut(old, 1000, rng);
                }
                self.connected = false;
                self.conn = Some(net.connect(self.index, rng));
            }
            Output::Disconnect => {
                if let Some(conn) = self.conn {
                    net.cut(conn, 1000, rng);
                }
            }
            Output::Send(frame) => {
                let conn = self.conn.filter(|_| self.connected).ok_or("a client sends without a connection")?;
                net.carry(conn, true, frame, rng);
            }
            Output::Journal(entry) => self.journal.push(entry),
            Output::Acked { level, seq } => {
                let before = self.acked.insert(level, seq).unwrap_or(0);
                // A relay that lost what was not durable may promise less than before at the lower levels.
                if seq < before && level == AckLevel::Durable {
                    return Err(format!("client {}: {level} acknowledged {seq} after {before}", self.index));
                }
            }
            Output::Presence(changes) => {
                for change in changes {
                    match change.state {
                        Some(state) => self.present.insert(change.client, state),
                        None => self.present.remove(&change.client),
                    };
                }
            }
            Output::Error(error) if !error.temporary => return Err(format!("client {}: {error:?}", self.index)),
            _ => {}
        }
        Ok(())
    }

    fn arm(&mut self, deadline: Option<u64>, net: &mut Net) {
        let Some(at) = deadline else { return };
        if self.ticks.is_none_or(|armed| armed > at) {
            self.ticks = Some(at);
            net.after(at.saturating_sub(net.now_ms), Event::ClientTick(self.index));
        }
    }
}

fn random_edit(doc: &mut Doc, unique: &str, made: &mut Vec<Mark>, rng: &mut Rng) -> Result<(), EditError> {
    let shared = Path::from_segments(["shared", *rng.pick(&["a", "b", "c"])]);
    let number = rng.below(1_000) as i64;
    match rng.below(9) {
        0..3 => {
            let key = format!("{unique}-{}", made.len());
            doc.set(&Path::from_segments(["unique", &key]), Value::Int(number))?;
            made.push(Mark::Unique(key, number));
            Ok(())
        }
        3 => {
            made.push(Mark::Counted(number));
            doc.counter_add(&Path::from_segments(["counted"]), number)
        }
        4 => doc.set(&shared, Value::Int(number)),
        5 => doc.delete(&shared).map(drop),
        6 => doc.set_add(&Path::from_segments(["tags"]), Value::Int(number % 5)).map(drop),
        7 => doc.set_remove(&Path::from_segments(["tags"]), &Value::Int(number % 5)).map(drop),
        _ => {
            let note = Path::from_segments(["note"]);
            let index = rng.below(doc.text_len(&note, TextUnit::Utf16) + 1);
            doc.text_insert(&note, index, "ab", TextUnit::Utf16)
        }
    }
}
