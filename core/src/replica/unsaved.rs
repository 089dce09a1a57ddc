//! What the relay is known to hold, and so what is not saved yet.

use crate::clock::{ReplicaId, VersionVector};
use crate::link::AckLevel;

/// The relay's knowledge as far as it has told: per level for the own events, and durable for all.
#[derive(Default)]
pub(super) struct Confirmed {
    own: [u64; 3],
    durable: VersionVector,
    /// Unsaved events of other writers, recounted when the document took some in without the relay.
    others: u64,
}

impl Confirmed {
    /// Starts again from what the relay says when the room is opened; a relay that lost data says less than before.
    pub(super) fn reset(&mut self, accepted: u64, durable: VersionVector, own: &ReplicaId) {
        let seq = durable.get(own);
        self.own = [accepted.max(seq), seq, seq];
        self.durable = durable;
    }

    /// Starts again under another id.
    pub(super) fn renewed(&mut self) {
        self.own = [0; 3];
    }

    /// Drops the ids that are retired.
    pub(super) fn follow(&mut self, version: &VersionVector) {
        self.durable.follow(version);
    }

    /// Takes in an ack; a higher level includes the lower ones. Returns the levels that rose for the own events.
    pub(super) fn acked(&mut self, level: AckLevel, version: &VersionVector, own: &ReplicaId) -> Vec<(AckLevel, u64)> {
        let seq = version.get(own);
        if level == AckLevel::Durable {
            self.durable.join(version);
        }
        let mut rose = Vec::new();
        for reached in AckLevel::ALL.into_iter().filter(|reached| *reached <= level) {
            let slot = &mut self.own[reached as usize];
            if seq > *slot {
                *slot = seq;
                rose.push((reached, seq));
            }
        }
        rose
    }

    /// Notes events that came from the relay: they are not this replica's to save.
    pub(super) fn received(&mut self, id: ReplicaId, seq: u64) {
        self.durable.insert(id, seq);
    }

    pub(super) fn own(&self, level: AckLevel) -> u64 {
        self.own[level as usize]
    }

    pub(super) fn durable(&self) -> &VersionVector {
        &self.durable
    }

    /// Counts the events of other writers that the relay is not known to hold.
    pub(super) fn recount(&mut self, version: &VersionVector, own: &ReplicaId) {
        let lacking = |(id, seq): (ReplicaId, u64)| seq.saturating_sub(self.durable.get(&id));
        self.others = version.iter().filter(|(id, _)| id != own).map(lacking).sum();
    }

    /// Number of events that are not known to be durable at the relay.
    pub(super) fn unsaved(&self, last_own: u64) -> u64 {
        self.others + last_own.saturating_sub(self.own[AckLevel::Durable as usize])
    }
}
