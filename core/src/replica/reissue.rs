//! A client whose id can no longer be used: it was retired, or a copy of this replica has gone on writing under it.
//!
//! Either way the events that the relay does not know go on under another id, in the same order and with the same effect.
//! For a retired id the relay tells from which event on, and under which id; both follow from the id and the rounds of
//! retirement alone, so that the events get the same names if this is tried again, by this process or a later one.
//! An id of which a copy made use is told by the events: those which the relay holds under the same names are known.

use super::client::Replica;
use super::client_io::{Output, State};
use crate::clock::{Handover, ReplicaId, VersionVector};
use crate::delta::{Blob, Delta, Round};
use crate::doc::Origin;
use crate::link::{ErrorCode, Fates, LinkError, Message, Opened, RemoteError};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

impl Replica {
    /// Finds out whether all ids with events here can be used at the relay. Returns whether something must be done first.
    pub(super) fn settle_ids(&mut self, opened: &Opened, now_ms: u64) -> bool {
        let (id, version, relay) = (self.doc.id(), self.doc.version(), &opened.version);
        if relay.horizon() > version.horizon() {
            let ids = self.unsure(relay);
            self.horizon_ms = relay.horizon();
            if !ids.is_empty() {
                self.asking = Some(relay.clone());
                self.send(&Message::Ask { alias: opened.alias, ids });
                return true;
            }
        }
        if relay.is_retired(&id) {
            self.renew(self.doc.last_seq(), now_ms);
            self.open();
            return true;
        }
        if relay.get(&id) > version.get(&id) {
            self.compare_events();
            return true;
        }
        false
    }

    /// Ids with events here that the relay, which has retired them, may lack.
    pub(super) fn unsure(&self, relay: &VersionVector) -> Vec<ReplicaId> {
        let unsure = |&(id, seq): &(ReplicaId, u64)| relay.is_retired(&id) && seq > self.settled.get(&id);
        self.doc.version().iter().filter(unsure).map(|(id, _)| id).collect()
    }

    /// The relay has told how the owners of retired ids go on.
    pub(super) fn handle_fates(&mut self, fates: &Fates, now_ms: u64) {
        let Some(relay) = self.asking.take() else { return };
        if fates.iter().any(|(_, handover)| handover.is_none()) {
            let message = "this replica was away for so long that the relay cannot tell which of its changes it knows: export what you need, then load the room afresh";
            self.outputs.extend([Output::Error(RemoteError::new(ErrorCode::Retired, message)), Output::Disconnect]);
            self.close();
            self.state = State::Stopped;
            return;
        }
        let mut own = self.doc.last_seq();
        for handover in fates.iter().filter_map(|(_, handover)| *handover) {
            self.hand_over(&handover);
            self.settled.insert(handover.from, handover.taken);
            if handover.from == self.doc.id() {
                own = handover.taken;
            }
        }
        if relay.is_retired(&self.doc.id()) {
            self.renew(own, now_ms);
        }
        self.open();
    }

    /// The durable members have retired ids while this replica was connected.
    pub(super) fn handle_round(&mut self, round: &Round) -> Result<(), LinkError> {
        self.collect_batches();
        let id = self.doc.id();
        self.horizon_ms = self.horizon_ms.max(round.horizon);
        if self.doc.retire(round).is_err() {
            return self.resync();
        }
        self.journal(|| Blob::encode_round(round));
        self.follow_horizon();
        if self.doc.id() != id {
            self.outputs.push_back(Output::Renewed { from: id, taken: 0, to: self.doc.id() });
            self.open();
        }
        Ok(())
    }

    /// What is known of the relay's state follows the horizon of the document.
    pub(super) fn follow_horizon(&mut self) {
        let version = self.doc.version();
        if let Some(channel) = &mut self.channel {
            channel.peer.follow(&version);
        }
        self.confirmed.follow(&version);
    }

    /// Asks for the relay's events under this replica's id, to compare them with its own.
    fn compare_events(&mut self) {
        let (id, sure) = (self.doc.id(), self.confirmed.own(crate::link::AckLevel::Accepted));
        let mut version = VersionVector::default();
        version.follow(&self.doc.version());
        for (other, seq) in self.doc.version().iter() {
            version.insert(other, if other == id { seq.min(sure) } else { seq });
        }
        self.comparing = Some((sure, false));
        self.open_full(version);
    }

    /// The relay's events under this replica's id: what differs from them goes on under another id.
    pub(super) fn handle_copy(&mut self, body: &[u8], sure: u64, now_ms: u64) -> Result<(), LinkError> {
        let delta = Delta::decode(body)?;
        let from = self.doc.id();
        let taken = self.doc.last_shared(&delta, &from).max(sure);
        let heir = self.fresh_id(now_ms);
        self.hand_over(&Handover { from, taken, heir });
        self.renew(taken, now_ms);
        self.open();
        Ok(())
    }

    fn hand_over(&mut self, handover: &Handover) {
        if self.doc.hand_over(handover, &Origin::Link) > 0 {
            self.journal(|| Blob::encode_handover(handover));
        }
    }

    /// Writes under a fresh id from now on. Those of its events up to `taken` are known to the relay.
    fn renew(&mut self, taken: u64, now_ms: u64) {
        let (from, to) = (self.doc.id(), self.fresh_id(now_ms));
        self.doc.renew(to);
        self.confirmed.renewed();
        self.confirmed.recount(&self.doc.version(), &to);
        self.outputs.push_back(Output::Renewed { from, taken, to });
    }

    /// An id that nobody else takes: it follows from the seed, the time and the ids before it.
    fn fresh_id(&mut self, now_ms: u64) -> ReplicaId {
        self.renewals += 1;
        let mut hasher = SipHasher13::new_with_key(b"syncline next id");
        hasher.write(self.doc.id().as_bytes());
        for number in [self.config.seed, now_ms, self.doc.last_seq(), self.renewals] {
            hasher.write(&number.to_le_bytes());
        }
        let hash = hasher.finish128();
        let birth_ms = now_ms.max(self.horizon_ms).max(self.doc.version().horizon());
        ReplicaId::new(birth_ms, u128::from(hash.h1) << 64 | u128::from(hash.h2))
    }
}
