//! Clients of one relay end up equal, and learn what became of their writes.

use syncline::crdt::{TextUnit, Value};
use syncline::doc::EditError;
use syncline::replica::{AckLevel, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_converge_over_all_types() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let url = url(server.address());
    let (ada, bob) = (synced(&url, "board").await, synced(&url, "board").await);
    ada.edit(None, |doc| {
        doc.set(&path("card/title"), Value::Str("Plan".into()))?;
        doc.set_add(&path("card/tags"), Value::Str("red".into()))?;
        doc.text_insert(&path("card/text"), 0, "hello", TextUnit::Utf16)
    })
    .unwrap();
    bob.edit(None, |doc| {
        doc.counter_add(&path("card/votes"), 3)?;
        doc.set_add(&path("card/tags"), Value::Str("blue".into()))?;
        Ok::<(), EditError>(())
    })
    .unwrap();
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    within("durable acks", bob.acked(AckLevel::Durable)).await.unwrap();
    same_digest(&[&ada, &bob]).await;
    assert_eq!(ada.read(|doc| doc.counter(&path("card/votes"))), 3);
    assert_eq!(bob.read(|doc| doc.set_len(&path("card/tags"))), 2);
    assert_eq!(ada.status().unsaved, 0);
    let late = synced(&url, "board").await;
    same_digest(&[&ada, &late]).await;
    assert_eq!(late.edit(None, |doc| Ok(doc.text(&path("card/text")))).unwrap(), "hello");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_apart_and_offline_edits_arrive_later() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let url = url(server.address());
    let (ada, other) = (synced(&url, "one").await, synced(&url, "two").await);
    ada.offline();
    until("offline", || ada.status().state == State::Offline).await;
    set(&ada, "a", 1);
    assert_eq!(ada.status().unsaved, 1);
    ada.online();
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    let bob = synced(&url, "one").await;
    assert_eq!(get(&bob, "a"), Some(Value::Int(1)));
    assert_eq!(get(&other, "a"), None);
    assert_eq!(server.relay().rooms(), 2);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn synced_means_that_a_large_room_is_there() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let url = url(server.address());
    let ada = synced(&url, "large").await;
    for chunk in 0..8 {
        ada.edit(None, |doc| {
            (0..500).try_for_each(|key| doc.set(&path(&format!("k{chunk}-{key}")), Value::Str("v".repeat(500))))
        })
        .unwrap();
    }
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    for _ in 0..5 {
        let bob = synced(&url, "large").await;
        assert_eq!(bob.read(|doc| doc.len(&path_root())), 4000);
        bob.close().await;
    }
    server.drain().await;
}

fn path_root() -> syncline::crdt::Path {
    syncline::crdt::Path::root()
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_comes_and_goes() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let url = url(server.address());
    let (ada, bob) = (synced(&url, "board").await, synced(&url, "board").await);
    let mut seen = bob.presence();
    ada.set_presence(Some(Value::Str("ada".into())));
    let came = within("presence", seen.recv()).await.unwrap();
    assert_eq!(came[0].state, Some(Value::Str("ada".into())));
    ada.close().await;
    let left = within("the leave", seen.recv()).await.unwrap();
    assert_eq!((left[0].client, left[0].state.clone()), (came[0].client, None));
    server.drain().await;
}

async fn request(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn http_tells_health_readiness_and_version_and_hints_elsewhere() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    for (path, status, part) in [
        ("/healthz", "200", "\"ok\""),
        ("/readyz", "200", "\"ready\""),
        ("/version", "200", "syncline.1"),
        ("/", "404", "/sync"),
        ("/sync", "426", "WebSocket"),
    ] {
        let answer = request(address, &format!("GET {path} HTTP/1.1")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(part), "{path}: {answer}");
    }
    let page = "GET /sync HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\nsec-websocket-protocol: syncline.1\r\norigin: https://evil.example";
    let answer = request(address, page).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("socket.origins"), "{answer}");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_configured_are_refused_until_one_ends() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.max = 1;
    let server = serve(settings).await;
    let url = url(server.address());
    let ada = synced(&url, "board").await;
    let bob = client(&url, "board");
    let refused = within("a refusal", bob.first_attempt()).await.unwrap_err();
    assert!(refused.contains("503") && refused.contains("socket.max"), "{refused}");
    ada.close().await;
    within("the free place", bob.synced()).await.unwrap();
    server.drain().await;
}
