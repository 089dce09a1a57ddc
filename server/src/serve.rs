//! Puts the relay together: listener, HTTP, store, and the order of start and end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::access::{Access, AccessError};
use crate::admin::AdminGate;
use crate::config::{Config, ConfigError};
use crate::http;
use crate::limits::{HTTP_BUFFER, HTTP_CONNECTIONS, HTTP_HEADER_TIMEOUT, LISTEN_BACKLOG};
use crate::metrics::{Refused, StoreMetrics};
use crate::relay::{Phase, Relay};
use crate::socket::{Peer, Wire, WireStream};
use crate::store::{OpenError, Store};
use crate::tls::{Tls, TlsError};
use crate::trace::TraceError;

/// Says why a relay does not start, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting is outside of what works.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys, secrets or the list of revoked tokens cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Traces cannot be sent to what the settings name.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}. Stop what uses the port, or choose another one with --listen.")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The start was interrupted.
    #[error("the start was interrupted: {0}")]
    Interrupted(String),
}

/// Is a relay that serves; dropping it without [`Server::drain`] stops taking connections only.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    relay: Arc<Relay>,
    /// What ends with the server: it takes connections, and looks after files.
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens, opens the store and serves; returns when clients can connect. Health is answered while the store opens.
    ///
    /// # Errors
    /// [`ServeError`]; nothing runs on then.
    pub async fn start(config: Config) -> Result<Server, ServeError> {
        config.check()?;
        let (access, admin) = (Access::new(&config.access)?, AdminGate::new(&config)?);
        let tls = Tls::new(&config.tls)?.map(Arc::new);
        if tls.is_none() && !config.listen.ip().is_loopback() {
            tracing::warn!("tokens travel unencrypted unless a proxy adds TLS: set tls.cert and tls.key");
        }
        let listen = config.listen;
        let unusable = |reason| ServeError::Listen { address: listen, reason };
        let listener = listen_on(listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let relay = Relay::new(config.clone(), access, admin);
        relay.start_tracing()?;
        let acceptor = tokio::spawn(accept(listener, relay.clone(), tls.clone()));
        match open_store(config, relay.metrics().store.clone()).await {
            Ok(store) => relay.ready(store),
            Err(error) => {
                acceptor.abort();
                return Err(error);
            }
        }
        tracing::info!(%address, tls = tls.is_some(), operators = relay.admin().serves(), "listening");
        let mut tasks = vec![acceptor];
        let listed = relay.clone();
        tasks.push(tokio::spawn(async move { listed.access().follow_list().await }));
        let swept = relay.clone();
        tasks.push(tokio::spawn(async move { swept.sweep().await }));
        tasks.extend(tls.map(|tls| tokio::spawn(tls.follow_files())));
        Ok(Server { address, relay, tasks })
    }

    /// The address that it listens on, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The relay behind the port.
    pub fn relay(&self) -> &Arc<Relay> {
        &self.relay
    }

    /// Ends in order: takes no more connections, tells clients to reconnect elsewhere or later, writes everything, closes the store.
    pub async fn drain(self) {
        let limit = Duration::from_secs(self.relay.config().drain_seconds);
        tracing::info!(connections = self.relay.connections(), rooms = self.relay.rooms(), "draining");
        self.relay.drain(limit).await;
        tracing::info!("drained");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Opening checks the whole file, which takes its time: not on a worker.
async fn open_store(config: Config, metrics: Arc<StoreMetrics>) -> Result<Store, ServeError> {
    let task = tokio::task::spawn_blocking(move || Store::open_counted(&config.data, &config.store, metrics));
    let store = task.await.map_err(|error| ServeError::Interrupted(error.to_string()))?;
    Ok(store?)
}

/// As `TcpListener::bind`, which lets only 128 wait: of more that come at once the others would try again after a second.
fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A relay that starts again gets the port of the one before.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

/// Takes connections until the relay has drained; while draining only health is answered.
async fn accept(listener: TcpListener, relay: Arc<Relay>, tls: Option<Arc<Tls>>) {
    let router = http::router(relay.clone());
    let places = Arc::new(Semaphore::new(relay.config().socket.max + HTTP_CONNECTIONS));
    loop {
        // The semaphore lives as long as this loop, so it is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let (router, relay, tls) = (router.clone(), relay.clone(), tls.clone());
                tokio::spawn(serve(stream, Peer(from.ip()), tls, router, relay, place));
            }
            Err(error) => {
                // Most likely out of file descriptors: wait for some to be closed instead of spinning.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one TCP connection, with the handshake of TLS first if there is a certificate.
async fn serve(
    stream: TcpStream,
    peer: Peer,
    tls: Option<Arc<Tls>>,
    router: Router,
    relay: Arc<Relay>,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    match tls {
        None => {
            let stream = WireStream::new(stream);
            let wire = stream.wire();
            serve_http(stream, Some(wire), peer, router, relay).await;
        }
        // What is encrypted is written by one task, which has the state of the cipher.
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve_http(stream, None, peer, router, relay).await,
            Err(error) => {
                relay.metrics().refused.of(Refused::Tls).inc();
                tracing::debug!(%error, "TLS handshake failed");
            }
        },
    }
    drop(place);
}

/// Serves one connection as HTTP, until it ends or becomes a WebSocket with a place of its own.
async fn serve_http<S>(stream: S, wire: Option<Arc<Wire>>, peer: Peer, router: Router, relay: Arc<Relay>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(wire.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HTTP_HEADER_TIMEOUT)
        .max_buf_size(HTTP_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, draining = relay.phase() == Phase::Draining, "HTTP connection failed");
    }
}
