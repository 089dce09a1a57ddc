//! One browser profile and its journal.

use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::delta::Blob;
use syncline::doc::Doc;
use syncline::replica::{Input, Output, Replica, ReplicaConfig, State};

use super::Relay;

/// Journal entries that are put together into one.
const JOURNAL: usize = 40;

/// A document that outlives its sessions.
pub struct Profile {
    /// Its place among the profiles, which is also its connection at a relay.
    pub number: u64,
    /// The session that runs now.
    pub replica: Replica,
    /// The relay that it is connected to.
    pub relay: Option<usize>,
    /// The last value written at the place of its own.
    pub last: Option<i64>,
    /// How often it went on under another id because of a retired one.
    pub renewed: u64,
    journal: Vec<Vec<u8>>,
}

impl Profile {
    /// A profile without data.
    pub fn new(number: u64, now_ms: u64) -> Profile {
        let replica = open(number, Doc::new(id(number, 0, now_ms)));
        Profile { number, replica, relay: None, last: None, renewed: 0, journal: Vec::new() }
    }

    /// Begins another session under an id of its own.
    pub fn begin(&mut self, session: u64, now_ms: u64) {
        self.collect(now_ms);
        self.replica.doc_mut().renew(id(self.number, session, now_ms));
    }

    /// The process ends at once, before what only repeats what the relay or the journal says reached the disk; the next
    /// one has the journal.
    pub fn crash(&mut self, session: u64, now_ms: u64) -> Result<(), String> {
        self.collect(now_ms);
        while self.journal.pop_if(|entry| !matches!(Blob::decode(entry), Ok(Blob::Batch(_)))).is_some() {}
        let mut doc = Doc::new(id(self.number, session, now_ms));
        for entry in &self.journal {
            doc.import(entry).map_err(|error| format!("profile {}: a journal does not load: {error}", self.number))?;
        }
        self.replica = open(self.number, doc);
        Ok(())
    }

    /// Counts, or sets the value at the place of its own.
    pub fn write(&mut self, count: Option<i64>, value: i64, now_ms: u64) -> Result<(), String> {
        let own = Path::from_segments(["profiles", &self.number.to_string()]);
        let edit = |doc: &mut Doc| match count {
            Some(amount) => doc.counter_add(&Path::from_segments(["count"]), amount),
            None => doc.set(&own, Value::Int(value)),
        };
        self.last = if count.is_none() { Some(value) } else { self.last };
        self.replica.doc_mut().transact(now_ms, None, edit).map_err(|error| error.to_string())
    }

    /// Whether everything here is known to be on a relay's disk.
    pub fn is_saved(&self) -> bool {
        self.replica.status().unsaved == 0 && self.replica.status().state == State::Live
    }

    /// Connects to a relay.
    pub fn connect(&mut self, place: usize, relay: &mut Relay, now_ms: u64) {
        self.replica.handle(Input::Online(true), now_ms);
        self.collect(now_ms);
        relay.accept(self.number, now_ms);
        self.relay = Some(place);
        self.replica.handle(Input::Connected, now_ms);
    }

    /// Is cut off.
    pub fn disconnect(&mut self, relay: &mut Relay, now_ms: u64) {
        relay.lose(self.number, now_ms);
        self.relay = None;
        self.replica.handle(Input::Online(false), now_ms);
        self.collect(now_ms);
    }

    /// Takes the frames that are to be sent, and keeps the journal.
    pub fn collect(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        loop {
            match self.replica.poll(now_ms) {
                Output::Idle(_) => break,
                Output::Send(frame) => frames.push(frame),
                Output::Journal(entry) => self.journal.push(entry),
                Output::Renewed { .. } => self.renewed += 1,
                _ => {}
            }
        }
        if self.journal.len() > JOURNAL {
            self.journal = vec![self.replica.doc().save()];
        }
        frames
    }
}

fn open(number: u64, doc: Doc) -> Replica {
    let config = ReplicaConfig { room: "r".into(), agent: "profile".into(), token: None, seed: number };
    let mut replica = Replica::new(config, doc);
    replica.journaling(true);
    replica
}

fn id(number: u64, session: u64, now_ms: u64) -> ReplicaId {
    // The random part decides ties and tags, so it must look like one.
    let mixed = u128::from(number << 40 | session) + 1;
    ReplicaId::new(now_ms, mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}
