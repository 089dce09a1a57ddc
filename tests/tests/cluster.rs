//! Nodes with quorums, terms, transactions, hints and reconciliation under faults in virtual time: what was promised holds.

use syncline_tests::rng::{each_seed, seeds};
use syncline_tests::sim::cluster::world::World;

/// Things that programs do and fate brings in one run.
const ACTIONS: usize = 120;

#[test]
fn what_is_promised_holds_and_all_converge() {
    let seeds = seeds(2_000);
    each_seed("cluster", "what_is_promised_holds_and_all_converge", &seeds, |seed| {
        World::new(seed, false)?.run(ACTIONS).problem.map_or(Ok(()), Err)
    });
}
