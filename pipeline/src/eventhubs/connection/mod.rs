//! A connection to a hub on our own receiving end of AMQP ([`crate::amqp`]).
//!
//! Owns: the handshake, the socket's task, and sessions by channel. Does not own: the stream (`transport`), tokens
//! (`authorization`), or what is attached on a session (`link`).
//!
//! One task per connection owns the socket and one large read buffer. It cuts frames out of the buffer where they lie
//! and dispatches them to sessions. A session's lock is taken once for a run of its frames, and its reader is woken
//! once per read. Bytes are always taken off the socket at once, so that heartbeats and answers get through and a slow
//! partition stalls no other. Credit bounds the events that can arrive, and the session window their frames, if events
//! turn out much larger than earlier ones.

mod buffer; // the read buffer
mod close_reason; // why a connection, session or link has ended
mod incoming; // dispatch of incoming frames
mod opening; // the handshake
mod outgoing; // the write queue
mod protocol_error; // violations of the protocol by the hub
mod session; // a session as its connection sees it
mod session_table; // sessions by channel, shared with links
mod socket; // the task that moves bytes
mod transfers; // a run of transfers of one channel

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use self::buffer::ReadBuffer;
use self::socket::{IdleTimeouts, Socket};
use super::address::Address;
use super::error::Error;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::encode_close;
use crate::clock::Clock;

pub(super) use self::close_reason::CloseReason;
pub(super) use self::incoming::Incoming;
pub(super) use self::opening::CHANNEL_MAX;
pub(super) use self::protocol_error::ProtocolError;
pub(super) use self::session::{Session, SharedSession};
pub(super) use self::session_table::SessionTable;
pub(super) use self::transfers::Transfers;

/// An open connection. Dropping it ends it, and every session on it.
#[derive(Debug)]
pub(super) struct Connection {
    table: Arc<SessionTable>,
    socket: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Opens a connection on `stream`; `name` is its container id. `clock` notices that the machine was suspended.
    #[expect(clippy::disallowed_methods, reason = "the connection owns its socket task and ends it")]
    pub(super) async fn open<S>(
        mut stream: S,
        to: &Address,
        name: &str,
        idle_timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut buffer = ReadBuffer::new();
        let remote = opening::open(&mut stream, &mut buffer, to, name, idle_timeout).await?;
        let table = SessionTable::new(remote.channel_max);
        let timeouts = IdleTimeouts { local: idle_timeout, remote: remote.idle_timeout };
        let socket = Socket::new(stream, buffer, Arc::clone(&table), timeouts, clock);
        Ok(Self { table, socket: tokio::spawn(socket.run()) })
    }

    /// The sessions of the connection, to add one.
    pub(super) fn table(&self) -> &Arc<SessionTable> {
        &self.table
    }

    /// Returns whether sessions can still be added.
    pub(super) fn is_open(&self) -> bool {
        self.table.close_reason().is_none()
    }

    /// Closes the connection and waits for the hub to close its side.
    pub(super) async fn close(mut self) {
        self.start_close();
        // Nothing depends on the hub's answer.
        let _ = timeout(CLOSE_TIMEOUT, &mut self.socket).await;
    }

    fn start_close(&self) {
        self.table.outgoing.write_last(|out| put_frame(out, 0, |out| encode_close(None, out)));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.start_close();
    }
}

/// Limit on waiting for the hub's answer to a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
