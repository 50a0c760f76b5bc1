//! Sockets: taking connections in, and moving their bytes.
//!
//! Owns reading, writing, silence and the end of a connection. Does not own: what the bytes mean (`connection`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::amqp::frames::{FrameBuffer, put_heartbeat};
use crate::amqp::{MAX_FRAME_SIZE, condition};

use super::connection::Connection;
use super::hub::Hub;
use super::refusal::Refusal;

/// Bytes that may wait to be written before reading pauses: a peer that asks without reading gets no further.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// How long a closed connection waits for the peer to hang up, so that its last frames are not lost to a reset.
const HANG_UP: Duration = Duration::from_secs(2);

/// Takes connections in until `stop` changes, and ends those that are open then.
pub(super) async fn listen(
    listener: TcpListener,
    hub: Arc<Hub>,
    patience: Duration,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let served = serve(stream, Arc::clone(&hub), patience, stop.clone());
                    connections.spawn(served);
                }
                // Out of file descriptors, or a peer that was gone at once: the next one may be fine.
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            // A dropped sender is a stop as well.
            _ = stop.changed() => break,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, hub: Arc<Hub>, patience: Duration, stop: watch::Receiver<()>) {
    if let Err(error) = Socket::new(stream, hub, patience).run(stop).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}

/// One socket and the connection on it.
struct Socket {
    stream: TcpStream,
    connection: Connection,
    waker: Arc<Notify>,
    patience: Duration,
    input: FrameBuffer,
    out: Vec<u8>,
    written: usize,
    last_read: Instant,
    last_write: Instant,
}

impl Socket {
    fn new(stream: TcpStream, hub: Arc<Hub>, patience: Duration) -> Self {
        let waker = Arc::new(Notify::new());
        let now = Instant::now();
        Self {
            stream,
            connection: Connection::new(hub, Arc::clone(&waker), patience),
            waker,
            patience,
            input: FrameBuffer::new(MAX_FRAME_SIZE),
            out: Vec::new(),
            written: 0,
            last_read: now,
            last_write: now,
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
                return self.hang_up().await;
            }
            let reads = !self.connection.is_over() && waiting < WAITING_BYTES_MAX;
            let due = self.due();
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                written = writer.write(&self.out[self.written..]), if waiting > 0 => {
                    self.written += written?;
                    self.last_write = Instant::now();
                }
                read = reader.read_buf(self.input.space()), if reads => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.last_read = Instant::now();
                    self.connection.receive(&mut self.input, &mut self.out);
                }
                () = self.waker.notified(), if waiting == 0 => {}
                () = sleep_until(due) => {
                    if !self.on_silence() {
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

    /// Lets the connection send once everything before is written.
    fn fill(&mut self) {
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
            self.connection.pump(&mut self.out);
        }
    }

    /// Returns when silence, ours or the peer's, has lasted too long.
    fn due(&self) -> Instant {
        let give_up = self.last_read + self.patience;
        match self.connection.peer_patience() {
            Some(patience) => give_up.min(self.last_write + patience / 2),
            None => give_up,
        }
    }

    /// Does what silence asks for; tells whether the connection goes on.
    fn on_silence(&mut self) -> bool {
        let waiting = self.written < self.out.len();
        if self.last_read.elapsed() < self.patience {
            if waiting {
                // Bytes are under way: they are the sign of life, once the peer reads them.
                self.last_write = Instant::now();
            } else {
                put_heartbeat(&mut self.out);
            }
            return true;
        }
        // A peer that does not read either could not hear why it ends.
        if waiting || self.connection.is_over() {
            return false;
        }
        let text = format!("The connection was silent for {} milliseconds.", self.patience.as_millis());
        let refusal = Refusal::new(condition::CONNECTION_FORCED, text);
        self.connection.close(Some(&refusal), &mut self.out);
        // The close has as long to get out as the peer had to speak.
        self.last_read = Instant::now();
        true
    }

    /// Says that nothing more comes, and reads on until the peer has hung up too.
    async fn hang_up(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut rest = [0; 4096];
        let emptied = async { while self.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
        // The peer had its time; the socket closes either way.
        drop(timeout(HANG_UP, emptied).await);
        Ok(())
    }
}
