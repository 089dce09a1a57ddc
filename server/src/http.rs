//! The HTTP side of the port: health, readiness, version, and the door to `/sync`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get};
use serde_json::{Value, json};

use crate::admin;
use crate::relay::{Phase, Relay};
use crate::socket::{self, Refusal};
use crate::yjs;

/// Answers all requests of one relay.
pub fn router(relay: Arc<Relay>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/version", get(version))
        .route("/sync", any(sync))
        .route("/yjs/{*name}", any(yjs))
        .route("/hocuspocus", any(hocuspocus))
        .merge(admin::router(&relay))
        .fallback(not_found)
        .with_state(relay)
}

/// Alive: the process answers and its store takes writes.
async fn healthz(State(relay): State<Arc<Relay>>) -> Response {
    match relay.is_healthy() {
        true => reply(StatusCode::OK, &json!({"status": "ok"})),
        false => reply(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "store stopped"})),
    }
}

/// Ready: a new connection would be served.
async fn readyz(State(relay): State<Arc<Relay>>) -> Response {
    match relay.phase() {
        Phase::Starting => reply(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "starting"})),
        Phase::Ready => reply(StatusCode::OK, &json!({"status": "ready"})),
        Phase::Draining => reply(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "draining"})),
    }
}

async fn version() -> Response {
    reply(
        StatusCode::OK,
        &json!({"name": "syncline", "version": syncline::VERSION, "protocols": [socket::SUBPROTOCOL]}),
    )
}

async fn sync(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    answer(&relay, socket::upgrade(&relay, request))
}

async fn yjs(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    answer(&relay, yjs::upgrade(&relay, request))
}

async fn hocuspocus(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    answer(&relay, yjs::upgrade_hocuspocus(&relay, request))
}

fn answer(relay: &Relay, upgraded: Result<Response, Refusal>) -> Response {
    match upgraded {
        Ok(response) => response,
        Err(refusal) => {
            relay.metrics().refused.of((&refusal).into()).inc();
            let mut response = problem(refusal.status(), &refusal.to_string());
            if refusal.is_temporary() {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            response
        }
    }
}

async fn not_found(request: Request) -> Response {
    let hint = format!(
        "there is nothing at {}; replicas connect by WebSocket to /sync, clients of Yjs to /yjs/NAME or /hocuspocus, people look at /status, /healthz, /readyz and /version",
        request.uri().path()
    );
    problem(StatusCode::NOT_FOUND, &hint)
}

fn problem(status: StatusCode, message: &str) -> Response {
    reply(status, &json!({"error": message}))
}

fn reply(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(format!("{body}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
