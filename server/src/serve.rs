//! Puts the relay together: listener, HTTP, store, and the order of start and end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::http;
use crate::limits::{HTTP_BUFFER, HTTP_CONNECTIONS, HTTP_HEADER_TIMEOUT};
use crate::relay::{Phase, Relay};
use crate::store::{OpenError, Store};

/// Says why a relay does not start, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting is outside of what works.
    #[error(transparent)]
    Config(#[from] ConfigError),
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
    acceptor: JoinHandle<()>,
}

impl Server {
    /// Listens, opens the store and serves; returns when clients can connect. Health is answered while the store opens.
    ///
    /// # Errors
    /// [`ServeError`]; nothing runs on then.
    pub async fn start(config: Config) -> Result<Server, ServeError> {
        config.check()?;
        let listen = config.listen;
        let unusable = |reason| ServeError::Listen { address: listen, reason };
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let relay = Relay::new(config.clone());
        let acceptor = tokio::spawn(accept(listener, relay.clone()));
        match open_store(config).await {
            Ok(store) => relay.ready(store),
            Err(error) => {
                acceptor.abort();
                return Err(error);
            }
        }
        tracing::info!(%address, "listening");
        Ok(Server { address, relay, acceptor })
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
        self.acceptor.abort();
        tracing::info!("drained");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Opening checks the whole file, which takes its time: not on a worker.
async fn open_store(config: Config) -> Result<Store, ServeError> {
    let task = tokio::task::spawn_blocking(move || Store::open(&config.data, &config.store));
    let store = task.await.map_err(|error| ServeError::Interrupted(error.to_string()))?;
    Ok(store?)
}

/// Takes connections until the relay has drained; while draining only health is answered.
async fn accept(listener: TcpListener, relay: Arc<Relay>) {
    let router = http::router(relay.clone());
    let places = Arc::new(Semaphore::new(relay.config().socket.max + HTTP_CONNECTIONS));
    loop {
        // The semaphore lives as long as this loop, so it is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve_http(stream, router.clone(), relay.clone(), place))),
            Err(error) => {
                // Most likely out of file descriptors: wait for some to be closed instead of spinning.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one TCP connection as HTTP, until it ends or becomes a WebSocket with a place of its own.
async fn serve_http(stream: TcpStream, router: Router, relay: Arc<Relay>, place: OwnedSemaphorePermit) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HTTP_HEADER_TIMEOUT)
        .max_buf_size(HTTP_BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, draining = relay.phase() == Phase::Draining, "HTTP connection failed");
    }
    drop(place);
}
