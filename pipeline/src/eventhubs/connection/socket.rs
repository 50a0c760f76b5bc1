//! The task of a connection: it moves bytes, keeps the connection alive, and ends all sessions with the connection.
//!
//! It always reads. A session's window holds transfers back, so that heartbeats and answers get through.
//!
//! Owns: the stream and its read buffer. Does not own: dispatch of frames (`incoming`), the write queue (`outgoing`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::buffer::ReadBuffer;
use super::close_reason::CloseReason;
use super::incoming::Incoming;
use super::session_table::SessionTable;
use crate::amqp::frames::put_heartbeat;
use crate::amqp::keep_alive::{Due, KeepAlive};
use crate::clock::Clock;

/// A connection's socket.
pub(super) struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: ReadBuffer,
    incoming: Incoming,
    table: Arc<SessionTable>,
    keep_alive: KeepAlive,
    clock: Arc<dyn Clock>,
    /// Bytes taken from the write queue, of which `written` are written.
    writing: Vec<u8>,
    written: usize,
    /// The stream may hold bytes that were written.
    unflushed: bool,
    /// `writing` holds the last bytes of the connection.
    closing: bool,
}

impl<S: AsyncRead + AsyncWrite> Socket<S> {
    pub(super) fn new(
        stream: S,
        buffer: ReadBuffer,
        table: Arc<SessionTable>,
        timeouts: IdleTimeouts,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let mut keep_alive = KeepAlive::new(now(), timeouts.local).with_wall_clock(now(), clock.now());
        keep_alive.set_peer_timeout(timeouts.remote);
        Self {
            reader,
            writer,
            buffer,
            incoming: Incoming::new(Arc::clone(&table)),
            table,
            keep_alive,
            clock,
            writing: Vec::new(),
            written: 0,
            unflushed: false,
            closing: false,
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
        let alarm = sleep_until(self.keep_alive.next_deadline().into());
        tokio::pin!(alarm);
        let mut since_yield = 0;
        loop {
            self.refill();
            let waiting = self.written < self.writing.len();
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
                    self.keep_alive.on_sent(now());
                }
                () = self.table.outgoing.filled.notified(), if !waiting => {}
                () = &mut alarm => {
                    if let Some(reason) = self.keep_alive() {
                        return Ok(reason);
                    }
                    alarm.as_mut().reset(self.keep_alive.next_deadline().into());
                }
                read = self.reader.read(self.buffer.space()) => {
                    let count = read?;
                    if count == 0 {
                        return Ok(CloseReason::Lost("the hub closed the connection without a Close".to_owned()));
                    }
                    self.keep_alive.on_received(now());
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

    /// Queues an empty frame when one is due; returns the reason to end if the hub is silent.
    fn keep_alive(&mut self) -> Option<CloseReason> {
        match self.keep_alive.check(now(), self.clock.now()) {
            Due::Nothing => None,
            Due::Heartbeat => {
                self.table.outgoing.write(put_heartbeat);
                None
            }
            Due::Silent => Some(CloseReason::Lost("idle timeout: the hub has sent nothing".to_owned())),
            Due::Suspended(time) => {
                let what = format!("the machine was suspended for {} s: the hub has hung up", time.as_secs());
                Some(CloseReason::Lost(what))
            }
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

/// Idle timeouts of both ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleTimeouts {
    /// The connection ends when nothing was received for this time.
    pub(super) local: Duration,
    /// The hub ends the connection when it has received nothing for this time.
    pub(super) remote: Option<Duration>,
}

/// The runtime's clock, which a test may pause.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Bytes after which other tasks on the runtime get a turn; a few hundred microseconds of work.
const YIELD_BYTES: usize = 1024 * 1024;
/// Limit on writing the last bytes and waiting for the hub to close.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
