//! What connections may write: refused writes reach nobody, and the connection goes on.

use syncline::crdt::Value;
use syncline::replica::AckLevel;
use syncline_server::access::AccessLevel;
use syncline_server::client::{Client, ClientError};

use crate::common::*;
use crate::tokens::*;

async fn forbidden(client: &Client) -> String {
    match within("the refusal", client.acked(AckLevel::Accepted)).await {
        Err(ClientError::Forbidden { reason }) => reason,
        other => panic!("{other:?} instead of a refusal"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_on_and_its_writes_reach_nobody() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let ada = synced_with(&server, "board", &token("ada", "board", AccessLevel::Write)).await;
    let eve = synced_with(&server, "board", &token("eve", "board", AccessLevel::Read)).await;
    let mut seen = ada.presence();
    eve.set_presence(Some(Value::Str("eve".into())));
    within("the reader's presence", seen.recv()).await.unwrap();
    for key in ["first", "second"] {
        set(&eve, key, 1);
        let reason = forbidden(&eve).await;
        assert!(reason.contains("token"), "{reason}");
    }
    set(&ada, "x", 2);
    within("a durable ack", ada.acked(AckLevel::Durable)).await.unwrap();
    until("the write to reach the reader", || get(&eve, "x").is_some()).await;
    assert_eq!(get(&ada, "first"), None);
    server.drain().await;

    let server = serve(secured(data.path())).await;
    let bob = synced_with(&server, "board", &token("bob", "board", AccessLevel::Read)).await;
    assert_eq!((get(&bob, "x"), get(&bob, "first"), get(&bob, "second")), (Some(Value::Int(2)), None, None));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_taken_below_the_granted_paths_only() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let ada = synced_with(&server, "board", &token("ada", "board", AccessLevel::Write)).await;
    set(&ada, "others/x", 1);
    let paths = |request: &mut syncline_server::access::TokenRequest| request.paths = vec!["todo/mine".into()];
    let mine = token_with("bob", "board", AccessLevel::Write, paths);
    let bob = synced_with(&server, "board", &mine).await;
    set(&bob, "todo/mine/a", 1);
    within("a durable ack", bob.acked(AckLevel::Durable)).await.unwrap();
    until("the write to reach the other", || get(&ada, "todo/mine/a").is_some()).await;
    bob.edit(None, |doc| doc.delete(&path("others")).map(drop)).unwrap();
    let reason = forbidden(&bob).await;
    assert!(reason.contains("may not write at others"), "{reason}");
    set(&bob, "todo/mine/b", 1);
    forbidden(&bob).await;
    set(&ada, "others/y", 2);
    within("a durable ack", ada.acked(AckLevel::Durable)).await.unwrap();
    assert_eq!((get(&ada, "others/x"), get(&ada, "todo/mine/b")), (Some(Value::Int(1)), None));
    until("the other's write to reach the one with paths", || get(&bob, "others/y").is_some()).await;

    // More rights bring in what waited.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    bob.set_token(Some(token("bob", "board", AccessLevel::Write)));
    within("a durable ack", bob.acked(AckLevel::Durable)).await.unwrap();
    until("the delete to reach the other", || get(&ada, "others/x").is_none()).await;
    same_digest(&[&ada, &bob]).await;
    assert_eq!(get(&ada, "todo/mine/b"), Some(Value::Int(1)));
    server.drain().await;
}
