//! Connections: who they are, and ending one.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Problem;
use super::reply::json_reply;
use super::room_routes::{Page, flag, parameters};
use super::target::Target;
use crate::limits::ADMIN_PAGE;
use crate::relay::{Client, Relay};
use crate::socket::SUBPROTOCOL;
use crate::yjs::shown;

/// Close code of a connection that is to come back: the service restarts, as far as the client is concerned.
const CLOSE_COME_BACK: u16 = 1012;

/// Close code of a connection that is to stay away: clients stop at it.
const CLOSE_STAY_AWAY: u16 = 4403;

/// Connections by number, a page at a time.
pub(super) async fn list(State(relay): State<Arc<Relay>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let page = Page::parse(query.as_deref(), &[])?;
    let after = match page.after.as_deref().map(str::parse::<u64>) {
        None => 0,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Err(Problem::usage("`after` is no number", "Give the `next` of the page before.")),
    };
    let all = relay.clients().all();
    let mut clients: Vec<_> = all.iter().filter(|client| client.number > after).take(page.limit + 1).collect();
    let more = clients.len() > page.limit;
    clients.truncate(page.limit);
    let next = clients.last().filter(|_| more).map(|client| client.number.to_string());
    let clients: Vec<Value> = clients.into_iter().map(|client| describe(client)).collect();
    Ok(json_reply(&json!({"clients": clients, "next": next})))
}

/// The connections that have a room open, at most so many as a page may have.
pub(super) async fn of_room(
    State(relay): State<Arc<Relay>>,
    room: Path<String>,
    query: RawQuery,
) -> Result<Response, Problem> {
    let (name, of_syncline) = match Target::of(room, query, &[])?.0 {
        Target::Room(room) => {
            relay.require_room(&room).await?;
            (room, true)
        }
        Target::Document(name) => {
            relay.require_document(&name).await?;
            (shown(&name).to_string(), false)
        }
    };
    let all = relay.clients().all();
    let alike = all.iter().filter(|client| (client.protocol == SUBPROTOCOL) == of_syncline);
    let inside = alike.filter(|client| client.said().rooms.iter().any(|open| **open == *name));
    let clients: Vec<Value> = inside.take(ADMIN_PAGE).map(|client| describe(client)).collect();
    Ok(json_reply(&json!({"clients": clients})))
}

/// Closes a connection; with `reconnect=false` the client is told to stay away.
pub(super) async fn kick(
    State(relay): State<Arc<Relay>>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let parameters = parameters(query.as_deref(), &["reconnect"])?;
    let comes_back = parameters.first().map_or(Ok(true), |(name, value)| flag(name, value))?;
    let code = if comes_back { CLOSE_COME_BACK } else { CLOSE_STAY_AWAY };
    let client = number.parse().ok().and_then(|number| relay.clients().get(number)).ok_or_else(|| {
        let message = format!("there is no client {number}");
        Problem::new(StatusCode::NOT_FOUND, "no_such_client", message, "GET /admin/v1/clients lists the clients.")
    })?;
    tracing::info!(connection = client.number, code, "an operator closes a connection");
    relay.metrics().kicked.inc();
    client.outbox.close(code, "closed by an operator");
    Ok(json_reply(&json!({"closed": client.number, "code": code})))
}

fn describe(client: &Client) -> Value {
    let said = client.said();
    json!({
        "number": client.number,
        "address": client.peer.map(|peer| peer.to_string()),
        "protocol": client.protocol,
        "agent": said.agent,
        "subject": said.subject,
        "since_ms": client.since_ms,
        "queued_bytes": client.outbox.bytes(),
        "rooms": said.rooms.iter().map(|room| &**room).collect::<Vec<_>>(),
    })
}
