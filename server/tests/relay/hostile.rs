//! A client that breaks the rules ends alone.

use syncline::clock::{ReplicaId, VersionVector};
use syncline::link::{AckLevel as Level, Message as Inner, Open};
use syncline::replica::AckLevel;
use tokio_tungstenite::tungstenite::Message;

use futures_util::SinkExt;

use crate::common::*;

/// Pseudo-random bytes that are the same in each run (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..=self.next() % most).map(|_| self.next() as u8).collect()
    }
}

fn stops(code: u16) -> bool {
    (4400..4500).contains(&code)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_protocol_ends_the_connection_with_a_code_that_says_stop() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();

    let mut text = Raw::connect(address).await;
    text.socket.send(Message::Text("hello".into())).await.unwrap();
    assert!(stops(text.read_to_end().await.1));

    let mut early = Raw::connect(address).await;
    early.say(&Inner::Ping(1)).await;
    let (messages, code) = early.read_to_end().await;
    assert!(stops(code) && matches!(messages.last(), Some(Inner::Error { .. })), "{code} {messages:?}");

    let mut stranger = Raw::join(address, "board").await;
    stranger.say(&Inner::Leave { alias: 77 }).await;
    stranger.say(&Inner::Live { alias: 77, frames: vec![vec![1, 2, 3]] }).await;
    assert!(stops(stranger.read_to_end().await.1));

    let mut relay_only = Raw::join(address, "board").await;
    relay_only.say(&Inner::Ack { alias: 1, level: Level::Durable, version: VersionVector::default() }).await;
    assert!(stops(relay_only.read_to_end().await.1));

    let mut large = Raw::join(address, "board").await;
    // The relay may close while the frame is still being written.
    let _ = large.socket.send(Message::Binary(vec![0; 400_000].into())).await;
    assert_ne!(large.read_to_end().await.1, 1000);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_rooms_on_one_connection_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.rooms = 2;
    let server = serve(settings).await;
    let mut raw = Raw::join(server.address(), "one").await;
    for room in ["one", "two", "three"] {
        raw.say(&Inner::Open(Open {
            room: room.into(),
            replica: ReplicaId::new(1, 7),
            version: VersionVector::default(),
        }))
        .await;
    }
    assert!(stops(raw.read_to_end().await.1));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_of_one_client_do_not_harm_the_others() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (ada, bob) = (synced(&url(address), "board").await, synced(&url(address), "board").await);
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for round in 0..200 {
        let mut raw = if round % 2 == 0 { Raw::connect(address).await } else { Raw::join(address, "board").await };
        for _ in 0..5 {
            let mut frame = random.bytes(200);
            if round % 3 == 0 {
                // Looks like a live frame of the room.
                frame.splice(0..0, [1, 1]);
            }
            if raw.socket.send(Message::Binary(frame.into())).await.is_err() {
                break;
            }
        }
        set(&ada, &format!("k{round}"), round);
    }
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    same_digest(&[&ada, &bob]).await;
    assert_eq!(get(&bob, "k199"), Some(syncline::crdt::Value::Int(199)));
    until("the end of the hostile connections", || server.relay().connections() == 2).await;
    server.drain().await;
}
