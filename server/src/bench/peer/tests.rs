use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, Map, Out, ReadTxn, StateVector, Transact, Update as YrsUpdate};

use super::update::Update;
use super::*;

#[test]
fn yjs_reads_the_updates_that_are_written_by_hand() {
    let doc = Doc::new();
    let map = doc.get_or_insert_map("cells");
    let apply = |update: &[u8]| doc.transact_mut().apply_update(YrsUpdate::decode_v1(update).unwrap()).unwrap();
    apply(&Update { author: 7, clock: 0 }.fill(1000, key));
    for (clock, text) in [(1000, "first"), (1001, "second"), (1002, "third")] {
        apply(&Update { author: 7, clock }.set("w", text, clock > 1000));
    }
    let transaction = doc.transact();
    assert_eq!(map.len(&transaction), 1001);
    assert_eq!(map.get(&transaction, "w"), Some(Out::Any(Any::from("third"))));
    assert_eq!(map.get(&transaction, &last_key(1000)), Some(Out::Any(Any::BigInt(999 % 64))));
    assert_eq!(transaction.state_vector().get(&yrs::block::ClientID::from(7u64)), 1003);
    let all = transaction.encode_state_as_update_v1(&StateVector::default());
    assert!(!String::from_utf8_lossy(&all).contains("second"), "what was replaced is deleted");
}

#[test]
fn content_is_whole_only_if_a_replica_comes_to_the_digest_of_the_relay() {
    let mut doc = ::syncline::doc::Doc::new(new_replica_id());
    let set = |doc: &mut ::syncline::doc::Doc| {
        doc.set(&::syncline::crdt::Path::from_segments(["k"]), ::syncline::crdt::Value::Str("there".into()))
    };
    doc.transact(crate::relay::now_ms(), None, set).unwrap();
    let bytes = doc.delta_since(&VersionVector::default()).encode();
    let content = |digest| Content { bytes: bytes.clone(), claim: Some((doc.version(), digest)) };
    assert!(content(doc.digest()).has("there"));
    assert!(!content(doc.digest()).has("elsewhere"));
    assert!(!content(::syncline::doc::Doc::new(new_replica_id()).digest()).has("there"));
}

#[test]
fn keys_of_cells_differ() {
    let keys: std::collections::BTreeSet<String> = (0..100_000).map(key).collect();
    assert_eq!(keys.len(), 100_000);
    assert!(keys.iter().all(|key| key.len() == 16));
}
