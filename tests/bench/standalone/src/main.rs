//! Benchmarks of the types without a document, with the figure to beat behind each, and `crdts` on the same set.
//!
//! CPU time, the best of five rounds: what a machine can do while it is disturbed least.

use cpu_time::ProcessTime;
use crdts::{CmRDT, CvRDT, Orswot};
use std::hint::black_box;
use std::time::Duration;
use syncline::clock::{Hlc, ReplicaId};
use syncline::standalone::{Crdt, LwwMap, OrSet, VectorClock};

const ROUNDS: usize = 5;
const ELEMENTS: u64 = 10_000;

fn main() {
    // A heap that was in use before, as in a program that has been running: otherwise a third of the first figures is the
    // kernel's work of handing out fresh pages (adds to a set of numbers then run at 8 M/s).
    drop(black_box(vec![1u8; 16 << 20]));
    clocks();
    sets_of_numbers();
    sets_of_texts();
    maps();
    merged_sets();
}

fn id(number: u64) -> ReplicaId {
    // Well mixed, as random ids are.
    ReplicaId::new(1_790_000_000_000 + number, u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060))
}

/// The shortest time of the rounds; what `prepare` makes is not counted, nor is dropping it.
fn best<I, O>(prepare: impl Fn() -> I, work: impl Fn(&mut I) -> O) -> Duration {
    let round = |_| {
        let mut input = prepare();
        let start = ProcessTime::now();
        let output = work(&mut input);
        let time = start.elapsed();
        drop(black_box((input, output)));
        time
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

fn rate(name: &str, count: u64, time: Duration, bar: f64) {
    let rate = count as f64 / time.as_secs_f64() / 1e6;
    println!("{name:<44} {rate:>8.2} M/s   to beat {bar:>6.2}   {}", if rate > bar { "ahead" } else { "BEHIND" });
}

fn clocks() {
    const COUNT: u64 = 2_000_000;
    let me = id(1);
    let time = best(VectorClock::default, |clock| {
        (0..COUNT).for_each(|_| {
            let _ = black_box(clock.increment(me));
        })
    });
    rate("vector clock increment", COUNT, time, 34.0);
    for (replicas, merge_bar, compare_bar) in [(3, 11.3, 16.0), (16, 2.2, 3.2), (128, 0.282, 0.355)] {
        let count = 6_000_000 / (replicas + 5);
        let clock = |seed: u64| (0..replicas).map(|n| (id(n), (n * seed) % 7 + 1)).collect::<VectorClock>();
        let (left, right) = (clock(3), clock(5));
        let merge = |_: &mut ()| {
            (0..count).for_each(|_| {
                let mut joined = black_box(&left).clone();
                joined.merge(black_box(&right));
                black_box(joined);
            })
        };
        rate(&format!("vector clock clone and merge, n = {replicas}"), count, best(|| (), merge), merge_bar);
        let newer: VectorClock = left.iter().map(|(id, seq)| (id, seq + 1)).collect();
        let compare = |_: &mut ()| {
            (0..count).for_each(|_| {
                let _ = black_box(black_box(&left).compare(black_box(&newer)));
            })
        };
        rate(&format!("vector clock compare, n = {replicas}"), count, best(|| (), compare), compare_bar);
    }
    let clock: VectorClock = (0..16).map(|n| (id(n), n * 50 + 1)).collect();
    println!("vector clock, n = 16: {} bytes (theirs 236)", clock.encode().len());
}

fn sets_of_numbers() {
    let fresh = || OrSet::<u64>::default();
    let full = || {
        let mut set = fresh();
        (0..ELEMENTS).for_each(|n| drop(set.add(id(1), n * 7)));
        set
    };
    let add = best(fresh, |set| (0..ELEMENTS).for_each(|n| drop(black_box(set.add(id(1), n * 7)))));
    rate("OR-Set<u64> add, with delta", ELEMENTS, add, 8.8);
    let contains = best(full, |set| (0..ELEMENTS).filter(|n| black_box(&*set).contains(&(n * 7))).count());
    rate("OR-Set<u64> contains", ELEMENTS, contains, 42.0);
    let remove = best(full, |set| (0..ELEMENTS).for_each(|n| drop(black_box(set.remove(&(n * 7))))));
    rate("OR-Set<u64> remove, with delta", ELEMENTS, remove, 15.0);
    let other = |from: u64| {
        let mut set = fresh();
        (0..ELEMENTS).for_each(|n| drop(set.add(id(2), from + n * 7)));
        set
    };
    let merge = best(|| (full(), other(1)), |(left, right)| left.merge(right));
    rate("OR-Set<u64> merge, all different", 2 * ELEMENTS, merge, 6.8);
    let merge = best(|| (full(), full()), |(left, right)| left.merge(right));
    rate("OR-Set<u64> merge, all equal", ELEMENTS, merge, 6.8);
    let deltas: Vec<_> = {
        let mut set = full();
        (0..100).map(|n| set.add(id(1), n * 7 + 3).expect("numbers")).collect()
    };
    let apply = best(full, |set| deltas.iter().for_each(|delta| set.merge(delta)));
    println!("OR-Set<u64> one delta into 10k elements: {:.2} us", apply.as_secs_f64() * 1e6 / 100.0);
    let delta = deltas[0].encode().len() - 2;
    println!("OR-Set one add to 10k elements: {delta} bytes beyond the element (theirs 468,978; at most 24)");
}

fn sets_of_texts() {
    let texts = || (0..ELEMENTS).map(|n| format!("element-{n}")).collect::<Vec<String>>();
    let full = || {
        let mut set = OrSet::<String>::default();
        texts().into_iter().for_each(|text| drop(set.add(id(1), text)));
        (set, texts())
    };
    let add = best(
        || (OrSet::<String>::default(), texts()),
        |(set, texts)| texts.drain(..).for_each(|text| drop(black_box(set.add(id(1), text)))),
    );
    rate("OR-Set<String> add, with delta", ELEMENTS, add, 8.8);
    let contains = best(full, |(set, texts)| texts.iter().filter(|text| set.contains(text.as_str())).count());
    rate("OR-Set<String> contains", ELEMENTS, contains, 42.0);
    let remove = best(full, |(set, texts)| texts.iter().for_each(|text| drop(black_box(set.remove(text.as_str())))));
    rate("OR-Set<String> remove, with delta", ELEMENTS, remove, 15.0);
}

fn maps() {
    let write = |map: &mut LwwMap<u64, u64>, by: u64| {
        (0..ELEMENTS).for_each(|n| drop(black_box(map.set(Hlc::new(n, 0), id(by), n * 7, n))));
    };
    let full = |by| {
        let mut map = LwwMap::default();
        write(&mut map, by);
        map
    };
    rate("LWW map set, with delta", ELEMENTS, best(LwwMap::default, |map| write(map, 1)), 12.0);
    let overwrite = best(|| full(1), |map| write(map, 2));
    rate("LWW map overwrite, with delta", ELEMENTS, overwrite, 12.0);
    let merge = best(|| (full(1), full(2)), |(left, right)| left.merge(right));
    rate("LWW map merge, same keys", ELEMENTS, merge, 14.0);
}

/// Two replicas add 50,000 elements and remove 25,000, then each merges the other: the work of `merge-sets`.
fn merged_sets() {
    const ADDS: u64 = 50_000;
    let element = |n: u64| (n * 31 % 80_000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let ours = |by: u64| {
        let mut set = OrSet::<u64>::default();
        (0..ADDS).for_each(|n| drop(set.add(id(by), element(n + by * 20_000))));
        (0..ADDS / 2).for_each(|n| drop(set.remove(&element(2 * n + by * 20_000))));
        set
    };
    let theirs = |by: u64| {
        let mut set = Orswot::<u64, u64>::default();
        for n in 0..ADDS {
            let add = set.add(element(n + by * 20_000), set.read_ctx().derive_add_ctx(by));
            set.apply(add);
        }
        for n in 0..ADDS / 2 {
            let remove =
                set.rm(element(2 * n + by * 20_000), set.contains(&element(2 * n + by * 20_000)).derive_rm_ctx());
            set.apply(remove);
        }
        set
    };
    let time = best(
        || (ours(1), ours(2)),
        |(left, right)| {
            left.merge(right);
            right.merge(left)
        },
    );
    let mut left = ours(1);
    left.merge(&ours(2));
    println!("merge both, 2 x (50k adds, 25k removes): {:.1} ms, {} elements", time.as_secs_f64() * 1e3, left.len());
    let time = best(
        || (theirs(1), theirs(2)),
        |(left, right)| {
            left.merge(right.clone());
            right.merge(left.clone())
        },
    );
    let mut left = theirs(1);
    left.merge(theirs(2));
    let count = left.read().val.len();
    println!("the same in crdts' Orswot:               {:.1} ms, {count} elements", time.as_secs_f64() * 1e3);
}
