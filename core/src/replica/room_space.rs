//! Room for more: once there is none, a room takes only what deletes, and later asks for what it had refused.

use super::room::Room;
use super::room_io::Space;
use crate::clock::{Dot, VersionVector};
use crate::crdt::{Key, Kind, UNDEFINED};
use crate::delta::{Batch, Delta};
use crate::link::{ErrorCode, RemoteError};

impl Room {
    /// Once there is room again, whoever was refused for want of it is asked for what was refused.
    pub(super) fn set_space(&mut self, space: Option<Space>) {
        let was_full = full(&self.space).is_some();
        self.space = space;
        if !was_full || full(&self.space).is_some() {
            return;
        }
        let refused = self.conns.iter().filter(|(_, conn)| conn.refused == Some(ErrorCode::Quota));
        for conn in refused.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            let message = "there is room for more again: open the room again";
            self.refuse(conn, RemoteError::temporary(ErrorCode::Resync, message), None);
        }
    }

    /// Counts an entry.
    pub(super) fn take_space(&mut self, bytes: usize) {
        if let Some(space) = &mut self.space {
            space.left = space.left.saturating_sub(bytes as u64);
        }
    }
}

/// Why nothing is taken but what deletes, if so.
pub(super) fn full(space: &Option<Space>) -> Option<&str> {
    space.as_ref().filter(|space| space.left == 0).map(|space| &*space.reason)
}

/// Whether the events bring more than removals.
pub(super) fn batch_adds(batch: &Batch) -> bool {
    batch.ops.iter().any(|op| op.payload.as_ref().is_some_and(|payload| adds(&op.key, payload)))
}

/// Whether a delta brings more than removals to a room that knows `known`.
pub(super) fn delta_adds(delta: &Delta, known: &VersionVector) -> bool {
    let (writers, mut dots) = (delta.writers(), delta.dots.iter());
    delta.leaves.iter().any(|leaf| {
        let mut own = dots.by_ref().take(leaf.dots as usize).collect::<Vec<_>>().into_iter();
        own.any(|dot| {
            let id = writers.get(dot.writer as usize);
            let news = id.is_none_or(|id| !known.covers(&Dot::new(*id, dot.seq)));
            news && dot.value.as_ref().is_some_and(|(_, payload)| adds(&leaf.key, payload))
        })
    })
}

/// Whether a payload is more than a note of a removal: a mark, an element that is out, an update of a text without blocks.
fn adds(key: &Key, payload: &[u8]) -> bool {
    const FALSE: u8 = 0xf4;
    match key.kind() {
        Kind::REGISTER => payload != [UNDEFINED],
        Kind::TEXT => payload.first() != Some(&0),
        Kind::REMOVE_WINS | Kind::LAST_WRITER | Kind::TWO_PHASE => payload != [FALSE],
        _ => true,
    }
}
