//! One named test for each way in which documents of this design have gone wrong before.

use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::{Path, TextUnit, Value};
use syncline::doc::{Doc, ImportError};
use syncline::link::{Message, Open};
use syncline::replica::{Room, RoomConfig, RoomInput, RoomOutput};
use syncline_tests::rng::Rng;

/// Where the clocks of these tests start.
const NOON: u64 = 1_700_000_000_000;

#[test]
fn a_concurrent_loser_survives_the_removal_of_the_winner() {
    let [mut a, mut b, mut c, mut d] = docs();
    set(&mut a, NOON + 1, "k", 1);
    set(&mut b, NOON + 2, "k", 2);
    pull(&mut c, &a);
    pull(&mut c, &b);
    assert_eq!(c.siblings(&path("k")), [Value::Int(2), Value::Int(1)]);
    // A whole state is joined by another way than a few events.
    let mut joined = Doc::new(ReplicaId::new(NOON, 9));
    for from in [&a, &b] {
        joined.import(&from.export()).expect("a whole state fits");
    }
    assert_eq!(joined.siblings(&path("k")), c.siblings(&path("k")));
    // Whoever has seen the winner only, removes the winner only.
    pull(&mut d, &b);
    delete(&mut d, NOON + 3, "k");
    pull(&mut c, &d);
    assert_eq!(c.get(&path("k")), Some(Value::Int(1)));
    converge(&mut [a, b, c, d]);
}

#[test]
fn a_pruned_delete_still_reaches_those_below_the_floor() {
    let [mut a, mut b, ..] = docs();
    set(&mut a, NOON, "k", 1);
    set(&mut a, NOON, "l", 1);
    pull(&mut b, &a);
    delete(&mut a, NOON + 1, "k");
    let version = a.version();
    assert!(a.prune(&version) > 0);
    set(&mut b, NOON + 2, "mine", 1);
    pull(&mut b, &a);
    assert_eq!(b.keys(&Path::root()), ["l", "mine"]);
    converge(&mut [a, b]);
}

#[test]
fn a_delta_over_a_gap_is_refused_and_changes_nothing() {
    let [mut a, mut b, mut c, _] = docs();
    set(&mut a, NOON, "k", 1);
    pull(&mut b, &a);
    set(&mut a, NOON, "l", 1);
    let delta = a.export_from(&b.version());
    let before = c.save();
    assert!(matches!(c.import(&delta), Err(ImportError::Gap { .. })));
    assert_eq!(c.save(), before);
    pull(&mut c, &a);
    assert!(b.import(&delta).is_ok());
    converge(&mut [a, b, c]);
}

#[test]
fn a_concurrent_delete_record_is_not_dropped_as_covered() {
    let [mut a, mut b, mut c, _] = docs();
    set(&mut b, NOON, "m/k", 1);
    pull(&mut c, &b);
    delete(&mut b, NOON + 1, "m/k");
    // This delete of the whole subtree has not seen m/k.
    set(&mut a, NOON, "m/other", 1);
    delete(&mut a, NOON + 1, "m");
    pull(&mut a, &b);
    pull(&mut c, &a);
    assert_eq!(c.view(&Path::root()), Some(Value::Map(Default::default())));
    converge(&mut [a, b, c]);
}

#[test]
fn two_concurrent_deletes_of_one_key_remove_what_each_saw() {
    let [mut a, mut b, mut c, mut d] = docs();
    set(&mut a, NOON, "k", 1);
    set(&mut b, NOON, "k", 2);
    for doc in [&mut c, &mut d] {
        pull(doc, &a);
        pull(doc, &b);
    }
    delete(&mut a, NOON + 1, "k");
    delete(&mut b, NOON + 1, "k");
    // This one has heard of the first delete already when the second comes by way of `a`.
    pull(&mut d, &a);
    assert_eq!(d.siblings(&path("k")), [Value::Int(2)]);
    pull(&mut a, &b);
    for doc in [&mut c, &mut d] {
        pull(doc, &a);
        assert!(!doc.contains(&path("k")));
    }
    converge(&mut [a, b, c, d]);
}

#[test]
fn time_is_compared_before_the_counter() {
    let [mut a, mut b, ..] = docs();
    for value in 0..5 {
        set(&mut a, NOON + 10, "k", value);
    }
    set(&mut b, NOON + 11, "k", 99);
    pull(&mut a, &b);
    assert_eq!(a.get(&path("k")), Some(Value::Int(99)));
    converge(&mut [a, b]);
}

#[test]
fn a_snapshot_without_delete_records_passes_the_deletes_on() {
    let [mut a, mut b, mut c, _] = docs();
    set(&mut a, NOON, "k", 1);
    set(&mut a, NOON, "l", 1);
    pull(&mut c, &a);
    delete(&mut a, NOON + 1, "k");
    b.import(&a.export()).expect("a snapshot fits everyone");
    pull(&mut c, &b);
    assert_eq!(c.keys(&Path::root()), ["l"]);
    converge(&mut [a, b, c]);
}

#[test]
fn a_snapshot_takes_away_nothing_that_its_sender_had_not_seen() {
    let [mut a, mut b, ..] = docs();
    set(&mut a, NOON, "k", 1);
    set(&mut b, NOON, "mine", 1);
    b.import(&a.export()).expect("a snapshot fits everyone");
    assert_eq!(b.keys(&Path::root()), ["k", "mine"]);
    converge(&mut [a, b]);
}

#[test]
fn a_complete_listing_made_for_another_passes_the_deletes_on_or_is_refused() {
    let [mut a, mut b, mut c, mut x] = docs();
    set(&mut x, NOON, "other", 1);
    delete(&mut x, NOON, "other");
    pull(&mut a, &x);
    set(&mut a, NOON, "z", 1);
    set(&mut a, NOON, "k", 1);
    delete(&mut a, NOON, "z");
    pull(&mut c, &a);
    let pruned = a.version();
    assert!(a.prune(&pruned) > 0);
    delete(&mut a, NOON, "k");
    // Someone who has seen all of `a` but nothing of `x` is below the floor and gets all leaves listed.
    let all_of_a: VersionVector = [(a.id(), a.version().get(&a.id()))].into_iter().collect();
    let misrouted = a.export_from(&all_of_a);
    // Whoever takes it without that past must not claim a delete that it cannot pass on.
    if b.import(&misrouted).is_ok() {
        pull(&mut c, &b);
        assert!(!c.contains(&path("k")));
    }
    converge(&mut [a, b, c, x]);
}

#[test]
fn an_old_blob_does_not_revive_what_was_deleted() {
    let [mut a, mut b, ..] = docs();
    set(&mut a, NOON, "k", 1);
    let old = a.export();
    pull(&mut b, &a);
    delete(&mut b, NOON + 1, "k");
    let version = b.version();
    b.prune(&version);
    b.import(&old).expect("an old snapshot is harmless");
    assert!(!b.contains(&path("k")));
    converge(&mut [a, b]);
}

#[test]
fn a_text_begun_anew_does_not_mix_with_what_others_typed_into_the_old_one() {
    let [mut a, mut b, ..] = docs();
    let note = path("note");
    write(&mut a, NOON, |doc| doc.text_insert(&note, 0, "old", TextUnit::Utf16));
    pull(&mut b, &a);
    write(&mut b, NOON + 1, |doc| doc.text_insert(&note, 3, "er", TextUnit::Utf16));
    delete(&mut a, NOON + 1, "note");
    write(&mut a, NOON + 2, |doc| doc.text_insert(&note, 0, "new", TextUnit::Utf16));
    assert_eq!(a.text(&note), "new");
    pull(&mut b, &a);
    pull(&mut a, &b);
    assert_eq!(a.text(&note), b.text(&note));
    assert!(a.text(&note).contains("new"), "{}", a.text(&note));
    let mut late = Doc::new(ReplicaId::new(NOON, 77));
    pull(&mut late, &b);
    assert_eq!(late.text(&note), a.text(&note));
    converge(&mut [a, b, late]);
}

#[test]
fn concurrent_creation_of_one_container_loses_nothing() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut docs = docs();
        let mut expected = Vec::new();
        for (index, doc) in docs.iter_mut().enumerate() {
            for _ in 0..1 + rng.below(4) {
                let place = format!("users/team{}/m{index}-{}", rng.below(2), rng.below(100));
                if rng.chance(50) {
                    let parent = path(place.rsplit_once('/').expect("two slashes").0);
                    write(doc, NOON + rng.between(0, 3), |doc| doc.create_map(&parent));
                }
                set(doc, NOON + rng.between(0, 3), &place, index as i64);
                expected.push((place, index as i64));
            }
        }
        converge(&mut docs);
        for (place, value) in expected {
            assert_eq!(docs[0].get(&path(&place)), Some(Value::Int(value)), "seed {seed}: {place}");
        }
    }
}

#[test]
fn an_add_wins_against_a_concurrent_remove_in_200_random_trials() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut docs = docs();
        let (tags, red) = (path("tags"), Value::Str("red".into()));
        let start = NOON + rng.between(0, 9);
        write(&mut docs[0], start, |doc| doc.set_add(&tags, red.clone()).map(drop));
        converge(&mut docs);
        let adder = rng.below(4);
        // All others remove it at any time, also once more after adding it again themselves.
        for (index, doc) in docs.iter_mut().enumerate() {
            let now = NOON + rng.between(0, 20);
            if index == adder {
                if rng.chance(50) {
                    write(doc, now, |doc| doc.set_remove(&tags, &red).map(drop));
                }
                write(doc, now, |doc| doc.set_add(&tags, red.clone()).map(drop));
            } else {
                for _ in 0..rng.below(3) {
                    write(doc, now, |doc| doc.set_add(&tags, red.clone()).map(drop));
                }
                write(doc, now, |doc| doc.set_remove(&tags, &red).map(drop));
            }
        }
        for _ in 0..rng.below(6) {
            let (to, from) = (rng.below(4), rng.below(4));
            if to != from {
                let delta = docs[from].export_from(&docs[to].version());
                docs[to].import(&delta).expect("the delta fits");
            }
        }
        converge(&mut docs);
        assert!(docs[0].set_contains(&tags, &red), "seed {seed}");
    }
}

#[test]
fn ten_thousand_deleted_keys_leave_a_snapshot_under_100_bytes() {
    let [mut a, mut b, ..] = docs();
    write(&mut a, NOON, |doc| (0..10_000).try_for_each(|key| doc.set(&path(&format!("m/{key}")), Value::Int(key))));
    pull(&mut b, &a);
    for part in 0..10 {
        let keys = part * 1_000..(part + 1) * 1_000;
        let doc = if part % 2 == 0 { &mut a } else { &mut b };
        write(doc, NOON + 1, |doc| keys.clone().try_for_each(|key| doc.delete(&path(&format!("m/{key}"))).map(drop)));
    }
    pull(&mut a, &b);
    pull(&mut b, &a);
    for doc in [&a, &b] {
        let beyond = doc.export().len() - doc.version().encode().len();
        assert!(beyond < 100, "{beyond} bytes beyond the version vector");
        assert_eq!(doc.len(&path("m")), 0);
    }
    let stable = a.version();
    a.prune(&stable);
    let saved = a.save().len() - a.version().encode().len();
    assert!(saved < 200, "{saved} bytes saved beyond the version vector");
    converge(&mut [a, b]);
}

#[test]
fn a_document_restored_under_a_new_id_mints_no_dot_twice() {
    let [mut a, mut b, ..] = docs();
    set(&mut a, NOON, "k", 1);
    let backup = a.save();
    set(&mut a, NOON, "l", 1);
    pull(&mut b, &a);
    let mut restored = Doc::new(ReplicaId::new(NOON + 5, 9));
    restored.import(&backup).expect("a save loads");
    set(&mut restored, NOON + 6, "l", 2);
    pull(&mut b, &restored);
    pull(&mut restored, &b);
    assert_eq!(b.siblings(&path("l")), [Value::Int(2), Value::Int(1)]);
    converge(&mut [a, b, restored]);
}

#[test]
fn dots_of_one_transaction_are_consecutive_and_one_for_each_write_and_delete() {
    let [mut a, ..] = docs();
    let mut expected = 0;
    type Edit = fn(&mut Doc) -> Result<(), syncline::doc::EditError>;
    let one: [Edit; 6] = [
        |doc| doc.set(&path("k"), Value::Int(1)),
        |doc| doc.set(&path("k"), Value::Int(2)),
        |doc| doc.set_add(&path("s"), Value::Int(1)).map(drop),
        |doc| doc.counter_add(&path("c"), 1),
        |doc| doc.text_insert(&path("t"), 0, "x", TextUnit::Utf16),
        |doc| doc.delete(&path("k")).map(drop),
    ];
    for edit in one {
        a.begin(NOON, None).expect("no transaction is open");
        edit(&mut a).expect("the edit is valid");
        expected += 1;
        assert_eq!(a.commit(), Ok(Some(expected)));
    }
    a.begin(NOON, None).expect("no transaction is open");
    assert_eq!(a.delete(&path("nothing")), Ok(false));
    assert_eq!(a.commit(), Ok(None));
}

#[test]
fn what_is_only_stored_is_not_called_durable_when_it_comes_again() {
    let [mut a, ..] = docs();
    set(&mut a, NOON, "k", 1);
    let mut room = Room::new(RoomConfig { name: "r".into(), alias: 1, id: ReplicaId::new(NOON, 9), next_persist: 1 });
    let open = Open { room: "r".into(), replica: a.id(), version: VersionVector::default() };
    let delta = Message::Delta { alias: 1, body: a.delta_since(&VersionVector::default()).encode() };
    let mut tell = |input| {
        room.handle(input, NOON);
        let outputs = std::iter::from_fn(|| room.poll());
        // An ack is an array of kind 5, room, level (2 for durable) and version.
        outputs
            .filter(|output| matches!(output, RoomOutput::Send { frame, .. } if frame.starts_with(&[0x84, 5, 1, 2])))
            .count()
    };
    assert_eq!(tell(RoomInput::Message { conn: 1, message: Message::Open(open) }), 0);
    assert_eq!(tell(RoomInput::Message { conn: 1, message: delta.clone() }), 0);
    assert_eq!(tell(RoomInput::Stored { upto: 1 }), 0);
    assert_eq!(tell(RoomInput::Message { conn: 1, message: delta.clone() }), 0);
    assert_eq!(tell(RoomInput::Durable { upto: 1 }), 1);
    assert_eq!(tell(RoomInput::Message { conn: 1, message: delta }), 1);
}

#[test]
fn a_client_that_starts_again_before_its_old_connection_is_given_up_is_not_refused_for_good() {
    let [mut before, mut after, ..] = docs();
    let mut room = Room::new(RoomConfig { name: "r".into(), alias: 1, id: ReplicaId::new(NOON, 9), next_persist: 1 });
    let open = |doc: &Doc| Message::Open(Open { room: "r".into(), replica: doc.id(), version: doc.version() });
    room.handle(RoomInput::Message { conn: 1, message: open(&before) }, NOON);
    // Written to the local store, never sent: the page is reloaded, and the relay has not noticed yet.
    set(&mut before, NOON, "k", 1);
    after.import(&before.save()).expect("a save loads");
    let delta = Message::Delta { alias: 1, body: after.delta_since(&VersionVector::default()).encode() };
    room.handle(RoomInput::Message { conn: 2, message: open(&after) }, NOON);
    room.handle(RoomInput::Message { conn: 2, message: delta.clone() }, NOON);
    for output in std::iter::from_fn(|| room.poll()) {
        let stops = matches!(output, RoomOutput::Close { code: 4400..=4499, .. });
        assert!(!stops, "the client is told to stop: {output:?}");
    }
    room.handle(RoomInput::Leave { conn: 1 }, NOON);
    room.handle(RoomInput::Message { conn: 3, message: open(&after) }, NOON);
    room.handle(RoomInput::Message { conn: 3, message: delta }, NOON);
    assert_eq!(room.doc().get(&path("k")), Some(Value::Int(1)));
}

fn docs() -> [Doc; 4] {
    [1, 2, 3, 4].map(|random| Doc::new(ReplicaId::new(NOON, random)))
}

fn path(text: &str) -> Path {
    Path::from_segments(text.split('/'))
}

fn write(doc: &mut Doc, now: u64, edit: impl FnOnce(&mut Doc) -> Result<(), syncline::doc::EditError>) {
    doc.transact(now, None, edit).expect("the edit is valid");
}

fn set(doc: &mut Doc, now: u64, place: &str, value: i64) {
    write(doc, now, |doc| doc.set(&path(place), Value::Int(value)));
}

fn delete(doc: &mut Doc, now: u64, place: &str) {
    write(doc, now, |doc| doc.delete(&path(place)).map(drop));
}

fn pull(to: &mut Doc, from: &Doc) {
    to.import(&from.export_from(&to.version())).expect("a delta from the own version fits");
}

/// Everyone hears from everyone; then all are equal.
fn converge(docs: &mut [Doc]) {
    for _ in 0..2 {
        for to in 0..docs.len() {
            for from in (0..docs.len()).filter(|from| *from != to) {
                let delta = docs[from].export_from(&docs[to].version());
                docs[to].import(&delta).expect("a delta from the own version fits");
            }
        }
    }
    let all: VersionVector = docs[0].version();
    for doc in docs.iter() {
        assert_eq!((doc.version(), doc.digest(), doc.export()), (all.clone(), docs[0].digest(), docs[0].export()));
        assert_eq!(doc.view(&Path::root()), docs[0].view(&Path::root()));
    }
}
