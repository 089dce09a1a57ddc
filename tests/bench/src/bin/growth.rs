//! What a document costs as it grows: the delta of 100 changes and its join beside documents of two sizes, and the memory
//! of a live leaf beside the other libraries.
//!
//! Prints one JSON object per figure on stdout, as the other benchmarks do. Argument: `--percent P`, the share of the
//! work (100).

#[path = "../data.rs"]
#[expect(dead_code, reason = "the other benchmarks use the rest")]
mod data;
#[path = "../library/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other benchmarks use the rest")]
mod library;

use cpu_time::ProcessTime;
use data::{Entry, Random};
use library::{Automerge, Library, Loro, Sets, Syncline, Yrs};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SEED: u64 = 20_261;
const CHANGES: usize = 100;
/// Each round makes other changes; odd, so that there is a middle.
const ROUNDS: usize = 301;
const SMALL: usize = 1_000;
const LARGE: usize = 1_000_000;
/// Most changes that one transaction takes.
const TRANSACTION: usize = 10_000;

fn main() {
    let percent = percent().unwrap_or_else(|| {
        eprintln!("Usage: growth [--percent P]");
        std::process::exit(2)
    });
    let count = |full: usize| (full * percent / 100).max(SMALL);
    let (mut small, mut large) = (Pair::of(SMALL), Pair::of(count(LARGE)));
    for round in 0..ROUNDS {
        // They take turns, so that a machine that is busy for a while disturbs both alike.
        small.round(round);
        large.round(round);
    }
    small.print("1k");
    large.print("1m");
    let entries = data::entries(SEED, count(100_000));
    memory::<Syncline<false>>("syncline", &entries);
    memory::<Yrs<false>>("yrs", &entries);
    memory::<Loro<false>>("loro", &entries);
    memory::<Automerge>("automerge", &entries);
}

fn percent() -> Option<usize> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [] => Some(100),
        [name, value] if name == "--percent" => value.parse().ok().filter(|percent| (1..=100).contains(percent)),
        _ => None,
    }
}

/// Two replicas of one document: changes are made here and joined there.
struct Pair {
    here: syncline::doc::Doc,
    there: syncline::doc::Doc,
    keys: Vec<Entry>,
    random: Random,
    delta: Vec<Duration>,
    join: Vec<Duration>,
}

impl Pair {
    fn of(leaves: usize) -> Self {
        let keys = data::entries(SEED, leaves);
        let mut here = Syncline::<false>::create(1);
        keys.chunks(TRANSACTION).for_each(|part| Syncline::<false>::set_all(&mut here, part));
        let there = Syncline::<false>::load(2, &here.export());
        Pair { here, there, keys, random: Random::new(SEED), delta: Vec::new(), join: Vec::new() }
    }

    /// Makes 100 changes anywhere in the document, and measures their delta and its join.
    fn round(&mut self, round: usize) {
        let since = self.there.version();
        for _ in 0..CHANGES {
            let at = self.random.next() as usize % self.keys.len();
            let change = (self.keys[at].0.clone(), round as i64);
            Syncline::<false>::set_each(&mut self.here, &[change]);
        }
        let start = ProcessTime::now();
        let delta = self.here.export_from(&since);
        self.delta.push(start.elapsed());
        let start = ProcessTime::now();
        self.there.import(&delta).expect("the delta is for this version");
        self.join.push(start.elapsed());
        assert_eq!(self.here.digest(), self.there.digest(), "the replicas differ");
    }

    fn print(mut self, leaves: &str) {
        for (name, times) in [("delta", &mut self.delta), ("join", &mut self.join)] {
            times.sort_unstable();
            let seconds = times[times.len() / 2].as_secs_f64();
            println!(r#"{{"language":"rust","workload":"{name}-{leaves}","library":"syncline","cpu_s":{seconds:.8}}}"#);
        }
    }
}

/// Counts the bytes that stay allocated for each leaf, after writing a document and after loading it.
fn memory<L: Library>(library: &str, entries: &[Entry]) {
    let print = |workload: &str, before: usize| {
        let bytes = LIVE.load(Ordering::Relaxed).saturating_sub(before) as f64 / entries.len() as f64;
        println!(r#"{{"language":"rust","workload":"{workload}","library":"{library}","bytes":{bytes:.1}}}"#);
    };
    let before = LIVE.load(Ordering::Relaxed);
    let mut doc = L::create(1);
    L::set_each(&mut doc, entries);
    print("memory", before);
    let bytes = L::encode(&mut doc);
    drop(doc);
    let before = LIVE.load(Ordering::Relaxed);
    let doc = L::load(2, &bytes);
    // Some put together what they loaded when it is read first.
    assert_eq!(L::len(&doc), entries.len(), "keys are missing");
    assert!(entries.iter().all(|(key, value)| L::get(&doc, key) == Some(*value)), "a value is missing");
    print("memory-loaded", before);
}

/// Bytes that are allocated and not freed.
static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is handed on to the system's allocator.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_add(size, Ordering::Relaxed);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
