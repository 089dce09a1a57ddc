//! The sending side of a TCP connection, shared by its task and the rooms.
//!
//! A frame for a hundred clients costs a system call for each of them; waking a hundred tasks for it costs as much again.
//! So a room writes to sockets itself as long as they take all at once. What a socket does not take of a frame is kept
//! here, one frame at most; everything behind it waits in the [`Outbox`](super::Outbox) for the connection's task.
//!
//! All writers hand over whole frames and nothing is taken while a rest is kept, so frames are never mixed up.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Bytes of the longest head of a frame that is not masked.
const HEAD_BYTES: usize = 10;

/// Writes to one TCP connection.
#[derive(Debug)]
pub(crate) struct Wire(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` once nothing more is to be written.
    half: Option<OwnedWriteHalf>,
    /// What the socket has not taken yet.
    rest: VecDeque<u8>,
}

/// Says what became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The system has all of it.
    All,
    /// The system has a part of it, and the rest is kept: the connection's task must flush.
    Part,
    /// Nothing of it was taken.
    Nothing,
}

/// A TCP connection whose sending side is shared.
#[derive(Debug)]
pub(crate) struct WireStream {
    read: OwnedReadHalf,
    wire: Arc<Wire>,
}

impl WireStream {
    pub(crate) fn new(stream: TcpStream) -> WireStream {
        let (read, write) = stream.into_split();
        WireStream { read, wire: Arc::new(Wire(Mutex::new(State { half: Some(write), rest: VecDeque::new() }))) }
    }

    /// Its sending side.
    pub(crate) fn wire(&self) -> Arc<Wire> {
        self.wire.clone()
    }
}

impl Wire {
    /// Sends a binary frame of a WebSocket if the socket takes it now.
    pub(super) fn send(&self, frame: &Bytes) -> Sent {
        let mut state = self.lock();
        let Some(half) = state.half.as_ref().filter(|_| state.rest.is_empty()) else { return Sent::Nothing };
        let mut head = io::Cursor::new([0; HEAD_BYTES]);
        let header = FrameHeader { opcode: OpCode::Data(Data::Binary), ..FrameHeader::default() };
        if header.format(frame.len() as u64, &mut head).is_err() {
            return Sent::Nothing;
        }
        let head = &head.get_ref()[..head.position() as usize];
        // An error is met again by the connection's task, which knows what to do.
        let Ok(taken) = half.try_write_vectored(&[IoSlice::new(head), IoSlice::new(frame)]) else {
            return Sent::Nothing;
        };
        if taken == head.len() + frame.len() {
            return Sent::All;
        }
        state.rest.extend(&head[taken.min(head.len())..]);
        state.rest.extend(&frame[taken.saturating_sub(head.len())..]);
        Sent::Part
    }

    /// Whether something is kept that the socket has not taken.
    pub(super) fn has_rest(&self) -> bool {
        !self.lock().rest.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes what is kept.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&OwnedWriteHalf>> {
        let half = self.half.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        while !self.rest.is_empty() {
            match half.try_write(self.rest.as_slices().0) {
                Ok(taken) => drop(self.rest.drain(..taken)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(half.as_ref().poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.rest.shrink_to(0);
        Poll::Ready(Ok(half))
    }
}

impl AsyncRead for WireStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl AsyncWrite for WireStream {
    /// Takes all of it or nothing.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.wire.lock();
        loop {
            let half = ready!(state.poll_rest(cx))?;
            match half.try_write(buf) {
                Ok(taken) => {
                    state.rest.extend(&buf[taken..]);
                    return Poll::Ready(Ok(buf.len()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(half.as_ref().poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.lock().poll_rest(cx).map_ok(|_| ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.wire.lock();
        if state.half.is_some() {
            ready!(state.poll_rest(cx))?;
        }
        // Dropping it tells the peer that nothing more comes.
        state.half = None;
        Poll::Ready(Ok(()))
    }
}

/// Rooms may hold the wire for a while longer; the connection ends with its task.
impl Drop for WireStream {
    fn drop(&mut self) {
        let mut state = self.wire.lock();
        (state.half, state.rest) = (None, VecDeque::new());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpSocket;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::super::connection::{Alive, write};
    use super::super::outbox::{Importance, Next, Outbox};
    use super::*;

    impl WireStream {
        /// Waits until the socket takes something.
        async fn writable(&self) {
            let writable = |cx: &mut Context<'_>| match self.wire.lock().half.as_ref() {
                Some(half) => half.as_ref().poll_write_ready(cx),
                None => Poll::Ready(Ok(())),
            };
            std::future::poll_fn(writable).await.unwrap();
        }
    }

    /// Frames of one run, and bytes of the largest one: more than a socket takes at once.
    const FRAMES: u32 = 3_000;
    const LARGEST: u32 = 40_000;

    /// A frame that says which one it is.
    fn frame(number: u32) -> Bytes {
        let size = if number.is_multiple_of(7) { LARGEST - number % 1_000 } else { 4 + number % 200 };
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.resize(size as usize, number as u8);
        bytes.into()
    }

    /// Both ends of a connection with small buffers, so that the socket takes a part of a frame again and again.
    async fn pair() -> (WireStream, TcpStream) {
        let (one, two) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
        one.set_send_buffer_size(10_000).unwrap();
        two.set_recv_buffer_size(10_000).unwrap();
        one.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = one.listen(1).unwrap();
        let client = two.connect(listener.local_addr().unwrap()).await.unwrap();
        (WireStream::new(listener.accept().await.unwrap().0), client)
    }

    #[tokio::test]
    async fn nothing_is_sent_before_the_rest_of_a_frame() {
        let (mut stream, mut client) = pair().await;
        let wire = stream.wire();
        stream.writable().await;
        let mut sent = 0;
        while wire.send(&frame(7)) == Sent::All {
            sent += 1;
        }
        assert!(wire.has_rest());
        // The peer reads, so that the socket would take more.
        let mut got = vec![0; sent * frame(7).len()];
        client.read_exact(&mut got).await.unwrap();
        stream.writable().await;
        assert_eq!(wire.send(&frame(1)), Sent::Nothing);
        let rest = client.read_to_end(&mut got);
        let all = async {
            stream.flush().await.unwrap();
            assert_eq!(wire.send(&frame(1)), Sent::All);
            stream.shutdown().await.unwrap();
        };
        tokio::join!(all, async { rest.await.unwrap() });
        let sizes = [(sent + 1) * (4 + frame(7).len()), 2 + frame(1).len()];
        assert_eq!(got.len(), sizes[0] + sizes[1]);
        assert_eq!(got[sizes[0] + 2..], frame(1));
    }

    #[tokio::test]
    async fn nothing_overtakes_what_the_writer_holds() {
        let (stream, mut client) = pair().await;
        let outbox = Outbox::new(1 << 20).by(Some(stream.wire()));
        stream.writable().await;
        while outbox.bytes() == 0 {
            outbox.push(vec![frame(7)], Importance::Required);
        }
        let mut stream = stream;
        let mut got = vec![0; 1 << 20];
        tokio::select! {
            flushed = stream.flush() => flushed.unwrap(),
            _ = async { while client.read(&mut got).await.unwrap() > 0 {} } => {}
        }
        assert_eq!(outbox.next().await, Next::Frames(vec![frame(7)]));
        stream.writable().await;
        outbox.push(vec![frame(1)], Importance::Required);
        assert!(outbox.bytes() > 0);
        assert_eq!(outbox.next().await, Next::Frames(vec![frame(1)]));
        stream.writable().await;
        assert!(tokio::time::timeout(Duration::from_millis(1), outbox.next()).await.is_err());
        outbox.push(vec![frame(2)], Importance::Required);
        assert_eq!(outbox.bytes(), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn frames_arrive_whole_and_in_order_whoever_writes_them() {
        let (stream, client) = pair().await;
        let wire = stream.wire();
        let outbox = Arc::new(Outbox::new(1 << 30).by(Some(wire)));
        let config = crate::socket::socket_config();
        let (sink, mut read) = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await.split();
        let (mut ask, mut answers) = WebSocketStream::from_raw_socket(client, Role::Client, None).await.split();
        let task = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                let alive = Alive::new();
                tokio::select! {
                    why = write(sink, &outbox, &alive, Duration::from_millis(3)) => why,
                    // Pongs are written here.
                    () = async { while let Some(Ok(_)) = read.next().await {} } => "the peer closed",
                }
            }
        });
        let room = tokio::task::spawn_blocking(move || {
            for number in 0..FRAMES {
                outbox.push(vec![frame(number)], Importance::Required);
                // Goes on when the last frames were just taken out of the queue, or were written.
                while number % 200 > 190 && outbox.bytes() > 0 {
                    std::thread::yield_now();
                }
            }
        });
        let (mut next, mut pongs) = (0, 0);
        while next < FRAMES {
            let answer = tokio::time::timeout(Duration::from_secs(60), answers.next()).await;
            match answer.expect("the next frame").unwrap().unwrap() {
                Message::Binary(found) => {
                    assert!(found == frame(next), "frame {next} is another one");
                    next += 1;
                }
                Message::Pong(_) => pongs += 1,
                _ => {}
            }
            if next.is_multiple_of(50) {
                ask.send(Message::Ping(Bytes::from_static(b"?"))).await.unwrap();
            }
            if next.is_multiple_of(900) {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        assert!(pongs > 0);
        room.await.unwrap();
        drop((ask, answers));
        assert!(["the peer closed", "the socket failed while writing"].contains(&task.await.unwrap()));
    }
}
