//! The cold path: reconciliation sessions, also where deletes were pruned.

use syncline::reconcile::{Session, SessionError};

use super::disk::Record;
use super::message::{Bytes, Message};
use super::node::Node;
use super::scene::Scene;

/// How long a session may take between two messages, in ms of the node's clock.
const PAUSE_MS: u64 = 2_000;

/// One end of a session.
pub(super) struct Cold {
    number: u64,
    /// The turn of the message that is waited for: the opening side sends the odd ones.
    next: u32,
    session: Session,
    heard_ms: u64,
}

impl Cold {
    fn is_over(&self, now_ms: u64) -> bool {
        now_ms < self.heard_ms || now_ms - self.heard_ms > PAUSE_MS
    }
}

impl Node {
    /// Opens a session now and then, and prunes so that there is a need for them.
    pub(super) fn tick_cold(&mut self, scene: &mut Scene) {
        let now_ms = self.clock(scene);
        for slot in &mut self.live.cold {
            slot.take_if(|cold| cold.is_over(now_ms));
        }
        if scene.rng.chance(2) {
            let version = self.live.doc.version();
            self.live.doc.prune(&version);
        }
        let peers = self.live.peers.len();
        let to = (self.index + 1 + scene.rng.below(peers - 1)) % peers;
        if self.live.cold[0].is_some() || !self.may_publish() || !scene.rng.chance(3) {
            return;
        }
        let number = scene.rng.bits() >> 40;
        let (session, hello) = Session::open(&self.live.doc, scene.rng.bits(), None);
        self.live.cold[0] = Some(Cold { number, next: 2, session, heard_ms: now_ms });
        scene.send(self.index, to, Message::Cold(number, 1, hello.into()));
    }

    /// A message of a session; one that comes twice or too late is passed over.
    pub(super) fn cold(
        &mut self,
        from: usize,
        number: u64,
        turn: u32,
        bytes: &Bytes,
        scene: &mut Scene,
    ) -> Result<(), String> {
        let now_ms = self.clock(scene);
        let side = (turn % 2) as usize;
        if turn == 1 && self.live.cold[1].is_none() {
            self.live.cold[1] = Some(Cold { number, next: 1, session: Session::answer(), heard_ms: now_ms });
        }
        let expected = |cold: &Cold| cold.number == number && cold.next == turn;
        if !self.may_publish() || !self.live.cold[side].as_ref().is_some_and(expected) {
            return Ok(());
        }
        let Some(mut cold) = self.live.cold[side].take() else { return Ok(()) };
        let before = (self.live.doc.version(), self.live.doc.digest());
        let answer = match cold.session.handle(bytes, &mut self.live.doc, None) {
            Ok(answer) => answer,
            // Something was written meanwhile: another session will do.
            Err(SessionError::Changed) => return Ok(()),
            Err(error) => return Err(format!("{}: a session failed: {error}", self.name)),
        };
        if !cold.session.outcome().findings.is_empty() {
            return Err(format!("{}: an audit found {:?}", self.name, cold.session.outcome().findings));
        }
        if before != (self.live.doc.version(), self.live.doc.digest()) {
            self.persist(Record::Save(self.live.doc.save().into()), None, scene);
            self.changed(scene)?;
        }
        if let Some(answer) = answer {
            scene.send(self.index, from, Message::Cold(number, turn + 1, answer.into()));
        }
        if !cold.session.is_done() {
            (cold.next, cold.heard_ms) = (turn + 2, now_ms);
            self.live.cold[side] = Some(cold);
        }
        Ok(())
    }
}
