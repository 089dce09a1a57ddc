//! A client of Yjs that breaks the rules, or does not read, ends alone.

use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::common::*;
use crate::yjs_common::*;

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_end_the_connection_with_a_code_that_says_stop() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let mut text = Socket::sync(address, "pad").await;
    text.socket.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(text.read_to_end().await.1, 4400);
    // 28 bytes that claim gigabytes, a clock beyond all others, JSON that is none, an update cut short, a strange kind.
    let bad: [&[u8]; 6] = [
        &[0, 2, 6, 1, 0xff, 0xff, 0xff, 0x7f, 1],
        &[0, 2, 9, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 0],
        &[1, 5, 1, 7, 1, 1, b'{'],
        &[0, 1, 3, 1, 1, 1],
        &[0, 0, 2, 1, 1],
        &[77],
    ];
    for frame in bad {
        for mut socket in [Socket::sync(address, "pad").await, Socket::hocuspocus(address, "pad").await] {
            socket.send(frame).await;
            assert_eq!(socket.read_to_end().await.1, 4400, "{frame:?}");
        }
    }
    let mut large = Socket::sync(address, "pad").await;
    // The relay may close while the frame is still being written.
    let _ = large.socket.send(Message::Binary(vec![0; 17 * 1024 * 1024].into())).await;
    assert_ne!(large.read_to_end().await.1, 1000);
    for name in ["..", "a/%2e%2e/b", "%01yjs:pad", "%00", &"x".repeat(300), ""] {
        match Socket::try_open(address, &format!("/yjs/{name}")).await {
            Err(Error::Http(response)) => assert!([400, 404].contains(&response.status().as_u16()), "{name}"),
            _ => panic!("{name} is no name"),
        }
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_a_token_is_kept_in_bounds() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.rooms = 3;
    let server = serve(settings).await;
    let address = server.address();
    let update = [&[0, 2], &*block(&Writer::new(1).write("early"))].concat();
    let mut early = Socket::try_open(address, "/hocuspocus").await.unwrap();
    early.send(&[&*block(b"pad"), &update].concat()).await;
    early.send(&[&*block(b"pad"), &[2, 0, 0]].concat()).await;
    assert_eq!(early.next().await, [&*block(b"pad"), &[2, 2], &*block(b"read-write")].concat());
    assert_eq!(early.next().await, [&*block(b"pad"), &[8, 1]].concat());
    assert_eq!(Socket::sync(address, "pad").await.text().await, "early");

    let mut many = Socket::try_open(address, "/hocuspocus").await.unwrap();
    for _ in 0..300 {
        if many.socket.send(Message::Binary([&*block(b"pad"), &update].concat().into())).await.is_err() {
            break;
        }
    }
    assert_eq!(many.read_to_end().await.1, 4413);
    let mut documents = Socket::try_open(address, "/hocuspocus").await.unwrap();
    for number in 0..4 {
        documents.send(&[&*block(format!("d{number}").as_bytes()), &[2, 0, 0]].concat()).await;
    }
    assert_eq!(documents.read_to_end().await.1, 4429);
    // A bare ping is answered.
    let mut ping = Socket::try_open(address, "/hocuspocus").await.unwrap();
    ping.send(&[9]).await;
    assert_eq!(ping.next().await, [10]);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_closed_with_4508_and_the_others_go_on() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.queue_bytes = 1024 * 1024;
    let server = serve(settings).await;
    let address = server.address();
    let mut slow = Socket::sync(address, "pad").await;
    let mut ada = Socket::sync(address, "pad").await;
    let writer = Writer::new(1);
    // More than the sockets of both sides buffer, and the queue on top.
    for _ in 0..160 {
        ada.update(&writer.write(&"x".repeat(100_000))).await;
        ada.next_of(UPDATE).await;
    }
    assert_eq!(slow.read_to_end().await.1, 4508);
    assert_eq!(Socket::sync(address, "pad").await.text().await.len(), 16_000_000);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_of_some_does_not_harm_the_others() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (mut ada, mut ben) = (Socket::sync(address, "pad").await, Socket::hocuspocus(address, "pad").await);
    let writer = Writer::new(1);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for round in 0..200 {
        let path = if round % 2 == 0 { "/yjs/pad" } else { "/hocuspocus" };
        let mut raw = Socket::try_open(address, path).await.unwrap();
        for _ in 0..5 {
            let mut frame: Vec<u8> = (0..random() % 100).map(|_| random() as u8).collect();
            if round % 3 == 0 {
                frame.splice(0..0, [0, 2, 60]);
            }
            if raw.socket.send(Message::Binary(frame.into())).await.is_err() {
                break;
            }
        }
        let update = writer.write(&format!("{round};"));
        ada.update(&update).await;
        while unblock(&ben.next_of(UPDATE).await) != update {}
    }
    until("the end of the hostile connections", || server.relay().connections() == 2).await;
    assert!(Socket::sync(address, "pad").await.text().await.contains("199;"));
    server.drain().await;
}
