//! Every decoder of plain data: no panic, and what decodes comes back from its own encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::clock::VersionVector;
use syncline::crdt::{Key, Path, Value};
use syncline::delta::{Blob, Delta};
use syncline::quorum::{CommitMessage, CommitRecord, Configuration, FenceRecord, Hints, SessionToken};
use syncline::reconcile::{Record, Trie, Walk};
use syncline::replica::RetireMessage;

/// What decodes comes back from its own encoding.
macro_rules! comes_back {
    ($type:ty, $bytes:expr) => {
        if let Ok(value) = <$type>::decode($bytes) {
            assert_eq!(<$type>::decode(&value.encode()), Ok(value));
        }
    };
}

fuzz_target!(|data: &[u8]| {
    let Some((&which, bytes)) = data.split_first() else { return };
    match which % 15 {
        0 => {
            if let Ok(value) = Value::from_cbor(bytes) {
                let again = value.to_cbor();
                assert_eq!(Value::from_cbor(&again).map(|value| value.to_cbor()), Ok(again));
            }
        }
        1 => comes_back!(VersionVector, bytes),
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
        5 => comes_back!(Configuration, bytes),
        6 => comes_back!(CommitMessage, bytes),
        7 => comes_back!(CommitRecord, bytes),
        8 => comes_back!(FenceRecord, bytes),
        9 => comes_back!(Hints, bytes),
        10 => comes_back!(SessionToken, bytes),
        11 => comes_back!(RetireMessage, bytes),
        12 => drop(Record::decode(bytes)),
        13 => {
            drop(Trie::decode(bytes));
            drop(Walk::decode(bytes));
        }
        _ => {
            if let Some(Ok(path)) = std::str::from_utf8(bytes).ok().map(Path::parse) {
                assert_eq!(Path::from_segments(path.segments()), path);
            }
        }
    }
});
