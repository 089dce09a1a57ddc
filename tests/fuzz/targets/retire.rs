//! A round of retirement whose members say what the fuzzer wants: no panic, and it ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use syncline::replica::{RetireDriver, RetireMessage};

const MEMBERS: u64 = 3;

fuzz_target!(|data: &[u8]| {
    let members: BTreeSet<u64> = (0..MEMBERS).collect();
    let mut driver = RetireDriver::start(members, 1_000, 0);
    let mut now = 0;
    for message in data.chunks(24) {
        let (Some((&from, bytes)), Some(_)) = (message.split_first(), message.get(1)) else { continue };
        if let Ok(message) = RetireMessage::decode(bytes) {
            driver.handle(u64::from(from) % (MEMBERS + 1), message);
        }
        while driver.poll().is_some() {}
        now += u64::from(from);
        driver.handle_timeout(now);
    }
    for _ in 0..100 {
        now += 1_000;
        driver.handle_timeout(now);
        while driver.poll().is_some() {}
    }
});
