//! Random histories of one type, and what has to hold in them.

use super::{Event, Model};
use crate::rng::Rng;
use std::collections::BTreeSet;
use syncline::clock::{Hlc, ReplicaId};
use syncline::standalone::Crdt;

const REPLICAS: usize = 4;

/// How changes travel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Travel {
    /// Whole states only: whoever has seen a change has seen all that its author had.
    States,
    /// Deltas too, in any order, several times or never; states now and then.
    Deltas,
}

struct Replica<S> {
    id: ReplicaId,
    state: S,
    seen: BTreeSet<usize>,
}

struct World<M: Model> {
    rng: Rng,
    replicas: Vec<Replica<M::State>>,
    events: Vec<Event<M::Op>>,
    deltas: Vec<M::State>,
}

/// Plays the histories of one seed and returns what did not hold.
pub fn run<M: Model>(seed: u64) -> Result<(), String> {
    play::<M>(&Rng::new(seed)).map_err(|problem| format!("{}, seed {seed}: {problem}", M::NAME))
}

/// Plays the histories that the draws of `rng` make.
pub fn play<M: Model>(rng: &Rng) -> Result<(), String> {
    [Travel::States, Travel::Deltas].into_iter().try_for_each(|travel| World::<M>::of(rng.clone()).play(travel))
}

impl<M: Model> World<M> {
    fn of(rng: Rng) -> Self {
        let replica = |number: usize| Replica {
            id: ReplicaId::new(1_700_000_000_000 + number as u64 % 2, number as u128),
            state: M::State::default(),
            seen: BTreeSet::new(),
        };
        World { rng, replicas: (1..=REPLICAS).map(replica).collect(), events: Vec::new(), deltas: Vec::new() }
    }

    fn play(&mut self, travel: Travel) -> Result<(), String> {
        for _ in 0..self.rng.between(5, 40) {
            let on = self.rng.below(REPLICAS);
            match self.rng.below(10) {
                0..=4 => self.change(on)?,
                5..=7 if travel == Travel::Deltas => self.deliver(on),
                _ => self.merge(on),
            }
            if travel == Travel::States {
                self.check(on)?;
            }
        }
        self.laws()?;
        self.converge()
    }

    fn change(&mut self, on: usize) -> Result<(), String> {
        let op = M::draw(&mut self.rng);
        // Few times, so that there are ties, also of one replica with itself.
        let at = Hlc::new(self.rng.between(1, 6), 0);
        let replica = &mut self.replicas[on];
        let mut event = Event { id: self.events.len(), by: replica.id, at, op: op.clone(), past: BTreeSet::new() };
        for &id in &replica.seen {
            event.past.insert(id);
            let told = self.events[id].past.iter().filter(|&&past| M::carries(&self.events[id], &self.events[past]));
            event.past.extend(told);
        }
        let before = replica.state.clone();
        let delta = M::change(&mut replica.state, &op, replica.id, at);
        let mut joined = before.clone();
        joined.merge(&delta);
        same("the delta brings what the change did", &joined, &replica.state)?;
        replica.seen.insert(event.id);
        self.events.push(event);
        self.deltas.push(delta);
        Ok(())
    }

    fn merge(&mut self, on: usize) {
        let from = self.rng.below(REPLICAS);
        let (state, seen) = (self.replicas[from].state.clone(), self.replicas[from].seen.clone());
        self.replicas[on].state.merge(&state);
        self.replicas[on].seen.extend(seen);
    }

    /// Brings one delta, of any age, or several joined into one.
    fn deliver(&mut self, on: usize) {
        if self.deltas.is_empty() {
            return;
        }
        let mut group = M::State::default();
        for _ in 0..self.rng.between(1, 3) {
            let which = self.rng.below(self.deltas.len());
            group.merge(&self.deltas[which]);
            let event = &self.events[which];
            let told = event.past.iter().filter(|&&past| M::carries(event, &self.events[past]));
            self.replicas[on].seen.extend(told);
            self.replicas[on].seen.insert(which);
        }
        self.replicas[on].state.merge(&group);
    }

    fn check(&self, on: usize) -> Result<(), String> {
        let replica = &self.replicas[on];
        let seen: Vec<&Event<M::Op>> = replica.seen.iter().map(|&id| &self.events[id]).collect();
        let (found, expected) = (M::value(&replica.state), M::oracle(&seen));
        if found == expected { Ok(()) } else { Err(format!("{found} instead of {expected} after {seen:#?}")) }
    }

    /// A join is commutative, associative and idempotent, on states and deltas, and bytes say it all.
    fn laws(&mut self) -> Result<(), String> {
        let mut pool: Vec<M::State> = self.replicas.iter().map(|replica| replica.state.clone()).collect();
        pool.extend(self.deltas.iter().cloned());
        pool.push(M::State::default());
        for _ in 0..12 {
            let [a, b, c] = [(); 3].map(|()| self.rng.below(pool.len())).map(|at| &pool[at]);
            same("merging is commutative", &join(a, b), &join(b, a))?;
            same("merging is associative", &join(&join(a, b), c), &join(a, &join(b, c)))?;
            same("merging is idempotent", &join(a, a), a)?;
            same("merging again changes nothing", &join(&join(a, b), b), &join(a, b))?;
            same("the default is neutral", &join(a, &M::State::default()), a)?;
            same("and on the left", &join(&M::State::default(), a), a)?;
            let read = M::State::decode(&a.encode()).map_err(|error| format!("{error}: {a:?}"))?;
            same("bytes say it all", &read, a)?;
            same("what was read merges alike", &join(&read, b), &join(b, &read))?;
        }
        Ok(())
    }

    /// All deltas arrive everywhere, in any order and some twice; then all replicas are one, as the definition says.
    fn converge(&mut self) -> Result<(), String> {
        let mut whole = M::State::default();
        self.replicas.iter().for_each(|replica| whole.merge(&replica.state));
        for on in 0..REPLICAS {
            let mut order: Vec<usize> = (0..self.deltas.len()).chain(0..self.deltas.len() / 3).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, self.rng.below(at + 1));
            }
            order.into_iter().for_each(|which| self.replicas[on].state.merge(&self.deltas[which]));
            self.replicas[on].seen = (0..self.events.len()).collect();
            same("all deltas are worth the whole", &self.replicas[on].state, &whole)?;
            self.check(on)?;
        }
        let mut fresh = M::State::default();
        self.deltas.iter().rev().for_each(|delta| fresh.merge(delta));
        same("a newcomer needs deltas only", &fresh, &whole)
    }
}

fn join<S: Crdt>(a: &S, b: &S) -> S {
    let mut joined = a.clone();
    joined.merge(b);
    joined
}

fn same<S: Crdt + std::fmt::Debug>(law: &str, left: &S, right: &S) -> Result<(), String> {
    if left == right && left.encode() == right.encode() {
        return Ok(());
    }
    Err(format!("{law}: {left:?} ({:02x?}) beside {right:?} ({:02x?})", left.encode(), right.encode()))
}
