//! The run: sessions come and go, relays synchronise, rounds retire ids.

use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::replica::{Input, RetireDriver, RetireFailure, RetireOutput, RoomInput};

use super::{NOON, Profile, Relay};
use crate::rng::Rng;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Sessions; each writes once.
    pub sessions: u64,
    /// Profiles that they belong to.
    pub profiles: u64,
    /// One in so many sessions counts; the others set a value. Every count stays in the document.
    pub counts: u64,
    /// Sessions between rounds of retirement.
    pub round: u64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Rounds that retired ids.
    pub rounds: u64,
    /// Rounds that came to nothing.
    pub failed: u64,
    /// Why the last of them did.
    pub failure: Option<RetireFailure>,
    /// Ids retired.
    pub retired: usize,
    /// How often a profile went on under another id.
    pub renewed: u64,
    /// Most entries of a version vector at any time.
    pub most_entries: usize,
    /// Entries at the end.
    pub entries: usize,
    /// Bytes of an opening of the room at the end: of the client, and of the relay.
    pub handshake: [usize; 2],
}

/// Three relays and their clients.
pub struct World {
    relays: Vec<Relay>,
    profiles: Vec<Profile>,
    rng: Rng,
    now_ms: u64,
    horizon: u64,
    counted: i64,
    outcome: Outcome,
    /// Bytes from and to the profile that is measured.
    measured: Option<(u64, [usize; 2])>,
}

/// Runs the plan and checks that nothing was lost and nothing counted twice.
pub fn run(plan: Plan, seed: u64) -> Result<Outcome, String> {
    let mut world = World {
        relays: (0..3).map(Relay::new).collect(),
        profiles: (0..plan.profiles).map(|number| Profile::new(number, NOON)).collect(),
        rng: Rng::new(seed),
        now_ms: NOON,
        horizon: 0,
        counted: 0,
        outcome: Outcome::default(),
        measured: None,
    };
    for session in 1..=plan.sessions {
        world.session(session, plan).map_err(|problem| format!("session {session}: {problem}"))?;
    }
    world.finish(plan)
}

impl World {
    /// One profile begins a session, writes, and stays or leaves.
    fn session(&mut self, session: u64, plan: Plan) -> Result<(), String> {
        self.now_ms += self.rng.between(1, 60);
        let who = self.rng.below(self.profiles.len());
        self.leave(who);
        if self.rng.chance(3) {
            self.profiles[who].crash(session, self.now_ms)?;
        } else {
            self.profiles[who].begin(session, self.now_ms);
        }
        let offline = self.rng.chance(25);
        let count = session.is_multiple_of(plan.counts).then(|| self.rng.between(1, 9) as i64);
        self.counted += count.unwrap_or(0);
        if offline {
            self.profiles[who].write(count, session as i64, self.now_ms)?;
        }
        // Some stay away, so that what they wrote comes with a later session, perhaps to another relay.
        if !(offline && self.rng.chance(60)) {
            let home = if self.rng.chance(20) { self.rng.below(3) } else { who % 3 };
            self.join(who, home)?;
        }
        if !offline {
            self.profiles[who].write(count, session as i64, self.now_ms)?;
        }
        // Some are cut off before what they wrote is sent, or before they hear of it.
        if self.rng.chance(5) {
            self.send_without_answer(who)?;
        }
        if self.rng.chance(90) || self.profiles[who].relay.is_none() {
            self.settle()?;
        }
        if self.rng.chance(85) {
            self.leave(who);
        }
        if session.is_multiple_of(40) {
            self.synchronise()?;
        }
        if session.is_multiple_of(plan.round) {
            self.retire()?;
        }
        if session.is_multiple_of(plan.round * 7) {
            self.restart_a_relay()?;
        }
        Ok(())
    }

    fn join(&mut self, who: usize, place: usize) -> Result<(), String> {
        self.profiles[who].connect(place, &mut self.relays[place], self.now_ms);
        self.settle()
    }

    fn leave(&mut self, who: usize) {
        if let Some(place) = self.profiles[who].relay {
            self.profiles[who].disconnect(&mut self.relays[place], self.now_ms);
        }
    }

    /// What a client says arrives; the answers do not.
    fn send_without_answer(&mut self, who: usize) -> Result<(), String> {
        let Some(place) = self.profiles[who].relay else { return Ok(()) };
        for frame in self.profiles[who].collect(self.now_ms) {
            self.relays[place].receive(who as u64, &frame, self.now_ms)?;
        }
        self.leave(who);
        self.settle()
    }

    /// Carries everything until nobody has anything to say.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            let mut quiet = true;
            for profile in self.profiles.iter_mut().filter(|profile| profile.relay.is_some()) {
                let place = profile.relay.unwrap_or_default();
                for frame in profile.collect(self.now_ms) {
                    quiet = false;
                    measure(&mut self.measured, profile.number, 0, frame.len());
                    self.relays[place].receive(profile.number, &frame, self.now_ms)?;
                }
            }
            for place in 0..self.relays.len() {
                for (conn, frame) in self.relays[place].collect(self.now_ms) {
                    quiet = false;
                    measure(&mut self.measured, conn, 1, frame.len());
                    self.profiles[conn as usize].replica.handle(Input::Frame(&frame), self.now_ms);
                }
                for (conn, code, reason) in std::mem::take(&mut self.relays[place].closed) {
                    // Only a round may stand in somebody's way.
                    if code != 1013 {
                        return Err(format!("profile {conn} is closed with {code}: {reason}"));
                    }
                    self.leave(conn as usize);
                }
            }
            if quiet {
                return Ok(());
            }
        }
    }

    /// Each relay tells each other what it lacks.
    fn synchronise(&mut self) -> Result<(), String> {
        for (to, from) in [(1, 0), (2, 1), (0, 2), (1, 0), (2, 1)] {
            let body = self.relays[from].room.delta_for_member(&self.relays[to].room.doc().version());
            self.relays[to].room.handle(RoomInput::MemberDelta { body }, self.now_ms);
        }
        self.settle()
    }

    /// A round among the three relays, on a network that loses a message now and then.
    fn retire(&mut self) -> Result<(), String> {
        let entries = self.relays.iter().map(|relay| relay.room.doc().version().len()).max().unwrap_or_default();
        self.outcome.most_entries = self.outcome.most_entries.max(entries);
        self.horizon = self.now_ms.max(self.horizon + 1);
        self.now_ms = self.horizon + 1;
        let driver = RetireDriver::start([0, 1, 2].into(), self.horizon, self.now_ms);
        match self.drive(driver)? {
            Some(RetireFailure::Bound(horizon)) => {
                let driver = RetireDriver::recover([0, 1, 2].into(), horizon, self.now_ms);
                self.drive(driver).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn drive(&mut self, mut driver: RetireDriver) -> Result<Option<RetireFailure>, String> {
        let deadline_ms = self.now_ms + 600_000;
        while self.now_ms < deadline_ms {
            while let Some(output) = driver.poll() {
                match output {
                    RetireOutput::Send { to, message } if !self.rng.chance(10) => {
                        self.relays[to as usize].room.handle(RoomInput::Retire(message), self.now_ms);
                    }
                    RetireOutput::Done { retired, .. } => {
                        self.outcome.rounds += 1;
                        self.outcome.retired += retired;
                        return self.settle().map(|()| None);
                    }
                    RetireOutput::Failed { reason, .. } => {
                        self.outcome.failed += 1;
                        self.outcome.failure = Some(reason);
                        return self.settle().map(|()| Some(reason));
                    }
                    _ => {}
                }
            }
            self.settle()?;
            if self.rng.chance(30) {
                self.synchronise()?;
            }
            // Someone who is fenced tries to come in.
            if self.rng.chance(20) {
                let who = self.rng.below(self.profiles.len());
                self.leave(who);
                let place = self.rng.below(3);
                self.join(who, place)?;
            }
            for from in 0..self.relays.len() {
                for answer in std::mem::take(&mut self.relays[from].answers) {
                    if !self.rng.chance(10) {
                        driver.handle(from as u64, answer);
                    }
                }
            }
            self.now_ms += 1_000;
            driver.handle_timeout(self.now_ms);
        }
        Err("a round does not end".into())
    }

    fn restart_a_relay(&mut self) -> Result<(), String> {
        let place = self.rng.below(self.relays.len());
        for who in 0..self.profiles.len() {
            if self.profiles[who].relay == Some(place) {
                self.leave(who);
            }
        }
        self.settle()?;
        self.relays[place].restart()?;
        self.settle()
    }

    /// Everyone comes back once more; then all must be the same, complete, and small.
    fn finish(mut self, plan: Plan) -> Result<Outcome, String> {
        for who in 0..self.profiles.len() {
            self.leave(who);
            self.join(who, who % 3)?;
            if !self.profiles[who].is_saved() {
                return Err(format!("profile {who}: {:?}", self.profiles[who].replica.status()));
            }
            self.leave(who);
        }
        self.synchronise()?;
        for _ in 0..5 {
            self.retire()?;
        }
        self.synchronise()?;
        self.compare()?;
        let who = plan.profiles as usize - 1;
        self.join(who, 0)?;
        self.leave(who);
        self.measured = Some((who as u64, [0, 0]));
        self.join(who, 0)?;
        self.outcome.handshake = self.measured.take().map_or([0, 0], |(_, bytes)| bytes);
        self.outcome.entries = self.relays[0].room.doc().version().len();
        self.outcome.renewed = self.profiles.iter().map(|profile| profile.renewed).sum();
        Ok(self.outcome)
    }

    fn compare(&self) -> Result<(), String> {
        let first = self.relays[0].room.doc();
        for relay in &self.relays {
            let doc = relay.room.doc();
            doc.check()?;
            if (doc.version(), doc.digest()) != (first.version(), first.digest()) || doc.export() != first.export() {
                let shown = |doc: &Doc| format!("{:?} {} {:?}", doc.version(), doc.digest(), doc.stats());
                return Err(format!("the relays differ:\n{}\n{}", shown(first), shown(doc)));
            }
            let counted = doc.counter(&Path::from_segments(["count"]));
            if counted != self.counted {
                return Err(format!("{counted} counted, {} expected", self.counted));
            }
        }
        for profile in &self.profiles {
            let own = first.get(&Path::from_segments(["profiles", &profile.number.to_string()]));
            if own != profile.last.map(Value::Int) {
                return Err(format!("profile {} wrote {:?} last, {own:?} is there", profile.number, profile.last));
            }
        }
        Ok(())
    }
}

fn measure(measured: &mut Option<(u64, [usize; 2])>, who: u64, side: usize, bytes: usize) {
    if let Some((_, sum)) = measured.as_mut().filter(|(measured, _)| *measured == who) {
        sum[side] += bytes;
    }
}
