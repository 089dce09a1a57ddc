//! How many keys a second the ways of placing decide, on one core: `cargo run --release --example placement_speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};
use syncline::place::{RING_POINTS, Rendezvous, Ring, Spread, hash, jump};

/// How often each line is measured, each time for how long: the best counts, since others use the machine too.
const TURNS: usize = 20;
const SPAN: Duration = Duration::from_millis(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: Vec<String> = (0..4_096).map(|key| format!("room/{key}")).collect();
    println!("{:<44} {:>12} {:>9}", "decision, on a hashed key", "per second", "ns");
    measure("hash of a key of 9 bytes", &keys, |key| hash(key) as usize);
    let keys: Vec<u64> = keys.iter().map(hash).collect();
    for buckets in [10, 1_000] {
        measure(&format!("jump, {buckets} buckets"), &keys, |key| jump(*key, buckets).unwrap_or(0) as usize);
    }
    for nodes in [3, 10, 100] {
        let names: Vec<String> = (0..nodes).map(|node| format!("node-{node}")).collect();
        let equal: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 100)).collect();
        let unequal: Vec<(&str, u32)> = (0..).zip(&names).map(|(at, name)| (name.as_str(), 100 + at)).collect();
        let (ring, table, weighted) =
            (Ring::new(&equal, RING_POINTS)?, Rendezvous::new(&equal)?, Rendezvous::new(&unequal)?);
        measure(&format!("ring, {nodes} nodes"), &keys, |key| ring.lookup(*key));
        measure(&format!("rendezvous, {nodes} nodes"), &keys, |key| table.pick(*key));
        measure(&format!("rendezvous with weights, {nodes} nodes"), &keys, |key| weighted.pick(*key));
        measure(&format!("three replicas by rendezvous, {nodes} nodes"), &keys, |key| {
            table.choose(*key, 3, Spread::Zones).map_or(0, |chosen| chosen[2])
        });
    }
    Ok(())
}

fn measure<K>(what: &str, keys: &[K], decide: impl Fn(&K) -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..TURNS {
        let (start, mut done, mut sum) = (Instant::now(), 0usize, 0usize);
        while start.elapsed() < SPAN {
            for key in keys {
                sum = sum.wrapping_add(decide(black_box(key)));
            }
            done += keys.len();
        }
        black_box(sum);
        best = best.min(start.elapsed().as_secs_f64() / done as f64);
    }
    println!("{what:<44} {:>12.0} {:>9.1}", 1.0 / best, best * 1e9);
}
