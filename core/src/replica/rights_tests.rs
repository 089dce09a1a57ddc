//! What connections with fewer rights can and cannot do, by example.

use super::tests::{NOW, World};
use super::*;
use crate::clock::ReplicaId;
use crate::crdt::{Path, Value};
use crate::doc::Doc;
use crate::link::{ErrorCode, Message, RemoteError};

const LIMITED: ConnId = 9;

/// Two who may write everywhere, and one with rights of its own.
fn world(rights: Rights, doc: Doc) -> World {
    let mut world = World::new(2);
    world.set(1, "mine/a", 1);
    world.set(1, "other/a", 1);
    world.run();
    world.room.handle(RoomInput::Rights { conn: LIMITED, rights }, NOW);
    world.join(LIMITED, doc);
    world
}

fn doc() -> Doc {
    Doc::new(ReplicaId::new(NOW, LIMITED.into()))
}

fn mine() -> Rights {
    Rights::Paths(vec![path("mine")])
}

fn path(at: &str) -> Path {
    Path::from_segments(at.split('/'))
}

fn at(world: &World, at: &str) -> [Option<Value>; 2] {
    [world.room.doc().get(&path(at)), world.replica(1).doc().get(&path(at))]
}

fn write(world: &mut World, at: &str) {
    world.set(LIMITED, at, 5);
    world.run();
}

fn refusals(world: &World) -> Vec<RemoteError> {
    let errors = world.seen.get(&LIMITED).into_iter().flatten().filter_map(|output| match output {
        Output::Error(error) => Some(error.clone()),
        _ => None,
    });
    errors.inspect(|error| assert_eq!(error.code, ErrorCode::Forbidden, "{error}")).collect()
}

fn seen_by_nobody(world: &World, keys: &[&str]) {
    keys.iter().for_each(|key| assert_eq!(at(world, key), [None, None], "{key}"));
    let mut restored = super::tests::room();
    world.stored.iter().for_each(|(_, blob)| restored.restore(blob).unwrap());
    keys.iter().for_each(|key| assert_eq!(restored.doc().get(&path(key)), None, "{key}"));
    assert_eq!(world.room.doc().version().get(&world.replica(LIMITED).doc().id()), 0);
    assert!(world.closed.is_empty(), "{:?}", world.closed);
}

#[test]
fn a_reader_gets_everything_and_its_writes_reach_nobody() {
    let mut world = world(Rights::Read, doc());
    world.set(1, "later", 2);
    world.run();
    assert_eq!(world.replica(LIMITED).doc().digest(), world.room.doc().digest());
    write(&mut world, "x");
    write(&mut world, "y");
    assert_eq!(refusals(&world).len(), 2);
    seen_by_nobody(&world, &["x", "y"]);
    assert_eq!(world.replica(LIMITED).status().unsaved, 2);
    world.set(2, "z", 3);
    world.run();
    assert_eq!(world.replica(LIMITED).doc().get(&path("z")), Some(Value::Int(3)));
}

#[test]
fn a_reader_tells_its_presence() {
    let mut world = world(Rights::Read, doc());
    let name = Value::Str("reader".into());
    world.clients.get_mut(&LIMITED).unwrap().0.handle(Input::Presence(Some(&name)), NOW);
    world.run();
    assert_eq!(world.replica(1).presence(), [(ReplicaId::new(NOW, LIMITED.into()), name)]);
    assert!(refusals(&world).is_empty());
}

#[test]
fn what_a_reader_wrote_offline_is_refused_once() {
    let mut doc = doc();
    doc.transact(NOW, None, |doc| doc.set(&path("x"), Value::Int(1))).unwrap();
    let world = world(Rights::Read, doc);
    assert_eq!(refusals(&world).len(), 1);
    seen_by_nobody(&world, &["x"]);
}

#[test]
fn writes_below_the_paths_are_taken_live_and_from_offline() {
    let mut doc = doc();
    doc.transact(NOW, None, |doc| doc.set(&path("mine/offline"), Value::Int(5))).unwrap();
    let mut world = world(mine(), doc);
    write(&mut world, "mine/deep/er");
    world.edit(LIMITED, |doc| doc.delete(&path("mine/a")).map(drop));
    world.run();
    assert_eq!(at(&world, "mine/a"), [None, None]);
    for key in ["mine/offline", "mine/deep/er"] {
        assert_eq!(at(&world, key), [Some(Value::Int(5)), Some(Value::Int(5))]);
    }
    assert!(refusals(&world).is_empty());
    world.fsync();
    world.assert_equal();
    assert_eq!(world.replica(LIMITED).status().unsaved, 0);
}

#[test]
fn a_write_elsewhere_and_all_behind_it_are_refused() {
    for forbidden in ["other/x", "mine2", "minefield/x"] {
        let mut world = world(mine(), doc());
        write(&mut world, forbidden);
        write(&mut world, "mine/after");
        assert_eq!(refusals(&world).len(), 2, "{forbidden}");
        seen_by_nobody(&world, &[forbidden, "mine/after"]);
    }
}

#[test]
fn deletes_reach_no_further_than_the_paths() {
    for whole in [Path::root(), path("other")] {
        let mut world = world(mine(), doc());
        world.edit(LIMITED, |doc| doc.delete(&whole).map(drop));
        world.run();
        assert_eq!(refusals(&world).len(), 1);
        assert_eq!(at(&world, "other/a"), [Some(Value::Int(1)), Some(Value::Int(1))]);
    }
}

#[test]
fn a_state_that_would_replace_the_rooms_is_refused() {
    let mut world = world(mine(), doc());
    let mut other = Doc::new(ReplicaId::new(NOW, LIMITED.into()));
    other.transact(NOW, None, |doc| doc.set(&path("mine/b"), Value::Int(1))).unwrap();
    let mut delta = other.delta_since(&Default::default());
    delta.complete = true;
    delta.version.join(&world.room.doc().version());
    let message = Message::Delta { alias: 7, body: delta.encode() };
    world.room.handle(RoomInput::Message { conn: LIMITED, message }, NOW);
    world.run();
    assert_eq!(refusals(&world).len(), 1);
    assert_eq!(at(&world, "other/a"), [Some(Value::Int(1)), Some(Value::Int(1))]);
}

#[test]
fn wider_rights_bring_what_was_refused() {
    for narrow in [Rights::Read, mine()] {
        let mut world = world(narrow, doc());
        write(&mut world, "other/x");
        write(&mut world, "mine/y");
        world.room.handle(RoomInput::Rights { conn: LIMITED, rights: Rights::Write }, NOW);
        world.run();
        world.fsync();
        world.assert_equal();
        assert_eq!(at(&world, "other/x"), [Some(Value::Int(5)), Some(Value::Int(5))]);
        assert_eq!(world.replica(LIMITED).status().unsaved, 0);
    }
}

#[test]
fn narrower_rights_hold_at_once() {
    let mut world = world(Rights::Write, doc());
    world.room.handle(RoomInput::Rights { conn: LIMITED, rights: Rights::Read }, NOW);
    write(&mut world, "x");
    assert_eq!(refusals(&world).len(), 1);
    seen_by_nobody(&world, &["x"]);
}

#[test]
fn deletes_made_offline_reach_no_further_than_the_paths() {
    for (whole, taken) in [("other", false), ("mine", true)] {
        let mut world = world(mine(), doc());
        world.room.handle(RoomInput::Leave { conn: LIMITED }, NOW);
        world.clients.get_mut(&LIMITED).unwrap().0.handle(Input::Online(false), NOW);
        world.edit(LIMITED, |doc| doc.delete(&path(whole)).map(drop));
        world.run();
        world.room.handle(RoomInput::Rights { conn: LIMITED, rights: mine() }, NOW);
        world.clients.get_mut(&LIMITED).unwrap().0.handle(Input::Online(true), NOW);
        world.connected(LIMITED);
        world.run();
        assert_eq!(refusals(&world).is_empty(), taken, "{whole}");
        assert_eq!(
            at(&world, &format!("{whole}/a")),
            if taken { [None, None] } else { [Some(Value::Int(1)), Some(Value::Int(1))] }
        );
    }
}

#[test]
fn a_full_room_takes_what_deletes_and_asks_again_when_there_is_room() {
    let mut world = World::new(2);
    world.set(1, "a", 1);
    world.set(1, "b", 1);
    world.run();
    world.room.handle(RoomInput::Space(Some(Space { left: 0, reason: "full".into() })), NOW);
    world.set(1, "c", 2);
    world.set(1, "d", 3);
    world.run();
    let refused = |world: &World| {
        let quota = |output: &&Output| matches!(output, Output::Error(error) if error.code == ErrorCode::Quota);
        world.seen.get(&1).into_iter().flatten().filter(quota).count()
    };
    assert_eq!((refused(&world), world.room.doc().get(&path("c"))), (1, None));
    world.edit(2, |doc| doc.delete(&path("a")).map(drop));
    world.run();
    assert_eq!(at(&world, "a"), [None, None]);
    world.room.handle(RoomInput::Space(Some(Space { left: 1 << 20, reason: "full".into() })), NOW);
    world.run();
    world.fsync();
    world.assert_equal();
    assert_eq!(at(&world, "d"), [Some(Value::Int(3)), Some(Value::Int(3))]);
    assert_eq!((world.replica(1).status().unsaved, world.replica(2).doc().get(&path("c"))), (0, Some(Value::Int(2))));
    assert!(world.closed.is_empty(), "{:?}", world.closed);
}

#[test]
fn who_comes_with_nothing_is_sent_the_room_as_it_is_now() {
    let mut world = World::new(1);
    for number in 0..3 {
        world.set(1, "a", number);
        world.run();
        // Twice the same room, and then another one.
        world.join(10 + 2 * number as ConnId, Doc::new(ReplicaId::new(NOW, 50 + 2 * number as u128)));
        world.join(11 + 2 * number as ConnId, Doc::new(ReplicaId::new(NOW, 51 + 2 * number as u128)));
        world.run();
        for conn in [10 + 2 * number as ConnId, 11 + 2 * number as ConnId] {
            assert_eq!(world.replica(conn).doc().digest(), world.room.doc().digest());
        }
    }
}
