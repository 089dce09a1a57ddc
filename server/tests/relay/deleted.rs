//! Rooms that are deleted: nobody gets in, they come back whole, and a room of the same name later is another one.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;
use syncline::crdt::Value;
use syncline::doc::Doc;
use syncline::link::{ErrorCode, Message as Inner};
use syncline::replica::AckLevel;
use syncline_server::client::{Client, ClientError, new_replica_id};
use syncline_server::store::FILE_NAME;

use crate::common::*;
use crate::operator::*;

async fn durable(client: &Client) {
    within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
}

async fn refusal(client: &Client) -> String {
    match within("the refusal", client.stopped()).await {
        ClientError::Refused { reason } => reason,
        other => panic!("{other:?} instead of a refusal"),
    }
}

async fn listed(address: SocketAddr) -> Vec<Json> {
    ask(address, "GET", "/admin/v1/rooms").await.json()["rooms"].as_array().unwrap().clone()
}

async fn is_refused(address: SocketAddr) {
    let (told, code) = Raw::join(address, "board").await.read_to_end().await;
    let error = told.into_iter().find_map(|message| match message {
        Inner::Error { error, .. } => Some(error),
        _ => None,
    });
    let error = error.expect("a typed error");
    assert_eq!((error.code, error.temporary, code), (ErrorCode::Deleted, false, 4410), "{error}");
}

fn copy(client: &Client) -> Doc {
    let mut doc = Doc::new(new_replica_id());
    doc.import(&client.read(|doc| doc.export())).unwrap();
    doc
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_takes_nobody_and_comes_back_whole() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (ada, bob) = (synced(&url(address), "board").await, synced(&url(address), "board").await);
    let other = synced(&url(address), "other").await;
    (0..10).for_each(|number| set(&ada, &format!("a/{number}"), number));
    durable(&ada).await;
    let digest = ada.read(|doc| doc.digest());

    let answer = ask(address, "DELETE", "/admin/v1/rooms/board").await;
    let deleted = answer.json()["deleted"].clone();
    let kept = deleted["until_ms"].as_u64().unwrap() - deleted["at_ms"].as_u64().unwrap();
    assert_eq!((answer.status, kept), (200, 7 * 24 * 3_600_000), "{}", answer.text());
    assert!(refusal(&ada).await.contains("deleted") && refusal(&bob).await.contains("deleted"));
    is_refused(address).await;
    for (method, rest) in [("GET", ""), ("GET", "/export"), ("GET", "/versions"), ("POST", "/compact"), ("DELETE", "")]
    {
        let answer = ask(address, method, &format!("/admin/v1/rooms/board{rest}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (410, "room_deleted"), "{method} {rest}");
    }
    assert!(listed(address).await[0]["deleted"]["at_ms"].is_u64());
    set(&other, "x", 1);
    durable(&other).await;
    server.drain().await;

    let server = serve(config(data.path())).await;
    let address = server.address();
    is_refused(address).await;
    assert_eq!(ask(address, "POST", "/admin/v1/rooms/other/undelete").await.problem(), "no_such_room");
    assert_eq!(ask(address, "POST", "/admin/v1/rooms/board/undelete").await.status, 200);
    let eve = synced(&url(address), "board").await;
    assert_eq!(eve.read(|doc| doc.digest()), digest);
    // Those who had it go on with their copy.
    let back = Client::connect(&url(address), "board", copy(&ada)).unwrap();
    set(&back, "more", 1);
    durable(&back).await;
    until("the write", || get(&eve, "more").is_some()).await;
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_time_it_is_gone_and_an_old_copy_does_not_merge_with_a_new_room() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.room.deleted_seconds = 1;
    let server = serve(settings.clone()).await;
    let address = server.address();
    let ada = synced(&url(address), "board").await;
    let secret = "a sentence that nobody may find later".repeat(20);
    ada.edit(None, |doc| doc.set(&path("old"), Value::Str(secret.as_str().into()))).unwrap();
    durable(&ada).await;
    let unsynced = copy(&ada);
    assert_eq!(ask(address, "DELETE", "/admin/v1/rooms/board").await.status, 200);
    within("the end of the room", async {
        while !listed(address).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(ask(address, "POST", "/admin/v1/rooms/board/undelete").await.problem(), "no_such_room");

    let new = synced(&url(address), "board").await;
    set(&new, "new", 1);
    durable(&new).await;
    let old = Client::connect(&url(address), "board", unsynced).unwrap();
    assert!(refusal(&old).await.contains("another room"));
    assert_eq!(old.read(|doc| doc.get(&path("old"))), Some(Value::Str(secret.as_str().into())), "what it has stays");
    // One who had written nothing of its own is told, too.
    let reader = Client::connect(&url(address), "board", copy(&old)).unwrap();
    assert!(refusal(&reader).await.contains("another room"));
    assert_eq!(get(&new, "old"), None);
    let page = metrics(address).await;
    assert!(sample(&page, "syncline_frames_rejected_total{reason=\"deleted\"}") >= 2.0);
    server.drain().await;
    let file = std::fs::read(data.path().join(FILE_NAME)).unwrap();
    let part = &secret.as_bytes()[..30];
    assert!(!file.windows(part.len()).any(|window| window == part), "the content is overwritten");

    // It is remembered.
    let server = serve(settings).await;
    let old = Client::connect(&url(server.address()), "board", copy(&old)).unwrap();
    assert!(refusal(&old).await.contains("another room"));
    assert_eq!(get(&synced(&url(server.address()), "board").await, "new"), Some(Value::Int(1)));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_deletes_and_brings_back() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let ada = synced(&url(server.address()), "board").await;
    set(&ada, "x", 1);
    durable(&ada).await;
    let address = format!("http://{}", server.address());
    for (order, said) in [("delete", "7 d 0 h"), ("undelete", "is back"), ("delete", "can be brought back")] {
        let mut command = syncline();
        command.args(["room", order, "board", "--url", &address]);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(text(&done.stdout).contains(said), "{}{}", text(&done.stdout), text(&done.stderr));
    }
    server.drain().await;
    let inspected = syncline().arg("inspect").arg(data.path()).output().unwrap();
    assert!(text(&inspected.stdout).contains("\"board\", deleted"), "{}", text(&inspected.stdout));
}
