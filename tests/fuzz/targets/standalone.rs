//! Histories of the types without a document, chosen by the fuzzer, beside the definition of each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline_tests::lattice::{counters, harness::play, registers, sets};
use syncline_tests::rng::Rng;

fuzz_target!(|data: &[u8]| {
    let Some((&which, script)) = data.split_first() else { return };
    let play = match which % 14 {
        0 => play::<counters::Clock>,
        1 => play::<counters::Growing>,
        2 => play::<counters::Resettable>,
        3 => play::<registers::LastWriter>,
        4 => play::<registers::Multi>,
        5 => play::<registers::EnableWins>,
        6 => play::<registers::DisableWins>,
        7 => play::<sets::GrowOnly>,
        8 => play::<sets::TwoPhase>,
        9 => play::<sets::LastWriterSet>,
        10 => play::<sets::AddWins>,
        11 => play::<sets::RemoveWins>,
        12 => play::<sets::LastWriterMap>,
        _ => play::<sets::Nested>,
    };
    play(&Rng::scripted(script)).expect("the type is as it is defined");
});
