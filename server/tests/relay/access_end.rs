//! How access ends while a connection is in use: by time, by revocation, or not, thanks to a fresh token.

use std::time::{Duration, Instant};

use syncline::link::{ErrorCode, Message as Inner};
use syncline::replica::{AckLevel, State};
use syncline_server::access::{AccessLevel, Revocation, TokenRequest};
use syncline_server::client::ClientError;

use crate::common::*;
use crate::tokens::*;

fn short(subject: &str, seconds: u64) -> String {
    token_with(subject, "board", AccessLevel::Write, |request| request.expires = now_ms() / 1000 + seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_closes_unless_a_fresh_one_came_before() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let (ada, bob) = (client_with(&server, "board", &short("ada", 4)), client_with(&server, "board", &short("bob", 4)));
    within("the room", ada.synced()).await.unwrap();
    let connected = ada.status().relay.is_some();
    assert!(connected);
    ada.set_token(Some(token("ada", "board", AccessLevel::Write)));
    let stopped = within("the end of the token", bob.stopped()).await;
    assert!(matches!(&stopped, ClientError::Refused { reason } if reason.contains("expired")), "{stopped}");
    assert_eq!(bob.status().state, State::Stopped);
    set(&ada, "x", 1);
    within("a durable ack", ada.acked(AckLevel::Durable)).await.unwrap();
    assert_eq!((ada.last_failure(), ada.status().state), (None, State::Live), "the connection was not the same");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_socket_keeps_its_token_when_a_fresh_one_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let mut raw = Raw::join_with(server.address(), "board", Some(&token("ada", "board", AccessLevel::Write))).await;
    let opened = raw.wait_for(|message| matches!(message, Inner::Opened(_))).await;
    let pause = Duration::from_millis(1100);
    for (fresh, code) in [
        (token_with("ada", "board", AccessLevel::Write, |request| request.expires = 1), ErrorCode::Unauthorized),
        (token("bob", "board", AccessLevel::Write), ErrorCode::Unauthorized),
        ("nonsense".into(), ErrorCode::Unauthorized),
    ] {
        tokio::time::sleep(pause).await;
        raw.say(&Inner::Token(fresh)).await;
        let error = raw.wait_for(|message| matches!(message, Inner::Error { .. })).await;
        assert!(matches!(&error, Inner::Error { alias: None, error } if error.code == code), "{error:?}");
    }
    raw.say(&Inner::Token(token("ada", "board", AccessLevel::Read))).await;
    let error = raw.wait_for(|message| matches!(message, Inner::Error { .. })).await;
    assert!(
        matches!(&error, Inner::Error { error, .. } if error.code == ErrorCode::Limit && error.temporary),
        "{error:?}"
    );
    raw.say(&Inner::Ping(7)).await;
    raw.say(&Inner::Open(syncline::link::Open {
        room: "board".into(),
        replica: syncline::clock::ReplicaId::new(1, 7),
        version: Default::default(),
    }))
    .await;
    let again = raw.wait_for(|message| matches!(message, Inner::Opened(_))).await;
    assert_eq!(again.room(), opened.room());

    // One that grants other rooms is valid, and ends the connection to this one.
    tokio::time::sleep(pause).await;
    raw.say(&Inner::Token(token("ada", "other", AccessLevel::Write))).await;
    let (error, code) = refused(&mut raw).await;
    assert_eq!((error.code, code), (ErrorCode::Forbidden, 4403));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_subject_is_closed_while_it_writes_and_stays_out() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let (ada_token, eve_token) = (token("ada", "board", AccessLevel::Write), token("eve", "board", AccessLevel::Write));
    let (ada, eve) = (synced_with(&server, "board", &ada_token).await, synced_with(&server, "board", &eve_token).await);
    let mut revoked = None;
    let mut writes = 0;
    let ended = within("the end of the revoked one", async {
        loop {
            set(&eve, &format!("eve/{}", writes % 100), writes);
            set(&ada, &format!("ada/{}", writes % 100), writes);
            writes += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
            if writes == 100 {
                server.relay().access().revoke(Revocation::Subject("eve".into())).unwrap();
                revoked = Some(Instant::now());
            }
            if eve.status().state == State::Stopped {
                return revoked.unwrap().elapsed();
            }
        }
    })
    .await;
    assert!(ended < Duration::from_secs(1), "{ended:?}");
    let stopped = eve.stopped().await;
    assert!(matches!(&stopped, ClientError::Refused { reason } if reason.contains("revoked")), "{stopped}");
    is_unauthorized(&server, Some(&eve_token), "revoked").await;
    within("a durable ack", ada.acked(AckLevel::Durable)).await.unwrap();
    assert_eq!(ada.last_failure(), None);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_revoked_tokens_is_read_again() {
    let data = tempfile::tempdir().unwrap();
    let list = data.path().join("revoked");
    std::fs::write(&list, "# nobody yet\nsub mallory\n").unwrap();
    let mut settings = secured(data.path());
    settings.access.revoked = Some(list.clone());
    let server = serve(settings).await;
    is_unauthorized(&server, Some(&token("mallory", "board", AccessLevel::Write)), "revoked").await;
    let named = |id: &str| {
        let id = id.to_owned();
        token_with("ada", "board", AccessLevel::Write, |request: &mut TokenRequest| request.id = Some(id))
    };
    let (one, two) =
        (synced_with(&server, "board", &named("1")).await, synced_with(&server, "board", &named("2")).await);
    std::fs::write(&list, "nonsense\n").unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    is_unauthorized(&server, Some(&token("mallory", "board", AccessLevel::Write)), "revoked").await;
    std::fs::write(&list, "jti 1\n").unwrap();
    let stopped = within("the end of the revoked one", one.stopped()).await;
    assert!(matches!(&stopped, ClientError::Refused { reason } if reason.contains("revoked")), "{stopped}");
    set(&two, "x", 1);
    within("a durable ack", two.acked(AckLevel::Durable)).await.unwrap();
    synced_with(&server, "board", &token("mallory", "board", AccessLevel::Write)).await;
    server.drain().await;
}
