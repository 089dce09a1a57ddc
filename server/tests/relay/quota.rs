//! Quotas: a write beyond one is refused, deletes and reading go on, and what was refused comes in once there is room.

use syncline::crdt::Value;
use syncline::replica::AckLevel;
use syncline_server::access::AccessLevel;
use syncline_server::client::{Client, ClientError};

use crate::common::*;
use crate::operator::*;
use crate::tokens::*;
use crate::yjs_common::{Socket, Writer};

async fn refused(client: &Client) -> String {
    match within("the refusal", client.acked(AckLevel::Durable)).await {
        Err(ClientError::Forbidden { reason }) => reason,
        other => panic!("{other:?} instead of a refusal"),
    }
}

async fn durable(client: &Client) {
    within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
}

/// Puts in a value of a thousand bytes that does not compress.
fn put(client: &Client, key: &str) {
    let seed = key.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let random = |at: u64| (seed ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17).to_le_bytes();
    let bytes: Vec<u8> = (1..=125).flat_map(random).collect();
    client.edit(None, |doc| doc.set(&path(key), Value::Bytes(bytes))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_room_is_read_and_emptied_and_then_takes_what_it_had_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.quota.room_bytes = 20_000;
    settings.room.idle_seconds = 1;
    let server = serve(settings).await;
    let address = server.address();
    let (ada, bob) = (synced(&url(address), "board").await, synced(&url(address), "board").await);
    // What is overwritten does not count for long: the log is compacted before the room is full.
    for _ in 0..40 {
        put(&ada, "same");
        durable(&ada).await;
    }
    let mut keys = 0;
    let reason = loop {
        keys += 1;
        put(&ada, &format!("a/{keys}"));
        match within("an answer", ada.acked(AckLevel::Durable)).await {
            Ok(()) => assert!(keys < 40, "nothing is refused"),
            Err(ClientError::Forbidden { reason }) => break reason,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(reason.contains("20000 bytes") && keys > 8, "{keys} {reason}");
    put(&ada, "behind");
    refused(&ada).await;
    let reader = synced(&url(address), "board").await;
    assert!(get(&reader, "a/1").is_some() && get(&reader, "behind").is_none());
    assert!(sample(&metrics(address).await, "syncline_frames_rejected_total{reason=\"quota\"}") >= 1.0);

    // Another one deletes, and all that was refused arrives.
    bob.edit(None, |doc| doc.delete(&path("a"))).unwrap();
    durable(&bob).await;
    until("what was refused", || get(&reader, "behind").is_some()).await;
    durable(&ada).await;
    same_digest(&[&ada, &bob, &reader]).await;
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_document_of_yjs_refuses_updates_until_something_is_deleted() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.quota.room_bytes = 10_000;
    settings.room.idle_seconds = 1;
    let server = serve(settings).await;
    let address = server.address();
    let mut socket = Socket::hocuspocus(address, "pad").await;
    let (writer, words) = (Writer::new(1), "0123456789".repeat(90));
    let mut taken = 0;
    loop {
        socket.update(&writer.write(&words)).await;
        match socket.next_of_kind(8).await[..] {
            [1] => taken += 1,
            _ => break,
        }
        assert!(taken < 30, "nothing is refused");
    }
    assert!(taken >= 8, "{taken}");
    assert_eq!(Socket::sync(address, "pad").await.text().await.len(), taken * 900, "it can be read");
    // What deletes is taken, and then whoever was refused is to come again.
    socket.update(&writer.delete(2_000)).await;
    assert_eq!(socket.next_of_kind(8).await, [1]);
    assert_eq!(socket.read_to_end().await.1, 1013);
    let mut again = Socket::hocuspocus(address, "pad").await;
    again.update(&writer.all()).await;
    assert_eq!(again.next_of_kind(8).await, [1]);
    assert_eq!(again.text().await.len(), taken * 900 + 900 - 2_000);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_so_many_rooms_and_bytes_and_no_other_pays_for_it() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = secured(data.path());
    (settings.quota.tenant_rooms, settings.quota.tenant_bytes) = (2, 10_000);
    settings.admin.token = Some(syncline_server::config::Secret::new("a token of operators with enough bytes"));
    let server = serve(settings.clone()).await;
    let of = |tenant: &str| token_with("ada", "*", AccessLevel::Write, |request| request.tenant = Some(tenant.into()));
    let (acme, globex) = (of("acme"), of("globex"));
    let one = synced_with(&server, "one", &acme).await;
    let two = synced_with(&server, "two", &acme).await;
    for client in [&one, &two] {
        set(client, "x", 1);
        durable(client).await;
    }
    let three = synced_with(&server, "three", &acme).await;
    set(&three, "x", 1);
    assert!(refused(&three).await.contains("2 rooms"));
    let theirs = synced_with(&server, "theirs", &globex).await;
    set(&theirs, "x", 1);
    durable(&theirs).await;
    server.drain().await;

    // It is remembered, and a room that is deleted makes room for another.
    let server = serve(settings).await;
    let three = synced_with(&server, "three", &acme).await;
    set(&three, "x", 1);
    assert!(refused(&three).await.contains("2 rooms"));
    let operator = [("authorization", "Bearer a token of operators with enough bytes")];
    assert_eq!(ask_with(server.address(), "DELETE", "/admin/v1/rooms/two", &operator).await.status, 200);
    let again = synced_with(&server, "three", &acme).await;
    set(&again, "y", 1);
    durable(&again).await;

    // Bytes count over all rooms of the tenant.
    let one = synced_with(&server, "one", &acme).await;
    for key in 0..20 {
        put(&one, &format!("{key}"));
    }
    assert!(refused(&one).await.contains("10000 bytes"));
    set(&again, "z", 1);
    assert!(refused(&again).await.contains("10000 bytes"));
    let theirs = synced_with(&server, "theirs", &globex).await;
    put(&theirs, "y");
    durable(&theirs).await;
    server.drain().await;
}
