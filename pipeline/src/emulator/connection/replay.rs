//! A connection without a socket, for fuzz targets and tests: bytes in, bytes out.
//!
//! Owns the buffers around a connection. Does not own: the connection's protocol (`connection`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::amqp::MAX_FRAME_SIZE;
use crate::amqp::frames::FrameBuffer;
use crate::position::PartitionId;

use super::super::config::Config;
use super::super::error::Error;
use super::super::handle::HubHandle;
use super::super::hub::event::NewEvent;
use super::super::namespace::Namespace;
use super::Connection;

/// One connection to a namespace that no socket leads to.
#[derive(Debug)]
pub struct Replay {
    namespace: Arc<Namespace>,
    connection: Connection,
    input: FrameBuffer,
}

impl Replay {
    /// Opens the hubs of a configuration, and a connection to them.
    pub fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self::connect(Arc::new(Namespace::open(config)?)))
    }

    /// Opens a further connection to the same hubs.
    #[must_use]
    pub fn further(&self) -> Self {
        Self::connect(Arc::clone(&self.namespace))
    }

    /// Appends one event to the first hub.
    pub fn append(&self, partition: PartitionId, event: &NewEvent<'_>) -> Result<(), Error> {
        HubHandle::first(&self.namespace).append(partition, event).map(drop)
    }

    /// Receives bytes of the peer and returns all that the hub sends then.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut sent, mut round) = (Vec::new(), Vec::new());
        self.input.extend(bytes);
        self.connection.receive(&mut self.input, &mut round);
        loop {
            sent.append(&mut round);
            self.connection.pump(&mut round);
            if round.is_empty() {
                return sent;
            }
        }
    }

    /// Returns whether the hub has ended the connection.
    pub fn is_over(&self) -> bool {
        self.connection.is_over()
    }

    fn connect(namespace: Arc<Namespace>) -> Self {
        let connection = Connection::new(Arc::clone(&namespace), Arc::new(Notify::new()), IDLE_TIMEOUT);
        Self { namespace, connection, input: FrameBuffer::new(MAX_FRAME_SIZE) }
    }
}

/// Idle timeout that the hub states; without a socket no time passes.
const IDLE_TIMEOUT: Duration = Duration::from_mins(4);
