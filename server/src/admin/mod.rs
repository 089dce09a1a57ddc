//! What operators use over HTTP: metrics, the admin interface, the status page.
//!
//! | path | what |
//! |---|---|
//! | `/metrics` | all numbers, for Prometheus |
//! | `/admin/v1/…` | rooms, clients, orders; described by `/admin/v1/openapi.json` |
//! | `/status` | a page for people, which asks for the token if there is one |
//!
//! Everything but the page and the description is behind [`AdminGate`].

mod client_routes;
mod gate;
mod problem;
mod reply;
mod room_routes;
mod stats;
mod status;
mod target;
mod version_routes;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use serde_json::json;

use crate::relay::Relay;
use crate::trace::{TraceParent, Traced};

pub use gate::AdminGate;
pub(crate) use problem::Problem;
use reply::json_reply;

/// The description of the interface; a test calls everything in it.
pub const OPENAPI: &str = include_str!("openapi.json");

/// What the admin interface consists of, as in its description.
pub const ROUTES: &[(Method, &str)] = &[
    (Method::GET, "/metrics"),
    (Method::GET, "/admin/v1/openapi.json"),
    (Method::GET, "/admin/v1/stats"),
    (Method::GET, "/admin/v1/rooms"),
    (Method::GET, "/admin/v1/rooms/{room}"),
    (Method::DELETE, "/admin/v1/rooms/{room}"),
    (Method::POST, "/admin/v1/rooms/{room}/undelete"),
    (Method::GET, "/admin/v1/rooms/{room}/clients"),
    (Method::GET, "/admin/v1/rooms/{room}/export"),
    (Method::POST, "/admin/v1/rooms/{room}/compact"),
    (Method::GET, "/admin/v1/rooms/{room}/versions"),
    (Method::GET, "/admin/v1/rooms/{room}/versions/{version}/export"),
    (Method::POST, "/admin/v1/rooms/{room}/versions/{version}/restore"),
    (Method::GET, "/admin/v1/clients"),
    (Method::DELETE, "/admin/v1/clients/{number}"),
    (Method::POST, "/admin/v1/drain"),
];

/// The routes of operators, each behind the gate.
pub(crate) fn router(relay: &Arc<Relay>) -> Router<Arc<Relay>> {
    let guarded = Router::new()
        .route("/metrics", get(stats::metrics))
        .route("/admin/v1/stats", get(stats::stats))
        .route("/admin/v1/rooms", get(room_routes::list))
        .route("/admin/v1/rooms/{room}", get(room_routes::show).delete(room_routes::remove))
        .route("/admin/v1/rooms/{room}/undelete", post(room_routes::undelete))
        .route("/admin/v1/rooms/{room}/clients", get(client_routes::of_room))
        .route("/admin/v1/rooms/{room}/export", get(room_routes::export))
        .route("/admin/v1/rooms/{room}/compact", post(room_routes::compact))
        .route("/admin/v1/rooms/{room}/versions", get(version_routes::list))
        .route("/admin/v1/rooms/{room}/versions/{version}/export", get(version_routes::export))
        .route("/admin/v1/rooms/{room}/versions/{version}/restore", post(version_routes::restore))
        .route("/admin/v1/clients", get(client_routes::list))
        .route("/admin/v1/clients/{number}", delete(client_routes::kick))
        .route("/admin/v1/drain", post(drain))
        .route("/admin/{*rest}", any(missing))
        .method_not_allowed_fallback(method)
        .route_layer(from_fn_with_state(relay.clone(), guard));
    Router::new()
        .route("/admin/v1/openapi.json", get(openapi))
        .route("/status", get(status::page))
        .method_not_allowed_fallback(method)
        .merge(guarded)
}

async fn guard(State(relay): State<Arc<Relay>>, request: Request, next: Next) -> Response {
    let mut span = trace(&relay, &request);
    let response = match relay.admin().check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(span) = &mut span {
        span.status(response.status().as_u16());
    }
    response
}

/// The span of a request. What Prometheus asks for every few seconds would only be noise.
fn trace(relay: &Relay, request: &Request) -> Option<Traced> {
    let (tracing, route) = (relay.tracing()?, request.extensions().get::<MatchedPath>()?.as_str());
    let parent = TraceParent::of(request.headers());
    route.starts_with("/admin").then(|| tracing.admin(parent.as_ref(), request.method().as_str(), route))?
}

async fn openapi() -> Response {
    reply::text("application/json", OPENAPI.to_owned())
}

/// Begins the orderly end; the answer comes before connections are closed.
async fn drain(State(relay): State<Arc<Relay>>) -> Response {
    tracing::info!("an operator asks to drain");
    relay.request_drain();
    let mut response = json_reply(&json!({"draining": true, "connections": relay.connections()}));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

async fn missing(request: Request) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        format!("there is nothing at {}", request.uri().path()),
        "GET /admin/v1/openapi.json describes what there is.",
    )
}

async fn method(request: Request) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{} does not take {}", request.uri().path(), request.method()),
        "GET /admin/v1/openapi.json says which methods there are.",
    )
}
