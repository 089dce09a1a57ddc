//! The task of one connection: reads frames for its rooms, writes what they send, keeps alive, closes in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use syncline::link::{ErrorCode, Link, LinkConfig, LinkError, Message as Inner, RemoteError, RoomRef, SUBPROTOCOL};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::gate::{self, Gate};
use super::outbox::{Importance, Next, Outbox};
use super::pace::Pace;
use super::upgrade::{Accepted, Socket};
use crate::access::Denied;
use crate::limits::CLOSE_TIMEOUT;
use crate::metrics::Rejected;
use crate::relay::{Client, Phase, Present, Relay, RoomCommand, RoomHandle, now_ms};
use crate::trace::{TraceParent, Traced, WriteTrace};

/// Close code for frames that are not binary: the client speaks another protocol.
pub(crate) const CLOSE_NOT_BINARY: u16 = 4400;

/// Close code for a frame beyond the largest size (RFC 6455: message too big).
pub(crate) const CLOSE_TOO_LARGE: u16 = 1009;

/// Close code for a message to a room that the connection did not open.
const CLOSE_UNKNOWN_ROOM: u16 = 4404;

/// Close code of a connection that opens too many rooms.
pub(crate) const CLOSE_TOO_MANY_ROOMS: u16 = 4429;

/// Close code of a drain: the service restarts, clients come back after a moment.
pub(crate) const CLOSE_RESTART: u16 = 1012;

/// Close code when a room is not available for a moment.
pub(crate) const CLOSE_TRY_AGAIN: u16 = 1013;

/// Clients that are told to come back spread over this many milliseconds.
const DRAIN_SPREAD_MS: u64 = 5_000;

/// Times that a join is handed to a room that is just ending.
const OPEN_ATTEMPTS: usize = 3;

/// Longest sleep of a reader that hears nothing.
const PAUSE: Duration = Duration::from_secs(60);

/// Spans of silence after which a peer counts as gone: one until the ping, two for its answer.
const SILENT_SPANS: u32 = 3;

/// The last sign of life of the peer, in milliseconds since the connection began.
pub(crate) struct Alive {
    start: Instant,
    at: AtomicU64,
}

/// Marks the queue when the task ends, even by a panic.
pub(crate) struct Ended(pub(crate) Arc<Outbox>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.close(CLOSE_TRY_AGAIN, "the connection has ended");
    }
}

struct Reader<'a> {
    relay: &'a Arc<Relay>,
    number: u64,
    outbox: &'a Arc<Outbox>,
    client: &'a Client,
    alive: &'a Alive,
    link: Link,
    gate: &'a Gate,
    pace: Pace,
    /// When the last fresh token came.
    renewed: Option<Instant>,
    rooms: HashMap<u32, RoomHandle>,
    /// The span of the connection's beginning, until the hello is answered.
    connect: Option<Traced>,
    /// What the writes belong to, if anything is traced.
    trace: Option<Arc<WriteTrace>>,
}

/// Serves a WebSocket until it ends.
pub(super) async fn run(relay: Arc<Relay>, Accepted { socket, wire, peer, mut connect }: Accepted) {
    let number = relay.connection_number();
    let settings = &relay.config().socket;
    let outbox = Arc::new(Outbox::new(settings.queue_bytes).counted(relay.metrics().clone()).by(wire));
    let present = Present::new(relay.clone(), number, peer.map(|peer| peer.0), SUBPROTOCOL, outbox.clone());
    let alive = Alive::new();
    let ping = Duration::from_secs(settings.ping_seconds);
    let link = Link::relay(
        LinkConfig { agent: concat!("syncline-relay/", env!("CARGO_PKG_VERSION")).into(), token: None },
        now_ms(),
    );
    // Whatever ends this task, the rooms see that nobody writes any more.
    let _ended = Ended(outbox.clone());
    let gate = Gate::new(relay.clone(), peer);
    let pace = match relay.tenants().stranger() {
        Ok(pace) => pace,
        Err(error) => return tracing::error!(%error, "a rate limit is not usable"),
    };
    let trace = relay.tracing().map(|_| Arc::new(WriteTrace::new(number, connect.as_ref())));
    if let Some(span) = &mut connect {
        span.connection(number);
    }
    let mut reader = Reader {
        relay: &relay,
        number,
        outbox: &outbox,
        client: &present.client,
        alive: &alive,
        link,
        gate: &gate,
        pace,
        renewed: None,
        rooms: HashMap::new(),
        connect,
        trace,
    };
    let (sink, stream) = socket.split();
    tracing::debug!(connection = number, "connected");
    let why = tokio::select! {
        why = reader.run(stream) => why,
        why = write(sink, &outbox, &alive, ping) => why,
        why = alive.silence(ping) => why,
        why = overdue(&outbox) => why,
        why = gate.guard(&outbox) => why,
    };
    tracing::debug!(connection = number, why, "disconnected");
    Box::pin(reader.leave()).await;
}

impl Reader<'_> {
    /// Reads until the socket ends. While the connection is being closed, what arrives is thrown away.
    async fn run(&mut self, mut stream: SplitStream<Socket>) -> &'static str {
        let mut phases = self.relay.phases();
        loop {
            let deadline = self.timeout();
            let closing = self.outbox.is_closing();
            tokio::select! {
                received = stream.next() => match received {
                    Some(Ok(message)) => {
                        self.pace.hold_back(message.len(), self.relay.metrics(), self.outbox, self.alive).await;
                        self.received(message).await;
                    }
                    Some(Err(Error::Capacity(error))) => {
                        self.rejected(Rejected::TooLarge);
                        self.outbox.close(CLOSE_TOO_LARGE, &format!("{error}: send fragments"));
                        // After an error the stream ends; the writer still has to say goodbye, and has a limited time for it.
                        std::future::pending::<()>().await;
                    }
                    Some(Err(_)) => return "the socket failed",
                    None => return "the peer closed",
                },
                () = sleep_until(deadline) => {}
                () = draining(&mut phases), if !closing => self.drain(),
            }
        }
    }

    async fn received(&mut self, message: Message) {
        self.alive.now();
        self.relay.metrics().received.add(1, message.len() as u64);
        match message {
            Message::Binary(frame) if !self.outbox.is_closing() => match self.link.handle_frame(&frame, now_ms()) {
                Ok(inner) => {
                    self.answer();
                    if let Some(inner) = inner {
                        self.deliver(inner.into()).await;
                    }
                }
                Err(error) => self.fail(&error),
            },
            Message::Text(_) => {
                self.rejected(Rejected::NotBinary);
                self.outbox.close(CLOSE_NOT_BINARY, "this protocol has binary frames only");
            }
            // Pings are answered by the WebSocket itself, and so is a close.
            _ => {}
        }
    }

    fn rejected(&self, reason: Rejected) {
        self.relay.metrics().rejected.of(reason).inc();
    }

    /// Queues what the link itself has to say: handshake answers, errors.
    fn answer(&mut self) {
        while let Some(frame) = self.link.poll_frame() {
            self.outbox.push(vec![frame.into()], Importance::Required);
        }
    }
}

impl Reader<'_> {
    /// Hands a message to its room; waits while the room's mailbox is full, and with it this socket.
    async fn deliver(&mut self, message: Box<Inner>) {
        match message.room() {
            // Boxed, as all that is rare: an idle connection does not pay for it.
            None => Box::pin(self.about_link(message)).await,
            Some(RoomRef::Alias(alias)) if matches!(*message, Inner::Leave { .. }) => {
                if let Some(room) = self.rooms.remove(&alias) {
                    self.client.left(&room.name);
                    // A room that has ended has no members to take out.
                    let _ = room.mailbox.send(RoomCommand::Leave { connection: self.number }).await;
                }
            }
            Some(RoomRef::Name(name)) => {
                let name = name.to_owned();
                Box::pin(self.open(&name, message)).await;
            }
            Some(RoomRef::Alias(alias)) => match self.rooms.get(&alias) {
                Some(room) => {
                    let received = std::time::Instant::now();
                    let (connection, trace) = (self.number, self.trace.clone());
                    let command = RoomCommand::Message { connection, message, received, trace };
                    if room.mailbox.send(command).await.is_err() {
                        self.outbox.close(CLOSE_TRY_AGAIN, "the room restarts: reconnect");
                    }
                }
                None => {
                    self.rejected(Rejected::UnknownRoom);
                    self.outbox.close(CLOSE_UNKNOWN_ROOM, "this room was not opened on this connection");
                }
            },
        }
    }

    async fn about_link(&mut self, message: Box<Inner>) {
        match *message {
            Inner::Hello(hello) => {
                tracing::debug!(connection = self.number, agent = hello.agent, "hello");
                let entered = self.gate.enter(hello.token.as_deref(), &mut self.pace).await;
                if let Some(mut span) = self.connect.take() {
                    span.agent(&hello.agent);
                    if let Err(denied) = &entered {
                        span.failed(&denied.to_string());
                    }
                }
                match entered {
                    Ok(()) => self.client.hello(&hello.agent, self.gate.subject().as_deref()),
                    Err(denied) => self.deny(&denied),
                }
            }
            Inner::Token(token) => match self.gate.renew(&token, &mut self.renewed).await {
                Ok(()) => self.new_rights().await,
                Err(denied) => {
                    tracing::info!(connection = self.number, %denied, "a fresh token is refused");
                    self.rejected(denied.to_remote().code.into());
                    gate::tell(self.outbox, &denied);
                }
            },
            Inner::Trace(parent) => {
                self.trace = self.trace.take().map(|trace| Arc::new(trace.under(TraceParent::read(&parent))));
            }
            _ => {}
        }
    }

    /// Tells the rooms what the connection may do by its fresh token; ends it if one is not granted any more.
    async fn new_rights(&mut self) {
        for room in self.rooms.values() {
            match self.gate.room(&room.name) {
                Ok(rights) => {
                    // A room that has ended has nobody to limit.
                    let _ = room.mailbox.send(RoomCommand::Rights { connection: self.number, rights }).await;
                }
                Err(denied) => return self.deny(&denied),
            }
        }
    }

    fn deny(&self, denied: &Denied) {
        tracing::info!(connection = self.number, %denied, "refused");
        self.rejected(denied.to_remote().code.into());
        gate::close(self.outbox, denied);
    }

    /// Joins a room, loading it if need be.
    async fn open(&mut self, name: &str, message: Box<Inner>) {
        let rights = match self.gate.room(name) {
            Ok(rights) => rights,
            Err(denied) => return self.deny(&denied),
        };
        let known = self.rooms.values().any(|room| *room.name == *name);
        if !known && self.rooms.len() >= self.relay.config().socket.rooms {
            self.rejected(Rejected::Limit);
            return self
                .outbox
                .close(CLOSE_TOO_MANY_ROOMS, "this connection has as many rooms as `socket.rooms` allows");
        }
        let (connection, outbox, tenant) = (self.number, self.outbox.clone(), self.gate.tenant());
        let mut command = RoomCommand::Join { connection, outbox, rights, tenant, message };
        // A room that is just being unloaded hands the join back; the next handle is that of a new task.
        for _ in 0..OPEN_ATTEMPTS {
            let room = match self.relay.open(name) {
                Ok(room) => room,
                Err(refusal) => return self.refuse(refusal.code(), &refusal.to_string()),
            };
            match room.mailbox.send(command).await {
                Ok(()) => {
                    self.client.opened(&room.name);
                    self.rooms.insert(room.alias, room);
                    return;
                }
                Err(refused) => command = refused.0,
            }
        }
        self.refuse(ErrorCode::Unavailable, "the room restarts: reconnect");
    }

    /// Tells the peer that what it asked for cannot be had now, and lets it connect again.
    fn refuse(&self, code: ErrorCode, reason: &str) {
        self.rejected(code.into());
        self.outbox.push_message(&Inner::Error { alias: None, error: RemoteError::temporary(code, reason) });
        self.outbox.close(CLOSE_TRY_AGAIN, reason);
    }

    /// Tells the peer what it did wrong and closes; other connections do not notice.
    fn fail(&mut self, error: &LinkError) {
        tracing::info!(connection = self.number, %error, "closing after a bad frame");
        self.rejected(Rejected::BadFrame);
        self.answer();
        self.outbox.push_message(&Inner::Error { alias: None, error: error.to_remote() });
        self.outbox.close(error.close_code(), &error.to_string());
    }

    /// Tells the peer to come back after a moment that differs from client to client.
    fn drain(&self) {
        let wait = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % DRAIN_SPREAD_MS;
        self.outbox.push_message(&Inner::Drain(wait));
        self.outbox.close(CLOSE_RESTART, &format!("the relay restarts: reconnect in {wait} ms"));
    }

    /// Lets time pass for the link and returns when to do so again.
    fn timeout(&mut self) -> Instant {
        let now = now_ms();
        let pause = match self.link.handle_timeout(now) {
            Ok(next) => Duration::from_millis(next.saturating_sub(now)).min(PAUSE),
            // A browser slows down the timers of a hidden page, and with them its link's pings; those of the WebSocket are answered all the same.
            Err(LinkError::Silent(_)) if self.link.peer().is_some() => PAUSE,
            Err(_) if self.outbox.is_closing() => PAUSE,
            Err(error) => {
                self.fail(&error);
                PAUSE
            }
        };
        self.answer();
        Instant::now() + pause
    }

    async fn leave(self) {
        for room in self.rooms.into_values() {
            // A room that has ended has no members to take out.
            let _ = room.mailbox.send(RoomCommand::Leave { connection: self.number }).await;
        }
    }
}

impl Alive {
    pub(crate) fn new() -> Alive {
        Alive { start: Instant::now(), at: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) {
        self.at.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn silent_for(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.at.load(Ordering::Relaxed)))
    }

    /// Ends when nothing was heard for too long.
    pub(crate) async fn silence(&self, ping: Duration) -> &'static str {
        let limit = ping * SILENT_SPANS;
        while self.silent_for() < limit {
            sleep(limit - self.silent_for()).await;
        }
        "the peer is silent"
    }
}

/// Writes what is queued, and a ping when the peer is silent. Ends only if the socket fails: after a close the peer answers.
pub(crate) async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    outbox: &Outbox,
    alive: &Alive,
    ping: Duration,
) -> &'static str {
    let mut ticks = interval(ping);
    loop {
        let written = tokio::select! {
            next = outbox.next() => match next {
                Next::Frames(frames) => write_frames(&mut sink, frames, alive).await,
                Next::Flush => sink.flush().await.inspect(|()| alive.now()),
                Next::Close(close) => {
                    let frame = CloseFrame { code: close.code.into(), reason: close.reason.into() };
                    if sink.send(Message::Close(Some(frame))).await.is_ok() {
                        std::future::pending::<()>().await;
                    }
                    return "the socket failed while closing";
                }
            },
            _ = ticks.tick() => match alive.silent_for() >= ping {
                true => sink.send(Message::Ping(Bytes::new())).await,
                false => Ok(()),
            },
        };
        if written.is_err() {
            return "the socket failed while writing";
        }
    }
}

/// That the socket takes bytes is a sign of life too: a slow reader is not a dead one.
async fn write_frames<S: AsyncRead + AsyncWrite + Unpin>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    frames: Vec<Bytes>,
    alive: &Alive,
) -> Result<(), Error> {
    for frame in frames {
        sink.feed(Message::Binary(frame)).await?;
        alive.now();
    }
    sink.flush().await
}

/// Waits until the relay drains.
pub(crate) async fn draining(phases: &mut watch::Receiver<Phase>) {
    // The sender lives in the relay, which this task holds, so waiting cannot fail.
    let _ = phases.wait_for(|phase| *phase == Phase::Draining).await;
}

/// Ends a while after the close began, however the peer behaves.
pub(crate) async fn overdue(outbox: &Outbox) -> &'static str {
    outbox.closing().await;
    sleep(CLOSE_TIMEOUT).await;
    "the close was not answered"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future<F>(_: impl Fn(Arc<Relay>, Accepted) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn ten_thousand_idle_connections_cost_little() {
        // Beside it stand the read buffer of 4 KiB and less than 2 KiB of what the task shares with others.
        assert!(future(run) <= 3_328, "{} bytes", future(run));
    }
}
