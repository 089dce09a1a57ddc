//! Documents of Yjs as operators see them: in lists, one by one, exported, compacted, and counted.

use std::net::SocketAddr;

use serde_json::{Value as Json, json};
use syncline::replica::AckLevel;
use syncline_server::access::AccessLevel;
use syncline_server::metrics::Rejected;

use crate::admin::{document as description, fits};
use crate::common::*;
use crate::operator::*;
use crate::tokens::{secured, token};
use crate::yjs_common::*;

/// An update without blocks and deletes.
const NOTHING_NEW: &[u8] = &[0, 0];

/// Asks, and checks the answer by the description.
async fn asked(address: SocketAddr, method: &str, path: &str) -> Answer {
    let answer = ask(address, method, path).await;
    let (description, plain) = (description(), path.split('?').next().unwrap());
    let parts: Vec<&str> = plain.split('/').collect();
    let place = match parts.as_slice() {
        [.., "rooms"] => "/admin/v1/rooms".to_owned(),
        ["", "admin", "v1", "rooms", _, rest @ ..] => {
            ["/admin/v1/rooms/{room}"].iter().chain(rest).copied().collect::<Vec<_>>().join("/")
        }
        _ => panic!("{path}"),
    };
    let operation = &description["paths"][place.replace("/versions/1", "/versions/{version}")][method.to_lowercase()];
    fits(&answer, operation, &description, &format!("{method} {path}"));
    answer
}

fn rooms(page: &Json) -> Vec<(&str, &str)> {
    let list = page["rooms"].as_array().unwrap();
    list.iter().map(|room| (room["name"].as_str().unwrap(), room["dialect"].as_str().unwrap())).collect()
}

/// A document `pad` of so many updates, a room `board`, and a room whose own name is that of the document in lists.
async fn filled(address: SocketAddr, updates: u32) -> (Socket, Writer, [syncline_server::client::Client; 2]) {
    let (mut ada, writer) = (Socket::sync(address, "pad").await, Writer::new(1));
    for number in 0..updates {
        ada.update(&writer.write(&number.to_string())).await;
        ada.next_of(UPDATE).await;
    }
    let clients = [synced(&url(address), "board").await, synced(&url(address), "yjs:pad").await];
    for client in &clients {
        set(client, "x", 1);
        within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
    }
    (ada, writer, clients)
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_stand_in_the_list_of_rooms_with_their_sizes() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let open = filled(address, 5).await;
    let all = [("yjs:pad", "yjs"), ("board", "syncline"), ("yjs:pad", "syncline")];
    for path in ["/admin/v1/rooms", "/admin/v1/rooms?loaded=true&limit=1000"] {
        let page = asked(address, "GET", path).await.json();
        assert_eq!(rooms(&page), all);
        let loaded = &page["rooms"][0]["loaded"];
        assert_eq!(
            (&loaded["connections"], &loaded["log_entries"], &loaded["last_entry"]),
            (&json!(1), &json!(5), &json!(5))
        );
        assert!(loaded["log_bytes"].as_u64().unwrap() > 50, "{loaded}");
    }
    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = asked(address, "GET", &format!("/admin/v1/rooms?limit=1{after}")).await.json();
        listed.extend(rooms(&page).into_iter().map(|(name, dialect)| (name.to_owned(), dialect.to_owned())));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={}", next.replace('\u{1}', "%01"));
    }
    assert_eq!(listed, all.map(|(name, dialect)| (name.to_owned(), dialect.to_owned())));

    let url = url(address);
    let top = move || syncline().args(["top", "--once", "--json", "--url", &url]).output().unwrap();
    let numbers: Json = serde_json::from_slice(&tokio::task::spawn_blocking(top).await.unwrap().stdout).unwrap();
    let shown = numbers["rooms"].as_array().unwrap().iter().filter(|room| room["room"] == "yjs:pad");
    let mut versions: Vec<u64> = shown.map(|room| room["version"].as_u64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 5], "{numbers}");

    drop(open);
    server.drain().await;
    // What is stored is listed without being loaded.
    let server = serve(config(data.path())).await;
    let page = asked(server.address(), "GET", "/admin/v1/rooms").await.json();
    assert_eq!(rooms(&page), all);
    assert_eq!((&page["rooms"][0]["loaded"], &page["rooms"][0]["stored"]["log_entries"]), (&Json::Null, &json!(5)));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_shown_exported_and_compacted_like_a_room() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (mut ada, writer, _clients) = filled(address, 5).await;
    let at = "/admin/v1/rooms/yjs:pad";

    let shown = asked(address, "GET", at).await.json();
    assert_eq!(shown["content"], json!({"digest": null, "writers": 1, "events": 5, "durable": true}));
    let room = asked(address, "GET", &format!("{at}?dialect=syncline")).await.json();
    assert_eq!((&room["dialect"], &room["content"]["events"]), (&json!("syncline"), &json!(1)));
    assert!(room["content"]["digest"].is_string());

    let clients = asked(address, "GET", &format!("{at}/clients")).await.json();
    let protocols = |clients: &Json| {
        clients["clients"].as_array().unwrap().iter().map(|c| c["protocol"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(protocols(&clients), ["y-websocket"]);
    let clients = asked(address, "GET", &format!("{at}/clients?dialect=syncline")).await.json();
    assert_eq!(protocols(&clients), ["syncline.1"]);

    for query in ["", "?format=binary", "?dialect=yjs"] {
        let export = asked(address, "GET", &format!("{at}/export{query}")).await;
        assert_eq!((export.status, export.content_type.as_str()), (200, "application/octet-stream"));
        assert_eq!(text_of(&export.body), "01234", "{query}");
    }

    let compacted = asked(address, "POST", &format!("{at}/compact")).await.json();
    assert_eq!((&compacted["log_entries"], &compacted["last_entry"]), (&json!(0), &json!(5)));
    assert!(compacted["snapshot_bytes"].as_u64().unwrap() > 0);
    // The document goes on.
    ada.update(&writer.write("!")).await;
    ada.next_of(UPDATE).await;
    assert_eq!(text_of(&asked(address, "GET", &format!("{at}/export")).await.body), "01234!");
    server.drain().await;

    let server = serve(config(data.path())).await;
    // It is loaded for that, and is nobody's but the operator's.
    let export = asked(server.address(), "GET", &format!("{at}/export")).await;
    assert_eq!(text_of(&export.body), "01234!");
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_does_not_have_is_refused_with_a_word() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let _open = filled(address, 1).await;
    for (method, path) in [
        ("DELETE", "yjs:pad"),
        ("POST", "yjs:pad/undelete"),
        ("GET", "yjs:pad/versions"),
        ("GET", "yjs:pad/versions/1/export"),
        ("POST", "yjs:pad/versions/1/restore"),
        ("GET", "yjs:pad/export?format=json"),
        ("GET", "yjs:pad?dialect=yjs&more=1"),
        ("GET", "board?dialect=yjs"),
        ("GET", "board?dialect=cobol"),
    ] {
        let answer = asked(address, method, &format!("/admin/v1/rooms/{path}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad_request"), "{method} {path}");
    }
    // A name that is only stored reaches no document, and nothing is made by asking.
    for path in ["yjs:absent", "yjs:absent/export", "yjs:absent/clients", "%01yjs:pad", "%01yjs:pad/export", "yjs:"] {
        let answer = asked(address, "GET", &format!("/admin/v1/rooms/{path}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "no_such_room"), "{path}");
    }
    let compact = asked(address, "POST", "/admin/v1/rooms/yjs:absent/compact").await;
    assert_eq!(compact.problem(), "no_such_room");
    assert_eq!(rooms(&asked(address, "GET", "/admin/v1/rooms").await.json()).len(), 3);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_count_into_the_metrics_of_rooms() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let (mut ada, writer) = (Socket::sync(address, "pad").await, Writer::new(1));
    for words in ["a", "b", "c"] {
        ada.update(&writer.write(words)).await;
        ada.next_of(UPDATE).await;
    }
    let read = |page: &str, name: &str| sample(page, &format!("syncline_{name}"));
    let page = metrics(address).await;
    assert_eq!(read(&page, "rooms"), 1.0);
    assert_eq!(read(&page, "room_loads_total{outcome=\"ok\"}"), 1.0);
    assert_eq!(read(&page, "room_log_entries"), 3.0);
    assert!(read(&page, "room_log_bytes") > 30.0);
    assert_eq!(read(&page, "ack_seconds_count{level=\"durable\"}"), 3.0);
    assert!(read(&page, "ack_seconds_sum{level=\"durable\"}") > 0.0);
    // Clients of Yjs are told of the disk only.
    assert_eq!(read(&page, "ack_seconds_count{level=\"accepted\"}"), 0.0);
    assert_eq!(read(&page, "resyncs_total"), 0.0);

    asked(address, "POST", "/admin/v1/rooms/yjs:pad/compact").await.json();
    // To ask once is to join, to ask again is to miss something.
    assert_eq!((ada.text().await, ada.text().await), ("abc".into(), "abc".into()));
    let page = metrics(address).await;
    assert_eq!(read(&page, "compactions_total{outcome=\"ok\"}"), 1.0);
    assert_eq!((read(&page, "room_log_entries"), read(&page, "resyncs_total")), (0.0, 1.0));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_who_may_only_read_is_counted_as_forbidden() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(secured(data.path())).await;
    let (reader, writer) = (token("ada", "pad", AccessLevel::Read), Writer::new(1));
    let mut ada = Socket::try_open(server.address(), &format!("/yjs/pad?token={reader}")).await.unwrap();
    ada.update(&writer.write("a")).await;
    ada.next_of_kind(2).await;
    // What brings nothing is no try to write.
    ada.update(NOTHING_NEW).await;
    assert_eq!(ada.text().await, "");
    let metrics = server.relay().metrics();
    assert_eq!(metrics.rejected.of(Rejected::Forbidden).value(), 1);
    assert!(metrics.acks.iter().all(|times| times.read().buckets.iter().all(|(_, count)| *count == 0)));
    server.drain().await;
}
