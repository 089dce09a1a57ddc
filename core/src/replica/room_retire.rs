//! A room as a durable member in rounds of retirement: fence, promise, retire; and what it tells those who come back.

use super::retire::RetireMessage;
use super::room::{Refusal, Room, damaged};
use super::room_io::{ConnId, FrameKind, RoomOutput};
use crate::clock::{ReplicaId, VersionVector};
use crate::delta::{Blob, Delta, Round, RoundStep};
use crate::doc::Origin;
use crate::link::{ErrorCode, Message, RemoteError};

/// The round that a room takes part in.
#[derive(Default)]
pub(super) struct Retirement {
    /// The latest horizon that was ever asked for: none is used twice.
    latest: u64,
    active: Option<Active>,
}

struct Active {
    horizon: u64,
    /// Ids born before the horizon that may go on writing.
    attached: Vec<ReplicaId>,
    /// What the room is asked to promise.
    wanted: Option<Round>,
    /// The promise, and the entry of the store that holds it.
    promise: Option<(Round, u64)>,
    told: bool,
}

impl Active {
    fn bound(&self) -> u64 {
        if self.promise.is_some() { self.horizon } else { 0 }
    }
}

impl Room {
    /// Takes a message of a round's driver.
    pub(super) fn handle_retire(&mut self, message: RetireMessage) {
        let horizon = message.horizon();
        match message {
            RetireMessage::Fence { .. } => self.fence(horizon),
            RetireMessage::Settle { round } => self.settle_round(round),
            RetireMessage::Retire { .. } => self.retire_round(horizon),
            RetireMessage::Abort { .. } => self.abort_round(horizon),
            RetireMessage::Query { .. } => self.tell_round(horizon),
            _ => {}
        }
    }

    fn fence(&mut self, horizon: u64) {
        let version = self.doc.version();
        let bound = self.retirement.active.as_ref().map_or(0, Active::bound);
        let again = self.retirement.active.as_ref().is_some_and(|active| active.horizon == horizon);
        if horizon <= version.horizon() || (horizon <= self.retirement.latest && !again) || (bound > 0 && !again) {
            return self.answer(RetireMessage::Refused { horizon, bound });
        }
        if !again {
            self.retirement.latest = horizon;
            let mut attached: Vec<ReplicaId> = self.conns.values().map(|conn| conn.replica).collect();
            attached.retain(|id| id.birth_ms() < horizon && !version.is_retired(id));
            attached.sort_unstable();
            attached.dedup();
            self.retirement.active = Some(Active { horizon, attached, wanted: None, promise: None, told: false });
        }
        let attached = self.retirement.active.as_ref().map(|active| active.attached.clone()).unwrap_or_default();
        self.answer(RetireMessage::Fenced { horizon, attached, version });
    }

    fn settle_round(&mut self, round: Round) {
        let Some(active) = self.retirement.active.as_mut().filter(|active| active.horizon == round.horizon) else {
            return self.answer(RetireMessage::Refused { horizon: round.horizon, bound: 0 });
        };
        active.told = false;
        active.wanted = Some(round);
        self.continue_round();
    }

    /// Promises as soon as the room holds what it is asked to, and says so as soon as that is on the disk.
    pub(super) fn continue_round(&mut self) {
        let durable = self.durable;
        let Some(active) = &mut self.retirement.active else { return };
        let version = self.doc.version();
        let horizon = active.horizon;
        if let Some((_, entry)) = &active.promise {
            if *entry <= durable && !active.told {
                active.told = true;
                self.answer(RetireMessage::Settled { horizon });
            }
            return;
        }
        let Some(wanted) = &active.wanted else { return };
        let more = |(id, seq): (ReplicaId, u64)| {
            id.birth_ms() < horizon && !wanted.keep.contains(&id) && seq > wanted.agreed(&id)
        };
        if version.iter().any(more) {
            return self.answer(RetireMessage::Refused { horizon, bound: 0 });
        }
        if wanted.finals.iter().all(|(id, seq)| version.get(id) == *seq) {
            let promise = wanted.clone();
            let entry = self.persist(Blob::encode_round(&promise), VersionVector::default());
            if let Some(active) = &mut self.retirement.active {
                active.promise = Some((promise, entry));
            }
        }
    }

    fn retire_round(&mut self, horizon: u64) {
        if self.doc.horizon() >= horizon {
            return self.tell_round(horizon);
        }
        let promise = match &self.retirement.active {
            Some(Active { promise: Some((promise, _)), .. }) if promise.horizon == horizon => promise.clone(),
            _ => return self.answer(RetireMessage::Refused { horizon, bound: 0 }),
        };
        let round = Round { step: RoundStep::Committed, ..promise };
        if self.doc.retire(&round).is_err() {
            return self.answer(RetireMessage::Refused { horizon, bound: 0 });
        }
        self.retirement.active = None;
        let version = self.doc.version();
        self.durable_version.follow(&version);
        self.retired_by = Some((horizon, self.persist(Blob::encode_round(&round), VersionVector::default())));
        let alias = self.config.alias;
        self.broadcast(None, &Message::Round { alias, round }, FrameKind::Data);
    }

    fn abort_round(&mut self, horizon: u64) {
        if let Some(active) = self.retirement.active.take_if(|active| active.horizon == horizon)
            && active.promise.is_some()
        {
            let round = Round { step: RoundStep::Dropped, horizon, ..Round::default() };
            self.persist(Blob::encode_round(&round), VersionVector::default());
        }
    }

    /// Says how far a round has come here.
    pub(super) fn tell_round(&mut self, horizon: u64) {
        let in_force = self.doc.horizon() >= horizon;
        let stored = self.retired_by.is_none_or(|(by, entry)| by < horizon || entry <= self.durable);
        let promised = self.retirement.active.as_ref().is_some_and(|active| {
            active.promise.as_ref().is_some_and(|(round, entry)| round.horizon == horizon && *entry <= self.durable)
        });
        if in_force && stored {
            self.answer(RetireMessage::Retired { horizon });
        } else if promised {
            self.answer(RetireMessage::Settled { horizon });
        } else if !in_force {
            self.answer(RetireMessage::Refused { horizon, bound: 0 });
        }
    }

    /// What became durable may be what a driver waits for.
    pub(super) fn round_durable(&mut self) {
        self.continue_round();
        if let Some((horizon, _)) = self.retired_by.take_if(|(_, entry)| *entry <= self.durable) {
            self.answer(RetireMessage::Retired { horizon });
        }
    }

    fn answer(&mut self, message: RetireMessage) {
        self.outputs.push_back(RoomOutput::Retire(message));
    }

    /// Brings back what the store says of rounds.
    pub(super) fn restore_round(&mut self, round: &Round) {
        self.retirement.latest = self.retirement.latest.max(round.horizon);
        self.retirement.active = (round.step == RoundStep::Promised).then(|| Active {
            horizon: round.horizon,
            attached: round.keep.clone(),
            wanted: None,
            promise: Some((round.clone(), 0)),
            told: true,
        });
    }

    /// A round whose horizon is in force is over here, whoever told of it.
    pub(super) fn end_overtaken_round(&mut self) {
        let horizon = self.doc.horizon();
        self.retirement.active.take_if(|active| active.horizon <= horizon);
    }

    /// The promise that binds the room, for its snapshot.
    pub(super) fn promise(&self) -> Option<Round> {
        let (round, _) = self.retirement.active.as_ref()?.promise.as_ref()?;
        Some(round.clone())
    }

    /// Whether a round keeps an id from writing.
    pub(super) fn is_fenced(&self, id: &ReplicaId) -> bool {
        let fences = |active: &Active| id.birth_ms() < active.horizon && !active.attached.contains(id);
        self.retirement.active.as_ref().is_some_and(fences)
    }

    /// Refuses events of ids that are retired or about to be: counted as known, they would be lost.
    pub(super) fn check_retired(&self, version: &VersionVector, now_ms: u64) -> Result<(), Refusal> {
        if version.horizon() > self.doc.horizon() {
            self.check_horizon(version, now_ms)?;
        }
        for (id, seq) in version.iter() {
            let known = self.doc.seen(&id);
            if self.is_fenced(&id) && seq > known {
                let message = "ids are being retired: come back in a moment";
                return Err((RemoteError::temporary(ErrorCode::Unavailable, message), Some(1013)));
            }
            if known == u64::MAX {
                let handover = self.doc.retired().heir(&id, &self.doc.version());
                let taken = handover.map_or(0, |handover| handover.taken);
                if seq > taken {
                    let message = "the id of these events is retired: open the room again";
                    return Err((RemoteError::temporary(ErrorCode::Resync, message), None));
                }
            }
        }
        Ok(())
    }

    /// A room restored from an old copy learns of later rounds from its clients, if nobody who is here loses by it.
    fn check_horizon(&self, version: &VersionVector, now_ms: u64) -> Result<(), Refusal> {
        let harmed = self.conns.values().any(|conn| version.is_retired(&conn.replica) && conn.last > 0);
        if version.horizon() > now_ms || harmed || self.retirement.active.is_some() {
            return Err(damaged("the delta has a horizon that is not in force here"));
        }
        Ok(())
    }

    /// Tells how the owners of retired ids go on.
    pub(super) fn handle_ask(&mut self, conn: ConnId, ids: &[ReplicaId]) {
        let version = self.doc.version();
        let fates = ids.iter().map(|id| (*id, self.doc.retired().heir(id, &version))).collect();
        self.send(conn, &Message::Retired { alias: self.config.alias, fates }, FrameKind::Data);
    }

    /// What another durable member at `since` lacks.
    pub fn delta_for_member(&self, since: &VersionVector) -> Vec<u8> {
        self.doc.delta_for_member(since).encode()
    }

    /// Takes what another durable member has, and passes on what is new. Members are trusted with the horizon.
    pub(super) fn handle_member_delta(&mut self, body: &[u8]) {
        let before = self.doc.version();
        let joined = Delta::decode(body).ok().and_then(|delta| self.doc.join(&delta, &Origin::Link).ok());
        let version = self.doc.version();
        if joined.is_none() || version == before {
            return;
        }
        self.admit_ignorance();
        if version.horizon() > before.horizon() {
            self.end_overtaken_round();
            self.durable_version.follow(&version);
        }
        let mut news = self.doc.delta_for_member(&before);
        let message = Message::Delta { alias: self.config.alias, body: self.doc.delta_since(&before).encode() };
        self.persist(Blob::encode_delta(&news), std::mem::take(&mut news.version));
        self.broadcast(None, &message, FrameKind::Data);
        self.continue_round();
    }

    /// A room that knows a horizon but not its round says so, instead of taking the ids for such that never wrote.
    pub(super) fn admit_ignorance(&mut self) {
        let horizon = self.doc.horizon();
        if self.doc.retired().horizon() < horizon {
            self.doc.forget_retired(horizon);
        }
    }
}
