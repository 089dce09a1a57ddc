//! What a relay knows of a document, beside what yrs makes of the same updates; and frames of garbage.

use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, Array, ArrayPrelim, Doc, GetString, Map, MapPrelim, ReadTxn, StateVector, Text, Transact, Update, Xml,
    XmlElementPrelim, XmlFragment,
};

use super::bytes::Reader;
use super::document::{Change, Document, Refused};
use super::message::{Dialect, Message};
use super::{presence, update};

/// A generator of numbers with a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Does something to a document and returns its update.
fn edit(doc: &Doc, random: &mut Random) -> Vec<u8> {
    let (text, map, list, xml) = (
        doc.get_or_insert_text("text"),
        doc.get_or_insert_map("map"),
        doc.get_or_insert_array("list"),
        doc.get_or_insert_xml_fragment("xml"),
    );
    let mut txn = doc.transact_mut();
    let length = text.len(&txn);
    // Positions are bytes in yrs, and it fails inside of a letter, so only letters of one byte are removed.
    match random.below(9) {
        0..=2 => text.insert(&mut txn, length, ["a", "bc", "def", "hello world"][random.below(4)]),
        3 => text.insert(&mut txn, 0, "\u{1f600}é"),
        4 if text.get_string(&txn).bytes().rev().take_while(u8::is_ascii).count() > 8 => {
            text.remove_range(&mut txn, length - 4, 1 + random.below(4) as u32)
        }
        5 => {
            let key = format!("k{}", random.below(4));
            match random.below(4) {
                0 => drop(map.insert(&mut txn, key, MapPrelim::from([("inner", Any::from(7.5))]))),
                1 => drop(map.remove(&mut txn, &key)),
                2 => drop(map.insert(&mut txn, key, Any::Buffer(vec![1, 2, 3].into()))),
                _ => drop(map.insert(&mut txn, key, Any::from(random.below(1000) as i64 - 500))),
            }
        }
        6 => {
            let at = random.below(list.len(&txn) as usize + 1) as u32;
            list.insert_range(
                &mut txn,
                at,
                (0..random.below(5)).map(|n| Any::from(n as f64 / 3.0)).collect::<Vec<_>>(),
            );
            list.push_back(&mut txn, ArrayPrelim::from([Any::Null, Any::Bool(true), Any::String("é".into())]));
        }
        7 if list.len(&txn) > 2 => {
            let at = random.below(list.len(&txn) as usize - 2) as u32;
            list.remove_range(&mut txn, at, 2);
        }
        _ => {
            let element = xml.push_back(&mut txn, XmlElementPrelim::empty("p"));
            element.insert_attribute(&mut txn, "class", "x");
        }
    }
    txn.encode_update_v1()
}

fn apply(doc: &Doc, update: &[u8]) {
    let update = Update::decode_v1(update).expect("yrs reads what the relay writes");
    doc.transact_mut().apply_update(update).expect("yrs applies what the relay writes");
}

/// All that a document shows.
fn shown(doc: &Doc) -> (String, StateVector) {
    doc.get_or_insert_text("text");
    doc.get_or_insert_array("list");
    doc.get_or_insert_xml_fragment("xml");
    let map = doc.get_or_insert_map("map");
    let txn = doc.transact();
    let mut shown: Vec<String> =
        map.iter(&txn).map(|(key, value)| format!("{key}: {}", value.to_string(&txn))).collect();
    shown.extend(
        txn.root_refs()
            .filter(|(name, _)| *name != "map")
            .map(|(name, root)| format!("{name}: {}", root.to_string(&txn))),
    );
    shown.sort();
    (shown.join("\n"), txn.state_vector())
}

fn from(update: &[u8]) -> Doc {
    let doc = Doc::new();
    apply(&doc, update);
    doc
}

/// Edits by several writers, each of whom sees some of the others' updates; all of them in the order in which they were made.
fn history(random: &mut Random, edits: usize) -> Vec<Vec<u8>> {
    let docs: Vec<Doc> = (0..4).map(|id| Doc::with_client_id(1000 + id)).collect();
    let mut seen = [0; 4];
    let mut updates: Vec<Vec<u8>> = Vec::new();
    for _ in 0..edits {
        let writer = random.below(docs.len());
        if random.below(3) == 0 {
            updates[seen[writer]..].iter().for_each(|update| apply(&docs[writer], update));
            seen[writer] = updates.len();
        }
        updates.push(edit(&docs[writer], random));
    }
    updates
}

#[test]
fn what_the_relay_knows_is_what_yrs_makes_of_the_same_updates() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let updates = history(&mut random, 120);
        let expected = from(&yrs::merge_updates_v1(&updates).unwrap());
        updates.iter().for_each(|update| apply(&expected, update));
        let mut document = Document::default();
        // In any order, some twice, some put together, some with parts that are known already.
        let mut order: Vec<usize> = (0..updates.len()).collect();
        (1..order.len()).rev().for_each(|at| order.swap(at, random.below(at + 1)));
        for (at, index) in order.iter().enumerate() {
            let upto = (index + 1 + random.below(3)).min(updates.len());
            let some = yrs::merge_updates_v1(&updates[*index..upto]).unwrap();
            document.merge(if random.below(2) == 0 { &updates[*index] } else { &some }).unwrap();
            if at % 40 == 0 {
                document = document.compacted();
            }
        }
        updates.iter().for_each(|update| drop(document.merge(update).unwrap()));
        assert!(updates.iter().all(|update| document.merge(update) == Ok(Change::Nothing)), "seed {seed}");
        let vector = expected.transact().state_vector().encode_v1();
        assert_eq!(StateVector::decode_v1(&document.vector()).unwrap(), StateVector::decode_v1(&vector).unwrap());
        for document in [&document, &document.compacted()] {
            assert_eq!(shown(&from(&document.snapshot())), shown(&expected), "seed {seed}");
            let mut again = Document::default();
            again.restore(&document.snapshot()).unwrap();
            assert_eq!(again.snapshot(), document.snapshot());
            // Someone who has the beginning gets the rest.
            let behind = Doc::new();
            updates[..60].iter().for_each(|update| apply(&behind, update));
            let had = behind.transact().state_vector().encode_v1();
            apply(&behind, &document.lacking(&had).unwrap());
            assert_eq!(shown(&behind), shown(&expected), "seed {seed}");
        }
        assert!(document.compacted().size() <= document.size());
    }
}

#[test]
fn only_news_is_handed_on() {
    let doc = Doc::with_client_id(5);
    let text = doc.get_or_insert_text("text");
    text.insert(&mut doc.transact_mut(), 0, "hello");
    let first = doc.transact().encode_state_as_update_v1(&StateVector::default());
    text.insert(&mut doc.transact_mut(), 5, " world");
    text.remove_range(&mut doc.transact_mut(), 0, 1);
    let whole = doc.transact().encode_state_as_update_v1(&StateVector::default());
    let mut document = Document::default();
    assert_eq!(document.merge(&first), Ok(Change::All));
    assert_eq!(document.merge(&first), Ok(Change::Nothing));
    assert!(document.has_news(&whole).unwrap());
    let Ok(Change::Part(news)) = document.merge(&whole) else { panic!("a part is news") };
    assert!(news.len() < whole.len());
    let other = from(&first);
    apply(&other, &news);
    assert_eq!(shown(&other), shown(&doc));
    assert!(!document.has_news(&whole).unwrap());
}

#[test]
fn typing_becomes_few_blocks_and_what_is_deleted_is_dropped() {
    let doc = Doc::with_client_id(5);
    let text = doc.get_or_insert_text("text");
    let mut document = Document::default();
    for at in 0..5_000 {
        let mut txn = doc.transact_mut();
        text.insert(&mut txn, at, "x");
        document.merge(&txn.encode_update_v1()).unwrap();
    }
    let compact = document.compacted();
    assert!(compact.size() * 10 < document.size(), "{} of {}", compact.size(), document.size());
    let mut txn = doc.transact_mut();
    text.remove_range(&mut txn, 0, 5_000);
    document.merge(&txn.encode_update_v1()).unwrap();
    assert!(document.compacted().snapshot().len() < 100);
}

#[test]
fn gaps_are_bounded_and_fill_up() {
    let doc = Doc::with_client_id(5);
    let text = doc.get_or_insert_text("text");
    let updates: Vec<Vec<u8>> = (0..20)
        .map(|at| {
            let mut txn = doc.transact_mut();
            text.insert(&mut txn, at, "x");
            txn.encode_update_v1()
        })
        .collect();
    let mut document = Document::default();
    updates.iter().skip(1).step_by(2).for_each(|update| assert_eq!(document.merge(update), Ok(Change::All)));
    assert_eq!(document.vector(), [0]);
    let mut again = Document::default();
    again.restore(&document.snapshot()).unwrap();
    updates.iter().rev().for_each(|update| drop(again.merge(update).unwrap()));
    assert_eq!(shown(&from(&again.snapshot())), shown(&doc));
    // One author, one block at every second clock, none of which can be placed.
    let mut bytes = Vec::new();
    let claims = crate::limits::YJS_GAPS as u64 + 1;
    super::bytes::push_number(&mut bytes, claims);
    for at in 0..claims {
        bytes.extend([1, 9]);
        super::bytes::push_number(&mut bytes, 1 + 2 * at);
        bytes.extend([0, 1]);
    }
    bytes.push(0);
    assert_eq!(document.merge(&bytes), Err(Refused::Gaps));
}

/// Frames as clients send them.
fn honest_frames(random: &mut Random) -> Vec<Vec<u8>> {
    let updates = history(random, 60);
    let doc = from(&yrs::merge_updates_v1(&updates).unwrap());
    let mut frames = vec![super::message::Reply::Vector(&doc.transact().state_vector().encode_v1()).encode(&[])];
    frames.extend(updates.iter().map(|update| super::message::Reply::Update(update).encode(&[])));
    frames.push(super::message::Reply::Presence(b"\x01\x07\x01\x09{\"a\":[1]}").encode(&[]));
    frames.push([&[2, 0, 5][..], b"token", &[3], b"4.0"].concat());
    frames
}

#[test]
fn a_hundred_thousand_changed_frames_harm_nothing() {
    let mut random = Random(1);
    let honest = honest_frames(&mut random);
    let (mut document, mut taken) = (Document::default(), 0);
    for round in 0..100_000 {
        let mut frame = honest[random.below(honest.len())].clone();
        match random.below(4) {
            0 => frame = (0..random.below(64)).map(|_| random.next() as u8).collect(),
            1 => frame.truncate(random.below(frame.len())),
            _ => {
                for _ in 0..=random.below(3) {
                    let at = random.below(frame.len());
                    frame[at] = random.next() as u8;
                }
            }
        }
        for dialect in [Dialect::Sync, Dialect::Hocuspocus] {
            match Message::read(&mut Reader::new(&frame), dialect) {
                Ok(Message::Update(update)) => taken += usize::from(document.merge(update).is_ok()),
                Ok(Message::Vector(vector)) => drop(document.lacking(vector).unwrap()),
                Ok(Message::Presence(update)) => {
                    presence::Presence::default().take(1, std::time::Instant::now(), update)
                }
                _ => {}
            }
        }
        if round % 5_000 == 0 {
            let mut again = Document::default();
            again.restore(&document.snapshot()).unwrap();
            assert_eq!(again.snapshot(), document.snapshot());
            assert_eq!(again.vector(), document.vector());
            assert!(update::check(&document.compacted().snapshot()).is_ok());
        }
    }
    assert!(taken > 1_000, "only {taken} changed updates were taken: the test tests too little");
}
