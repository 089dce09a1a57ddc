//! The rooms in memory by name.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline::link::ErrorCode;
use tokio::sync::mpsc;

use super::room::{self, RoomCommand};
use super::sizes::Gauges;
use super::{Phase, Place, Relay};
use crate::limits::ROOM_MAILBOX;
use crate::store::Store;
use crate::yjs::stored;

/// Reaches one room, which takes commands of one type. While a connection holds it, the room stays in memory.
pub(crate) struct RoomHandle<C = RoomCommand> {
    pub(crate) name: Arc<str>,
    /// Number of the room on all links of this relay.
    pub(crate) alias: u32,
    pub(crate) mailbox: mpsc::Sender<C>,
    /// What the room tells of its size.
    pub(crate) gauges: Arc<Gauges>,
}

impl<C> Clone for RoomHandle<C> {
    fn clone(&self) -> Self {
        let (mailbox, gauges) = (self.mailbox.clone(), self.gauges.clone());
        RoomHandle { name: self.name.clone(), alias: self.alias, mailbox, gauges }
    }
}

/// What the task of a room begins with.
pub(crate) struct Seed<C> {
    pub(crate) relay: Arc<Relay>,
    pub(crate) store: Arc<Store>,
    pub(crate) name: Arc<str>,
    pub(crate) alias: u32,
    pub(crate) commands: mpsc::Receiver<C>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) _place: Place,
}

/// Says why a room cannot be opened right now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenRefusal {
    /// As many rooms as configured are in memory.
    #[error("the relay serves as many rooms as `room.max` allows; try again later")]
    Full,
    /// The relay drains.
    #[error("the relay is shutting down; reconnect in a moment")]
    Draining,
}

impl OpenRefusal {
    /// The number that says it on the wire.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            OpenRefusal::Full => ErrorCode::Limit,
            OpenRefusal::Draining => ErrorCode::Unavailable,
        }
    }
}

/// Holds the handles of all rooms of one kind that are in memory.
pub(crate) struct Registry<C = RoomCommand> {
    rooms: Mutex<Rooms<C>>,
}

struct Rooms<C> {
    by_name: HashMap<Arc<str>, RoomHandle<C>>,
    aliases: HashSet<u32>,
    last_alias: u32,
}

impl Relay {
    /// Returns the handle of a room, starting its task if it is not in memory.
    ///
    /// # Errors
    /// [`OpenRefusal`]; all of them are temporary.
    pub(crate) fn open(self: &Arc<Relay>, name: &str) -> Result<RoomHandle, OpenRefusal> {
        self.registry.open(self, name, |seed| {
            tokio::spawn(room::run(seed));
        })
    }

    /// Takes a room out of the registry if nobody but the registry holds its handle.
    pub(super) fn unload_if_unused(&self, name: &str, alias: u32) -> bool {
        self.registry.unload_if_unused(name, alias)
    }

    /// The sizes of the rooms and documents of Yjs in memory, by the names under which they are stored.
    pub(crate) fn loaded(&self) -> Vec<(Arc<str>, Arc<Gauges>)> {
        let mut loaded = self.registry.loaded();
        let documents = self.yjs().registry.loaded();
        loaded.extend(documents.into_iter().map(|(name, gauges)| (stored(&name), gauges)));
        loaded
    }

    /// Takes a room out of the registry because its task ends.
    pub(super) fn forget(&self, name: &str, alias: u32) {
        self.registry.forget(name, alias);
    }
}

impl<C> Registry<C> {
    /// Returns the handle of a room; `start` starts its task if it is not in memory.
    ///
    /// # Errors
    /// [`OpenRefusal`]; all of them are temporary.
    pub(crate) fn open(
        &self,
        relay: &Arc<Relay>,
        name: &str,
        start: impl FnOnce(Seed<C>),
    ) -> Result<RoomHandle<C>, OpenRefusal> {
        let mut rooms = self.lock();
        if relay.phase() != Phase::Ready {
            return Err(OpenRefusal::Draining);
        }
        // A task that ended unexpectedly leaves a closed mailbox behind; the room is then loaded anew.
        if let Some(handle) = rooms.by_name.get(name).filter(|handle| !handle.mailbox.is_closed()) {
            return Ok(handle.clone());
        }
        rooms.remove(name);
        let store = relay.store().ok_or(OpenRefusal::Draining)?.clone();
        let place = relay.rooms.enter(relay.config.room.max).ok_or(OpenRefusal::Full)?;
        let (mailbox, commands) = mpsc::channel(ROOM_MAILBOX);
        let handle = RoomHandle { name: name.into(), alias: rooms.take_alias(), mailbox, gauges: Arc::default() };
        rooms.by_name.insert(handle.name.clone(), handle.clone());
        let (name, alias, gauges) = (handle.name.clone(), handle.alias, handle.gauges.clone());
        start(Seed { relay: relay.clone(), store, name, alias, commands, gauges, _place: place });
        Ok(handle)
    }

    /// Takes a room out of the registry if nobody but the registry holds its handle. Joins take the same lock, so none is lost.
    pub(crate) fn unload_if_unused(&self, name: &str, alias: u32) -> bool {
        let mut rooms = self.lock();
        let unused =
            rooms.by_name.get(name).is_none_or(|handle| handle.alias == alias && handle.mailbox.strong_count() == 1);
        if unused {
            rooms.remove(name);
        }
        unused
    }

    /// Takes a room out of the registry because its task ends.
    pub(crate) fn forget(&self, name: &str, alias: u32) {
        let mut rooms = self.lock();
        if rooms.by_name.get(name).is_some_and(|handle| handle.alias == alias) {
            rooms.remove(name);
        }
    }

    /// The sizes of all, by name.
    fn loaded(&self) -> Vec<(Arc<str>, Arc<Gauges>)> {
        self.lock().by_name.values().map(|handle| (handle.name.clone(), handle.gauges.clone())).collect()
    }

    /// Drops all handles: the rooms end when no connection holds them any more.
    pub(super) fn clear(&self) {
        *self.lock() = Rooms::default();
    }

    fn lock(&self) -> MutexGuard<'_, Rooms<C>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> std::fmt::Debug for Registry<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("rooms", &self.lock().by_name.len()).finish_non_exhaustive()
    }
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        Registry { rooms: Mutex::default() }
    }
}

impl<C> Default for Rooms<C> {
    fn default() -> Self {
        Rooms { by_name: HashMap::new(), aliases: HashSet::new(), last_alias: 0 }
    }
}

impl<C> Rooms<C> {
    /// The next free number from 1; at most `room.max` are taken, so the search ends.
    fn take_alias(&mut self) -> u32 {
        loop {
            self.last_alias = self.last_alias.wrapping_add(1).max(1);
            if self.aliases.insert(self.last_alias) {
                return self.last_alias;
            }
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(handle) = self.by_name.remove(name) {
            self.aliases.remove(&handle.alias);
        }
    }
}
