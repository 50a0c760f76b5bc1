//! The task of a connection: it moves bytes, keeps the connection alive, and ends all sessions with the connection.
//!
//! Owns: the stream and its read buffer. Does not own: dispatch of frames (`incoming`), the write queue (`outgoing`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::buffer::ReadBuffer;
use super::close_reason::CloseReason;
use super::incoming::Incoming;
use super::session_table::SessionTable;
use crate::amqp::frames::put_heartbeat;

/// A connection's socket.
pub(super) struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: ReadBuffer,
    incoming: Incoming,
    table: Arc<SessionTable>,
    /// The connection ends when nothing was received for this time.
    idle_timeout: Duration,
    /// The hub ends the connection when it received nothing for this time.
    remote_idle_timeout: Option<Duration>,
    last_read: Instant,
    last_write: Instant,
    /// Bytes taken from the write queue, of which `written` are written.
    writing: Vec<u8>,
    written: usize,
    /// The stream may hold bytes that were written.
    unflushed: bool,
    /// `writing` holds the last bytes of the connection.
    closing: bool,
    /// Reads are held back until lanes have released some of the budget.
    held_back: bool,
}

impl<S: AsyncRead + AsyncWrite> Socket<S> {
    pub(super) fn new(
        stream: S,
        buffer: ReadBuffer,
        table: Arc<SessionTable>,
        idle_timeout: Duration,
        remote_idle_timeout: Option<Duration>,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Self {
            reader,
            writer,
            buffer,
            incoming: Incoming::new(Arc::clone(&table)),
            table,
            idle_timeout,
            remote_idle_timeout,
            last_read: now,
            last_write: now,
            writing: Vec::new(),
            written: 0,
            unflushed: false,
            closing: false,
            held_back: false,
        }
    }

    /// Moves bytes until the connection ends.
    pub(super) async fn run(mut self) {
        let reason = match self.move_bytes().await {
            Ok(reason) => reason,
            Err(error) => CloseReason::Lost(format!("the connection was lost: {error}")),
        };
        self.table.close_all(&reason);
        self.shut_down().await;
    }

    async fn move_bytes(&mut self) -> io::Result<CloseReason> {
        // The handshake may have read frames after the hub's Open.
        if let Some(reason) = self.dispatch() {
            return Ok(reason);
        }
        let alarm = sleep_until(self.next_deadline());
        tokio::pin!(alarm);
        let mut since_yield = 0;
        loop {
            self.refill();
            let waiting = self.written < self.writing.len();
            // One read per interval stays allowed: the rest of a body may be what releases the budget, and the hub's
            // heartbeats must be seen.
            let held = self.is_held_back() && self.last_read.elapsed() < MIN_READ_INTERVAL;
            if self.closing && !waiting {
                return Ok(CloseReason::Lost("the connection is closed".to_owned()));
            }
            tokio::select! {
                biased;
                written = write_or_flush(&mut self.writer, &self.writing[self.written..]),
                    if waiting || self.unflushed =>
                {
                    self.written += written?;
                    self.unflushed = waiting;
                    self.last_write = Instant::now();
                }
                () = self.table.outgoing.filled.notified(), if !waiting => {}
                () = &mut alarm => {
                    if self.last_read.elapsed() >= self.idle_timeout {
                        return Ok(CloseReason::Lost("idle timeout: the hub has sent nothing".to_owned()));
                    }
                    self.keep_alive();
                    alarm.as_mut().reset(self.next_deadline());
                }
                () = sleep(BUDGET_POLL_INTERVAL), if held => {}
                read = self.reader.read(self.buffer.space()), if !held => {
                    let count = read?;
                    if count == 0 {
                        return Ok(CloseReason::Lost("the hub closed the connection without a Close".to_owned()));
                    }
                    self.last_read = Instant::now();
                    self.buffer.filled(count);
                    if let Some(reason) = self.dispatch() {
                        return Ok(reason);
                    }
                    since_yield += count;
                    if since_yield >= YIELD_BYTES {
                        since_yield = 0;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    /// Returns whether reads are held back because a budget is far overdrawn. Changes are logged.
    fn is_held_back(&mut self) -> bool {
        let held_back = self.incoming.is_far_overdrawn();
        if std::mem::replace(&mut self.held_back, held_back) != held_back {
            tracing::debug!(
                held_back,
                "reads of a connection wait for lanes while the budget is overdrawn twice"
            );
        }
        held_back
    }

    /// Dispatches the frames in the buffer.
    fn dispatch(&mut self) -> Option<CloseReason> {
        match self.incoming.dispatch(self.buffer.bytes()) {
            Ok(consumed) => {
                self.buffer.consume(consumed);
                None
            }
            Err(reason) => Some(reason),
        }
    }

    /// Takes queued bytes once all earlier ones are written.
    fn refill(&mut self) {
        if self.written == self.writing.len() {
            self.writing.clear();
            self.written = 0;
            self.closing = self.table.outgoing.swap(&mut self.writing);
        }
    }

    /// The next moment at which an idle timeout expires or a heartbeat is due.
    fn next_deadline(&self) -> Instant {
        let expiry = self.last_read + self.idle_timeout;
        match self.remote_idle_timeout {
            Some(timeout) => expiry.min(self.last_write + timeout / 2),
            None => expiry,
        }
    }

    /// Queues an empty frame when nothing was sent for half of the hub's idle timeout.
    fn keep_alive(&mut self) {
        if self.remote_idle_timeout.is_some_and(|timeout| self.last_write.elapsed() >= timeout / 2) {
            self.table.outgoing.write(put_heartbeat);
            // If the socket is full, the bytes in it count as a heartbeat once the hub reads them.
            self.last_write = Instant::now();
        }
    }

    /// Writes the last bytes and waits for the hub to close: a reset before that could discard them.
    async fn shut_down(&mut self) {
        let writing = async {
            self.writer.write_all(&self.writing[self.written..]).await?;
            self.writing.clear();
            self.table.outgoing.swap(&mut self.writing);
            self.writer.write_all(&self.writing).await?;
            self.writer.shutdown().await?;
            while self.reader.read(self.buffer.scratch()).await? > 0 {}
            io::Result::Ok(())
        };
        // A failure changes nothing: the connection has ended.
        let _ = timeout(SHUTDOWN_TIMEOUT, writing).await;
    }
}

/// Writes some bytes. Without any, flushes: a stream with TLS or WebSocket may hold the end of what was written.
async fn write_or_flush(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    writer.write(bytes).await
}

/// Bytes after which other tasks on the runtime get a turn; a few hundred microseconds of work.
const YIELD_BYTES: usize = 1024 * 1024;
/// Interval between looks at a budget that is far overdrawn: a lane's work on a few bodies.
const BUDGET_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Minimum interval between reads while a budget is far overdrawn.
const MIN_READ_INTERVAL: Duration = Duration::from_secs(1);
/// Limit on writing the last bytes and waiting for the hub to close.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
