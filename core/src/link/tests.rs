//! The conversation of two links, by example.

use super::*;
use crate::clock::{Handover, ReplicaId, VersionVector};
use crate::delta::{Digest, Round};

fn config() -> LinkConfig {
    LinkConfig { agent: "test".into(), token: None }
}

fn pair() -> (Link, Link) {
    let (mut client, mut relay) = (Link::client(config(), 0), Link::relay(config(), 0));
    let hello = client.poll_frame().unwrap();
    assert!(matches!(relay.handle_frame(&hello, 0), Ok(Some(Message::Hello(_)))));
    let answer = relay.poll_frame().unwrap();
    assert!(matches!(client.handle_frame(&answer, 0), Ok(Some(Message::Hello(_)))));
    (client, relay)
}

fn messages() -> Vec<Message> {
    let id = ReplicaId::new(5, 6);
    let version: VersionVector = [(id, 7)].into_iter().collect();
    vec![
        Message::Open(Open { room: "r".into(), replica: id, version: version.clone() }),
        Message::Delta { alias: 3, body: vec![1; 700_000] },
        Message::Announce { alias: 3, body: vec![9] },
        Message::Live { alias: 3, frames: vec![vec![1, 2]] },
        Message::Live { alias: 300, frames: vec![vec![1], vec![2, 3]] },
        Message::Presence { alias: 1, entries: vec![(id, Some(vec![0xf6])), (id, None)] },
        Message::Leave { alias: 1 },
        Message::Resume(Resume { room: "r".into(), replica: id, sketch: version.sketch() }),
        Message::Ask { alias: 1, ids: vec![id] },
        Message::Token("fresh".into()),
        Message::Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    ]
}

#[test]
fn messages_come_back_also_in_fragments() {
    let (_, mut relay) = pair();
    for message in messages() {
        let mut seen = None;
        for frame in message.encode() {
            assert!(seen.is_none() && frame.len() <= bounds::FRAME_BYTES);
            seen = relay.handle_frame(&frame, 0).unwrap();
        }
        assert_eq!(seen, Some(message));
    }
}

#[test]
fn messages_of_a_relay_come_back() {
    let (mut client, _) = pair();
    let (id, heir) = (ReplicaId::new(5, 6), ReplicaId::new(9, 6));
    let version: VersionVector = [(id, 7)].into_iter().collect();
    let base: VersionVector = [(id, 5)].into_iter().collect();
    let opened =
        Opened { alias: 1, version: version.clone(), durable: base.clone(), digest: Digest(7), stream: vec![1] };
    assert_eq!(opened.beside(&base).opened(&base), Ok(opened.clone()));
    let round = Round { horizon: 9, keep: vec![heir], finals: vec![(id, 7)], ..Round::default() };
    for message in [
        Message::Resumed(opened.beside(&base)),
        Message::Tell { room: "r".into() },
        Message::Retired { alias: 1, fates: vec![(id, Some(Handover { from: id, taken: 3, heir })), (heir, None)] },
        Message::Round { alias: 1, round },
    ] {
        assert_eq!(client.handle_frame(&message.encode()[0], 0), Ok(Some(message)));
    }
}

#[test]
fn the_first_message_is_a_hello_of_the_same_version() {
    let mut relay = Link::relay(config(), 0);
    assert!(matches!(relay.handle_frame(&messages()[0].encode()[0], 0), Err(LinkError::Unexpected(_))));
    let later = Hello { protocol: 9, features: 0, agent: "x".into(), token: None, now_ms: 0 };
    let error = Link::relay(config(), 0).handle_frame(&Message::Hello(later).encode()[0], 0).unwrap_err();
    assert_eq!((error.close_code(), error.clone()), (4426, LinkError::Version(9)));
}

#[test]
fn a_silent_peer_is_asked_and_then_given_up() {
    let (mut client, mut relay) = pair();
    assert_eq!(client.handle_timeout(0), Ok(PING_MS));
    assert_eq!(client.handle_timeout(PING_MS), Ok(SILENCE_MS));
    let ping = client.poll_frame().unwrap();
    relay.handle_frame(&ping, PING_MS).unwrap();
    let pong = relay.poll_frame().unwrap();
    client.handle_frame(&pong, PING_MS).unwrap();
    assert_eq!(client.handle_timeout(PING_MS + 1), Ok(2 * PING_MS));
    assert!(matches!(client.handle_timeout(PING_MS + SILENCE_MS), Err(LinkError::Silent(_))));
    assert!(Link::relay(config(), 0).handle_timeout(HANDSHAKE_MS).is_err());
}

#[test]
fn fields_that_a_later_version_appends_are_passed_over() {
    let (mut client, _) = pair();
    let ping = [0x83, 9, 1, 0x61, b'x'];
    assert_eq!(client.handle_frame(&ping, 0), Ok(None));
    assert!(client.poll_frame().is_some());
}

#[test]
fn a_message_larger_than_the_limit_is_refused_while_it_arrives() {
    let (_, mut relay) = pair();
    let mut chunk = vec![0; bounds::FRAME_BYTES];
    (chunk[0], chunk[1]) = (0x03, 0);
    let result = (0..300).map(|_| relay.handle_frame(&chunk, 0)).find(Result::is_err);
    assert!(matches!(result, Some(Err(LinkError::Decode(DecodeError::TooLarge { .. })))));
}

#[test]
fn a_driver_knows_an_error_by_its_frame() {
    for code in [
        ErrorCode::Protocol,
        ErrorCode::Forbidden,
        ErrorCode::Retired,
        ErrorCode::Deleted,
        ErrorCode::Quota,
        ErrorCode::Other(77),
    ] {
        for alias in [None, Some(70_000)] {
            let message = Message::Error { alias, error: RemoteError::new(code, "no") };
            assert_eq!(error_code(&message.encode()[0]), Some(code));
        }
    }
    for message in messages() {
        message.encode().iter().for_each(|frame| assert_eq!(error_code(frame), None));
    }
    // An error that is cut off, and what only looks like one.
    let whole = Message::Error { alias: None, error: RemoteError::new(ErrorCode::Limit, "no") }.encode().remove(0);
    (0..whole.len()).for_each(|end| assert_eq!(error_code(&whole[..end]), None));
    assert_eq!(error_code(&[0x85, 0x07, 0xff]), None);
}
