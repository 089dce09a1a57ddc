//! The workloads. Each checks what came out, so that a library used wrongly stops the run.

use crate::data::{self, SetEdits};
use crate::library::{Library, Sets};
use crate::measure::{Sample, timed};
use std::collections::{BTreeMap, BTreeSet};

/// One kind of work, by the name that all three languages print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    SetEach,
    SetOne,
    Overwrite,
    OneOp,
    MergeMaps,
    MergeSets,
    Encode,
    Load,
    LoadRead,
    Delete,
    Counter,
    CounterMerge,
    OneKey,
    OneKeyAfter,
}

impl Workload {
    pub(crate) const ALL: [Workload; 14] = [
        Workload::SetEach,
        Workload::SetOne,
        Workload::Overwrite,
        Workload::OneOp,
        Workload::MergeMaps,
        Workload::MergeSets,
        Workload::Encode,
        Workload::Load,
        Workload::LoadRead,
        Workload::Delete,
        Workload::Counter,
        Workload::CounterMerge,
        Workload::OneKey,
        Workload::OneKeyAfter,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::SetEach => "set-each",
            Workload::SetOne => "set-one",
            Workload::Overwrite => "overwrite",
            Workload::OneOp => "one-op",
            Workload::MergeMaps => "merge-maps",
            Workload::MergeSets => "merge-sets",
            Workload::Encode => "encode",
            Workload::Load => "load",
            Workload::LoadRead => "load-read",
            Workload::Delete => "delete",
            Workload::Counter => "counter",
            Workload::CounterMerge => "counter-merge",
            Workload::OneKey => "one-key",
            Workload::OneKeyAfter => "one-key-after",
        }
    }

    /// Runs once in `S`, which has only a set.
    pub(crate) fn run_set<S: Sets>(self, percent: usize) -> Result<Sample, String> {
        match self {
            Workload::MergeSets => merge_sets::<S>((50_000 * percent / 100).max(10)),
            other => Err(format!("{} needs more than a set", other.name())),
        }
    }

    /// Runs once in `L`, with `percent` of the full amount of work.
    pub(crate) fn run<L: Library>(self, percent: usize) -> Result<Sample, String> {
        let count = |full: usize| (full * percent / 100).max(10);
        match self {
            Workload::SetEach => set::<L>(count(100_000), L::set_each),
            Workload::SetOne => set::<L>(count(100_000), L::set_all),
            Workload::Overwrite => overwrite::<L>(count(1_000), count(100_000)),
            Workload::OneOp => one_op::<L>(count(20_000)),
            Workload::MergeMaps => merge_maps::<L>(count(50_000)),
            Workload::MergeSets => merge_sets::<L>(count(50_000)),
            Workload::Encode => encode::<L>(count(100_000)),
            Workload::Load => load::<L>(count(100_000), false),
            Workload::LoadRead => load::<L>(count(100_000), true),
            Workload::Delete => delete::<L>(count(100_000)),
            Workload::Counter => counter::<L>(count(10_000), true),
            Workload::CounterMerge => counter::<L>(count(10_000), false),
            Workload::OneKey => one_key::<L>(count(1_000), false),
            Workload::OneKeyAfter => one_key::<L>(count(1_000), true),
        }
    }
}

const SEED: u64 = 20_261;

/// Replicas that count.
const REPLICAS: u64 = 16;

/// No other value of an entry.
const LAST: i64 = 1_000;

fn set<L: Library>(count: usize, set: fn(&mut L::Doc, &[data::Entry])) -> Result<Sample, String> {
    let entries = data::entries(SEED, count);
    let mut doc = L::create(1);
    let ((), sample) = timed(|| set(&mut doc, &entries));
    holds::<L>(&doc, &entries)?;
    Ok(sample)
}

fn overwrite<L: Library>(keys: usize, count: usize) -> Result<Sample, String> {
    let writes = data::overwrites(SEED, keys, count);
    let mut doc = L::create(1);
    let ((), sample) = timed(|| L::set_each(&mut doc, &writes));
    holds::<L>(&doc, &writes)?;
    Ok(sample.bytes(L::encode(&mut doc).len()))
}

fn one_op<L: Library>(count: usize) -> Result<Sample, String> {
    let entries = data::entries(SEED, count);
    let (mut from, mut to) = (L::create(1), L::create(2));
    let (bytes, sample) = timed(|| L::replicate(&mut from, &mut to, &entries));
    holds::<L>(&to, &entries)?;
    Ok(Sample { bytes: Some(bytes as f64 / count as f64), ..sample })
}

fn merge_maps<L: Library>(count: usize) -> Result<Sample, String> {
    let (left_entries, right_entries) = (data::entries(SEED, count), data::entries(SEED + 9, count));
    let (mut left, mut right) = (L::create(1), L::create(2));
    L::set_all(&mut left, &left_entries);
    L::set_all(&mut right, &right_entries);
    let ((), sample) = timed(|| L::merge(&mut left, &mut right));
    let all: Vec<data::Entry> = left_entries.into_iter().chain(right_entries).collect();
    holds::<L>(&left, &all)?;
    holds::<L>(&right, &all)?;
    Ok(sample)
}

fn merge_sets<L: Sets>(count: usize) -> Result<Sample, String> {
    let edits = [SetEdits::new(SEED, 1, count), SetEdits::new(SEED, 2, count)];
    let (mut left, mut right) = (L::create(1), L::create(2));
    for (doc, edits) in [(&mut left, &edits[0]), (&mut right, &edits[1])] {
        L::add_all(doc, &edits.adds);
        L::remove_all(doc, edits.removes());
    }
    let ((), sample) = timed(|| L::merge(&mut left, &mut right));
    // Neither side has seen the other's adds, so by add-wins what either kept is there.
    let kept: BTreeSet<&String> = edits.iter().flat_map(|edits| edits.kept()).collect();
    let found = |doc: &L::Doc| kept.iter().filter(|element| L::has(doc, element)).count();
    let (left_found, right_found) = (found(&left), found(&right));
    if left_found != right_found || L::set_len(&left) != left_found || L::set_len(&right) != right_found {
        return Err(format!("the replicas differ: {left_found} and {right_found} elements of {}", kept.len()));
    }
    if left_found * 2 < kept.len() {
        return Err(format!("only {left_found} elements of {} are there", kept.len()));
    }
    Ok(Sample { lost: Some(kept.len() - left_found), ..sample })
}

fn encode<L: Library>(count: usize) -> Result<Sample, String> {
    let entries = data::entries(SEED, count);
    let mut doc = L::create(1);
    L::set_all(&mut doc, &entries);
    let (bytes, sample) = timed(|| L::encode(&mut doc));
    holds::<L>(&L::load(2, &bytes), &entries)?;
    Ok(sample.bytes(bytes.len()))
}

fn load<L: Library>(count: usize, read: bool) -> Result<Sample, String> {
    let entries = data::entries(SEED, count);
    let mut doc = L::create(1);
    L::set_all(&mut doc, &entries);
    let bytes = L::encode(&mut doc);
    let ((doc, sum), sample) = timed(|| {
        let doc = L::load(2, &bytes);
        let values = entries.iter().filter(|_| read).map(|(key, _)| L::get(&doc, key).unwrap_or_default());
        let sum: i64 = values.sum();
        (doc, sum)
    });
    if read && sum != entries.iter().map(|(_, value)| value).sum::<i64>() {
        return Err("the values read add up to something else".into());
    }
    holds::<L>(&doc, &entries)?;
    Ok(sample)
}

fn delete<L: Library>(count: usize) -> Result<Sample, String> {
    let entries = data::entries(SEED, count);
    let mut doc = L::create(1);
    L::set_all(&mut doc, &entries);
    let ((), sample) = timed(|| L::delete_each(&mut doc, &entries));
    let bytes = L::encode(&mut doc);
    for doc in [&doc, &L::load(2, &bytes)] {
        holds::<L>(doc, &[])?;
    }
    Ok(sample.bytes(bytes.len()))
}

/// Replicas that count at the same time with one counter, and then one that takes in what the others did.
fn counter<L: Library>(times: usize, counting: bool) -> Result<Sample, String> {
    let mut docs = L::create_counting(REPLICAS);
    let ((), counted) = timed(|| docs.iter_mut().for_each(|doc| L::count_each(doc, times)));
    let mut all = docs.swap_remove(0);
    let ((), merged) = timed(|| docs.iter_mut().for_each(|doc| L::import(&mut all, &L::state(doc))));
    let expected = REPLICAS as i64 * times as i64;
    let bytes = L::encode(&mut all);
    for found in [L::count(&all), L::count(&L::load(REPLICAS + 1, &bytes))] {
        if found != expected {
            return Err(format!("the counter is {found}, not {expected}"));
        }
    }
    Ok(if counting { counted.bytes(bytes.len()) } else { merged })
}

/// Replicas that set one key at the same time, then one that takes in the states of all and, `after` that, writes again.
///
/// Syncline keeps what was written at the same time until somebody who has seen it all writes, so the first size is that
/// of a thousand values with their writers: it is what policies, conflict events and resolvers work on. The second has one
/// value, and the thousand writers, which others may still hold events of. Stores that keep the last writer's value and no
/// causality need a few dozen bytes for either (json-joy 34, TinyBase 68), and cannot tell what was written at the same time.
fn one_key<L: Library>(replicas: usize, after: bool) -> Result<Sample, String> {
    let values = data::entries(SEED, replicas);
    let key = &values[0].0;
    let states = values.iter().zip(1..).map(|((_, value), replica)| {
        let mut doc = L::create(replica);
        L::set_each(&mut doc, &[(key.clone(), *value)]);
        L::state(&mut doc)
    });
    let states: Vec<Vec<u8>> = states.collect();
    let (mut all, mut other) = (L::create(replicas as u64 + 1), L::create(replicas as u64 + 2));
    let ((), sample) = timed(|| states.iter().for_each(|state| L::import(&mut all, state)));
    states.iter().rev().for_each(|state| L::import(&mut other, state));
    let found = [L::get(&all, key), L::get(&other, key)];
    if found[0] != found[1] || !values.iter().any(|(_, value)| Some(*value) == found[0]) {
        return Err(format!("the replicas read {found:?}"));
    }
    if !after {
        return Ok(sample.bytes(L::encode(&mut all).len()));
    }
    let last = (key.clone(), LAST);
    L::set_each(&mut all, std::slice::from_ref(&last));
    let bytes = L::encode(&mut all);
    L::import(&mut other, &bytes);
    for doc in [&all, &other] {
        holds::<L>(doc, std::slice::from_ref(&last))?;
    }
    Ok(Sample { bytes: Some(bytes.len() as f64), ..Sample::default() })
}

/// Checks that `doc` holds what `writes` leave behind, and nothing else.
fn holds<L: Library>(doc: &L::Doc, writes: &[data::Entry]) -> Result<(), String> {
    let expected: BTreeMap<&str, i64> = writes.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    if L::len(doc) != expected.len() {
        return Err(format!("{} keys are there, not {}", L::len(doc), expected.len()));
    }
    for (key, value) in expected {
        let found = L::get(doc, key);
        if found != Some(value) {
            return Err(format!("{key} is {found:?}, not {value}"));
        }
    }
    Ok(())
}
