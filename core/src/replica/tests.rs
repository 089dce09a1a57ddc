//! Clients and a room, by example. The simulator in the workspace's tests drives them through faults.

use super::*;
use crate::clock::ReplicaId;
use crate::crdt::{Path, Value};
use crate::doc::{Doc, EditError};
use crate::link::{ErrorCode, Link, LinkConfig, Message};
use crate::reconcile::Session;
use std::collections::BTreeMap;

pub(super) const NOW: u64 = 1_700_000_000_000;

/// A relay with one room and clients on perfect connections; the store answers when told to.
pub(super) struct World {
    pub(super) room: Room,
    pub(super) clients: BTreeMap<ConnId, (Replica, Link)>,
    pub(super) stored: Vec<(u64, Vec<u8>)>,
    pub(super) seen: BTreeMap<ConnId, Vec<Output>>,
    pub(super) answers: Vec<RetireMessage>,
    /// Bytes from clients and to clients.
    pub(super) traffic: [usize; 2],
    pub(super) closed: Vec<(ConnId, u16)>,
    largest_live: usize,
}

pub(super) fn room() -> Room {
    Room::new(RoomConfig { name: "r".into(), alias: 7, id: ReplicaId::new(NOW, 99), next_persist: 1 })
}

impl World {
    pub(super) fn new(clients: u64) -> World {
        let mut world = World {
            room: room(),
            clients: BTreeMap::new(),
            stored: Vec::new(),
            seen: BTreeMap::new(),
            answers: Vec::new(),
            traffic: [0, 0],
            closed: Vec::new(),
            largest_live: 0,
        };
        (1..=clients).for_each(|conn| world.join(conn, Doc::new(ReplicaId::new(NOW, conn.into()))));
        world
    }

    pub(super) fn join(&mut self, conn: ConnId, doc: Doc) {
        let config = ReplicaConfig { room: "r".into(), agent: "test".into(), token: None, seed: conn };
        let mut replica = Replica::new(config, doc);
        replica.journaling(true);
        replica.handle(Input::Online(true), NOW);
        let relay = LinkConfig { agent: "relay".into(), token: None };
        self.clients.insert(conn, (replica, Link::relay(relay, NOW)));
        self.connected(conn);
        self.run();
    }

    pub(super) fn connected(&mut self, conn: ConnId) {
        let (replica, link) = self.clients.get_mut(&conn).unwrap();
        *link = Link::relay(LinkConfig { agent: "relay".into(), token: None }, NOW);
        while replica.poll(NOW) != Output::Connect {}
        replica.handle(Input::Connected, NOW);
    }

    pub(super) fn edit(&mut self, conn: ConnId, edit: impl FnOnce(&mut Doc) -> Result<(), EditError>) {
        self.clients.get_mut(&conn).unwrap().0.doc_mut().transact(NOW + 5, None, edit).unwrap();
    }

    pub(super) fn set(&mut self, conn: ConnId, at: &str, value: i64) {
        self.edit(conn, |doc| doc.set(&Path::from_segments(at.split('/')), Value::Int(value)));
    }

    pub(super) fn replica(&self, conn: ConnId) -> &Replica {
        &self.clients[&conn].0
    }

    /// Runs until nobody has anything to say.
    pub(super) fn run(&mut self) {
        loop {
            let mut busy = false;
            let conns: Vec<ConnId> = self.clients.keys().copied().collect();
            for conn in conns {
                busy |= self.run_client(conn);
            }
            let outputs: Vec<RoomOutput> = std::iter::from_fn(|| self.room.poll()).collect();
            busy |= !outputs.is_empty();
            outputs.into_iter().for_each(|output| self.perform(output));
            if !busy {
                return;
            }
        }
    }

    fn run_client(&mut self, conn: ConnId) -> bool {
        let mut busy = false;
        let (replica, link) = self.clients.get_mut(&conn).unwrap();
        loop {
            match replica.poll(NOW) {
                Output::Idle(_) => return busy,
                Output::Send(frame) => {
                    self.traffic[0] += frame.len();
                    if frame[0] == 1 {
                        self.largest_live = self.largest_live.max(frame.len());
                    }
                    if let Ok(Some(message)) = link.handle_frame(&frame, NOW)
                        && !matches!(message, Message::Hello(_))
                    {
                        self.room.handle(RoomInput::Message { conn, message }, NOW);
                    }
                    while let Some(frame) = link.poll_frame() {
                        replica.handle(Input::Frame(&frame), NOW);
                    }
                }
                other => self.seen.entry(conn).or_default().push(other),
            }
            busy = true;
        }
    }

    fn perform(&mut self, output: RoomOutput) {
        match output {
            RoomOutput::Send { conn, frame, .. } => self.deliver(conn, &frame),
            RoomOutput::Broadcast { except, frame, .. } => {
                let conns: Vec<ConnId> = self
                    .clients
                    .keys()
                    .copied()
                    .filter(|&conn| Some(conn) != except && self.room.is_joined(conn))
                    .collect();
                conns.into_iter().for_each(|conn| self.deliver(conn, &frame));
            }
            RoomOutput::Persist { id, blob } => self.stored.push((id, blob)),
            RoomOutput::Retire(message) => self.answers.push(message),
            RoomOutput::Close { conn, code, .. } => {
                self.closed.push((conn, code));
                if let Some((replica, _)) = self.clients.get_mut(&conn) {
                    replica.handle(Input::Disconnected { code }, NOW);
                }
            }
        }
    }

    fn deliver(&mut self, conn: ConnId, frame: &[u8]) {
        self.traffic[1] += frame.len();
        if let Some((replica, _)) = self.clients.get_mut(&conn) {
            replica.handle(Input::Frame(frame), NOW);
        }
    }

    pub(super) fn fsync(&mut self) {
        let upto = self.stored.last().map_or(0, |(id, _)| *id);
        self.room.handle(RoomInput::Durable { upto }, NOW);
        self.run();
    }

    pub(super) fn assert_equal(&self) {
        for (replica, _) in self.clients.values() {
            assert_eq!(
                (replica.doc().version(), replica.doc().digest()),
                (self.room.doc().version(), self.room.doc().digest())
            );
            replica.doc().check().unwrap();
        }
        self.room.doc().check().unwrap();
    }
}

#[test]
fn writes_reach_everyone_and_durable_acks_wait_for_the_disk() {
    let mut world = World::new(3);
    world.set(1, "a/b", 1);
    world.set(2, "a/c", 2);
    world.run();
    world.assert_equal();
    assert_eq!((world.replica(1).acked(AckLevel::Accepted), world.replica(1).acked(AckLevel::Durable)), (1, 0));
    assert_eq!(world.replica(1).status().unsaved, 1);
    world.fsync();
    assert_eq!((world.replica(1).acked(AckLevel::Durable), world.replica(1).status().unsaved), (1, 0));
    assert_eq!(world.replica(3).status().unsaved, 0);
}

#[test]
fn a_live_frame_for_one_new_key_takes_at_most_twenty_bytes() {
    let mut world = World::new(2);
    world.set(1, "0123456789", 1);
    world.run();
    world
        .clients
        .get_mut(&1)
        .unwrap()
        .0
        .doc_mut()
        .transact(NOW + 250_000, None, |doc| doc.set(&Path::from_segments(["abcdefghij"]), Value::Int(7)))
        .unwrap();
    world.run();
    assert!(world.largest_live <= 20, "{} bytes", world.largest_live);
}

#[test]
fn a_restored_room_answers_with_what_was_persisted() {
    let mut world = World::new(2);
    (0..50).for_each(|i| world.set(1 + i % 2, &format!("k/{i}"), i as i64));
    world.run();
    world.edit(1, |doc| doc.delete(&Path::from_segments(["k", "7"])).map(drop));
    world.run();
    let mut again = Room::new(RoomConfig {
        next_persist: world.room.last_persist() + 1,
        ..RoomConfig { name: "r".into(), alias: 1, id: ReplicaId::new(NOW, 98), next_persist: 0 }
    });
    world.stored.iter().for_each(|(_, blob)| again.restore(blob).unwrap());
    assert_eq!((again.doc().version(), again.doc().digest()), (world.room.doc().version(), world.room.doc().digest()));
}

#[test]
fn edits_made_offline_arrive_once_after_reconnecting() {
    let mut world = World::new(2);
    world.set(1, "x", 1);
    world.run();
    world.clients.get_mut(&1).unwrap().0.handle(Input::Online(false), NOW);
    world.room.handle(RoomInput::Leave { conn: 1 }, NOW);
    world.set(1, "x", 2);
    world.edit(1, |doc| doc.counter_add(&Path::from_segments(["n"]), 5));
    world.set(2, "y", 3);
    world.run();
    assert_eq!(world.replica(1).status().unsaved, 3);
    world.clients.get_mut(&1).unwrap().0.handle(Input::Online(true), NOW);
    world.connected(1);
    world.run();
    world.fsync();
    world.assert_equal();
    assert_eq!(world.replica(2).doc().counter(&Path::from_segments(["n"])), 5);
    assert_eq!(world.replica(1).status().unsaved, 0);
}

#[test]
fn a_relay_that_lost_its_memory_is_told_again() {
    let mut world = World::new(2);
    world.set(1, "x", 1);
    world.set(2, "y", 2);
    world.run();
    world.room = room();
    for conn in [1, 2] {
        world.clients.get_mut(&conn).unwrap().0.handle(Input::Disconnected { code: 1006 }, NOW);
        let retry = world.replica(conn).status().retry_at.unwrap();
        world.clients.get_mut(&conn).unwrap().0.handle(Input::Tick, retry);
        world.connected(conn);
    }
    world.run();
    world.assert_equal();
    assert_eq!(world.room.doc().len(&Path::root()), 2);
}

#[test]
fn the_journal_makes_the_document_again() {
    let mut world = World::new(2);
    (0..20).for_each(|i| world.set(1 + i % 2, &format!("k{}", i % 7), i as i64));
    world.run();
    let mut copy = Doc::new(ReplicaId::new(NOW, 50));
    for output in &world.seen[&1] {
        if let Output::Journal(blob) = output {
            copy.import(blob).unwrap();
        }
    }
    assert_eq!((copy.version(), copy.digest()), (world.replica(1).doc().version(), world.replica(1).doc().digest()));
}

#[test]
fn presence_comes_and_goes() {
    let mut world = World::new(2);
    world.clients.get_mut(&1).unwrap().0.handle(Input::Presence(Some(&"ada".into())), NOW);
    world.run();
    assert_eq!(world.replica(2).presence(), [(ReplicaId::new(NOW, 1), Value::from("ada"))]);
    world.room.handle(RoomInput::Leave { conn: 1 }, NOW);
    world.clients.get_mut(&1).unwrap().0.handle(Input::Online(false), NOW);
    world.run();
    assert!(world.replica(2).presence().is_empty());
}

#[test]
fn a_clock_far_ahead_is_refused_and_harms_nobody() {
    let mut world = World::new(2);
    world
        .clients
        .get_mut(&1)
        .unwrap()
        .0
        .doc_mut()
        .transact(NOW + 100_000_000, None, |doc| doc.set(&Path::from_segments(["x"]), Value::Int(1)))
        .unwrap();
    world.set(2, "y", 1);
    world.run();
    assert!(
        world.seen[&1]
            .iter()
            .any(|output| matches!(output, Output::Error(error) if error.code == ErrorCode::ClockSkew))
    );
    assert_eq!((world.replica(1).status().state, world.replica(1).status().unsaved), (State::Stopped, 1));
    assert_eq!(world.room.doc().keys(&Path::root()), ["y"]);
}

#[test]
fn a_client_that_writes_under_anothers_name_is_closed() {
    let mut world = World::new(2);
    let mut stream = crate::delta::LiveEncoder::default();
    let batch = crate::delta::Batch {
        writer: ReplicaId::new(NOW, 2),
        first: 1,
        hlc: Default::default(),
        ops: vec![crate::delta::Op {
            key: crate::crdt::Key::new(&Path::from_segments(["x"]), crate::crdt::Kind::REGISTER),
            payload: Some(crate::bytes::SmallBytes::new(&[1])),
            removes: vec![],
        }],
    };
    let frame = stream.encode(&batch);
    let body = stream.take_announcement().unwrap();
    world.room.handle(RoomInput::Message { conn: 1, message: Message::Announce { alias: 7, body } }, NOW);
    world.room.handle(RoomInput::Message { conn: 1, message: Message::Live { alias: 7, frames: vec![frame] } }, NOW);
    world.run();
    assert_eq!(world.closed, [(1, 4400)]);
    assert!(world.room.doc().is_empty());
}

#[test]
fn a_failed_store_refuses_writes_for_now() {
    let mut world = World::new(1);
    world.room.handle(RoomInput::StoreFailed { reason: "the disk is full".into() }, NOW);
    world.set(1, "x", 1);
    world.run();
    assert_eq!(world.closed, [(1, 1013)]);
    let status = world.replica(1).status();
    assert!(status.retry_at.is_some() && status.unsaved == 1 && status.state == State::Connecting);
}

#[test]
fn many_transactions_in_one_turn_share_a_frame() {
    let mut world = World::new(2);
    let replica = &mut world.clients.get_mut(&1).unwrap().0;
    for i in 0..100 {
        replica
            .doc_mut()
            .transact(NOW + i, None, |doc| doc.set(&Path::from_segments([format!("k{i}")]), Value::Int(1)))
            .unwrap();
    }
    let frames = std::iter::from_fn(|| match replica.poll(NOW) {
        Output::Idle(_) => None,
        other => Some(other),
    });
    assert!(frames.filter(|output| matches!(output, Output::Send(_))).count() <= 2);
}

#[test]
fn a_delta_that_claims_events_of_a_writer_who_is_here_is_refused() {
    let mut world = World::new(2);
    let version = [(ReplicaId::new(NOW, 2), 1_000)].into_iter().collect();
    let body = crate::delta::Delta { version, ..Default::default() }.encode();
    world.room.handle(RoomInput::Message { conn: 1, message: Message::Delta { alias: 7, body } }, NOW);
    world.set(2, "x", 1);
    world.run();
    assert_eq!(world.closed, [(1, 1013)]);
    assert_eq!(world.room.doc().keys(&Path::root()), ["x"]);
}

#[test]
fn more_than_the_outbox_holds_goes_out_as_one_delta() {
    let mut world = World::new(2);
    world.set(1, "first", 1);
    world.run();
    for i in 0..20_000 {
        world.set(1, &format!("k/{}", i % 5_000), i);
    }
    world.set(2, "other", 1);
    world.run();
    world.set(1, "last", 1);
    world.run();
    world.fsync();
    world.assert_equal();
    assert_eq!((world.room.doc().len(&Path::from_segments(["k"])), world.replica(1).status().unsaved), (5_000, 0));
}

#[test]
fn what_a_reconciliation_drops_and_brings_reaches_the_relay_and_the_journal() {
    let mut world = World::new(2);
    ["a", "b"].iter().for_each(|key| world.set(1, key, 1));
    world.run();
    world.fsync();
    let (gone, new) = (Path::from_segments(["a"]), Path::from_segments(["c"]));
    let mut peer = Doc::new(ReplicaId::new(NOW, 50));
    peer.import(&world.replica(1).doc().export()).unwrap();
    peer.transact(NOW + 6, None, |doc| doc.delete(&gone)).unwrap();
    peer.transact(NOW + 6, None, |doc| doc.set(&new, Value::Int(2))).unwrap();
    peer.prune(&peer.version());
    world.set(1, "d", 3);
    let (mut opening, mut message) = Session::open(&peer, 7, None);
    let mut answering = Session::answer();
    while let Some(answer) = world.clients.get_mut(&1).unwrap().0.reconcile(&mut answering, &message).unwrap() {
        let Some(next) = opening.handle(&answer, &mut peer, None).unwrap() else { break };
        message = next;
    }
    assert!(opening.is_done() && answering.is_done());
    assert_eq!((answering.outcome().applied, answering.outcome().dropped), (2, 1));
    world.run();
    world.fsync();
    world.assert_equal();
    assert_eq!((world.room.doc().digest(), world.room.doc().get(&gone)), (peer.digest(), None));
    assert_eq!(world.replica(1).status().unsaved, 0);
    let mut stored = Doc::new(ReplicaId::new(NOW, 51));
    for output in &world.seen[&1] {
        if let Output::Journal(blob) = output {
            stored.import(blob).unwrap();
        }
    }
    assert_eq!(stored.digest(), peer.digest());
}
