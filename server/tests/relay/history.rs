//! The past of a room: listed, exported and restored, bounded, and read from a store of an earlier version.

use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::time::Duration;

use serde_json::{Value as Json, json};
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::replica::AckLevel;
use syncline_server::client::{Client, new_replica_id};
use syncline_server::config::{Config, HistoryConfig};
use syncline_server::store::FILE_NAME;

use crate::common::*;
use crate::operator::*;

/// A store that the version of schema 1 wrote: two rooms, one of them with a snapshot and a log behind it.
const STORE_1: &[u8] = include_bytes!("../fixtures/store-1.db");

async fn durable(client: &Client) {
    within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
}

async fn versions(address: SocketAddr, room: &str) -> Vec<Json> {
    let answer = ask(address, "GET", &format!("/admin/v1/rooms/{room}/versions")).await;
    answer.json()["versions"].as_array().unwrap_or_else(|| panic!("{}", answer.text())).clone()
}

fn kinds(versions: &[Json]) -> Vec<(String, u64)> {
    let kind = |version: &Json| (version["kind"].as_str().unwrap().to_owned(), version["version"].as_u64().unwrap());
    versions.iter().map(kind).collect()
}

async fn export(address: SocketAddr, room: &str, version: u64) -> Json {
    ask(address, "GET", &format!("/admin/v1/rooms/{room}/versions/{version}/export")).await.json()
}

async fn restore(address: SocketAddr, rest: &str) -> Answer {
    ask(address, "POST", &format!("/admin/v1/rooms/board/versions/{rest}")).await
}

async fn compact(address: SocketAddr) {
    assert_eq!(ask(address, "POST", "/admin/v1/rooms/board/compact").await.status, 200);
}

/// Goes offline with all it has.
async fn taken_away(client: Client) -> Doc {
    let mut doc = Doc::new(new_replica_id());
    doc.import(&client.read(|doc| doc.export())).unwrap();
    client.close().await;
    doc
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_document_deleted_by_accident_comes_back_while_a_replica_is_offline() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let (address, url) = (server.address(), url(server.address()));
    let (ada, bob) = (synced(&url, "board").await, synced(&url, "board").await);
    (0..20).for_each(|number| set(&ada, &format!("{}/{number}", if number < 10 { "old" } else { "new" }), number));
    durable(&ada).await;
    same_digest(&[&ada, &bob]).await;
    let mut offline = taken_away(bob).await;
    offline.transact(now_ms(), None, |doc| doc.set(&path("old/extra"), Value::Int(100))).unwrap();
    let before = versions(address, "board").await[0]["version"].as_u64().unwrap();

    ada.edit(None, |doc| doc.delete(&path("old"))).unwrap();
    set(&ada, "later", 1);
    durable(&ada).await;
    assert_eq!(get(&ada, "old/3"), None);
    assert_eq!(export(address, "board", before).await["old"]["3"], 3);
    // Only what was deleted, so that the work since then stays.
    let answer = restore(address, &format!("{before}/restore?path=old")).await;
    assert_eq!((answer.status, &answer.json()["written"]), (200, &json!(10)), "{}", answer.text());
    until("the values of before", || get(&ada, "old/3") == Some(Value::Int(3))).await;
    assert_eq!(get(&ada, "later"), Some(Value::Int(1)));

    let bob = Client::connect(&url, "board", offline).unwrap();
    durable(&bob).await;
    same_digest(&[&ada, &bob]).await;
    assert_eq!(get(&ada, "old/extra"), Some(Value::Int(100)), "what was written offline merges");
    assert_eq!(get(&bob, "old/9"), Some(Value::Int(9)));
    // All of it: what was added goes, and going back again is possible.
    let entry = versions(address, "board").await[0]["version"].as_u64().unwrap();
    assert_eq!(restore(address, &format!("{before}/restore")).await.json()["written"], 2);
    until("what was added goes", || get(&bob, "old/extra").is_none() && get(&bob, "later").is_none()).await;
    assert_eq!(restore(address, &format!("{entry}/restore")).await.json()["written"], 2);
    until("it is back", || get(&bob, "old/extra") == Some(Value::Int(100))).await;
    same_digest(&[&ada, &bob]).await;
    server.drain().await;

    // It is all on the disk.
    let server = serve(config(data.path())).await;
    let again = synced(&crate::common::url(server.address()), "board").await;
    assert_eq!(get(&again, "old/9"), Some(Value::Int(9)));
    server.drain().await;
}

fn short(data: &FilePath) -> Config {
    let history = HistoryConfig { versions: 2, every_seconds: 1, ..HistoryConfig::default() };
    Config { history, ..config(data) }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_snapshots_are_kept_within_bounds_and_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(short(data.path())).await;
    let address = server.address();
    let ada = synced(&url(address), "board").await;
    for number in 1..=4 {
        set(&ada, "x", number);
        durable(&ada).await;
        compact(address).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let listed = versions(address, "board").await;
    let expected = [("snapshot".to_owned(), 4), ("kept".to_owned(), 3), ("kept".to_owned(), 2)];
    assert_eq!(kinds(&listed), expected, "{listed:?}");
    assert!(listed.iter().all(|version| now_ms() - version["at_ms"].as_u64().unwrap() < 60_000));
    assert_eq!(restore(address, "1/restore").await.problem(), "no_such_version");
    server.drain().await;

    let server = serve(short(data.path())).await;
    let address = server.address();
    assert_eq!(export(address, "board", 2).await, json!({"x": 2}));
    // Within a second: the snapshot in between is not kept.
    let ada = synced(&url(address), "board").await;
    for number in 5..=7 {
        set(&ada, "x", number);
        durable(&ada).await;
        compact(address).await;
    }
    let listed = versions(address, "board").await;
    assert_eq!(kinds(&listed), [("snapshot".to_owned(), 7), ("kept".to_owned(), 5), ("kept".to_owned(), 4)]);
    assert_eq!(restore(address, "4/restore").await.json()["written"], 1);
    until("the old value", || get(&ada, "x") == Some(Value::Int(4))).await;
    server.drain().await;

    // What is kept is checked with the rest.
    let verify = || syncline().arg("verify").arg(data.path()).output().unwrap();
    assert_eq!(code(&verify()), 0);
    let store = rusqlite::Connection::open(data.path().join(FILE_NAME)).unwrap();
    store.execute("UPDATE version SET blob = x'00' WHERE upto = 4", []).unwrap();
    let found = verify();
    assert!(code(&found) == 1 && text(&found.stderr).contains("version 4"), "{}", text(&found.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_few_writes_makes_versions_too() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = short(data.path());
    settings.room.idle_seconds = 1;
    let server = serve(settings).await;
    let ada = synced(&url(server.address()), "board").await;
    set(&ada, "x", 1);
    durable(&ada).await;
    within("a snapshot that nobody asked for", async {
        while versions(server.address(), "board").await[0]["kind"] != "snapshot" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_an_earlier_version_is_read_and_goes_on() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join(FILE_NAME), STORE_1).unwrap();
    // The tools read it as it is.
    let sound = syncline().arg("verify").arg(data.path()).output().unwrap();
    assert!(text(&sound.stdout).contains("sound, 2 rooms, 4 log entries"), "{}", text(&sound.stdout));
    let server = serve(config(data.path())).await;
    let address = server.address();
    let board = synced(&url(address), "board").await;
    let content = board.read(|doc| doc.to_json(&Path::root())).unwrap_or_default();
    assert!(content.contains("second") && !content.contains("hours"), "{content}");
    assert_eq!(get(&synced(&url(address), "plans/2026").await, "title"), Some(Value::Str("first".into())));
    set(&board, "more", 1);
    durable(&board).await;
    // What its log holds of the past can be had.
    assert_eq!(kinds(&versions(address, "board").await)[0], ("log".to_owned(), 5));
    assert_eq!(export(address, "board", 2).await["notes"]["ada"]["hours"], 3);
    assert_eq!(restore(address, "2/restore?path=notes").await.json()["written"], 1);
    until("what was deleted", || get(&board, "notes/ada/hours") == Some(Value::Int(3))).await;
    server.drain().await;
    let sound = syncline().arg("verify").arg(data.path()).output().unwrap();
    assert_eq!(code(&sound), 0, "{}", text(&sound.stderr));
    assert!(text(&syncline().arg("inspect").arg(data.path()).output().unwrap().stdout).contains("schema 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_lists_exports_and_restores() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let ada = synced(&url(server.address()), "a room/ü").await;
    for number in 1..=2 {
        set(&ada, "x y/z", number);
        durable(&ada).await;
    }
    let address = format!("http://{}", server.address());
    let run = move |arguments: &[&str]| {
        let mut command = syncline();
        command.arg("room").args(arguments).args(["--url", &address]);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let listed = run(&["versions", "a room/ü"]).await.unwrap();
    assert!(text(&listed.stdout).contains("log") && code(&listed) == 0, "{}", text(&listed.stderr));
    let old = run(&["export", "a room/ü", "1"]).await.unwrap();
    assert_eq!(serde_json::from_slice::<Json>(&old.stdout).unwrap(), json!({"x y": {"z": 1}}));
    let done = run(&["restore", "a room/ü", "1", "x y"]).await.unwrap();
    assert!(text(&done.stdout).contains("1 values written"), "{}", text(&done.stderr));
    assert_eq!(get(&ada, "x y/z"), Some(Value::Int(1)));
    let none = run(&["restore", "a room/ü", "77"]).await.unwrap();
    assert!(code(&none) == 1 && text(&none.stderr).contains("no version 77"), "{}", text(&none.stderr));
    server.drain().await;
}
