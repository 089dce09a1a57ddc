//! Every decoder of plain data: no panic, and what decodes comes back from its own encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::clock::VersionVector;
use syncline::crdt::{Key, Path, Value};
use syncline::delta::{Blob, Delta};

fuzz_target!(|data: &[u8]| {
    let Some((&which, bytes)) = data.split_first() else { return };
    match which % 6 {
        0 => {
            if let Ok(value) = Value::from_cbor(bytes) {
                let again = value.to_cbor();
                assert_eq!(Value::from_cbor(&again).map(|value| value.to_cbor()), Ok(again));
            }
        }
        1 => {
            if let Ok(version) = VersionVector::decode(bytes) {
                assert_eq!(VersionVector::decode(&version.encode()), Ok(version));
            }
        }
        2 => {
            if let Ok(delta) = Delta::decode(bytes) {
                let again = delta.encode();
                assert_eq!(Delta::decode(&again).map(|delta| delta.encode()), Ok(again));
            }
        }
        3 => drop(Blob::decode(bytes)),
        4 => {
            if let Ok(key) = Key::parse(bytes) {
                assert_eq!(key.as_bytes(), bytes);
                key.element_value();
            }
        }
        _ => {
            if let Some(Ok(path)) = std::str::from_utf8(bytes).ok().map(Path::parse) {
                assert_eq!(Path::from_segments(path.segments()), path);
            }
        }
    }
});
