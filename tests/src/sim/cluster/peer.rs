//! The hot path: what one node knows of another, and how it sends what the other lacks.

use std::collections::VecDeque;

use syncline::clock::VersionVector;
use syncline::flow::{
    AdaptiveBatch, Backoff, BatchOptions, BatchTicket, BreakerOptions, BreakerState, CallTicket, CircuitBreaker,
    RateLimit, TokenBucket,
};
use syncline::quorum::Ack;

use super::disk::Record;
use super::message::{Bytes, Message};
use super::node::{Done, Node};
use super::scene::Scene;

/// Most batches that wait for one peer; beyond it the peer gets a delta from its cursor.
pub const QUEUE: usize = 24;

/// Longest wait between two tries, in ms.
pub const MOST_WAIT_MS: u64 = 1_500;

/// How long an answer may take, in ms of the sender's clock.
const ANSWER_MS: u64 = 600;

/// How batches grow and shrink here.
pub const BATCH: BatchOptions = BatchOptions { least: 1, most: 4, first: 2, step: 1, lag_ms: 200 };

const BREAKER: BreakerOptions =
    BreakerOptions { failures: 4, rate_percent: 80, rate_calls: 20, reset_ms: 1_000, probes: 1 };

const RATE: RateLimit = RateLimit { per_second: 50, burst: 20 };

/// Another node, as this one knows it.
pub struct Peer {
    /// What it is known to have on disk, kept over restarts.
    pub cursor: VersionVector,
    queue: VecDeque<Queued>,
    /// The queue does not begin where the cursor ends.
    lagging: bool,
    breaker: CircuitBreaker,
    backoff: Backoff,
    batch: AdaptiveBatch,
    bucket: TokenBucket,
    flight: Option<Flight>,
    retry_at_ms: u64,
    sent: u64,
}

/// A batch that waits.
struct Queued {
    blob: Bytes,
    /// What its author had seen before, and with it.
    since: VersionVector,
    until: VersionVector,
}

struct Flight {
    number: u64,
    items: usize,
    call: CallTicket,
    batch: BatchTicket,
    sent_ms: u64,
}

impl Peer {
    /// Someone of whom nothing is known.
    pub fn new(scene: &mut Scene) -> Peer {
        Peer {
            cursor: VersionVector::default(),
            queue: VecDeque::new(),
            lagging: false,
            breaker: CircuitBreaker::new(BREAKER).unwrap_or_else(|error| panic!("the options fit: {error}")),
            backoff: Backoff::new(50, MOST_WAIT_MS, scene.rng.bits()),
            batch: AdaptiveBatch::new(BATCH).unwrap_or_else(|error| panic!("the options fit: {error}")),
            bucket: TokenBucket::new(RATE, 0).unwrap_or_else(|error| panic!("the rate fits: {error}")),
            flight: None,
            retry_at_ms: 0,
            // Numbers of an earlier session must not be taken for those of this one.
            sent: scene.rng.bits() >> 40 << 20,
        }
    }

    /// Whether it was given up for the moment.
    pub fn is_down(&self) -> bool {
        self.breaker.state() != BreakerState::Closed || self.backoff.failures() > 1
    }

    /// Whether everything is as it should be in peace.
    pub fn is_settled(&self, version: &VersionVector) -> bool {
        self.cursor.includes(version) && self.queue.is_empty() && self.flight.is_none()
    }

    /// Bounds that hold at any time.
    pub fn check(&self) -> Result<(), String> {
        let size = self.batch.size();
        if self.queue.len() > QUEUE {
            return Err(format!("{} batches wait for a peer, at most {QUEUE} may", self.queue.len()));
        }
        if !(BATCH.least..=BATCH.most).contains(&size) {
            return Err(format!("batches of {size}, out of {} to {}", BATCH.least, BATCH.most));
        }
        Ok(())
    }

    fn push(&mut self, queued: Queued) {
        if self.lagging || self.queue.len() >= QUEUE {
            self.clear();
            self.lagging = true;
        } else {
            self.queue.push_back(queued);
        }
    }

    /// The batches that may leave together: each builds on nothing that the peer may lack.
    fn fitting(&self, most: usize) -> Vec<Bytes> {
        let (mut have, mut blobs) = (self.cursor.clone(), Vec::new());
        for queued in self.queue.iter().take(most) {
            if !have.includes(&queued.since) {
                break;
            }
            blobs.push(queued.blob.clone());
            have.join(&queued.until);
        }
        blobs
    }

    /// Nothing waits any more; an ack of what is under way takes nothing off the queue then.
    fn clear(&mut self) {
        self.queue.clear();
        self.flight.iter_mut().for_each(|flight| flight.items = 0);
    }

    /// Ends what is under way, if it is this. Returns how many batches it was.
    fn land(&mut self, number: u64, ok: bool, now_ms: u64) -> Option<usize> {
        let flight = self.flight.take_if(|flight| flight.number == number)?;
        self.breaker.finish(flight.call, ok, now_ms);
        self.batch.finish(flight.batch, flight.items as u32, ok, now_ms);
        if ok {
            self.backoff.reset();
            self.retry_at_ms = 0;
        }
        Some(flight.items)
    }

    /// Gives up what takes too long; also when the clock was set back.
    fn expire(&mut self, now_ms: u64) -> Result<(), String> {
        let late = |flight: &Flight| now_ms < flight.sent_ms || now_ms - flight.sent_ms > ANSWER_MS;
        let Some(number) = self.flight.as_ref().filter(|flight| late(flight)).map(|flight| flight.number) else {
            return Ok(());
        };
        self.land(number, false, now_ms);
        let wait_ms = self.backoff.next_ms();
        self.retry_at_ms = now_ms.saturating_add(wait_ms);
        if wait_ms <= MOST_WAIT_MS { Ok(()) } else { Err(format!("a wait of {wait_ms} ms, at most {MOST_WAIT_MS}")) }
    }
}

impl Node {
    /// A batch was committed here: off to everyone.
    pub(super) fn publish(&mut self, first: u64, blob: &Bytes, scene: &mut Scene) {
        let (index, until) = (self.index, self.live.doc.version());
        let own = self.live.doc.id();
        let others = until.iter().filter(|(id, _)| *id != own);
        let before = others.chain([(own, first - 1)]).filter(|(_, seq)| *seq > 0);
        let since: VersionVector = before.collect();
        for to in (0..self.live.peers.len()).filter(|to| *to != index) {
            let queued = Queued { blob: blob.clone(), since: since.clone(), until: until.clone() };
            self.live.peers[to].push(queued);
            self.send_to(to, scene);
        }
    }

    /// Sends a peer what it lacks, if it may be sent now.
    fn send_to(&mut self, to: usize, scene: &mut Scene) {
        let (now_ms, index) = (self.clock(scene), self.index);
        let version = self.live.doc.version();
        let publishes = self.may_publish();
        let peer = &mut self.live.peers[to];
        if peer.cursor.includes(&version) {
            peer.clear();
            peer.lagging = false;
        }
        // A clock that was set back must not make the wait longer.
        let waits = peer.retry_at_ms > now_ms && peer.retry_at_ms - now_ms <= MOST_WAIT_MS;
        if !publishes || peer.flight.is_some() || waits || peer.cursor.includes(&version) {
            return;
        }
        if peer.bucket.check(1, now_ms).is_err() {
            return;
        }
        let Ok(call) = peer.breaker.start(now_ms) else { return };
        let _ = peer.bucket.take(1, now_ms);
        let batch = peer.batch.start(now_ms);
        peer.sent += 1;
        let (number, blobs) = (peer.sent, peer.fitting(batch.size as usize));
        peer.flight = Some(Flight { number, items: blobs.len(), call, batch, sent_ms: now_ms });
        let message = if blobs.is_empty() {
            peer.clear();
            peer.lagging = false;
            Message::Delta(number, self.live.doc.export_from(&self.live.peers[to].cursor).into())
        } else {
            Message::Frames(number, blobs)
        };
        scene.send(index, to, message);
    }

    /// Frames or a delta have arrived: in order, onto the disk, then the ack.
    pub(super) fn take_blobs(
        &mut self,
        from: usize,
        number: u64,
        blobs: &[Bytes],
        scene: &mut Scene,
    ) -> Result<(), String> {
        for blob in blobs {
            if !self.import(blob, scene)? {
                let have = self.live.doc.version();
                scene.send(self.index, from, Message::Gap(number, have));
                return Ok(());
            }
        }
        self.after_sync(Done::Ack(from, number), scene)
    }

    /// A peer has acknowledged.
    pub(super) fn acked(&mut self, from: usize, number: u64, ack: &Ack, scene: &mut Scene) -> Result<(), String> {
        let now_ms = self.clock(scene);
        let peer = &mut self.live.peers[from];
        if let Some(items) = peer.land(number, true, now_ms) {
            peer.queue.drain(..items.min(peer.queue.len()));
        }
        if !peer.cursor.includes(&ack.durable) {
            peer.cursor.join(&ack.durable);
            let cursor = peer.cursor.clone();
            if scene.rng.chance(20) {
                self.persist(Record::Cursor(from, cursor), None, scene);
            }
        }
        self.hear(ack.clone(), scene)?;
        if !self.live.peers[from].queue.is_empty() {
            self.send_to(from, scene);
        }
        Ok(())
    }

    /// A peer lacks something before what it was sent: its cursor was wrong, or frames were lost.
    pub(super) fn gap(&mut self, from: usize, number: u64, have: VersionVector, scene: &mut Scene) {
        let now_ms = self.clock(scene);
        let peer = &mut self.live.peers[from];
        if peer.land(number, true, now_ms).is_some() {
            (peer.cursor, peer.lagging) = (have, false);
            peer.clear();
            self.send_to(from, scene);
        }
    }

    /// Gives up what takes too long, sends what waits, and tells someone what others have brought.
    pub(super) fn tick_peers(&mut self, scene: &mut Scene) -> Result<(), String> {
        let (now_ms, index) = (self.clock(scene), self.index);
        let gossip = scene.rng.below(self.live.peers.len());
        for to in (0..self.live.peers.len()).filter(|to| *to != index) {
            let peer = &mut self.live.peers[to];
            peer.expire(now_ms)?;
            peer.check()?;
            if peer.lagging || !peer.queue.is_empty() || to == gossip || scene.peace {
                self.send_to(to, scene);
            }
        }
        Ok(())
    }
}
