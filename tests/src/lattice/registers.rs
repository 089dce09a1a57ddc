//! Registers and flags.

use super::{Event, Model};
use crate::rng::Rng;
use std::collections::BTreeSet;
use syncline::clock::{Hlc, ReplicaId};
use syncline::standalone::{DwFlag, EwFlag, LwwRegister, MvRegister};

/// The last writer wins: the greatest write by time, replica and content.
pub struct LastWriter;

impl Model for LastWriter {
    const NAME: &'static str = "LwwRegister";
    type State = LwwRegister<u64>;
    type Op = u64;

    fn draw(rng: &mut Rng) -> u64 {
        rng.between(0, 5)
    }

    fn change(state: &mut Self::State, op: &u64, by: ReplicaId, at: Hlc) -> Self::State {
        state.set(at, by, *op)
    }

    fn value(state: &Self::State) -> String {
        format!("{:?}", state.value())
    }

    fn oracle(seen: &[&Event<u64>]) -> String {
        format!("{:?}", seen.iter().map(|event| (event.at, event.by, event.op)).max().map(|last| last.2).as_ref())
    }

    fn carries(_: &Event<u64>, _: &Event<u64>) -> bool {
        false
    }
}

/// All values stay whose write was seen by no other write.
pub struct Multi;

impl Model for Multi {
    const NAME: &'static str = "MvRegister";
    type State = MvRegister<u64>;
    type Op = u64;

    fn draw(rng: &mut Rng) -> u64 {
        rng.between(0, 5)
    }

    fn change(state: &mut Self::State, op: &u64, by: ReplicaId, _: Hlc) -> Self::State {
        state.set(by, *op).expect("there are numbers left")
    }

    fn value(state: &Self::State) -> String {
        format!("{:?}", state.values())
    }

    fn oracle(seen: &[&Event<u64>]) -> String {
        let live = seen.iter().filter(|write| !seen.iter().any(|other| other.saw(write)));
        let values: BTreeSet<u64> = live.map(|write| write.op).collect();
        format!("{:?}", Vec::from_iter(values))
    }

    fn carries(_: &Event<u64>, _: &Event<u64>) -> bool {
        true
    }
}

/// Enabling wins: on if some enable was seen by no disable.
pub struct EnableWins;

impl Model for EnableWins {
    const NAME: &'static str = "EwFlag";
    type State = EwFlag;
    type Op = bool;

    fn draw(rng: &mut Rng) -> bool {
        rng.chance(50)
    }

    fn change(state: &mut EwFlag, op: &bool, by: ReplicaId, _: Hlc) -> EwFlag {
        if *op { state.enable(by).expect("there are numbers left") } else { state.disable() }
    }

    fn value(state: &EwFlag) -> String {
        state.is_enabled().to_string()
    }

    fn oracle(seen: &[&Event<bool>]) -> String {
        let survives = |on: &Event<bool>| !seen.iter().any(|off| !off.op && off.saw(on));
        seen.iter().any(|event| event.op && survives(event)).to_string()
    }

    fn carries(_: &Event<bool>, _: &Event<bool>) -> bool {
        true
    }
}

/// Disabling wins: on if there was an enable, and every disable was seen by one.
pub struct DisableWins;

impl Model for DisableWins {
    const NAME: &'static str = "DwFlag";
    type State = DwFlag;
    type Op = bool;

    fn draw(rng: &mut Rng) -> bool {
        rng.chance(60)
    }

    fn change(state: &mut DwFlag, op: &bool, by: ReplicaId, _: Hlc) -> DwFlag {
        if *op { state.enable(by) } else { state.disable(by) }.expect("there are numbers left")
    }

    fn value(state: &DwFlag) -> String {
        state.is_enabled().to_string()
    }

    fn oracle(seen: &[&Event<bool>]) -> String {
        let answered = |off: &Event<bool>| seen.iter().any(|on| on.op && on.saw(off));
        let enabled = seen.iter().any(|event| event.op);
        (enabled && seen.iter().all(|event| event.op || answered(event))).to_string()
    }

    fn carries(_: &Event<bool>, _: &Event<bool>) -> bool {
        true
    }
}
