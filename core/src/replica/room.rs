//! The relay's front door to one room.
//!
//! What a client writes is merged, handed to the store, passed on to the others, and acknowledged level by level. The
//! frames that go to everyone are encoded once: all readers of a room share one live stream.

use super::rights::{Rights, check_rights, is_refusal};
use super::room_io::{ConnId, FrameKind, RoomConfig, RoomInput, RoomOutput, Space};
use super::room_retire::Retirement;
use super::room_space::{batch_adds, delta_adds, full};
use super::room_welcome::Welcome;
use crate::clock::{Hlc, HlcClock, ReplicaId, VersionVector};
use crate::delta::{Batch, Blob, Delta, LiveDecoder, LiveEncoder};
use crate::doc::{ApplyError, Doc, ImportError, JoinError, Origin};
use crate::link::{AckLevel, ErrorCode, Message, Open, Opened, RemoteError, Resume};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Outstanding acks of one connection; older ones are joined beyond this.
const WAITING: usize = 4_096;

/// A connection that has opened the room.
pub(super) struct Conn {
    pub(super) replica: ReplicaId,
    /// The number of its last event, as far as it has told.
    pub(super) last: u64,
    decoder: LiveDecoder,
    pub(super) presence: Option<Vec<u8>>,
    /// As what a write was refused: what follows would leave a gap, and is refused too.
    pub(super) refused: Option<ErrorCode>,
    /// What becomes stored, and what durable, with the entry of that number.
    waiting: [VecDeque<(u64, VersionVector)>; 2],
}

/// One room of a relay.
pub struct Room {
    pub(super) config: RoomConfig,
    pub(super) doc: Doc,
    stream: LiveEncoder,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    /// What connections may do that may not do everything.
    pub(super) rights: BTreeMap<ConnId, Rights>,
    pub(super) space: Option<Space>,
    pub(super) welcome: Option<Welcome>,
    pub(super) outputs: VecDeque<RoomOutput>,
    next_persist: u64,
    stored: u64,
    pub(super) durable: u64,
    pub(super) durable_version: VersionVector,
    pending: VecDeque<(u64, VersionVector)>,
    pub(super) present: BTreeSet<ReplicaId>,
    failed: Option<String>,
    pub(super) retirement: Retirement,
    /// A horizon that is in force, and the entry of the store that says so, until that is on the disk.
    pub(super) retired_by: Option<(u64, u64)>,
}

impl Room {
    /// Makes an empty room. Bring back what the store holds with [`Room::restore`] before anyone comes in.
    pub fn new(config: RoomConfig) -> Room {
        let last = config.next_persist.saturating_sub(1);
        Room {
            doc: Doc::new(config.id),
            stream: LiveEncoder::default(),
            conns: BTreeMap::new(),
            rights: BTreeMap::new(),
            space: None,
            welcome: None,
            outputs: VecDeque::new(),
            next_persist: config.next_persist,
            stored: last,
            durable: last,
            durable_version: VersionVector::default(),
            pending: VecDeque::new(),
            present: BTreeSet::new(),
            failed: None,
            retirement: Retirement::default(),
            retired_by: None,
            config,
        }
    }

    /// Takes back one blob from the store: the snapshot, then the entries of the log in their order.
    ///
    /// # Errors
    /// [`ImportError`]: the store is damaged. Do not let anyone into the room then.
    pub fn restore(&mut self, blob: &[u8]) -> Result<(), ImportError> {
        self.doc.import(blob)?;
        match Blob::decode(blob) {
            Ok(Blob::Round(round)) => self.restore_round(&round),
            Ok(Blob::Delta(Delta { promise: Some(round), .. })) => self.restore_round(&round),
            _ => {}
        }
        self.end_overtaken_round();
        self.durable_version = self.doc.version();
        Ok(())
    }

    /// The whole state for the store. What it holds is what the entries up to [`Room::last_persist`] amount to.
    pub fn snapshot(&self) -> Vec<u8> {
        self.doc.save_with(self.promise())
    }

    /// The number of the last entry given to the store.
    pub fn last_persist(&self) -> u64 {
        self.next_persist - 1
    }

    /// The relay's copy of the document.
    pub fn doc(&self) -> &Doc {
        &self.doc
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Number of connections in the room.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Whether a connection has opened the room.
    pub fn is_joined(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    /// Whether everything in the room is on the disk, so that it may be unloaded.
    pub fn is_durable(&self) -> bool {
        self.durable == self.last_persist()
    }

    /// Takes an input at the local time `now_ms`.
    pub fn handle(&mut self, input: RoomInput, now_ms: u64) {
        match input {
            RoomInput::Message { conn, message } => self.handle_message(conn, message, now_ms),
            RoomInput::Rights { conn, rights } => self.set_rights(conn, rights),
            RoomInput::Space(space) => self.set_space(space),
            RoomInput::Leave { conn } => {
                self.rights.remove(&conn);
                self.leave(conn);
            }
            RoomInput::Stored { upto } => {
                self.stored = self.stored.max(upto);
                self.settle(AckLevel::Stored, self.stored);
            }
            RoomInput::Durable { upto } => {
                self.durable = self.durable.max(upto).min(self.last_persist());
                while let Some((_, version)) = self.pending.pop_front_if(|(id, _)| *id <= self.durable) {
                    self.durable_version.join(&version);
                }
                self.settle(AckLevel::Durable, self.durable);
                self.round_durable();
            }
            RoomInput::Retire(message) => self.handle_retire(message),
            RoomInput::MemberDelta { body } => self.handle_member_delta(&body),
            RoomInput::StoreFailed { reason } => self.failed = Some(reason),
        }
    }

    /// The next thing to do, until there is none. Presence is gathered until everything else is said.
    pub fn poll(&mut self) -> Option<RoomOutput> {
        if self.outputs.is_empty() && !self.present.is_empty() {
            self.flush_presence();
        }
        self.outputs.pop_front()
    }

    fn handle_message(&mut self, conn: ConnId, message: Message, now_ms: u64) {
        match message {
            Message::Open(open) => return self.open(conn, open, false),
            Message::Resume(resume) => return self.resume(conn, &resume),
            _ => {}
        }
        if !self.conns.contains_key(&conn) {
            return self.refuse(
                conn,
                RemoteError::new(ErrorCode::Protocol, "the room is not open on this connection: open it first"),
                Some(4400),
            );
        }
        match message {
            Message::Announce { body, .. } => {
                let learned = self.conns.get_mut(&conn).is_some_and(|conn| conn.decoder.learn(&body).is_ok());
                if !learned {
                    self.refuse(
                        conn,
                        RemoteError::new(ErrorCode::Protocol, "an announcement does not follow the ones before it"),
                        Some(4400),
                    );
                }
            }
            Message::Live { frames, .. } => self.handle_live(conn, &frames, now_ms),
            Message::Delta { body, .. } => self.handle_delta(conn, &body, now_ms),
            Message::Presence { entries, .. } => self.handle_presence(conn, entries),
            Message::Ask { ids, .. } => self.handle_ask(conn, &ids),
            Message::Leave { .. } => self.leave(conn),
            _ => self.refuse(
                conn,
                RemoteError::new(ErrorCode::Protocol, "the message is not one for a room"),
                Some(4400),
            ),
        }
    }

    /// Opens for one who says in few bytes what it has seen; if that does not suffice, it is to say all.
    fn resume(&mut self, conn: ConnId, resume: &Resume) {
        let known = self.doc.version();
        let ids = known.iter().map(|(id, _)| id).chain([resume.replica]);
        let room = resume.room.clone();
        match VersionVector::resolve(&resume.sketch, ids) {
            Ok(Some(version)) => self.open(conn, Open { room, replica: resume.replica, version }, true),
            Ok(None) => self.send(conn, &Message::Tell { room }, FrameKind::Data),
            Err(error) => self.refuse(conn, error.into(), Some(4400)),
        }
    }

    fn open(&mut self, conn: ConnId, open: Open, short: bool) {
        if self.is_fenced(&open.replica) && open.version.get(&open.replica) > 0 {
            let message = "ids are being retired: come back in a moment";
            return self.refuse(conn, RemoteError::temporary(ErrorCode::Unavailable, message), Some(1013));
        }
        let (alias, version) = (self.config.alias, self.doc.version());
        let opened = Opened {
            alias,
            version: version.clone(),
            durable: self.durable_version.clone(),
            digest: self.doc.digest(),
            stream: self.stream.reader_joined(),
        };
        let answer = match short {
            true => Message::Resumed(opened.beside(&open.version)),
            false => Message::Opened(opened),
        };
        self.send(conn, &answer, FrameKind::Data);
        if !open.version.includes(&version) {
            self.send_missing(conn, &open.version);
        }
        let last = open.version.get(&open.replica);
        let presence = self.conns.remove(&conn).and_then(|before| before.presence);
        let mut joined = Conn {
            replica: open.replica,
            last,
            decoder: LiveDecoder::default(),
            presence,
            refused: None,
            waiting: Default::default(),
        };
        if !self.is_durable() {
            // What the answer calls durable needs no ack.
            let due = |(id, seq): &(ReplicaId, u64)| *seq > self.durable_version.get(id);
            let shared: VersionVector = open.version.meet(&version).iter().filter(due).collect();
            joined.waiting.iter_mut().for_each(|waiting| waiting.push_back((self.next_persist - 1, shared.clone())));
        }
        let everyone: Vec<_> = self
            .conns
            .values()
            .filter_map(|other| other.presence.clone().map(|state| (other.replica, Some(state))))
            .collect();
        if !everyone.is_empty() {
            self.send(conn, &Message::Presence { alias, entries: everyone }, FrameKind::Presence);
        }
        self.conns.insert(conn, joined);
    }

    fn leave(&mut self, conn: ConnId) {
        if let Some(left) = self.conns.remove(&conn).filter(|left| left.presence.is_some()) {
            self.present.insert(left.replica);
        }
    }

    fn handle_live(&mut self, conn: ConnId, frames: &[Vec<u8>], now_ms: u64) {
        let mut accepted = VersionVector::default();
        let mut forbidden = None;
        for frame in frames {
            match self.take_live(conn, frame, now_ms) {
                Ok(batch) => accepted.insert(batch.writer, batch.last()),
                // Those behind it are read too, since the stream goes on.
                Err((error, None)) if is_refusal(error.code) => drop(forbidden.get_or_insert(error)),
                Err((error, code)) => {
                    self.refuse(conn, error, code);
                    break;
                }
            }
        }
        self.accepted(conn, accepted);
        if let Some(error) = forbidden.filter(|_| self.conns.contains_key(&conn)) {
            self.refuse(conn, error, None);
        }
    }

    fn take_live(&mut self, conn: ConnId, frame: &[u8], now_ms: u64) -> Result<Batch, Refusal> {
        let Some(writer) = self.conns.get_mut(&conn) else { return Err(damaged("the room is not open")) };
        let batch = writer.decoder.decode(frame).map_err(|error| damaged(error.to_string()))?;
        if batch.writer != writer.replica {
            return Err(damaged("a live frame names another writer than the connection's own"));
        }
        let full = full(&self.space).filter(|_| batch_adds(&batch));
        check_rights(&self.rights, conn, writer, full, |rights| rights.check_batch(&batch))?;
        writer.last = writer.last.max(batch.last());
        self.check_retired(&[(batch.writer, batch.last())].into_iter().collect(), now_ms)?;
        self.at_the_door(batch.hlc, now_ms)?;
        let fresh = self.doc.apply(&batch, &Origin::Link).map_err(apply_refusal)?;
        if fresh > 0 {
            let version: VersionVector = [(batch.writer, batch.last())].into_iter().collect();
            self.persist(Blob::encode_batch(&batch), version);
            let frame = self.stream.encode(&batch);
            let alias = self.config.alias;
            if let Some(body) = self.stream.take_announcement() {
                self.broadcast(None, &Message::Announce { alias, body }, FrameKind::Data);
            }
            self.broadcast(Some(conn), &Message::Live { alias, frames: vec![frame] }, FrameKind::Data);
        }
        Ok(batch)
    }

    fn handle_delta(&mut self, conn: ConnId, body: &[u8], now_ms: u64) {
        match self.take_delta(conn, body, now_ms) {
            Ok(version) => self.accepted(conn, version),
            Err((error, code)) => self.refuse(conn, error, code),
        }
    }

    fn take_delta(&mut self, conn: ConnId, body: &[u8], now_ms: u64) -> Result<VersionVector, Refusal> {
        let mut delta = Delta::decode(body).map_err(|error| damaged(error.to_string()))?;
        (delta.memory, delta.promise) = Default::default();
        let known = self.doc.version();
        if (self.rights.contains_key(&conn) || self.space.is_some())
            && known.includes(&delta.version)
            && delta.version.horizon() <= known.horizon()
        {
            return Ok(delta.version);
        }
        if let Some(writer) = self.conns.get_mut(&conn) {
            let full = full(&self.space).filter(|_| delta_adds(&delta, &known));
            check_rights(&self.rights, conn, writer, full, |rights| rights.check_delta(&delta, &known))?;
        }
        let latest = delta.dots.iter().filter_map(|dot| dot.value.as_ref().map(|(hlc, _)| *hlc)).max();
        self.at_the_door(latest.unwrap_or_default(), now_ms)?;
        self.check_claims(conn, &delta.version)?;
        self.check_retired(&delta.version, now_ms)?;
        let before = self.doc.version();
        let fresh = self.doc.join(&delta, &Origin::Link).map_err(|error| match error {
            JoinError::Apply(error) => apply_refusal(error),
            JoinError::Decode(error) => damaged(error.to_string()),
        })?;
        if delta.version.horizon() > before.horizon() {
            self.admit_ignorance();
            self.durable_version.follow(&self.doc.version());
        }
        if fresh > 0 || delta.version.horizon() > before.horizon() {
            let news = self.doc.delta_since(&before);
            self.persist(Blob::encode_delta(&news), delta.version.clone());
            let message = Message::Delta { alias: self.config.alias, body: news.encode() };
            self.broadcast(Some(conn), &message, FrameKind::Data);
            self.continue_round();
        }
        Ok(delta.version)
    }

    /// Nobody may claim more events of a writer who is here than that writer has told of itself: they would be taken for
    /// known when they come.
    fn check_claims(&self, from: ConnId, version: &VersionVector) -> Result<(), Refusal> {
        let own = self.conns.get(&from).map(|conn| conn.replica);
        let known = self.doc.version();
        let suspects = self.conns.values().filter(|other| Some(other.replica) != own);
        for suspect in suspects.filter(|other| version.get(&other.replica) > known.get(&other.replica).max(other.last))
        {
            let told =
                self.conns.values().filter(|other| other.replica == suspect.replica).map(|other| other.last).max();
            if Some(version.get(&suspect.replica)) > told {
                // Perhaps that writer's own, from a connection that is not yet known to be dead: worth another try.
                let message = "the delta has later events of a writer who is connected than that writer has told of";
                return Err((RemoteError::temporary(ErrorCode::Unavailable, message), Some(1013)));
            }
        }
        Ok(())
    }

    /// What every write must pass before it is merged.
    fn at_the_door(&self, latest: Hlc, now_ms: u64) -> Result<(), Refusal> {
        if let Some(reason) = &self.failed {
            return Err((
                RemoteError::temporary(ErrorCode::Store, format!("the relay cannot store writes now: {reason}")),
                Some(1013),
            ));
        }
        // The writes stay unsaved at the client, which shows it; a corrected clock lets later ones through.
        HlcClock::check(latest, now_ms)
            .map_err(|error| (RemoteError::new(ErrorCode::ClockSkew, error.to_string()), Some(4409)))
    }

    pub(super) fn persist(&mut self, blob: Vec<u8>, version: VersionVector) -> u64 {
        self.welcome = None;
        self.take_space(blob.len());
        let id = self.next_persist;
        self.next_persist += 1;
        self.pending.push_back((id, version));
        self.outputs.push_back(RoomOutput::Persist { id, blob });
        id
    }

    /// Acknowledges what was taken in, and notes when the higher levels will be reached.
    fn accepted(&mut self, conn: ConnId, version: VersionVector) {
        if version.is_empty() {
            return;
        }
        let last = self.last_persist();
        for (level, reached) in [(AckLevel::Stored, self.stored), (AckLevel::Durable, self.durable)] {
            if reached >= last {
                // Nothing new: it was there before.
                self.ack(conn, level, version.clone());
                continue;
            }
            let Some(conn) = self.conns.get_mut(&conn) else { return };
            let waiting = &mut conn.waiting[level as usize - 1];
            let full = waiting.len() >= WAITING;
            match waiting.back_mut() {
                Some((id, before)) if *id == last || full => {
                    before.join(&version);
                    *id = last;
                }
                _ => waiting.push_back((last, version.clone())),
            }
        }
        if self.durable < last {
            self.ack(conn, AckLevel::Accepted, version);
        }
    }

    /// Acknowledges what has reached a level with the entry `upto`.
    fn settle(&mut self, level: AckLevel, upto: u64) {
        let mut reached = Vec::new();
        for (&conn, state) in &mut self.conns {
            let mut joined = VersionVector::default();
            while let Some((_, version)) = state.waiting[level as usize - 1].pop_front_if(|(id, _)| *id <= upto) {
                joined.join(&version);
            }
            if level == AckLevel::Durable {
                // Durable includes stored, whether the store told of it or not.
                state.waiting[0].retain(|(id, _)| *id > upto);
            }
            if !joined.is_empty() {
                reached.push((conn, joined));
            }
        }
        reached.into_iter().for_each(|(conn, version)| self.ack(conn, level, version));
    }

    fn ack(&mut self, conn: ConnId, level: AckLevel, version: VersionVector) {
        let message = Message::Ack { alias: self.config.alias, level, version };
        self.send(conn, &message, FrameKind::Data);
    }

    pub(super) fn send(&mut self, conn: ConnId, message: &Message, kind: FrameKind) {
        self.outputs.extend(message.encode().into_iter().map(|frame| RoomOutput::Send { conn, frame, kind }));
    }

    pub(super) fn broadcast(&mut self, except: Option<ConnId>, message: &Message, kind: FrameKind) {
        if self.conns.len() <= usize::from(except.is_some()) {
            return;
        }
        self.outputs.extend(message.encode().into_iter().map(|frame| RoomOutput::Broadcast {
            except,
            frame: frame.into(),
            kind,
        }));
    }

    /// Tells a client what was refused and, with a code, that the connection ends. The others never notice.
    pub(super) fn refuse(&mut self, conn: ConnId, error: RemoteError, code: Option<u16>) {
        let reason = error.message.clone();
        let alias = self.conns.contains_key(&conn).then_some(self.config.alias);
        self.send(conn, &Message::Error { alias, error }, FrameKind::Data);
        if let Some(code) = code {
            self.outputs.push_back(RoomOutput::Close { conn, code, reason });
            self.leave(conn);
        }
    }
}

/// What to tell a client, and the close code if the connection is to end.
pub(super) type Refusal = (RemoteError, Option<u16>);

pub(super) fn damaged(message: impl Into<String>) -> Refusal {
    (RemoteError::new(ErrorCode::Damaged, message), Some(4400))
}

fn apply_refusal(error: ApplyError) -> Refusal {
    match error {
        ApplyError::Gap { .. } => (RemoteError::temporary(ErrorCode::Resync, error.to_string()), None),
        ApplyError::Writers => (RemoteError::new(ErrorCode::Limit, error.to_string()), Some(4413)),
        other => damaged(other.to_string()),
    }
}
