//! Orders for a snapshot: they are answered when the disk has one that was made after the order.

use tokio::sync::oneshot;

use super::manage::WAITING;

/// How the answer comes: nothing, or what went wrong.
pub(crate) type Done = oneshot::Sender<Result<(), String>>;

/// Who wants a snapshot, and who is told when the one on its way is stored.
#[derive(Default)]
pub(crate) struct SnapshotOrders {
    wanted: Vec<Done>,
    promised: Vec<Done>,
}

impl SnapshotOrders {
    /// Keeps an order. With too many of them it is dropped, which whoever asked sees.
    pub(crate) fn take(&mut self, answer: Done) {
        if self.wanted.len() + self.promised.len() < WAITING {
            self.wanted.push(answer);
        }
    }

    pub(crate) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// A snapshot was handed to the store.
    pub(crate) fn started(&mut self) {
        self.promised.append(&mut self.wanted);
    }

    /// The snapshot is stored, or not; whoever asked may have gone.
    pub(crate) fn ended(&mut self, done: &Result<(), String>) {
        self.promised.drain(..).for_each(|answer| drop(answer.send(done.clone())));
    }
}
