//! What a room does beside serving its clients: it counts itself into its tenant's quota, and ends when it is deleted.

use syncline::replica::{Room, RoomInput};

use super::quota::Share;
use super::restore::Restored;
use super::room::{RoomTask, Serving};
use super::{former, now_ms};

impl Serving {
    /// Counts what the room has, and tells it whether there is room for more.
    pub(super) async fn look_at_quota(&mut self, room: &mut Room) {
        if let Some(owner) = self.owner.take_if(|_| self.share.wants_tenant()) {
            match self.task.relay.quotas().tenant(&self.task.store, &owner).await {
                Ok(tenant) => self.share.belongs_to(tenant),
                Err(error) => tracing::error!(room = &*self.task.name, %error, "the tenant of a room is not counted"),
            }
        }
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

/// What a room that was just loaded has of its tenant's quota.
pub(super) async fn share_of(task: &RoomTask, restored: &Restored) -> Share {
    let tenant = match &restored.about.tenant {
        None => None,
        Some(name) => match task.relay.quotas().tenant(&task.store, name).await {
            Ok(tenant) => Some(tenant),
            Err(error) => {
                tracing::error!(room = &*task.name, %error, "the tenant of a room is not counted");
                None
            }
        },
    };
    let bytes = restored.log_bytes + restored.snapshot_bytes;
    Share::new(task.relay.config().quota.clone(), tenant, bytes, restored.room.last_persist() > 0)
}
