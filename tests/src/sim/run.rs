//! One simulated run: faults first, then peace, then the account.

use std::collections::BTreeMap;

use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::{Path, Value};
use syncline::replica::AckLevel;

use super::client::{Client, Mark, Marks};
use super::net::{Event, Net};
use super::relay::Relay;
use super::store::Crash;
use crate::rng::Rng;

/// Where virtual time starts, in ms since the epoch.
const START_MS: u64 = 1_700_000_000_000;

/// Actions of apps and fate in one run; each leads to several steps of the state machines.
pub const ACTIONS: usize = 700;

/// How long peace lasts at most until all must have settled, in virtual ms: several of the longest back-offs.
const PEACE_MS: u64 = 300_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Inputs given to the state machines.
    pub steps: u64,
    /// Crashes of the relay.
    pub relay_crashes: u64,
    /// Crashes of clients.
    pub client_crashes: u64,
    /// Writes committed.
    pub writes: u64,
}

/// Bytes of a run.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// Frames that clients sent.
    pub to_relay: Vec<Vec<u8>>,
    /// Frames that the relay sent.
    pub to_client: Vec<Vec<u8>>,
    /// Journal entries, log entries, snapshots and saves.
    pub blobs: Vec<Vec<u8>>,
}

/// A world with its faults.
pub struct Simulation {
    rng: Rng,
    net: Net,
    relay: Relay,
    clients: Vec<Client>,
    marks: Marks,
    /// The most that was acknowledged durable, by author.
    durable: BTreeMap<ReplicaId, u64>,
    /// The most that was acknowledged stored since the last power cut, by author.
    stored: BTreeMap<ReplicaId, u64>,
    /// What local stores held when their clients crashed.
    kept: VersionVector,
    summary: Summary,
}

impl Simulation {
    /// Makes a relay and 2 to 5 clients.
    pub fn new(seed: u64) -> Simulation {
        Simulation::of(Rng::new(seed))
    }

    /// Makes a relay and 2 to 5 clients, whose fate `rng` decides.
    pub fn of(mut rng: Rng) -> Simulation {
        let clients = (0..rng.between(2, 5) as usize).map(Client::new).collect();
        Simulation {
            rng,
            net: Net::starting_at(START_MS),
            relay: Relay::default(),
            clients,
            marks: Marks::new(),
            durable: BTreeMap::new(),
            stored: BTreeMap::new(),
            kept: VersionVector::default(),
            summary: Summary::default(),
        }
    }

    /// Runs `actions` of app and fate, then peace, then checks the account.
    pub fn run(mut self, actions: usize) -> Result<Summary, String> {
        self.play(actions)?;
        Ok(self.summary)
    }

    /// Runs as [`Simulation::run`] does, and returns the story of the run if it is wanted.
    pub fn tell(mut self, actions: usize, story: bool) -> (String, Result<(), String>) {
        self.net.story = story.then(String::new);
        let result = self.play(actions);
        (self.net.story.unwrap_or_default(), result)
    }

    fn play(&mut self, actions: usize) -> Result<(), String> {
        self.relay.start(&mut self.net, &mut self.rng)?;
        for client in 0..self.clients.len() {
            self.clients[client].start(&mut self.net, &mut self.rng)?;
        }
        for _ in 0..actions {
            self.act()?;
            let until = self.net.now_ms + self.rng.between(0, 40);
            self.pass(until)?;
        }
        self.make_peace()?;
        self.account()?;
        self.summary.writes = self.marks.len() as u64;
        Ok(())
    }

    /// Runs without checks and returns what went over the wire and into stores, as raw material for damage.
    pub fn capture(mut self, actions: usize) -> Result<Captured, String> {
        self.net.recorded = Some(Default::default());
        self.relay.start(&mut self.net, &mut self.rng)?;
        for client in 0..self.clients.len() {
            self.clients[client].start(&mut self.net, &mut self.rng)?;
        }
        for _ in 0..actions {
            self.act()?;
            self.pass(self.net.now_ms + 20)?;
        }
        let [to_relay, to_client] = self.net.recorded.take().unwrap_or_default();
        let mut blobs: Vec<Vec<u8>> = self.relay.store.blobs().cloned().collect();
        for client in &self.clients {
            blobs.extend(client.journal().iter().cloned());
            blobs.extend(client.replica.as_ref().map(|replica| replica.doc().export()));
            blobs.extend(client.replica.as_ref().map(|replica| replica.doc().save()));
        }
        Ok(Captured { to_relay, to_client, blobs })
    }

    /// One thing that an app does or fate brings.
    fn act(&mut self) -> Result<(), String> {
        let who = self.rng.below(self.clients.len());
        let (client, net, rng) = (&mut self.clients[who], &mut self.net, &mut self.rng);
        let draw = rng.below(1_000);
        net.tell(|| format!("client {who} {}", deed(draw)));
        match draw {
            0..800 => client.edit(&mut self.marks, net, rng)?,
            800..860 => client.flush(rng),
            860..900 => {
                let state = rng.below(100) as i64;
                client.show(state, net, rng)?;
            }
            900..940 => client.cut(net, rng),
            940..955 => client.go_online(false, net, rng)?,
            955..980 => client.go_online(true, net, rng)?,
            980..993 => {
                if client.replica.is_some() {
                    let kept = client.crash(net, rng)?;
                    self.kept.join(&kept);
                    self.summary.client_crashes += 1;
                    let delay = rng.between(0, 500);
                    net.after(delay, Event::ClientUp(who));
                }
            }
            _ => self.crash_relay()?,
        }
        Ok(())
    }

    fn crash_relay(&mut self) -> Result<(), String> {
        if self.relay.room().is_none() {
            return Ok(());
        }
        let crash = *self.rng.pick(&[Crash::Kill, Crash::PowerCut]);
        self.net.tell(|| format!("FATE: {crash:?} of the relay"));
        self.relay.crash(crash, &mut self.net, &mut self.rng);
        if crash == Crash::PowerCut {
            // What was stored only is gone, and so is the promise.
            self.stored.clear();
            self.clients.iter_mut().for_each(Client::forget_stored);
        }
        self.summary.relay_crashes += 1;
        let delay = self.rng.between(0, 2_000);
        self.net.after(delay, Event::RelayUp);
        Ok(())
    }

    /// Lets virtual time pass.
    fn pass(&mut self, until_ms: u64) -> Result<(), String> {
        while let Some(event) = self.net.next(until_ms) {
            self.summary.steps += 1;
            self.happen(event)?;
            self.note_acks();
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        let (net, rng) = (&mut self.net, &mut self.rng);
        net.tell_event(&event);
        let owner = |net: &Net, conn| net.owner(conn).ok_or("an event of a connection that never was");
        match event {
            Event::Opened(conn) => self.clients[owner(net, conn)?].opened(conn, net, rng),
            Event::AtRelay(conn, _) | Event::AtClient(conn, _) if !net.is_alive(conn) => Ok(()),
            Event::AtRelay(conn, frame) => self.relay.frame(conn, &frame, net, rng),
            Event::AtClient(conn, frame) => self.clients[owner(net, conn)?].frame(conn, &frame, net, rng),
            Event::GoneAtRelay(conn) => self.relay.gone(conn, net, rng),
            Event::GoneAtClient(conn, code) => {
                net.forget(conn);
                self.clients[owner(net, conn)?].gone(conn, code, net, rng)
            }
            Event::ClientTick(client) => self.clients[client].tick(net, rng),
            Event::RelayTick => self.relay.tick(net, rng),
            Event::Written(upto, incarnation) => self.relay.written(upto, incarnation, net, rng),
            Event::Flushed(upto, incarnation) => self.relay.flushed(upto, incarnation, net, rng),
            Event::RelayUp => {
                self.relay.start(net, rng)?;
                self.nothing_acknowledged_is_lost()
            }
            Event::ClientUp(client) => self.clients[client].start(net, rng),
        }
    }

    fn note_acks(&mut self) {
        for client in &self.clients {
            for (level, highest) in [(AckLevel::Durable, &mut self.durable), (AckLevel::Stored, &mut self.stored)] {
                if let Some((id, seq)) = client.acked(level) {
                    let entry = highest.entry(id).or_default();
                    *entry = seq.max(*entry);
                }
            }
        }
    }

    /// A relay that has restarted holds all that was acknowledged at the level that its crash spares.
    fn nothing_acknowledged_is_lost(&self) -> Result<(), String> {
        let Some(room) = self.relay.room() else { return Ok(()) };
        let version = room.doc().version();
        let lost = |(id, seq): (&ReplicaId, &u64)| {
            (version.get(id) < *seq).then(|| format!("{id} up to {seq} was acknowledged, {} is left", version.get(id)))
        };
        self.durable.iter().find_map(lost).or_else(|| self.stored.iter().find_map(lost)).map_or(Ok(()), Err)
    }

    /// No more faults: everyone comes back and stays.
    fn make_peace(&mut self) -> Result<(), String> {
        self.pass(self.net.now_ms + 3_000)?;
        for client in 0..self.clients.len() {
            if !self.clients[client].is_online() {
                self.clients[client].go_online(true, &mut self.net, &mut self.rng)?;
            }
        }
        self.net.tell(|| "PEACE".into());
        self.net.peace = true;
        let deadline = self.net.now_ms + PEACE_MS;
        let mut problem = self.settled();
        while problem.is_err() && self.net.now_ms < deadline {
            self.pass(self.net.now_ms + 500)?;
            problem = self.settled();
        }
        problem
    }

    fn settled(&self) -> Result<(), String> {
        let room = self.relay.room().ok_or("the relay is down")?;
        let here: BTreeMap<ReplicaId, Value> = self.clients.iter().filter_map(Client::shown).collect();
        for client in &self.clients {
            client.settled(&here)?;
            let doc = client.replica.as_ref().map(|replica| replica.doc()).ok_or("a client is down")?;
            if doc.version() != room.doc().version() {
                return Err(format!("{} has {:?}, the relay {:?}", doc.id(), doc.version(), room.doc().version()));
            }
        }
        Ok(())
    }

    /// Equal digests everywhere, and exactly the marks of the events that survived.
    fn account(&self) -> Result<(), String> {
        self.nothing_acknowledged_is_lost()?;
        let room = self.relay.room().ok_or("the relay is down")?;
        let version = room.doc().version();
        for client in self.clients.iter().filter_map(|client| client.replica.as_ref()) {
            let doc = client.doc();
            if doc.digest() != room.doc().digest() || doc.export() != room.doc().export() {
                return Err(format!("{} and the relay did not converge", doc.id()));
            }
        }
        if !version.includes(&self.kept) {
            return Err("something that a local store held never arrived".into());
        }
        self.check_marks(&version)
    }

    fn check_marks(&self, version: &VersionVector) -> Result<(), String> {
        let doc = self.relay.room().ok_or("the relay is down")?.doc();
        let mut counted = 0;
        for ((id, seq), marks) in &self.marks {
            let survived = *seq <= version.get(id);
            for mark in marks {
                match mark {
                    Mark::Counted(by) => counted += if survived { *by } else { 0 },
                    Mark::Unique(key, number) => {
                        let found = doc.get(&Path::from_segments(["unique", key]));
                        if found != survived.then_some(Value::Int(*number)) {
                            return Err(format!("unique/{key} is {found:?}, though its write survived: {survived}"));
                        }
                    }
                }
            }
        }
        let found = doc.counter(&Path::from_segments(["counted"]));
        if found == counted {
            Ok(())
        } else {
            Err(format!("{found} counted, but the increments that survived make {counted}"))
        }
    }
}

/// What a draw of [`Simulation::act`] stands for, for the story.
fn deed(draw: usize) -> &'static str {
    match draw {
        0..800 => "edits, if it runs",
        800..860 => "flushes some of its store",
        860..900 => "shows itself",
        900..940 => "loses its connection",
        940..955 => "goes offline",
        955..980 => "goes online",
        980..993 => "CRASHES, if it runs",
        _ => "sees the relay crash",
    }
}
