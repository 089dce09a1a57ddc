//! What the tests share: relays in this process and in their own, clients, raw sockets.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use syncline::clock::{ReplicaId, VersionVector};
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::link::{Hello, Link, LinkConfig, Message as Inner, Open};
use syncline_server::client::{Client, new_replica_id};
use syncline_server::config::Config;
use syncline_server::serve::Server;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;

/// Longest wait for anything; machines that build at the same time are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A relay process; killed when dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Relay {
    pub(crate) fn start(data: &FilePath) -> Relay {
        Relay::start_with(data, "127.0.0.1:0", &[])
    }

    pub(crate) fn start_with(data: &FilePath, listen: &str, environment: &[(&str, &str)]) -> Relay {
        Relay::run(data, &["--dev", "--listen", listen], environment)
    }

    /// A relay that takes tokens signed with the secret in a file.
    pub(crate) fn start_secured(data: &FilePath, secret: &str) -> Relay {
        Relay::run(data, &["--listen", "127.0.0.1:0"], &[("SYNCLINE_ACCESS__SECRET_FILE", secret)])
    }

    pub(crate) fn run(data: &FilePath, arguments: &[&str], environment: &[(&str, &str)]) -> Relay {
        let mut command = syncline();
        command.arg("serve").args(arguments).arg("--data").arg(data).args(["--log-level", "warn"]);
        let mut child =
            command.envs(environment.iter().copied()).stdout(Stdio::piped()).spawn().expect("the relay starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("ready on ").unwrap_or_else(|| panic!("{line:?} instead of the address"));
        Relay { address: address.parse().unwrap(), child }
    }

    pub(crate) fn url(&self) -> String {
        url(self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// SIGKILL: nothing of the process runs any more when this returns.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Gone already if the test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, without the settings of whoever runs the tests.
pub(crate) fn syncline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    let ours = |name: &str| ["SYNCLINE_", "OTEL_", "TRACEPARENT"].iter().any(|start| name.starts_with(start));
    std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())).for_each(|(name, _)| {
        command.env_remove(name);
    });
    command
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("ws://{address}/sync")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Settings of a relay in this process, on a free port.
pub(crate) fn config(data: &FilePath) -> Config {
    Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), data: data.into(), ..Config::default() }
}

pub(crate) async fn serve(config: Config) -> Server {
    Server::start(config).await.expect("the relay starts")
}

pub(crate) fn client(url: &str, room: &str) -> Client {
    Client::connect(url, room, Doc::new(new_replica_id())).unwrap()
}

pub(crate) async fn synced(url: &str, room: &str) -> Client {
    let client = client(url, room);
    within("the room's content", client.synced()).await.unwrap();
    client
}

pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub(crate) async fn same_digest(clients: &[&Client]) {
    until("equal digests", || {
        let digests: Vec<_> = clients.iter().map(|client| client.read(|doc| doc.digest())).collect();
        digests.windows(2).all(|pair| pair[0] == pair[1])
    })
    .await;
}

pub(crate) fn path(keys: &str) -> Path {
    Path::from_segments(keys.split('/'))
}

pub(crate) fn set(client: &Client, keys: &str, value: impl Into<i64>) {
    client.edit(None, |doc| doc.set(&path(keys), Value::Int(value.into()))).unwrap();
}

pub(crate) fn get(client: &Client, keys: &str) -> Option<Value> {
    client.read(|doc| doc.get(&path(keys)))
}

/// A socket without a replica behind it, for what a well-behaved client never does.
pub(crate) struct Raw {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) link: Link,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Raw {
        let mut request = url(address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "syncline.1".parse().unwrap());
        Raw::connect_by(request, address).await
    }

    pub(crate) async fn connect_by(request: Request, address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        Raw { socket, link: Link::client(LinkConfig { agent: "raw".into(), token: None }, now_ms()) }
    }

    /// Says hello and opens a room; what the relay answers is left unread.
    pub(crate) async fn join(address: SocketAddr, room: &str) -> Raw {
        Raw::join_with(address, room, None).await
    }

    /// As [`Raw::join`], with a token.
    pub(crate) async fn join_with(address: SocketAddr, room: &str, token: Option<&str>) -> Raw {
        let mut raw = Raw::connect(address).await;
        raw.hello(token).await;
        raw.say(&Inner::Open(Open {
            room: room.into(),
            replica: ReplicaId::new(now_ms(), 7),
            version: VersionVector::default(),
        }))
        .await;
        raw
    }

    pub(crate) async fn hello(&mut self, token: Option<&str>) {
        let token = token.map(str::to_owned);
        self.say(&Inner::Hello(Hello { protocol: 1, features: 0, agent: "raw".into(), token, now_ms: now_ms() })).await;
    }

    pub(crate) async fn say(&mut self, message: &Inner) {
        for frame in message.encode() {
            self.send(frame).await;
        }
    }

    /// Reads until a message is of the kind looked for.
    pub(crate) async fn wait_for(&mut self, kind: impl Fn(&Inner) -> bool) -> Inner {
        loop {
            let received = within("a message", self.socket.next()).await.expect("the relay goes on").unwrap();
            let Message::Binary(frame) = received else { continue };
            if let Some(message) = self.link.handle_frame(&frame, now_ms()).unwrap().filter(|message| kind(message)) {
                return message;
            }
        }
    }

    pub(crate) async fn send(&mut self, frame: Vec<u8>) {
        self.socket.send(Message::Binary(frame.into())).await.unwrap();
    }

    /// Reads to the end; returns the messages and the close code, 1006 if there was none.
    pub(crate) async fn read_to_end(&mut self) -> (Vec<Inner>, u16) {
        let mut messages = Vec::new();
        while let Some(received) = within("the close", self.socket.next()).await {
            match received {
                Ok(Message::Binary(frame)) => messages.extend(self.link.handle_frame(&frame, now_ms()).unwrap()),
                Ok(Message::Close(Some(close))) => return (messages, close.code.into()),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        (messages, 1006)
    }
}

pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}
