//! Rounds of retirement and those who come back, by example.

use super::tests::{NOW, World, room};
use super::*;
use crate::clock::{ReplicaId, VersionVector};
use crate::crdt::Path;
use crate::delta::Blob;
use crate::doc::Doc;
use crate::link::{ErrorCode, Message};

fn n() -> Path {
    Path::from_segments(["n"])
}

fn count(world: &mut World, conn: ConnId, amount: i64) {
    world.edit(conn, |doc| doc.counter_add(&n(), amount));
}

/// Runs a round with the one room as its member.
fn retire(world: &mut World, horizon: u64) -> RetireOutput {
    let mut driver = RetireDriver::start([1].into(), horizon, NOW);
    drive(world, &mut driver)
}

fn drive(world: &mut World, driver: &mut RetireDriver) -> RetireOutput {
    for _ in 0..100 {
        while let Some(output) = driver.poll() {
            match output {
                RetireOutput::Send { message, .. } => world.room.handle(RoomInput::Retire(message), NOW),
                over => return over,
            }
        }
        world.run();
        world.fsync();
        std::mem::take(&mut world.answers).into_iter().for_each(|answer| driver.handle(1, answer));
    }
    panic!("the round does not end");
}

fn leave(world: &mut World, conn: ConnId) {
    world.clients.get_mut(&conn).unwrap().0.handle(Input::Online(false), NOW);
    world.room.handle(RoomInput::Leave { conn }, NOW);
}

fn come_back(world: &mut World, conn: ConnId) {
    world.clients.get_mut(&conn).unwrap().0.handle(Input::Online(true), NOW);
    world.connected(conn);
    world.run();
    world.fsync();
}

#[test]
fn those_who_left_are_retired_and_those_who_are_here_go_on() {
    let mut world = World::new(3);
    (1..=3).for_each(|conn| count(&mut world, conn, 1));
    world.run();
    leave(&mut world, 1);
    world.fsync();
    assert_eq!(retire(&mut world, NOW + 1), RetireOutput::Done { horizon: NOW + 1, retired: 1 });
    assert_eq!(world.room.doc().version().len(), 2);
    world.clients.remove(&1);
    world.assert_equal();
    count(&mut world, 2, 10);
    count(&mut world, 3, 100);
    world.run();
    world.fsync();
    world.assert_equal();
    assert_eq!(world.room.doc().counter(&n()), 113);
    assert_eq!((world.replica(2).status().unsaved, world.replica(3).status().state), (0, State::Live));
    // What the store holds is the same room, and it remembers.
    let mut again = room();
    world.stored.iter().for_each(|(_, blob)| again.restore(blob).unwrap());
    assert_eq!(again.doc().export(), world.room.doc().export());
    assert_eq!(again.doc().retired(), world.room.doc().retired());
    let mut compacted = room();
    compacted.restore(&world.room.snapshot()).unwrap();
    assert_eq!(compacted.doc().retired(), world.room.doc().retired());
}

#[test]
fn who_comes_back_after_its_id_was_retired_reissues_what_is_not_known_exactly_once() {
    let mut world = World::new(2);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 1);
    count(&mut world, 1, 10);
    count(&mut world, 1, 100);
    let stored = world.replica(1).doc().save();
    retire(&mut world, NOW + 1);
    come_back(&mut world, 1);
    world.assert_equal();
    assert_eq!(world.room.doc().counter(&n()), 111);
    let renewed =
        |output: &&Output| matches!(output, Output::Renewed { from, taken: 1, .. } if *from == ReplicaId::new(NOW, 1));
    assert_eq!(world.seen[&1].iter().filter(renewed).count(), 1);
    assert_eq!(world.replica(1).status().unsaved, 0);
    count(&mut world, 1, 1_000);
    world.run();
    // The process ended before anything of this was in its store: the next one does it again.
    leave(&mut world, 1);
    world.clients.remove(&1);
    for (conn, horizon) in [(5, NOW + 1), (6, NOW + 40)] {
        if horizon > NOW + 1 {
            retire(&mut world, horizon);
        }
        let mut doc = Doc::new(ReplicaId::new(NOW + 2 + conn, conn.into()));
        doc.import(&stored).unwrap();
        world.join(conn, doc);
        world.fsync();
        world.assert_equal();
        assert_eq!(world.room.doc().counter(&n()), 1_111, "after {conn}");
        assert_eq!(world.replica(conn).status().unsaved, 0);
        leave(&mut world, conn);
        world.clients.remove(&conn);
    }
}

#[test]
fn the_journal_of_a_reissue_makes_the_same_document_without_a_connection() {
    let mut world = World::new(2);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 1);
    count(&mut world, 1, 10);
    retire(&mut world, NOW + 1);
    come_back(&mut world, 1);
    count(&mut world, 1, 100);
    world.run();
    let journal: Vec<&Vec<u8>> = world.seen[&1]
        .iter()
        .filter_map(|output| match output {
            Output::Journal(blob) => Some(blob),
            _ => None,
        })
        .collect();
    // However much of it reached the disk, nothing counts twice.
    for kept in 0..=journal.len() {
        let mut doc = Doc::new(ReplicaId::new(NOW + 60, kept as u128));
        for blob in &journal[..kept] {
            doc.import(blob).unwrap();
        }
        assert!([0, 1, 11, 111].contains(&doc.counter(&n())), "{}", doc.counter(&n()));
        let mut copy = World::new(0);
        copy.room.restore(&world.room.snapshot()).unwrap();
        copy.join(9, doc);
        copy.assert_equal();
        assert_eq!(copy.room.doc().counter(&n()), 111, "{kept} entries");
    }
}

#[test]
fn nobody_who_is_fenced_writes_during_a_round() {
    let mut world = World::new(2);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 1);
    count(&mut world, 1, 10);
    world.fsync();
    world.room.handle(RoomInput::Retire(RetireMessage::Fence { horizon: NOW + 1 }), NOW);
    come_back(&mut world, 1);
    assert_eq!(world.closed.last(), Some(&(1, 1013)));
    assert_eq!(world.room.doc().counter(&n()), 1);
    // A client that carries the fenced one's events does not get them in, either.
    let mut courier = Doc::new(ReplicaId::new(NOW + 5, 9));
    courier.import(&world.replica(1).doc().save()).unwrap();
    world.join(9, courier);
    assert_eq!(world.closed.last(), Some(&(9, 1013)));
    // Given up, the round stands in nobody's way.
    world.room.handle(RoomInput::Retire(RetireMessage::Abort { horizon: NOW + 1 }), NOW);
    leave(&mut world, 1);
    come_back(&mut world, 1);
    assert_eq!(world.room.doc().counter(&n()), 11);
    // And its horizon is not used again.
    world.answers.clear();
    world.room.handle(RoomInput::Retire(RetireMessage::Fence { horizon: NOW + 1 }), NOW);
    world.run();
    assert_eq!(world.answers, [RetireMessage::Refused { horizon: NOW + 1, bound: 0 }]);
}

#[test]
fn nothing_is_promised_before_it_is_on_the_disk() {
    let mut world = World::new(1);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 1);
    world.fsync();
    let mut driver = RetireDriver::start([1].into(), NOW + 1, NOW);
    let mut last = None;
    for answers in [1, 0] {
        while let Some(RetireOutput::Send { message, .. }) = driver.poll() {
            world.room.handle(RoomInput::Retire(message.clone()), NOW);
            last = Some(message);
        }
        world.run();
        assert_eq!(world.answers.len(), answers);
        std::mem::take(&mut world.answers).into_iter().for_each(|answer| driver.handle(1, answer));
    }
    // Neither is it when the driver asks again, because it has heard nothing.
    world.room.handle(RoomInput::Retire(last.unwrap()), NOW);
    world.run();
    assert_eq!(world.answers, []);
    world.fsync();
    assert_eq!(world.answers, [RetireMessage::Settled { horizon: NOW + 1 }]);
}

/// A room that has promised to retire ids at [`NOW`] + 1, on the disk.
fn bound() -> World {
    let mut world = World::new(1);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 1);
    world.fsync();
    let mut driver = RetireDriver::start([1].into(), NOW + 1, NOW);
    while world.answers.iter().all(|answer| !matches!(answer, RetireMessage::Settled { .. })) {
        while let Some(RetireOutput::Send { message, .. }) = driver.poll() {
            world.room.handle(RoomInput::Retire(message), NOW);
        }
        world.run();
        world.fsync();
        world.answers.iter().cloned().for_each(|answer| driver.handle(1, answer));
    }
    world
}

#[test]
fn a_promise_survives_a_restart_and_binds() {
    let mut world = bound();
    for snapshot in [false, true] {
        let mut again = room();
        match snapshot {
            true => again.restore(&world.room.snapshot()).unwrap(),
            false => world.stored.iter().for_each(|(_, blob)| again.restore(blob).unwrap()),
        }
        let mut next = World::new(0);
        next.room = again;
        count(&mut world, 1, 10);
        let mut courier = Doc::new(ReplicaId::new(NOW + 5, 9));
        courier.import(&world.replica(1).doc().save()).unwrap();
        next.join(9, courier);
        assert_eq!(next.closed, [(9, 1013)]);
        next.room.handle(RoomInput::Retire(RetireMessage::Fence { horizon: NOW + 2 }), NOW);
        next.run();
        assert_eq!(next.answers, [RetireMessage::Refused { horizon: NOW + 2, bound: NOW + 1 }]);
        next.answers.clear();
        let mut driver = RetireDriver::recover([1].into(), NOW + 1, NOW);
        assert!(matches!(drive(&mut next, &mut driver), RetireOutput::Failed { .. }));
        next.run();
        assert!(matches!(retire(&mut next, NOW + 3), RetireOutput::Done { .. }));
    }
}

#[test]
fn a_round_that_another_member_told_of_is_over_also_after_a_restart() {
    let mut world = bound();
    let round = world.stored.iter().find_map(|(_, blob)| match Blob::decode(blob) {
        Ok(Blob::Round(round)) => Some(round),
        _ => None,
    });
    let mut member = Doc::new(ReplicaId::new(NOW + 2, 9));
    member.import(&world.room.snapshot()).unwrap();
    member.retire(&round.unwrap()).unwrap();
    let body = member.delta_for_member(&world.room.doc().version()).encode();
    world.room.handle(RoomInput::MemberDelta { body }, NOW);
    world.run();
    world.fsync();
    assert_eq!(world.room.doc().horizon(), NOW + 1);
    for restarted in [false, true] {
        if restarted {
            world.room = room();
            world.stored.iter().for_each(|(_, blob)| world.room.restore(blob).unwrap());
        }
        world.answers.clear();
        let horizon = NOW + 5 + u64::from(restarted);
        world.room.handle(RoomInput::Retire(RetireMessage::Fence { horizon }), NOW);
        world.run();
        assert!(matches!(&world.answers[..], [RetireMessage::Fenced { .. }]), "{:?}", world.answers);
    }
}

#[test]
fn a_reader_who_never_wrote_keeps_reading_and_may_write_later() {
    let mut world = World::new(2);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 2);
    retire(&mut world, NOW + 1);
    come_back(&mut world, 2);
    count(&mut world, 2, 10);
    count(&mut world, 1, 100);
    world.run();
    world.assert_equal();
    assert_eq!(world.room.doc().counter(&n()), 111);
    assert!(world.replica(2).doc().id().birth_ms() > NOW);
}

#[test]
fn a_copy_of_a_replica_that_wakes_up_reissues_what_only_it_has() {
    let mut world = World::new(1);
    count(&mut world, 1, 1);
    world.run();
    leave(&mut world, 1);
    count(&mut world, 1, 10);
    // The machine is copied here; both copies have an event that is not sent yet, and go on by themselves.
    let mut copy = Doc::new(ReplicaId::new(NOW, 1));
    copy.import(&world.replica(1).doc().save()).unwrap();
    let sure = world.replica(1).acked(AckLevel::Accepted);
    come_back(&mut world, 1);
    (0..5).for_each(|_| count(&mut world, 1, 100));
    world.run();
    leave(&mut world, 1);
    world.clients.remove(&1);
    for _ in 0..2 {
        copy.transact(NOW + 9, None, |doc| doc.counter_add(&n(), 1_000)).unwrap();
    }
    assert_eq!((sure, copy.last_seq(), world.room.doc().version().get(&copy.id())), (1, 4, 7));
    world.join(7, copy);
    world.run();
    world.fsync();
    world.assert_equal();
    assert_eq!(world.room.doc().counter(&n()), 2_511);
    assert_ne!(world.replica(7).doc().id(), ReplicaId::new(NOW, 1));
    assert_eq!((world.replica(7).status().state, world.replica(7).status().unsaved), (State::Live, 0));
}

#[test]
fn opening_a_room_with_many_writers_takes_at_most_512_bytes_each_way() {
    let mut world = World::new(0);
    for conn in 1..=62 {
        let id = ReplicaId::new(
            NOW + conn * 1_000,
            u128::from(conn).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        );
        world.join(conn, Doc::new(id));
        count(&mut world, conn, conn as i64);
        world.run();
    }
    world.fsync();
    assert_eq!(world.room.doc().version().len(), 62);
    leave(&mut world, 1);
    world.traffic = [0, 0];
    come_back(&mut world, 1);
    assert!(world.traffic[0] <= 512 && world.traffic[1] <= 512, "{:?}", world.traffic);
    world.assert_equal();
    // What changed in between comes as a delta, which names all writers.
    leave(&mut world, 1);
    count(&mut world, 2, 1);
    world.run();
    world.traffic = [0, 0];
    come_back(&mut world, 1);
    assert!(world.traffic[0] <= 512 && world.traffic[1] <= 900, "{:?}", world.traffic);
    world.assert_equal();
}

#[test]
fn a_client_cannot_invent_a_horizon_or_have_a_retired_event_acknowledged() {
    let mut world = World::new(2);
    count(&mut world, 2, 1);
    world.run();
    leave(&mut world, 2);
    retire(&mut world, NOW + 1);
    let mut version = VersionVector::default();
    version.set_horizon(NOW + 1_000_000);
    let body = crate::delta::Delta { complete: true, version, ..Default::default() }.encode();
    world.room.handle(RoomInput::Message { conn: 1, message: Message::Delta { alias: 7, body } }, NOW);
    world.run();
    assert_eq!(world.closed, [(1, 4400)]);
    // Events of a retired id beyond what was agreed on are not taken for known: who has them opens the room again.
    world.join(3, Doc::new(ReplicaId::new(NOW + 9, 3)));
    let version = [(ReplicaId::new(NOW, 2), 2)].into_iter().collect();
    let body = crate::delta::Delta { version, ..Default::default() }.encode();
    let before = world.seen.get(&3).map_or(0, Vec::len);
    world.room.handle(RoomInput::Message { conn: 3, message: Message::Delta { alias: 7, body } }, NOW);
    world.run();
    let again = |output: &Output| matches!(output, Output::Status(status) if status.state == State::Syncing);
    assert!(world.seen[&3].iter().skip(before).any(again));
    assert!(
        !world.seen[&3].iter().any(|output| matches!(output, Output::Error(error) if error.code == ErrorCode::Damaged))
    );
}
