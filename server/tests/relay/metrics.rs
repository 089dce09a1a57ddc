//! Metrics: that they count, that the text is what Prometheus reads, and that the documentation knows all of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::SinkExt;
use syncline::replica::AckLevel;
use tokio_tungstenite::tungstenite::Message;

use crate::common::*;
use crate::operator::*;

const DOCS: &str = include_str!("../../../docs/operations.md");

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_counted_and_timed_at_each_level() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (ada, bob) = (synced(&url(address), "board").await, synced(&url(address), "board").await);
    for number in 0..20 {
        set(&ada, &format!("k{number}"), number);
        within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    }
    same_digest(&[&ada, &bob]).await;
    let page = metrics(address).await;
    let read = |name: &str| sample(&page, name);
    assert_eq!(read("syncline_connections"), 2.0);
    assert_eq!(read("syncline_connections_opened_total"), 2.0);
    assert_eq!(read("syncline_rooms"), 1.0);
    assert_eq!(read("syncline_room_loads_total{outcome=\"ok\"}"), 1.0);
    assert_eq!(read("syncline_store_entries_total"), 20.0);
    assert_eq!(read("syncline_room_log_entries"), 20.0);
    assert_eq!(read("syncline_ack_seconds_count{level=\"accepted\"}"), 20.0);
    assert_eq!(read("syncline_ack_seconds_count{level=\"durable\"}"), 20.0);
    let (accepted, durable) =
        (read("syncline_ack_seconds_sum{level=\"accepted\"}"), read("syncline_ack_seconds_sum{level=\"durable\"}"));
    assert!(0.0 < accepted && accepted < durable, "{accepted} {durable}");
    // Each write waited for a commit of its own.
    let (commits, seconds) = (read("syncline_store_commit_seconds_count"), read("syncline_store_commit_seconds_sum"));
    assert_eq!(commits, 20.0);
    assert!(seconds > 0.0 && seconds < durable, "{seconds} of {durable}");
    assert_eq!(read("syncline_store_commit_entries_bucket{le=\"1\"}"), 20.0);
    assert!(read("syncline_received_frames_total") >= 20.0 && read("syncline_sent_frames_total") >= 60.0);
    assert!(read("syncline_received_bytes_total") > 200.0 && read("syncline_sent_bytes_total") > 200.0);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_counted_by_reason() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    assert_eq!(ask(address, "GET", "/sync").await.status, 426);
    let mut text = Raw::connect(address).await;
    text.socket.send(Message::Text("hello".into())).await.unwrap();
    text.read_to_end().await;
    let mut damaged = Raw::join(address, "board").await;
    damaged.send(vec![0xff, 0x00]).await;
    damaged.read_to_end().await;
    let mut stranger = Raw::join(address, "board").await;
    stranger.say(&syncline::link::Message::Live { alias: 77, frames: vec![vec![1, 2, 3]] }).await;
    stranger.read_to_end().await;
    let mut large = Raw::join(address, "board").await;
    // The relay may close while the frame is still being written.
    let _ = large.socket.send(Message::Binary(vec![0; 400_000].into())).await;
    large.read_to_end().await;
    let mut nonsense = Raw::join(address, "board").await;
    let opened = nonsense.wait_for(|message| matches!(message, syncline::link::Message::Opened(_))).await;
    let syncline::link::Message::Opened(opened) = opened else { unreachable!() };
    nonsense.say(&syncline::link::Message::Delta { alias: opened.alias, body: vec![1, 2, 3] }).await;
    nonsense.read_to_end().await;

    let page = metrics(address).await;
    assert_eq!(sample(&page, "syncline_connections_refused_total{reason=\"not_websocket\"}"), 1.0);
    for reason in ["not_binary", "bad_frame", "unknown_room", "too_large", "damaged"] {
        let name = format!("syncline_frames_rejected_total{{reason=\"{reason}\"}}");
        assert_eq!(sample(&page, &name), 1.0, "{reason}");
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_and_what_waits_for_them_are_counted() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.queue_bytes = 1024 * 1024;
    let server = serve(settings).await;
    let ada = synced(&url(server.address()), "board").await;
    let mut slow = Raw::join(server.address(), "board").await;
    until("both connections", || server.relay().connections() == 2).await;
    let mut longest = 0.0_f64;
    for number in 0..160 {
        let value = syncline::crdt::Value::Bytes(vec![number as u8; 100_000]);
        ada.edit(None, |doc| doc.set(&path(&format!("k{number}")), value)).unwrap();
        within("acks", ada.acked(AckLevel::Accepted)).await.unwrap();
        if number % 10 == 9 {
            longest = longest.max(sample(&metrics(server.address()).await, "syncline_outbound_queue_max_bytes"));
        }
    }
    assert_eq!(slow.read_to_end().await.1, 4508);
    let page = metrics(server.address()).await;
    assert_eq!(sample(&page, "syncline_slow_readers_closed_total"), 1.0);
    assert!(longest > 0.0);
    server.drain().await;
}

/// Checks a page by the rules of its format; returns the kind of each family.
fn parse(page: &str) -> BTreeMap<String, String> {
    let (mut kinds, mut helped) = (BTreeMap::new(), BTreeSet::new());
    let mut buckets: BTreeMap<String, f64> = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(help.ends_with('.') && helped.insert(name.to_owned()), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helped.contains(name) && kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
        } else if line != "# EOF" {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            let name = series.split('{').next().unwrap();
            let family = ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let known = kinds.contains_key(name) || family.is_some_and(|family| kinds.contains_key(family));
            assert!(known, "{line}");
            if name.ends_with("_bucket") {
                let of = series.split("le=").next().unwrap().to_owned();
                let before = buckets.insert(of, value).unwrap_or(0.0);
                assert!(value >= before, "the buckets of {series} do not add up");
            }
        }
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_the_text_are_well_formed() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let plain = ask(server.address(), "GET", "/metrics").await;
    assert_eq!(plain.content_type, "text/plain; version=0.0.4; charset=utf-8");
    let accept = [("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")];
    let open = ask_with(server.address(), "GET", "/metrics", &accept).await;
    assert!(open.content_type.starts_with("application/openmetrics-text"), "{}", open.content_type);
    assert!(open.text().ends_with("# EOF\n") && !plain.text().contains("# EOF"));
    assert!(parse(&open.text()).len() > 20 && parse(&plain.text()).len() > 20);
    let version = format!("syncline_build_info{{version=\"{}\"}}", syncline::VERSION);
    assert_eq!(sample(&plain.text(), &version), 1.0);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_has_exactly_the_metrics_that_are_shown() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let shown: BTreeMap<String, String> = server
        .relay()
        .families()
        .iter()
        .map(|family| (family.name.to_owned(), format!("{:?}", family.kind).to_lowercase()))
        .collect();
    let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| `syncline_"));
    let documented: BTreeMap<String, String> = rows
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let name = cells.next().unwrap().split(['`', '{']).next().unwrap();
            (format!("syncline_{name}"), cells.next().unwrap().to_owned())
        })
        .collect();
    assert_eq!(shown, documented);
    server.drain().await;
}
