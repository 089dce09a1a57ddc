//! Who may connect: tokens that are refused, each with its code, while others work on.

use serde_json::json;
use syncline::crdt::Value;
use syncline::link::{ErrorCode, Message as Inner};
use syncline::replica::AckLevel;
use syncline_server::access::{AccessLevel, sign};
use syncline_server::client::ClientError;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::*;
use crate::tokens::*;

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_valid_are_refused_and_harm_nobody() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = secured(data.path());
    settings.access.issuer = Some("issuer".into());
    settings.access.audience = Some("relay".into());
    let server = serve(settings).await;
    let with = |change: fn(&mut syncline_server::access::TokenRequest)| {
        token_with("ada", "board", AccessLevel::Write, |request| {
            (request.issuer, request.audience) = (Some("issuer".into()), Some("relay".into()));
            change(request);
        })
    };
    let good = with(|_| {});
    let ada = synced_with(&server, "board", &good).await;
    let parts: Vec<&str> = good.split('.').collect();
    let none = part(&json!({"alg": "none", "typ": "JWT"}));
    let wider = part(&claims("ada"));

    is_unauthorized(&server, None, "asks for a token").await;
    is_unauthorized(&server, Some(""), "is not one").await;
    is_unauthorized(&server, Some("a.b.c"), "is not one").await;
    is_unauthorized(&server, Some(&with(|request| request.expires = now_ms() / 1000 - 1)), "expired").await;
    is_unauthorized(&server, Some(&with(|request| request.audience = Some("other".into()))), "audience").await;
    is_unauthorized(&server, Some(&with(|request| request.audience = None)), "audience").await;
    is_unauthorized(&server, Some(&with(|request| request.issuer = Some("other".into()))), "issuer").await;
    is_unauthorized(&server, Some(&with(|request| request.issuer = None)), "issuer").await;
    is_unauthorized(&server, Some(&format!("{none}.{}.", parts[1])), "algorithm").await;
    is_unauthorized(&server, Some(&format!("{none}.{}.{}", parts[1], parts[2])), "algorithm").await;
    let other = part(&json!({"alg": "HS512"}));
    is_unauthorized(&server, Some(&format!("{other}.{}.{}", parts[1], parts[2])), "algorithm").await;
    let public = part(&json!({"alg": "RS256"}));
    is_unauthorized(&server, Some(&format!("{public}.{}.{}", parts[1], parts[2])), "does not know").await;
    is_unauthorized(&server, Some(&format!("{}.{wider}.{}", parts[0], parts[2])), "signature").await;
    is_unauthorized(&server, Some(&format!("{}.{}.", parts[0], parts[1])), "signature").await;
    is_unauthorized(&server, Some(&good[..good.len() - 5]), "").await;

    set(&ada, "x", 1);
    within("a durable ack", ada.acked(AckLevel::Durable)).await.unwrap();
    let bob = synced_with(&server, "board", &good).await;
    assert_eq!(get(&bob, "x"), Some(Value::Int(1)));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_an_audience_needs_a_relay_that_names_it() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let token = token_with("ada", "*", AccessLevel::Read, |request| request.audience = Some("other".into()));
    is_unauthorized(&server, Some(&token), "audience").await;
    server.drain().await;
}

/// The public key is public: who signs with it as a secret must not get in.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_takes_signatures_of_its_own_algorithm_only() {
    let data = tempfile::tempdir().unwrap();
    let public = include_str!("keys/rsa-public.pem");
    let file = data.path().join("public.pem");
    std::fs::write(&file, public).unwrap();
    let mut settings = config(data.path());
    settings.access.public_keys = vec![file];
    let server = serve(settings).await;
    let signed = include_str!("keys/rs256-until-2100.jwt").trim();
    synced_with(&server, "board", signed).await;
    let parts: Vec<&str> = signed.split('.').collect();
    let request = |secret: &str| {
        let request = syncline_server::access::TokenRequest {
            subject: "eve".into(),
            expires: now_ms() / 1000 + 60,
            ..Default::default()
        };
        sign(&request, secret.as_bytes()).unwrap()
    };
    for secret in [public, public.trim()] {
        is_unauthorized(&server, Some(&request(secret)), "does not know").await;
    }
    let wider = part(&claims("eve"));
    is_unauthorized(&server, Some(&format!("{}.{wider}.{}", parts[0], parts[2])), "signature").await;
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_not_granted_is_forbidden() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    for (room, granted) in [("other", "board"), ("board2", "board"), ("team", "team-*"), ("Board", "board")] {
        let token = token("ada", granted, AccessLevel::Admin);
        let (error, code) = refusal(&server, room, Some(&token)).await;
        assert_eq!((error.code, code), (ErrorCode::Forbidden, 4403), "{room} {error}");
    }
    let client = client_with(&server, "other", &token("ada", "board", AccessLevel::Write));
    let stopped = within("the refusal", client.stopped()).await;
    assert!(matches!(&stopped, ClientError::Refused { reason } if reason.contains("does not grant")), "{stopped}");
    assert_eq!(server.relay().rooms(), 0, "a room was loaded for somebody who may not see it");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_rooms_are_only_names() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = serve(secured(&data)).await;
    let all = token("ada", "*", AccessLevel::Write);
    for name in ["../../x", "/etc/passwd", "..", "a/../b", "..\\..\\x", "%2e%2e%2f", "'; DROP TABLE log; --"] {
        let client = synced_with(&server, name, &all).await;
        set(&client, "x", 1);
        within("a durable ack", client.acked(AckLevel::Durable)).await.unwrap();
    }
    let others: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(others, ["data"]);
    for name in ["", "a\0b", "a\nb", "\u{7f}", &"x".repeat(257)] {
        let mut raw = Raw::join_with(server.address(), name, Some(&all)).await;
        assert_eq!(raw.read_to_end().await.1, 4400, "{name:?}");
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_may_not_connect() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = secured(data.path());
    settings.socket.origins = vec!["https://board.example".into()];
    let server = serve(settings).await;
    for (origin, taken) in [("https://evil.example", false), ("null", false), ("https://board.example", true)] {
        let mut request = url(server.address()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "syncline.1".parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok(_) => assert!(taken, "{origin}"),
            Err(Error::Http(response)) => assert_eq!((response.status().as_u16(), taken), (403, false), "{origin}"),
            Err(other) => panic!("{origin}: {other}"),
        }
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_a_valid_hello_and_silence_ends() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let silent = Raw::connect(server.address()).await;
    let mut large = Raw::connect(server.address()).await;
    // The first of many fragments, which the relay would have to keep.
    large.send(vec![3; 1000]).await;
    assert_eq!(large.read_to_end().await.1, 4400);
    let mut early = Raw::connect(server.address()).await;
    early.say(&Inner::Token(token("ada", "*", AccessLevel::Admin))).await;
    assert_eq!(early.read_to_end().await.1, 4400);
    let mut silent = silent;
    let (_, code) = silent.read_to_end().await;
    assert_eq!(code, 4508);
    assert_eq!(server.relay().rooms(), 0);
    server.drain().await;
}

#[test]
fn a_relay_for_everybody_starts_on_loopback_only() {
    let data = tempfile::tempdir().unwrap();
    let serve = |arguments: &[&str]| {
        syncline().args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(data.path()).args(arguments).output().unwrap()
    };
    for arguments in [&["--dev"] as &[&str], &[]] {
        let output = serve(arguments);
        let said = text(&output.stderr);
        assert_eq!(code(&output), 2, "{said}");
        assert!(said.contains("127.0.0.1:7171") && said.contains("access.secret_file"), "{said}");
    }
}

#[test]
fn the_command_makes_tokens_that_the_relay_takes() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let file = file.to_str().unwrap();
    let make =
        |arguments: &[&str]| syncline().arg("token").args(arguments).args(["--secret-file", file]).output().unwrap();
    let made = |arguments: &[&str]| {
        let output = make(arguments);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    };
    let relay = Relay::start_secured(data.path(), file);
    let set = |token: &str, path: &str| {
        let arguments = ["set", path, "--value", "1", "--room", "board", "--timeout", "60", "--url", &relay.url()];
        syncline().args(arguments).env("SYNCLINE_TOKEN", token).output().unwrap()
    };
    let write = made(&["--room", "board", "--expires", "1h"]);
    assert_eq!(code(&set(&write, "x")), 0);
    let read = set(&made(&["--room", "bo*", "--access", "read", "--expires", "1h"]), "x");
    assert_eq!(code(&read), 1);
    assert!(text(&read.stderr).contains("may read the room"), "{}", text(&read.stderr));
    let mine = made(&["--room", "board", "--path", "mine", "--expires", "1h"]);
    assert_eq!((code(&set(&mine, "mine")), code(&set(&mine, "x"))), (0, 1));
    let none = set("", "x");
    assert!(text(&none.stderr).contains("token"), "{}", text(&none.stderr));
    assert_eq!(code(&make(&["--room", "a*b", "--expires", "1h"])), 2);
    std::fs::write(file, "short").unwrap();
    assert!(text(&make(&["--room", "x", "--expires", "1h"]).stderr).contains("openssl rand"));
}
