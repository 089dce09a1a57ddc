//! Frames into either end of a link.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline_tests::hostile::{NOON, frames, greeted};

fuzz_target!(|data: &[u8]| {
    let Some((&which, bytes)) = data.split_first() else { return };
    let mut link = greeted(which % 2 == 0);
    for frame in frames(bytes) {
        if link.handle_frame(frame, NOON).is_err() {
            return;
        }
        while link.poll_frame().is_some() {}
    }
});
