//! Frames of a hostile relay into a connected client.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::clock::ReplicaId;
use syncline::doc::Doc;
use syncline::replica::{Input, Replica, Room};
use syncline_tests::hostile::{NOON, config, connect, drain, frames, room_config};

fuzz_target!(|data: &[u8]| {
    let mut room = Room::new(room_config(1));
    let mut client = Replica::new(config(), Doc::new(ReplicaId::new(NOON, 3)));
    connect(&mut client, &mut room);
    for frame in frames(data) {
        client.handle(Input::Frame(frame), NOON);
        drain(&mut client);
    }
    client.doc().check().expect("the invariants hold");
});
