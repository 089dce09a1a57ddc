//! What waits to be written to one connection: bounded in bytes, so that a slow reader costs memory once, not for ever.
//!
//! Beyond half of the bound presence is dropped, the oldest first. Beyond the bound the connection is closed with 4508 and
//! the client resyncs: a document update is never dropped on a live connection.
//!
//! A message of several fragments, such as the content of a large room, has a bound of its own, since it would not fit
//! otherwise. Its frames stay together: the other end puts them together as they come. So has a frame that is larger than
//! those of Syncline, in which a client of Yjs gets a whole document.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline::link::Message;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Bytes;

use super::wire::{Sent, Wire};
use crate::limits::CLOSE_REASON_BYTES;
use crate::metrics::Metrics;

/// Close code of a connection that reads too slowly: the client reconnects and resyncs.
pub const CLOSE_TOO_SLOW: u16 = 4508;

/// Bytes that a queued frame costs beside its content.
const FRAME_OVERHEAD: usize = 32;

/// Bytes of fragments that may wait for one connection: one message of the largest size.
const FRAGMENT_BYTES: usize = syncline::bounds::MESSAGE_BYTES + syncline::bounds::FRAME_BYTES;

/// Bytes that the writer takes out at a time: what it holds is beyond the bound of the queue.
const TAKE_BYTES: usize = 256 * 1024;

/// Frames for which an idle queue keeps its memory.
const IDLE_CAPACITY: usize = 16;

/// Says what may happen to a frame that waits too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// It is delivered, or the connection is closed.
    Required,
    /// It may be dropped for a slow reader.
    Droppable,
}

/// Says how a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// WebSocket close code.
    pub code: u16,
    /// Reason for people, cut to what a close frame can hold.
    pub reason: String,
}

/// What the writer does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait until the socket has taken what it was given.
    Flush,
    /// Write these frames in this order.
    Frames(Vec<Bytes>),
    /// Everything before the close is written: write a close frame and end.
    Close(CloseReason),
}

/// Is the queue between the rooms of a connection and its writer.
#[derive(Debug)]
pub struct Outbox {
    limit: usize,
    metrics: Option<Arc<Metrics>>,
    wire: Option<Arc<Wire>>,
    state: Mutex<State>,
    wake: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Item>,
    /// Bytes of messages of one frame, and of fragments of larger ones.
    bytes: usize,
    fragment_bytes: usize,
    /// Whether the writer has frames that it took out.
    writing: bool,
    close: Option<CloseReason>,
}

#[derive(Debug)]
struct Item {
    frame: Bytes,
    importance: Importance,
    fragment: bool,
}

impl Outbox {
    /// Makes an empty queue that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Outbox {
        let (wake, closed) = (Notify::new(), Notify::new());
        Outbox { limit, metrics: None, wire: None, state: Mutex::default(), wake, closed }
    }

    /// Counts what goes through it.
    pub fn counted(self, metrics: Arc<Metrics>) -> Outbox {
        Outbox { metrics: Some(metrics), ..self }
    }

    /// Writes at once what the socket takes at once.
    pub(crate) fn by(self, wire: Option<Arc<Wire>>) -> Outbox {
        Outbox { wire, ..self }
    }

    /// Queues the frames of one message; one that does not fit is dropped or closes the connection, by its importance.
    pub fn push(&self, frames: Vec<Bytes>, importance: Importance) {
        let mut state = self.lock();
        if state.close.is_some() || self.write_through(&state, &frames) {
            return;
        }
        let fragment = frames.len() > 1 || frames.iter().any(|frame| frame.len() > syncline::bounds::FRAME_BYTES);
        let cost: usize = frames.iter().map(|frame| frame.len() + FRAME_OVERHEAD).sum();
        if !fragment && state.bytes + cost > self.limit / 2 {
            let dropped = state.drop_presence() + u64::from(importance == Importance::Droppable);
            self.count(|metrics| metrics.presence_dropped.add(dropped));
            if importance == Importance::Droppable {
                return;
            }
        }
        let fits = match fragment {
            true => state.fragment_bytes == 0 || state.fragment_bytes + cost <= FRAGMENT_BYTES,
            false => state.bytes + cost <= self.limit,
        };
        if !fits {
            state.clear();
            drop(state);
            self.count(|metrics| metrics.slow_readers.inc());
            return self.close(CLOSE_TOO_SLOW, "too slow: reconnect to get what was missed");
        }
        *state.counter(fragment) += cost;
        state.queue.extend(frames.into_iter().map(|frame| Item { frame, importance, fragment }));
        drop(state);
        self.wake.notify_one();
    }

    /// Writes a frame to the socket if nothing waits before it; `true` if that was all of it.
    fn write_through(&self, state: &State, frames: &[Bytes]) -> bool {
        let (Some(wire), [frame]) = (&self.wire, frames) else { return false };
        if state.writing || !state.queue.is_empty() || frame.len() > syncline::bounds::FRAME_BYTES {
            return false;
        }
        let sent = wire.send(frame);
        match sent {
            Sent::All => {}
            Sent::Part => self.wake.notify_one(),
            Sent::Nothing => return false,
        }
        self.count(|metrics| metrics.sent.add(1, frame.len() as u64));
        true
    }

    /// Queues a message of the relay itself.
    pub fn push_message(&self, message: &Message) {
        self.push(message.encode().into_iter().map(Bytes::from).collect(), Importance::Required);
    }

    /// Closes the connection after what is queued; the first reason given counts.
    pub fn close(&self, code: u16, reason: &str) {
        self.lock().close.get_or_insert_with(|| CloseReason { code, reason: shorten(reason) });
        self.wake.notify_one();
        self.closed.notify_one();
    }

    /// Whether the connection is being closed.
    pub fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        let state = self.lock();
        state.bytes + state.fragment_bytes
    }

    /// Waits for the next thing to write. For one writer only.
    pub async fn next(&self) -> Next {
        loop {
            if self.wire.as_ref().is_some_and(|wire| wire.has_rest()) {
                return Next::Flush;
            }
            let next = self.lock().take();
            if let Some(next) = next {
                if let Next::Frames(frames) = &next {
                    let bytes = frames.iter().map(Bytes::len).sum::<usize>();
                    self.count(|metrics| metrics.sent.add(frames.len() as u64, bytes as u64));
                }
                return next;
            }
            self.wake.notified().await;
        }
    }

    /// Waits until the connection is being closed. For one waiter only.
    pub async fn closing(&self) {
        while !self.is_closing() {
            self.closed.notified().await;
        }
    }

    fn count(&self, count: impl FnOnce(&Metrics)) {
        self.metrics.as_deref().map(count);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Next> {
        let mut frames = Vec::new();
        let mut taken = 0;
        self.writing = !self.queue.is_empty();
        while taken < TAKE_BYTES
            && let Some(item) = self.queue.pop_front()
        {
            let cost = item.frame.len() + FRAME_OVERHEAD;
            *self.counter(item.fragment) -= cost;
            taken += cost;
            frames.push(item.frame);
        }
        if !frames.is_empty() {
            return Some(Next::Frames(frames));
        }
        self.queue.shrink_to(IDLE_CAPACITY);
        self.close.clone().map(Next::Close)
    }

    fn counter(&mut self, fragment: bool) -> &mut usize {
        if fragment { &mut self.fragment_bytes } else { &mut self.bytes }
    }

    /// Returns how many frames went.
    fn drop_presence(&mut self) -> u64 {
        let before = self.queue.len();
        self.queue.retain(|item| item.fragment || item.importance == Importance::Required);
        self.bytes =
            self.queue.iter().filter(|item| !item.fragment).map(|item| item.frame.len() + FRAME_OVERHEAD).sum();
        (before - self.queue.len()) as u64
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
        self.fragment_bytes = 0;
    }
}

/// Cuts a reason at a character border so that it fits into a close frame.
fn shorten(reason: &str) -> String {
    let mut end = reason.len().min(CLOSE_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![0; bytes])]
    }

    fn sizes(next: Option<Next>) -> Vec<usize> {
        match next {
            Some(Next::Frames(frames)) => frames.iter().map(Bytes::len).collect(),
            other => panic!("frames were expected, not {other:?}"),
        }
    }

    #[test]
    fn presence_goes_first_and_data_stays_in_order() {
        let outbox = Outbox::new(1000);
        outbox.push(frame(100), Importance::Required);
        outbox.push(frame(101), Importance::Droppable);
        outbox.push(frame(300), Importance::Required);
        outbox.push(frame(102), Importance::Droppable);
        assert!(!outbox.is_closing());
        assert_eq!(sizes(outbox.lock().take()), [100, 300]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn too_much_data_closes_with_4508_and_frees_the_memory() {
        let outbox = Outbox::new(1000);
        for _ in 0..20 {
            outbox.push(frame(100), Importance::Required);
        }
        assert_eq!(outbox.bytes(), 0);
        let Some(Next::Close(close)) = outbox.lock().take() else { panic!("a close was expected") };
        assert_eq!(close.code, CLOSE_TOO_SLOW);
    }

    #[test]
    fn a_message_of_many_fragments_has_room_of_its_own_and_stays_together() {
        let outbox = Outbox::new(1000);
        outbox.push(frame(1), Importance::Required);
        outbox.push([frame(5000), frame(5001)].concat(), Importance::Required);
        outbox.push(frame(2), Importance::Required);
        assert!(!outbox.is_closing());
        assert_eq!(sizes(outbox.lock().take()), [1, 5000, 5001, 2]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn what_was_queued_is_written_before_the_close() {
        let outbox = Outbox::new(1000);
        outbox.push(frame(1), Importance::Required);
        outbox.close(1012, "drain");
        outbox.push(frame(2), Importance::Required);
        assert_eq!(sizes(outbox.lock().take()), [1]);
        assert_eq!(outbox.lock().take(), Some(Next::Close(CloseReason { code: 1012, reason: "drain".into() })));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let reason = shorten(&"é".repeat(100));
        assert!(reason.len() <= CLOSE_REASON_BYTES && reason.chars().all(|c| c == 'é'));
    }
}
