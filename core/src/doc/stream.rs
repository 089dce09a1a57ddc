//! Change streams: events for those who subscribed to a part of the document, with a bounded buffer for each.
//!
//! A stream that is not read fast enough says so: what it missed is counted, and [`StreamEvent::Lagged`] stands where the
//! gap is. [`Doc::resync`] then tells what changed since the last event before the gap, and so does
//! [`Doc::changes_since`] after a restart: the token of a stream is a version of the document.

use super::Doc;
use super::catchup::CatchUp;
use super::change::{Change, Origin, place_of};
use super::state::State;
use crate::assoc::SortedMap;
use crate::bounds;
use crate::bytes::SmallBytes;
use crate::clock::{ReplicaId, VersionVector};
use crate::crdt::{ContainerKind, Key, Path};
use std::collections::VecDeque;
use std::sync::Arc;

/// Names a stream of one document. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The number, for bindings.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The stream of a number; one that was never given out names no stream.
    pub fn from_u64(number: u64) -> Self {
        StreamId(number)
    }
}

/// Where changes must come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Anywhere.
    #[default]
    Any,
    /// Transactions of this replica.
    Local,
    /// Imports and links.
    Remote,
}

/// What a stream is to carry. The default is everything, with a buffer of 1,024 events.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamOptions {
    /// Only the path itself, not what is below.
    pub exact: bool,
    /// Only these kinds; empty for all.
    pub kinds: Vec<ContainerKind>,
    /// Only changes from here.
    pub source: Source,
    /// Only changes by this writer.
    pub writer: Option<ReplicaId>,
    /// Most events that wait to be taken, 1 to [`bounds::STREAM_EVENTS`].
    pub capacity: usize,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions { exact: false, kinds: Vec::new(), source: Source::Any, writer: None, capacity: 1_024 }
    }
}

/// What a stream delivers.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// Something became different.
    Change(Arc<Change>),
    /// Events are missing here, because they were not taken in time.
    Lagged {
        /// How many.
        missed: u64,
    },
}

/// A subscription was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// There are as many as there may be.
    #[error("the document has {max} streams, which is the limit: end some, or subscribe to a common prefix", max = bounds::STREAMS)]
    TooMany,
    /// The stream was ended or never begun.
    #[error("there is no such stream: it was ended, or belongs to another document")]
    Unknown,
}

struct Waiting {
    change: Arc<Change>,
    /// At the last change of a commit or join: the version that it led to.
    version: Option<Arc<VersionVector>>,
}

struct Stream {
    path: Path,
    options: StreamOptions,
    queue: VecDeque<Waiting>,
    /// Events that found the queue full since the last one in it.
    missed: u64,
    /// Whether something was missed since the last resync; the token stays where it was before.
    gap: bool,
    token: Arc<VersionVector>,
}

impl Stream {
    fn takes(&self, change: &Change) -> bool {
        let options = &self.options;
        let local = matches!(change.origin, Origin::Local(_));
        (options.kinds.is_empty() || options.kinds.contains(&change.kind))
            && (!options.exact || self.path == change.path)
            && options.writer.is_none_or(|writer| writer == change.by)
            && match options.source {
                Source::Any => true,
                Source::Local => local,
                Source::Remote => !local,
            }
    }

    fn push(&mut self, change: &Arc<Change>) {
        if self.missed > 0 || self.queue.len() >= self.options.capacity {
            self.missed += 1;
            self.gap = true;
        } else {
            self.queue.push_back(Waiting { change: change.clone(), version: None });
        }
    }

    fn pop(&mut self) -> Option<StreamEvent> {
        if let Some(waiting) = self.queue.pop_front() {
            if let Some(version) = waiting.version {
                self.token = version;
            }
            return Some(StreamEvent::Change(waiting.change));
        }
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then_some(StreamEvent::Lagged { missed })
    }
}

/// All streams of a document.
#[derive(Default)]
pub(super) struct Streams {
    next: u64,
    streams: SortedMap<u64, Stream>,
    /// The encoded path of each stream, in order: what concerns a place is found by looking up its ancestors.
    by_path: Vec<(SmallBytes, u64)>,
    /// Commits and joins since a version was last noted.
    unnoted: usize,
}

impl Streams {
    pub(super) fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// Whether a stream may want to hear of a leaf.
    pub(super) fn wants(&self, key: &Key) -> bool {
        let path = place_of(key);
        !self.is_empty() && ancestors(path.as_str().as_bytes()).any(|prefix| !self.at(prefix).is_empty())
    }

    /// Hands the changes of one commit or join to the streams they concern.
    pub(super) fn push(&mut self, changes: &[Arc<Change>], state: &State) {
        let mut reached: Vec<u64> = Vec::new();
        for change in changes {
            for prefix in ancestors(change.path.as_str().as_bytes()) {
                let (from, to) = self.bounds_of(prefix);
                for &(_, id) in &self.by_path[from..to] {
                    let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.takes(change)) else {
                        continue;
                    };
                    stream.push(change);
                    reached.push(id);
                }
            }
        }
        self.unnoted += 1;
        // A version costs as much as there are writers, so that with many of them not every commit gets one: a token
        // may then be older than need be, and what it is resumed from repeats a little.
        if reached.is_empty() || self.unnoted <= state.writers.len() / 64 {
            return;
        }
        self.unnoted = 0;
        let version = Arc::new(state.version());
        for id in reached {
            let stream = self.streams.get_mut(&id).filter(|stream| !stream.gap);
            if let Some(last) = stream.and_then(|stream| stream.queue.back_mut()) {
                last.version = Some(version.clone());
            }
        }
    }

    /// The streams at just this path.
    fn at(&self, path: &[u8]) -> &[(SmallBytes, u64)] {
        let (from, to) = self.bounds_of(path);
        &self.by_path[from..to]
    }

    fn bounds_of(&self, path: &[u8]) -> (usize, usize) {
        let from = self.by_path.partition_point(|(found, _)| &**found < path);
        let count = self.by_path[from..].iter().take_while(|(found, _)| &**found == path).count();
        (from, from + count)
    }
}

impl Doc {
    /// Subscribes to the changes at and below a path from now on.
    ///
    /// # Errors
    /// [`StreamError::TooMany`] beyond [`bounds::STREAMS`].
    ///
    /// ```
    /// use syncline::{clock::ReplicaId, crdt::{Path, Value}, doc::{Doc, StreamEvent, StreamOptions}};
    /// let mut doc = Doc::new(ReplicaId::new(1, 1));
    /// let users = doc.subscribe(&Path::root().child("users"), StreamOptions::default())?;
    /// doc.transact(5, None, |doc| {
    ///     doc.set(&Path::from_segments(["users", "ada"]), Value::Int(36))?;
    ///     doc.set(&Path::from_segments(["usersettings"]), Value::Bool(true))
    /// })?;
    /// let Some(StreamEvent::Change(change)) = doc.next_event(users) else { panic!("a change waits") };
    /// assert_eq!(change.path.segments(), ["users", "ada"]);
    /// assert_eq!(doc.next_event(users), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subscribe(&mut self, path: &Path, options: StreamOptions) -> Result<StreamId, StreamError> {
        let token = Arc::new(self.version());
        let streams = &mut self.observer.streams;
        if streams.by_path.len() >= bounds::STREAMS {
            return Err(StreamError::TooMany);
        }
        streams.next += 1;
        let id = streams.next;
        let options = StreamOptions { capacity: options.capacity.clamp(1, bounds::STREAM_EVENTS), ..options };
        let place = (SmallBytes::new(path.as_str().as_bytes()), id);
        let at = streams.by_path.partition_point(|other| *other < place);
        streams.by_path.insert(at, place);
        let stream = Stream { path: path.clone(), options, queue: VecDeque::new(), missed: 0, gap: false, token };
        streams.streams.insert(id, stream);
        Ok(StreamId(id))
    }

    /// Ends a subscription. Returns whether there was one.
    pub fn unsubscribe(&mut self, id: StreamId) -> bool {
        let streams = &mut self.observer.streams;
        streams.by_path.retain(|(_, other)| *other != id.0);
        streams.streams.remove(&id.0).is_some()
    }

    /// Takes the next event of a stream; `None` if nothing waits, or if there is no such stream.
    pub fn next_event(&mut self, id: StreamId) -> Option<StreamEvent> {
        self.observer.streams.streams.get_mut(&id.0)?.pop()
    }

    /// The token of a stream: a version of the document that covers what was taken from it, and nothing that waits or
    /// was missed. Hand it to [`Doc::changes_since`] to go on from there, also in a later session.
    ///
    /// # Errors
    /// [`StreamError::Unknown`].
    pub fn stream_version(&self, id: StreamId) -> Result<VersionVector, StreamError> {
        let stream = self.observer.streams.streams.get(&id.0).ok_or(StreamError::Unknown)?;
        let idle = stream.queue.is_empty() && !stream.gap && !self.in_transaction();
        Ok(if idle { self.version() } else { (*stream.token).clone() })
    }

    /// Brings a stream up to date after a gap: returns the net changes since its token in its part of the document, and
    /// empties its buffer. Filters by writer and by source do not apply to net changes.
    ///
    /// # Errors
    /// [`StreamError::Unknown`].
    pub fn resync(&mut self, id: StreamId) -> Result<CatchUp, StreamError> {
        let token = self.stream_version(id)?;
        let mut catch_up = self.changes_since(&token);
        let version = Arc::new(catch_up.version.clone());
        let stream = self.observer.streams.streams.get_mut(&id.0).ok_or(StreamError::Unknown)?;
        stream.queue.clear();
        (stream.missed, stream.gap, stream.token) = (0, false, version);
        let (path, options) = (&stream.path, &stream.options);
        catch_up.restrict(path, |change| {
            (!options.exact || change.path == *path)
                && (options.kinds.is_empty() || options.kinds.contains(&change.kind))
        });
        Ok(catch_up)
    }
}

/// The encoded paths from the root down to `path` itself.
pub(super) fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = path.windows(2).enumerate().filter(|(_, pair)| *pair == [0, 0x10]).map(|(at, _)| at);
    starts.chain([path.len()]).map(|end| &path[..end])
}
