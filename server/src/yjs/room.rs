//! The task of one document: updates in, frames and log entries out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Bytes;

use super::document::{Change, Document, Refused};
use super::manage::{Order, Orders};
use super::member::{Member, Members};
use super::message::{Dialect, Reply};
use super::presence::Presence;
use super::restore::restore;
use crate::limits::{ROOM_TICK, ROOM_TURN, YJS_PRESENCE_PAUSE, YJS_REFUSAL_PAUSE};
use crate::metrics::{Acks, Level, Outcome, Rejected};
use crate::relay::{CANNOT_STORE, Compaction, Relay, RoomSizes, Seed, Share, now_ms};
use crate::socket::{CLOSE_TRY_AGAIN, Importance};
use crate::store::{Report, Reports, Saved};
use crate::trace::RoomTrace;

/// Answers to state vectors that are kept until the document changes: of new clients, and of those that come back at once.
const ANSWERS: usize = 4;

/// What a connection has for a document. Everything in it was checked.
pub(crate) enum Command {
    /// It opens the document.
    Join { member: u64, who: Member },
    /// It may write from now on, or not any more.
    Rights { member: u64, writes: bool },
    /// It says what it has and asks for the rest.
    Vector { member: u64, vector: Bytes },
    /// It has something new, which came at `received`. The permit is for the memory.
    Update { member: u64, update: Bytes, received: std::time::Instant, _space: OwnedSemaphorePermit },
    /// Who is there.
    Presence { member: u64, update: Bytes },
    /// It asks who is there.
    Query { member: u64 },
    /// It has gone.
    Leave { member: u64 },
    /// An operator asks something.
    Manage(Order),
}

/// An acknowledgement that waits for the disk.
struct Ack {
    /// Log entry that must be there.
    id: u64,
    member: u64,
    /// The frame to send; without it that the update is stored.
    echo: Option<Bytes>,
}

/// An answer to a state vector: the vector, the prefix of the frame, and the frame.
type Answer = (Bytes, Arc<[u8]>, Bytes);

struct Serving {
    seed: Seed<Command>,
    members: Members,
    document: Document,
    presence: Presence,
    answers: Vec<Answer>,
    acks: VecDeque<Ack>,
    /// How long updates wait for them.
    times: Acks,
    orders: Orders,
    /// Last log entry that was handed to the store, and the last one that the disk has.
    written: u64,
    durable: u64,
    reports: mpsc::UnboundedReceiver<Report>,
    reporter: Reports,
    compaction: Compaction,
    trace: RoomTrace,
    /// When changes of presence go out next, and when they last did.
    told: Instant,
    empty_since: Option<Instant>,
    share: Share,
    is_full: bool,
    /// The tenant of the first who came into a document that is new.
    owner: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Continue,
    End,
}

/// Loads the document and serves it until nobody needs it; ends at once if it cannot be loaded.
pub(super) async fn run(seed: Seed<Command>) {
    let mut span = seed.relay.tracing().and_then(|tracing| tracing.load(&super::name::shown(&seed.name)));
    let restored = restore(&seed).await;
    if let Some(span) = &mut span {
        span.loaded(restored.as_ref().map(|(_, saved)| saved.log.len() as u64));
    }
    drop(span);
    match restored {
        Ok((document, saved)) => {
            tracing::debug!(document = &*seed.name, entries = saved.log.len(), "document loaded");
            seed.relay.metrics().loads.of(Outcome::Ok).inc();
            let sizes = (saved.log_bytes() + snapshot_bytes(&saved), saved.last_id() > 0);
            let share = Share::of(&seed.relay, &seed.store, (&seed.name, &saved.about), sizes).await;
            Serving::new(seed, document, &saved, share).run().await;
        }
        Err(error) => {
            tracing::error!(document = &*seed.name, %error, "document refused");
            seed.relay.metrics().loads.of(Outcome::Failed).inc();
            refuse(seed).await;
        }
    }
}

/// Answers everyone who waits, after a moment, since they come back at once; the next join tries to load again.
async fn refuse(mut seed: Seed<Command>) {
    seed.relay.yjs().registry.forget(&seed.name, seed.alias);
    seed.commands.close();
    tokio::time::sleep(YJS_REFUSAL_PAUSE).await;
    while let Some(command) = seed.commands.recv().await {
        if let Command::Join { who, .. } = command {
            who.outbox.close(CLOSE_TRY_AGAIN, "the document cannot be loaded: the relay's log says why");
        }
    }
}

/// Whatever ends the task, a panic included, nobody is left waiting on a dead document.
impl Drop for Serving {
    fn drop(&mut self) {
        self.seed.relay.yjs().registry.forget(&self.seed.name, self.seed.alias);
        for member in self.members.by_number.values() {
            member.outbox.close(CLOSE_TRY_AGAIN, "the document restarts: reconnect");
        }
    }
}

impl Serving {
    fn new(seed: Seed<Command>, document: Document, saved: &Saved, share: Share) -> Serving {
        let (reporter, reports) = mpsc::unbounded_channel();
        let settings = &seed.relay.config().room;
        Serving {
            compaction: Compaction::new(settings, saved.log.len() as u64, saved.log_bytes(), snapshot_bytes(saved)),
            trace: RoomTrace::new(seed.relay.tracing(), &super::name::shown(&seed.name)),
            seed,
            members: Members::default(),
            document,
            presence: Presence::default(),
            answers: Vec::new(),
            acks: VecDeque::new(),
            times: Acks::default(),
            orders: Orders::default(),
            written: saved.last_id(),
            durable: saved.last_id(),
            reports,
            reporter,
            told: Instant::now(),
            empty_since: Some(Instant::now()),
            share,
            is_full: false,
            owner: None,
        }
    }

    async fn run(mut self) {
        let mut turn = Vec::new();
        let idle = Duration::from_secs(self.seed.relay.config().room.idle_seconds);
        let mut ticks = tokio::time::interval(ROOM_TICK.min(idle / 2));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let tell_at = self.told + YJS_PRESENCE_PAUSE;
            let step = tokio::select! {
                Some(report) = self.reports.recv() => self.report(report),
                count = self.seed.commands.recv_many(&mut turn, ROOM_TURN) => {
                    self.look_at_quota().await;
                    for command in turn.drain(..) {
                        self.command(command).await;
                    }
                    // Without senders the relay drains: the document ends, and the store writes what it was given.
                    if count == 0 { Step::End } else { Step::Continue }
                }
                () = sleep_until(tell_at), if self.presence.has_changed() => Step::Continue,
                _ = ticks.tick() => self.tick(),
            };
            self.tell_presence();
            self.trace.accepted();
            self.look_at_quota().await;
            self.tell_sizes();
            if step == Step::End || self.orders.carry_out(&mut self.document).await.is_none() {
                return;
            }
            let is_ordered = self.orders.snapshots.are_wanted() && self.compaction.is_possible();
            if (self.compaction.is_due(now_ms()) || is_ordered) && self.compact().await.is_none() {
                return;
            }
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Join { member, who } => self.join(member, who),
            Command::Rights { member, writes } => {
                if let Some(who) = self.members.by_number.get_mut(&member) {
                    (who.writes, who.told) = (writes, false);
                }
            }
            Command::Vector { member, vector } => self.answer(member, vector),
            Command::Update { member, update, received, .. } => self.update(member, update, received).await,
            Command::Presence { member, update } => {
                if let Some(who) = self.members.by_number.get(&member) {
                    self.presence.take(member, who.since, &update);
                }
            }
            Command::Query { member } => {
                if let Some(who) = self.members.by_number.get(&member) {
                    self.show_presence(who);
                }
            }
            Command::Leave { member } => self.leave(member),
            Command::Manage(order) => self.orders.take(&self.document, self.durable >= self.written, order),
        }
    }

    fn join(&mut self, member: u64, who: Member) {
        self.empty_since = None;
        self.owner = self.owner.take().or(who.tenant.clone());
        match who.dialect {
            Dialect::Sync => who.reply(Reply::Vector(&self.document.vector()), Importance::Required),
            // It asks first, and is asked with the answer. Told earlier, it could miss what others write meanwhile.
            Dialect::Hocuspocus => who.reply(Reply::Entered { writes: who.writes }, Importance::Required),
        }
        self.show_presence(&who);
        self.members.by_number.insert(member, who);
    }

    fn leave(&mut self, member: u64) {
        self.members.by_number.remove(&member);
        self.presence.leave(member);
    }

    fn show_presence(&self, who: &Member) {
        if let Some(all) = self.presence.all() {
            who.reply(Reply::Presence(&all), Importance::Droppable);
        }
    }

    /// Sends what a client lacks. Many ask the same at once, so answers are kept until the document changes.
    fn answer(&mut self, member: u64, vector: Bytes) {
        let Some(who) = self.members.by_number.get_mut(&member) else { return };
        if std::mem::replace(&mut who.asked, true) {
            self.seed.relay.metrics().resyncs.inc();
        }
        let kept = self.answers.iter().find(|(asked, prefix, _)| *asked == vector && *prefix == who.prefix);
        let frame = match kept {
            Some((_, _, frame)) => frame.clone(),
            None => {
                // The vector was checked.
                let Ok(lacking) = self.document.lacking(&vector) else { return };
                let frame = Bytes::from(Reply::Lacking(&lacking).encode(&who.prefix));
                if self.answers.len() >= ANSWERS {
                    self.answers.remove(0);
                }
                // A copy, since the vector is a part of a frame that may be large.
                self.answers.push((Bytes::copy_from_slice(&vector), who.prefix.clone(), frame.clone()));
                frame
            }
        };
        who.push(frame, Importance::Required);
        if who.dialect == Dialect::Hocuspocus {
            who.reply(Reply::Vector(&self.document.vector()), Importance::Required);
        }
    }

    async fn update(&mut self, member: u64, update: Bytes, received: std::time::Instant) {
        let metrics = self.seed.relay.metrics().clone();
        let Some(who) = self.members.by_number.get_mut(&member) else { return };
        if !who.writes {
            // The update was checked; what is known already is no try to write.
            let stored = !self.document.has_news(&update).unwrap_or(true);
            if !stored {
                metrics.rejected.of(Rejected::Forbidden).inc();
            }
            return refuse_update(who, stored, "this token may read the document, not write");
        }
        if !self.seed.store.takes_writes() && self.document.has_news(&update).unwrap_or(true) {
            metrics.rejected.of(Rejected::Store).inc();
            refuse_update(who, false, CANNOT_STORE);
            return who.outbox.close(CLOSE_TRY_AGAIN, CANNOT_STORE);
        }
        // An update without blocks deletes, which makes space.
        let space = self.share.space().filter(|space| space.left == 0 && update.first() != Some(&0));
        if let Some(space) = space.filter(|_| self.document.has_news(&update).unwrap_or(true)) {
            who.turned_away = true;
            metrics.rejected.of(Rejected::Quota).inc();
            return refuse_update(who, false, &space.reason);
        }
        let news = match self.document.merge(&update) {
            Ok(Change::Nothing) => return self.acknowledge(member, &update),
            Ok(Change::All) => update.to_vec(),
            Ok(Change::Part(news)) => news,
            Err(refused) => {
                tracing::info!(document = &*self.seed.name, %refused, "an update is refused");
                metrics.rejected.of(reason(&refused)).inc();
                refuse_update(who, false, &refused.to_string());
                if refused == Refused::Gaps {
                    metrics.resyncs.inc();
                    who.outbox.close(CLOSE_TRY_AGAIN, &refused.to_string());
                }
                return;
            }
        };
        self.answers.clear();
        self.members.broadcast(Reply::Update(&news), Some(member), Importance::Required);
        self.written += 1;
        self.times.wrote_for_disk(self.written, received);
        self.acknowledge(member, &update);
        self.compaction.wrote(news.len() as u64, now_ms());
        let name = super::name::stored(&self.seed.name);
        let tenant = self.share.tenant();
        let trace = self.members.by_number.get(&member).and_then(|who| who.trace.as_deref());
        self.trace.wrote(trace, self.written..=self.written, received);
        let cause = self.trace.cause(self.written);
        self.seed.store.append_for((tenant, cause), &name, self.written, news, &self.reporter).await;
        self.count();
    }

    /// Counts what the document has.
    fn count(&mut self) {
        let (log_bytes, snapshot_bytes) = self.compaction.bytes_to_be();
        self.share.tell(log_bytes + snapshot_bytes, self.written > 0);
        if self.share.is_limited() && self.share.wants_snapshot(log_bytes, snapshot_bytes) {
            self.compaction.hurry(now_ms());
        }
    }

    /// Once there is space again, whoever was refused for want of it has to come again: it then sends all that is missing.
    async fn look_at_quota(&mut self) {
        self.share.claim(&mut self.owner, &self.seed.relay, &self.seed.store, &self.seed.name).await;
        self.count();
        let is_full = self.share.is_full();
        if std::mem::replace(&mut self.is_full, is_full) && !is_full {
            for who in self.members.by_number.values().filter(|who| who.turned_away) {
                self.seed.relay.metrics().resyncs.inc();
                who.outbox.close(CLOSE_TRY_AGAIN, "there is space again: reconnect");
            }
        }
    }

    /// Says that an update is stored, as soon as everything that was written so far is.
    fn acknowledge(&mut self, member: u64, update: &[u8]) {
        let Some(who) = self.members.by_number.get(&member) else { return };
        let echo = (who.dialect == Dialect::Sync).then(|| Reply::Update(update).encode(&who.prefix).into());
        self.acks.push_back(Ack { id: self.written, member, echo });
        self.send_acks();
    }

    fn send_acks(&mut self) {
        while let Some(ack) = self.acks.pop_front_if(|ack| ack.id <= self.durable) {
            let Some(who) = self.members.by_number.get(&ack.member) else { continue };
            match ack.echo {
                Some(frame) => who.push(frame, Importance::Required),
                None => who.reply(Reply::Status(true), Importance::Required),
            }
        }
    }

    fn report(&mut self, report: Report) -> Step {
        match report {
            Report::Durable { upto } => {
                self.durable = self.durable.max(upto);
                self.times.reached(Level::Durable, upto, self.seed.relay.metrics());
                self.trace.durable(upto);
                self.send_acks();
            }
            Report::Failed { from, reason } => {
                // What is in memory is not what is stored: everyone reconnects, and it is loaded anew.
                tracing::error!(document = &*self.seed.name, from, reason, "the document ends because a write failed");
                self.trace.failed(&reason);
                return Step::End;
            }
            Report::Compacted { .. } => {
                self.compaction.done();
                self.seed.relay.metrics().compactions.of(Outcome::Ok).inc();
                self.orders.snapshots.ended(&Ok(()));
                self.trace.compacted(Ok(()));
            }
            Report::CompactFailed { reason } => {
                tracing::warn!(document = &*self.seed.name, reason, "compaction failed; the log is kept");
                self.compaction.failed();
                self.trace.compacted(Err(&reason));
                self.seed.relay.metrics().compactions.of(Outcome::Failed).inc();
                self.orders.snapshots.ended(&Err(reason));
            }
        }
        Step::Continue
    }

    /// Tells how large it is, for those who look without asking.
    fn tell_sizes(&self) {
        let (connections, last_entry) = (self.members.by_number.len() as u64, self.written);
        self.seed.gauges.tell(RoomSizes { connections, last_entry, ..self.compaction.sizes() });
    }

    /// Tells everybody what has changed of presence, at most so often.
    fn tell_presence(&mut self) {
        if self.presence.has_changed() && self.told.elapsed() >= YJS_PRESENCE_PAUSE {
            self.told = Instant::now();
            let changes = self.presence.changes();
            self.members.broadcast(Reply::Presence(&changes), None, Importance::Droppable);
        }
    }

    fn tick(&mut self) -> Step {
        let ended = self.members.by_number.iter().filter(|(_, who)| who.outbox.is_closing());
        for member in ended.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.leave(member);
        }
        self.presence.tick();
        if !self.members.by_number.is_empty() || self.durable < self.written {
            self.empty_since = None;
            return Step::Continue;
        }
        let idle = Duration::from_secs(self.seed.relay.config().room.idle_seconds);
        let since = *self.empty_since.get_or_insert_with(Instant::now);
        let registry = &self.seed.relay.yjs().registry;
        if since.elapsed() < idle || !registry.unload_if_unused(&self.seed.name, self.seed.alias) {
            return Step::Continue;
        }
        tracing::debug!(document = &*self.seed.name, "document unloaded");
        Step::End
    }

    /// Hands a snapshot to the store, and keeps the document in the same compact form. `None` if that panicked.
    async fn compact(&mut self) -> Option<()> {
        let document = std::mem::take(&mut self.document);
        self.trace.compacts();
        let task = tokio::task::spawn_blocking(move || {
            let compact = document.compacted();
            let snapshot = compact.snapshot();
            (compact, snapshot)
        });
        let (document, snapshot) = task.await.ok()?;
        self.document = document;
        self.answers.clear();
        self.orders.snapshots.started();
        self.trace.snapshot(snapshot.len(), self.written);
        self.compaction.start(snapshot.len() as u64, now_ms());
        let name = super::name::stored(&self.seed.name);
        self.seed.store.compact(&name, self.written, snapshot, None, &self.reporter).await;
        Some(())
    }
}

fn snapshot_bytes(saved: &Saved) -> u64 {
    saved.snapshot.as_ref().map_or(0, |(_, blob)| blob.len() as u64)
}

/// Why an update is not taken, as it is counted.
fn reason(refused: &Refused) -> Rejected {
    match refused {
        Refused::Malformed(_) => Rejected::Damaged,
        Refused::Gaps => Rejected::Resync,
        Refused::Full => Rejected::Limit,
    }
}

/// Answers an update that is not taken. y-websocket has no word for it but this warning, which it gets once.
fn refuse_update(who: &mut Member, stored: bool, reason: &str) {
    match who.dialect {
        Dialect::Hocuspocus => who.reply(Reply::Status(stored), Importance::Required),
        Dialect::Sync if !stored && !who.told => {
            who.told = true;
            who.reply(Reply::Denied(Dialect::Sync, reason), Importance::Required);
        }
        Dialect::Sync => {}
    }
}

/// Opens a document, starting its task if need be.
pub(super) fn open(relay: &Arc<Relay>, name: &str) -> Result<Handle, crate::relay::OpenRefusal> {
    relay.yjs().registry.open(relay, name, |seed| drop(tokio::spawn(run(seed))))
}

/// Reaches a document.
pub(super) type Handle = crate::relay::RoomHandle<Command>;
