//! The task of one connection: reads frames for its documents, writes what they send, keeps alive, closes in order.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::time::{Instant, interval_at, sleep_until};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message as Frame};

use super::bytes::{Malformed, Reader, push_block};
use super::entry::{Admitted, Entry, Open, admit};
use super::member::Member;
use super::message::{BARE_PING, BARE_PONG, Dialect, Message, Reply};
use super::room::{self, Command};
use crate::access::Denied;
use crate::limits::{
    YJS_IDLE_TIMEOUT, YJS_INBOX_BYTES, YJS_KEEP_ALIVE, YJS_REFUSAL_PAUSE, YJS_REFUSALS, YJS_WAITING, YJS_WAITING_BYTES,
};
use crate::metrics::Rejected;
use crate::relay::{Client, Present, Relay};
use crate::socket::{Accepted, Alive, Ended, Importance, Outbox, Pace, Socket, TenantFull, draining, overdue, write};
use crate::socket::{CLOSE_NOT_BINARY, CLOSE_RESTART, CLOSE_TOO_LARGE, CLOSE_TOO_MANY_ROOMS, CLOSE_TRY_AGAIN};
use crate::trace::WriteTrace;

/// Close code for a frame that a client of Yjs does not send.
const CLOSE_MALFORMED: u16 = 4400;

/// Close code of a connection that shows no token that is taken.
const CLOSE_UNAUTHORIZED: u16 = 4401;

/// Close code of a connection that sends too much before its token.
const CLOSE_TOO_MUCH: u16 = 4413;

/// Longest name of a session of Hocuspocus in bytes; its clients take about ten.
const SESSION_BYTES: usize = 64;

/// Times that a join is handed to a document that is just ending.
const OPEN_ATTEMPTS: usize = 3;

/// Longest sleep of a reader that hears nothing.
const PAUSE: Duration = Duration::from_secs(60);

/// Bytes that a command costs beside its frame.
const COMMAND_BYTES: usize = 256;

struct Session<'a> {
    relay: &'a Arc<Relay>,
    peer: Option<IpAddr>,
    outbox: &'a Arc<Outbox>,
    alive: &'a Alive,
    client: &'a Client,
    pace: Pace,
    dialect: Dialect,
    /// By name as it stands in frames; of y-websocket the only one has none.
    documents: HashMap<Vec<u8>, Entry>,
    /// Frames and bytes that wait for tokens.
    waiting: (usize, usize),
    /// Tokens that were refused.
    refusals: usize,
    /// Since when no document is open.
    idle_since: Instant,
    /// What the writes belong to, if anything is traced.
    trace: Option<Arc<WriteTrace>>,
}

/// Serves a WebSocket until it ends. `first` is the document that its address names, with a token.
pub(super) async fn run(
    relay: Arc<Relay>,
    Accepted { socket, wire, peer, connect }: Accepted,
    dialect: Dialect,
    first: Option<(String, Option<String>)>,
) {
    let settings = &relay.config().socket;
    let (number, alive) = (relay.connection_number(), Alive::new());
    let trace = relay.tracing().map(|_| Arc::new(WriteTrace::new(number, connect.as_ref())));
    if let Some(mut span) = connect {
        span.connection(number);
        span.agent(dialect.protocol());
    }
    let outbox = Arc::new(Outbox::new(settings.queue_bytes).counted(relay.metrics().clone()).by(wire));
    let present = Present::new(relay.clone(), number, peer.map(|peer| peer.0), dialect.protocol(), outbox.clone());
    let pace = match relay.tenants().stranger() {
        Ok(pace) => pace,
        Err(error) => return tracing::error!(%error, "a rate limit is not usable"),
    };
    let ping = Duration::from_secs(settings.ping_seconds);
    // Whatever ends this task, the documents see that nobody writes any more.
    let _ended = Ended(outbox.clone());
    let mut session = Session {
        relay: &relay,
        peer: peer.map(|peer| peer.0),
        outbox: &outbox,
        alive: &alive,
        client: &present.client,
        pace,
        dialect,
        documents: HashMap::new(),
        waiting: (0, 0),
        refusals: 0,
        idle_since: Instant::now(),
        trace,
    };
    let (sink, stream) = socket.split();
    let why = tokio::select! {
        why = session.run(stream, first) => why,
        why = write(sink, &outbox, &alive, ping) => why,
        why = alive.silence(ping) => why,
        why = overdue(&outbox) => why,
    };
    tracing::debug!(?dialect, why, "disconnected");
    session.leave().await;
}

impl Session<'_> {
    /// Reads until the socket ends. While the connection is being closed, what arrives is thrown away.
    async fn run(&mut self, mut stream: SplitStream<Socket>, first: Option<(String, Option<String>)>) -> &'static str {
        let (mut phases, mut revocations) = (self.relay.phases(), self.relay.access().revocations());
        if let Some((name, token)) = first {
            // Boxed, as all that is rare: an idle connection does not pay for it.
            Box::pin(self.enter_at_once(&name, token.as_deref())).await;
        }
        let mut keep_alive = interval_at(Instant::now() + YJS_KEEP_ALIVE, YJS_KEEP_ALIVE);
        loop {
            let (closing, next_look) = (self.outbox.is_closing(), self.next_look());
            tokio::select! {
                received = stream.next() => match received {
                    Some(Ok(frame)) => {
                        self.pace.hold_back(frame.len(), self.relay.metrics(), self.outbox, self.alive).await;
                        self.received(frame).await;
                    }
                    Some(Err(Error::Capacity(error))) => {
                        self.rejected(Rejected::TooLarge);
                        self.outbox.close(CLOSE_TOO_LARGE, &error.to_string());
                        // After an error the stream ends; the writer still has to say goodbye, and has a limited time for it.
                        std::future::pending::<()>().await;
                    }
                    Some(Err(_)) => return "the socket failed",
                    None => return "the peer closed",
                },
                () = revocations.changed(), if !closing => Box::pin(self.look_at_grants()).await,
                () = sleep_until(next_look), if !closing => Box::pin(self.look_at_grants()).await,
                _ = keep_alive.tick() => self.keep_alive(),
                () = draining(&mut phases), if !closing => {
                    self.outbox.close(CLOSE_RESTART, "the relay restarts: reconnect");
                }
            }
        }
    }

    fn rejected(&self, why: Rejected) {
        self.relay.metrics().rejected.of(why).inc();
    }

    async fn received(&mut self, frame: Frame) {
        self.alive.now();
        self.relay.metrics().received.add(1, frame.len() as u64);
        match frame {
            Frame::Binary(frame) if !self.outbox.is_closing() => {
                let read = match self.dialect {
                    Dialect::Sync => self.sync_frame(&frame).await,
                    Dialect::Hocuspocus => self.hocuspocus_frame(frame).await,
                };
                if let Err(error) = read {
                    tracing::info!(%error, "closing after a bad frame");
                    self.rejected(Rejected::BadFrame);
                    self.outbox.close(CLOSE_MALFORMED, &error.to_string());
                }
            }
            Frame::Text(_) => {
                self.rejected(Rejected::NotBinary);
                self.outbox.close(CLOSE_NOT_BINARY, "this protocol has binary frames only");
            }
            // Pings are answered by the WebSocket itself, and so is a close.
            _ => {}
        }
    }

    async fn sync_frame(&mut self, frame: &Bytes) -> Result<(), Malformed> {
        let mut reader = Reader::new(frame);
        // y-websocket puts one message into a frame, others several.
        while !reader.is_empty() {
            let message = Message::read(&mut reader, self.dialect)?;
            self.message(&[], frame, message).await;
        }
        Ok(())
    }

    async fn hocuspocus_frame(&mut self, frame: Bytes) -> Result<(), Malformed> {
        if *frame == *BARE_PING {
            self.outbox.push(vec![Bytes::from_static(BARE_PONG)], Importance::Required);
        }
        if *frame == *BARE_PING || *frame == *BARE_PONG {
            return Ok(());
        }
        let mut reader = Reader::new(&frame);
        let key = reader.text()?.as_bytes();
        let message = Message::read(&mut reader, self.dialect)?;
        if !reader.is_empty() {
            return Err(Malformed::Part("bytes behind its end"));
        }
        match (self.documents.get(key), message) {
            (Some(Entry::Open(_)), _) => self.message(key, &frame, message).await,
            (_, Message::Token(token)) => Box::pin(self.enter(key, token)).await?,
            (_, Message::Close) => self.drop_waiting(key),
            _ => self.wait(key, &frame),
        }
        Ok(())
    }

    /// Keeps a frame until the token of its document comes.
    fn wait(&mut self, key: &[u8], frame: &Bytes) {
        self.waiting = (self.waiting.0 + 1, self.waiting.1 + frame.len());
        if self.waiting.0 > YJS_WAITING || self.waiting.1 > YJS_WAITING_BYTES {
            return self.outbox.close(CLOSE_TOO_MUCH, "too much was sent before the token");
        }
        if self.has_place(key)
            && let Entry::Waiting(frames) =
                self.documents.entry(key.to_vec()).or_insert_with(|| Entry::Waiting(Vec::new()))
        {
            frames.push(frame.clone());
        }
    }

    /// Throws away what waits for the token of a document.
    fn drop_waiting(&mut self, key: &[u8]) {
        if let Some(Entry::Waiting(frames)) = self.documents.remove(key) {
            let bytes: usize = frames.iter().map(Bytes::len).sum();
            self.waiting = (self.waiting.0 - frames.len(), self.waiting.1 - bytes);
        }
    }

    /// Whether a document may be opened beside the others; closes the connection if not.
    fn has_place(&self, key: &[u8]) -> bool {
        let free = self.documents.contains_key(key) || self.documents.len() < self.relay.config().socket.rooms;
        if !free {
            self.outbox.close(CLOSE_TOO_MANY_ROOMS, "this connection has as many documents as `socket.rooms` allows");
        }
        free
    }

    /// Hands a message to its document; waits while that has too much to do, and with it this socket.
    async fn message(&mut self, key: &[u8], frame: &Bytes, message: Message<'_>) {
        let Some(Entry::Open(open)) = self.documents.get_mut(key) else { return };
        let (member, received) = (open.member, std::time::Instant::now());
        let command = match message {
            Message::Vector(vector) => Command::Vector { member, vector: frame.slice_ref(vector) },
            Message::Update(update) => {
                let bytes = (update.len() + COMMAND_BYTES).min(YJS_INBOX_BYTES) as u32;
                // The semaphore is never closed.
                let Ok(space) = self.relay.yjs().inbox.clone().acquire_many_owned(bytes).await else { return };
                Command::Update { member, update: frame.slice_ref(update), received, _space: space }
            }
            Message::Presence(update) => Command::Presence { member, update: frame.slice_ref(update) },
            Message::Query => Command::Query { member },
            Message::Ping => {
                return self.outbox.push(vec![Reply::Pong.encode(&open.prefix).into()], Importance::Required);
            }
            Message::Token(token) => return Box::pin(self.renew(key, token)).await,
            Message::Close => return Box::pin(self.close_document(key)).await,
            Message::Other => return,
        };
        if !open.send(command).await {
            self.outbox.close(CLOSE_TRY_AGAIN, "the document restarts: reconnect");
        }
    }
}

impl Session<'_> {
    /// Checks the token for a document, and counts the connection among those of its tenant.
    async fn admit(&mut self, token: Option<&str>, name: &str) -> Result<Admitted, Denied> {
        let admitted = admit(self.relay.access(), self.peer, token, name).await?;
        if let Some(tenant) = admitted.tenant() {
            self.relay.tenants().enter(&mut self.pace, tenant).map_err(|TenantFull| Denied::TenantFull)?;
        }
        self.client.hello(self.dialect.protocol(), admitted.subject());
        Ok(admitted)
    }

    /// Opens the document of a client of y-websocket. One that is refused comes back at once, so it is kept for a moment.
    async fn enter_at_once(&mut self, name: &str, token: Option<&str>) {
        let denied = match self.admit(token, name).await {
            Ok(admitted) => return self.join(&[], name, Arc::new([]), admitted).await,
            Err(denied) => denied,
        };
        tracing::info!(%denied, "refused");
        self.rejected(denied.code().into());
        self.reply(&[], Reply::Denied(self.dialect, &denied.to_string()));
        tokio::time::sleep(YJS_REFUSAL_PAUSE).await;
        self.outbox.close(denied.close_code(), &denied.to_string());
    }

    /// Opens a document of a client of Hocuspocus by its token, and works off what came before it.
    async fn enter(&mut self, key: &[u8], token: &str) -> Result<(), Malformed> {
        if !self.has_place(key) {
            return Ok(());
        }
        let mut prefix = Vec::new();
        push_block(&mut prefix, key);
        let name = match document_name(key) {
            Some(name) => name,
            None => return self.refuse(key, &prefix, &super::name::BadName.to_string(), CLOSE_MALFORMED),
        };
        match self.admit(Some(token), name).await {
            Ok(admitted) => {
                let waiting = self.documents.remove(key);
                self.join(key, name, prefix.into(), admitted).await;
                let Some(Entry::Waiting(frames)) = waiting else { return Ok(()) };
                for frame in frames {
                    self.waiting = (self.waiting.0 - 1, self.waiting.1 - frame.len());
                    let mut reader = Reader::new(&frame);
                    reader.text()?;
                    let message = Message::read(&mut reader, self.dialect)?;
                    self.message(key, &frame, message).await;
                }
                Ok(())
            }
            Err(denied @ (Denied::Unavailable(_) | Denied::TenantFull)) => {
                self.outbox.close(denied.close_code(), &denied.to_string());
                Ok(())
            }
            Err(denied) => self.refuse(key, &prefix, &denied.to_string(), CLOSE_UNAUTHORIZED),
        }
    }

    /// Tells a client of Hocuspocus that it may not have a document; the connection stays for others.
    fn refuse(&mut self, key: &[u8], prefix: &[u8], reason: &str, code: u16) -> Result<(), Malformed> {
        tracing::info!(reason, "refused");
        self.rejected(Rejected::Unauthorized);
        self.reply(prefix, Reply::Denied(self.dialect, reason));
        self.drop_waiting(key);
        self.refusals += 1;
        if self.refusals > YJS_REFUSALS {
            self.outbox.close(code, reason);
        }
        Ok(())
    }

    /// Joins a document, loading it if need be.
    async fn join(&mut self, key: &[u8], name: &str, prefix: Arc<[u8]>, admitted: Admitted) {
        let member = self.relay.connection_number();
        let (outbox, writes, tenant) = (self.outbox.clone(), admitted.writes, admitted.tenant().map(Arc::from));
        let since = std::time::Instant::now();
        let who = Member {
            outbox,
            prefix: prefix.clone(),
            dialect: self.dialect,
            writes,
            since,
            told: false,
            asked: false,
            turned_away: false,
            tenant,
            trace: self.trace.clone(),
        };
        let mut reason = "the document restarts: reconnect".to_owned();
        // A document that is just being unloaded hands the join back; the next handle is that of a new task.
        for _ in 0..OPEN_ATTEMPTS {
            let handle = match room::open(self.relay, name) {
                Ok(handle) => handle,
                Err(refusal) => {
                    reason = refusal.to_string();
                    break;
                }
            };
            if handle.mailbox.send(Command::Join { member, who: who.clone() }).await.is_ok() {
                self.client.opened(&super::name::shown(name));
                let open = Open::new(handle, member, prefix, admitted);
                self.documents.insert(key.to_vec(), Entry::Open(open));
                return;
            }
        }
        tokio::time::sleep(YJS_REFUSAL_PAUSE).await;
        self.outbox.close(CLOSE_TRY_AGAIN, &reason);
    }

    /// Checks a fresh token for a document that is open; the one before holds until this one has passed.
    async fn renew(&mut self, key: &[u8], token: &str) {
        let Some(name) = document_name(key).map(str::to_owned) else { return };
        let (relay, peer, dialect) = (self.relay, self.peer, self.dialect);
        let Some(Entry::Open(open)) = self.documents.get_mut(key).filter(|entry| may_renew(entry)) else { return };
        let renewed = match admit(relay.access(), peer, Some(token), &name).await {
            Ok(admitted) => {
                let writes = admitted.writes;
                open.renew(admitted).map(|()| writes)
            }
            Err(denied) => Err(denied),
        };
        let (prefix, member) = (open.prefix.clone(), open.member);
        match renewed {
            Ok(writes) => {
                // A document that has ended has nobody to limit.
                open.send(Command::Rights { member, writes }).await;
                self.reply(&prefix, Reply::Entered { writes });
            }
            Err(denied) => self.reply(&prefix, Reply::Denied(dialect, &denied.to_string())),
        }
    }

    /// Ends documents whose grant is over or revoked, and asks for fresh tokens.
    async fn look_at_grants(&mut self) {
        let (access, mut over) = (self.relay.access(), Vec::new());
        for (key, entry) in &mut self.documents {
            let Entry::Open(open) = entry else { continue };
            match open.check(access) {
                Err(denied) => over.push((key.clone(), denied)),
                Ok(()) => {
                    if let Some(question) = open.question(self.dialect, access) {
                        self.outbox.push(vec![question.into()], Importance::Required);
                    }
                }
            }
        }
        for (key, denied) in over {
            let reason = denied.to_string();
            tracing::info!(%denied, "a document ends on a connection");
            if let Some(Entry::Open(open)) = self.documents.get(&key) {
                let prefix = open.prefix.clone();
                self.reply(&prefix, Reply::Denied(self.dialect, &reason));
                if self.dialect == Dialect::Hocuspocus {
                    self.reply(&prefix, Reply::Closed(&reason));
                }
            }
            self.close_document(&key).await;
            if !self.has_open() {
                self.outbox.close(denied.close_code(), &reason);
            }
        }
        if self.idle_since.elapsed() >= YJS_IDLE_TIMEOUT && !self.has_open() {
            self.outbox.close(CLOSE_UNAUTHORIZED, "no document was opened with a token");
        }
    }

    fn has_open(&self) -> bool {
        self.documents.values().any(|entry| matches!(entry, Entry::Open(_)))
    }

    /// When to look at grants again.
    fn next_look(&self) -> Instant {
        let access = self.relay.access();
        let open = self.documents.values().filter_map(|entry| match entry {
            Entry::Open(open) => open.next_look(access),
            Entry::Waiting(_) => None,
        });
        let idle = (!self.has_open()).then(|| YJS_IDLE_TIMEOUT.saturating_sub(self.idle_since.elapsed()));
        Instant::now() + open.chain(idle).min().unwrap_or(PAUSE).min(PAUSE)
    }

    async fn close_document(&mut self, key: &[u8]) {
        if let Some(Entry::Open(open)) = self.documents.remove(key) {
            // A document that has ended has no members to take out.
            self.client.left(&super::name::shown(&open.handle.name));
            open.send(Command::Leave { member: open.member }).await;
        }
        self.idle_since = Instant::now();
    }

    /// A frame that says nothing: presence of nobody.
    fn keep_alive(&self) {
        let open = self.documents.values().find_map(|entry| match entry {
            Entry::Open(open) => Some(&open.prefix),
            Entry::Waiting(_) => None,
        });
        if let Some(prefix) = open {
            self.outbox.push(vec![Reply::Presence(&[0]).encode(prefix).into()], Importance::Droppable);
        }
    }

    fn reply(&self, prefix: &[u8], reply: Reply<'_>) {
        self.outbox.push(vec![reply.encode(prefix).into()], Importance::Required);
    }

    async fn leave(self) {
        for entry in self.documents.into_values() {
            if let Entry::Open(open) = entry {
                // A document that has ended has no members to take out.
                open.send(Command::Leave { member: open.member }).await;
            }
        }
    }
}

fn may_renew(entry: &Entry) -> bool {
    matches!(entry, Entry::Open(open) if open.may_renew())
}

/// The name of the document in a frame of Hocuspocus; behind it may stand the name of one of several sessions.
fn document_name(key: &[u8]) -> Option<&str> {
    let key = std::str::from_utf8(key).ok()?;
    let (name, session) = key.split_once('\0').unwrap_or((key, ""));
    (super::name::check(name).is_ok() && session.len() <= SESSION_BYTES).then_some(name)
}
