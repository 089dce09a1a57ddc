//! The admin interface: what its description promises, who may use it, and what its orders do.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value as Json, json};
use syncline::crdt::Value;
use syncline::doc::Doc;
use syncline::replica::AckLevel;
use syncline_server::admin::{OPENAPI, ROUTES};
use syncline_server::client::new_replica_id;
use syncline_server::config::Secret;

use crate::common::*;
use crate::operator::*;

const TOKEN: &str = "a token of operators with enough bytes";

pub(crate) fn document() -> Json {
    serde_json::from_str(OPENAPI).unwrap()
}

/// What is wrong with a value by a schema of the document, if anything.
fn check(value: &Json, schema: &Json, document: &Json, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).ok_or(format!("{name} is missing"))?;
        return check(value, schema, document, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any.iter().any(|schema| check(value, schema, document, at).is_ok());
        return if fits { Ok(()) } else { Err(format!("{at}: {value} is none of those")) };
    }
    let is = match schema["type"].as_str().ok_or(format!("{at}: no type"))? {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => return Err(format!("{at}: unknown type {other}")),
    };
    if !is || schema["enum"].as_array().is_some_and(|list| !list.contains(value)) {
        return Err(format!("{at}: {value} is no {schema}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        value.get(name).ok_or(format!("{at}: {name} is missing"))?;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let (known, rest) = (&schema["properties"][name], &schema["additionalProperties"]);
        match (known.is_object(), rest.is_object()) {
            (true, _) => check(value, known, document, &format!("{at}.{name}"))?,
            (false, true) => check(value, rest, document, &format!("{at}.{name}"))?,
            _ if *rest == false => return Err(format!("{at}: {name} is not described")),
            _ => {}
        }
    }
    let mut items = value.as_array().into_iter().flatten().filter(|_| schema["items"]["type"] != "array");
    items.try_for_each(|item| check(item, &schema["items"], document, at))
}

/// Checks an answer by what the description says of the operation.
pub(crate) fn fits(answer: &Answer, operation: &Json, document: &Json, at: &str) {
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{at}: {} is not described: {}", answer.status, answer.text());
    let kind = answer.content_type.split(';').next().unwrap();
    let schema = &response["content"][kind]["schema"];
    assert!(schema.is_object(), "{at}: {kind} is not described");
    if kind == "application/json" {
        check(&answer.json(), schema, document, at).unwrap();
    }
}

async fn filled(address: SocketAddr) -> syncline_server::client::Client {
    let client = synced(&url(address), "board").await;
    set(&client, "a/b", 7);
    within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_description_works_as_described() {
    let document = document();
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.admin.token = Some(Secret::new(TOKEN));
    let server = serve(settings).await;
    let _client = filled(server.address()).await;
    let bearer = format!("Bearer {TOKEN}");
    // A room to delete, and to bring back after that.
    let doomed = synced(&url(server.address()), "doomed").await;
    set(&doomed, "x", 1);
    within("durable acks", doomed.acked(AckLevel::Durable)).await.unwrap();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let (method, at) = (method.to_uppercase(), format!("{method} {path}"));
            described.insert((method.clone(), path.clone()));
            let ends = method == "DELETE" || path.ends_with("undelete");
            let asked = path
                .replace("{room}", if ends { "doomed" } else { "board" })
                .replace("{number}", "1")
                .replace("{version}", "1");
            let answer = ask_with(server.address(), &method, &asked, &[("authorization", &bearer)]).await;
            assert!(answer.status < 300, "{at}: {} {}", answer.status, answer.text());
            fits(&answer, operation, &document, &at);
            // Without the token, and where the room or client does not exist.
            let open = operation["security"].as_array().is_some_and(Vec::is_empty);
            let strange = ask(server.address(), &method, &asked).await;
            assert_eq!(strange.status == 401, !open, "{at}");
            fits(&strange, operation, &document, &at);
            if path.contains('{') {
                let absent = path.replace("{room}", "absent").replace("{number}", "99").replace("{version}", "99");
                let answer = ask_with(server.address(), &method, &absent, &[("authorization", &bearer)]).await;
                assert_eq!(answer.status, 404, "{at}");
                fits(&answer, operation, &document, &at);
            }
        }
    }
    let routes: BTreeSet<_> = ROUTES.iter().map(|(method, path)| (method.to_string(), (*path).to_owned())).collect();
    assert_eq!(routes, described);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed_in_pages_stored_and_loaded() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    for room in ["b", "a/1", "c d", "ü"] {
        let client = synced(&url(address), room).await;
        set(&client, "x", 1);
        within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
    }
    let empty = synced(&url(address), "new").await;
    let first = ask(address, "GET", "/admin/v1/rooms?limit=3").await.json();
    let names =
        |page: &Json| page["rooms"].as_array().unwrap().iter().map(|room| room["name"].clone()).collect::<Vec<_>>();
    assert_eq!((names(&first), &first["next"]), (vec![json!("a/1"), json!("b"), json!("c d")], &json!("c d")));
    let second = ask(address, "GET", "/admin/v1/rooms?limit=3&after=c%20d").await.json();
    assert_eq!((names(&second), &second["next"]), (vec![json!("new"), json!("ü")], &Json::Null));
    assert_eq!(second["rooms"][0]["stored"], Json::Null);
    assert_eq!(second["rooms"][0]["loaded"]["connections"], 1);
    let one = ask(address, "GET", "/admin/v1/rooms/a%2F1").await.json();
    assert_eq!((&one["stored"]["log_entries"], &one["content"]["events"]), (&json!(1), &json!(1)));
    let loaded = ask(address, "GET", "/admin/v1/rooms?loaded=true&limit=1000").await.json();
    assert_eq!(names(&loaded).len(), 5);
    assert_eq!((&loaded["rooms"][1]["stored"], &loaded["rooms"][1]["loaded"]["log_entries"]), (&Json::Null, &json!(1)));
    for wrong in ["loaded=yes", "limit=0", "limit=x", "limit=1001", "afterr=b"] {
        let answer = ask(address, "GET", &format!("/admin/v1/rooms?{wrong}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad_request"), "{wrong}");
    }
    assert_eq!(ask(address, "GET", "/admin/v1/nothing").await.problem(), "not_found");
    assert_eq!(ask(address, "POST", "/admin/v1/rooms").await.problem(), "method_not_allowed");
    drop(empty);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_hold_the_room_and_compaction_empties_its_log() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let client = filled(address).await;
    for number in 0..30 {
        set(&client, &format!("k{number}"), number);
        within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
    }
    let before = ask(address, "GET", "/admin/v1/rooms/board").await.json();
    assert_eq!(before["stored"]["log_entries"], 31);
    let compacted = ask(address, "POST", "/admin/v1/rooms/board/compact").await.json();
    assert_eq!((&compacted["log_entries"], &compacted["last_entry"]), (&json!(0), &json!(31)));
    assert!(compacted["snapshot_bytes"].as_u64().unwrap() > 0);
    let plain = ask(address, "GET", "/admin/v1/rooms/board/export").await.json();
    assert_eq!((&plain["a"]["b"], &plain["k29"]), (&json!(7), &json!(29)));
    let snapshot = ask(address, "GET", "/admin/v1/rooms/board/export?format=binary").await;
    let mut doc = Doc::new(new_replica_id());
    doc.import(&snapshot.body).unwrap();
    assert_eq!(doc.digest(), client.read(|doc| doc.digest()));
    assert_eq!(ask(address, "GET", "/admin/v1/rooms/board/export?format=xml").await.problem(), "bad_request");
    // The room goes on.
    set(&client, "after", 1);
    within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
    assert_eq!(sample(&metrics(address).await, "syncline_compactions_total{outcome=\"ok\"}"), 1.0);
    assert_eq!(sample(&metrics(address).await, "syncline_room_log_entries"), 1.0);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_client_comes_back_or_stays_away() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let address = server.address();
    let client = filled(address).await;
    let mut raw = Raw::join(address, "board").await;
    raw.wait_for(|message| matches!(message, syncline::link::Message::Opened(_))).await;
    let list = ask(address, "GET", "/admin/v1/rooms/board/clients").await.json();
    let clients = list["clients"].as_array().unwrap();
    let raw_one = clients.iter().find(|client| client["agent"] == "raw").unwrap();
    assert_eq!((&raw_one["rooms"], &raw_one["address"]), (&json!(["board"]), &json!("127.0.0.1")));
    let number = &raw_one["number"];
    let closed = ask(address, "DELETE", &format!("/admin/v1/clients/{number}?reconnect=false")).await.json();
    assert_eq!((&closed["closed"], raw.read_to_end().await.1), (number, 4403));

    let number = &clients.iter().find(|client| client["agent"] != "raw").unwrap()["number"];
    ask(address, "DELETE", &format!("/admin/v1/clients/{number}")).await.json();
    until("another connection of the client", || {
        let all = server.relay().clients().all();
        all.len() == 1 && all[0].number > number.as_u64().unwrap()
    })
    .await;
    set(&client, "again", 1);
    within("durable acks", client.acked(AckLevel::Durable)).await.unwrap();
    assert_eq!(get(&client, "again"), Some(Value::Int(1)));
    assert_eq!(sample(&metrics(address).await, "syncline_connections_kicked_total"), 2.0);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_an_open_relay_serves_operators_of_its_machine() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(config(data.path())).await;
    let foreign = ask_with(server.address(), "POST", "/admin/v1/drain", &[("origin", "https://evil.example")]).await;
    assert_eq!((foreign.status, foreign.problem().as_str()), (403, "not_local"));
    let rebound = ask_with(server.address(), "GET", "/metrics", &[("host", "evil.example")]).await;
    assert_eq!(rebound.status, 403);
    server.drain().await;

    let mut settings = config(data.path());
    settings.access.secret = Some(Secret::new("a secret of clients with enough bytes"));
    let server = serve(settings).await;
    for path in ["/metrics", "/admin/v1/rooms", "/admin/v1/nothing"] {
        let answer = ask(server.address(), "GET", path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "admin_off"), "{path}");
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_can_be_guessed_is_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.admin.token = Some(Secret::new("short"));
    let error = syncline_server::serve::Server::start(settings).await.unwrap_err().to_string();
    assert!(error.contains("admin.token") && error.contains("32"), "{error}");
}

#[test]
fn an_operator_ends_the_process_in_order() {
    let data = tempfile::tempdir().unwrap();
    let relay = Relay::start(data.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(ask(relay.address, "POST", "/admin/v1/drain"));
    assert_eq!(answer.status, 202);
    assert!(relay.wait().success());
}

#[test]
fn top_prints_what_the_relay_counts() {
    let data = tempfile::tempdir().unwrap();
    let token = data.path().join("operator");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let token = token.to_str().unwrap();
    let relay = Relay::start_with(data.path(), "127.0.0.1:0", &[("SYNCLINE_ADMIN__TOKEN_FILE", token)]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _client = runtime.block_on(filled(relay.address));
    let top =
        |arguments: &[&str]| syncline().arg("top").args(arguments).args(["--url", &relay.url()]).output().unwrap();
    let output = top(&["--once", "--token-file", token]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("syncline 0.1.0 ready") && shown.contains("room \"board\": 1 connections"), "{shown}");
    let output = top(&["--once", "--json", "--token-file", token]);
    let numbers: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&numbers["numbers"]["connections"], &numbers["rooms"][0]["version"]), (&json!(1.0), &json!(1)));

    let output = top(&["--once"]);
    assert!(code(&output) == 1 && text(&output.stderr).contains("--token-file"), "{}", text(&output.stderr));
    let output = top(&["--token-file", token]);
    assert!(code(&output) == 2 && text(&output.stderr).contains("--once"), "{}", text(&output.stderr));
    let output = syncline().args(["top", "--once", "--url", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(code(&output), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_loads_nothing_from_elsewhere() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.admin.token = Some(Secret::new(TOKEN));
    let server = serve(settings).await;
    // The page itself tells nothing, so it needs no token.
    let page = ask(server.address(), "GET", "/status").await;
    assert_eq!((page.status, page.content_type.as_str()), (200, "text/html; charset=utf-8"));
    let page = page.text();
    let outside =
        ["src=", "href=\"h", "@import", "url(", "<link rel=\"style"].iter().find(|part| page.contains(**part));
    assert_eq!(outside, None);
    // Every metric that it reads exists.
    let shown = server.relay().families();
    let names: BTreeSet<&str> = page.split('"').filter(|part| part.starts_with("syncline_")).collect();
    assert!(names.len() > 10 && names.iter().all(|name| shown.iter().any(|family| family.name == *name)), "{names:?}");
    server.drain().await;
}
