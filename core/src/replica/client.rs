//! The client's front door.

use super::client_io::{Input, Output, ReplicaConfig, State, Status};
use super::incoming::Channel;
use super::presence::Others;
use super::unsaved::Confirmed;
use crate::bounds;
use crate::clock::{ReplicaId, VersionVector};
use crate::crdt::Value;
use crate::delta::Blob;
use crate::doc::{Doc, ImportError, ImportReport, Origin};
use crate::flow::Backoff;
use crate::link::{AckLevel, ErrorCode, FEATURE_TRACE, Hello, Link, LinkConfig, LinkError, Message, RemoteError};
use crate::reconcile::{Session, SessionError};
use std::collections::VecDeque;

/// Waits between attempts to connect, in milliseconds.
const FIRST_RETRY_MS: u64 = 500;
const LAST_RETRY_MS: u64 = 30_000;

/// A document and its link to one relay.
///
/// Edit through [`Replica::doc_mut`], then call [`Replica::poll`] until it says [`Output::Idle`].
pub struct Replica {
    pub(super) config: ReplicaConfig,
    pub(super) doc: Doc,
    pub(super) link: Option<Link>,
    pub(super) channel: Option<Channel>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) confirmed: Confirmed,
    pub(super) others: Others,
    pub(super) presence: Option<Vec<u8>>,
    pub(super) backoff: Backoff,
    pub(super) state: State,
    pub(super) retry_at: Option<u64>,
    pub(super) reported: Status,
    pub(super) journaling: bool,
    pub(super) resyncs: u32,
    /// Since when the room has been open.
    pub(super) live_since: Option<u64>,
    /// What was said to have been seen in each question for the room that is not answered yet.
    pub(super) asked: VecDeque<VersionVector>,
    /// What the relay had seen when it was asked about retired ids.
    pub(super) asking: Option<VersionVector>,
    /// Retired ids whose events here are all known to the relay.
    pub(super) settled: VersionVector,
    /// While events are compared with those of a copy: up to where they are known to be the same, and whether the next
    /// delta is the one to compare with.
    pub(super) comparing: Option<(u64, bool)>,
    /// The latest horizon that was heard of.
    pub(super) horizon_ms: u64,
    pub(super) renewals: u64,
    /// The trace that the writes belong to, as [`Message::Trace`] says it.
    pub(super) trace: String,
}

impl Replica {
    /// Makes a replica of a document, which may hold data already.
    pub fn new(config: ReplicaConfig, mut doc: Doc) -> Replica {
        doc.stream_batches(false);
        let mut confirmed = Confirmed::default();
        confirmed.recount(&doc.version(), &doc.id());
        let backoff = Backoff::new(FIRST_RETRY_MS, LAST_RETRY_MS, config.seed);
        Replica {
            config,
            doc,
            link: None,
            channel: None,
            outputs: VecDeque::new(),
            confirmed,
            others: Others::default(),
            presence: None,
            backoff,
            state: State::Offline,
            retry_at: None,
            reported: Status::default(),
            journaling: false,
            resyncs: 0,
            live_since: None,
            asked: VecDeque::new(),
            asking: None,
            settled: VersionVector::default(),
            comparing: None,
            horizon_ms: 0,
            renewals: 0,
            trace: String::new(),
        }
    }

    /// The document.
    pub fn doc(&self) -> &Doc {
        &self.doc
    }

    /// The document, to edit it. Bytes to import go through [`Replica::import`] instead.
    pub fn doc_mut(&mut self) -> &mut Doc {
        &mut self.doc
    }

    /// Sets the room, agent and token, for replicas made before they are known. Takes effect at the next connection.
    pub fn configure(&mut self, config: ReplicaConfig) {
        self.backoff = Backoff::new(FIRST_RETRY_MS, LAST_RETRY_MS, config.seed);
        self.config = config;
    }

    /// Takes a fresh token. A relay that is connected and knows how is told at once; others are at the next connection.
    pub fn set_token(&mut self, token: Option<String>) {
        self.config.token = token;
        if self.link.as_ref().is_some_and(|link| link.peer().is_some()) {
            self.tell_token();
        }
    }

    /// Tells the relay the present token, if it differs from the one that it was told last.
    pub(super) fn tell_token(&mut self) {
        let fresh = self.link.as_mut().and_then(|link| link.renew_token(self.config.token.as_deref()));
        if let Some(message) = fresh {
            self.send(&message);
        }
    }

    /// Says which trace the writes from now on belong to: a `traceparent` of W3C Trace Context, empty for none. It is told
    /// to relays that know how, and has no other effect.
    pub fn set_trace(&mut self, parent: String) {
        self.collect_batches();
        // What was written before belongs to the trace before.
        while self.state == State::Live && self.poll_live() {}
        self.trace = parent;
        self.tell_trace();
    }

    /// Tells the relay the present trace, if it knows what that is.
    pub(super) fn tell_trace(&mut self) {
        let knows = |relay: &Hello| relay.features & FEATURE_TRACE != 0;
        if self.link.as_ref().and_then(Link::peer).is_some_and(knows) {
            self.send(&Message::Trace(self.trace.clone()));
        }
    }

    /// Emits [`Output::Journal`] from now on, or stops doing so.
    pub fn journaling(&mut self, on: bool) {
        self.journaling = on;
        self.keep_what_is_needed();
    }

    /// Has the document keep its batches while someone takes them.
    pub(super) fn keep_what_is_needed(&mut self) {
        self.doc.keep_batches(self.journaling || self.channel.is_some());
        self.doc.stream_batches(self.channel.is_some());
    }

    /// Imports a blob into the document and passes on what was new in it: to the journal and to the relay.
    ///
    /// # Errors
    /// As [`Doc::import`].
    pub fn import(&mut self, blob: &[u8]) -> Result<ImportReport, ImportError> {
        self.collect_batches();
        let horizon = self.doc.horizon();
        let report = self.doc.import_as(blob, &Origin::Import)?;
        if report.applied > 0 || self.doc.horizon() > horizon {
            self.journal(|| blob.to_vec());
            self.confirmed.recount(&self.doc.version(), &self.doc.id());
            if self.state == State::Live {
                self.send_delta();
            }
        }
        Ok(report)
    }

    /// Hands a message of a peer to a session about the document, and passes on what that changed: to the journal, as the
    /// whole document, and to the relay. Returns what to send to the peer.
    ///
    /// What an audit [found](crate::reconcile::Outcome::findings) and mended is as it was in a journal that begins before:
    /// put [`Doc::save`] in its place.
    ///
    /// # Errors
    /// As [`Session::handle`].
    pub fn reconcile(&mut self, session: &mut Session, message: &[u8]) -> Result<Option<Vec<u8>>, SessionError> {
        self.collect_batches();
        let before = (self.doc.version(), self.doc.digest());
        let answer = session.handle(message, &mut self.doc, None)?;
        if before != (self.doc.version(), self.doc.digest()) {
            self.journal_all();
            self.confirmed.recount(&self.doc.version(), &self.doc.id());
            if self.state == State::Live {
                self.send_delta();
            }
        }
        Ok(answer)
    }

    /// Takes over the content of a mended copy, see [`Doc::mend_from`]. A journal must be replaced by [`Doc::save`] then.
    ///
    /// # Errors
    /// As [`Doc::mend_from`].
    pub fn mend_from(&mut self, blob: &[u8]) -> Result<(), ImportError> {
        self.collect_batches();
        self.doc.mend_from(blob, &Origin::Import)
    }

    fn journal_all(&mut self) {
        if self.journaling {
            let saved = self.doc.save();
            self.outputs.push_back(Output::Journal(saved));
        }
    }

    /// The number up to which the own events have reached a level.
    pub fn acked(&self, level: AckLevel) -> u64 {
        self.confirmed.own(level)
    }

    /// The presence of others.
    pub fn presence(&self) -> Vec<(ReplicaId, Value)> {
        self.others.iter().map(|(client, state)| (client, state.clone())).collect()
    }

    /// Where the replica stands.
    pub fn status(&self) -> Status {
        let relay = self.link.as_ref().and_then(Link::peer).map(|hello| hello.agent.clone());
        // What the relay had when the room was opened is still on its way.
        let behind =
            self.state == State::Live && self.channel.as_ref().is_some_and(|channel| channel.expected.is_some());
        Status {
            state: if behind { State::Syncing } else { self.state },
            unsaved: self.confirmed.unsaved(self.doc.last_seq()),
            retry_at: self.retry_at,
            relay,
        }
    }

    /// Takes an input at the local time `now_ms`.
    pub fn handle(&mut self, input: Input<'_>, now_ms: u64) {
        match input {
            Input::Online(true) if matches!(self.state, State::Offline | State::Stopped) => self.connect(),
            // Not to wait for the next attempt is what going online means while waiting.
            Input::Online(true) if self.retry_at.is_some() => self.connect(),
            Input::Online(true) => {}
            Input::Online(false) => self.go_offline(),
            Input::Connected if self.state == State::Connecting && self.retry_at.is_none() => {
                let config = LinkConfig { agent: self.config.agent.clone(), token: self.config.token.clone() };
                self.link = Some(Link::client(config, now_ms));
                self.state = State::Syncing;
            }
            Input::Connected => {}
            Input::Frame(frame) => self.handle_frame(frame, now_ms),
            Input::Disconnected { code } => self.handle_disconnect(code, now_ms),
            Input::Presence(state) => self.set_presence(state),
            Input::Tick => self.handle_timeout(now_ms),
        }
    }

    /// The next thing to do; call until it is [`Output::Idle`].
    pub fn poll(&mut self, now_ms: u64) -> Output {
        self.collect_batches();
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if let Some(frame) = self.link.as_mut().and_then(Link::poll_frame) {
            return Output::Send(frame);
        }
        if self.state == State::Live && self.poll_live() {
            return self.poll(now_ms);
        }
        let changes = self.doc.take_changes();
        if !changes.is_empty() {
            return Output::Changes(changes);
        }
        let status = self.status();
        if status != self.reported {
            self.reported = status.clone();
            return Output::Status(status);
        }
        let deadline = match (self.retry_at, self.link.as_mut().map(|link| link.handle_timeout(now_ms))) {
            (Some(at), _) => Some(at),
            (None, Some(Ok(at))) => Some(at),
            // The next tick finds out what is wrong.
            (None, Some(Err(_))) => Some(now_ms),
            (None, None) => None,
        };
        Output::Idle(deadline)
    }

    pub(super) fn collect_batches(&mut self) {
        while let Some(batch) = self.doc.take_batch() {
            self.journal(|| Blob::encode_batch(&batch));
            if let Some(channel) = self.channel.as_mut().filter(|_| self.state == State::Live) {
                channel.outbound.push(batch);
            }
        }
    }

    pub(super) fn journal(&mut self, blob: impl FnOnce() -> Vec<u8>) {
        if self.journaling {
            self.outputs.push_back(Output::Journal(blob()));
        }
    }

    /// Queues the next live frame, or a delta after an overflow. Returns whether there was anything.
    fn poll_live(&mut self) -> bool {
        let Some(channel) = &mut self.channel else { return false };
        if channel.outbound.take_overflow() {
            self.send_delta();
            return true;
        }
        let Some((last, announcement, live)) = channel.outbound.poll(channel.alias) else { return false };
        channel.peer.insert(self.doc.id(), last);
        announcement.into_iter().chain([live]).for_each(|message| self.send(&message));
        true
    }

    pub(super) fn send(&mut self, message: &Message) {
        self.outputs.extend(message.encode().into_iter().map(Output::Send));
    }

    fn connect(&mut self) {
        self.state = State::Connecting;
        self.retry_at = None;
        self.outputs.push_back(Output::Connect);
    }

    fn go_offline(&mut self) {
        if self.link.is_some() || (self.state == State::Connecting && self.retry_at.is_none()) {
            self.outputs.push_back(Output::Disconnect);
        }
        self.close();
        self.state = State::Offline;
        self.retry_at = None;
        self.backoff.reset();
    }

    pub(super) fn close(&mut self) {
        self.link = None;
        self.collect_batches();
        self.channel = None;
        self.asked.clear();
        (self.asking, self.comparing) = (None, None);
        self.keep_what_is_needed();
        let left = self.others.clear();
        if !left.is_empty() {
            self.outputs.push_back(Output::Presence(left));
        }
    }

    fn handle_disconnect(&mut self, code: u16, now_ms: u64) {
        if matches!(self.state, State::Offline | State::Stopped) {
            return;
        }
        if self.live_since.take().is_some_and(|since| now_ms.saturating_sub(since) >= LAST_RETRY_MS) {
            self.backoff.reset();
        }
        self.close();
        if (4400..4500).contains(&code) {
            self.state = State::Stopped;
            return;
        }
        self.retry_later(now_ms, 0);
    }

    pub(super) fn retry_later(&mut self, now_ms: u64, least_ms: u64) {
        self.state = State::Connecting;
        self.retry_at = Some(now_ms + self.backoff.next_ms().max(least_ms));
    }

    fn handle_timeout(&mut self, now_ms: u64) {
        if self.retry_at.is_some_and(|at| now_ms >= at) {
            return self.connect();
        }
        if let Some(Err(error)) = self.link.as_mut().map(|link| link.handle_timeout(now_ms)) {
            self.fail(&error, now_ms);
        }
    }

    /// Gives the connection up and tries another one later.
    pub(super) fn fail(&mut self, error: &LinkError, now_ms: u64) {
        self.outputs.push_back(Output::Error(error.to_remote()));
        self.outputs.push_back(Output::Disconnect);
        self.close();
        self.retry_later(now_ms, 0);
    }

    fn handle_frame(&mut self, frame: &[u8], now_ms: u64) {
        let Some(link) = &mut self.link else { return };
        let handled = match link.handle_frame(frame, now_ms) {
            Ok(Some(message)) => self.handle_message(message, now_ms),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = handled {
            self.fail(&error, now_ms);
        }
    }

    fn set_presence(&mut self, state: Option<&Value>) {
        let encoded = state.map(Value::to_cbor);
        if encoded.as_ref().is_some_and(|bytes| bytes.len() > bounds::PRESENCE_BYTES) {
            let message = format!("a presence state takes at most {} bytes: put less into it", bounds::PRESENCE_BYTES);
            self.outputs.push_back(Output::Error(RemoteError::new(ErrorCode::Limit, message)));
            return;
        }
        let cleared = self.presence.is_some() && encoded.is_none();
        self.presence = encoded;
        if self.state == State::Live && (self.presence.is_some() || cleared) {
            self.send_presence_state();
        }
    }

    pub(super) fn send_presence(&mut self) {
        if self.presence.is_some() {
            self.send_presence_state();
        }
    }

    fn send_presence_state(&mut self) {
        let Some(alias) = self.channel.as_ref().map(|channel| channel.alias) else { return };
        let entries = vec![(self.doc.id(), self.presence.clone())];
        self.send(&Message::Presence { alias, entries });
    }
}
