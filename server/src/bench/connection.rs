//! One connection: joins a room, then writes when it is its turn and takes what comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use super::BenchError;
use super::mark::Mark;
use super::peer::{Content, Event, Peer};
use super::plan::{Dialect, Plan};
use super::schedule::{Lane, Schedule};
use super::tally::{Tally, add};
use crate::client::transport::{self, Address, Shape, Transport};
use crate::socket::SUBPROTOCOL;

/// Read buffer of a connection in bytes: there are many of them.
const READ_BUFFER: usize = 4096;

/// Largest frame that is taken in bytes: the answer to a join, in one frame of Yjs.
const FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Time for joining a room.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections that are opened at a time, when all are to be there and none is timed.
const AT_ONCE: usize = 32;

/// Where a run's rooms are, and how to get in.
#[derive(Debug, Clone)]
pub(super) struct Target {
    plan: Plan,
    /// What the names of all rooms of the run begin with.
    prefix: String,
}

/// An open room.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) transport: Transport,
    pub(super) peer: Peer,
    pub(super) number: u32,
    /// Acknowledged messages that were counted.
    acked: u32,
}

/// Why a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The run is over.
    Stopped,
    /// The relay closed it, or it broke; the reason is counted.
    Closed,
}

/// What all connections of a paced run share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) tally: Tally,
    pub(super) schedule: Schedule,
    pub(super) size: usize,
    /// Presence instead of writes.
    pub(super) presence: bool,
}

impl Target {
    pub(super) fn new(plan: &Plan) -> Target {
        let run = crate::client::random() as u32;
        Target { plan: plan.clone(), prefix: format!("bench-{}-{run:08x}", plan.scenario.name()) }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Name of a room. Each run has rooms of its own.
    pub(super) fn room(&self, number: u32) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// Whether the address can be used at all.
    pub(super) fn check(&self) -> Result<(), BenchError> {
        self.address("x").map(drop).map_err(BenchError::Usage)
    }

    fn address(&self, room: &str) -> Result<Address, String> {
        let Plan { url, dialect, token, authorities, .. } = &self.plan;
        let mut url = match dialect {
            _ if url.contains("{room}") => url.replace("{room}", room),
            Dialect::YWebsocket => format!("{}/{room}", url.trim_end_matches('/')),
            Dialect::Syncline | Dialect::Hocuspocus => url.clone(),
        };
        if let (Dialect::YWebsocket, Some(token)) = (dialect, token) {
            let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
            url.push_str(if url.contains('?') { "&token=" } else { "?token=" });
            url.push_str(&token);
        }
        Address::parse(&url, authorities.as_deref()).map_err(|error| error.to_string())
    }

    /// Opens a room and waits until its content has arrived.
    pub(super) async fn join(&self, room: u32, number: u32) -> Result<(Connection, Content), String> {
        self.join_with(room, number, None).await
    }

    /// As [`Target::join`], with a receive buffer of the kernel of a given size.
    pub(super) async fn join_with(
        &self,
        room: u32,
        number: u32,
        receive_buffer: Option<u32>,
    ) -> Result<(Connection, Content), String> {
        let name = self.room(room);
        let protocol = (self.plan.dialect == Dialect::Syncline).then_some(SUBPROTOCOL);
        let shape = Shape { protocol, read_buffer: READ_BUFFER, frame_bytes: FRAME_BYTES, receive_buffer };
        let joined = async {
            let transport = Transport::open(&self.address(&name)?, shape).await?;
            let peer = Peer::new(self.plan.dialect, &name, number, self.plan.token.as_deref());
            Connection { transport, peer, number, acked: 0 }.enter().await
        };
        let late = |_| Err(format!("the room is not open after {} s", JOIN_TIMEOUT.as_secs()));
        tokio::time::timeout(JOIN_TIMEOUT, joined).await.unwrap_or_else(late)
    }

    /// Opens many connections; the n-th has this number and this room.
    pub(super) async fn join_all(
        &self,
        members: impl Iterator<Item = (u32, u32)>,
        progress: &AtomicU64,
    ) -> Result<Vec<Connection>, BenchError> {
        let joins = members.map(|(number, room)| async move {
            let joined = self.join(room, number).await;
            add(progress, 1);
            joined
        });
        let all: Vec<_> = stream::iter(joins).buffered(AT_ONCE).collect().await;
        let tried = all.len() as u64;
        let (mut connections, mut failures) = (Vec::with_capacity(all.len()), Vec::new());
        for joined in all {
            match joined {
                Ok((connection, _)) => connections.push(connection),
                Err(reason) => failures.push(reason),
            }
        }
        let failed = failures.len() as u64;
        match failures.into_iter().next() {
            None => Ok(connections),
            Some(reason) => Err(BenchError::Connect { failed, tried, reason }),
        }
    }
}

impl Connection {
    async fn enter(mut self) -> Result<(Connection, Content), String> {
        let greeting = self.peer.greeting();
        self.send(greeting).await?;
        loop {
            match self.transport.next().await {
                transport::Event::Frame(frame) => match self.peer.take(&frame, 0, &mut Vec::new()) {
                    Event::Joined(content) => return Ok((self, *content)),
                    Event::Reply(frames) => self.send(frames).await?,
                    Event::Refused(reason) => return Err(reason),
                    Event::Nothing | Event::Acked(_) => {}
                },
                transport::Event::Closed { code, reason } => return Err(closed(code, &reason)),
            }
        }
    }

    pub(super) async fn send(&mut self, frames: Vec<Vec<u8>>) -> Result<(), String> {
        for frame in frames {
            self.transport.feed(frame).await?;
        }
        self.transport.flush().await
    }

    /// Takes part in a run until it is told to stop. With a lane it writes.
    pub(super) async fn take_part(
        self,
        run: Arc<Run>,
        lane: Option<Arc<Lane>>,
        mut stop: watch::Receiver<bool>,
    ) -> Ended {
        let mut part = Part { connection: self, run, seen: HashMap::new(), marks: Vec::new(), sent: 0 };
        loop {
            let turn = async {
                match &lane {
                    Some(lane) => lane.next().await,
                    None => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                event = part.connection.transport.next() => part.happened(event).await,
                () = turn => part.write(lane.as_ref().map_or(0, |lane| lane.due())).await,
                () = stopped(&mut stop) => return Ended::Stopped,
            };
            if let Err(reason) = done {
                part.run.tally.failed(&reason);
                return Ended::Closed;
            }
        }
    }
}

/// A connection in a run.
struct Part {
    connection: Connection,
    run: Arc<Run>,
    /// By writer the number of its next message.
    seen: HashMap<u32, u32>,
    marks: Vec<Mark>,
    sent: u32,
}

impl Part {
    async fn happened(&mut self, event: transport::Event) -> Result<(), String> {
        let frame = match event {
            transport::Event::Frame(frame) => frame,
            transport::Event::Closed { code, reason } => return Err(closed(code, &reason)),
        };
        let now = Instant::now();
        add(&self.run.tally.frames, 1);
        add(&self.run.tally.bytes, frame.len() as u64);
        let event = self.connection.peer.take(&frame, self.run.size, &mut self.marks);
        self.arrived(now);
        match event {
            Event::Reply(frames) => self.connection.send(frames).await,
            Event::Acked(count) => {
                self.acked(count, now);
                Ok(())
            }
            Event::Refused(reason) => Err(reason),
            Event::Nothing | Event::Joined(_) => Ok(()),
        }
    }

    fn arrived(&mut self, now: Instant) {
        let (own, run) = (self.connection.number, self.run.clone());
        for mark in std::mem::take(&mut self.marks) {
            if mark.writer == own {
                if self.connection.peer.is_acknowledged_by_echo() {
                    self.acked(mark.number + 1, now);
                }
                continue;
            }
            let next = self.seen.entry(mark.writer).or_default();
            if mark.number < *next {
                add(&run.tally.repeated, 1);
                continue;
            }
            *next = mark.number + 1;
            add(&run.tally.delivered, 1);
            if run.schedule.counts(mark.number) {
                let due = run.schedule.due(mark.writer, mark.number);
                run.tally.arrival.note(own, now.saturating_duration_since(due));
            }
        }
    }

    fn acked(&mut self, count: u32, now: Instant) {
        let (own, run) = (self.connection.number, &self.run);
        for number in self.connection.acked..count.min(self.sent) {
            add(&run.tally.acked, 1);
            if run.schedule.counts(number) {
                run.tally.ack.note(own, now.saturating_duration_since(run.schedule.due(own, number)));
            }
        }
        self.connection.acked = self.connection.acked.max(count.min(self.sent));
    }

    /// Sends all messages up to one.
    async fn write(&mut self, due: u32) -> Result<(), String> {
        let own = self.connection.number;
        while self.sent < due {
            let number = self.sent;
            let text = Mark { writer: own, number }.text(self.run.size);
            let peer = &mut self.connection.peer;
            let frames = if self.run.presence { peer.show(text) } else { peer.write(text) }?;
            if self.run.schedule.counts(number) {
                let late = Instant::now().saturating_duration_since(self.run.schedule.due(own, number));
                self.run.tally.late.note(own, late);
            }
            self.sent += 1;
            add(&self.run.tally.sent, 1);
            for frame in frames {
                self.connection.transport.feed(frame).await?;
            }
        }
        self.connection.transport.flush().await
    }
}

impl Run {
    pub(super) fn delivered(&self) -> u64 {
        self.tally.delivered.load(Ordering::Relaxed)
    }

    pub(super) fn acked(&self) -> u64 {
        self.tally.acked.load(Ordering::Relaxed)
    }
}

/// Waits for the end of the run, which has also come when nobody is left to tell.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Why a connection is closed, for people; equal reasons are counted together.
pub(super) fn closed(code: u16, reason: &str) -> String {
    if reason.is_empty() { format!("closed with {code}") } else { format!("closed with {code}: {reason}") }
}
