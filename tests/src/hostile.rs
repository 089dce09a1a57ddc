//! A room with an honest client and a hostile one, and single ends of a conversation, for frames that nobody sane sends.

use std::collections::BTreeMap;

use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::link::{AckLevel, Link, LinkConfig, Message};
use syncline::replica::{Input, Output, Replica, ReplicaConfig, Room, RoomConfig, RoomInput, RoomOutput, State};

/// Where the clocks start, in ms since the epoch.
pub const NOON: u64 = 1_700_000_000_000;

/// A room with an honest client and a hostile one.
pub struct Harmed {
    /// The room.
    pub room: Room,
    links: BTreeMap<u64, Link>,
    /// The honest client.
    pub healthy: Replica,
    /// The connection of the hostile one.
    pub hostile: u64,
    /// What the room may take for an answer, in bytes.
    pub held: usize,
}

/// The connection of the honest client; hostile ones count up from the next.
const HEALTHY: u64 = 1;

impl Default for Harmed {
    fn default() -> Self {
        Harmed::new()
    }
}

impl Harmed {
    /// Both clients are connected.
    pub fn new() -> Harmed {
        let healthy = Replica::new(config(), Doc::new(ReplicaId::new(NOON, 5)));
        let mut harmed = Harmed {
            room: Room::new(room_config(1)),
            links: BTreeMap::new(),
            healthy,
            hostile: HEALTHY,
            held: 64 * 1024,
        };
        harmed.links.insert(HEALTHY, Link::relay(link_config(), NOON));
        harmed.healthy.handle(Input::Online(true), NOON);
        harmed.healthy.handle(Input::Connected, NOON);
        harmed.settle();
        harmed.reconnect();
        harmed
    }

    /// The hostile client comes in anew, and properly.
    fn reconnect(&mut self) {
        if self.hostile != HEALTHY {
            self.links.remove(&self.hostile);
            self.room.handle(RoomInput::Leave { conn: self.hostile }, NOON);
        }
        self.hostile += 1;
        self.links.insert(self.hostile, Link::relay(link_config(), NOON));
        let mut visitor = Replica::new(config(), Doc::new(ReplicaId::new(NOON, 1_000 + u128::from(self.hostile))));
        visitor.handle(Input::Online(true), NOON);
        visitor.handle(Input::Connected, NOON);
        for _ in 0..2 {
            for frame in drain(&mut visitor) {
                self.receive(self.hostile, &frame);
            }
            if let Some(link) = self.links.get_mut(&self.hostile) {
                std::iter::from_fn(|| link.poll_frame()).for_each(|frame| visitor.handle(Input::Frame(&frame), NOON));
            }
        }
        self.settle();
    }

    /// The hostile client sends a frame; a link that refuses it is closed, and the client comes in anew.
    pub fn attack(&mut self, frame: &[u8]) {
        self.receive(self.hostile, frame);
        self.settle();
        if !self.links.contains_key(&self.hostile) {
            self.reconnect();
        }
    }

    /// Hands a frame to the link of a connection and the message on to the room, as a relay does.
    pub fn receive(&mut self, conn: u64, frame: &[u8]) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        match link.handle_frame(frame, NOON) {
            Ok(Some(message)) if message.room().is_some() => {
                self.room.handle(RoomInput::Message { conn, message }, NOON)
            }
            Ok(_) => {}
            Err(error) => {
                assert!(conn != HEALTHY, "the honest client is refused: {error}");
                self.links.remove(&conn);
                self.room.handle(RoomInput::Leave { conn }, NOON);
            }
        }
    }

    /// Carries everything until nobody has anything to say.
    pub fn settle(&mut self) {
        for _ in 0..1_000 {
            let mut quiet = true;
            while let Some(output) = self.room.poll() {
                quiet = false;
                match output {
                    RoomOutput::Send { conn: HEALTHY, frame, .. } => self.healthy.handle(Input::Frame(&frame), NOON),
                    RoomOutput::Broadcast { except, frame, .. } if except != Some(HEALTHY) => {
                        self.healthy.handle(Input::Frame(&frame), NOON)
                    }
                    RoomOutput::Persist { id, .. } => {
                        self.room.handle(RoomInput::Stored { upto: id }, NOON);
                        self.room.handle(RoomInput::Durable { upto: id }, NOON);
                    }
                    RoomOutput::Close { conn, reason, .. } => {
                        assert!(conn != HEALTHY, "the honest client is closed: {reason}");
                        self.links.remove(&conn);
                    }
                    _ => {}
                }
            }
            if let Some(link) = self.links.get_mut(&HEALTHY) {
                std::iter::from_fn(|| link.poll_frame())
                    .for_each(|frame| self.healthy.handle(Input::Frame(&frame), NOON));
            }
            for frame in drain(&mut self.healthy) {
                quiet = false;
                self.receive(HEALTHY, &frame);
            }
            if quiet {
                return;
            }
        }
        panic!("the room and its honest client do not come to rest");
    }

    /// The honest client writes and must be acknowledged, whatever the other has sent.
    pub fn healthy_edit(&mut self, number: i64, last: &[u8]) {
        self.healthy
            .doc_mut()
            .transact(NOON, None, |doc| doc.set(&Path::from_segments(["healthy"]), Value::Int(number)))
            .expect("a valid edit");
        self.settle();
        let status = self.healthy.status();
        let whole =
            status.state == State::Live && self.healthy.acked(AckLevel::Durable) == self.healthy.doc().last_seq();
        assert!(whole, "the honest client suffers: {status:?}; the last hostile frame: {}", hex(last));
    }

    /// The room is sound, and the honest client has what it has.
    pub fn account(&self, last: &[u8]) {
        let (room, client) = (self.room.doc(), self.healthy.doc());
        room.check().unwrap_or_else(|problem| panic!("{problem}: {}", hex(last)));
        assert_eq!(
            (room.version(), room.digest()),
            (client.version(), client.digest()),
            "the last hostile frame: {}",
            hex(last)
        );
    }
}

/// One end of a link that has been greeted.
pub fn greeted(relay: bool) -> Link {
    let mut link = if relay { Link::relay(link_config(), NOON) } else { Link::client(link_config(), NOON) };
    let mut other = if relay { Link::client(link_config(), NOON) } else { Link::relay(link_config(), NOON) };
    for _ in 0..2 {
        std::iter::from_fn(|| other.poll_frame()).for_each(|frame| drop(link.handle_frame(&frame, NOON)));
        std::iter::from_fn(|| link.poll_frame()).for_each(|frame| drop(other.handle_frame(&frame, NOON)));
    }
    assert!(link.peer().is_some());
    link
}

/// Connects a client to a room of its own, so that it is live.
pub fn connect(client: &mut Replica, room: &mut Room) {
    let mut link = Link::relay(link_config(), NOON);
    client.handle(Input::Online(true), NOON);
    client.handle(Input::Connected, NOON);
    for _ in 0..4 {
        for frame in drain(client) {
            if let Ok(Some(message @ (Message::Open(_) | Message::Delta { .. }))) = link.handle_frame(&frame, NOON) {
                room.handle(RoomInput::Message { conn: 1, message }, NOON);
            }
        }
        std::iter::from_fn(|| link.poll_frame()).for_each(|frame| client.handle(Input::Frame(&frame), NOON));
        while let Some(output) = room.poll() {
            if let RoomOutput::Send { frame, .. } = output {
                client.handle(Input::Frame(&frame), NOON);
            }
        }
    }
    drain(client);
    assert_eq!(client.status().state, State::Live);
}

/// Polls until idle and returns what is to be sent.
pub fn drain(replica: &mut Replica) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for _ in 0..10_000 {
        match replica.poll(NOON) {
            Output::Idle(_) => return frames,
            Output::Send(frame) => frames.push(frame),
            _ => {}
        }
    }
    panic!("a replica does not become idle");
}

/// The room of these tests.
pub fn room_config(alias: u32) -> RoomConfig {
    RoomConfig { name: "sim".into(), alias, id: ReplicaId::new(NOON, 4), next_persist: 1 }
}

/// A client of it.
pub fn config() -> ReplicaConfig {
    ReplicaConfig { room: "sim".into(), agent: "test".into(), token: None, seed: 1 }
}

/// Either end of a link.
pub fn link_config() -> LinkConfig {
    LinkConfig { agent: "test".into(), token: None }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Cuts bytes into frames: each begins with its length in two bytes, and the last takes what is left.
pub fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (frame, left) = rest.split_at(rest.len().min(u16::from_le_bytes(*length).into()));
        bytes = left;
        Some(frame)
    })
}
