//! The write quorum: an acknowledged write is on every majority, whatever crashes and however the members change.

use stateright::{Model, Property};
use syncline::clock::{Dot, ReplicaId, VersionVector};
use syncline::quorum::{
    Ack, Configuration, Handover, Level, Member, MemberId, Write, WriteInput, WriteOutcome, WriteOutput, WriteTracker,
};

/// Everyone who is a member at some time.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Who are members at first, and who later: one replaced, many left, many added.
const CHANGES: [(&[usize], &[usize]); 3] = [(&[0, 1, 2], &[1, 2, 3]), (&[0, 1, 2], &[2]), (&[0], &[0, 1, 2])];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// Acks are counted, not members.
    CountsAcks,
    /// A member acknowledges what it has not on disk.
    AcksMemory,
    /// The change ends without waiting for the new members.
    NoHandover,
    /// Acks of any epoch are taken.
    AnyEpoch,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    memory: bool,
    disk: bool,
    epoch: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// What is in force, as the metadata group knows it.
    config: Configuration,
    handover: Option<Handover>,
    /// The coordinator, which may not have heard of it.
    tracker: WriteTracker,
    nodes: Vec<Node>,
    /// An ack that is on its way, and may come late and twice.
    late: Option<Ack>,
    submitted: bool,
    acked: bool,
    acks_counted: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Submit,
    Receive(usize),
    Sync(usize),
    Crash(usize),
    SendAck(usize),
    AckArrives,
    BeginChange,
    Report(usize),
    FinishChange,
    NodeLearns(usize),
    CoordinatorLearns,
}

struct WriteModel {
    wrong: Wrong,
    change: (&'static [usize], &'static [usize]),
}

fn id(at: usize) -> MemberId {
    MemberId::new(NAMES[at]).expect("the names are names")
}

fn members(of: &[usize]) -> Vec<Member> {
    of.iter().map(|&at| id(at).into()).collect()
}

fn dot() -> Dot {
    Dot::new(ReplicaId::new(1, 1), 1)
}

impl WriteModel {
    fn ack(&self, node: &Node, at: usize) -> Ack {
        let held = node.disk || self.wrong == Wrong::AcksMemory && node.memory;
        let durable = if held { [(dot().replica, 1)].into_iter().collect() } else { VersionVector::default() };
        Ack { from: id(at), epoch: node.epoch, durable }
    }

    fn handle(&self, state: &mut State, input: WriteInput) {
        if self.wrong == Wrong::CountsAcks {
            let counts = matches!(&input, WriteInput::Ack(ack) if ack.durable.covers(&dot()));
            state.acks_counted += usize::from(counts && state.acks_counted < 2);
            state.acked |= state.acks_counted == 2;
            return;
        }
        // What is refused changes nothing.
        let _ = state.tracker.handle(input, 0);
        while let WriteOutput::Finished(report) = state.tracker.poll() {
            state.acked |= report.outcome == WriteOutcome::Done;
        }
    }

    fn deliver(&self, state: &mut State, mut ack: Ack) {
        if self.wrong == Wrong::AnyEpoch {
            ack.epoch = state.tracker.configuration().epoch();
        }
        self.handle(state, WriteInput::Ack(ack));
    }
}

impl Model for WriteModel {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let config = Configuration::new(1, members(self.change.0)).expect("the members are valid");
        vec![State {
            tracker: WriteTracker::new(config.clone(), None),
            config,
            handover: None,
            nodes: vec![
                Node { memory: false, disk: false, epoch: 1 };
                1 + self.change.0.iter().chain(self.change.1).max().unwrap_or(&0)
            ],
            late: None,
            submitted: false,
            acked: false,
            acks_counted: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if !state.submitted {
            actions.push(Step::Submit);
        }
        for (at, node) in state.nodes.iter().enumerate() {
            if state.submitted && !node.memory {
                actions.push(Step::Receive(at));
            }
            if node.memory && !node.disk {
                actions.push(Step::Sync(at));
            }
            if node.memory && !node.disk {
                actions.push(Step::Crash(at));
            }
            // An ack of nothing changes nothing.
            if !state.acked && self.ack(node, at).durable.covers(&dot()) {
                actions.push(Step::SendAck(at));
            }
            if state.handover.is_some() {
                actions.push(Step::Report(at));
            }
            if node.epoch < state.config.epoch() {
                actions.push(Step::NodeLearns(at));
            }
        }
        if state.late.is_some() && !state.acked {
            actions.push(Step::AckArrives);
        }
        if state.config.epoch() == 1 {
            actions.push(Step::BeginChange);
        }
        if state.handover.is_some() {
            actions.push(Step::FinishChange);
        }
        if state.tracker.configuration().epoch() < state.config.epoch() {
            actions.push(Step::CoordinatorLearns);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Submit => {
                state.submitted = true;
                let write = Write { ticket: 0, dot: dot(), level: Level::Quorum, sloppy: false, deadline_ms: u64::MAX };
                self.handle(&mut state, WriteInput::Submit(write));
            }
            Step::Receive(at) => state.nodes[at].memory = true,
            Step::Sync(at) => state.nodes[at].disk = true,
            Step::Crash(at) => state.nodes[at].memory = false,
            Step::SendAck(at) => state.late = Some(self.ack(&state.nodes[at], at)),
            Step::AckArrives => {
                let ack = state.late.clone()?;
                self.deliver(&mut state, ack);
            }
            Step::BeginChange => {
                state.config = state.config.begin_change(members(self.change.1)).expect("it is not changing");
                state.handover = Handover::new(state.config.clone()).ok();
            }
            Step::Report(at) => {
                let ack = self.ack(&state.nodes[at], at);
                let _ = state.handover.as_mut()?.report(&ack);
            }
            Step::FinishChange => {
                let ready = state.handover.as_ref()?.ready();
                let forced = (self.wrong == Wrong::NoHandover).then(|| state.config.finish_change().ok()).flatten();
                state.config = ready.or(forced)?;
                state.handover = None;
            }
            Step::NodeLearns(at) => state.nodes[at].epoch = state.config.epoch(),
            Step::CoordinatorLearns => {
                let config = state.config.clone();
                self.handle(&mut state, WriteInput::Configure(config));
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("an acknowledged write is on every majority", |_, state: &State| {
                let lacks = |id: &MemberId| {
                    NAMES.iter().position(|name| *name == id.as_str()).is_some_and(|at| !state.nodes[at].disk)
                };
                !state.acked || state.config.satisfied(Level::Quorum, None, &lacks) == Ok(false)
            }),
            Property::sometimes("a write is acknowledged", |_, state: &State| state.acked),
            Property::sometimes("a write is acknowledged before a change that ends", |_, state: &State| {
                state.acked && state.config.epoch() == 3 && state.tracker.configuration().epoch() == 1
            }),
            Property::sometimes("a write is acknowledged by the new members", |_, state: &State| {
                state.acked && state.tracker.configuration().epoch() == 3
            }),
        ]
    }
}

#[test]
fn an_acknowledged_write_is_on_every_majority() {
    for change in CHANGES {
        super::holds(&format!("write quorum, {change:?}"), WriteModel { wrong: Wrong::Nothing, change });
    }
}

#[test]
fn wrong_ways_to_count_are_found() {
    for wrong in [Wrong::CountsAcks, Wrong::AcksMemory, Wrong::NoHandover, Wrong::AnyEpoch] {
        super::breaks(&format!("{wrong:?}"), WriteModel { wrong, change: CHANGES[0] });
    }
}
