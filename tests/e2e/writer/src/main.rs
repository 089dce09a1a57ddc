//! The Rust client of the kill test; `clients/writer.mjs` says what all of its writers do.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use syncline::crdt::{Path, TextUnit, Value};
use syncline::doc::{Doc, EditError};
use syncline::replica::AckLevel;
use syncline_server::client::{Client, new_replica_id};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

type Failure = Box<dyn Error + Send + Sync>;

/// Most milliseconds between two changes, the least being 1.
const PAUSE_MS: u64 = 9;

/// The file in which writes and acknowledgements are noted, a line each.
#[derive(Clone)]
struct Log(Arc<Mutex<File>>);

struct Writer {
    client: Arc<Client>,
    name: String,
    log: Log,
    written: UnboundedSender<u64>,
    changes: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, room, log, name] = arguments.as_slice() else {
        return Err("usage: syncline-writer URL ROOM LOG NAME".into());
    };
    let client = Arc::new(Client::connect(url, room, Doc::new(new_replica_id()))?);
    let log = Log(Arc::new(Mutex::new(OpenOptions::new().create(true).append(true).open(log)?)));
    let (written, waiting) = unbounded_channel();
    tokio::spawn(note_acks(client.clone(), log.clone(), waiting));
    Writer { client, name: name.clone(), log, written, changes: 0 }.run(commands()).await
}

impl Writer {
    async fn run(mut self, mut commands: UnboundedReceiver<String>) -> Result<(), Failure> {
        let mut next = Some(Instant::now());
        let mut seed = self.name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        loop {
            let due = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                command = commands.recv() => match command.as_deref() {
                    Some("online") => self.client.online(),
                    Some("finish") => next = None,
                    Some("state") => println!("{}", self.state()),
                    Some("dump") => println!("{}", self.dump()?),
                    Some(other) if other != "quit" => return Err(format!("unknown command {other}").into()),
                    _ => return Ok(()),
                },
                () = sleep_until(due), if next.is_some() => {
                    self.change()?;
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    next = Some(due + Duration::from_millis(1 + (seed >> 33) % PAUSE_MS));
                }
            }
        }
    }

    /// Makes the next change in a transaction of its own and notes it.
    fn change(&mut self) -> Result<(), Failure> {
        let number = self.changes;
        self.changes += 1;
        let name = &self.name;
        self.client.edit(None, |doc| apply(doc, name, number)).map_err(|error| error.to_string())?;
        let seq = self.client.written();
        self.log.note(&format!("w {seq} {number}"))?;
        Ok(self.written.send(seq)?)
    }

    fn state(&self) -> serde_json::Value {
        let status = self.client.status();
        let digest = self.client.read(|doc| doc.digest().to_string());
        let state = format!("{:?}", status.state).to_lowercase();
        json!({"state": state, "unsaved": status.unsaved, "digest": digest, "changes": self.changes})
    }

    fn dump(&self) -> Result<String, Failure> {
        let view = self.client.read(|doc| doc.view(&Path::root()));
        Ok(serde_json::to_string(&view.unwrap_or(Value::Null))?)
    }
}

impl Log {
    fn note(&self, line: &str) -> std::io::Result<()> {
        writeln!(self.0.lock().unwrap_or_else(PoisonError::into_inner), "{line}")
    }
}

/// Change `number` of a writer: its kind follows from the number.
fn apply(doc: &mut Doc, name: &str, number: u64) -> Result<(), EditError> {
    let index = number.to_string();
    match number % 4 {
        0 => doc.set(&Path::from_segments(["log", name, &index]), Value::Int(number as i64)),
        1 => doc.set_add(&Path::from_segments(["members"]), Value::Str(format!("{name}:{number}"))).map(drop),
        2 => doc.counter_add(&Path::from_segments(["counts", name]), 1),
        _ => {
            let story = Path::from_segments(["story"]);
            let end = doc.text_len(&story, TextUnit::Utf16);
            doc.text_insert(&story, end, &format!("[{name}:{number}]"), TextUnit::Utf16)
        }
    }
}

/// Notes each acknowledgement in the order of the writes.
async fn note_acks(client: Arc<Client>, log: Log, mut written: UnboundedReceiver<u64>) -> Result<(), Failure> {
    while let Some(seq) = written.recv().await {
        client.acked_upto(AckLevel::Durable, seq).await?;
        log.note(&format!("a durable {seq}"))?;
    }
    Ok(())
}

/// The lines of the standard input.
fn commands() -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        lines.into_iter().try_for_each(|line| sender.send(line))
    });
    receiver
}
