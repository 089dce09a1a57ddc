//! Clients, links, a relay and its store, with faults chosen by the fuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline_tests::rng::Rng;
use syncline_tests::sim::run::Simulation;

fuzz_target!(|data: &[u8]| {
    Simulation::of(Rng::scripted(data)).run(60).expect("nothing acknowledged is lost, and all converge");
});
