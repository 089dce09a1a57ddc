//! One relay: a room, its connections, and a disk that is as fast as one wishes.

use std::collections::BTreeMap;

use syncline::clock::ReplicaId;
use syncline::link::{Link, LinkConfig, Message};
use syncline::replica::{ConnId, RetireMessage, Room, RoomConfig, RoomInput, RoomOutput};

use super::NOON;

/// A relay with one room.
pub struct Relay {
    /// The room.
    pub room: Room,
    /// What the room answers to the driver of a round.
    pub answers: Vec<RetireMessage>,
    /// Connections that the relay has closed.
    pub closed: Vec<(ConnId, u16, String)>,
    links: BTreeMap<ConnId, Link>,
    log: Vec<Vec<u8>>,
    number: usize,
    /// Frames that are handed out with the next ones.
    kept: Vec<(ConnId, Vec<u8>)>,
}

impl Relay {
    /// An empty relay.
    pub fn new(number: usize) -> Relay {
        Relay {
            room: room(number, 1),
            answers: Vec::new(),
            closed: Vec::new(),
            links: BTreeMap::new(),
            log: Vec::new(),
            number,
            kept: Vec::new(),
        }
    }

    /// Hands out these frames before the next ones.
    pub fn keep(&mut self, frames: Vec<(ConnId, Vec<u8>)>) {
        self.kept.extend(frames);
    }

    /// The process ends and starts again with what is on its disk. All connections are lost.
    pub fn restart(&mut self) -> Result<(), String> {
        self.room = room(self.number, self.room.last_persist() + 1);
        self.links.clear();
        for blob in &self.log {
            self.room.restore(blob).map_err(|error| format!("relay {}: {error}", self.number))?;
        }
        Ok(())
    }

    /// Takes a connection.
    pub fn accept(&mut self, conn: ConnId, now_ms: u64) {
        self.links.insert(conn, Link::relay(LinkConfig { agent: "relay".into(), token: None }, now_ms));
    }

    /// Loses a connection.
    pub fn lose(&mut self, conn: ConnId, now_ms: u64) {
        self.links.remove(&conn);
        self.room.handle(RoomInput::Leave { conn }, now_ms);
    }

    /// Takes a frame of a client.
    pub fn receive(&mut self, conn: ConnId, frame: &[u8], now_ms: u64) -> Result<(), String> {
        let Some(link) = self.links.get_mut(&conn) else { return Ok(()) };
        match link.handle_frame(frame, now_ms).map_err(|error| error.to_string())? {
            None | Some(Message::Hello(_)) => {}
            Some(message) => self.room.handle(RoomInput::Message { conn, message }, now_ms),
        }
        Ok(())
    }

    /// Does what the room wants done. Returns the frames for clients.
    pub fn collect(&mut self, now_ms: u64) -> Vec<(ConnId, Vec<u8>)> {
        let mut frames = std::mem::take(&mut self.kept);
        for (conn, link) in &mut self.links {
            frames.extend(std::iter::from_fn(|| link.poll_frame()).map(|frame| (*conn, frame)));
        }
        while let Some(output) = self.room.poll() {
            match output {
                RoomOutput::Send { conn, frame, .. } => frames.push((conn, frame)),
                RoomOutput::Broadcast { except, frame, .. } => {
                    let conns = self.links.keys().filter(|conn| Some(**conn) != except && self.room.is_joined(**conn));
                    frames.extend(conns.map(|conn| (*conn, frame.to_vec())));
                }
                RoomOutput::Persist { id, blob } => {
                    self.log.push(blob);
                    self.room.handle(RoomInput::Durable { upto: id }, now_ms);
                }
                RoomOutput::Retire(answer) => self.answers.push(answer),
                RoomOutput::Close { conn, code, reason } => self.closed.push((conn, code, reason)),
                _ => {}
            }
        }
        if self.log.len() > 500 {
            self.log = vec![self.room.snapshot()];
        }
        frames
    }
}

fn room(number: usize, next_persist: u64) -> Room {
    let id = ReplicaId::new(NOON - 1, number as u128);
    Room::new(RoomConfig { name: "r".into(), alias: 1, id, next_persist })
}
