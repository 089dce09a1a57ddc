//! What a room does beside serving its clients: it counts itself into its tenant's quota, and ends when it is deleted.

use std::sync::Arc;

use syncline::replica::{Room, RoomInput};

use super::quota::Share;
use super::room::Serving;
use super::{Relay, former, now_ms};
use crate::store::{About, Store};

impl Serving {
    /// Counts what the room has, and tells it whether there is room for more.
    pub(super) async fn look_at_quota(&mut self, room: &mut Room) {
        self.share.claim(&mut self.owner, &self.task.relay, &self.task.store, &self.task.name).await;
        let (log_bytes, snapshot_bytes) = self.compaction.bytes_to_be();
        self.share.tell(log_bytes + snapshot_bytes, room.last_persist() > 0);
        if !self.share.is_limited() {
            return;
        }
        if self.share.is_full() != self.is_full {
            self.is_full = !self.is_full;
            tracing::info!(room = &*self.task.name, full = self.is_full, "quota");
        }
        room.handle(RoomInput::Space(self.share.space()), now_ms());
        self.write_out(room).await;
        if self.share.wants_snapshot(log_bytes, snapshot_bytes) {
            self.compaction.hurry(now_ms());
        }
    }

    /// Deletes the room if that was asked for, and returns whether it did.
    pub(super) async fn end_deleted(&mut self, room: &Room) -> bool {
        let wanted = self.orders.take_deletes();
        if wanted.is_empty() {
            return false;
        }
        let done = self.task.store.delete_room(&self.task.name, former::writers(room)).await;
        if let Err(error) = &done {
            tracing::error!(room = &*self.task.name, %error, "the room is not deleted");
        } else {
            tracing::info!(room = &*self.task.name, "the room is deleted");
            self.share.tell(0, false);
            self.connections.values().for_each(|outbox| former::turn_away(outbox, former::DELETED));
            self.task.refuse(&|outbox| former::turn_away(outbox, former::DELETED)).await;
        }
        let answer = done.map_err(|error| error.to_string());
        // Whoever asked may have gone.
        wanted.into_iter().for_each(|wanted| drop(wanted.send(answer.clone())));
        answer.is_ok()
    }
}

impl Share {
    /// What a room that was just loaded has of its tenant's quota: `bytes` are stored, if it is `stored` at all.
    pub(crate) async fn of(
        relay: &Relay,
        store: &Store,
        (name, about): (&str, &About),
        (bytes, stored): (u64, bool),
    ) -> Share {
        let mut share = Share::new(relay.config().quota.clone(), None, bytes, stored);
        if let Some(tenant) = &about.tenant {
            share.join(tenant, relay, store, name).await;
        }
        share
    }

    /// Makes a room that is new one of the tenant who came first.
    pub(crate) async fn claim(&mut self, owner: &mut Option<Arc<str>>, relay: &Relay, store: &Store, name: &str) {
        if let Some(tenant) = owner.take_if(|_| self.wants_tenant()) {
            self.join(&tenant, relay, store, name).await;
        }
    }

    async fn join(&mut self, tenant: &str, relay: &Relay, store: &Store, name: &str) {
        match relay.quotas().tenant(store, tenant).await {
            Ok(tenant) => self.belongs_to(tenant),
            Err(error) => tracing::error!(room = name, %error, "the tenant of a room is not counted"),
        }
    }
}
