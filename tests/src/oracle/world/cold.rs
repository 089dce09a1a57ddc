//! Reconciliation sessions between two replicas of a world, beside everything else that happens.

use syncline::clock::VersionVector;
use syncline::reconcile::{Session, SessionError};

use super::World;

/// A session longer than this does not end.
const MESSAGES: usize = 40;

impl World {
    /// Takes one random step, now and then a whole session in whose midst others go on writing.
    pub fn cold_step(&mut self) -> Result<(), String> {
        match self.rng.below(100) {
            0..20 => {}
            20..30 => {
                let who = self.rng.below(self.members.len());
                self.prune(who);
                return self.check(who);
            }
            _ => return self.step(),
        }
        let one = self.rng.below(self.members.len());
        let two = (one + 1 + self.rng.below(self.members.len() - 1)) % self.members.len();
        let busy = self.rng.chance(50);
        self.session(one, two, busy)
    }

    /// Lets all replicas run sessions with one another until they are equal.
    pub fn cold_settle(&mut self) -> Result<(), String> {
        for _ in 0..2 {
            for one in 0..self.members.len() {
                for two in (0..self.members.len()).filter(|two| *two != one) {
                    self.session(one, two, false)?;
                    if self.members[one].doc.digest() != self.members[two].doc.digest() {
                        return Err(format!("replicas {one} and {two} differ after a session"));
                    }
                }
            }
        }
        self.settle()
    }

    /// Live dots that sessions dropped because the other side knew them to be deleted.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn session(&mut self, one: usize, two: usize, busy: bool) -> Result<(), String> {
        let (opening, message) = Session::open(&self.members[one].doc, self.rng.bits(), None);
        let mut sessions = [opening, Session::answer()];
        let told = [self.members[one].version.clone(), self.members[two].version.clone()];
        let (mut turn, mut message) = (1, message);
        for _ in 0..MESSAGES {
            let (who, other) = if turn == 1 { (two, &told[0]) } else { (one, &told[1]) };
            match self.take(who, other.clone(), &mut sessions[turn], &message) {
                Ok(Some(next)) => message = next,
                Ok(None) if sessions[0].is_done() && sessions[1].is_done() => return Ok(()),
                Ok(None) => return Err("a session ended while one side was waiting".into()),
                Err(SessionError::Changed) if busy => return self.check(who),
                Err(error) => return Err(format!("a session failed: {error}")),
            }
            self.check(who)?;
            turn = 1 - turn;
            if busy && self.rng.chance(30) {
                self.step()?;
            }
        }
        Err("a session does not end".into())
    }

    /// One side takes a message; if it joins, it has seen what the other had when the session began.
    fn take(
        &mut self,
        who: usize,
        other: VersionVector,
        session: &mut Session,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, SessionError> {
        let (seen, sent) = {
            let seen = self.history.seen(&self.members[who].version);
            (seen, self.history.live(&self.history.seen(&other)))
        };
        let member = &mut self.members[who];
        let answer = session.handle(message, &mut member.doc, None)?;
        if member.doc.version() != member.version {
            member.version.join(&other);
            self.versions.push(member.version.clone());
        }
        if session.is_done() {
            self.dropped += session.outcome().dropped;

            for event in sent.difference(&seen) {
                member.clock.observe(self.history.facts[*event].time);
            }
        }
        Ok(answer)
    }
}
