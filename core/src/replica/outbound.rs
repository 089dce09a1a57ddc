//! What is to be sent into one room: live frames while the peer keeps up, a delta when it does not.

use crate::bounds;
use crate::delta::{Batch, LiveEncoder};
use crate::link::Message;
use std::collections::VecDeque;

/// The sending side of a live stream, which batches by itself while nobody polls.
#[derive(Default)]
pub(super) struct Outbound {
    stream: LiveEncoder,
    waiting: VecDeque<Batch>,
    weight: usize,
    overflowed: bool,
}

impl Outbound {
    /// Adds a batch. Beyond [`bounds::OUTBOX_BYTES`] batches are let go: a delta will say the same.
    pub(super) fn push(&mut self, batch: Batch) {
        self.weight += batch.weight();
        self.waiting.push_back(batch);
        if self.weight > bounds::OUTBOX_BYTES {
            self.waiting.clear();
            self.weight = 0;
            self.overflowed = true;
        }
    }

    /// Whether batches were let go since the last call, so that a delta is due.
    pub(super) fn take_overflow(&mut self) -> bool {
        std::mem::take(&mut self.overflowed)
    }

    /// Puts as many batches as fit into one frame. Returns the number of their last event, the announcement that must
    /// go before the frame, and the frame.
    pub(super) fn poll(&mut self, alias: u32) -> Option<(u64, Option<Message>, Message)> {
        let (mut frames, mut bytes, mut last) = (Vec::new(), 0, 0);
        while let Some(batch) = self.waiting.pop_front() {
            self.weight = self.weight.saturating_sub(batch.weight());
            let frame = self.stream.encode(&batch);
            last = batch.last();
            bytes += frame.len() + 4;
            frames.push(frame);
            let next = self.waiting.front().map_or(0, Batch::weight);
            if bytes + next > bounds::FRAME_BYTES / 2 {
                break;
            }
        }
        if frames.is_empty() {
            return None;
        }
        let announcement = self.stream.take_announcement().map(|body| Message::Announce { alias, body });
        Some((last, announcement, Message::Live { alias, frames }))
    }
}
