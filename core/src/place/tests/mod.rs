//! How evenly keys are spread, how few move, and where requests go.

mod balance;
mod bound;
mod routes;
mod shard_maps;

use super::*;
use crate::flow::mix;

/// Hashes of `count` keys.
fn keys(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(|key| hash(format!("room/{key}")))
}

/// Nodes of equal weight.
fn named(count: usize) -> Vec<String> {
    (0..count).map(|node| format!("node-{node}")).collect()
}

fn weighted(names: &[String], weight: u32) -> Vec<(&str, u32)> {
    names.iter().map(|name| (name.as_str(), weight)).collect()
}

/// How many keys each node gets.
fn counts(nodes: usize, keys: impl Iterator<Item = u64>, pick: impl Fn(u64) -> usize) -> Vec<f64> {
    let mut counts = vec![0.0; nodes];
    keys.for_each(|key| counts[pick(key)] += 1.0);
    counts
}

fn mean(counts: &[f64]) -> f64 {
    counts.iter().sum::<f64>() / counts.len() as f64
}

/// The largest part over the mean.
fn peak(counts: &[f64]) -> f64 {
    counts.iter().fold(0.0f64, |most, count| most.max(*count)) / mean(counts)
}

/// The standard deviation over the mean.
fn variation(counts: &[f64]) -> f64 {
    let mean = mean(counts);
    (counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64).sqrt() / mean
}
