//! One connection on a stream of any kind: moves its bytes.
//!
//! Owns reading, writing, idle timeouts and the end of a connection. Does not own: the protocol (`connection`), or the
//! handshakes before it.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::amqp::frames::{FrameBuffer, put_heartbeat};
use crate::amqp::keep_alive::{Due, KeepAlive};
use crate::amqp::{MAX_FRAME_SIZE, condition};
use crate::clock::UnixMillis;
use crate::emulator::connection::Connection;
use crate::emulator::link_watch::{LinkTimeouts, LinkWatch};
use crate::emulator::namespace::Namespace;
use crate::emulator::refusal::Refusal;

/// Unsent bytes at which reading pauses, so that a peer which sends requests without reading replies is held back.
const MAX_UNSENT_BYTES: usize = 1024 * 1024;

/// Upper bound on the wait for the peer to close its side. Closing earlier could reset the connection and lose the
/// last frames.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Size of the buffer that an idle connection keeps, bytes: answers to a few requests.
const KEPT_BYTES: usize = 16 * 1024;

/// Times after which a connection is closed.
#[derive(Clone, Copy, Debug)]
pub(in crate::emulator) struct Timeouts {
    /// Of one whose peer sends nothing.
    pub(in crate::emulator) idle: Duration,
    /// Of one without links.
    pub(in crate::emulator) links: LinkTimeouts,
}

/// One stream and the connection on it.
pub(super) struct Socket<S> {
    stream: S,
    connection: Connection,
    waker: Arc<Notify>,
    idle_timeout: Duration,
    keep_alive: KeepAlive,
    links: LinkWatch,
    input: FrameBuffer,
    out: Vec<u8>,
    written: usize,
    /// The stream holds written bytes, as TLS and WebSocket do while the socket below is full.
    is_flushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(stream: S, namespace: Arc<Namespace>, timeouts: Timeouts) -> Self {
        let waker = Arc::new(Notify::new());
        let Timeouts { idle: idle_timeout, links } = timeouts;
        Self {
            stream,
            connection: Connection::new(namespace, Arc::clone(&waker), idle_timeout),
            waker,
            idle_timeout,
            keep_alive: KeepAlive::new(now(), idle_timeout),
            links: LinkWatch::new(now(), links),
            input: FrameBuffer::new(MAX_FRAME_SIZE),
            out: Vec::new(),
            written: 0,
            is_flushed: true,
        }
    }

    /// Moves bytes until the connection ends, or `stop` changes.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<()>) -> io::Result<()> {
        loop {
            self.fill();
            let is_idle = self.is_idle();
            if self.connection.is_dropped() && is_idle {
                return Ok(());
            }
            if self.connection.is_over() && is_idle {
                return self.shut_down().await;
            }
            let due = self.due().into();
            let input = self.reads().then(|| self.input.space());
            let output = &self.out[self.written..];
            tokio::select! {
                moved = transfer(&mut self.stream, output, self.is_flushed, input) => {
                    if self.on_moved(&moved?) == Moving::Ended {
                        return Ok(());
                    }
                }
                () = self.waker.notified(), if is_idle => {}
                () = sleep_until(due) => {
                    if !self.on_timer() {
                        return Ok(());
                    }
                }
                _ = stop.changed(), if !self.connection.is_over() => {
                    let text = "The hub stops.";
                    let refusal = Refusal::new(condition::CONNECTION_FORCED, text);
                    self.connection.close(Some(&refusal), &mut self.out);
                }
            }
        }
    }

    /// Lets the connection send once all earlier bytes are on their way.
    fn fill(&mut self) {
        if self.is_idle() {
            self.out.clear();
            self.written = 0;
            self.connection.pump(&mut self.out);
            if self.out.is_empty() {
                // An idle connection does not keep the buffer of its busiest moment.
                self.out.shrink_to(KEPT_BYTES);
            }
        }
        self.links.note(now(), self.connection.has_links());
    }

    /// Returns whether no bytes wait for the peer.
    fn is_idle(&self) -> bool {
        self.written == self.out.len() && self.is_flushed
    }

    /// Returns whether bytes of the peer are wanted.
    fn reads(&self) -> bool {
        !self.connection.is_over() && self.out.len() - self.written < MAX_UNSENT_BYTES
    }

    /// Takes note of moved bytes, and hands received ones to the connection.
    fn on_moved(&mut self, moved: &Moved) -> Moving {
        if moved.written > 0 {
            self.written += moved.written;
            self.keep_alive.on_sent(now());
        }
        self.is_flushed = moved.is_flushed;
        match moved.read {
            None => {}
            Some(0) => return Moving::Ended,
            Some(_) => {
                self.keep_alive.on_received(now());
                self.connection.receive(&mut self.input, &mut self.out);
                self.keep_alive.set_peer_timeout(self.connection.peer_idle_timeout());
            }
        }
        Moving::Continues
    }

    /// Returns when a duty of the keep-alive or the expiry of a token or the end of a pause is due.
    fn due(&self) -> std::time::Instant {
        let due = self.keep_alive.next_deadline();
        let due =
            self.links.deadline().filter(|_| !self.connection.is_over()).map_or(due, |links| due.min(links));
        // While bytes wait, the connection can't detach a link.
        let wait = self.connection.wait_time().filter(|_| self.is_idle()).map(|time| now() + time);
        wait.map_or(due, |wait| due.min(wait))
    }

    /// Sends a heartbeat or closes an idle connection; returns whether the socket stays in use.
    fn on_timer(&mut self) -> bool {
        let waiting = !self.is_idle();
        if let Some(refusal) = self.links.check(now()).filter(|_| !self.connection.is_over()) {
            self.connection.close(Some(&refusal), &mut self.out);
            return true;
        }
        match self.keep_alive.check(now(), UnixMillis::EPOCH) {
            Due::Nothing => return true,
            Due::Heartbeat => {
                // Bytes in flight replace the heartbeat.
                if !waiting {
                    put_heartbeat(&mut self.out);
                }
                return true;
            }
            Due::Silent | Due::Suspended(_) => {}
        }
        // A peer that does not read either would not receive the Close.
        if waiting || self.connection.is_over() {
            return false;
        }
        let text = format!("The connection was idle for {} milliseconds.", self.idle_timeout.as_millis());
        let refusal = Refusal::new(condition::CONNECTION_FORCED, text);
        self.connection.close(Some(&refusal), &mut self.out);
        // One more idle timeout to send the Close.
        self.keep_alive.on_received(now());
        true
    }

    /// Shuts the sending side down and reads until the peer has closed its side.
    async fn shut_down(mut self) -> io::Result<()> {
        let ended = async {
            self.stream.shutdown().await?;
            let mut rest = vec![0; 4096];
            while self.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
            Ok(())
        };
        // The socket closes in either case.
        timeout(CLOSE_TIMEOUT, ended).await.unwrap_or(Ok(()))
    }
}

/// The state of a socket after bytes have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moving {
    Continues,
    /// The peer has closed its side.
    Ended,
}

/// Bytes that one poll has moved.
#[derive(Debug)]
struct Moved {
    written: usize,
    is_flushed: bool,
    /// Bytes read, 0 at the end of the stream; `None` if none were there.
    read: Option<usize>,
}

/// Waits until bytes move in either direction. Both use the whole stream, one after the other, without a lock.
///
/// # Cancel safety
/// Bytes only move in the poll that returns.
async fn transfer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    output: &[u8],
    was_flushed: bool,
    mut input: Option<&mut BytesMut>,
) -> io::Result<Moved> {
    poll_fn(|context| {
        let mut moved = Moved { written: 0, is_flushed: was_flushed, read: None };
        if !output.is_empty()
            && let Poll::Ready(written) = Pin::new(&mut *stream).poll_write(context, output)?
        {
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            moved.written = written;
            moved.is_flushed = false;
        }
        if !moved.is_flushed && moved.written == output.len() {
            moved.is_flushed = Pin::new(&mut *stream).poll_flush(context)?.is_ready();
        }
        if let Some(input) = input.as_deref_mut()
            && let Poll::Ready(read) = poll_read(stream, input, context)?
        {
            moved.read = Some(read);
        }
        let is_nothing = moved.written == 0 && moved.is_flushed == was_flushed && moved.read.is_none();
        if is_nothing { Poll::Pending } else { Poll::Ready(Ok(moved)) }
    })
    .await
}

/// Reads into the free room of a buffer. An end without a farewell is an end too: AMQP has a Close of its own.
fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let reading = pin!(stream.read_buf(input));
    match reading.poll(context) {
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
        read => read,
    }
}

/// The runtime's clock, which a test may pause.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
