//! Counters and the vector clock.

use super::{Event, Model};
use crate::rng::Rng;
use std::collections::BTreeMap;
use syncline::clock::{Hlc, ReplicaId};
use syncline::standalone::{GCounter, PnCounter, VectorClock};

/// The vector clock: the number of each replica's changes.
pub struct Clock;

impl Model for Clock {
    const NAME: &'static str = "VectorClock";
    type State = VectorClock;
    type Op = ();

    fn draw(_: &mut Rng) {}

    fn change(state: &mut VectorClock, (): &(), by: ReplicaId, _: Hlc) -> VectorClock {
        state.increment(by).expect("there are numbers left").into()
    }

    fn value(state: &VectorClock) -> String {
        format!("{:?}", state.iter().collect::<BTreeMap<_, _>>())
    }

    fn oracle(seen: &[&Event<()>]) -> String {
        let mut counts = BTreeMap::new();
        seen.iter().for_each(|event| *counts.entry(event.by).or_insert(0u64) += 1);
        format!("{counts:?}")
    }

    fn carries(later: &Event<()>, earlier: &Event<()>) -> bool {
        later.by == earlier.by
    }
}

/// The grow-only counter: the sum of all increments.
pub struct Growing;

impl Model for Growing {
    const NAME: &'static str = "GCounter";
    type State = GCounter;
    type Op = u64;

    fn draw(rng: &mut Rng) -> u64 {
        rng.between(0, 3)
    }

    fn change(state: &mut GCounter, by: &u64, me: ReplicaId, _: Hlc) -> GCounter {
        state.increment(me, *by).expect("small numbers")
    }

    fn value(state: &GCounter) -> String {
        state.value().to_string()
    }

    fn oracle(seen: &[&Event<u64>]) -> String {
        seen.iter().map(|event| event.op).sum::<u64>().to_string()
    }

    fn carries(later: &Event<u64>, earlier: &Event<u64>) -> bool {
        later.by == earlier.by && later.op > 0
    }
}

/// The counter with resets: the sum of all increments that no reset saw.
pub struct Resettable;

/// A change of the counter.
#[derive(Clone, Debug)]
pub enum Count {
    /// Adds.
    Add(i64),
    /// Takes away what was seen.
    Reset,
}

impl Model for Resettable {
    const NAME: &'static str = "PnCounter";
    type State = PnCounter;
    type Op = Count;

    fn draw(rng: &mut Rng) -> Count {
        match rng.below(5) {
            0 => Count::Reset,
            _ => Count::Add(rng.between(0, 6) as i64 - 3),
        }
    }

    fn change(state: &mut PnCounter, op: &Count, me: ReplicaId, _: Hlc) -> PnCounter {
        match op {
            Count::Add(by) => state.add(me, *by).expect("small numbers"),
            Count::Reset => state.reset(),
        }
    }

    fn value(state: &PnCounter) -> String {
        state.value().to_string()
    }

    fn oracle(seen: &[&Event<Count>]) -> String {
        let reset = |add: &Event<Count>| seen.iter().any(|event| matches!(event.op, Count::Reset) && event.saw(add));
        let live = seen.iter().map(|event| match event.op {
            Count::Add(by) if !reset(event) => by,
            _ => 0,
        });
        live.sum::<i64>().to_string()
    }

    fn carries(later: &Event<Count>, earlier: &Event<Count>) -> bool {
        match (&later.op, &earlier.op) {
            (Count::Reset, _) => true,
            (Count::Add(0), _) | (_, Count::Reset) => false,
            (Count::Add(one), Count::Add(two)) => later.by == earlier.by && one.signum() == two.signum(),
        }
    }
}
