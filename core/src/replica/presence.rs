//! Presence: who is here and what they say of themselves. The latest state of each client, kept nowhere.

use crate::assoc::SortedMap;
use crate::bounds;
use crate::clock::ReplicaId;
use crate::crdt::Value;
use crate::link::PresenceEntries;

/// Someone came, said something new, or left.
#[derive(Clone, Debug, PartialEq)]
pub struct PresenceChange {
    /// Who.
    pub client: ReplicaId,
    /// What they say now; `None` if they left.
    pub state: Option<Value>,
}

/// The presence of others, as a client knows it.
#[derive(Default)]
pub(super) struct Others {
    present: SortedMap<ReplicaId, Value>,
}

impl Others {
    /// Takes in what the relay says and returns what became different. A damaged state reads as null.
    pub(super) fn update(&mut self, entries: PresenceEntries, own: ReplicaId) -> Vec<PresenceChange> {
        let mut changes = Vec::new();
        for (client, state) in entries.into_iter().filter(|(client, _)| *client != own) {
            let state = state.map(|bytes| Value::from_cbor(&bytes).unwrap_or_default());
            let before = match &state {
                Some(_) if self.present.len() >= bounds::PRESENCE_CLIENTS && self.present.get(&client).is_none() => {
                    continue;
                }
                Some(state) => self.present.insert(client, state.clone()),
                None => self.present.remove(&client),
            };
            if before != state {
                changes.push(PresenceChange { client, state });
            }
        }
        changes
    }

    /// Forgets everyone, because the connection is gone.
    pub(super) fn clear(&mut self) -> Vec<PresenceChange> {
        std::mem::take(&mut self.present)
            .iter()
            .map(|(client, _)| PresenceChange { client: *client, state: None })
            .collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ReplicaId, &Value)> {
        self.present.iter().map(|(client, state)| (*client, state))
    }
}
