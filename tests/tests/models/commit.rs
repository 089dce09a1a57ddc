//! Two-phase commit: one coordinator, two rooms, every order of messages, loss, duplicates and crashes.

use stateright::{Model, Property};
use syncline::quorum::{CommitTimes, TxId};
use syncline_tests::commit::{Action, Fault, World};

/// Nothing is said twice by itself (every message may arrive again anyway), and the time for votes is up at 1.
const TIMES: CommitTimes = CommitTimes { prepare_ms: 1, retry_ms: u64::MAX };

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    world: World,
    crashes: u8,
    problem: Option<String>,
}

struct CommitModel {
    fault: Fault,
    refusing: &'static [usize],
    crashes: u8,
}

fn tx() -> TxId {
    TxId::new(1, 0)
}

impl Model for CommitModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut world = World::new(2, TIMES, self.fault);
        world.begin(tx(), &[0, 1], self.refusing);
        vec![State { world, crashes: 0, problem: None }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // Messages stay on their way for ever: each may come late, again, or never.
        actions.extend(state.world.net.iter().map(|envelope| Action::Deliver(envelope.clone(), true)));
        actions.extend(state.world.busy().into_iter().map(Action::Effect));
        let nodes = [None, Some(0), Some(1)];
        actions.extend(nodes.map(|node| Action::Tick(node, if node.is_none() { 1 } else { u64::MAX })));
        if state.crashes < self.crashes {
            actions.extend(nodes.map(|node| Action::Crash(node, true)));
            let lossy = nodes.into_iter().filter(|&node| state.world.may_lose(node));
            actions.extend(lossy.map(|node| Action::Crash(node, false)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.crashes += u8::from(matches!(action, Action::Crash(..)));
        state.world.act(action);
        state.problem = state.world.check().err();
        (state != *last).then_some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        // A room may stage and give up again and again while its disk is slow.
        state.world.backlog() <= 2
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties =
            vec![Property::always("all rooms or none, once, as told", |_, state: &State| state.problem.is_none())];
        properties.push(Property::sometimes("a room hears of an abort", |_, state: &State| {
            state.world.told_aborted(tx()) && state.world.check_settled().is_ok()
        }));
        if self.refusing.is_empty() {
            properties.push(Property::sometimes("all rooms commit", |_, state: &State| {
                state.world.merged(tx()) && state.world.check_settled().is_ok()
            }));
        } else {
            properties.push(Property::always("a refusal is obeyed", |_, state: &State| !state.world.merged(tx())));
        }
        properties
    }
}

#[test]
fn a_transaction_is_in_all_rooms_or_in_none() {
    super::holds("two-phase commit", CommitModel { fault: Fault::None, refusing: &[], crashes: 3 });
    super::holds("two-phase commit, one room refuses", CommitModel { fault: Fault::None, refusing: &[1], crashes: 3 });
}

#[test]
fn wrong_drivers_are_found() {
    for fault in [Fault::VoteBeforeForce, Fault::DecideBeforeForce, Fault::ApplyInTwo, Fault::SameIdAgain] {
        super::breaks(&format!("{fault:?}"), CommitModel { fault, refusing: &[], crashes: 2 });
    }
}
