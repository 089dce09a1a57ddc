//! A collector of traces that keeps what it gets.

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use syncline_server::client::{Client, ClientOptions, new_replica_id};
use syncline_server::config::Config;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::common::*;

/// A trace and a span in it that a client brings.
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const SPAN: &str = "b7ad6b7169203331";

/// What names them.
pub(crate) fn parent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

pub(crate) struct Collector {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    requests: Mutex<Vec<ExportTraceServiceRequest>>,
    /// A request is answered when it has got a place.
    answers: Semaphore,
}

impl Collector {
    /// One that answers at once.
    pub(crate) async fn start() -> Collector {
        Collector::with_answers(Semaphore::MAX_PERMITS).await
    }

    /// One that takes everything and never answers.
    pub(crate) async fn silent() -> Collector {
        Collector::with_answers(0).await
    }

    async fn with_answers(answers: usize) -> Collector {
        let shared = Arc::new(Shared { requests: Mutex::default(), answers: Semaphore::new(answers) });
        let router = Router::new().route("/v1/traces", post(take)).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Collector { endpoint, shared, task }
    }

    /// Settings of a relay that sends all its spans here.
    pub(crate) fn config(&self, data: &FilePath) -> Config {
        let mut config = config(data);
        config.trace.endpoint = Some(self.endpoint.clone());
        config
    }

    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.lock().unwrap().len()
    }

    /// All spans that came, with the name of their service.
    pub(crate) fn all(&self) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        for resource in self.shared.requests.lock().unwrap().iter().flat_map(|request| &request.resource_spans) {
            let attributes = resource.resource.as_ref().map(|resource| &resource.attributes[..]).unwrap_or_default();
            let service = attributes.iter().find(|pair| pair.key == "service.name").unwrap();
            let Some(Value::StringValue(service)) = service.value.clone().unwrap().value else { panic!("a name") };
            let found = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.extend(found.map(|span| (service.clone(), span.clone())));
        }
        spans
    }

    /// The spans of a name.
    pub(crate) fn spans(&self, name: &str) -> Vec<Span> {
        self.all().into_iter().map(|(_, span)| span).filter(|span| span.name == name).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    shared.requests.lock().unwrap().push(request);
    match shared.answers.acquire().await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A client whose writes belong to [`TRACE`].
pub(crate) async fn traced(url: String, room: &str) -> Client {
    let options = ClientOptions { trace: parent().parse().ok(), ..ClientOptions::new(url, room) };
    assert!(options.trace.is_some());
    let client = Client::connect_with(options, syncline::doc::Doc::new(new_replica_id())).unwrap();
    within("the room's content", client.synced()).await.unwrap();
    client
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_in_trace(span: &Span) -> bool {
    hex(&span.trace_id) == TRACE
}

/// The names of its events in their order.
pub(crate) fn events(span: &Span) -> Vec<&str> {
    span.events.iter().map(|event| event.name.as_str()).collect()
}

/// An attribute as text.
pub(crate) fn attribute(span: &Span, key: &str) -> String {
    let pair = span.attributes.iter().find(|pair| pair.key == key);
    match pair.and_then(|pair| pair.value.clone()).and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {} is {other:?}", span.name),
    }
}
