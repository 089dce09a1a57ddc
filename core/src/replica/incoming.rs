//! What the relay says to a client, and what follows from it.

use super::client::Replica;
use super::client_io::{Output, State};
use super::outbound::Outbound;
use crate::clock::{ReplicaId, VersionVector};
use crate::delta::{Blob, Delta, Digest, LiveDecoder};
use crate::doc::{ApplyError, JoinError, Origin};
use crate::link::{AckLevel, ErrorCode, LinkError, Message, Open, Opened, RemoteError, Resume};

/// Below this number of entries a version vector is said in full: it takes hardly more bytes than a sketch, which may not
/// suffice.
const SHORT: usize = 6;

/// Resyncs within one connection before it is given up for a new one.
const RESYNCS: u32 = 8;

/// A room that is open.
pub(super) struct Channel {
    pub(super) alias: u32,
    pub(super) decoder: LiveDecoder,
    pub(super) outbound: Outbound,
    /// What the relay has, as far as this side knows.
    pub(super) peer: VersionVector,
    /// Version and digest that the relay named, until they were compared.
    pub(super) expected: Option<(VersionVector, Digest)>,
}

impl Replica {
    pub(super) fn handle_message(&mut self, message: Message, now_ms: u64) -> Result<(), LinkError> {
        let ours = |channel: &&mut Channel, alias: u32| channel.alias == alias;
        match message {
            Message::Hello(relay) => {
                self.doc.correct_clock(now_ms.saturating_sub(relay.now_ms));
                self.tell_token();
                if !self.trace.is_empty() {
                    self.tell_trace();
                }
                self.open();
            }
            Message::Opened(opened) => {
                self.asked.pop_front();
                self.handle_opened(opened, now_ms)?;
            }
            Message::Resumed(resumed) => {
                let base = self.asked.pop_front().unwrap_or_default();
                self.handle_opened(resumed.opened(&base)?, now_ms)?;
            }
            Message::Tell { .. } => {
                self.asked.pop_front();
                self.open_full(self.doc.version());
            }
            Message::Retired { fates, .. } => self.handle_fates(&fates, now_ms),
            Message::Round { alias, round } if self.channel.as_ref().is_some_and(|channel| channel.alias == alias) => {
                self.handle_round(&round)?;
            }
            Message::Delta { body, .. } if self.comparing.is_some() => {
                if let Some((sure, _)) = self.comparing.take_if(|(_, next)| *next) {
                    self.handle_copy(&body, sure, now_ms)?;
                }
            }
            Message::Delta { alias, body }
                if self.channel.as_mut().as_ref().is_some_and(|channel| ours(channel, alias)) =>
            {
                self.handle_delta(&body)?
            }
            Message::Announce { alias, body } => {
                if let Some(channel) = self.channel.as_mut().filter(|channel| ours(channel, alias)) {
                    channel
                        .decoder
                        .learn(&body)
                        .map_err(|_| LinkError::Unexpected("an announcement does not follow the ones before it"))?;
                }
            }
            Message::Live { alias, frames } => self.handle_live(alias, &frames)?,
            Message::Ack { level, version, .. } => self.handle_ack(level, &version),
            Message::Presence { entries, .. } => {
                let changes = self.others.update(entries, self.doc.id());
                if !changes.is_empty() {
                    self.outputs.push_back(Output::Presence(changes));
                }
            }
            Message::Error { error, .. } => self.handle_error(error, now_ms),
            Message::Drain(ms) => {
                self.outputs.push_back(Output::Disconnect);
                self.close();
                self.retry_later(now_ms, ms);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn open(&mut self) {
        self.state = State::Syncing;
        let version = self.doc.version();
        if version.len() < SHORT {
            return self.open_full(version);
        }
        let (room, replica, sketch) = (self.config.room.clone(), self.doc.id(), version.sketch());
        self.asked.push_back(version);
        self.send(&Message::Resume(Resume { room, replica, sketch }));
    }

    /// Asks for the room with all that is said to have been seen.
    pub(super) fn open_full(&mut self, version: VersionVector) {
        self.state = State::Syncing;
        self.asked.push_back(version.clone());
        let open = Open { room: self.config.room.clone(), replica: self.doc.id(), version };
        self.send(&Message::Open(open));
    }

    fn handle_opened(&mut self, opened: Opened, now_ms: u64) -> Result<(), LinkError> {
        if !self.asked.is_empty() {
            // The answer to a later question is on its way.
            return Ok(());
        }
        if let Some((_, next)) = &mut self.comparing {
            *next = true;
            return Ok(());
        }
        self.live_since.get_or_insert(now_ms);
        let mut decoder = LiveDecoder::default();
        decoder.learn(&opened.stream).map_err(|_| LinkError::Unexpected("the announcement of a room is malformed"))?;
        self.collect_batches();
        let (id, version) = (self.doc.id(), self.doc.version());
        if self.settle_ids(&opened, now_ms) {
            self.channel = None;
            self.keep_what_is_needed();
            return Ok(());
        }
        self.confirmed.reset(opened.version.get(&id), opened.durable, &id);
        self.confirmed.recount(&version, &id);
        for level in AckLevel::ALL {
            let seq = self.confirmed.own(level);
            if seq > 0 {
                self.outputs.push_back(Output::Acked { level, seq });
            }
        }
        let expected = Some((opened.version.clone(), opened.digest));
        self.channel = Some(Channel {
            alias: opened.alias,
            decoder,
            outbound: Outbound::default(),
            peer: opened.version,
            expected,
        });
        self.keep_what_is_needed();
        self.state = State::Live;
        self.send_delta();
        self.send_presence();
        self.compare_digests();
        Ok(())
    }

    /// Sends what the relay lacks.
    pub(super) fn send_delta(&mut self) {
        let version = self.doc.version();
        let Some(channel) = &mut self.channel else { return };
        if channel.peer.includes(&version) {
            return;
        }
        let delta = self.doc.delta_since(&channel.peer);
        channel.peer.join(&version);
        let message = Message::Delta { alias: channel.alias, body: delta.encode() };
        self.send(&message);
    }

    fn handle_delta(&mut self, body: &[u8]) -> Result<(), LinkError> {
        let (delta, id, horizon) = (Delta::decode(body)?, self.doc.id(), self.doc.horizon());
        if delta.version.horizon() > horizon && !self.unsure(&delta.version).is_empty() {
            // It would take events for known that may be nowhere but here.
            return self.resync();
        }
        match self.doc.join(&delta, &Origin::Link) {
            Ok(0) if delta.version.horizon() <= horizon => {}
            Ok(_) => self.journal(|| Blob::encode_delta(&delta)),
            Err(JoinError::Apply(ApplyError::Gap { .. } | ApplyError::Horizon { .. } | ApplyError::Retired(_))) => {
                return self.resync();
            }
            Err(_) => return Err(LinkError::Unexpected("the relay sent a delta that cannot be joined")),
        }
        if delta.version.horizon() > 0 {
            self.follow_horizon();
        }
        for (id, seq) in delta.version.iter() {
            self.received(id, seq);
        }
        if self.doc.id() != id {
            // It had not written, and its id was retired.
            self.outputs.push_back(Output::Renewed { from: id, taken: 0, to: self.doc.id() });
            self.open();
        }
        self.compare_digests();
        Ok(())
    }

    fn handle_live(&mut self, alias: u32, frames: &[Vec<u8>]) -> Result<(), LinkError> {
        for frame in frames {
            let Some(channel) = self.channel.as_mut().filter(|channel| channel.alias == alias) else { return Ok(()) };
            let Ok(batch) = channel.decoder.decode(frame) else {
                return Err(LinkError::Unexpected("the relay sent a live frame that cannot be read"));
            };
            match self.doc.apply(&batch, &Origin::Link) {
                Ok(0) => {}
                Ok(_) => self.journal(|| Blob::encode_batch(&batch)),
                // While the room is being opened again, the answer brings this, too.
                Err(ApplyError::Gap { .. }) if self.state == State::Syncing => return Ok(()),
                Err(ApplyError::Gap { .. }) => return self.resync(),
                Err(_) => return Err(LinkError::Unexpected("the relay sent an event that cannot be applied")),
            }
            self.received(batch.writer, batch.last());
        }
        Ok(())
    }

    fn received(&mut self, id: ReplicaId, seq: u64) {
        if id != self.doc.id() {
            self.confirmed.received(id, seq);
        }
        if let Some(channel) = &mut self.channel {
            channel.peer.insert(id, seq);
        }
    }

    /// Opens the room again, because events are missing on one side.
    pub(super) fn resync(&mut self) -> Result<(), LinkError> {
        self.resyncs += 1;
        if self.resyncs.is_multiple_of(RESYNCS) {
            return Err(LinkError::Unexpected("the replicas could not be brought into step on this connection"));
        }
        self.open();
        Ok(())
    }

    fn handle_ack(&mut self, level: AckLevel, version: &VersionVector) {
        let id = self.doc.id();
        // Only a relay that takes writes counts as a success: one that lets in and then refuses is left alone longer.
        self.backoff.reset();
        for (level, seq) in self.confirmed.acked(level, version, &id) {
            self.outputs.push_back(Output::Acked { level, seq });
        }
        if level == AckLevel::Durable {
            let own_only = version.len() == 1 && version.get(&id) > 0;
            if !own_only {
                self.confirmed.recount(&self.doc.version(), &id);
            }
            // The relay answers everyone who has not heard of these deletes.
            if self.doc.stats().deletes > 0 && self.confirmed.unsaved(self.doc.last_seq()) == 0 {
                self.doc.prune(self.confirmed.durable());
            }
        }
    }

    fn handle_error(&mut self, error: RemoteError, now_ms: u64) {
        if error.code == ErrorCode::Resync {
            if let Err(error) = self.resync() {
                self.fail(&error, now_ms);
            }
            return;
        }
        self.outputs.push_back(Output::Error(error));
    }

    /// Replicas that have seen the same must hold the same.
    fn compare_digests(&mut self) {
        let Some((version, digest)) = self.channel.as_mut().and_then(|channel| channel.expected.take()) else { return };
        if self.doc.version() == version {
            if self.doc.digest() != digest {
                let message = "this replica and the relay have seen the same events but hold different states: export what you need, then load the room afresh";
                self.outputs.push_back(Output::Error(RemoteError::new(ErrorCode::Divergence, message)));
            }
        } else if let Some(channel) = self.channel.as_mut().filter(|_| !self.doc.version().includes(&version)) {
            // The delta that brings the rest is on its way.
            channel.expected = Some((version, digest));
        }
    }
}
