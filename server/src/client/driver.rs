//! The task of a client: carries bytes and time between the replica and the socket, and decides nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use syncline::link::{ErrorCode, RemoteError};
use syncline::replica::{Input, Output, State, Status};

use super::Shared;
use super::transport::{Address, Event, Transport};
use crate::relay::now_ms;

/// Longest sleep; the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);

type Connecting = Pin<Box<dyn Future<Output = Result<Transport, String>> + Send>>;

pub(super) struct Driver {
    shared: Arc<Shared>,
    address: Arc<Address>,
    state: Socket,
}

enum Socket {
    Closed,
    Connecting(Connecting),
    Open(Box<Transport>),
}

/// What woke the driver.
enum Wake {
    Application,
    Time,
    Connected(Result<Box<Transport>, String>),
    Socket(Event),
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, address: Address) -> Driver {
        Driver { shared, address: Arc::new(address), state: Socket::Closed }
    }

    pub(super) async fn run(mut self) {
        loop {
            let deadline = self.drain().await;
            if self.shared.progress.borrow().closing && matches!(self.state, Socket::Closed) {
                break;
            }
            let wake = self.wait(deadline).await;
            self.woken(wake);
        }
        self.shared.progress.send_modify(|progress| progress.ended = true);
    }

    /// Does what the replica asks for until it has nothing more; returns when it wants to be polled again.
    async fn drain(&mut self) -> Option<u64> {
        loop {
            let output = self.shared.lock().poll(now_ms());
            match output {
                Output::Connect => {
                    let address = self.address.clone();
                    self.state = Socket::Connecting(Box::pin(async move { Transport::connect(&address).await }));
                }
                Output::Disconnect => {
                    if let Socket::Open(transport) = std::mem::replace(&mut self.state, Socket::Closed) {
                        transport.close().await;
                    }
                }
                Output::Send(frame) => self.send(frame).await,
                Output::Changes(changes) => drop(self.shared.changes.send(changes.into())),
                Output::Presence(changes) => drop(self.shared.presence.send(changes.into())),
                Output::Acked { level, seq } => self.shared.progress.send_modify(|progress| progress.ack(level, seq)),
                Output::Status(status) => self.status(status),
                Output::Error(error) => self.complaint(error),
                Output::Idle(deadline) => {
                    let unbroken = self.flush().await;
                    if unbroken {
                        return deadline;
                    }
                }
                // Journaling is off: this client keeps no local store.
                _ => {}
            }
        }
    }

    async fn wait(&mut self, deadline: Option<u64>) -> Wake {
        let pause = deadline.map_or(SLEEP_MAX, |at| Duration::from_millis(at.saturating_sub(now_ms())).min(SLEEP_MAX));
        let socket = async {
            match &mut self.state {
                Socket::Closed => std::future::pending().await,
                Socket::Connecting(connecting) => Wake::Connected(connecting.await.map(Box::new)),
                Socket::Open(transport) => Wake::Socket(transport.next().await),
            }
        };
        tokio::select! {
            () = self.shared.wake.notified() => Wake::Application,
            wake = socket => wake,
            () = tokio::time::sleep(pause) => Wake::Time,
        }
    }

    fn woken(&mut self, wake: Wake) {
        match wake {
            Wake::Application => {}
            Wake::Time => self.input(Input::Tick),
            Wake::Connected(Ok(transport)) => {
                self.state = Socket::Open(transport);
                self.shared.progress.send_modify(|progress| progress.connected = true);
                self.input(Input::Connected);
            }
            Wake::Connected(Err(reason)) => self.closed(1006, reason),
            Wake::Socket(Event::Frame(frame)) => self.input(Input::Frame(&frame)),
            Wake::Socket(Event::Closed { code, reason }) => self.closed(code, reason),
        }
    }

    async fn send(&mut self, frame: Vec<u8>) {
        if let Socket::Open(transport) = &mut self.state
            && let Err(reason) = transport.feed(frame).await
        {
            self.closed(1006, reason);
        }
    }

    /// False if the connection was lost, which the replica wants to be polled for.
    async fn flush(&mut self) -> bool {
        let Socket::Open(transport) = &mut self.state else { return true };
        let Err(reason) = transport.flush().await else { return true };
        self.closed(1006, reason);
        false
    }

    fn closed(&mut self, code: u16, reason: String) {
        tracing::debug!(code, reason, "connection closed");
        self.state = Socket::Closed;
        self.shared.progress.send_modify(|progress| progress.failure = Some(reason));
        self.input(Input::Disconnected { code });
    }

    /// Notes where the replica stands; one that has stopped was refused for the last reason given.
    fn status(&self, status: Status) {
        self.shared.progress.send_modify(|progress| {
            let stopped = status.state == State::Stopped;
            let reason = progress.complaint.clone().or_else(|| progress.failure.clone());
            progress.refused = stopped.then(|| reason.unwrap_or_else(|| "it did not say why".into()));
            progress.status = status;
        });
    }

    fn complaint(&self, error: RemoteError) {
        tracing::warn!(
            code = error.code.name(),
            message = error.message,
            temporary = error.temporary,
            "the relay reports an error"
        );
        self.shared.progress.send_modify(|progress| {
            if matches!(error.code, ErrorCode::Forbidden | ErrorCode::Quota) {
                progress.forbidden = Some(error.message.clone());
            }
            if error.code == ErrorCode::Resync {
                // What was refused is asked for again.
                progress.forbidden = None;
            }
            progress.complaint = Some(error.message);
        });
    }

    fn input(&self, input: Input<'_>) {
        self.shared.lock().handle(input, now_ms());
    }
}
