//! Sets and maps.

use super::{Event, Model};
use crate::rng::Rng;
use std::collections::{BTreeMap, BTreeSet};
use syncline::clock::{Hlc, ReplicaId};
use syncline::standalone::{GSet, LwwMap, LwwSet, OrMap, OrSet, RwSet, TwoPhaseSet};

/// A change of a set.
#[derive(Clone, Debug)]
pub struct Edit {
    element: u64,
    add: bool,
}

/// Few elements, so that changes meet; in some histories enough for an index.
fn edit(rng: &mut Rng) -> Edit {
    Edit { element: rng.between(0, 3) * rng.between(1, 7), add: rng.chance(60) }
}

fn same_element(later: &Event<Edit>, earlier: &Event<Edit>) -> bool {
    later.op.element == earlier.op.element
}

/// The elements of which the changes seen satisfy a definition.
fn elements(seen: &[&Event<Edit>], holds: impl Fn(&[&Event<Edit>], &[&Event<Edit>]) -> bool) -> String {
    let all: BTreeSet<u64> = seen.iter().map(|event| event.op.element).collect();
    let kept = all.into_iter().filter(|element| {
        let own = seen.iter().copied().filter(|event| event.op.element == *element);
        let (adds, removes): (Vec<_>, Vec<_>) = own.partition(|event| event.op.add);
        holds(&adds, &removes)
    });
    format!("{:?}", kept.collect::<Vec<_>>())
}

macro_rules! set_model {
    ($(#[$doc:meta])* $model:ident, $type:ident, $change:expr, $holds:expr, $carries:expr) => {
        $(#[$doc])*
        pub struct $model;

        impl Model for $model {
            const NAME: &'static str = stringify!($type);
            type State = $type<u64>;
            type Op = Edit;

            fn draw(rng: &mut Rng) -> Edit {
                edit(rng)
            }

            fn change(state: &mut Self::State, op: &Edit, by: ReplicaId, at: Hlc) -> Self::State {
                let change: fn(&mut Self::State, &Edit, ReplicaId, Hlc) -> Self::State = $change;
                change(state, op, by, at)
            }

            fn value(state: &Self::State) -> String {
                let values = state.values();
                assert!(values.len() == state.len() && values.iter().all(|value| state.contains(*value)));
                format!("{values:?}")
            }

            fn oracle(seen: &[&Event<Edit>]) -> String {
                elements(seen, $holds)
            }

            fn carries(later: &Event<Edit>, earlier: &Event<Edit>) -> bool {
                $carries && same_element(later, earlier)
            }
        }
    };
}

set_model!(
    /// Grow-only: added at all. Removals are not made.
    GrowOnly,
    GSet,
    |state, op, _, _| if op.add { state.add(op.element) } else { GSet::default() },
    |adds, _| !adds.is_empty(),
    false
);

set_model!(
    /// Two phases: added, and removed by nobody who had it.
    TwoPhase,
    TwoPhaseSet,
    |state, op, _, _| if op.add { state.add(op.element) } else { state.remove(op.element) },
    |adds, removes| !adds.is_empty() && !removes.iter().any(|remove| adds.iter().any(|add| remove.saw(add))),
    true
);

set_model!(
    /// The last writer wins: the greatest write by time, replica and content is an add.
    LastWriterSet,
    LwwSet,
    |state, op, by, at| if op.add { state.add(at, by, op.element) } else { state.remove(at, by, op.element) },
    |adds, removes| {
        let last = adds.iter().chain(removes).map(|event| (event.at, event.by, event.op.add)).max();
        last.is_some_and(|last| last.2)
    },
    false
);

set_model!(
    /// Adds win: some add was seen by no remove.
    AddWins,
    OrSet,
    |state, op, by, _| match op.add {
        true => state.add(by, op.element).expect("there are numbers left"),
        false => state.remove(&op.element),
    },
    |adds, removes| adds.iter().any(|add| !removes.iter().any(|remove| remove.saw(add))),
    true
);

set_model!(
    /// Removals win: there was an add, and every remove was seen by one.
    RemoveWins,
    RwSet,
    |state, op, by, _| match op.add {
        true => state.add(by, op.element).expect("there are numbers left"),
        false => state.remove(by, op.element).expect("there are numbers left"),
    },
    |adds, removes| !adds.is_empty() && removes.iter().all(|remove| adds.iter().any(|add| add.saw(remove))),
    true
);

/// The last writer of each key wins.
pub struct LastWriterMap;

impl Model for LastWriterMap {
    const NAME: &'static str = "LwwMap";
    type State = LwwMap<u64, u64>;
    type Op = (u64, Option<u64>);

    fn draw(rng: &mut Rng) -> Self::Op {
        (edit(rng).element, rng.chance(70).then(|| rng.between(0, 3)))
    }

    fn change(state: &mut Self::State, (key, value): &Self::Op, by: ReplicaId, at: Hlc) -> Self::State {
        match value {
            Some(value) => state.set(at, by, *key, *value),
            None => state.remove(at, by, *key),
        }
    }

    fn value(state: &Self::State) -> String {
        let entries = state.entries();
        assert!(entries.len() == state.len() && entries.iter().all(|(key, value)| state.get(*key) == Some(*value)));
        format!("{entries:?}")
    }

    fn oracle(seen: &[&Event<Self::Op>]) -> String {
        let mut last = BTreeMap::new();
        for event in seen {
            let write = (event.at, event.by, event.op.1);
            last.entry(event.op.0).and_modify(|kept: &mut _| *kept = write.max(*kept)).or_insert(write);
        }
        format!("{:?}", last.iter().filter_map(|(key, write)| Some((key, write.2?))).collect::<Vec<_>>())
    }

    fn carries(_: &Event<Self::Op>, _: &Event<Self::Op>) -> bool {
        false
    }
}

/// The observed-remove map with add-wins sets for children, in maps for children: what no removal above or at it saw, stays.
pub struct Nested;

/// A change of the map at an outer and an inner key.
#[derive(Clone, Debug)]
pub struct Below {
    outer: u64,
    inner: u64,
    element: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Add,
    Discard,
    RemoveInner,
    RemoveOuter,
}

impl Below {
    /// Tells whether this one removes what the other added.
    fn removes(&self, add: &Below) -> bool {
        self.outer == add.outer
            && match self.what {
                What::Add => false,
                What::Discard => self.inner == add.inner && self.element == add.element,
                What::RemoveInner => self.inner == add.inner,
                What::RemoveOuter => true,
            }
    }

    fn touches(&self, other: &Below) -> bool {
        let places = self.outer == other.outer && self.inner == other.inner && self.element == other.element;
        places || self.removes(other) || other.removes(self)
    }
}

impl Model for Nested {
    const NAME: &'static str = "OrMap";
    type State = OrMap<u64, OrMap<u64, OrSet<u64>>>;
    type Op = Below;

    fn draw(rng: &mut Rng) -> Below {
        let what = [What::Add, What::Add, What::Add, What::Add, What::Discard, What::RemoveInner, What::RemoveOuter];
        Below { outer: rng.between(0, 1), inner: rng.between(0, 1), element: rng.between(0, 2), what: *rng.pick(&what) }
    }

    fn change(state: &mut Self::State, op: &Below, by: ReplicaId, _: Hlc) -> Self::State {
        let (inner, element) = (op.inner, op.element);
        let changed = match op.what {
            What::Add => state.update(op.outer, |map| map.update(inner, |set| set.add(by, element))),
            What::Discard => state.update(op.outer, |map| map.update(inner, |set| Ok(set.remove(&element)))),
            What::RemoveInner => state.update(op.outer, |map| Ok(map.remove(&inner))),
            What::RemoveOuter => Ok(state.remove(&op.outer)),
        };
        changed.expect("there are numbers left")
    }

    fn value(state: &Self::State) -> String {
        let mut found = Vec::new();
        for (outer, map) in state.entries() {
            for (inner, set) in map.entries() {
                assert!(!set.is_empty(), "an empty child is none");
                found.extend(set.values().into_iter().map(|element| (*outer, *inner, *element)));
            }
        }
        format!("{found:?}")
    }

    fn oracle(seen: &[&Event<Below>]) -> String {
        let removed = |add: &Event<Below>| seen.iter().any(|event| event.op.removes(&add.op) && event.saw(add));
        let live = seen.iter().filter(|event| event.op.what == What::Add && !removed(event));
        let places: BTreeSet<_> = live.map(|add| (add.op.outer, add.op.inner, add.op.element)).collect();
        format!("{:?}", Vec::from_iter(places))
    }

    fn carries(later: &Event<Below>, earlier: &Event<Below>) -> bool {
        later.op.touches(&earlier.op)
    }
}
