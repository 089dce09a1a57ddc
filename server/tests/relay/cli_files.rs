//! The commands that look at files: settings, stores, blobs.

use std::path::Path as FilePath;
use std::process::Output;

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use syncline::crdt::Value;
use syncline::replica::AckLevel;

use crate::common::*;

fn run(arguments: &[&str]) -> Output {
    syncline().args(arguments).output().unwrap()
}

fn ok(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn fails(arguments: &[&str], exit: i32, parts: &[&str]) {
    let output = run(arguments);
    let message = text(&output.stderr);
    assert_eq!(code(&output), exit, "{arguments:?}: {message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "{part:?} is missing in: {message}"));
}

fn name(path: &FilePath) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_printed_settings_pass_the_check_and_mistakes_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = |ending: &str, text: &str| {
        let path = folder.path().join(format!("relay.{ending}"));
        std::fs::write(&path, text).unwrap();
        name(&path).to_owned()
    };
    let printed = ok(&["default-config"]);
    assert!(printed.contains("\n[room]\n") && printed.contains("\nlisten = \"127.0.0.1:7171\"\n"), "{printed}");
    ok(&["check-config", &file("toml", &printed)]);
    ok(&["check-config"]);
    let shown = ok(&["check-config", "--print", &file("yaml", "room: {max: 7}\n")]);
    assert_eq!(serde_json::from_str::<Json>(&shown).unwrap()["room"]["max"], 7);
    fails(&["check-config", &file("yml", "room: {maxx: 7}\n")], 2, &["maxx", "relay.yml"]);
    fails(&["check-config", &file("toml", "workers = 0\n")], 2, &["`workers` is 0", "from 1 to 256"]);
    fails(&["check-config", &file("toml", "[access]\nsecret_file = '/nowhere/x'\n")], 2, &["/nowhere/x"]);
    fails(&["check-config", &file("toml", "[admin]\ntoken = 'short'\n")], 2, &["admin.token"]);
    fails(&["check-config", &file("toml", "[tls]\ncert = 'x'\nkey = 'y'\n")], 2, &["x"]);
    fails(&["check-config", "/nowhere/relay.toml"], 2, &["/nowhere/relay.toml"]);
}

/// A relay with two rooms, one of them compacted; killed, so that its write-ahead log is left behind.
fn filled(data: &FilePath) -> Vec<u8> {
    let relay = Relay::start(data);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for room in ["one", "two"] {
            let client = synced(&relay.url(), room).await;
            for number in 0..5 {
                set(&client, &format!("k{number}"), number);
                within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
            }
        }
        let compacted = crate::operator::ask(relay.address, "POST", "/admin/v1/rooms/two/compact").await;
        assert_eq!(compacted.status, 200, "{}", compacted.text());
    });
    // Looking does not disturb the relay, and sees what is only in its write-ahead log.
    let lines = ok(&["inspect", "--json", name(data)]);
    let rooms: Vec<Json> = lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&rooms[0]["room"], &rooms[0]["version"], &rooms[0]["log_entries"]),
        (&json!("one"), &json!(5), &json!(5))
    );
    assert_eq!(
        (&rooms[1]["room"], &rooms[1]["version"], &rooms[1]["log_entries"]),
        (&json!("two"), &json!(5), &json!(0))
    );
    assert!(rooms[1]["snapshot_bytes"].as_u64().unwrap() > 0 && rooms.len() == 2);
    let export = ["export", "--format", "binary", "--room", "one", "--url", &relay.url()];
    let blob = syncline().args(export).output().unwrap().stdout;
    relay.kill();
    blob
}

#[test]
fn a_store_is_inspected_and_verified_also_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    filled(data.path());
    assert!(ok(&["verify", name(data.path())]).contains("sound, 2 rooms, 5 log entries"));
    let table = ok(&["inspect", name(&data.path().join("syncline.db"))]);
    assert!(table.contains("\"one\"") && table.contains("schema 2"), "{table}");
    // After an orderly end, too.
    let relay = Relay::start(data.path());
    relay.terminate();
    assert!(relay.wait().success());
    assert!(ok(&["verify", name(data.path())]).contains("sound"));
}

#[test]
fn damage_in_a_store_is_found_and_named() {
    let changed = |change: &str| {
        let data = tempfile::tempdir().unwrap();
        filled(data.path());
        let database = Connection::open(data.path().join("syncline.db")).unwrap();
        assert_eq!(database.execute(change, []).unwrap(), 1);
        drop(database);
        data
    };
    let data =
        changed("UPDATE log SET blob = CAST(substr(blob, 1, 8) || x'00' || substr(blob, 10) AS BLOB) WHERE id = 3");
    fails(&["verify", name(data.path())], 1, &["log entry 3 of room \"one\" is damaged", "1 problems"]);
    let data = changed("DELETE FROM log WHERE id = 3");
    fails(&["verify", name(data.path())], 1, &["from entry 2 to 4"]);
    let data = changed("UPDATE snapshot SET blob = substr(blob, 1, 20)");
    fails(&["verify", name(data.path())], 1, &["the snapshot up to entry 5 of room \"two\""]);
    // A page of the file itself.
    let data = tempfile::tempdir().unwrap();
    filled(data.path());
    let relay = Relay::start(data.path());
    relay.terminate();
    assert!(relay.wait().success());
    let path = data.path().join("syncline.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 64].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(code(&run(&["verify", name(data.path())])), 1);
}

#[test]
fn blobs_are_inspected_and_verified() {
    let data = tempfile::tempdir().unwrap();
    let blob = filled(data.path());
    let file = data.path().join("one.syncline");
    std::fs::write(&file, &blob).unwrap();
    let about: Json = serde_json::from_str(&ok(&["inspect", "--json", name(&file)])).unwrap();
    assert_eq!((&about["blob"], &about["leaves"], &about["events"]), (&json!("snapshot"), &json!(5), &json!(5)));
    assert!(ok(&["inspect", name(&file)]).contains("blob snapshot\n"));
    assert!(ok(&["verify", name(&file)]).contains("sound"));
    std::fs::write(&file, &blob[..blob.len() - 1]).unwrap();
    fails(&["verify", name(&file)], 1, &["one.syncline"]);
    std::fs::write(&file, "something else").unwrap();
    fails(&["inspect", name(&file)], 1, &["neither a store nor a sound blob"]);
    fails(&["inspect", "/nowhere/x"], 1, &["/nowhere/x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_backed_up_while_it_is_written_and_served_again() {
    let folder = tempfile::tempdir().unwrap();
    let (data, restored) = (folder.path().join("data"), folder.path().join("restored"));
    let copy = folder.path().join("copy.db");
    let relay = Relay::start(&data);
    let ada = synced(&relay.url(), "board").await;
    for number in 0..50 {
        set(&ada, &format!("before{number}"), number);
    }
    within("acks", ada.acked(AckLevel::Durable)).await.unwrap();
    set(&ada, "meanwhile", 1);

    ok(&["backup", name(&data), name(&copy)]);
    ok(&["verify", name(&copy)]);
    fails(&["backup", name(&data), name(&copy)], 1, &["copy.db", "a new file"]);
    ok(&["verify", name(&copy)]);
    fails(&["backup", name(&folder.path().join("absent")), name(&copy)], 1, &["absent", "data folder"]);

    std::fs::create_dir(&restored).unwrap();
    std::fs::rename(&copy, restored.join("syncline.db")).unwrap();
    let second = Relay::start(&restored);
    let bob = synced(&second.url(), "board").await;
    assert_eq!(get(&bob, "before49"), Some(Value::Int(49)));
}
