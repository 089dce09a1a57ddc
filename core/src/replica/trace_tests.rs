//! The trace that a client's writes belong to: when it is told, and to whom.

use super::{Input, Output, Replica, ReplicaConfig};
use crate::clock::{ReplicaId, VersionVector};
use crate::crdt::{Path, Value};
use crate::delta::LiveEncoder;
use crate::doc::Doc;
use crate::link::{FEATURE_TOKEN, FEATURE_TRACE, Hello, Link, LinkConfig, Message, Opened};

const NOW: u64 = 1_700_000_000_000;
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A client, and a relay that knows some features.
struct Pair {
    replica: Replica,
    relay: Link,
    features: u64,
}

impl Pair {
    fn new(features: u64) -> Pair {
        let config = ReplicaConfig { room: "r".into(), agent: "test".into(), token: None, seed: 1 };
        let replica = Replica::new(config, Doc::new(ReplicaId::new(NOW, 1)));
        Pair { replica, relay: relay(), features }
    }

    /// Connects up to where the relay has answered the hello.
    fn connect(&mut self) -> Vec<Message> {
        self.replica.handle(Input::Online(true), NOW);
        self.said();
        self.relay = relay();
        self.replica.handle(Input::Connected, NOW);
        self.said();
        let hello = Hello { protocol: 1, features: self.features, agent: "relay".into(), token: None, now_ms: NOW };
        self.hear(&Message::Hello(hello));
        self.said()
    }

    fn opened(&mut self) {
        let doc = Doc::new(ReplicaId::new(NOW, 2));
        let (version, digest) = (VersionVector::default(), doc.digest());
        let stream = LiveEncoder::default().reader_joined();
        self.hear(&Message::Opened(Opened { alias: 1, version: version.clone(), durable: version, digest, stream }));
        self.said();
    }

    fn hear(&mut self, message: &Message) {
        message.encode().iter().for_each(|frame| self.replica.handle(Input::Frame(frame), NOW));
    }

    /// What the client says, without its hello.
    fn said(&mut self) -> Vec<Message> {
        let mut said = Vec::new();
        loop {
            match self.replica.poll(NOW) {
                Output::Idle(_) => return said,
                Output::Send(frame) => said.extend(self.relay.handle_frame(&frame, NOW).unwrap()),
                _ => {}
            }
        }
    }

    fn set(&mut self, key: &str) {
        let path = Path::from_segments([key]);
        self.replica.doc_mut().transact(NOW, None, |doc| doc.set(&path, Value::Int(1))).unwrap();
    }
}

fn relay() -> Link {
    Link::relay(LinkConfig { agent: "relay".into(), token: None }, NOW)
}

fn trace(text: &str) -> Message {
    Message::Trace(text.into())
}

#[test]
fn the_trace_is_told_before_anything_else_on_each_connection() {
    let mut pair = Pair::new(FEATURE_TOKEN | FEATURE_TRACE);
    pair.replica.set_trace(PARENT.into());
    for _ in 0..2 {
        let said = pair.connect();
        assert_eq!(said[0], trace(PARENT));
        assert!(matches!(said[1], Message::Open(_) | Message::Resume(_)));
        pair.replica.handle(Input::Online(false), NOW);
        pair.said();
    }
}

#[test]
fn a_relay_that_does_not_know_traces_hears_of_none() {
    let mut pair = Pair::new(FEATURE_TOKEN);
    pair.replica.set_trace(PARENT.into());
    assert!(!pair.connect().contains(&trace(PARENT)));
    pair.opened();
    pair.replica.set_trace(String::new());
    assert_eq!(pair.said(), []);
}

#[test]
fn who_has_no_trace_tells_none() {
    let mut pair = Pair::new(FEATURE_TOKEN | FEATURE_TRACE);
    assert!(matches!(pair.connect()[..], [Message::Open(_) | Message::Resume(_)]));
}

#[test]
fn what_was_written_before_goes_before() {
    let mut pair = Pair::new(FEATURE_TRACE);
    pair.connect();
    pair.opened();
    pair.set("a");
    pair.replica.set_trace(PARENT.into());
    pair.set("b");
    let said = pair.said();
    let place = |kind: fn(&Message) -> bool| said.iter().position(kind).unwrap();
    let writes = said.iter().filter(|message| matches!(message, Message::Live { .. })).count();
    assert_eq!(writes, 2, "{said:?}");
    let told = place(|message| *message == trace(PARENT));
    assert!(place(|message| matches!(message, Message::Live { .. })) < told);
    assert!(matches!(said[said.len() - 1], Message::Live { .. }) && told < said.len() - 1);
}
