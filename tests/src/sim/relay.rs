//! A simulated relay: the real links and one real room over a store that forgets what it may.

use std::collections::BTreeMap;

use syncline::clock::ReplicaId;
use syncline::link::{Link, LinkConfig, Message, RoomRef};
use syncline::replica::{Room, RoomConfig, RoomInput, RoomOutput};

use super::net::{Conn, Event, Net};
use super::store::{Crash, Store};
use crate::rng::Rng;

/// Close code of a client that violates the protocol, as the server maps it.
const GONE: u16 = 1006;

/// The relay, across its restarts.
#[derive(Default)]
pub struct Relay {
    /// The running process; `None` while it is down.
    running: Option<Running>,
    /// What outlives it.
    pub store: Store,
    starts: u64,
}

struct Running {
    room: Room,
    links: BTreeMap<Conn, Link>,
    ticks: Option<u64>,
}

impl Relay {
    /// Starts with what the store has kept.
    pub fn start(&mut self, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        self.starts += 1;
        let id = ReplicaId::new(net.now_ms, u128::from(rng.bits()) << 8 | 0xff);
        let mut room = Room::new(RoomConfig {
            name: "sim".into(),
            alias: self.starts as u32,
            id,
            next_persist: self.store.last() + 1,
        });
        for blob in self.store.blobs() {
            room.restore(blob).map_err(|error| format!("the relay's log does not load: {error}"))?;
        }
        self.running = Some(Running { room, links: BTreeMap::new(), ticks: None });
        net.reachable = true;
        Ok(())
    }

    /// Ends without warning; all connections break.
    pub fn crash(&mut self, crash: Crash, net: &mut Net, rng: &mut Rng) {
        self.running = None;
        net.reachable = false;
        for conn in net.connections() {
            net.cut(conn, GONE, rng);
        }
        self.store.crash(crash);
    }

    /// The room, while the relay is up.
    pub fn room(&self) -> Option<&Room> {
        self.running.as_ref().map(|running| &running.room)
    }

    /// A frame has arrived.
    pub fn frame(&mut self, conn: Conn, frame: &[u8], net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let now_ms = net.now_ms;
        let link = running
            .links
            .entry(conn)
            .or_insert_with(|| Link::relay(LinkConfig { agent: "sim".into(), token: None }, now_ms));
        match link.handle_frame(frame, now_ms) {
            Ok(Some(message)) => running.receive(conn, message, now_ms)?,
            Ok(None) => {}
            Err(error) => return Err(format!("the relay refuses a frame of an honest client: {error}")),
        }
        running.answer(conn, net, rng);
        self.drain(net, rng)
    }

    /// A connection is gone.
    pub fn gone(&mut self, conn: Conn, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Ok(()) };
        if running.links.remove(&conn).is_some() {
            running.room.handle(RoomInput::Leave { conn }, net.now_ms);
        }
        self.drain(net, rng)
    }

    /// The store has written up to `upto`.
    pub fn written(&mut self, upto: u64, incarnation: u64, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if incarnation != self.store.incarnation {
            return Ok(());
        }
        self.store.stored = self.store.stored.max(upto);
        if let Some(running) = &mut self.running {
            running.room.handle(RoomInput::Stored { upto }, net.now_ms);
        }
        self.drain(net, rng)
    }

    /// The store has flushed up to `upto`.
    pub fn flushed(&mut self, upto: u64, incarnation: u64, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if incarnation != self.store.incarnation {
            return Ok(());
        }
        self.store.durable = self.store.durable.max(upto);
        if let Some(running) = &mut self.running {
            running.room.handle(RoomInput::Durable { upto }, net.now_ms);
            if rng.chance(10) {
                self.store.compact(running.room.snapshot());
            }
        }
        self.drain(net, rng)
    }

    /// Time passes.
    pub fn tick(&mut self, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        if let Some(running) = &mut self.running {
            running.ticks = None;
            let conns: Vec<Conn> = running.links.keys().copied().collect();
            for conn in conns {
                running.time_out(conn, net, rng);
            }
        }
        self.drain(net, rng)
    }

    fn drain(&mut self, net: &mut Net, rng: &mut Rng) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Ok(()) };
        while let Some(output) = running.room.poll() {
            match output {
                RoomOutput::Send { conn, frame, .. } => net.carry(conn, false, frame, rng),
                RoomOutput::Broadcast { except, frame, .. } => {
                    for conn in running
                        .links
                        .keys()
                        .copied()
                        .filter(|conn| Some(*conn) != except && running.room.is_joined(*conn))
                    {
                        net.carry(conn, false, frame.to_vec(), rng);
                    }
                }
                RoomOutput::Persist { id, blob } => {
                    self.store.append(id, blob)?;
                    let written = rng.between(0, 20);
                    net.after(written, Event::Written(id, self.store.incarnation));
                    net.after(written + rng.between(0, 60), Event::Flushed(id, self.store.incarnation));
                }
                RoomOutput::Close { conn, code, .. } => net.close_from_relay(conn, code),
                _ => {}
            }
        }
        if running.ticks.is_none() {
            running.ticks = Some(net.now_ms + 1_000);
            net.after(1_000, Event::RelayTick);
        }
        Ok(())
    }
}

impl Running {
    fn receive(&mut self, conn: Conn, message: Message, now_ms: u64) -> Result<(), String> {
        match message.room() {
            Some(RoomRef::Name(name)) if name != "sim" => Err(format!("a client opens the room {name}")),
            None => Ok(()),
            Some(_) => {
                self.room.handle(RoomInput::Message { conn, message }, now_ms);
                Ok(())
            }
        }
    }

    /// Sends what the link itself has to say.
    fn answer(&mut self, conn: Conn, net: &mut Net, rng: &mut Rng) {
        while let Some(frame) = self.links.get_mut(&conn).and_then(Link::poll_frame) {
            net.carry(conn, false, frame, rng);
        }
    }

    fn time_out(&mut self, conn: Conn, net: &mut Net, rng: &mut Rng) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        if link.handle_timeout(net.now_ms).is_err() {
            net.cut(conn, GONE, rng);
        }
        self.answer(conn, net, rng);
    }
}
