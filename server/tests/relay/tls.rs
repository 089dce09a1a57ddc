//! TLS in the relay's process: the handshake, new certificates, and broken ones.

use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use syncline::doc::Doc;
use syncline::link::{Link, LinkConfig, Message as Inner};
use syncline::replica::AckLevel;
use syncline_server::client::{Client, ClientOptions, new_replica_id};
use syncline_server::config::Config;
use syncline_server::serve::Server;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::*;

type Pair = CertifiedKey<KeyPair>;

fn pair() -> Pair {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

fn write(folder: &FilePath, cert: &str, key: &str) {
    std::fs::write(folder.join("key.pem"), key).unwrap();
    std::fs::write(folder.join("cert.pem"), cert).unwrap();
}

fn with_tls(folder: &FilePath) -> Config {
    let mut settings = config(folder);
    settings.tls.cert = Some(folder.join("cert.pem"));
    settings.tls.key = Some(folder.join("key.pem"));
    settings
}

/// Connects with trust in one certificate.
async fn connect(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    within("the TLS handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

struct Talk {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    link: Link,
}

impl Talk {
    async fn new(server: &Server, trusted: &CertificateDer<'static>) -> Talk {
        let stream = connect(server.address(), trusted).await.unwrap();
        let mut request = format!("wss://localhost:{}/sync", server.address().port()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "syncline.1".parse().unwrap());
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let link = Link::client(LinkConfig { agent: "tls".into(), token: None }, now_ms());
        let mut talk = Talk { socket, link };
        let hello = talk.link.poll_frame().unwrap();
        talk.socket.send(Message::Binary(hello.into())).await.unwrap();
        talk.hears().await;
        talk
    }

    /// The next message of the relay.
    async fn hears(&mut self) -> Option<Inner> {
        match within("an answer", self.socket.next()).await.unwrap().unwrap() {
            Message::Binary(frame) => self.link.handle_frame(&frame, now_ms()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn works(&mut self) {
        self.socket.send(Message::Binary(Inner::Ping(1).encode().remove(0).into())).await.unwrap();
        self.hears().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (pair(), pair());
    write(folder.path(), &old.cert.pem(), &old.signing_key.serialize_pem());
    let server = serve(with_tls(folder.path())).await;
    let mut first = Talk::new(&server, old.cert.der()).await;
    assert!(connect(server.address(), new.cert.der()).await.is_err(), "the other certificate is not in use yet");

    for (cert, key) in [
        (new.cert.pem(), old.signing_key.serialize_pem()),
        ("nonsense".into(), "nonsense".into()),
        (String::new(), String::new()),
    ] {
        write(folder.path(), &cert, &key);
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
        connect(server.address(), old.cert.der()).await.expect("the old pair is kept");
    }

    write(folder.path(), &new.cert.pem(), &new.signing_key.serialize_pem());
    within("the new certificate", async {
        while connect(server.address(), new.cert.der()).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    Talk::new(&server, new.cert.der()).await;
    first.works().await;
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_and_silent_connections_do_not_harm_those_with_tls() {
    let folder = tempfile::tempdir().unwrap();
    let pair = pair();
    write(folder.path(), &pair.cert.pem(), &pair.signing_key.serialize_pem());
    let server = serve(with_tls(folder.path())).await;
    let silent: Vec<_> = futures_util::future::join_all((0..50).map(|_| TcpStream::connect(server.address()))).await;
    let request = url(server.address()).into_client_request().unwrap();
    let plain = TcpStream::connect(server.address()).await.unwrap();
    assert!(within("an end", tokio_tungstenite::client_async(request, plain)).await.is_err());
    let mut talk = Talk::new(&server, pair.cert.der()).await;
    talk.works().await;
    assert_eq!(silent.len(), 50);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_does_not_start_with_a_pair_that_does_not_work() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (pair(), pair());
    for (cert, key, part) in [
        (one.cert.pem(), other.signing_key.serialize_pem(), "the key that it was made for"),
        (String::new(), one.signing_key.serialize_pem(), "cert.pem"),
        (one.cert.pem(), one.cert.pem(), "key.pem"),
    ] {
        write(folder.path(), &cert, &key);
        let error = Server::start(with_tls(folder.path())).await.unwrap_err().to_string();
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_and_the_command_line_speak_tls_to_relays_that_they_trust() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, other) = (pair(), pair());
    write(folder.path(), &pair.cert.pem(), &pair.signing_key.serialize_pem());
    let (trusted, stranger) = (folder.path().join("cert.pem"), folder.path().join("other.pem"));
    std::fs::write(&stranger, other.cert.pem()).unwrap();
    let server = serve(with_tls(folder.path())).await;
    let url = format!("wss://localhost:{}/sync", server.address().port());
    let client = |authorities: Option<&FilePath>| {
        let options =
            ClientOptions { authorities: authorities.map(Into::into), ..ClientOptions::new(url.clone(), "board") };
        Client::connect_with(options, Doc::new(new_replica_id()))
    };

    let ada = client(Some(&trusted)).unwrap();
    set(&ada, "a", 7);
    within("acks over TLS", ada.acked(AckLevel::Durable)).await.unwrap();
    for authorities in [Some(&*stranger), None] {
        let bob = client(authorities).unwrap();
        let refused = within("the first attempt", bob.first_attempt()).await.unwrap_err();
        assert!(refused.contains("certificate"), "{refused}");
        assert!(!bob.was_connected());
    }
    let Err(error) = client(Some(&folder.path().join("key.pem"))) else { panic!("a key is no certificate") };
    assert!(error.to_string().contains("key.pem"), "{error}");

    let get = |ca: &FilePath| {
        let mut command = syncline();
        command.args(["get", "--url", &url, "--room", "board", "--ca"]).arg(ca).arg("a");
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let output = get(&trusted).await.unwrap();
    assert_eq!((code(&output), text(&output.stdout).trim()), (0, "7"), "{}", text(&output.stderr));
    let output = get(&stranger).await.unwrap();
    assert!(code(&output) != 0 && text(&output.stderr).contains("certificate"), "{}", text(&output.stderr));
    server.drain().await;
}
