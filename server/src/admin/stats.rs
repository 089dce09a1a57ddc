//! The numbers of the relay: for Prometheus, and as JSON for the status page and `syncline top`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Problem;
use super::reply::{json_reply, text};
use crate::metrics::TextFormat;
use crate::relay::{Phase, Relay, now_ms};

pub(super) async fn metrics(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = TextFormat::accepted(accept);
    match format.encode(relay.families()) {
        Ok(page) => text(format.content_type(), page),
        Err(error) => {
            let advice = "Use /admin/v1/stats, and report this.";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", error.to_string(), advice).into_response()
        }
    }
}

pub(super) async fn stats(State(relay): State<Arc<Relay>>) -> Response {
    let families = relay.families();
    let metrics: Map<String, Value> =
        families.iter().map(|family| (family.name.to_owned(), family.to_json())).collect();
    json_reply(&json!({
        "version": syncline::VERSION,
        "time_ms": now_ms(),
        "phase": match relay.phase() {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        },
        "metrics": metrics,
    }))
}
