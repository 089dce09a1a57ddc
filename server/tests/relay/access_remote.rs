//! Keys and decisions of other services: a key server and a webhook that answer, refuse, lie and stand still.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value as Json, json};
use syncline::link::ErrorCode;
use syncline::replica::AckLevel;
use syncline_server::config::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::common::*;
use crate::tokens::*;

/// An HTTP server with one answer, which may be changed.
struct Service {
    address: SocketAddr,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<String>>>,
    count: Arc<AtomicUsize>,
}

impl Service {
    async fn new(status: u16, body: String) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Service {
            address,
            answer: Arc::new(Mutex::new((status, body))),
            asked: Arc::default(),
            count: Arc::default(),
        };
        let (answer, asked, count) = (service.answer.clone(), service.asked.clone(), service.count.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, asked, count) = (answer.clone(), asked.clone(), count.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !is_whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
                    asked.lock().unwrap().push(text(&request));
                    count.fetch_add(1, Ordering::SeqCst);
                    let (status, body) = answer.lock().unwrap().clone();
                    if status == 0 {
                        return tokio::time::sleep(PATIENCE).await;
                    }
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: /\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    // The relay does not read all of a body that is too large.
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        service
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn answers(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// Whether a request has come with its body.
fn is_whole(request: &[u8]) -> bool {
    let request = text(request).to_lowercase();
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}

fn asking(data: &std::path::Path, service: &Service) -> Config {
    let mut settings = config(data);
    settings.access.webhook = Some(service.url());
    settings.access.timeout_seconds = 1;
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_decides_and_is_asked_once_for_a_token() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::new(200, claims("ada").to_string()).await;
    let server = serve(asking(data.path(), &service)).await;
    is_unauthorized(&server, None, "asks for a token").await;
    assert_eq!(service.count(), 0);
    for _ in 0..3 {
        synced_with(&server, "board", "any \"token\"").await;
    }
    assert_eq!(service.count(), 1);
    let asked = service.asked.lock().unwrap()[0].clone();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST / ") && head.to_lowercase().contains("content-type: application/json"), "{head}");
    let body: Json = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({"token": "any \"token\"", "peer": "127.0.0.1"}));

    service.answers(401, "");
    is_unauthorized(&server, Some("b"), "refuses").await;
    service.answers(403, "");
    let (error, code) = refusal(&server, "board", Some("c")).await;
    assert_eq!((error.code, code), (ErrorCode::Forbidden, 4403));
    service.answers(200, json!({"sub": "ada", "exp": now_ms() / 1000 - 1, "rooms": []}).to_string());
    is_unauthorized(&server, Some("d"), "expired").await;
    for odd in
        ["{", "[]", r#"{"sub": "ada"}"#, r#"{"sub": "ada", "exp": 2e9, "rooms": [{"room": "*", "access": "all"}]}"#]
    {
        service.answers(200, odd);
        is_unauthorized(&server, Some(odd), "cannot be read").await;
    }
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_keeps_new_clients_waiting_and_others_working() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::new(200, claims("ada").to_string()).await;
    let server = serve(asking(data.path(), &service)).await;
    let ada = synced_with(&server, "board", "known").await;
    let huge = claims("ada").to_string() + &" ".repeat(1_000_000);
    for (status, body) in [(500, ""), (302, ""), (0, ""), (200, huge.as_str())] {
        service.answers(status, body);
        let (error, code) = refusal(&server, "board", Some("new")).await;
        assert_eq!((error.code, code, error.temporary), (ErrorCode::Unavailable, 1013, true), "{status} {error}");
    }
    let mut settings = asking(&data.path().join("other"), &service);
    // Nobody listens there.
    settings.access.webhook = Some("http://127.0.0.1:1/".into());
    let other = serve(settings).await;
    let (error, code) = refusal(&other, "board", Some("new")).await;
    assert_eq!((error.code, code), (ErrorCode::Unavailable, 1013));
    other.drain().await;

    set(&ada, "x", 1);
    within("a durable ack", ada.acked(AckLevel::Durable)).await.unwrap();
    synced_with(&server, "board", "known").await;
    let waiting = client_with(&server, "board", "new");
    tokio::time::sleep(Duration::from_millis(300)).await;
    service.answers(200, claims("bob").to_string());
    within("the client that waited", waiting.synced()).await.unwrap();
    server.drain().await;
}

struct Signer {
    pair: Ed25519KeyPair,
    id: &'static str,
}

impl Signer {
    fn new(id: &'static str) -> Signer {
        let key = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        Signer { pair: Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap(), id }
    }

    fn jwk(&self) -> Json {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "use": "sig", "alg": "EdDSA"})
    }

    fn token(&self) -> String {
        let body = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": self.id})), part(&claims("ada")));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(body.as_bytes()));
        format!("{body}.{signature}")
    }
}

fn set_of(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_a_server_that_is_asked_again_for_unknown_ones() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let service = Service::new(503, String::new()).await;
    let mut settings = config(data.path());
    settings.access.jwks = Some(service.url());
    settings.access.timeout_seconds = 1;
    let server = serve(settings).await;
    let (error, code) = refusal(&server, "board", Some(&old.token())).await;
    assert_eq!((error.code, code), (ErrorCode::Unavailable, 1013));

    service.answers(200, set_of(&[&old]));
    let waiting = client_with(&server, "board", &old.token());
    within("the key", waiting.synced()).await.unwrap();
    let asked = service.count();
    for _ in 0..20 {
        is_unauthorized(&server, Some(&new.token()), "does not know").await;
    }
    assert!(service.count() <= asked + 4, "{} questions for 20 tokens", service.count() - asked);
    let forged = old.token().replace(&part(&claims("ada")), &part(&claims("eve")));
    is_unauthorized(&server, Some(&forged), "signature").await;

    service.answers(200, set_of(&[&old, &new]));
    within("the new key", async {
        loop {
            let client = client_with(&server, "board", &new.token());
            if client.synced().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
    // What is known does not need the server.
    service.answers(500, "");
    synced_with(&server, "board", &old.token()).await;
    server.drain().await;
}
