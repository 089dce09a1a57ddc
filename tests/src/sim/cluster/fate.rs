//! What programs do and what fate brings.

use syncline::quorum::{Level, MemberId};

use super::node::{index_of, name_of};
use super::scene::Event;
use super::world::{Pending, World};

/// Longest jump of a clock, in ms: an hour.
const JUMP_MS: u64 = 3_600_000;

impl World {
    /// One thing that a program does or fate brings.
    pub(super) fn act(&mut self) -> Result<(), String> {
        let at = self.scene.rng.below(self.nodes.len());
        let (up, draw) = (self.nodes[at].up, self.scene.rng.below(1_000));
        match draw {
            0..430 if up => self.write(at)?,
            430..560 if up => self.session_read(at)?,
            560..600 if up => self.quorum_read(at)?,
            600..640 if up => self.transact(at)?,
            640..655 if up => self.nodes[at].claim(&mut self.scene),
            655..720 if up => self.write_as_primary()?,
            720..745 if up => self.wait_again(at)?,
            745..760 if up => self.ledger.check(&mut self.nodes[at].live.doc)?,
            760..800 => self.cut(at),
            800..870 => self.heal(),
            870..900 if up => self.crash(at),
            900..905 => self.lose_disk(at),
            905..925 => self.nodes[at].disk.back_up(),
            925..945 => self.jump(at),
            945..960 => self.slow(at),
            960..980 => self.change_members()?,
            _ => {}
        }
        self.hear()
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn write(&mut self, at: usize) -> Result<(), String> {
        let (rng, program) = (&mut self.scene.rng, self.tickets as usize % self.programs.len());
        let level = *rng.pick(&[Level::One, Level::Quorum, Level::Quorum, Level::Quorum, Level::All, Level::N(2)]);
        let sloppy = rng.chance(30);
        let own = self.programs[program].next();
        let ticket = self.ticket();
        let node = &mut self.nodes[at];
        let now_ms = node.clock(&self.scene);
        let committed = self.ledger.transact(&mut node.live.doc, now_ms, own, &mut self.scene.rng)?;
        self.pending.insert(ticket, Pending { program, number: own.1, dot: committed.dot, level, sloppy });
        if !node.write(ticket, &committed, (level, sloppy), &mut self.scene)? {
            self.pending.remove(&ticket);
        }
        Ok(())
    }

    /// A program asks again for a write that it was told nothing certain of.
    fn wait_again(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.nodes[at];
        let here = |pending: &&Pending| pending.dot.replica == node.live.doc.id();
        let Some(pending) = self.pending.values().find(here).copied() else { return Ok(()) };
        self.tickets += 1;
        self.pending.insert(self.tickets, Pending { sloppy: false, ..pending });
        node.wait_again(self.tickets, pending.dot, pending.level, &mut self.scene)
    }

    fn session_read(&mut self, at: usize) -> Result<(), String> {
        let program = self.scene.rng.below(self.programs.len());
        let answered = self.programs[program].read(&self.nodes[at])?;
        self.account.counts.sessions += u64::from(answered);
        Ok(())
    }

    fn quorum_read(&mut self, at: usize) -> Result<(), String> {
        let number = self.ticket();
        self.account.begin_read(number);
        self.nodes[at].read(number, Level::Quorum, &mut self.scene).map(drop)
    }

    /// A transaction over some rooms; not where disks are lost, since its logs must not be.
    fn transact(&mut self, at: usize) -> Result<(), String> {
        if self.scene.climate.disasters {
            return Ok(());
        }
        let mut rooms: Vec<usize> = (0..self.nodes.len()).collect();
        for _ in 0..self.scene.rng.between(0, rooms.len() as u64 - 1) {
            let out = self.scene.rng.below(rooms.len());
            rooms.remove(out);
        }
        let amount = self.scene.rng.between(1, 9) as i64;
        // The account must know of it before anything can be told about it.
        if let Some(tx) = self.nodes[at].transact(&rooms, amount, &mut self.scene)? {
            self.account.begin_transaction(tx, &rooms, amount);
        }
        Ok(())
    }

    fn write_as_primary(&mut self) -> Result<(), String> {
        let primaries: Vec<usize> =
            (0..self.nodes.len()).filter(|at| self.nodes[*at].up && self.nodes[*at].is_primary()).collect();
        if primaries.is_empty() {
            return Ok(());
        }
        let at = *self.scene.rng.pick(&primaries);
        let program = self.scene.rng.below(self.programs.len());
        let own = self.programs[program].next();
        let node = &mut self.nodes[at];
        let now_ms = node.clock(&self.scene);
        let committed = self.ledger.transact(&mut node.live.doc, now_ms, own, &mut self.scene.rng)?;
        node.write_fenced(&committed, &mut self.scene)
    }

    /// Cuts one direction, both, or everything of one node.
    fn cut(&mut self, at: usize) {
        let (scene, nodes) = (&mut self.scene, self.nodes.len());
        let to = (at + 1 + scene.rng.below(nodes - 1)) % nodes;
        let kind = scene.rng.below(4);
        scene.tell(|| match kind {
            0 => format!("FATE cuts n{at} -> n{to}, one way"),
            1 => format!("FATE cuts n{at} <-> n{to}"),
            2 => format!("FATE cuts n{at} off: it hears and is not heard"),
            _ => format!("FATE cuts n{at} off"),
        });
        match kind {
            0 => drop(scene.cut.insert((at, to))),
            1 => scene.cut.extend([(at, to), (to, at)]),
            2 => scene.cut.extend((0..=nodes).filter(|other| *other != at).map(|other| (at, other))),
            _ => scene.cut.extend((0..=nodes).filter(|other| *other != at).flat_map(|to| [(at, to), (to, at)])),
        }
    }

    fn heal(&mut self) {
        let all = self.scene.rng.chance(60);
        self.scene.tell(|| if all { "FATE heals the network".into() } else { "FATE heals a link".into() });
        if all {
            self.scene.cut.clear();
        } else {
            self.scene.cut.pop_first();
        }
    }

    fn crash(&mut self, at: usize) {
        self.account.counts.crashes += 1;
        self.nodes[at].crash(&mut self.scene);
        let delay_ms = self.scene.rng.between(0, 2_500);
        self.scene.after(delay_ms, Event::Up(at));
    }

    /// A disk is lost; the machine comes back from a backup, under another name, which is none of a member.
    fn lose_disk(&mut self, at: usize) {
        let (node, members) = (&self.nodes[at], &self.registry.config);
        // No more than a minority may be lost before the members are others.
        let minority = (members.members().len() - 1) / 2;
        let bears = !self.registry.is_changing() && (self.lost.len() < minority || !members.contains(&node.name));
        if !self.scene.climate.disasters || !bears || self.lost.contains(&at) {
            return;
        }
        if members.contains(&node.name) {
            self.lost.push(at);
        }
        let node = &mut self.nodes[at];
        if node.up {
            node.crash(&mut self.scene);
        }
        self.scene.tell(|| format!("FATE destroys the disk of n{at}, its backup is used"));
        node.disk.restore(node.name.clone());
        node.name = name_of(at, node.disk.former.len());
        self.account.counts.disasters += 1;
        let delay_ms = self.scene.rng.between(0, 2_500);
        self.scene.after(delay_ms, Event::Up(at));
    }

    fn jump(&mut self, at: usize) {
        if !self.scene.climate.jumps {
            return;
        }
        let most = *self.scene.rng.pick(&[100, 5_000, JUMP_MS]);
        let by = self.scene.rng.between(0, 2 * most) as i64 - most as i64;
        self.nodes[at].ahead_ms += by;
        self.scene.tell(|| format!("FATE sets the clock of n{at} by {by} ms"));
    }

    fn slow(&mut self, at: usize) {
        let slow = !self.scene.slow.remove(&at);
        if slow {
            self.scene.slow.insert(at);
        }
        self.scene.tell(|| format!("FATE makes n{at} {}", if slow { "slow" } else { "swift" }));
    }

    fn change_members(&mut self) -> Result<(), String> {
        if !self.scene.climate.changes {
            return self.replace_lost();
        }
        if self.registry.is_changing() {
            let back = self.lost.is_empty() && self.scene.rng.chance(30);
            return if back { self.registry.abandon(&mut self.scene) } else { Ok(()) };
        }
        let names: Vec<MemberId> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let now: Vec<MemberId> = self.registry.config.ids().into_iter().cloned().collect();
        let mut next: Vec<MemberId> = names.iter().filter(|name| now.contains(name)).cloned().collect();
        let outside: Vec<MemberId> = names.into_iter().filter(|name| !now.contains(name)).collect();
        let leaves = next.len() > 1 && self.scene.rng.chance(50);
        if leaves {
            let out = self.scene.rng.below(next.len());
            next.remove(out);
        }
        if !outside.is_empty() && (!leaves || next.len() < 3 || self.scene.rng.chance(70)) {
            next.push(self.scene.rng.pick(&outside).clone());
        }
        next.sort();
        if next.is_empty() || next == now { Ok(()) } else { self.registry.begin(&next, &mut self.scene) }
    }

    /// Machines that have lost their disk take their own places under their new names.
    pub(super) fn replace_lost(&mut self) -> Result<(), String> {
        if self.registry.is_changing() {
            return Ok(());
        }
        let config = &self.registry.config;
        self.lost.retain(|at| config.ids().iter().any(|id| index_of(id) == *at && **id != self.nodes[*at].name));
        if self.lost.is_empty() {
            return Ok(());
        }
        let mut next: Vec<MemberId> =
            config.ids().into_iter().map(|id| self.nodes[index_of(id)].name.clone()).collect();
        next.sort();
        self.registry.begin(&next, &mut self.scene)
    }
}
