//! Connections in virtual time: ordered and reliable until they break.

use std::collections::{BTreeMap, BTreeSet};

use super::agenda::Agenda;
use crate::rng::Rng;

/// The number of a connection; never used twice.
pub type Conn = u64;

/// What happens at a point of virtual time.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection is open, as its client sees it.
    Opened(Conn),
    /// A frame reaches the relay.
    AtRelay(Conn, Vec<u8>),
    /// A frame reaches the client.
    AtClient(Conn, Vec<u8>),
    /// The relay learns that a connection is gone.
    GoneAtRelay(Conn),
    /// The client learns that a connection is gone, with the close code.
    GoneAtClient(Conn, u16),
    /// A client looks at the clock.
    ClientTick(usize),
    /// The relay looks at the clock.
    RelayTick,
    /// The store has written entries up to this one; the second number is the store's incarnation.
    Written(u64, u64),
    /// The store has flushed entries up to this one; the second number is the store's incarnation.
    Flushed(u64, u64),
    /// The relay comes back.
    RelayUp,
    /// A client comes back.
    ClientUp(usize),
}

/// The agenda and the connections.
#[derive(Debug, Default)]
pub struct Net {
    /// Virtual time in ms.
    pub now_ms: u64,
    /// Whether the relay takes connections.
    pub reachable: bool,
    /// Whether connections succeed always and stay swift.
    pub peace: bool,
    /// Frames to the relay and frames to clients, if they are to be kept.
    pub recorded: Option<[Vec<Vec<u8>>; 2]>,
    /// The story of the run, if anyone listens.
    pub story: Option<String>,
    agenda: Agenda<Event>,
    next: Conn,
    /// Which client a connection belongs to.
    owners: BTreeMap<Conn, usize>,
    /// Connections that carry frames.
    alive: BTreeSet<Conn>,
    /// When the last frame of each direction arrives: none overtakes another.
    arrivals: BTreeMap<(Conn, bool), u64>,
}

impl Net {
    /// A network at a point of virtual time.
    pub fn starting_at(now_ms: u64) -> Net {
        Net { now_ms, ..Net::default() }
    }

    /// Adds a line to the story, if anyone listens.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        let now_ms = self.now_ms;
        if let Some(story) = &mut self.story {
            story.push_str(&format!("{:>8.3} s  {}\n", (now_ms % 100_000_000) as f64 / 1_000.0, line()));
        }
    }

    /// Adds what happens to the story.
    pub fn tell_event(&mut self, event: &Event) {
        if self.story.is_none() {
            return;
        }
        let who = |conn: &Conn| self.owners.get(conn).map_or("nobody".into(), |client| format!("client {client}"));
        let line = match event {
            Event::Opened(conn) => format!("{}: connection {conn} is open", who(conn)),
            Event::AtRelay(conn, frame) => format!("{} -> relay: {} bytes", who(conn), frame.len()),
            Event::AtClient(conn, frame) => format!("relay -> {}: {} bytes", who(conn), frame.len()),
            Event::GoneAtRelay(conn) => format!("relay: connection {conn} of {} is gone", who(conn)),
            Event::GoneAtClient(conn, code) => format!("{}: connection {conn} is gone, code {code}", who(conn)),
            Event::ClientTick(_) | Event::RelayTick => return,
            Event::Written(upto, _) => format!("the store has written up to {upto}"),
            Event::Flushed(upto, _) => format!("the store has flushed up to {upto}"),
            Event::RelayUp => "the relay STARTS".into(),
            Event::ClientUp(client) => format!("client {client} STARTS"),
        };
        self.tell(|| line);
    }

    /// Notes an event for `delay_ms` from now.
    pub fn after(&mut self, delay_ms: u64, event: Event) {
        self.agenda.note(self.now_ms + delay_ms, event);
    }

    /// Advances the time to the next event not later than `limit_ms`.
    pub fn next(&mut self, limit_ms: u64) -> Option<Event> {
        let next = self.agenda.take(limit_ms);
        let at_ms = next.as_ref().map_or(limit_ms, |(at_ms, _)| *at_ms);
        self.now_ms = self.now_ms.max(at_ms);
        next.map(|(_, event)| event)
    }

    /// Opens a connection of `client`; it fails while the relay is down, and now and then.
    pub fn connect(&mut self, client: usize, rng: &mut Rng) -> Conn {
        self.next += 1;
        let conn = self.next;
        self.owners.insert(conn, client);
        let delay = rng.between(1, 40);
        if self.reachable && (self.peace || !rng.chance(5)) {
            self.alive.insert(conn);
            self.after(delay, Event::Opened(conn));
        } else {
            self.after(delay, Event::GoneAtClient(conn, 1006));
        }
        conn
    }

    /// Carries a frame, if the connection is alive.
    pub fn carry(&mut self, conn: Conn, to_relay: bool, frame: Vec<u8>, rng: &mut Rng) {
        if !self.alive.contains(&conn) {
            return;
        }
        if let Some(recorded) = &mut self.recorded {
            recorded[usize::from(!to_relay)].push(frame.clone());
        }
        let latency = if rng.chance(3) { rng.between(50, 400) } else { rng.between(1, 15) };
        let arrival = self.arrivals.entry((conn, to_relay)).or_default();
        *arrival = (*arrival).max(self.now_ms + latency);
        let delay = *arrival - self.now_ms;
        self.after(delay, if to_relay { Event::AtRelay(conn, frame) } else { Event::AtClient(conn, frame) });
    }

    /// Breaks a connection: frames under way are lost, and each side learns of it in its own time.
    pub fn cut(&mut self, conn: Conn, code: u16, rng: &mut Rng) {
        if self.alive.remove(&conn) {
            self.after(rng.between(0, 30), Event::GoneAtClient(conn, code));
            self.after(rng.between(0, 300), Event::GoneAtRelay(conn));
        }
    }

    /// Closes a connection from the relay, behind the frames it has sent.
    pub fn close_from_relay(&mut self, conn: Conn, code: u16) {
        if self.alive.contains(&conn) {
            let arrival = self.arrivals.get(&(conn, false)).copied().unwrap_or(0).max(self.now_ms);
            self.after(arrival - self.now_ms, Event::GoneAtClient(conn, code));
        }
    }

    /// Forgets a connection that both sides have given up.
    pub fn forget(&mut self, conn: Conn) {
        self.alive.remove(&conn);
    }

    /// Whether frames still arrive.
    pub fn is_alive(&self, conn: Conn) -> bool {
        self.alive.contains(&conn)
    }

    /// The client that a connection belongs to.
    pub fn owner(&self, conn: Conn) -> Option<usize> {
        self.owners.get(&conn).copied()
    }

    /// The connections that carry frames.
    pub fn connections(&self) -> Vec<Conn> {
        self.alive.iter().copied().collect()
    }
}
