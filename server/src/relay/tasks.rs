//! Counts what runs, so that a drain can wait for its end and a limit can hold.

use tokio::sync::watch;

/// Counts tasks of one kind.
#[derive(Debug)]
pub(crate) struct Tasks {
    running: watch::Sender<usize>,
}

/// Stands for one running task; dropping it says that the task has ended.
#[derive(Debug)]
pub(crate) struct Place {
    running: watch::Sender<usize>,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks { running: watch::Sender::new(0) }
    }

    /// Takes a place unless `max` are taken.
    pub(crate) fn enter(&self, max: usize) -> Option<Place> {
        let entered = self.running.send_if_modified(|running| {
            let free = *running < max;
            *running += usize::from(free);
            free
        });
        entered.then(|| Place { running: self.running.clone() })
    }

    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until none runs.
    pub(crate) async fn ended(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_limited_and_returned() {
        let tasks = Tasks::new();
        let (first, second) = (tasks.enter(2), tasks.enter(2));
        assert!(first.is_some() && second.is_some() && tasks.enter(2).is_none());
        drop(first);
        assert_eq!(tasks.running(), 1);
        drop(second);
        tasks.ended().await;
    }
}
