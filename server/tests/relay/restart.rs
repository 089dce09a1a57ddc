//! Ends and starts: drain, resume, unload, damaged data.

use std::time::Duration;

use rusqlite::Connection;
use syncline::crdt::Value;
use syncline::link::{ErrorCode, Message as Inner};
use syncline::replica::AckLevel;
use syncline_server::store::FILE_NAME;

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_relay_exits_with_0_and_resumes_from_snapshot_and_log() {
    let data = tempfile::tempdir().unwrap();
    let small = [("SYNCLINE_ROOM__COMPACT_ENTRIES", "7")];
    let relay = Relay::start_with(data.path(), "127.0.0.1:0", &small);
    let address = relay.address.to_string();
    let ada = synced(&relay.url(), "board").await;
    for number in 0..40 {
        set(&ada, &format!("k{number}"), number);
        within("an ack", ada.acked(AckLevel::Durable)).await.unwrap();
    }
    relay.terminate();
    assert_eq!(relay.wait().code(), Some(0));
    let database = Connection::open(data.path().join(FILE_NAME)).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(count("SELECT upto FROM snapshot") >= 28);
    assert!(count("SELECT count(*) FROM log") <= 14);
    drop(database);

    // Written while nobody listens; the client comes back by itself.
    set(&ada, "meanwhile", 1);
    let relay = Relay::start_with(data.path(), &address, &small);
    within("an ack", ada.acked(AckLevel::Durable)).await.unwrap();
    let bob = synced(&relay.url(), "board").await;
    same_digest(&[&ada, &bob]).await;
    assert_eq!((get(&bob, "k39"), get(&bob, "meanwhile")), (Some(Value::Int(39)), Some(Value::Int(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_tells_clients_when_to_come_back() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let mut raw = Raw::join(server.address(), "board").await;
    until("the connection", || server.relay().rooms() == 1).await;
    let drain = tokio::spawn(server.drain());
    let (messages, code) = raw.read_to_end().await;
    assert_eq!(code, 1012);
    assert!(matches!(messages.last(), Some(Inner::Drain(wait)) if *wait < 5000), "{messages:?}");
    within("the end of the drain", drain).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_room_is_unloaded_and_comes_back_whole() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.room.idle_seconds = 1;
    let server = serve(settings).await;
    let url = url(server.address());
    let ada = synced(&url, "board").await;
    set(&ada, "a", 1);
    within("an ack", ada.acked(AckLevel::Durable)).await.unwrap();
    ada.close().await;
    until("the unload", || server.relay().rooms() == 0).await;
    let bob = synced(&url, "board").await;
    assert_eq!(get(&bob, "a"), Some(Value::Int(1)));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_joins_at_once_load_a_room_once_and_see_all_of_it() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let ada = synced(&url(server.address()), "board").await;
    (0..200).for_each(|number| set(&ada, &format!("k{number}"), number));
    within("an ack", ada.acked(AckLevel::Durable)).await.unwrap();
    ada.close().await;
    server.drain().await;

    let server = serve(config(data.path())).await;
    let url = url(server.address());
    let clients: Vec<_> = (0..20).map(|_| client(&url, "board")).collect();
    for client in &clients {
        within("the content", client.synced()).await.unwrap();
        assert_eq!(get(client, "k199"), Some(Value::Int(199)));
    }
    assert_eq!(server.relay().rooms(), 1);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_room_is_refused_not_emptied_and_others_are_served() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    for room in ["good", "bad"] {
        let ada = synced(&url(server.address()), room).await;
        for number in 0..3 {
            set(&ada, "a", number);
            within("an ack", ada.acked(AckLevel::Durable)).await.unwrap();
        }
        ada.close().await;
    }
    server.drain().await;
    let database = Connection::open(data.path().join(FILE_NAME)).unwrap();
    let torn = "UPDATE log SET blob = substr(blob, 1, length(blob) - 3) WHERE id = 2 AND room = (SELECT key FROM room WHERE name = 'bad')";
    assert_eq!(database.execute(torn, []).unwrap(), 1);
    drop(database);

    let server = serve(config(data.path())).await;
    let mut raw = Raw::join(server.address(), "bad").await;
    let (messages, code) = raw.read_to_end().await;
    assert_eq!(code, 1013);
    let Some(Inner::Error { error, .. }) = messages.last() else { panic!("{messages:?}") };
    assert!(error.code == ErrorCode::Unavailable && error.temporary, "{error:?}");
    let good = synced(&url(server.address()), "good").await;
    assert_eq!(get(&good, "a"), Some(Value::Int(2)));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_told_and_nothing_acknowledged_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.store.max_bytes = 400_000;
    let server = serve(settings).await;
    let url = url(server.address());
    let ada = synced(&url, "board").await;
    let mut durable = 0;
    for number in 0..200_u64 {
        ada.edit(None, |doc| doc.set(&path(&format!("k{number}")), Value::Bytes(vec![number as u8; 10_000]))).unwrap();
        match tokio::time::timeout(Duration::from_secs(3), ada.acked(AckLevel::Durable)).await {
            Ok(acked) => acked.unwrap(),
            Err(_) => break,
        }
        durable = number + 1;
    }
    assert!((5..60).contains(&durable), "{durable} writes fitted");
    let complaint = ada.last_complaint().unwrap();
    assert!(complaint.contains("full"), "{complaint}");
    assert!(ada.status().unsaved > 0);
    ada.offline();

    // Whoever comes now sees what is stored, and no more.
    let bob = synced(&url, "board").await;
    assert_eq!(bob.read(|doc| doc.len(&syncline::crdt::Path::root())) as u64, durable);
    server.drain().await;

    // With room on the disk the rest arrives.
    let server = serve(config(data.path())).await;
    let late = synced(&crate::common::url(server.address()), "board").await;
    assert_eq!(late.read(|doc| doc.len(&syncline::crdt::Path::root())) as u64, durable);
    server.drain().await;
}
