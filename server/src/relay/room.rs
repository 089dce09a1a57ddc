//! The task of one room: messages in, frames and log entries out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use syncline::link::{ErrorCode, Message, RemoteError};
use syncline::replica::{FrameKind, Rights, Room, RoomInput, RoomOutput};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Bytes;

use super::CANNOT_STORE;
use super::compaction::Compaction;
use super::former::{self, Former};
use super::manage::{Manage, Orders};
use super::now_ms;
use super::quota::Share;
use super::registry::Seed;
use super::restore::{RestoreError, Restored, restore};
use super::sizes::RoomSizes;
use crate::limits::{PRESENCE_GATHER, ROOM_TICK, ROOM_TURN};
use crate::metrics::{Acks, Level, Outcome};
use crate::socket::{Importance, Outbox};
use crate::store::{Report, Reports};
use crate::trace::{RoomTrace, WriteTrace};

/// Close code when a room is not available for a moment.
const CLOSE_TRY_AGAIN: u16 = 1013;

/// What a connection has for a room.
pub(crate) enum RoomCommand {
    /// The connection opens the room.
    Join { connection: u64, outbox: Arc<Outbox>, rights: Rights, tenant: Option<Arc<str>>, message: Box<Message> },
    /// What the connection may do is another thing now.
    Rights { connection: u64, rights: Rights },
    /// The connection has a message for the room it opened, which came at `received`.
    Message { connection: u64, message: Box<Message>, received: std::time::Instant, trace: Option<Arc<WriteTrace>> },
    /// The connection has ended.
    Leave { connection: u64 },
    /// An operator asks something.
    Manage(Box<Manage>),
}

/// A room's task before its data is loaded.
pub(super) type RoomTask = Seed<RoomCommand>;

/// A room that is served.
pub(super) struct Serving {
    pub(super) task: RoomTask,
    pub(super) connections: HashMap<u64, Arc<Outbox>>,
    reports: mpsc::UnboundedReceiver<Report>,
    reporter: Reports,
    pub(super) compaction: Compaction,
    acks: Acks,
    trace: RoomTrace,
    pub(super) orders: Orders,
    former: Former,
    pub(super) share: Share,
    pub(super) is_full: bool,
    /// The tenant of the first who came into a room that is new.
    pub(super) owner: Option<Arc<str>>,
    /// Fragments of a message whose last one the room has not said yet.
    partial: Vec<Bytes>,
    /// The latest presence of each connection that was not handed to the room yet.
    presence: BTreeMap<u64, Box<Message>>,
    /// When it is.
    presence_due: Option<Instant>,
    /// Since when nobody is connected.
    empty_since: Option<Instant>,
}

/// Says whether a room goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Continue,
    End,
}

/// Loads the room and serves it until nobody needs it; ends at once if it cannot be loaded.
pub(super) async fn run(mut task: RoomTask) {
    let mut span = task.relay.tracing().and_then(|tracing| tracing.load(&task.name));
    let restored = Box::pin(restore(&task.store, &task.name, task.alias)).await;
    if let Some(span) = &mut span {
        span.loaded(restored.as_ref().map(|restored| restored.log_entries));
    }
    drop(span);
    match restored {
        Ok(restored) => {
            tracing::debug!(room = &*task.name, entries = restored.log_entries, "room loaded");
            task.relay.metrics().loads.of(Outcome::Ok).inc();
            // Boxed, as what comes before it: a room that is idle does not pay for how it was loaded.
            Box::pin(serve(task, restored)).await;
        }
        Err(RestoreError::Deleted) => {
            tracing::debug!(room = &*task.name, "room refused, it was deleted");
            task.refuse(&|outbox| former::turn_away(outbox, former::DELETED)).await;
        }
        Err(error) => {
            tracing::error!(room = &*task.name, %error, "room refused");
            task.relay.metrics().loads.of(Outcome::Failed).inc();
            task.refuse(&cannot_load).await;
        }
    }
}

impl RoomTask {
    /// Answers everyone who waits; the next join tries to load again.
    pub(super) async fn refuse(&mut self, tell: &(dyn Fn(&Outbox) + Sync)) {
        self.relay.forget(&self.name, self.alias);
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            if let RoomCommand::Join { outbox, .. } = command {
                tell(&outbox);
            }
        }
    }
}

fn cannot_load(outbox: &Outbox) {
    let reason = "the room cannot be loaded: the relay's log says why";
    let error = RemoteError::temporary(ErrorCode::Unavailable, reason);
    outbox.push_message(&Message::Error { alias: None, error });
    outbox.close(CLOSE_TRY_AGAIN, reason);
}

/// Whatever ends the task, a panic included, nobody is left waiting on a dead room.
impl Drop for Serving {
    fn drop(&mut self) {
        self.task.relay.forget(&self.task.name, self.task.alias);
        for outbox in self.connections.values() {
            outbox.close(CLOSE_TRY_AGAIN, "the room restarts: reconnect");
        }
    }
}

async fn serve(task: RoomTask, restored: Restored) {
    let (settings, history) = (task.relay.config().room.clone(), task.relay.config().history.clone());
    let (reporter, reports) = mpsc::unbounded_channel();
    let trace = RoomTrace::new(task.relay.tracing(), &task.name);
    let sizes = (restored.log_bytes + restored.snapshot_bytes, restored.room.last_persist() > 0);
    let share = Share::of(&task.relay, &task.store, (&task.name, &restored.about), sizes).await;
    let mut room = restored.room;
    let mut serving = Serving {
        task,
        connections: HashMap::new(),
        reports,
        reporter,
        compaction: Compaction::new(&settings, restored.log_entries, restored.log_bytes, restored.snapshot_bytes)
            .timed(&history, restored.log_since),
        acks: Acks::default(),
        trace,
        orders: Orders::default(),
        former: Former::new(&restored.about.former),
        share,
        is_full: false,
        owner: None,
        partial: Vec::new(),
        presence: BTreeMap::new(),
        presence_due: None,
        empty_since: Some(Instant::now()),
    };
    let mut turn = Vec::new();
    let idle = Duration::from_secs(settings.idle_seconds);
    let mut ticks = tokio::time::interval(ROOM_TICK.min(idle / 2));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let step = tokio::select! {
            Some(report) = serving.reports.recv() => serving.report(&mut room, report),
            count = serving.task.commands.recv_many(&mut turn, ROOM_TURN) => {
                // Other rooms of the tenant may have taken, or left, what there was.
                serving.look_at_quota(&mut room).await;
                turn.drain(..).for_each(|command| serving.command(&mut room, command));
                // Without senders the relay drains: the room ends, and the store writes what it was given.
                if count == 0 { Step::End } else { Step::Continue }
            }
            () = due(serving.presence_due) => {
                serving.tell_presence(&mut room);
                Step::Continue
            }
            _ = ticks.tick() => serving.tick(&mut room),
        };
        serving.write_out(&mut room).await;
        serving.turn_ends(&room);
        if step == Step::End {
            return;
        }
        let Some(same) = serving.orders.carry_out(room).await else { return };
        room = same;
        serving.write_out(&mut room).await;
        if serving.end_deleted(&room).await {
            return;
        }
        serving.look_at_quota(&mut room).await;
        if serving.compaction.is_due(now_ms())
            || serving.orders.snapshots.are_wanted() && serving.compaction.is_possible()
        {
            let Some(same) = serving.compact(room).await else { return };
            room = same;
        }
    }
}

impl Serving {
    fn command(&mut self, room: &mut Room, command: RoomCommand) {
        let now = now_ms();
        match command {
            RoomCommand::Join { outbox, message, .. } if self.former.knows(&message, room) => {
                self.task.relay.metrics().rejected.of(ErrorCode::Deleted.into()).inc();
                former::turn_away_copy(&outbox);
            }
            RoomCommand::Join { connection, outbox, rights, tenant, message } => {
                self.owner = self.owner.take().or(tenant);
                self.connections.insert(connection, outbox);
                // It may come under another id now, which may not tell the presence of the one before.
                self.presence.remove(&connection);
                self.empty_since = None;
                room.handle(RoomInput::Rights { conn: connection, rights }, now);
                room.handle(RoomInput::Message { conn: connection, message: *message }, now);
            }
            RoomCommand::Rights { connection, rights } => {
                room.handle(RoomInput::Rights { conn: connection, rights }, now)
            }
            RoomCommand::Message { connection, message, .. } if matches!(*message, Message::Presence { .. }) => {
                // Each tells all that there is to know of a client, so the one before it need not be told.
                if self.connections.contains_key(&connection) {
                    self.presence.insert(connection, message);
                    self.presence_due.get_or_insert_with(|| Instant::now() + PRESENCE_GATHER);
                }
            }
            RoomCommand::Message { connection, message, .. }
                if matches!(*message, Message::Live { .. } | Message::Delta { .. })
                    && !self.task.store.takes_writes() =>
            {
                self.turn_away(connection);
            }
            RoomCommand::Message { connection, message, received, trace } => {
                let before = room.last_persist();
                if matches!(*message, Message::Ask { .. }) {
                    self.task.relay.metrics().resyncs.inc();
                }
                room.handle(RoomInput::Message { conn: connection, message: *message }, now);
                if room.last_persist() > before {
                    self.acks.wrote(room.last_persist(), received);
                    let entries = before + 1..=room.last_persist();
                    self.trace.wrote(trace.as_deref(), entries, received);
                }
            }
            RoomCommand::Manage(order) => self.orders.take(room, *order),
            RoomCommand::Leave { connection } => {
                self.connections.remove(&connection);
                self.presence.remove(&connection);
                room.handle(RoomInput::Leave { conn: connection }, now);
            }
        }
    }

    /// Lets a writer come back later, while those who read stay.
    fn turn_away(&self, connection: u64) {
        let Some(outbox) = self.connections.get(&connection) else { return };
        let error = RemoteError::temporary(ErrorCode::Store, CANNOT_STORE);
        outbox.push_message(&Message::Error { alias: Some(self.task.alias), error });
        outbox.close(CLOSE_TRY_AGAIN, CANNOT_STORE);
    }

    fn tell_presence(&mut self, room: &mut Room) {
        self.presence_due = None;
        for (connection, message) in std::mem::take(&mut self.presence) {
            room.handle(RoomInput::Message { conn: connection, message: *message }, now_ms());
        }
    }

    fn report(&mut self, room: &mut Room, report: Report) -> Step {
        let now = now_ms();
        match report {
            Report::Durable { upto } => {
                room.handle(RoomInput::Durable { upto }, now);
                self.orders.durable(upto);
                self.acks.reached(Level::Durable, upto, self.task.relay.metrics());
                self.trace.durable(upto);
            }
            Report::Failed { from, reason } => {
                // What is in memory is not what is stored: tell everyone, and load anew for the next join.
                tracing::error!(room = &*self.task.name, from, reason, "the room ends because a write failed");
                self.trace.failed(&reason);
                self.tell_all(&RemoteError::temporary(ErrorCode::Store, format!("{CANNOT_STORE}: {reason}")));
                room.handle(RoomInput::StoreFailed { reason }, now);
                return Step::End;
            }
            Report::Compacted { upto } => {
                tracing::debug!(room = &*self.task.name, upto, "compacted");
                self.compaction.done();
                self.trace.compacted(Ok(()));
                self.task.relay.metrics().compactions.of(Outcome::Ok).inc();
                self.orders.snapshots.ended(&Ok(()));
            }
            Report::CompactFailed { reason } => {
                tracing::warn!(room = &*self.task.name, reason, "compaction failed; the log is kept");
                self.compaction_failed(reason);
            }
        }
        Step::Continue
    }

    fn tick(&mut self, room: &mut Room) -> Step {
        self.remove_ended(room);
        if !self.connections.is_empty() || !room.is_durable() {
            self.empty_since = None;
            return Step::Continue;
        }
        let idle = Duration::from_secs(self.task.relay.config().room.idle_seconds);
        let since = *self.empty_since.get_or_insert_with(Instant::now);
        if since.elapsed() < idle || !self.task.relay.unload_if_unused(&self.task.name, self.task.alias) {
            return Step::Continue;
        }
        tracing::debug!(room = &*self.task.name, "room unloaded");
        Step::End
    }

    /// Takes out connections whose task ended without saying so.
    fn remove_ended(&mut self, room: &mut Room) {
        let ended: Vec<u64> =
            self.connections.iter().filter(|(_, outbox)| outbox.is_closing()).map(|(number, _)| *number).collect();
        for connection in ended {
            self.connections.remove(&connection);
            self.presence.remove(&connection);
            room.handle(RoomInput::Leave { conn: connection }, now_ms());
        }
    }

    fn compaction_failed(&mut self, reason: String) {
        self.compaction.failed();
        self.trace.compacted(Err(&reason));
        self.task.relay.metrics().compactions.of(Outcome::Failed).inc();
        self.orders.snapshots.ended(&Err(reason));
    }

    /// Tells the numbers of the room once everything is written out.
    fn turn_ends(&mut self, room: &Room) {
        self.acks.accepted(self.task.relay.metrics());
        self.trace.accepted();
        self.task.gauges.tell(RoomSizes {
            connections: self.connections.len() as u64,
            last_entry: room.last_persist(),
            ..self.compaction.sizes()
        });
    }

    /// Does what the room asks for until it has nothing more.
    pub(super) async fn write_out(&mut self, room: &mut Room) {
        while let Some(output) = room.poll() {
            match output {
                RoomOutput::Send { conn, frame, kind } => {
                    self.count_error(&frame);
                    let Some(frames) = self.whole(frame.into()) else { continue };
                    if let Some(outbox) = self.connections.get(&conn) {
                        outbox.push(frames, importance(kind));
                    }
                }
                RoomOutput::Broadcast { except, frame, kind } => {
                    let Some(frames) = self.whole(Bytes::from_owner(frame)) else { continue };
                    for (number, outbox) in &self.connections {
                        if Some(*number) != except && room.is_joined(*number) {
                            outbox.push(frames.clone(), importance(kind));
                        }
                    }
                }
                RoomOutput::Persist { id, blob } => {
                    self.compaction.wrote(blob.len() as u64, now_ms());
                    let tenant = self.share.tenant();
                    let cause = self.trace.cause(id);
                    self.task.store.append_for((tenant, cause), &self.task.name, id, blob, &self.reporter).await;
                }
                RoomOutput::Close { conn, code, reason } => {
                    if let Some(outbox) = self.connections.get(&conn) {
                        outbox.close(code, &reason);
                    }
                }
                other => tracing::error!(
                    room = &*self.task.name,
                    ?other,
                    "the room asks for something that this relay does not know"
                ),
            }
        }
    }

    /// What the room refuses it says in an error.
    fn count_error(&self, frame: &[u8]) {
        let Some(code) = syncline::link::error_code(frame) else { return };
        let metrics = self.task.relay.metrics();
        metrics.rejected.of(code.into()).inc();
        if code == ErrorCode::Resync {
            metrics.resyncs.inc();
        }
    }

    /// Collects the fragments of a message: its frames must stay together on a connection that has other rooms too.
    fn whole(&mut self, frame: Bytes) -> Option<Vec<Bytes>> {
        let more = syncline::link::is_unfinished(&frame);
        self.partial.push(frame);
        if more { None } else { Some(std::mem::take(&mut self.partial)) }
    }

    fn tell_all(&self, error: &RemoteError) {
        let message = Message::Error { alias: Some(self.task.alias), error: error.clone() };
        for outbox in self.connections.values() {
            outbox.push_message(&message);
        }
    }

    /// Hands a snapshot of the room to the store. Encoding a large one takes long, so it is not done on a worker.
    async fn compact(&mut self, room: Box<Room>) -> Option<Box<Room>> {
        self.trace.compacts();
        let encoded = tokio::task::spawn_blocking(move || {
            let snapshot = room.snapshot();
            (room, snapshot)
        });
        // Fails only if encoding panicked; the room is then loaded anew.
        let (room, snapshot) = encoded.await.ok()?;
        self.trace.snapshot(snapshot.len(), room.last_persist());
        if snapshot.len() > syncline::bounds::MESSAGE_BYTES {
            tracing::error!(
                room = &*self.task.name,
                bytes = snapshot.len(),
                "the snapshot is too large to be loaded again; the log is kept"
            );
            self.orders.snapshots.started();
            self.compaction_failed("the snapshot is too large to be loaded again; the log is kept".into());
            return Some(room);
        }
        self.orders.snapshots.started();
        self.compaction.start(snapshot.len() as u64, now_ms());
        // In a full database there is room for a snapshot in place of the one before, not beside it.
        let history = self.compaction.is_well().then(|| self.task.relay.config().history.clone());
        self.task.store.compact(&self.task.name, room.last_persist(), snapshot, history, &self.reporter).await;
        Some(room)
    }
}

/// Waits until a time, for ever if there is none.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn importance(kind: FrameKind) -> Importance {
    match kind {
        FrameKind::Data => Importance::Required,
        FrameKind::Presence => Importance::Droppable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future<F>(_: impl Fn(RoomTask, Restored) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn ten_thousand_idle_rooms_cost_little() {
        assert!(future(serve) <= 1_792, "{} bytes", future(serve));
    }
}
