//! Frames of a hostile client into a room: its honest client is served all the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline_tests::hostile::{Harmed, frames};

fuzz_target!(|data: &[u8]| {
    let mut harmed = Harmed::new();
    for frame in frames(data) {
        harmed.attack(frame);
    }
    harmed.healthy_edit(1, data);
    harmed.account(data);
});
