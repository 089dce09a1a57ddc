use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, Map, Out, ReadTxn, StateVector, Transact, Update as YrsUpdate};

use ::syncline::link::{Hello, Message, Opened};

use super::update::Update;
use super::*;

#[test]
fn yjs_reads_the_updates_that_are_written_by_hand() {
    let doc = Doc::new();
    let map = doc.get_or_insert_map("cells");
    let apply = |update: &[u8]| doc.transact_mut().apply_update(YrsUpdate::decode_v1(update).unwrap()).unwrap();
    apply(&Update { author: 7, clock: 0 }.fill(1000, key));
    for (clock, text, before) in [(1000, "first", None), (1001, "second", Some(1000)), (1002, "third", Some(1001))] {
        apply(&Update { author: 7, clock }.set("w", text, before));
    }
    let transaction = doc.transact();
    assert_eq!(map.len(&transaction), 1001);
    assert_eq!(map.get(&transaction, "w"), Some(Out::Any(Any::from("third"))));
    assert_eq!(map.get(&transaction, &last_key(1000)), Some(Out::Any(Any::from(999 % 64))));
    assert_eq!(transaction.state_vector().get(&yrs::block::ClientID::new(7)), 1003);
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

/// What a relay would say to a client that joins a room with this document.
#[test]
fn a_room_that_was_filled_is_found_to_be_whole() {
    let mut peer = Syncline::new("room", 1, None);
    let mut doc = ::syncline::doc::Doc::new(new_replica_id());
    let opened = |doc: &::syncline::doc::Doc| {
        let stream = ::syncline::delta::LiveEncoder::default().reader_joined();
        let (version, durable) = (doc.version(), doc.version());
        Message::Opened(Opened { alias: 1, version, durable, digest: doc.digest(), stream }).encode()
    };
    let hello = Hello { protocol: 1, features: 0, agent: "relay".into(), token: None, now_ms: crate::relay::now_ms() };
    let take = |peer: &mut Syncline, frames: Frames| {
        let mut last = Event::Nothing;
        for frame in frames {
            last = peer.take(&frame, 24, &mut Vec::new());
        }
        last
    };
    assert!(matches!(take(&mut peer, Message::Hello(hello).encode()), Event::Reply(_)));
    let Event::Joined(content) = take(&mut peer, opened(&doc)) else { panic!("an empty room is open at once") };
    assert!(!content.has(&last_key(300)));
    let mut link = ::syncline::link::Link::client(::syncline::link::LinkConfig { agent: "x".into(), token: None }, 0);
    let hello = Hello { protocol: 1, features: 0, agent: "relay".into(), token: None, now_ms: 0 };
    link.handle_frame(&Message::Hello(hello).encode()[0], 0).unwrap();
    for frame in peer.fill(300).unwrap() {
        let Some(Message::Delta { body, .. }) = link.handle_frame(&frame, 0).unwrap() else { panic!("a delta") };
        doc.join(&Delta::decode(&body).unwrap(), &Origin::Link).unwrap();
    }
    assert!(matches!(take(&mut peer, opened(&doc)), Event::Nothing));
    let delta = Message::Delta { alias: 1, body: doc.delta_since(&VersionVector::default()).encode() };
    let Event::Joined(content) = take(&mut peer, delta.encode()) else { panic!("the content has arrived") };
    assert!(content.has(&last_key(300)));
    assert!(!content.has(&last_key(301)));
}

#[test]
fn a_writer_of_yjs_sets_its_keys_in_turn() {
    let mut peer = Yjs::new(None, None);
    let doc = Doc::new();
    let map = doc.get_or_insert_map("cells");
    for number in 0..KEYS + 2 {
        let frame = peer.write(&format!("value {number}"));
        let mut reader = crate::yjs::bytes::Reader::new(&frame[2..]);
        let update = YrsUpdate::decode_v1(reader.block().unwrap()).unwrap();
        doc.transact_mut().apply_update(update).unwrap();
    }
    let transaction = doc.transact();
    let values: Vec<String> = map.iter(&transaction).map(|(_, value)| value.to_string(&transaction)).collect();
    assert_eq!(values.len() as u64, KEYS);
    for (number, there) in [(0, false), (1, false), (2, true), (KEYS + 1, true)] {
        assert_eq!(values.contains(&format!("value {number}")), there, "{number}");
    }
}
