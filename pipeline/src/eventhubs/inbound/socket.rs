//! The one task of a connection: it moves bytes, minds silence, and tells everyone when the connection is no more.
//!
//! Owns: the stream and its buffer. Does not own: what the bytes mean (`incoming`), what is written (`channels`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::channels::Channels;
use super::gone::Gone;
use super::incoming::Incoming;
use crate::amqp::frames::put_heartbeat;

/// Bytes as the socket gave them; what was consumed stands in front until the room behind is wanted.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BUFFER].into_boxed_slice(), start: 0, end: 0 }
    }

    /// What was read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Where the next read goes: never empty, because whole frames are consumed and one that is not is smaller.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// The beginning of a frame that is not whole is moved only when half of the buffer is behind it: bytes are moved
    /// seldom, and a read always finds room for many frames.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end > BUFFER / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }
}

/// A connection's socket.
pub(super) struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: Buffer,
    incoming: Incoming,
    channels: Arc<Channels>,
    /// The silence after which we give up on the hub.
    patience: Duration,
    /// The silence after which the hub gives up on us.
    hub_patience: Option<Duration>,
    last_read: Instant,
    last_write: Instant,
    writing: Vec<u8>,
    written: usize,
    /// What is being written is the last.
    closing: bool,
    /// Nothing is read until lanes have freed some of the budget.
    waits: bool,
}

impl<S: AsyncRead + AsyncWrite> Socket<S> {
    pub(super) fn new(
        stream: S,
        buffer: Buffer,
        channels: Arc<Channels>,
        patience: Duration,
        hub_patience: Option<Duration>,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Self {
            reader,
            writer,
            buffer,
            incoming: Incoming::new(Arc::clone(&channels)),
            channels,
            patience,
            hub_patience,
            last_read: now,
            last_write: now,
            writing: Vec::new(),
            written: 0,
            closing: false,
            waits: false,
        }
    }

    /// Moves bytes until the connection ends.
    pub(super) async fn run(mut self) {
        let gone = match self.flow().await {
            Ok(gone) => gone,
            Err(error) => Gone::Lost(format!("the connection is gone: {error}")),
        };
        self.channels.end_all(&gone);
        self.goodbye().await;
    }

    async fn flow(&mut self) -> io::Result<Gone> {
        if let Some(gone) = self.take_in() {
            return Ok(gone);
        }
        let alarm = sleep_until(self.due());
        tokio::pin!(alarm);
        let mut since_yield = 0;
        loop {
            self.refill();
            let waiting = self.written < self.writing.len();
            // A little is read all the same: what frees the budget may be the rest of a body, and the hub's word counts.
            let held = self.is_too_much() && self.last_read.elapsed() < BREATH;
            if self.closing && !waiting {
                return Ok(Gone::Lost("the connection is closed".to_owned()));
            }
            tokio::select! {
                biased;
                written = self.writer.write(&self.writing[self.written..]), if waiting => {
                    self.written += written?;
                    self.last_write = Instant::now();
                }
                () = self.channels.outgoing.wake.notified(), if !waiting => {}
                () = &mut alarm => {
                    if self.last_read.elapsed() >= self.patience {
                        return Ok(Gone::Lost("the hub has fallen silent".to_owned()));
                    }
                    self.keep_alive();
                    alarm.as_mut().reset(self.due());
                }
                () = sleep(GLANCE), if held => {}
                read = self.reader.read(self.buffer.space()), if !held => {
                    let count = read?;
                    if count == 0 {
                        return Ok(Gone::Lost("the connection is gone".to_owned()));
                    }
                    self.last_read = Instant::now();
                    self.buffer.filled(count);
                    if let Some(gone) = self.take_in() {
                        return Ok(gone);
                    }
                    since_yield += count;
                    if since_yield >= PIECE {
                        since_yield = 0;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    /// Whether the socket has to wait for the lanes. Told when that begins and when it ends.
    fn is_too_much(&mut self) -> bool {
        let is_too_much = self.incoming.is_too_much();
        if std::mem::replace(&mut self.waits, is_too_much) != is_too_much {
            let what =
                if is_too_much { "waits for the lanes: the budget is spent twice" } else { "reads again" };
            tracing::debug!("a connection {what}");
        }
        is_too_much
    }

    /// Gives the frames that are there to their sessions.
    fn take_in(&mut self) -> Option<Gone> {
        match self.incoming.take(self.buffer.bytes()) {
            Ok(taken) => {
                self.buffer.consume(taken);
                None
            }
            Err(gone) => Some(gone),
        }
    }

    /// Takes what waits to be written once everything before is written.
    fn refill(&mut self) {
        if self.written == self.writing.len() {
            self.writing.clear();
            self.written = 0;
            self.closing = self.channels.outgoing.swap(&mut self.writing);
        }
    }

    /// When silence, ours or the hub's, has lasted too long.
    fn due(&self) -> Instant {
        let give_up = self.last_read + self.patience;
        match self.hub_patience {
            Some(patience) => give_up.min(self.last_write + patience / 2),
            None => give_up,
        }
    }

    /// Sends an empty frame when nothing else was sent for half of what the hub bears.
    fn keep_alive(&mut self) {
        if self.hub_patience.is_some_and(|patience| self.last_write.elapsed() >= patience / 2) {
            self.channels.outgoing.put(put_heartbeat);
            // Bytes that are stuck are a sign of life too, once the hub reads them.
            self.last_write = Instant::now();
        }
    }

    /// Writes what is left to say, and waits a moment for the hub to hang up, so that a reset does not eat it.
    async fn goodbye(&mut self) {
        let last_words = async {
            self.writer.write_all(&self.writing[self.written..]).await?;
            self.writing.clear();
            self.channels.outgoing.swap(&mut self.writing);
            self.writer.write_all(&self.writing).await?;
            self.writer.shutdown().await?;
            while self.reader.read(self.buffer.bytes.as_mut()).await? > 0 {}
            io::Result::Ok(())
        };
        // A connection that is broken can't be told so.
        let _ = timeout(GOODBYE, last_words).await;
    }
}

/// One read of this size holds dozens of typical events and costs one system call; it stays in a core's second-level cache.
const BUFFER: usize = 256 * 1024;
/// After so many bytes, a few hundred microseconds, others on the runtime have their turn.
const PIECE: usize = 1024 * 1024;
/// While the budget is far overdrawn, it is looked at so often: a lane's work of some bodies.
const GLANCE: Duration = Duration::from_millis(5);
/// And one buffer is read in so long.
const BREATH: Duration = Duration::from_secs(1);
/// For the last words.
const GOODBYE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_the_buffer_as_they_came() {
        let mut buffer = Buffer::new();
        let (mut written, mut read) = (0_u32, 0_u32);
        for round in 0..1_000 {
            let space = buffer.space();
            assert!(space.len() >= BUFFER / 4, "{} bytes in round {round}", space.len());
            let count = (round * 7_919) % space.len() / 4 * 4;
            for place in space[..count].chunks_exact_mut(4) {
                place.copy_from_slice(&written.to_be_bytes());
                written += 1;
            }
            buffer.filled(count);
            // The beginning of a frame stays, at the most as much as a frame may have.
            let left = buffer.bytes().len().min((round * 104_729) % 65_536 / 4 * 4);
            let taken = buffer.bytes().len() - left;
            for word in buffer.bytes()[..taken].chunks_exact(4) {
                assert_eq!(word, read.to_be_bytes());
                read += 1;
            }
            buffer.consume(taken);
        }
        assert!(written > 1_000_000 && written - read < 16_384);
    }
}
