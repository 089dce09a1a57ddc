//! What is to happen, in the order of virtual time.

use std::collections::BTreeMap;

/// Events by time; those of one moment happen in the order in which they were noted.
#[derive(Debug)]
pub struct Agenda<E> {
    events: BTreeMap<(u64, u64), E>,
    order: u64,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Agenda { events: BTreeMap::new(), order: 0 }
    }
}

impl<E> Agenda<E> {
    /// Notes an event for a moment in ms.
    pub fn note(&mut self, at_ms: u64, event: E) {
        self.order += 1;
        self.events.insert((at_ms, self.order), event);
    }

    /// Takes the next event not later than `limit_ms`, with its moment.
    pub fn take(&mut self, limit_ms: u64) -> Option<(u64, E)> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= limit_ms)?;
        let ((at_ms, _), event) = first.remove_entry();
        Some((at_ms, event))
    }

    /// How many events are noted.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing is to happen.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
