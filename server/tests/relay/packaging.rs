//! The files beside the program that run and watch it: that what they name exists.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::common::*;

const DASHBOARD: &str = include_str!("../../packaging/grafana-dashboard.json");
const UNIT: &str = include_str!("../../packaging/syncline.service");
const DOCKERFILE: &str = include_str!("../../packaging/Dockerfile");

/// The texts of a JSON value, wherever they are.
fn texts(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(items) => items.iter().flat_map(texts).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_all_metrics_and_no_others() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let families: BTreeMap<&str, String> =
        server.relay().families().iter().map(|family| (family.name, format!("{:?}", family.kind))).collect();
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let words = texts(&dashboard).into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("syncline_")).collect();
    let mut shown = BTreeSet::new();
    for name in named {
        let histogram =
            name.strip_suffix("_bucket").filter(|name| families.get(name).is_some_and(|kind| kind == "Histogram"));
        let family = histogram.or(Some(name)).filter(|name| families.contains_key(name));
        shown.insert(family.unwrap_or_else(|| panic!("there is no metric {name}")));
    }
    assert_eq!(shown, families.keys().copied().collect());
    server.drain().await;
}

/// Runs a command of the package with its settings and data in a folder, until it serves.
fn serves(arguments: Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("relay.toml");
    std::fs::write(&settings, syncline().arg("default-config").output().unwrap().stdout).unwrap();
    let place = |argument: String| match argument.as_str() {
        "/etc/syncline/relay.toml" => settings.to_str().unwrap().to_owned(),
        "/data" | "/var/lib/syncline" => folder.path().to_str().unwrap().to_owned(),
        _ => argument,
    };
    let mut command = syncline();
    command.args(arguments.into_iter().map(place)).env("SYNCLINE_LISTEN", "127.0.0.1:0");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("ready on "), "{line:?}");
}

#[test]
fn the_commands_of_the_unit_and_the_container_work() {
    let line = |start: &str| UNIT.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    let words = |line: &str| line.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(line("ExecStartPre=")), ["check-config", "/etc/syncline/relay.toml"]);
    serves(words(line("ExecStart=")));
    let command = DOCKERFILE.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    serves(serde_json::from_str(command).unwrap());
    // The unit gives the relay the time that it takes to end.
    let seconds: u64 = line("TimeoutStopSec=").parse().unwrap();
    assert!(seconds > 2 * syncline_server::config::Config::default().drain_seconds);
}
