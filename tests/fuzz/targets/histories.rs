//! Histories of several documents, chosen by the fuzzer, beside the oracle.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline_tests::oracle::world::{Flavour, World};
use syncline_tests::rng::Rng;

fuzz_target!(|data: &[u8]| {
    let mut world = World::of(Rng::scripted(data), Flavour::Mixed);
    for _ in 0..24 {
        world.step().expect("the replicas follow the definition");
    }
    world.settle().expect("the replicas converge");
});
