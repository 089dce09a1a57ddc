//! Who sends too fast, too slowly or too much holds up nobody else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::Value;
use syncline::link::{Message as Inner, Open, Opened};
use syncline::replica::AckLevel;
use syncline_server::access::AccessLevel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::common::*;
use crate::tokens::{client_with, secured, token_with};

/// Clients that tell their presence at the same time, and how often they do.
const PRESENT: u64 = 50;
const ROUNDS: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn presence_of_many_is_told_together() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let mut clients = Vec::new();
    for number in 0..PRESENT {
        let (mut raw, replica) = (Raw::connect(server.address()).await, ReplicaId::new(now_ms(), u128::from(number)));
        raw.hello(None).await;
        raw.say(&Inner::Open(Open { room: "board".into(), replica, version: VersionVector::default() })).await;
        let opened = raw.wait_for(|message| matches!(message, Inner::Opened(_))).await;
        let Inner::Opened(opened) = opened else { unreachable!() };
        clients.push((raw, replica, opened.alias));
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    for round in 0..ROUNDS {
        ticks.tick().await;
        for (raw, replica, alias) in &mut clients {
            let state = Value::Int(round as i64).to_cbor();
            raw.say(&Inner::Presence { alias: *alias, entries: vec![(*replica, Some(state))] }).await;
        }
    }
    let (mut frames, last) = (0, Value::Int(ROUNDS as i64 - 1).to_cbor());
    for (raw, ..) in &mut clients {
        let mut seen = BTreeMap::new();
        while seen.len() < PRESENT as usize || seen.values().any(|state| *state != last) {
            let told = raw.wait_for(|message| matches!(message, Inner::Presence { .. })).await;
            let Inner::Presence { entries, .. } = told else { unreachable!() };
            frames += 1;
            seen.extend(entries.into_iter().filter_map(|(replica, state)| Some((replica, state?))));
        }
    }
    // One by one they would be 15,000. Each round may fall into two spans of gathering, on a busy machine into more.
    assert!((PRESENT..=3 * PRESENT * ROUNDS).contains(&frames), "{frames} frames");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_that_waits_to_be_told_goes_with_the_id_that_it_is_of() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let mut raw = Raw::connect(server.address()).await;
    raw.hello(None).await;
    let ids = [1, 2].map(|random| ReplicaId::new(now_ms(), random));
    for turn in 0..6 {
        let replica = ids[turn % 2];
        raw.say(&Inner::Open(Open { room: "board".into(), replica, version: VersionVector::default() })).await;
        let opened = raw.wait_for(|message| matches!(message, Inner::Opened(_))).await;
        let Inner::Opened(Opened { alias, .. }) = opened else { unreachable!() };
        // Longer than presence is gathered: told under the other id, it would have closed the connection by now.
        tokio::time::sleep(Duration::from_millis(80)).await;
        raw.say(&Inner::Presence { alias, entries: vec![(replica, Some(Value::Null.to_cbor()))] }).await;
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_fast_is_read_later_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.rate.connection_frames = 100;
    let server = serve(settings).await;
    let ada = synced(&url(server.address()), "board").await;
    let mut fast = Raw::join(server.address(), "board").await;
    let begun = Instant::now();
    // Two seconds' worth may come at once; what is beyond takes its time.
    for number in 0..400 {
        fast.say(&Inner::Ping(number)).await;
        if number % 50 == 0 {
            set(&ada, "k", number as i64);
            within("acks of others meanwhile", ada.acked(AckLevel::Durable)).await.unwrap();
        }
    }
    let (room, version) = ("end".to_owned(), VersionVector::default());
    fast.say(&Inner::Open(Open { room, replica: ReplicaId::new(now_ms(), 7), version })).await;
    // The answer for the first room is one, too.
    for _ in 0..2 {
        fast.wait_for(|message| matches!(message, Inner::Opened(_))).await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(1_900), "{:?}", begun.elapsed());
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_tenant_are_limited_together() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = secured(data.path());
    settings.rate.tenant_connections = 2;
    let server = serve(settings).await;
    let of =
        |tenant: &str| token_with("ada", "board", AccessLevel::Write, |request| request.tenant = Some(tenant.into()));
    let clients = [0; 2].map(|_| client_with(&server, "board", &of("acme")));
    for client in &clients {
        within("the room", client.synced()).await.unwrap();
    }
    let (messages, code) = Raw::join_with(server.address(), "board", Some(&of("acme"))).await.read_to_end().await;
    assert_eq!(code, 1013, "{messages:?}");
    let told = format!("{messages:?}");
    assert!(told.contains("rate.tenant_connections") && told.contains("temporary: true"), "{told}");
    within("another tenant", client_with(&server, "board", &of("globex")).synced()).await.unwrap();
    drop(clients);
    within("a free place", client_with(&server, "board", &of("acme")).synced()).await.unwrap();
    server.drain().await;
}

/// In a process of its own, because each connection takes a file descriptor at both ends.
#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_end_and_keep_nobody_out() {
    const HALF_OPEN: usize = 10_000;
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    let mut open = Vec::new();
    for _ in 0..HALF_OPEN {
        let mut stream = within("a connection", TcpStream::connect(relay.address)).await.unwrap();
        stream.write_all(b"GET /sync HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        open.push(stream);
    }
    let begun = Instant::now();
    let ada = synced(&relay.url(), "board").await;
    set(&ada, "k", 1);
    within("acks", ada.acked(AckLevel::Durable)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    for mut stream in open {
        // An answer such as 408, or nothing; in any case the end.
        let mut rest = Vec::new();
        let _ = within("the end of a handshake that does not go on", stream.read_to_end(&mut rest)).await;
    }
    set(&ada, "k", 2);
    within("acks", ada.acked(AckLevel::Durable)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_drips_is_not_a_sign_of_life() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.ping_seconds = 1;
    let server = serve(settings).await;
    let raw = Raw::join(server.address(), "board").await;
    until("the connection", || server.relay().connections() == 1).await;
    let mut stream = raw.socket.into_inner();
    // A binary frame of 60,000 bytes, masked with zeros, of which one byte comes at a time.
    stream.write_all(&[0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0]).await.unwrap();
    let begun = Instant::now();
    while server.relay().connections() > 0 {
        assert!(begun.elapsed() < PATIENCE);
        // Fails once the relay has closed.
        let _ = stream.write_all(&[0]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_without_end_are_refused_at_the_size_of_a_frame() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let mut raw = Raw::join(server.address(), "board").await;
    for number in 0..40 {
        let code = if number == 0 { OpCode::Data(Data::Binary) } else { OpCode::Data(Data::Continue) };
        let frame = Frame::message(vec![0; 64 * 1024], code, false);
        // The relay may close while the rest is still being written.
        if raw.socket.send(Message::Frame(frame)).await.is_err() {
            break;
        }
    }
    let mut closed = None;
    while let Some(Ok(message)) = within("the close", raw.socket.next()).await {
        if let Message::Close(Some(close)) = message {
            closed = Some(u16::from(close.code));
        }
    }
    assert!(closed.is_none_or(|code| code == 1009), "{closed:?}");
    within("others", synced(&url(server.address()), "board")).await;
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_who_come_at_once_wait_instead_of_being_turned_away() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    // While it stands still, the system takes connections in its place, as far as the relay has asked it to.
    relay.signal("-STOP");
    let connect = || std::net::TcpStream::connect_timeout(&relay.address, std::time::Duration::from_millis(500));
    let waiting: Vec<_> = (0..400).map_while(|_| connect().ok()).collect();
    relay.signal("-CONT");
    assert_eq!(waiting.len(), 400);
}
