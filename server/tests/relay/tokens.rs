//! Relays that ask for tokens, and tokens of all kinds.

use std::path::Path as FilePath;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use syncline::doc::Doc;
use syncline::link::{ErrorCode, Message as Inner, RemoteError};
use syncline_server::access::{AccessLevel, TokenRequest, sign};
use syncline_server::client::{Client, ClientOptions, new_replica_id};
use syncline_server::config::{Config, Secret};
use syncline_server::serve::Server;

use crate::common::*;

pub(crate) const SECRET: &str = "a secret for tests, which is as long as it must be";

/// Settings of a relay that takes tokens signed with [`SECRET`], without leeway.
pub(crate) fn secured(data: &FilePath) -> Config {
    let mut config = config(data);
    config.access.secret = Some(Secret::new(SECRET));
    config.access.leeway_seconds = 0;
    config
}

/// A token for an hour.
pub(crate) fn token(subject: &str, room: &str, access: AccessLevel) -> String {
    token_with(subject, room, access, |_| {})
}

pub(crate) fn token_with(
    subject: &str,
    room: &str,
    access: AccessLevel,
    change: impl FnOnce(&mut TokenRequest),
) -> String {
    let mut request = TokenRequest {
        subject: subject.into(),
        rooms: vec![(room.into(), access)],
        expires: now_ms() / 1000 + 3600,
        ..TokenRequest::default()
    };
    change(&mut request);
    sign(&request, SECRET.as_bytes()).unwrap()
}

/// A part of a token.
pub(crate) fn part(json: &Json) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// Claims that grant everything for an hour.
pub(crate) fn claims(subject: &str) -> Json {
    json!({"sub": subject, "exp": now_ms() / 1000 + 3600, "rooms": [{"room": "*", "access": "admin"}]})
}

pub(crate) fn client_with(server: &Server, room: &str, token: &str) -> Client {
    let options = ClientOptions { token: Some(token.into()), ..ClientOptions::new(url(server.address()), room) };
    Client::connect_with(options, Doc::new(new_replica_id())).unwrap()
}

pub(crate) async fn synced_with(server: &Server, room: &str, token: &str) -> Client {
    let client = client_with(server, room, token);
    within("the room's content", client.synced()).await.unwrap();
    client
}

/// How a relay refuses: what it says last, and the close code.
pub(crate) async fn refusal(server: &Server, room: &str, token: Option<&str>) -> (RemoteError, u16) {
    let mut raw = Raw::join_with(server.address(), room, token).await;
    refused(&mut raw).await
}

pub(crate) async fn refused(raw: &mut Raw) -> (RemoteError, u16) {
    let (messages, code) = raw.read_to_end().await;
    match messages.into_iter().next_back() {
        Some(Inner::Error { error, .. }) => (error, code),
        other => panic!("{other:?} instead of an error, closed with {code}"),
    }
}

pub(crate) async fn is_unauthorized(server: &Server, token: Option<&str>, part: &str) {
    let (error, code) = refusal(server, "board", token).await;
    assert_eq!((error.code, code, error.temporary), (ErrorCode::Unauthorized, 4401, false), "{error}");
    assert!(error.message.contains(part) && error.message.contains(';'), "{part:?} is missing in: {error}");
}
