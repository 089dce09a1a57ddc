//! Traces: that a collector gets the spans of what was done, in the traces of those who asked for it.

use std::collections::BTreeSet;

use syncline::link::{Hello, Message as Inner, Open};
use syncline::replica::AckLevel;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::*;
use crate::operator::*;
use crate::trace_common::*;
use crate::yjs_common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_in_the_trace_of_its_client_until_it_is_durable() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let mut settings = collector.config(data.path());
    settings.trace.service = "boards".into();
    let server = serve(settings).await;
    let ada = traced(url(server.address()), "board").await;
    set(&ada, "a", 1);
    within("durable", ada.acked(AckLevel::Durable)).await.unwrap();
    // What was written before stays in the trace before, also if it has not left yet.
    set(&ada, "b", 2);
    ada.set_trace(None);
    set(&ada, "c", 3);
    within("durable", ada.acked(AckLevel::Durable)).await.unwrap();
    server.drain().await;

    assert!(collector.all().iter().all(|(service, _)| service == "boards"));
    let connect = &collector.spans("connect")[0];
    assert!(is_in_trace(connect) && hex(&connect.parent_span_id) == SPAN);
    assert!(attribute(connect, "syncline.agent").starts_with("syncline-rust/"));
    let writes = collector.spans("write");
    assert_eq!(writes.len(), 3);
    for (number, write) in (1..).zip(&writes) {
        assert_eq!(events(write), ["accepted", "durable"]);
        let times: Vec<u64> = write.events.iter().map(|event| event.time_unix_nano).collect();
        assert!(write.start_time_unix_nano <= times[0] && times[0] <= times[1] && times[1] <= write.end_time_unix_nano);
        assert_eq!(attribute(write, "syncline.room"), "board");
        assert_eq!(attribute(write, "syncline.connection"), attribute(connect, "syncline.connection"));
        assert_eq!(attribute(write, "syncline.entry"), number.to_string());
    }
    for write in &writes[..2] {
        assert!(is_in_trace(write) && hex(&write.parent_span_id) == SPAN && write.links.is_empty());
    }
    // Without a trace of the client's each has its own, and says which connection it came by.
    assert!(!is_in_trace(&writes[2]) && writes[2].parent_span_id.is_empty());
    assert_eq!(writes[2].links[0].span_id, connect.span_id);
    let commits = collector.spans("commit");
    let first = commits.iter().find(|commit| commit.parent_span_id == writes[0].span_id).unwrap();
    assert!(is_in_trace(first) && attribute(first, "syncline.entries") == "1");
    let load = &collector.spans("load")[0];
    assert_eq!((attribute(load, "syncline.room"), attribute(load, "syncline.entries")), ("board".into(), "0".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_found_from_the_commit_that_it_was_part_of() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let mut settings = collector.config(data.path());
    settings.room.compact_entries = 20;
    let server = serve(settings).await;
    let mut clients = Vec::new();
    for number in 0..8 {
        clients.push(synced(&url(server.address()), &format!("board{}", number % 2)).await);
    }
    for number in 0..10 {
        clients.iter().for_each(|client| set(client, "a", number));
        for client in &clients {
            within("durable", client.acked(AckLevel::Durable)).await.unwrap();
        }
    }
    until("a compaction", || server.relay().metrics().compactions.iter().any(|(_, count)| count > 0)).await;
    server.drain().await;
    let writes: BTreeSet<Vec<u8>> = collector.spans("write").into_iter().map(|span| span.span_id).collect();
    let commits = collector.spans("commit");
    let links = commits.iter().flat_map(|commit| &commit.links).map(|link| link.span_id.clone());
    let found: BTreeSet<Vec<u8>> = commits.iter().map(|commit| commit.parent_span_id.clone()).chain(links).collect();
    assert!(writes.len() >= 40, "{}", writes.len());
    assert_eq!(found, writes);
    let compact = &collector.spans("compact")[0];
    assert!(attribute(compact, "syncline.room").starts_with("board"));
    assert!(attribute(compact, "syncline.bytes").parse::<u64>().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_parent_is_ignored() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let server = serve(collector.config(data.path())).await;
    let mut request = url(server.address()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "syncline.1".parse().unwrap());
    request.headers_mut().insert("traceparent", parent().replace("-01", "-1").parse().unwrap());
    let mut raw = Raw::connect_by(request, server.address()).await;
    let (agent, now_ms) = ("é".repeat(2_000), now_ms());
    raw.say(&Inner::Hello(Hello { protocol: 1, features: 0, agent, token: None, now_ms })).await;
    for text in ["nonsense".to_owned(), parent().to_uppercase(), String::new(), "0".repeat(1_000)] {
        raw.say(&Inner::Trace(text)).await;
    }
    raw.say(&Inner::Open(Open {
        room: "board".into(),
        replica: syncline::clock::ReplicaId::new(now_ms, 7),
        version: Default::default(),
    }))
    .await;
    raw.wait_for(|message| matches!(message, Inner::Opened(_))).await;
    raw.socket.close(None).await.unwrap();
    server.drain().await;
    let connect = &collector.spans("connect")[0];
    assert!(connect.parent_span_id.is_empty() && !is_in_trace(connect));
    assert_eq!(attribute(connect, "syncline.agent"), "é".repeat(128));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_operators_are_traced_and_scrapes_are_not() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let server = serve(collector.config(data.path())).await;
    let parent = parent();
    let headers = [("traceparent", parent.as_str())];
    assert_eq!(ask_with(server.address(), "GET", "/metrics", &headers).await.status, 200);
    assert_eq!(ask_with(server.address(), "GET", "/admin/v1/rooms/none", &headers).await.status, 404);
    server.drain().await;
    let spans = collector.all();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0].1;
    assert!(span.name == "admin" && is_in_trace(span) && hex(&span.parent_span_id) == SPAN);
    assert_eq!(attribute(span, "http.route"), "/admin/v1/rooms/{room}");
    assert_eq!(attribute(span, "http.response.status_code"), "404");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_writes_in_the_trace_of_its_environment() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str())];
    let relay = Relay::start_with(data.path(), "127.0.0.1:0", &environment);
    let url = relay.url();
    let ran = tokio::task::spawn_blocking(move || {
        let set = |parent: &str| {
            let mut command = syncline();
            command.args(["set", "--url", &url, "--room", "board", "title", "--value", "1"]);
            command.env("TRACEPARENT", parent).output().unwrap()
        };
        (set(&parent()), set("nonsense"))
    });
    let (good, bad) = ran.await.unwrap();
    assert_eq!((code(&good), code(&bad)), (0, 0), "{}", text(&bad.stderr));
    relay.terminate();
    assert!(tokio::task::spawn_blocking(move || relay.wait()).await.unwrap().success());
    let writes = collector.spans("write");
    assert_eq!(writes.iter().map(is_in_trace).collect::<Vec<_>>(), [true, false]);
    assert_eq!(events(&writes[0]), ["accepted", "durable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_yjs_are_traced_as_rooms_are() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let server = serve(collector.config(data.path())).await;
    let mut ada = Socket::sync(server.address(), "pad").await;
    ada.update(&Writer::new(1).write("hello")).await;
    ada.next_of(UPDATE).await;
    server.drain().await;
    let names: BTreeSet<String> = collector.all().into_iter().map(|(_, span)| span.name).collect();
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["commit", "connect", "load", "write"]);
    let (connect, write) = (&collector.spans("connect")[0], &collector.spans("write")[0]);
    assert_eq!((events(write), attribute(write, "syncline.room")), (vec!["accepted", "durable"], "yjs:pad".into()));
    assert_eq!(write.links[0].span_id, connect.span_id);
    assert_eq!(collector.spans("commit")[0].parent_span_id, write.span_id);
}
