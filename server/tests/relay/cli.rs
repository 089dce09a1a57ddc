//! The command line as people and scripts use it: output, messages, exit codes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Output, Stdio};

use serde_json::{Value as Json, json};

use crate::common::*;

struct Room {
    relay: Relay,
    _data: tempfile::TempDir,
}

impl Room {
    fn new() -> Room {
        let data = tempfile::tempdir().unwrap();
        Room { relay: Relay::start(data.path()), _data: data }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        syncline()
            .args(arguments)
            .args(["--url", &self.relay.url(), "--room", "board", "--timeout", "30"])
            .output()
            .unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
        output.stdout
    }

    fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_slice(&self.ok(arguments)).unwrap()
    }
}

fn fails(output: &Output, exit: i32, parts: &[&str]) {
    let message = text(&output.stderr);
    assert_eq!(code(output), exit, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "{part:?} is missing in: {message}"));
}

#[test]
fn set_get_and_delete() {
    let room = Room::new();
    room.ok(&["set", "users", "ada", "--value", r#"{"age": 36, "tags": ["x"], "home": {"city": "London"}}"#]);
    room.ok(&["set", "users", "ada", "age", "--value", "-37", "--level", "stored"]);
    assert_eq!(room.json(&["get", "users", "ada", "age"]), json!(-37));
    assert_eq!(room.json(&["get"]), json!({"users": {"ada": {"age": -37, "tags": ["x"], "home": {"city": "London"}}}}));
    room.ok(&["set", "users", "ada", "--value", r#"{"age": 1}"#]);
    assert_eq!(room.json(&["get", "users"]), json!({"ada": {"age": 1}}));
    room.ok(&["delete", "users", "ada"]);
    fails(&room.run(&["get", "users", "ada"]), 1, &["nothing at users/ada", "syncline get --room board"]);
    fails(&room.run(&["delete", "users", "ada"]), 1, &["nothing at users/ada"]);
}

#[test]
fn import_and_export_round_trip() {
    let room = Room::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.json");
    let people: Vec<Json> = (0..3000)
        .map(
            |id| json!({"id": id, "name": format!("person {id}"), "score": id as f64 * 0.1 + 99.514_723_732_733_73, "home": {"zip": id % 100}}),
        )
        .collect();
    std::fs::write(&file, serde_json::to_vec(&people).unwrap()).unwrap();
    let output = room.run(&["import", file.to_str().unwrap(), "people", "--key", "id"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("imported 3000 records into room board"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    assert_eq!(room.json(&["get", "people", "2999", "home", "zip"]), json!(99));

    let out = folder.path().join("out.json");
    room.ok(&["export", "--out", out.to_str().unwrap()]);
    let exported: Json = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let exported = exported["people"].as_object().unwrap();
    assert_eq!(exported.len(), 3000);
    people.iter().for_each(|person| assert_eq!(exported[&person["id"].to_string()], *person));

    // What export wrote, import takes, into another room.
    let other = Room::new();
    other.ok(&["import", out.to_str().unwrap()]);
    assert_eq!(other.json(&["get"]), room.json(&["get"]));
    assert_eq!(room.ok(&["export", "--format", "binary"]), room.ok(&["export", "--format", "binary"]));
}

#[test]
fn import_reads_stdin_and_names_what_is_wrong() {
    let room = Room::new();
    let import = |input: &str, arguments: &[&str]| {
        let mut command = syncline();
        command.args(["import", "-"]).args(arguments).args(["--url", &room.relay.url(), "--room", "board"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert_eq!(code(&import(r#"{"a": {"b": [1, null]}, "empty": {}}"#, &[])), 0);
    assert_eq!(room.json(&["get"]), json!({"a": {"b": [1, null]}, "empty": {}}));
    fails(&import("{", &[]), 1, &["nothing was written"]);
    fails(&import("[1]", &[]), 2, &["--key FIELD"]);
    fails(&import(r#"[{"id": 1}, {"x": 1}]"#, &["--key", "id"]), 1, &["record 2", "nothing was written"]);
    fails(&room.run(&["import", "/nowhere/x.json"]), 1, &["/nowhere/x.json"]);
}

#[test]
fn watch_prints_one_line_per_change() {
    let room = Room::new();
    let mut command = syncline();
    command.args(["watch", "a", "--count", "2", "--url", &room.relay.url(), "--room", "board"]);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut note = String::new();
    BufReader::new(watch.stderr.take().unwrap()).read_line(&mut note).unwrap();
    assert!(note.contains("watching a in room board"), "{note}");
    room.ok(&["set", "b", "--value", "0"]);
    room.ok(&["set", "a", "x", "--value", "1"]);
    room.ok(&["set", "a", "x", "--value", "2"]);
    let output = watch.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    let lines: Vec<Json> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["path"], json!(["a", "x"]));
    assert_eq!(
        (&lines[1]["old"], &lines[1]["new"], &lines[1]["origin"], &lines[1]["kind"]),
        (&json!(1), &json!(2), &json!("link"), &json!("register"))
    );
}

#[test]
fn exit_codes_tell_usage_unreachable_and_timeout_apart() {
    let run = |arguments: &[&str]| syncline().args(arguments).output().unwrap();
    fails(&run(&["get"]), 2, &["--room"]);
    fails(&run(&["get", "--room", "r", "--nonsense"]), 2, &["--nonsense"]);
    fails(&run(&["set", "a", "--room", "r", "--value", "{"]), 2, &["--value is not JSON"]);
    fails(&run(&["get", "--room", "r", "--url", "http://x"]), 2, &["ws://127.0.0.1:7171/sync"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    let silent = format!("ws://{address}/sync");
    fails(&run(&["get", "--room", "r", "--url", &silent, "--timeout", "1"]), 4, &["within 1 s", "--timeout"]);
    drop(free);
    fails(
        &run(&["get", "--room", "r", "--url", &silent, "--timeout", "5"]),
        3,
        &["cannot reach the relay", "syncline serve"],
    );
    fails(&run(&["get", "--room", "r", "--url", &silent, "--timeout", "1", "--wait"]), 3, &["cannot reach the relay"]);
    assert_eq!(code(&run(&["--help"])), 0);
    assert!(text(&run(&["--version"]).stdout).starts_with("syncline "));
}

#[test]
fn serve_refuses_bad_settings_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let run = |arguments: &[&str]| syncline().args(["serve", "--data", folder]).args(arguments).output().unwrap();
    fails(&run(&["--listen", "0.0.0.0:7171"]), 2, &["other machines can reach", "127.0.0.1:7171"]);
    fails(&run(&["--listen", "0.0.0.0:7171", "--dev"]), 2, &["--dev serves without authentication"]);
    fails(&run(&["--config", "/nowhere.toml"]), 2, &["/nowhere.toml"]);
    let file = data.path().join("relay.toml");
    std::fs::write(&file, "[room]\nmaxx = 1\n").unwrap();
    fails(&run(&["--config", file.to_str().unwrap()]), 2, &["maxx", "relay.toml"]);
    let output = syncline().args(["serve"]).env("SYNCLINE_LISTEM", "x").output().unwrap();
    fails(&output, 2, &["listem"]);

    let relay = Relay::start(data.path());
    fails(&run(&["--listen", "127.0.0.1:0"]), 1, &["another relay uses", "--data"]);
    let other = tempfile::tempdir().unwrap();
    let output = syncline()
        .args(["serve", "--listen", &relay.address.to_string(), "--data"])
        .arg(other.path())
        .output()
        .unwrap();
    fails(&output, 1, &["cannot listen", "--listen"]);
}
