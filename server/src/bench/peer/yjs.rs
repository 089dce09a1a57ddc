//! A client of Yjs. It merges nothing: what it writes does not depend on what others write.

use super::update::Update;
use super::{Content, Event, Frames, KEYS, key};
use crate::bench::mark::Mark;
use crate::client::random;
use crate::yjs::bytes::{Malformed, Reader, push_block, push_number};

/// Kinds of frames.
const SYNC: u64 = 0;
const PRESENCE: u64 = 1;
const AUTH: u64 = 2;
const CLOSE: u64 = 7;
const STATUS: u64 = 8;
const PING: u64 = 9;

#[derive(Debug)]
pub(in crate::bench) struct Yjs {
    /// What stands in front of each frame of Hocuspocus: the name of the document.
    prefix: Vec<u8>,
    token: Option<String>,
    author: u64,
    /// Blocks that were written.
    clock: u64,
    /// Clocks of the values of the keys that this client sets in turn.
    values: Vec<u64>,
    /// Messages written.
    written: u64,
    shown: u64,
    joined: bool,
    acked: u32,
}

impl Yjs {
    /// With the name of its document in front of its frames, for Hocuspocus.
    pub(super) fn new(name: Option<&str>, token: Option<&str>) -> Yjs {
        let mut prefix = Vec::new();
        if let Some(name) = name {
            push_block(&mut prefix, name.as_bytes());
        }
        // Authors are drawn as Yjs draws them: two that are equal would spoil a document, and with so many bits do not happen.
        let author = (random() as u64) & 0xffff_ffff;
        let token = token.map(Into::into);
        Yjs { prefix, token, author, clock: 0, values: Vec::new(), written: 0, shown: 0, joined: false, acked: 0 }
    }

    /// Whether it speaks as y-websocket does.
    pub(super) fn is_bare(&self) -> bool {
        self.prefix.is_empty()
    }

    pub(super) fn greeting(&mut self) -> Frames {
        if self.is_bare() {
            return vec![self.question()];
        }
        let mut frame = self.frame(&[AUTH, 0], Some(self.token.as_deref().unwrap_or_default().as_bytes()));
        push_block(&mut frame, b"4.0.0");
        vec![frame]
    }

    /// Asks for everything.
    fn question(&self) -> Vec<u8> {
        self.frame(&[SYNC, 0], Some(&[0]))
    }

    fn frame(&self, head: &[u64], block: Option<&[u8]>) -> Vec<u8> {
        let mut frame = self.prefix.clone();
        head.iter().for_each(|number| push_number(&mut frame, *number));
        if let Some(block) = block {
            push_block(&mut frame, block);
        }
        frame
    }

    pub(super) fn take(&mut self, frame: &[u8], size: usize, marks: &mut Vec<Mark>) -> Event {
        let Some(body) = frame.strip_prefix(&*self.prefix) else { return Event::Nothing };
        self.read(body, size, marks).unwrap_or_else(|error| Event::Refused(error.to_string()))
    }

    fn read(&mut self, body: &[u8], size: usize, marks: &mut Vec<Mark>) -> Result<Event, Malformed> {
        let mut reader = Reader::new(body);
        match reader.number()? {
            SYNC => match reader.number()? {
                // It is told that nothing is here that it lacks.
                0 => Ok(Event::Reply(vec![self.frame(&[SYNC, 1], Some(&[0, 0]))])),
                1 if !self.joined => {
                    self.joined = true;
                    Ok(Event::Joined(Box::new(Content { bytes: reader.block()?.to_vec(), claim: None })))
                }
                _ => {
                    Mark::find(reader.remaining(), size, marks);
                    Ok(Event::Nothing)
                }
            },
            PRESENCE => {
                Mark::find(reader.remaining(), size, marks);
                Ok(Event::Nothing)
            }
            AUTH if self.is_bare() => Ok(Event::Refused("permission denied".into())),
            AUTH => match reader.number()? {
                2 => Ok(Event::Reply(vec![self.question()])),
                _ => Ok(Event::Refused("the token is refused. Give another one with --token".into())),
            },
            STATUS => match reader.number()? {
                1 => {
                    self.acked += 1;
                    Ok(Event::Acked(self.acked))
                }
                _ => Ok(Event::Refused("an update is refused".into())),
            },
            CLOSE => Ok(Event::Refused("the document is closed".into())),
            PING => Ok(Event::Reply(vec![self.frame(&[PING + 1], None)])),
            _ => Ok(Event::Nothing),
        }
    }

    pub(super) fn write(&mut self, text: &str) -> Vec<u8> {
        if self.written == 0 {
            // Those for what was said while joining have come by now.
            self.acked = 0;
        }
        let turn = (self.written % KEYS) as usize;
        let update = Update { author: self.author, clock: self.clock };
        let update = update.set(&format!("w{}-{turn}", self.author), text, self.values.get(turn).copied());
        match self.values.get_mut(turn) {
            Some(value) => *value = self.clock,
            None => self.values.push(self.clock),
        }
        (self.clock, self.written) = (self.clock + 1, self.written + 1);
        self.frame(&[SYNC, 2], Some(&update))
    }

    pub(super) fn show(&mut self, text: &str) -> Vec<u8> {
        self.shown += 1;
        let mut state = vec![1];
        push_number(&mut state, self.author);
        push_number(&mut state, self.shown);
        push_block(&mut state, format!("{{\"at\":\"{text}\"}}").as_bytes());
        self.frame(&[PRESENCE], Some(&state))
    }

    pub(super) fn fill(&mut self, cells: u32) -> Vec<u8> {
        let update = Update { author: self.author, clock: self.clock }.fill(cells, key);
        self.clock += u64::from(cells);
        self.frame(&[SYNC, 2], Some(&update))
    }
}
