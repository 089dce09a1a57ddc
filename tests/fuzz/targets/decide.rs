//! Calls by name with arguments that nobody sane sends: each is answered or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::crdt::Value;
use syncline::standalone::decide;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|&byte| byte == 0) else { return };
    let Ok(call) = std::str::from_utf8(&data[..end]) else { return };
    let Ok(args) = Value::from_cbor(&data[end + 1..]) else { return };
    if let Err(error) = decide(call, &args) {
        assert!(!error.to_string().is_empty() && !error.code().is_empty());
    }
});
