//! Presence in a room: who is there, gathered and told together.

use super::room::Room;
use super::room_io::{ConnId, FrameKind};
use crate::bounds;
use crate::clock::ReplicaId;
use crate::link::{ErrorCode, Message, PresenceEntries, RemoteError};

impl Room {
    pub(super) fn handle_presence(&mut self, conn: ConnId, entries: PresenceEntries) {
        let full = self.conns.values().filter(|other| other.presence.is_some()).count() >= bounds::PRESENCE_CLIENTS;
        let Some(own) = self.conns.get_mut(&conn) else { return };
        for (client, state) in entries {
            if client != own.replica {
                let error = RemoteError::new(ErrorCode::Protocol, "a client may only tell its own presence");
                return self.refuse(conn, error, Some(4400));
            }
            if own.presence != state && (state.is_none() || own.presence.is_some() || !full) {
                own.presence = state;
                self.present.insert(client);
            }
        }
    }

    /// Tells everyone the latest state of all who came, changed or left since the last time.
    pub(super) fn flush_presence(&mut self) {
        let state = |client: ReplicaId| {
            let conn = self.conns.values().find(|conn| conn.replica == client && conn.presence.is_some());
            (client, conn.and_then(|conn| conn.presence.clone()))
        };
        let entries: Vec<_> = self.present.iter().copied().map(state).collect();
        self.present.clear();
        self.broadcast(None, &Message::Presence { alias: self.config.alias, entries }, FrameKind::Presence);
    }
}
