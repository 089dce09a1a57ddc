//! Documents of Yjs on real sockets: what is echoed is stored, and what cannot be stored or read is never pretended.

use std::time::Duration;

use rusqlite::Connection;
use syncline_server::store::FILE_NAME;

use crate::common::*;
use crate::operator::*;
use crate::yjs_common::*;

#[tokio::test(flavor = "multi_thread")]
async fn both_dialects_share_a_document_and_the_echo_comes_from_the_disk() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (mut ada, mut ben) = (Socket::sync(address, "pad").await, Socket::hocuspocus(address, "pad").await);
    // The relay asks first, with what it has.
    assert_eq!(ada.next().await, [0, 0, 1, 0]);
    let writer = Writer::new(1);
    let update = writer.write("hello");
    ada.update(&update).await;
    assert_eq!(unblock(&ben.next_of(UPDATE).await), update);
    assert_eq!(unblock(&ada.next_of(UPDATE).await), update);
    let stored = |name: &str| {
        let database = Connection::open(data.path().join(FILE_NAME)).unwrap();
        let sql = "SELECT count(*) FROM log JOIN room ON room = key WHERE name = ?1";
        database.query_row(sql, [name], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((stored("\u{1}yjs:pad"), stored("pad")), (1, 0));
    // An update that is known is acknowledged, and neither stored nor told again.
    ben.update(&update).await;
    assert!(ben.next_of([8, 1]).await.is_empty());
    let second = writer.write("!");
    ben.update(&second).await;
    assert_eq!(unblock(&ada.next_of(UPDATE).await), second);
    assert!(ben.next_of([8, 1]).await.is_empty());
    assert_eq!(stored("\u{1}yjs:pad"), 2);
    // Someone who has the first word gets the rest, and is asked what the relay lacks.
    ben.send(&[&[0, 0], &*block(&Writer::new(2).vector())].concat()).await;
    let answer = ben.next_of(ANSWER).await;
    assert_eq!(text_of(unblock(&answer)), "hello!");
    assert_eq!(unblock(&ben.next_of([0, 0]).await), writer.vector());
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_ends_with_its_connection_under_the_next_clock() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let mut ben = Socket::sync(address, "pad").await;
    let mut ada = Socket::sync(address, "pad").await;
    ada.send(&[&[1], &*block(b"\x01\x07\x05\x02{}")].concat()).await;
    assert_eq!(ben.next_of([1, 6]).await, b"\x01\x07\x05\x02{}");
    // Who comes later hears of it at once, also on the other dialect.
    let mut eve = Socket::hocuspocus(address, "pad").await;
    assert_eq!(eve.next_of([1, 6]).await, b"\x01\x07\x05\x02{}");
    drop(ada);
    assert_eq!(ben.next_of([1, 8]).await, b"\x01\x07\x06\x04null");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_does_not_take_is_not_echoed_and_closes_the_document() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.store.max_bytes = 1024 * 1024;
    let server = serve(settings).await;
    let address = server.address();
    let writer = Writer::new(1);
    let mut ada = Socket::sync(address, "pad").await;
    let mut stored = String::new();
    let code: u16 = loop {
        let words = "x".repeat(50_000);
        ada.update(&writer.write(&words)).await;
        let received = within("an answer", futures_util::StreamExt::next(&mut ada.socket)).await.unwrap().unwrap();
        match received {
            tokio_tungstenite::tungstenite::Message::Close(close) => break close.unwrap().code.into(),
            _ if stored.len() > 4_000_000 => panic!("the disk takes more than it may"),
            tokio_tungstenite::tungstenite::Message::Binary(frame) if frame.starts_with(&UPDATE) => stored += &words,
            _ => {}
        }
    };
    assert_eq!(code, 1013);
    assert!(!stored.is_empty());
    // What was echoed is there.
    let mut back = Socket::sync(address, "pad").await;
    let there = back.text().await;
    assert!(there.len() >= stored.len(), "{} of {}", there.len(), stored.len());
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_unloaded_comes_back_whole_and_is_refused_if_it_is_damaged() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    (settings.room.idle_seconds, settings.room.compact_entries) = (1, 3);
    let server = serve(settings.clone()).await;
    let address = server.address();
    let writer = Writer::new(1);
    let mut ada = Socket::sync(address, "pad").await;
    for words in ["a", "b", "c", "d"] {
        ada.update(&writer.write(words)).await;
        ada.next_of(UPDATE).await;
    }
    drop(ada);
    until("the unload", || server.relay().rooms() == 0).await;
    assert_eq!(Socket::sync(address, "pad").await.text().await, "abcd");
    server.drain().await;

    let database = Connection::open(data.path().join(FILE_NAME)).unwrap();
    assert_eq!(database.execute("UPDATE snapshot SET blob = x'ff00'", []).unwrap(), 1);
    drop(database);
    let server = serve(settings).await;
    let (frames, code) = Socket::sync(server.address(), "pad").await.read_to_end().await;
    assert_eq!((frames, code), (vec![], 1013));
    assert_eq!(sample(&metrics(server.address()).await, "syncline_room_loads_total{outcome=\"failed\"}"), 1.0);
    // Others are served.
    assert_eq!(Socket::sync(server.address(), "other").await.text().await, "");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_megabytes_goes_in_and_out_in_one_frame() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.queue_bytes = 1024 * 1024;
    let server = serve(settings).await;
    let address = server.address();
    let words = "0123456789".repeat(900_000);
    let update = Writer::new(1).write(&words);
    let mut ada = Socket::sync(address, "pad").await;
    // As the answer to the relay's question.
    ada.send(&[&ANSWER[..], &block(&update)].concat()).await;
    assert_eq!(unblock(&ada.next_of(UPDATE).await), update);
    for mut reader in [Socket::sync(address, "pad").await, Socket::hocuspocus(address, "pad").await] {
        assert!(reader.text().await == words);
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_connection_hears_something_before_its_client_gives_up() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (mut sync, mut hocuspocus) = (Socket::sync(address, "a").await, Socket::hocuspocus(address, "b").await);
    assert_eq!(sync.next().await, [0, 0, 1, 0]);
    let quiet = tokio::time::timeout(Duration::from_secs(25), async { (sync.next().await, hocuspocus.next().await) });
    assert_eq!(quiet.await.unwrap(), (vec![1, 1, 0], vec![1, 1, 0]));
    server.drain().await;
}
