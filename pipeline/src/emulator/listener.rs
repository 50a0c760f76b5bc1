//! Sockets: accepts connections and moves their bytes.
//!
//! Owns reading, writing, idle timeouts and the end of a connection. Does not own: the protocol (`connection`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::amqp::frames::{FrameBuffer, put_heartbeat};
use crate::amqp::keep_alive::{Due, KeepAlive};
use crate::amqp::{MAX_FRAME_SIZE, condition};
use crate::clock::UnixMillis;

use super::connection::Connection;
use super::link_watch::{LinkTimeouts, LinkWatch};
use super::namespace::Namespace;
use super::refusal::Refusal;

/// Unsent bytes at which reading pauses, so that a peer which sends requests without reading replies is held back.
const MAX_UNSENT_BYTES: usize = 1024 * 1024;

/// Upper bound on the wait for the peer to close its side. Closing earlier could reset the connection and lose the
/// last frames.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Size of the buffer that an idle connection keeps, bytes: answers to a few requests.
const KEPT_BYTES: usize = 16 * 1024;

/// Pause after a failed accept, so that a lack of file descriptors does not spin.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Times after which a connection is closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// Of one whose peer sends nothing.
    pub(super) idle: Duration,
    /// Of one without links.
    pub(super) links: LinkTimeouts,
}

/// Time between two warnings that connections can't be accepted.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Accepts connections until `stop` changes, then ends the open ones.
pub(super) async fn listen(
    listener: TcpListener,
    namespace: Arc<Namespace>,
    timeouts: Timeouts,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut warned: Option<Instant> = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let served = serve(stream, Arc::clone(&namespace), timeouts, stop.clone());
                    connections.spawn(served);
                }
                // Out of file descriptors, or the peer has gone already: the next connection may succeed.
                Err(error) => {
                    if warned.is_none_or(|warned| warned.elapsed() > WARNING_INTERVAL) {
                        warned = Some(Instant::now());
                        let (error, connections) = (&error as &dyn std::error::Error, connections.len());
                        tracing::warn!(error, connections, "can't accept connections; trying again until it works");
                    }
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            // A dropped sender is a stop too.
            _ = stop.changed() => break,
            Some(ended) = connections.join_next() => report(ended),
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Reports a connection whose task has failed; the others continue.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "a connection ended by a fault of the hub");
    }
}

async fn serve(stream: TcpStream, namespace: Arc<Namespace>, timeouts: Timeouts, stop: watch::Receiver<()>) {
    if let Err(error) = Socket::new(stream, namespace, timeouts).run(stop).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection failed");
    }
}

/// One socket and the connection on it.
struct Socket {
    stream: TcpStream,
    connection: Connection,
    waker: Arc<Notify>,
    idle_timeout: Duration,
    keep_alive: KeepAlive,
    links: LinkWatch,
    input: FrameBuffer,
    out: Vec<u8>,
    written: usize,
}

impl Socket {
    fn new(stream: TcpStream, namespace: Arc<Namespace>, timeouts: Timeouts) -> Self {
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
        }
    }

    async fn run(mut self, mut stop: watch::Receiver<()>) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            self.fill();
            let waiting = self.out.len() - self.written;
            if self.connection.is_dropped() && waiting == 0 {
                return Ok(());
            }
            if self.connection.is_over() && waiting == 0 {
                return self.shut_down().await;
            }
            let reads = !self.connection.is_over() && waiting < MAX_UNSENT_BYTES;
            let due = self.due().into();
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                written = writer.write(&self.out[self.written..]), if waiting > 0 => {
                    self.written += written?;
                    self.keep_alive.on_sent(now());
                }
                read = reader.read_buf(self.input.space()), if reads => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.keep_alive.on_received(now());
                    self.connection.receive(&mut self.input, &mut self.out);
                    self.keep_alive.set_peer_timeout(self.connection.peer_idle_timeout());
                }
                () = self.waker.notified(), if waiting == 0 => {}
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

    /// Lets the connection send once all earlier bytes are written.
    fn fill(&mut self) {
        if self.written == self.out.len() {
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

    /// Returns when a duty of the keep-alive or the expiry of a token or the end of a pause is due.
    fn due(&self) -> std::time::Instant {
        let due = self.keep_alive.next_deadline();
        let due =
            self.links.deadline().filter(|_| !self.connection.is_over()).map_or(due, |links| due.min(links));
        // While bytes wait, the connection can't detach a link.
        let is_free = self.written == self.out.len();
        let wait = self.connection.wait_time().filter(|_| is_free).map(|time| now() + time);
        wait.map_or(due, |wait| due.min(wait))
    }

    /// Sends a heartbeat or closes an idle connection; returns whether the socket stays in use.
    fn on_timer(&mut self) -> bool {
        let waiting = self.written < self.out.len();
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
        self.stream.shutdown().await?;
        let mut rest = [0; 4096];
        let drained = async { while self.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
        // The socket closes in either case.
        drop(timeout(CLOSE_TIMEOUT, drained).await);
        Ok(())
    }
}

/// The runtime's clock, which a test may pause.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
