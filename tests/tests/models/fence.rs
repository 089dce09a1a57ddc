//! Fences: once a majority knows a new primary, nothing of the old one is acknowledged that the new one lacks.

use std::collections::BTreeSet;

use stateright::{Model, Property};
use syncline::clock::{Dot, ReplicaId};
use syncline::quorum::{
    Ack, Claim, Configuration, Fence, FenceInput, FenceOutput, FenceRecord, Level, MemberId, Write, WriteInput,
    WriteOutcome, WriteOutput, WriteTracker,
};

const MEMBERS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// A promise is made before it is on disk.
    PromisesEarly,
    /// Members take every write.
    NoFence,
    /// Promises are counted, not members.
    CountsPromises,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    fence: Fence,
    /// The record on disk.
    record: FenceRecord,
    /// The record on its way there.
    forcing: Option<FenceRecord>,
    /// The old primary's write.
    memory: bool,
    disk: bool,
}

/// What a claimant hears: from whom, about which claim, and whether that member has the old primary's write.
type Promise = (usize, FenceRecord, bool);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Claimant {
    claim: Claim,
    promises: u8,
    /// Whether the old primary's write was among what the promising members hold.
    merged: bool,
    held: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    nodes: Vec<Node>,
    /// Of the old primary: who has acknowledged its one write.
    tracker: WriteTracker,
    submitted: bool,
    /// The write came after a majority had promised the new term on disk.
    stale: bool,
    acked: bool,
    claimants: Vec<Claimant>,
    promised: BTreeSet<Promise>,
    acks: BTreeSet<usize>,
    crashes: u8,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Submit,
    WriteArrives(usize),
    ClaimArrives(usize, usize),
    Forced(usize),
    Sync(usize),
    AckArrives(usize),
    PromiseArrives(usize, Promise),
    Crash(usize),
}

struct FenceModel(Wrong);

fn id(at: usize) -> MemberId {
    MemberId::new(["a", "b", "c", "p", "q"][at]).expect("the names are names")
}

fn term(epoch: u64, holder: usize) -> FenceRecord {
    FenceRecord { epoch, holder: id(holder) }
}

fn dot() -> Dot {
    Dot::new(ReplicaId::new(1, 1), 1)
}

impl FenceModel {
    fn drain(&self, state: &mut State, at: usize) {
        loop {
            let node = &mut state.nodes[at];
            match node.fence.poll() {
                FenceOutput::Force(record) if self.0 == Wrong::PromisesEarly => {
                    node.forcing = Some(record.clone());
                    node.fence.handle(FenceInput::Forced(record));
                }
                FenceOutput::Force(record) => node.forcing = Some(record),
                FenceOutput::Promise(record) => drop(state.promised.insert((at, record, node.disk || node.memory))),
                FenceOutput::Admit(_) => node.memory = true,
                FenceOutput::Refuse { .. } if self.0 == Wrong::NoFence => node.memory = true,
                FenceOutput::Outrun { .. } | FenceOutput::Refuse { .. } => {}
                FenceOutput::Idle => return,
            }
        }
    }

    fn promise(&self, claimant: &mut Claimant, (from, record, has): &Promise) {
        if record != claimant.claim.record() || claimant.held {
            return;
        }
        claimant.promises = (claimant.promises + 1).min(2);
        claimant.merged |= has;
        claimant.held = claimant.claim.promise(&id(*from), record);
        claimant.held |= self.0 == Wrong::CountsPromises && claimant.promises == 2;
    }
}

impl Model for FenceModel {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let members = (0..MEMBERS).map(|at| id(at).into()).collect();
        let config = Configuration::new(1, members).expect("the members are valid");
        let node = Node {
            fence: Fence::recover(Some(term(1, 0))),
            record: term(1, 0),
            forcing: None,
            memory: false,
            disk: false,
        };
        let claimant = |holder| Claimant {
            claim: Claim::new(config.clone(), term(2, holder)),
            promises: 0,
            merged: false,
            held: false,
        };
        vec![State {
            nodes: vec![node; MEMBERS],
            claimants: vec![claimant(3), claimant(4)],
            tracker: WriteTracker::new(config, None),
            submitted: false,
            stale: false,
            acked: false,
            promised: BTreeSet::new(),
            acks: BTreeSet::new(),
            crashes: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if !state.submitted {
            actions.push(Step::Submit);
        }
        for (at, node) in state.nodes.iter().enumerate() {
            if state.submitted {
                actions.push(Step::WriteArrives(at));
            }
            actions.extend([Step::ClaimArrives(at, 0), Step::ClaimArrives(at, 1)]);
            if node.forcing.is_some() {
                actions.push(Step::Forced(at));
            }
            if node.memory && !node.disk {
                actions.push(Step::Sync(at));
            }
            if state.crashes < 2 {
                actions.push(Step::Crash(at));
            }
        }
        actions.extend(state.acks.iter().map(|&at| Step::AckArrives(at)));
        for promise in &state.promised {
            let to = usize::from(promise.1.holder != id(3));
            actions.push(Step::PromiseArrives(to, promise.clone()));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Submit => {
                state.submitted = true;
                let known = state.nodes.iter().filter(|node| node.record.epoch == 2).count();
                state.stale = known > MEMBERS / 2;
                let write = Write { ticket: 0, dot: dot(), level: Level::Quorum, sloppy: false, deadline_ms: u64::MAX };
                state.tracker.handle(WriteInput::Submit(write), 0).ok()?;
            }
            Step::WriteArrives(at) => {
                state.nodes[at].fence.handle(FenceInput::Write { by: term(1, 0), ticket: 0 });
                self.drain(&mut state, at);
            }
            Step::ClaimArrives(at, claimant) => {
                state.nodes[at].fence.handle(FenceInput::Claim(term(2, 3 + claimant)));
                self.drain(&mut state, at);
            }
            Step::Forced(at) => {
                let node = &mut state.nodes[at];
                let record = node.forcing.take()?;
                // One log: what was admitted before the record is on disk with it.
                (node.record, node.disk) = (record.clone(), node.disk || node.memory);
                if node.disk {
                    state.acks.insert(at);
                }
                state.nodes[at].fence.handle(FenceInput::Forced(record));
                self.drain(&mut state, at);
            }
            Step::Sync(at) => {
                state.nodes[at].disk = true;
                state.acks.insert(at);
            }
            Step::AckArrives(at) => {
                let durable = [(dot().replica, 1)].into_iter().collect();
                state.tracker.handle(WriteInput::Ack(Ack { from: id(at), epoch: 1, durable }), 0).ok()?;
                while let WriteOutput::Finished(report) = state.tracker.poll() {
                    state.acked |= report.outcome == WriteOutcome::Done;
                }
            }
            Step::PromiseArrives(to, promise) => self.promise(&mut state.claimants[to], &promise),
            Step::Crash(at) => {
                state.crashes += 1;
                let node = &mut state.nodes[at];
                (node.memory, node.forcing) = (node.disk, None);
                node.fence = Fence::recover(Some(node.record.clone()));
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a new primary has all that was acknowledged", |_, state: &State| {
                !state.acked || state.claimants.iter().all(|claimant| !claimant.held || claimant.merged)
            }),
            Property::always("a term has one primary", |_, state: &State| {
                state.claimants.iter().filter(|claimant| claimant.held).count() < 2
            }),
            Property::always("a stale primary's write is refused", |_, state: &State| !(state.stale && state.acked)),
            Property::sometimes("the old primary's write is acknowledged", |_, state: &State| state.acked),
            Property::sometimes("a new primary takes over with it", |_, state: &State| {
                state.acked && state.claimants.iter().any(|claimant| claimant.held && claimant.merged)
            }),
            Property::sometimes("a new primary takes over without it", |_, state: &State| {
                state.claimants.iter().any(|claimant| claimant.held && !claimant.merged)
            }),
        ]
    }
}

#[test]
fn a_primary_that_was_replaced_is_refused() {
    super::holds("fences with two claimants", FenceModel(Wrong::Nothing));
}

#[test]
fn wrong_fences_are_found() {
    for wrong in [Wrong::PromisesEarly, Wrong::NoFence, Wrong::CountsPromises] {
        super::breaks(&format!("{wrong:?}"), FenceModel(wrong));
    }
}
