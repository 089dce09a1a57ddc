//! One run: programs and faults first, then peace, then the account.

use std::collections::BTreeMap;

use syncline::clock::Dot;
use syncline::quorum::{Configuration, Level, Member, MemberId, WriteOutcome};

use super::account::Account;
use super::counts::Counts;
use super::ledger::Ledger;
use super::members::Registry;
use super::message::Message;
use super::node::{Node, name_of, text};
use super::program::Program;
use super::scene::{Climate, Event, Scene, Told};
use crate::rng::Rng;

/// Things that programs do and fate brings in one run, unless somebody wants more.
pub const ACTIONS: usize = 160;

/// How long peace may last until all must have settled, in virtual ms: several rounds of everything.
const PEACE_MS: u64 = 30_000;

/// Most messages under way at any time for each pair of nodes: every sender waits for answers, so none piles up.
const UNDER_WAY: usize = 120;

/// A write that a program waits for, or has given up.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) program: usize,
    pub(super) number: u64,
    pub(super) dot: Dot,
    pub(super) level: Level,
    pub(super) sloppy: bool,
}

/// A cluster and everything around it.
pub struct World {
    pub(super) scene: Scene,
    pub(super) nodes: Vec<Node>,
    pub(super) registry: Registry,
    pub(super) first: Configuration,
    pub(super) account: Account,
    pub(super) ledger: Ledger,
    pub(super) programs: Vec<Program>,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) tickets: u64,
    /// Machines that have lost their disk and are not replaced among the members.
    pub(super) lost: Vec<usize>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What happened how often.
    pub counts: Counts,
    /// Events.
    pub steps: u64,
    /// The story, if it was asked for.
    pub story: String,
    /// What went wrong.
    pub problem: Option<String>,
}

impl World {
    /// Makes 3 to 7 nodes, of which most are members.
    pub fn new(seed: u64, with_story: bool) -> Result<World, String> {
        let mut rng = Rng::new(seed ^ 0xc1u64 << 56);
        let climate = Climate::draw(&mut rng);
        let count = rng.between(3, 7) as usize;
        let members = if count == 3 || rng.chance(30) { count } else { count - 1 };
        let ledger = Ledger::draw(climate.jumps, &mut rng);
        let programs = (0..rng.between(2, 4) as usize).map(Program::new).collect();
        let named: Vec<Member> = (0..members).map(|index| name_of(index, 0).into()).collect();
        let first = Configuration::new(1, named).map_err(text)?;
        let mut scene = Scene::new(rng, climate, with_story);
        scene.tell(|| format!("{count} nodes, {members} of them members; {climate:?}"));
        let nodes = (0..count).map(|index| Node::new(index, count, &first, &mut scene)).collect();
        Ok(World {
            scene,
            nodes,
            registry: Registry::new(count, first.clone()),
            first,
            account: Account::default(),
            ledger,
            programs,
            pending: BTreeMap::new(),
            tickets: 0,
            lost: Vec::new(),
        })
    }

    /// Runs `actions` of programs and fate, then peace, then closes the account.
    pub fn run(mut self, actions: usize) -> Report {
        let problem = self.play(actions).err();
        if let Some(problem) = &problem {
            self.scene.tell(|| format!("WRONG: {problem}"));
        }
        let story = self.scene.take_story();
        Report { counts: self.account.counts, steps: self.scene.steps, story, problem }
    }

    fn play(&mut self, actions: usize) -> Result<(), String> {
        for index in 0..self.nodes.len() {
            self.nodes[index].start(&self.first, &mut self.scene)?;
        }
        self.scene.after(0, Event::Review);
        for _ in 0..actions {
            self.act()?;
            let until = self.scene.now_ms + self.scene.rng.between(0, 80);
            self.pass(until)?;
        }
        self.make_peace()?;
        self.close()
    }

    /// Lets virtual time pass.
    pub(super) fn pass(&mut self, until_ms: u64) -> Result<(), String> {
        while let Some(event) = self.scene.next(until_ms) {
            self.happen(event)?;
            self.hear()?;
        }
        let most = UNDER_WAY * self.nodes.len() * self.nodes.len();
        if self.scene.agenda.len() > most {
            return Err(format!("{} messages are under way, at most {most} may", self.scene.agenda.len()));
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        let scene = &mut self.scene;
        match event {
            Event::Review => {
                self.registry.review(self.nodes.len(), scene);
                return Ok(());
            }
            Event::Arrive(_, to, Message::Report(ack)) if to == self.registry.index => {
                self.registry.hear(&ack, scene);
                return Ok(());
            }
            Event::Up(at) => return if self.nodes[at].up { Ok(()) } else { self.nodes[at].start(&self.first, scene) },
            _ => {}
        }
        let at = match &event {
            Event::Arrive(_, to, _) => *to,
            Event::Synced(at, incarnation, _) | Event::Tick(at, incarnation) => {
                if self.nodes[*at].disk.incarnation != *incarnation {
                    return Ok(());
                }
                *at
            }
            _ => return Ok(()),
        };
        let Some(node) = self.nodes.get_mut(at).filter(|node| node.up) else { return Ok(()) };
        let before = node.live.doc.stats();
        match event {
            Event::Arrive(from, _, message) => node.receive(from, message, scene)?,
            Event::Synced(_, _, upto) => node.synced(upto, scene)?,
            _ => node.tick(scene)?,
        }
        if before != node.live.doc.stats() { self.account.check_digest(node) } else { Ok(()) }
    }

    /// The account hears what was told, and programs their answers.
    pub(super) fn hear(&mut self) -> Result<(), String> {
        for told in std::mem::take(&mut self.scene.told) {
            if let Told::Wrote(_, report) = &told
                && report.outcome != WriteOutcome::Indeterminate
                && let Some(pending) = self.pending.remove(&report.ticket)
            {
                if report.outcome == WriteOutcome::Sloppy && !pending.sloppy {
                    return Err(format!("write {} counts stand-ins, which nobody allowed", report.ticket));
                }
                self.programs[pending.program].wrote(pending.number, pending.dot)?;
            }
            self.account.hear(told, &self.nodes, &self.registry.config)?;
        }
        Ok(())
    }

    /// No more faults: everyone comes back and stays.
    fn make_peace(&mut self) -> Result<(), String> {
        self.scene.tell(|| "PEACE".into());
        self.scene.peace = true;
        self.scene.cut.clear();
        self.scene.slow.clear();
        self.replace_lost()?;
        for at in 0..self.nodes.len() {
            self.happen(Event::Up(at))?;
        }
        let deadline_ms = self.scene.now_ms + PEACE_MS;
        let mut problem = self.settled();
        while problem.is_err() && self.scene.now_ms < deadline_ms {
            self.pass(self.scene.now_ms + 200)?;
            self.replace_lost()?;
            problem = self.settled();
        }
        problem.map_err(|problem| format!("after {} s of peace: {problem}", PEACE_MS / 1_000))
    }

    fn settled(&self) -> Result<(), String> {
        if self.registry.is_changing() || !self.lost.is_empty() {
            return Err("the members are still changing".into());
        }
        let version = self.nodes[0].live.doc.version();
        // Hints for a name that was lost with its disk wait for their time.
        let names: Vec<MemberId> = self.nodes.iter().map(|node| node.name.clone()).collect();
        for node in &self.nodes {
            let name = &node.name;
            if node.live.doc.version() != version {
                return Err(format!("{name} and n0 have not seen the same"));
            }
            if node.live.config != self.registry.config {
                return Err(format!("{name} does not know the members in force"));
            }
            node.settled(&version, &names).map_err(|problem| format!("{name}: {problem}"))?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let export = self.nodes[0].live.doc.export();
        for node in &mut self.nodes {
            if node.live.doc.export() != export {
                return Err(format!("{} and n0 have seen the same and differ", node.name));
            }
        }
        self.ledger.check(&mut self.nodes[0].live.doc)?;
        self.account.close(&self.nodes, &self.registry.config)
    }
}
