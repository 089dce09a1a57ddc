//! The load tool: its numbers are right, and a relay that stalls shows in them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use crate::common::*;

/// Runs the tool to its end and returns its figures.
async fn bench(url: &str, arguments: &[&str]) -> Json {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let mut command = tool(url, arguments);
    command.arg("--json").arg(&file);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
    read(&file)
}

fn tool(url: &str, arguments: &[&str]) -> Command {
    let mut command = syncline();
    command.args(["bench", "--url", url]).args(arguments);
    command
}

fn read(file: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn fact(figures: &Json, key: &str) -> f64 {
    figures["facts"][key]["value"].as_f64().unwrap_or_else(|| panic!("no {key} in {figures:#}"))
}

/// The addresses of a relay in the three dialects.
fn dialects(relay: &Relay) -> [(String, &'static str); 3] {
    let at = |path: &str| format!("ws://{}/{path}", relay.address);
    [(at("sync"), "syncline"), (at("yjs"), "y-websocket"), (at("hocuspocus"), "hocuspocus")]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_counted_once_for_each_reader_in_every_dialect() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    for (url, dialect) in dialects(&relay) {
        let pid = relay.id().to_string();
        let run = |rest: &'static [&'static str]| {
            let mut arguments = vec!["--dialect", dialect, "--seconds", "1", "--warmup", "1", "--pid", &pid];
            arguments.extend(rest);
            let (url, arguments): (_, Vec<String>) = (url.clone(), arguments.into_iter().map(Into::into).collect());
            async move { bench(&url, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await }
        };
        let figures = run(&["--scenario", "fanout", "--clients", "9", "--rate", "20", "--size", "100"]).await;
        assert_eq!(figures["traffic"]["sent"], 40, "{dialect}: {figures:#}");
        assert_eq!(figures["traffic"]["expected"], 40 * 9, "{dialect}");
        assert_eq!(figures["traffic"]["delivered"], 40 * 9, "{dialect}: {figures:#}");
        assert_eq!(figures["traffic"]["acked"], 40, "{dialect}: {figures:#}");
        // Those of the warm-up do not count.
        assert_eq!(figures["series"][0]["count"], 20 * 9, "{dialect}");
        assert!(fact(&figures, "relay_memory_mb") > 1.0);

        // 10 clients in 3 rooms: 4, 3 and 3.
        let figures = run(&["--scenario", "rooms", "--clients", "10", "--rooms", "3", "--rate", "10"]).await;
        assert_eq!(figures["traffic"]["sent"], 200, "{dialect}: {figures:#}");
        assert_eq!(figures["traffic"]["delivered"], 20 * (4 * 3 + 3 * 2 + 3 * 2), "{dialect}: {figures:#}");
        assert_eq!(figures["traffic"]["repeated"], 0, "{dialect}");
        assert_eq!(figures["failures"], serde_json::json!({}), "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storms_fill_rooms_before_and_count_whoever_gets_in() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    for (url, dialect) in dialects(&relay) {
        let storm = ["--dialect", dialect, "--clients", "12", "--rooms", "2", "--cells", "500"];
        for scenario in ["join-storm", "reconnect-storm"] {
            let figures = bench(&url, &[&["--scenario", scenario], &storm[..]].concat()).await;
            assert_eq!(fact(&figures, "joined"), 12.0, "{dialect} {scenario}: {figures:#}");
            assert!(fact(&figures, "bytes_per_join") > 500.0 * 8.0, "{dialect} {scenario}: {figures:#}");
            assert_eq!(figures["series"][0]["count"], 12);
        }
        let idle = ["--scenario", "idle", "--dialect", dialect, "--clients", "30", "--seconds", "1"];
        let figures = bench(&url, &idle).await;
        assert_eq!(fact(&figures, "held"), 30.0, "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_of_everybody_reaches_everybody() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    for (url, dialect) in dialects(&relay) {
        let arguments = ["--scenario", "presence", "--dialect", dialect, "--clients", "6", "--rate", "2"];
        let figures = bench(&url, &[&arguments[..], &["--seconds", "2", "--warmup", "0"]].concat()).await;
        assert_eq!(figures["traffic"]["sent"], 24, "{dialect}");
        assert_eq!(figures["traffic"]["delivered"], 24 * 5, "{dialect}: {figures:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_acknowledgements_are_compared_with_fsync() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    let folder = data.path().to_str().unwrap();
    let arguments = ["--scenario", "durable", "--clients", "8", "--rooms", "2", "--fsync-dir", folder];
    let figures = bench(&relay.url(), &[&arguments[..], &["--seconds", "1", "--warmup", "0"]].concat()).await;
    assert_eq!(figures["traffic"]["acked"], 160, "{figures:#}");
    assert_eq!(figures["series"][0]["name"], "from due to acknowledgement");
    let ratio = figures["series"][0]["p99_ms"].as_f64().unwrap() / fact(&figures, "fsync_p99_ms");
    assert!((fact(&figures, "ack_to_fsync_p99") - ratio).abs() < 1e-9, "{figures:#}");
}

/// Runs the tool, and stops the relay, or the tool itself, for a second in the midst of three.
fn stalled(stop: impl Fn(&Relay, u32, &str)) -> Json {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    let file = data.path().join("figures.json");
    let arguments = ["--scenario", "fanout", "--clients", "4", "--rate", "100", "--seconds", "3", "--warmup", "1"];
    let mut command = tool(&relay.url(), &arguments);
    command.arg("--json").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    assert!(said.lines().any(|line| line.unwrap() == "sending"));
    std::thread::sleep(Duration::from_millis(2000));
    stop(&relay, child.id(), "-STOP");
    std::thread::sleep(Duration::from_millis(1000));
    stop(&relay, child.id(), "-CONT");
    assert!(child.wait().unwrap().success());
    let figures = read(&file);
    assert_eq!(figures["traffic"]["delivered"], 400 * 4, "{figures:#}");
    // A third of the messages were due while it stood still; they waited for half a second on average.
    let latency = &figures["series"][0];
    let at = |percentile: &str| latency[percentile].as_f64().unwrap();
    assert!(at("p99_ms") > 800.0 && at("p90_ms") > 500.0 && at("mean_ms") > 100.0, "{latency:#}");
    figures
}

#[test]
fn a_relay_that_stalls_is_charged_for_every_message_that_had_to_wait() {
    stalled(|relay, _, signal| relay.signal(signal));
}

/// Counted from when they were sent, these messages would look fine: this is what tells the two apart.
#[test]
fn messages_that_could_not_be_sent_in_time_count_from_when_they_were_due() {
    let figures = stalled(|_, tool, signal| {
        let status = Command::new("kill").args([signal, &tool.to_string()]).status().unwrap();
        assert!(status.success());
    });
    assert!(fact(&figures, "late_p99_ms") > 800.0, "{figures:#}");
    assert!(figures["notes"].to_string().contains("did not keep its own schedule"), "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_comes_back_whole() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start_with(data.path(), "127.0.0.1:0", &[("SYNCLINE_SOCKET__QUEUE_BYTES", "1048576")]);
    for (url, dialect) in dialects(&relay) {
        let arguments = ["--scenario", "slow-reader", "--dialect", dialect, "--clients", "3", "--size", "60000"];
        let figures =
            bench(&url, &[&arguments[..], &["--rate", "100", "--seconds", "2", "--warmup", "0"]].concat()).await;
        assert_eq!(fact(&figures, "resynced_whole"), 1.0, "{dialect}: {figures:#}");
        // Twelve megabytes are more than the queue and all buffers on the way.
        let note = figures["notes"].to_string();
        assert!(note.contains("by joining anew") && note.contains("4508"), "{dialect}: {note}");
        assert_eq!(figures["traffic"]["missing"], 0, "{dialect}");
        assert_eq!(fact(&figures, "missing_without"), 0.0, "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_the_plot_and_loads_nothing() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    let page = data.path().join("page.html");
    let arguments = ["--scenario", "fanout", "--clients", "3", "--seconds", "1", "--warmup", "0", "--html"];
    let output = tool(&relay.url(), &arguments).arg(&page).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(said.contains("delivered / expected") && said.contains("60 / 60") && said.contains("p99.9"), "{said}");
    assert!(text(&output.stderr).contains("sending"), "progress goes to stderr");
    let page = std::fs::read_to_string(page).unwrap();
    let points = page.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(points.split(' ').count() > 5, "{points}");
    assert!(page.contains("<svg") && page.contains("from due to arrival") && page.contains("90 %"));
    for load in ["src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.contains(load), "{load}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_the_tool_in_and_its_absence_is_said() {
    let data = tempfile::tempdir().unwrap();
    let secret = data.path().join("secret");
    std::fs::write(&secret, "a secret of at least thirty-two bytes").unwrap();
    let relay = Relay::start_secured(&data.path().join("data"), secret.to_str().unwrap());
    let mut token = syncline();
    token.args(["token", "--room", "bench-*", "--expires", "1h", "--secret-file"]).arg(&secret);
    let token = text(&token.output().unwrap().stdout).trim().to_owned();
    for (url, dialect) in dialects(&relay) {
        let arguments = ["--scenario", "fanout", "--dialect", dialect, "--clients", "2", "--seconds", "1"];
        let figures = bench(&url, &[&arguments[..], &["--warmup", "0", "--token", &token]].concat()).await;
        assert_eq!(figures["traffic"]["missing"], 0, "{dialect}");
        assert!(!figures.to_string().contains(&token), "{dialect}: the token is in the figures");
        let output = tool(&url, &arguments).output().unwrap();
        assert_eq!(code(&output), 3, "{dialect}");
        assert!(text(&output.stderr).contains("3 of 3 connections failed"), "{dialect}: {}", text(&output.stderr));
    }
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_connected() {
    let refused = |url: &str, arguments: &[&str], word: &str| {
        let output = tool(url, arguments).output().unwrap();
        let said = text(&output.stderr);
        assert!(code(&output) == 2 && said.contains(word), "{arguments:?}: {said}");
    };
    let url = "ws://127.0.0.1:1/sync";
    refused(url, &[], "--scenario");
    refused(url, &["--scenario", "everything"], "slow-reader");
    refused(url, &["--scenario", "fanout", "--size", "1"], "--size");
    refused("127.0.0.1", &["--scenario", "fanout"], "ws://");
    let output = tool(url, &["--scenario", "idle", "--clients", "2", "--pid", "4000000000"]).output().unwrap();
    assert!(code(&output) == 1 && text(&output.stderr).contains("--pid"), "{}", text(&output.stderr));
    let output = tool(url, &["--scenario", "idle", "--clients", "2"]).output().unwrap();
    assert!(code(&output) == 3 && text(&output.stderr).contains("2 of 2 connections failed"));
}
