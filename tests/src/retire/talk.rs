//! Conversations of a client with a relay that retires its id, recorded for every language: what the relay sends is
//! written down, and each language hears it again.
//!
//! A file in `tests/vectors/links/` is `{"about", "now", "cases": [{"name", "replica", "steps", "expect"}]}`. A step is `{"do"}`:
//! `load` (`saved`, into the document), `online`, `offline`, `count` (`by`, at the counter `n`), `frames` (those that the relay
//! sends). What is expected in the end: the value `n`, the `digest`, the number of `unsaved` changes, and each id that was
//! given up with the number of its last event that the relay knew (`renewed`).

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::replica::{Input, Output, Replica, ReplicaConfig, RetireDriver, RetireOutput, RoomInput};

use super::{NOON, Relay};
use crate::notation;

/// The one connection.
const CONN: u64 = 1;

/// One client, and what happens to it as it is written down.
struct Client {
    replica: Replica,
    renewed: Vec<Json>,
    sent: Vec<Vec<u8>>,
    steps: Vec<Json>,
}

impl Client {
    fn new(id: ReplicaId) -> Client {
        let config = ReplicaConfig { room: "r".into(), agent: "test".into(), token: None, seed: 7 };
        let replica = Replica::new(config, Doc::new(id));
        Client { replica, renewed: Vec::new(), sent: Vec::new(), steps: Vec::new() }
    }

    /// Takes one step, and writes it down.
    fn take(&mut self, step: Json) -> Result<(), String> {
        match step["do"].as_str() {
            Some("load") => {
                let Value::Bytes(saved) = notation::read(&step["saved"])? else { return Err("no bytes".into()) };
                self.replica.import(&saved).map_err(|error| error.to_string())?;
            }
            Some("online") => {
                self.replica.handle(Input::Online(true), NOON);
                self.pump();
                self.replica.handle(Input::Connected, NOON);
            }
            Some("offline") => self.replica.handle(Input::Online(false), NOON),
            Some("count") => {
                let by = step["by"].as_i64().unwrap_or(0);
                let counted = self.replica.doc_mut().transact(NOON, None, |doc| doc.counter_add(&n(), by));
                counted.map_err(|error| error.to_string())?;
            }
            Some("frames") => {
                for frame in step["frames"].as_array().into_iter().flatten() {
                    let Value::Bytes(frame) = notation::read(frame)? else { return Err("no bytes".into()) };
                    self.replica.handle(Input::Frame(&frame), NOON);
                    self.pump();
                }
            }
            other => return Err(format!("there is no step {other:?}")),
        }
        self.pump();
        self.steps.push(step);
        Ok(())
    }

    fn pump(&mut self) {
        loop {
            match self.replica.poll(NOON) {
                Output::Idle(_) => return,
                Output::Send(frame) => self.sent.push(frame),
                Output::Renewed { from, taken, .. } => {
                    self.renewed.push(json!({ "from": from.to_string(), "taken": taken }));
                }
                _ => {}
            }
        }
    }

    /// What has become of it.
    fn end(&self) -> Json {
        let doc = self.replica.doc();
        let (n, digest, unsaved) = (doc.counter(&n()), doc.digest().to_string(), self.replica.status().unsaved);
        json!({ "n": n, "digest": digest, "unsaved": unsaved, "renewed": self.renewed })
    }
}

fn n() -> Path {
    Path::from_segments(["n"])
}

/// Goes through the steps of a case without a relay; returns what has become of the client.
pub fn replay(case: &Json) -> Result<Json, String> {
    let id = case["replica"].as_str().and_then(|id| id.parse().ok()).ok_or("a case has a replica")?;
    let mut client = Client::new(id);
    case["steps"].as_array().into_iter().flatten().try_for_each(|step| client.take(step.clone()))?;
    Ok(client.end())
}

/// The file of the conversations.
pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/links/retire.json")
}

/// Plays all conversations with a real room.
pub fn record() -> Result<Json, String> {
    let mut stage = Stage { relay: Relay::new(0), cases: Vec::new() };
    let gone = ReplicaId::new(NOON, 0xa);
    let mut client = Client::new(gone);
    stage.take(&mut client, json!({ "do": "online" }))?;
    stage.take(&mut client, json!({ "do": "count", "by": 1 }))?;
    stage.leave(&mut client)?;
    stage.take(&mut client, json!({ "do": "count", "by": 10 }))?;
    stage.take(&mut client, json!({ "do": "count", "by": 100 }))?;
    let saved = client.replica.doc().save();
    stage.retire(NOON + 1)?;
    stage.take(&mut client, json!({ "do": "online" }))?;
    stage.close("who comes back after its id was retired reissues what the relay lacked", gone, client)?;
    for (name, id, horizon) in [
        ("who was stored before the reissue does it again, and nothing counts twice", 0xb, NOON + 2),
        ("so it is after a further round", 0xc, NOON + 3),
    ] {
        let heir = ReplicaId::new(NOON + 10, id);
        let mut client = Client::new(heir);
        stage.take(&mut client, json!({ "do": "load", "saved": notation::write(&Value::Bytes(saved.clone())) }))?;
        stage.take(&mut client, json!({ "do": "online" }))?;
        stage.close(name, heir, client)?;
        stage.retire(horizon)?;
    }
    let here = ReplicaId::new(NOON + 3, 0xd);
    let mut client = Client::new(here);
    stage.take(&mut client, json!({ "do": "online" }))?;
    stage.take(&mut client, json!({ "do": "count", "by": 1_000 }))?;
    stage.retire(NOON + 4)?;
    stage.settle(&mut client)?;
    stage.take(&mut client, json!({ "do": "count", "by": 10_000 }))?;
    stage.close("who is connected while others are retired goes on", here, client)?;
    let about = "What a relay says to clients while it retires ids. Recorded from a room; `n` and what was renewed were reviewed.";
    Ok(json!({ "about": about, "now": NOON, "cases": stage.cases }))
}

/// The relay, and the conversations so far.
struct Stage {
    relay: Relay,
    cases: Vec<Json>,
}

impl Stage {
    /// A step of the client, and all that follows from it.
    fn take(&mut self, client: &mut Client, step: Json) -> Result<(), String> {
        if step["do"] == "online" {
            self.relay.accept(CONN, NOON);
        }
        client.take(step)?;
        self.settle(client)
    }

    /// Carries frames until there are none.
    fn settle(&mut self, client: &mut Client) -> Result<(), String> {
        loop {
            for frame in std::mem::take(&mut client.sent) {
                self.relay.receive(CONN, &frame, NOON)?;
            }
            let frames: Vec<Json> =
                self.relay.collect(NOON).into_iter().map(|(_, frame)| notation::write(&Value::Bytes(frame))).collect();
            if frames.is_empty() {
                return Ok(());
            }
            client.take(json!({ "do": "frames", "frames": frames }))?;
        }
    }

    fn leave(&mut self, client: &mut Client) -> Result<(), String> {
        client.take(json!({ "do": "offline" }))?;
        client.sent.clear();
        self.relay.lose(CONN, NOON);
        Ok(())
    }

    fn retire(&mut self, horizon: u64) -> Result<(), String> {
        let mut driver = RetireDriver::start([1].into(), horizon, NOON);
        let mut kept = Vec::new();
        for _ in 0..10 {
            while let Some(output) = driver.poll() {
                match output {
                    RetireOutput::Send { message, .. } => self.relay.room.handle(RoomInput::Retire(message), NOON),
                    RetireOutput::Done { .. } => {
                        self.relay.keep(kept);
                        return Ok(());
                    }
                    other => return Err(format!("the round came to nothing: {other:?}")),
                }
            }
            kept.extend(self.relay.collect(NOON));
            std::mem::take(&mut self.relay.answers).into_iter().for_each(|answer| driver.handle(1, answer));
        }
        Err("the round does not end".into())
    }

    fn close(&mut self, name: &str, id: ReplicaId, mut client: Client) -> Result<(), String> {
        let expect = client.end();
        if client.replica.doc().digest() != self.relay.room.doc().digest() {
            return Err(format!("{name}: the relay holds something else"));
        }
        let steps = std::mem::take(&mut client.steps);
        self.leave(&mut client)?;
        self.cases.push(json!({ "name": name, "replica": id.to_string(), "steps": steps, "expect": expect }));
        Ok(())
    }
}
