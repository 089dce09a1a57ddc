//! Who is there: the states that clients tell of themselves, each with a clock, by the connection that told it last.
//!
//! What changes within a short time goes out as one frame. A client that has left is remembered for a while, so that an
//! echo of its state from another client does not bring it back. Only a connection that began later does: then it is the
//! client itself, which does not count on when it comes back, so the relay does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::bytes::{Malformed, Reader, check_json, push_block, push_number};
use crate::limits::{YJS_PRESENCE_BYTES, YJS_PRESENCE_IDS, YJS_PRESENCE_ROOM_BYTES};

/// A client that is not heard of for so long is gone; clients themselves renew their states every 15 seconds.
const SILENCE: Duration = Duration::from_secs(120);

/// Time for which a client that left is remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// What stands for no state.
const NOBODY: &str = "null";

/// The presence of one document.
#[derive(Debug, Default)]
pub(super) struct Presence {
    clients: BTreeMap<u64, Client>,
    /// The clients of each connection.
    owned: HashMap<u64, BTreeSet<u64>>,
    /// Bytes of all states.
    bytes: usize,
    /// Clients whose change was not told yet.
    changed: BTreeSet<u64>,
}

#[derive(Debug)]
struct Client {
    clock: u32,
    state: Option<String>,
    owner: u64,
    heard: Instant,
}

/// Checks an update of presence.
pub(super) fn check(update: &[u8]) -> Result<(), Malformed> {
    walk(update, |_, _, _| {})
}

impl Presence {
    /// Takes an update that was checked. What is too large or too much is left out: presence may be lost.
    ///
    /// `since` is when the connection `member` began.
    pub(super) fn take(&mut self, member: u64, since: Instant, update: &[u8]) {
        // The update was checked before it was handed in.
        let _ = walk(update, |id, clock, state| self.hear(member, since, (id, clock, state)));
    }

    fn hear(&mut self, member: u64, since: Instant, (id, told, state): (u64, u32, Option<&str>)) {
        let before = self.clients.get(&id);
        let is_back = state.is_some() && before.is_some_and(|before| before.state.is_none() && before.heard <= since);
        let clock = if is_back { told.max(before.map_or(0, |before| before.clock.saturating_add(1))) } else { told };
        let newer = before.is_none_or(|before| clock > before.clock);
        let left = before.is_some_and(|before| {
            clock == before.clock && state.is_none() && before.state.is_some() && before.owner == member
        });
        if !(newer || left) || before.is_none() && state.is_none() {
            return;
        }
        let (size, freed) =
            (state.map_or(0, str::len), before.and_then(|before| before.state.as_ref()).map_or(0, String::len));
        let mine = self.owned.get(&member);
        let places = mine.map_or(0, BTreeSet::len) < YJS_PRESENCE_IDS || mine.is_some_and(|mine| mine.contains(&id));
        let room = before.is_some() || self.clients.len() < syncline::bounds::PRESENCE_CLIENTS;
        let fits = size <= YJS_PRESENCE_BYTES && self.bytes - freed + size <= YJS_PRESENCE_ROOM_BYTES;
        if state.is_some() && !(places && room && fits) {
            return;
        }
        self.put(id, Client { clock, state: state.map(str::to_owned), owner: member, heard: Instant::now() });
    }

    fn put(&mut self, id: u64, client: Client) {
        self.bytes += client.state.as_ref().map_or(0, String::len);
        if client.state.is_some() {
            self.owned.entry(client.owner).or_default().insert(id);
        }
        let (owner, shown) = (client.owner, client.state.is_some());
        if let Some(before) = self.clients.insert(id, client) {
            self.bytes -= before.state.as_ref().map_or(0, String::len);
            if before.owner != owner || !shown {
                self.disown(before.owner, id);
            }
        }
        self.changed.insert(id);
    }

    fn disown(&mut self, member: u64, id: u64) {
        if let Some(ids) = self.owned.get_mut(&member) {
            ids.remove(&id);
            if ids.is_empty() {
                self.owned.remove(&member);
            }
        }
    }

    /// A connection has ended: so have its clients.
    pub(super) fn leave(&mut self, member: u64) {
        for id in self.owned.remove(&member).unwrap_or_default() {
            self.end(id);
        }
    }

    /// Takes out clients that are silent, and forgets those that left long ago.
    pub(super) fn tick(&mut self) {
        let silent: Vec<u64> = self
            .clients
            .iter()
            .filter(|(_, c)| c.state.is_some() && c.heard.elapsed() > SILENCE)
            .map(|(id, _)| *id)
            .collect();
        silent.into_iter().for_each(|id| self.end(id));
        self.clients.retain(|_, client| client.state.is_some() || client.heard.elapsed() < MEMORY);
    }

    fn end(&mut self, id: u64) {
        if let Some(client) = self.clients.get(&id) {
            let (clock, owner) = (client.clock.saturating_add(1), client.owner);
            self.put(id, Client { clock, state: None, owner, heard: Instant::now() });
        }
    }

    /// Whether something waits to be told.
    pub(super) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What has changed since it was asked the last time.
    pub(super) fn changes(&mut self) -> Vec<u8> {
        let changed = std::mem::take(&mut self.changed);
        let clients = changed.iter().filter_map(|id| Some((*id, self.clients.get(id)?)));
        encode(&clients.collect::<Vec<_>>())
    }

    /// Everybody who is there; `None` if that is nobody.
    pub(super) fn all(&self) -> Option<Vec<u8>> {
        let here: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| client.state.is_some())
            .map(|(id, client)| (*id, client))
            .collect();
        if here.is_empty() { None } else { Some(encode(&here)) }
    }
}

fn encode(clients: &[(u64, &Client)]) -> Vec<u8> {
    let mut out = Vec::new();
    push_number(&mut out, clients.len() as u64);
    for (id, client) in clients {
        push_number(&mut out, *id);
        push_number(&mut out, u64::from(client.clock));
        push_block(&mut out, client.state.as_deref().unwrap_or(NOBODY).as_bytes());
    }
    out
}

fn walk(update: &[u8], mut visit: impl FnMut(u64, u32, Option<&str>)) -> Result<(), Malformed> {
    let mut reader = Reader::new(update);
    for _ in 0..reader.count(3)? {
        let (id, clock, state) = (reader.number()?, reader.clock()?, reader.text()?);
        check_json(state)?;
        visit(id, clock, Some(state).filter(|state| *state != NOBODY));
    }
    if reader.is_empty() { Ok(()) } else { Err(Malformed::Part("bytes behind its end")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(id: u64, clock: u32, state: &str) -> Vec<u8> {
        let client =
            Client { clock, state: Some(state.into()).filter(|_| state != NOBODY), owner: 0, heard: Instant::now() };
        encode(&[(id, &client)])
    }

    fn seen(presence: &mut Presence) -> Vec<(u64, u32, Option<String>)> {
        let mut seen = Vec::new();
        walk(&presence.changes(), |id, clock, state| seen.push((id, clock, state.map(str::to_owned)))).unwrap();
        seen
    }

    #[test]
    fn the_newest_state_counts_and_goes_with_its_connection() {
        let (mut presence, since) = (Presence::default(), Instant::now());
        presence.take(1, since, &update(7, 1, "{\"a\":1}"));
        presence.take(1, since, &update(7, 2, "{\"a\":2}"));
        presence.take(2, since, &update(7, 2, "{\"a\":3}"));
        // Only who told it may take it back under the same clock.
        presence.take(2, since, &update(7, 2, NOBODY));
        assert_eq!(seen(&mut presence), [(7, 2, Some("{\"a\":2}".into()))]);
        presence.leave(2);
        assert!(!presence.has_changed());
        presence.leave(1);
        assert_eq!(seen(&mut presence), [(7, 3, None)]);
        // An echo does not bring it back, a newer state does.
        presence.take(2, since, &update(7, 2, "{}"));
        assert!(presence.all().is_none() && !presence.has_changed());
        presence.take(2, since, &update(7, 4, "{}"));
        assert!(presence.all().is_some());
        presence.leave(2);
        assert_eq!(seen(&mut presence), [(7, 5, None)]);
        // The client itself comes back by a new connection, under a clock of before.
        presence.take(3, Instant::now(), &update(7, 4, "{}"));
        assert_eq!(seen(&mut presence), [(7, 6, Some("{}".into()))]);
        presence.leave(3);
        assert_eq!((presence.bytes, presence.owned.len()), (0, 0));
    }

    #[test]
    fn clients_and_states_are_limited() {
        let (mut presence, since) = (Presence::default(), Instant::now());
        for id in 0..2 * YJS_PRESENCE_IDS as u64 {
            presence.take(1, since, &update(id, 1, "{}"));
        }
        assert_eq!(presence.clients.len(), YJS_PRESENCE_IDS);
        presence.take(2, since, &update(1000, 1, &format!("\"{}\"", "x".repeat(YJS_PRESENCE_BYTES))));
        assert_eq!(presence.clients.len(), YJS_PRESENCE_IDS);
        assert!(check(&update(1, 1, "{")).is_err());
    }
}
