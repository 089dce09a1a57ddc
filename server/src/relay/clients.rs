//! Who is connected, for operators.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Relay, now_ms};
use crate::socket::Outbox;

/// Holds all connections of one relay by number.
#[derive(Debug, Default)]
pub struct Clients {
    by_number: Mutex<BTreeMap<u64, Arc<Client>>>,
}

/// Is one connection.
#[derive(Debug)]
pub struct Client {
    /// Its number at this relay.
    pub number: u64,
    /// Its address; that of the proxy, if there is one.
    pub peer: Option<IpAddr>,
    /// The protocol that it speaks.
    pub protocol: &'static str,
    /// When it came, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// What waits for it.
    pub outbox: Arc<Outbox>,
    said: Mutex<Said>,
}

/// Is what a client has said so far.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The program, as it calls itself.
    pub agent: String,
    /// The subject of its token.
    pub subject: Option<String>,
    /// Rooms that it has open.
    pub rooms: Vec<Arc<str>>,
}

/// Keeps a connection in the list until it is dropped.
pub(crate) struct Present {
    relay: Arc<Relay>,
    pub(crate) client: Arc<Client>,
}

impl Clients {
    /// All connections, by number.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    /// One connection.
    pub fn get(&self, number: u64) -> Option<Arc<Client>> {
        self.lock().get(&number).cloned()
    }

    /// Bytes that wait for all of them, and for the one for which most do.
    pub fn queued_bytes(&self) -> (usize, usize) {
        let clients = self.all();
        let bytes = clients.iter().map(|client| client.outbox.bytes());
        bytes.fold((0, 0), |(sum, most), bytes| (sum + bytes, most.max(bytes)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.by_number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// What it has said so far.
    pub fn said(&self) -> Said {
        self.lock().clone()
    }

    pub(crate) fn hello(&self, agent: &str, subject: Option<&str>) {
        let mut said = self.lock();
        said.agent = agent.to_owned();
        said.subject = subject.map(str::to_owned);
    }

    pub(crate) fn opened(&self, room: &Arc<str>) {
        let mut said = self.lock();
        if !said.rooms.contains(room) {
            said.rooms.push(room.clone());
        }
    }

    pub(crate) fn left(&self, room: &str) {
        self.lock().rooms.retain(|open| **open != *room);
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    /// Puts a connection into the list.
    pub(crate) fn new(
        relay: Arc<Relay>,
        number: u64,
        peer: Option<IpAddr>,
        protocol: &'static str,
        outbox: Arc<Outbox>,
    ) -> Present {
        let client = Client { number, peer, protocol, since_ms: now_ms(), outbox, said: Mutex::default() };
        let client = Arc::new(client);
        relay.clients().lock().insert(number, client.clone());
        relay.metrics().opened.inc();
        Present { relay, client }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.relay.clients().lock().remove(&self.client.number);
    }
}
