//! How many keys a second the ways of placing decide, on one core: `cargo run --release --example placement_speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};
use syncline::place::{RING_POINTS, Rendezvous, Ring, Spread, hash, jump};

/// How long each line measures: long enough to drown the clock's resolution.
const SPAN: Duration = Duration::from_millis(300);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: Vec<String> = (0..4_096).map(|key| format!("room/{key}")).collect();
    println!("{:<44} {:>12} {:>9}", "decision, hash of the key included", "per second", "ns");
    measure("hash", &keys, |key| hash(key) as usize);
    for buckets in [10, 1_000] {
        measure(&format!("jump, {buckets} buckets"), &keys, |key| jump(hash(key), buckets).unwrap_or(0) as usize);
    }
    for nodes in [3, 10, 100] {
        let names: Vec<String> = (0..nodes).map(|node| format!("node-{node}")).collect();
        let equal: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 100)).collect();
        let unequal: Vec<(&str, u32)> = (0..).zip(&names).map(|(at, name)| (name.as_str(), 100 + at)).collect();
        let (ring, table, weighted) =
            (Ring::new(&equal, RING_POINTS)?, Rendezvous::new(&equal)?, Rendezvous::new(&unequal)?);
        measure(&format!("ring, {nodes} nodes"), &keys, |key| ring.lookup(hash(key)));
        measure(&format!("rendezvous, {nodes} nodes"), &keys, |key| table.pick(hash(key)));
        measure(&format!("rendezvous with weights, {nodes} nodes"), &keys, |key| weighted.pick(hash(key)));
        measure(&format!("three replicas by rendezvous, {nodes} nodes"), &keys, |key| {
            table.choose(hash(key), 3, Spread::Zones).map_or(0, |chosen| chosen[2])
        });
    }
    Ok(())
}

fn measure(what: &str, keys: &[String], decide: impl Fn(&str) -> usize) {
    let (start, mut done, mut sum) = (Instant::now(), 0usize, 0usize);
    while start.elapsed() < SPAN {
        for key in keys {
            sum = sum.wrapping_add(decide(black_box(key)));
        }
        done += keys.len();
    }
    black_box(sum);
    let each = start.elapsed().as_secs_f64() / done as f64;
    println!("{what:<44} {:>12.0} {:>9.1}", 1.0 / each, each * 1e9);
}
