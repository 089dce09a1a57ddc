//! Traces: spans of what the relay does, sent by OTLP, with the context of W3C from clients and requests.
//!
//! | span | from | to | parent |
//! |---|---|---|---|
//! | `connect` | the request of a WebSocket | the hello is answered, or the end | header `traceparent` |
//! | `write` | a message arrives | it is durable | `trace` of the link, else none and a link to `connect` |
//! | `commit` | the store begins a transaction | the disk has it | the first traced write in it; links to the others |
//! | `load` | a room is wanted | it is in memory | none |
//! | `compact` | a room encodes a snapshot | the store has it | none |
//! | `admin` | a request of an operator | its answer | header `traceparent` |
//!
//! The spans are made by the interface of OpenTelemetry itself and not out of the events of the log: a `Tracing` belongs to
//! one relay, a span crosses tasks and the store's thread by value, and where traces are off there is none, whatever is logged.

mod export;
mod parent;
mod room;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};

use crate::config::TraceConfig;
use crate::limits::{TRACE_LINKS, TRACE_TEXT};
use crate::metrics::{By, Exported};

pub use parent::{NotTraceParent, TraceParent};

pub(crate) use parent::HEADER;
pub(crate) use room::{RoomTrace, WriteTrace};

/// Names of the attributes.
mod attribute {
    pub(super) const ROOM: &str = "syncline.room";
    pub(super) const CONNECTION: &str = "syncline.connection";
    pub(super) const ENTRY: &str = "syncline.entry";
    pub(super) const ENTRIES: &str = "syncline.entries";
    pub(super) const BYTES: &str = "syncline.bytes";
    pub(super) const AGENT: &str = "syncline.agent";
}

/// Says why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot send traces to {endpoint}: {reason}. Set trace.endpoint to the address of an OTLP collector, such as http://127.0.0.1:4318."
)]
pub struct TraceError {
    endpoint: String,
    reason: String,
}

/// Makes the spans of one relay.
#[derive(Debug)]
pub(crate) struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A span that is kept. Dropping it ends it. Boxed: where nothing is traced it costs a pointer.
#[derive(Debug)]
pub(crate) struct Traced(Box<Span>);

/// The write that made an entry of the log, for the commit that it will be part of.
#[derive(Debug)]
pub(crate) struct Cause {
    tracing: Arc<Tracing>,
    context: SpanContext,
}

impl Tracing {
    /// `None` if the settings say so.
    pub(crate) fn new(config: &TraceConfig, counts: Arc<By<Exported>>) -> Result<Option<Arc<Tracing>>, TraceError> {
        let Some(endpoint) = config.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) else {
            return Ok(None);
        };
        let resource = Resource::builder_empty()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.version", syncline::VERSION))
            .with_attribute(KeyValue::new("service.instance.id", format!("{:032x}", crate::client::random())))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(export::Queue::new(endpoint, config.queue, counts)?)
            .with_sampler(Sampler::TraceIdRatioBased(config.ratio))
            .with_max_links_per_span(TRACE_LINKS as u32)
            .with_resource(resource)
            .build();
        Ok(Some(Arc::new(Tracing { tracer: provider.tracer("syncline"), provider })))
    }

    /// A connection that asks to become a WebSocket.
    pub(crate) fn connect(&self, parent: Option<&TraceParent>) -> Option<Traced> {
        self.under("connect", SpanKind::Server, parent, Instant::now(), None)
    }

    /// A room that is read from the store.
    pub(crate) fn load(&self, room: &str) -> Option<Traced> {
        Some(self.under("load", SpanKind::Internal, None, Instant::now(), None)?.room(room))
    }

    fn compact(&self, room: &str) -> Option<Traced> {
        Some(self.under("compact", SpanKind::Internal, None, Instant::now(), None)?.room(room))
    }

    /// A request of an operator for what `route` stands for.
    pub(crate) fn admin(&self, parent: Option<&TraceParent>, method: &str, route: &str) -> Option<Traced> {
        let mut span = self.under("admin", SpanKind::Server, parent, Instant::now(), None)?;
        span.text("http.request.method", method);
        span.text("http.route", route);
        Some(span)
    }

    /// A span that began at `begun`, if it is to be kept: the ratio says which traces are, and callers may leave theirs out.
    fn under(
        &self,
        name: &'static str,
        kind: SpanKind,
        parent: Option<&TraceParent>,
        begun: Instant,
        link: Option<&SpanContext>,
    ) -> Option<Traced> {
        if parent.is_some_and(|parent| !parent.is_sampled()) {
            return None;
        }
        let links = link.map(|link| vec![Link::with_context(link.clone())]).unwrap_or_default();
        self.build(name, kind, parent.map(TraceParent::context), begun, links)
    }

    fn build(
        &self,
        name: &'static str,
        kind: SpanKind,
        parent: Option<SpanContext>,
        begun: Instant,
        links: Vec<Link>,
    ) -> Option<Traced> {
        // A fresh context: what another library keeps in the thread is not ours.
        let context = Context::new();
        let context = parent.map_or(context.clone(), |parent| context.with_remote_span_context(parent));
        let begun = SystemTime::now().checked_sub(begun.elapsed());
        let mut builder = self.tracer.span_builder(name).with_kind(kind).with_links(links);
        builder.start_time = begun;
        let span = self.tracer.build_with_context(builder, &context);
        span.is_recording().then(|| Traced(Box::new(span)))
    }

    /// Sends what waits, for so long at most, and makes no spans any more.
    pub(crate) async fn end(self: Arc<Tracing>, limit: Duration) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(limit)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("some spans could not be sent before the end");
        }
    }
}

impl Traced {
    /// What others refer to it by.
    pub(crate) fn context(&self) -> SpanContext {
        self.0.span_context().clone()
    }

    fn room(mut self, room: &str) -> Traced {
        self.text(attribute::ROOM, room);
        self
    }

    /// What a stranger may have made up is cut off.
    fn text(&mut self, name: &'static str, text: &str) {
        let text = &text[..text.floor_char_boundary(TRACE_TEXT)];
        self.0.set_attribute(KeyValue::new(name, text.to_owned()));
    }

    fn number(&mut self, name: &'static str, number: u64) {
        self.0.set_attribute(KeyValue::new(name, number as i64));
    }

    /// The number of the connection.
    pub(crate) fn connection(&mut self, number: u64) {
        self.number(attribute::CONNECTION, number);
    }

    /// The software of the peer.
    pub(crate) fn agent(&mut self, agent: &str) {
        self.text(attribute::AGENT, agent);
    }

    /// How many entries of the log there were, if the room can be had.
    pub(crate) fn loaded(&mut self, restored: Result<u64, &impl std::fmt::Display>) {
        match restored {
            Ok(entries) => self.number(attribute::ENTRIES, entries),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// The answer to a request.
    pub(crate) fn status(&mut self, status: u16) {
        self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            self.failed(&format!("HTTP {status}"));
        }
    }

    fn event(&mut self, name: &'static str) {
        self.0.add_event(name, Vec::new());
    }

    /// It did not end well.
    pub(crate) fn failed(&mut self, reason: &str) {
        self.0.set_status(Status::error(reason.to_owned()));
    }
}

/// A transaction that writes these entries, if one of them is traced.
pub(crate) fn commit<'a>(
    mut causes: impl Iterator<Item = &'a Cause>,
    entries: usize,
    bytes: impl Fn() -> usize,
) -> Option<Traced> {
    let first = causes.next()?;
    let links = causes.take(TRACE_LINKS).map(|cause| Link::with_context(cause.context.clone())).collect();
    let mut span =
        first.tracing.build("commit", SpanKind::Internal, Some(first.context.clone()), Instant::now(), links)?;
    span.number(attribute::ENTRIES, entries as u64);
    span.number(attribute::BYTES, bytes() as u64);
    Some(span)
}
