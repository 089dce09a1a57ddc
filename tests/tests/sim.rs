//! Clients, links and a relay under faults in virtual time: what was acknowledged is kept, all converge, nothing twice.

use std::sync::atomic::{AtomicU64, Ordering};

use syncline_tests::rng::{each_seed, seeds};
use syncline_tests::sim::run::{ACTIONS, Simulation};

#[test]
fn what_is_acknowledged_survives_and_all_converge() {
    let (steps, writes, crashes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let seeds = seeds(300);
    each_seed("sim", "what_is_acknowledged_survives_and_all_converge", &seeds, |seed| {
        let summary = Simulation::new(seed).run(ACTIONS)?;
        steps.fetch_add(summary.steps, Ordering::Relaxed);
        writes.fetch_add(summary.writes, Ordering::Relaxed);
        crashes.fetch_add(summary.relay_crashes + summary.client_crashes, Ordering::Relaxed);
        Ok(())
    });
    let (steps, writes, crashes) = (steps.into_inner(), writes.into_inner(), crashes.into_inner());
    println!("{} runs, {steps} steps, {writes} writes, {crashes} crashes", seeds.len());
    assert!(seeds.len() == 1 || steps / seeds.len() as u64 > 1_000, "the runs are too short to mean anything");
}

#[test]
fn a_run_is_decided_by_its_seed() {
    let run = |seed| Simulation::new(seed).run(100).map(|summary| (summary.steps, summary.writes));
    assert_eq!(run(7), run(7));
}
