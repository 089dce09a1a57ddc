//! From a finished span to the collector: a bounded queue, a thread that sends batches, and what became of the spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{Request, Response};
use opentelemetry::Context;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter as Otlp, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use tokio_tungstenite::tungstenite::Bytes;

use super::TraceError;
use crate::access::agent;
use crate::limits::{TRACE_BATCH, TRACE_PAUSE, TRACE_TIMEOUT, WEB_BYTES};
use crate::metrics::{By, Exported};

/// Where the path of traces is below the address of a collector.
const PATH: &str = "/v1/traces";

/// Spans that wait, over the queue of the crate's processor: it would drop without telling us.
#[derive(Debug)]
pub(super) struct Queue {
    inner: BatchSpanProcessor,
    shared: Arc<Shared>,
}

/// What the queue and the sender know of each other.
#[derive(Debug)]
struct Shared {
    /// Spans that are finished and neither sent nor given up.
    waiting: AtomicUsize,
    /// Most of them.
    most: usize,
    /// Whether the last batch was refused, so that an outage is logged once.
    failing: AtomicBool,
    counts: Arc<By<Exported>>,
}

/// Sends batches and counts them.
#[derive(Debug)]
struct Sender {
    otlp: Otlp,
    shared: Arc<Shared>,
}

/// Speaks HTTP and HTTPS on the thread that sends, so that it may wait.
#[derive(Debug)]
struct Http(ureq::Agent);

impl Queue {
    /// Starts the thread that sends to the collector at `endpoint`.
    pub(super) fn new(endpoint: &str, most: usize, counts: Arc<By<Exported>>) -> Result<Queue, TraceError> {
        let shared = Shared { waiting: AtomicUsize::new(0), most, failing: AtomicBool::new(false), counts };
        let shared = Arc::new(shared);
        let otlp = Otlp::builder()
            .with_http()
            .with_http_client(Http(agent(TRACE_TIMEOUT)))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .with_timeout(TRACE_TIMEOUT)
            .build()
            .map_err(|error| TraceError { endpoint: endpoint.into(), reason: error.to_string() })?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(most)
            .with_max_export_batch_size(TRACE_BATCH.min(most))
            .with_scheduled_delay(TRACE_PAUSE)
            .build();
        let sender = Sender { otlp, shared: shared.clone() };
        let inner = BatchSpanProcessor::builder(sender).with_batch_config(config).build();
        Ok(Queue { inner, shared })
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    /// Never waits: what does not fit is counted and dropped.
    fn on_end(&self, span: SpanData) {
        if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= self.shared.most {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return self.shared.counts.of(Exported::Dropped).inc();
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl SpanExporter for Sender {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.otlp.export(batch).await;
        self.shared.waiting.fetch_sub(spans, Ordering::Relaxed);
        let what = if sent.is_ok() { Exported::Sent } else { Exported::Failed };
        self.shared.counts.of(what).add(spans as u64);
        let failed = self.shared.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed => tracing::warn!(%error, spans, "the collector of traces does not take spans"),
            Ok(()) if failed => tracing::info!("the collector of traces takes spans again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

#[async_trait::async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self.0.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(WEB_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}
