//! A client of Syncline. It merges nothing: as a reader it only looks for marks, as a writer it knows its own events.

use std::fmt;

use ::syncline::clock::{ReplicaId, VersionVector};
use ::syncline::crdt::{Path, Value};
use ::syncline::delta::LiveEncoder;
use ::syncline::doc::Doc;
use ::syncline::link::{AckLevel, Link, LinkConfig, Message, Open, Opened};

use super::{Content, Event, Frames, KEYS, key};
use crate::bench::mark::Mark;
use crate::client::new_replica_id;
use crate::relay::now_ms;

/// First bytes of live frames. They are most of what comes, and are searched without being decoded.
const LIVE: [u8; 2] = [1, 2];

pub(in crate::bench) struct Syncline {
    room: String,
    id: ReplicaId,
    link: Link,
    alias: Option<u32>,
    opened: Option<Opened>,
    number: u32,
    writer: Option<Box<Writer>>,
}

/// What only writers have.
struct Writer {
    doc: Doc,
    stream: LiveEncoder,
    /// Number of the event before its first message.
    base: u64,
    /// Messages written.
    written: u64,
}

impl fmt::Debug for Syncline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syncline").field("room", &self.room).field("alias", &self.alias).finish_non_exhaustive()
    }
}

impl Syncline {
    pub(super) fn new(room: &str, number: u32, token: Option<&str>) -> Syncline {
        let agent = concat!("syncline-bench ", env!("CARGO_PKG_VERSION")).into();
        Syncline {
            room: room.into(),
            id: new_replica_id(),
            link: Link::client(LinkConfig { agent, token: token.map(Into::into) }, now_ms()),
            alias: None,
            opened: None,
            number,
            writer: None,
        }
    }

    pub(super) fn greeting(&mut self) -> Frames {
        self.own_frames()
    }

    fn own_frames(&mut self) -> Frames {
        std::iter::from_fn(|| self.link.poll_frame()).collect()
    }

    pub(super) fn take(&mut self, frame: &[u8], size: usize, marks: &mut Vec<Mark>) -> Event {
        if frame.first().is_some_and(|first| LIVE.contains(first)) {
            Mark::find(frame, size, marks);
            return Event::Nothing;
        }
        match self.link.handle_frame(frame, now_ms()) {
            Ok(Some(message)) => self.heard(message, size, marks),
            Ok(None) => match self.own_frames() {
                frames if frames.is_empty() => Event::Nothing,
                frames => Event::Reply(frames),
            },
            Err(error) => Event::Refused(error.to_string()),
        }
    }

    fn heard(&mut self, message: Message, size: usize, marks: &mut Vec<Mark>) -> Event {
        match message {
            Message::Hello(_) => {
                let open = Open { room: self.room.clone(), replica: self.id, version: VersionVector::default() };
                Event::Reply(Message::Open(open).encode())
            }
            Message::Opened(opened) => {
                self.alias = Some(opened.alias);
                if opened.version.is_empty() {
                    return Event::Joined(Box::default());
                }
                self.opened = Some(opened);
                Event::Nothing
            }
            Message::Delta { body, .. } => {
                let claim = self.opened.take().map(|opened| (opened.version, opened.digest));
                if claim.is_some() { Event::Joined(Box::new(Content { bytes: body, claim })) } else { Event::Nothing }
            }
            // Sent in pieces, because they are many.
            Message::Live { frames, .. } => {
                frames.iter().for_each(|frame| Mark::find(frame, size, marks));
                Event::Nothing
            }
            Message::Presence { entries, .. } => {
                entries.iter().filter_map(|entry| entry.1.as_ref()).for_each(|state| Mark::find(state, size, marks));
                Event::Nothing
            }
            Message::Ack { level: AckLevel::Durable, version, .. } => {
                let base = self.writer.as_ref().map_or(0, |writer| writer.base);
                let own = version.get(&self.id).saturating_sub(base);
                if own > 0 { Event::Acked(u32::try_from(own).unwrap_or(u32::MAX)) } else { Event::Nothing }
            }
            Message::Error { error, .. } => Event::Refused(format!("{}: {}", error.code.name(), error.message)),
            Message::Drain(_) => Event::Refused("the relay is about to stop".into()),
            _ => Event::Nothing,
        }
    }

    pub(super) fn write(&mut self, text: String) -> Result<Frames, String> {
        let alias = self.alias.ok_or("the room is not open")?;
        let number = self.number;
        let writer = self.writer();
        let place = Path::from_segments([format!("w{number}-{}", writer.written % KEYS)]);
        writer.written += 1;
        let done = writer.doc.transact(now_ms(), None, |doc| doc.set(&place, Value::Str(text)));
        done.map_err(|error| error.to_string())?;
        let mut frames = Vec::new();
        while let Some(batch) = writer.doc.take_batch() {
            frames.push(writer.stream.encode(&batch));
        }
        let announcement = writer.stream.take_announcement().map(|body| Message::Announce { alias, body });
        let messages = announcement.into_iter().chain([Message::Live { alias, frames }]);
        Ok(messages.flat_map(|message| message.encode()).collect())
    }

    pub(super) fn show(&mut self, text: String) -> Result<Frames, String> {
        let alias = self.alias.ok_or("the room is not open")?;
        let entries = vec![(self.id, Some(Value::Str(text).to_cbor()))];
        Ok(Message::Presence { alias, entries }.encode())
    }

    pub(super) fn fill(&mut self, cells: u32) -> Result<Frames, String> {
        let alias = self.alias.ok_or("the room is not open")?;
        let writer = self.writer();
        let write = |doc: &mut Doc| {
            (0..cells)
                .try_for_each(|cell| doc.set(&Path::from_segments([key(cell)]), Value::Int(i64::from(cell % 1000))))
        };
        writer.doc.transact(now_ms(), None, write).map_err(|error| error.to_string())?;
        while writer.doc.take_batch().is_some() {}
        // The acknowledgement of the last cell counts as that of one message.
        writer.base = writer.doc.last_seq().saturating_sub(1);
        let delta = writer.doc.delta_since(&VersionVector::default());
        Ok(Message::Delta { alias, body: delta.encode() }.encode())
    }

    fn writer(&mut self) -> &mut Writer {
        let id = self.id;
        self.writer.get_or_insert_with(|| {
            let mut doc = Doc::new(id);
            doc.keep_batches(true);
            doc.stream_batches(true);
            Box::new(Writer { doc, stream: LiveEncoder::default(), base: 0, written: 0 })
        })
    }
}
