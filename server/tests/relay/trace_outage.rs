//! Traces that are not kept, and collectors that do not take them.

use std::time::{Duration, Instant};

use syncline::replica::AckLevel;
use syncline_server::client::ClientOptions;
use syncline_server::client::{Client, new_replica_id};
use syncline_server::limits::{TRACE_END, TRACE_TIMEOUT};
use syncline_server::serve::Server;

use crate::common::*;
use crate::operator::*;
use crate::trace_common::*;

async fn spans(server: &Server, outcome: &str) -> f64 {
    let page = metrics(server.address()).await;
    sample(&page, &format!("syncline_trace_spans_total{{outcome=\"{outcome}\"}}"))
}

/// Writes one after the other, each durable before the next.
async fn write(client: &Client, count: i64) {
    for number in 0..count {
        set(client, "a", number);
        within("durable", client.acked(AckLevel::Durable)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sampled_is_not_sent() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let mut settings = collector.config(data.path());
    settings.trace.ratio = 0.0;
    let server = serve(settings).await;
    write(&traced(url(server.address()), "board").await, 5).await;
    for outcome in ["sent", "dropped", "failed"] {
        assert_eq!(spans(&server, outcome).await, 0.0, "{outcome}");
    }
    server.drain().await;
    assert_eq!(collector.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_does_not_keep_is_not_kept_here() {
    let (collector, data) = (Collector::start().await, tempfile::tempdir().unwrap());
    let server = serve(collector.config(data.path())).await;
    let trace = parent().replace("-01", "-00").parse().ok();
    assert!(trace.is_some());
    let options = ClientOptions { trace, ..ClientOptions::new(url(server.address()), "board") };
    let ada = Client::connect_with(options, syncline::doc::Doc::new(new_replica_id())).unwrap();
    write(&ada, 3).await;
    server.drain().await;
    let names: Vec<String> = collector.all().into_iter().map(|(_, span)| span.name).collect();
    assert_eq!(names, ["load"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_slows_nothing_down() {
    let (collector, data) = (Collector::silent().await, tempfile::tempdir().unwrap());
    let mut settings = collector.config(data.path());
    settings.trace.queue = 16;
    let server = serve(settings).await;
    let ada = synced(&url(server.address()), "board").await;
    let begun = Instant::now();
    // Two spans each: were they waited for, sixteen would take as long as the time-out.
    write(&ada, 150).await;
    let took = begun.elapsed();
    assert!(spans(&server, "dropped").await > 100.0);
    assert_eq!(spans(&server, "sent").await, 0.0);
    assert!(took < TRACE_TIMEOUT * 10, "{took:?}");
    // The end does not wait for ever either.
    let (relay, begun) = (server.relay().clone(), Instant::now());
    ada.close().await;
    server.drain().await;
    assert!(begun.elapsed() < TRACE_END + Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(relay.metrics().spans.iter().all(|(outcome, count)| outcome != "sent" || count == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_the_spans_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.trace.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let server = serve(settings).await;
    let ada = synced(&url(server.address()), "board").await;
    write(&ada, 10).await;
    let relay = server.relay().clone();
    server.drain().await;
    let failed = relay.metrics().spans.iter().find(|(outcome, _)| *outcome == "failed").unwrap().1;
    // One for the connection, one for the room, two for each write.
    assert_eq!(failed, 22);
}
