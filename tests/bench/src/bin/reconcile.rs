//! Reconciling two sets that differ in a few items: the cells of the core beside the crates `riblt` and `negentropy`, the
//! Merkle walk and the complete list. Prints a table. Arguments: the number of items (1000000) and of runs (10).
//!
//! The bar: on average at most 32 bytes for one difference, 25 for each and 64 for fewer than 100, 20 for each and 64 for
//! more, never more than the list, and in every run at most three round trips. The last column tells whether it holds.
//!
//! Ours counts every byte in both directions, also those that tell the other side what only it has; so does negentropy.
//! `riblt` has no wire format: its cells count 17 bytes (8 sum, 8 hash, 1 count), and nothing else.

use cpu_time::ProcessTime;
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use std::collections::BTreeSet;
use std::time::Duration;
use syncline::reconcile::{Asker, CellCache, ItemHasher, Pinned, Teller, Trie, Walk, WalkStep, list_bytes};

/// The sets of one run: what both have, what each has alone.
struct Sets {
    here: Vec<u64>,
    there: Vec<u64>,
}

#[derive(Default)]
struct Cost {
    bytes: usize,
    worst: usize,
    round_trips: usize,
    asker: Duration,
    teller: Duration,
}

struct Random(u64);

impl Random {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().expect("a number"));
    let (items, runs) = (args.next().unwrap_or(1_000_000), args.next().unwrap_or(10));
    println!(
        "{items} items, {runs} runs; bytes in both directions, CPU in ms, both on average; trips of the worst run"
    );
    for (name, structured) in
        [("dots of 8 writers, a third of the events live", true), ("random 64-bit numbers", false)]
    {
        println!("\n{name}");
        println!(
            "      d    bytes    worst      bar   B/d trips  teller   asker   list B  Merkle B msgs   riblt B \
             negentropy B trips"
        );
        for differing in [1, 10, 100, 1_000, 10_000].into_iter().filter(|differing| differing * 4 < items) {
            row(items, runs, differing, structured);
        }
    }
    updates(items);
}

fn row(items: usize, runs: usize, differing: usize, structured: bool) {
    let (mut ours, mut merkle, mut list, mut riblt, mut negentropy) =
        (Cost::default(), (0, 0), 0, String::new(), Cost::default());
    for run in 0..runs {
        let mut random = Random((run * 100_003 + differing) as u64);
        let sets = sets(&mut random, items, differing, structured);
        let cost = cells(&sets, random.next());
        ours.bytes += cost.bytes;
        ours.worst = ours.worst.max(cost.bytes);
        ours.round_trips = ours.round_trips.max(cost.round_trips);
        ours.asker += cost.asker;
        ours.teller += cost.teller;
        list += list_bytes(&sets.there);
        if run == 0 {
            merkle = walk(&sets);
            riblt = riblt_bytes(&sets, differing);
            negentropy = ranges(&sets);
        }
    }
    let mean = |sum: usize| sum as f64 / runs as f64;
    let ms = |sum: Duration| sum.as_secs_f64() * 1e3 / runs as f64;
    let bar = (bar(differing) as f64).min(mean(list));
    let holds = mean(ours.bytes) <= bar && ours.round_trips <= TRIPS;
    println!(
        "{differing:>7} {:>8.0} {:>8} {bar:>8.0} {:>5.1} {:>5} {:>7.3} {:>7.3} {:>8.0} {:>9} {:>4} {:>9} {:>12} {:>5} {}",
        mean(ours.bytes),
        ours.worst,
        mean(ours.bytes) / differing as f64,
        ours.round_trips,
        ms(ours.teller),
        ms(ours.asker),
        mean(list),
        merkle.0,
        merkle.1,
        riblt,
        negentropy.bytes,
        negentropy.round_trips,
        if holds { "within" } else { "MISSED" },
    );
}

/// Round trips that no run may exceed.
const TRIPS: usize = 3;

/// Bytes that the runs may take on average.
fn bar(differing: usize) -> usize {
    match differing {
        0 | 1 => 32,
        2..100 => 25 * differing + 64,
        _ => 20 * differing + 64,
    }
}

fn sets(random: &mut Random, items: usize, differing: usize, structured: bool) -> Sets {
    let writers: Vec<u64> = (0..8).map(|_| random.next() >> 48 << 48).collect();
    let mut last = vec![0; writers.len()];
    let mut single = BTreeSet::new();
    while single.len() < differing {
        single.insert(random.next() as usize % items);
    }
    let mut sets = Sets { here: Vec::with_capacity(items), there: Vec::with_capacity(items) };
    for at in 0..items {
        let writer = random.next() as usize % writers.len();
        last[writer] += 1 + random.next() % 5;
        let item = if structured { writers[writer] | last[writer] } else { random.next() >> 1 };
        let only = single.contains(&at).then(|| random.next() % 2);
        if only != Some(1) {
            sets.here.push(item);
        }
        if only != Some(0) {
            sets.there.push(item);
        }
    }
    sets.here.sort_unstable();
    sets.there.sort_unstable();
    sets
}

/// Both sides have kept their cells up to date.
fn cells(sets: &Sets, seed: u64) -> Cost {
    let hasher = ItemHasher::new(seed);
    let [here, there] = [&sets.here, &sets.there].map(|items| {
        let mut cache = CellCache::new(hasher);
        items.iter().for_each(|&item| cache.add(item));
        cache
    });
    let list = list_bytes(&sets.there);
    let mut cost = Cost::default();
    let start = ProcessTime::now();
    let (mut asker, mut message) = Asker::open(here.pin());
    cost.asker += start.elapsed();
    let start = ProcessTime::now();
    let mut teller = Teller::new(there.pin(), list);
    cost.teller += start.elapsed();
    cost.bytes = message.len();
    loop {
        let start = ProcessTime::now();
        let answer = teller.handle(&message, &mut || sets.there.clone()).expect("the teller goes on");
        cost.teller += start.elapsed();
        let Some(answer) = answer else { break };
        (cost.bytes, cost.round_trips) = (cost.bytes + answer.len(), cost.round_trips + 1);
        let start = ProcessTime::now();
        let next = asker.handle(&answer, &mut || sets.here.clone()).expect("the asker goes on");
        cost.asker += start.elapsed();
        let Some(next) = next else { break };
        cost.bytes += next.len();
        message = next;
    }
    assert!(asker.difference().is_some());
    cost
}

/// The walk to the buckets, and the sums of their keys in one direction.
fn walk(sets: &Sets) -> (usize, usize) {
    let hasher = ItemHasher::new(1);
    let [here, there] = [&sets.here, &sets.there].map(|items| {
        let mut trie = Trie::for_keys(items.len());
        items.iter().for_each(|&item| trie.add(hasher.hash(item), hasher.hash(!item)));
        trie
    });
    let (mut step, mut bytes, mut messages, mut cursor) = (Walk::begin(&here), 0, 0, 0);
    loop {
        bytes += step.encode().len();
        messages += 1;
        match step.step(if messages % 2 == 1 { &there } else { &here }, cursor) {
            WalkStep::Deeper(next) => step = next,
            WalkStep::Buckets(buckets, resume) => {
                bytes += buckets.len() * 16 * sets.here.len() / (1 << (4 * here.depth()));
                messages += 1;
                match resume.filter(|resume| *resume > cursor) {
                    Some(resume) => (step, cursor) = (Walk::begin(&here), resume),
                    None => return (bytes, messages),
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Symbol(u64);

impl riblt::Symbol for Symbol {
    const BYTE_ARRAY_LENGTH: usize = 8;

    fn encode_to_bytes(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn decode_from_bytes(bytes: &Vec<u8>) -> Self {
        Symbol(bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }
}

/// The crate peels in quadratic time, so that it is left out at 10,000. The items in which the sets agree cancel out, so
/// they are left out too.
fn riblt_bytes(sets: &Sets, differing: usize) -> String {
    if differing > 1_000 {
        return "-".to_owned();
    }
    let minus = |one: &[u64], two: &[u64]| -> Vec<Symbol> {
        one.iter().filter(|item| two.binary_search(item).is_err()).map(|&item| Symbol(item)).collect()
    };
    let mut here = riblt::RatelessIBLT::new(minus(&sets.here, &sets.there));
    let mut there = riblt::RatelessIBLT::new(minus(&sets.there, &sets.here));
    let mut count = differing;
    loop {
        let mut far = riblt::UnmanagedRatelessIBLT::new();
        (0..count).for_each(|index| far.add_coded_symbol(&there.get_coded_symbol(index)));
        let mut difference = here.collapse(&far);
        difference.peel_all_symbols();
        if difference.is_empty() {
            return (count * 17).to_string();
        }
        count += 1 + count / 50;
    }
}

fn ranges(sets: &Sets) -> Cost {
    let [here, there] = [&sets.here, &sets.there].map(|items| {
        let mut storage = NegentropyStorageVector::with_capacity(items.len());
        for &item in items {
            let mut id = [0; 32];
            let mut random = Random(item);
            id.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_le_bytes()));
            storage.insert(0, Id::from_byte_array(id)).expect("the storage is open");
        }
        storage.seal().expect("the storage is open");
        storage
    });
    let mut client = Negentropy::owned(here, 0).expect("no limit");
    let mut server = Negentropy::owned(there, 0).expect("no limit");
    let (mut have, mut need, mut cost) = (Vec::new(), Vec::new(), Cost::default());
    let mut message = client.initiate().expect("a fresh client");
    loop {
        let answer = server.reconcile(&message).expect("a sound message");
        cost.bytes += message.len() + answer.len();
        cost.round_trips += 1;
        match client.reconcile_with_ids(&answer, &mut have, &mut need).expect("a sound message") {
            Some(next) => message = next,
            None => return cost,
        }
    }
}

fn updates(items: usize) {
    let mut cache = CellCache::new(ItemHasher::new(3));
    let start = ProcessTime::now();
    (0..items as u64).for_each(|item| cache.add(item));
    let update = start.elapsed().as_secs_f64() * 1e6 / items as f64;
    let all: Vec<u64> = (0..items as u64).collect();
    let start = ProcessTime::now();
    let pinned = Pinned::of(ItemHasher::new(3), &all);
    let cold = start.elapsed().as_secs_f64();
    assert_eq!(pinned.len(), items as u64);
    let mut trie = Trie::for_keys(items);
    let hasher = ItemHasher::new(1);
    let start = ProcessTime::now();
    (0..items as u64).for_each(|item| trie.add(hasher.hash(item), item));
    let node = start.elapsed().as_secs_f64() * 1e6 / items as f64;
    println!("\none update: cells {update:.3} µs, Merkle trie {node:.3} µs; making 4,096 cells of all: {cold:.2} s");
}
