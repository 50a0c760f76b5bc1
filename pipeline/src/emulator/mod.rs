//! A hub in this process: partitions, links, `$cbs` and `$management`, over plain TCP.
//!
//! Owns an event hub as its clients see it. It is built on [`crate::amqp`] and does not use an AMQP library.
//! Does not own: TLS, retention by time (a test removes events itself), or a list of consumer groups: any name is a
//! group.
//!
//! ```text
//! listener ── bytes ──► connection ──► session ──► links ──► hub ──► partition log ──► file
//! ```
//!
//! All events are held in memory, encoded as they are sent. With a data folder they are also appended to a file per
//! partition, and a hub of the same name continues from those files after a restart.
//!
//! # Source
//! The observed protocol: sections 1-6 of the protocol reference. Where that is silent, the hub is strict: a position
//! past the last event is refused for `>=` as for `>`, and on an empty partition too.

mod access; // shared access signatures and what they grant
mod jwt; // tokens of Microsoft Entra
mod address; // addresses of nodes
mod attach; // admission of links
mod config; // configuration of a hub
mod connection; // a connection as a state machine
mod context; // state that the sessions of a connection share
mod disk; // the files that survive a restart
mod event; // received events and batches
mod faults; // injected faults
mod filter; // the selector filter of a reader
mod hub; // partitions, key and clock
mod incoming; // the receiving end of a link
mod link; // the kinds of links
mod listener; // sockets
mod log; // the events of one partition
mod nodes; // `$cbs` and `$management`
mod outgoing; // the sending end of a link
mod readers; // the readers of one partition, owner levels
mod refusal; // an error condition and its text
mod session; // a session and its links

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::amqp::codec;
use crate::amqp::condition;
use crate::clock::UnixMillis;
use crate::position::{Generation, Offset, PartitionId, SequenceNumber};

use event::Batch;
use hub::Hub;
use refusal::Refusal;

pub use config::Config;
pub use event::{BATCH_FORMAT, NewEvent};
pub use faults::{Fault, Faults, Reason};
pub use hub::Error as HubError;

/// A running hub. Dropping it ends its connections.
#[derive(Debug)]
pub struct Emulator {
    hub: Arc<Hub>,
    address: SocketAddr,
    stop: watch::Sender<()>,
    listening: JoinHandle<()>,
}

impl Emulator {
    /// Opens the hub and starts to listen, on the current runtime.
    #[expect(clippy::disallowed_methods, reason = "the emulator owns its listener and ends it")]
    pub async fn start(config: Config) -> Result<Self, Error> {
        let hub = Arc::new(Hub::open(&config)?);
        let bind = |source| Error::Bind { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (stop, stopped) = watch::channel(());
        let listening = listener::listen(listener, Arc::clone(&hub), config.idle_timeout, stopped);
        Ok(Self { hub, address, stop, listening: tokio::spawn(listening) })
    }

    /// Returns the address that the hub listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the connection string of the hub, key included.
    pub fn connection_string(&self) -> String {
        let Hub { name, access, .. } = &*self.hub;
        format!(
            "Endpoint=sb://{};SharedAccessKeyName={};SharedAccessKey={};UseDevelopmentEmulator=true;EntityPath={name}",
            self.address, access.name, access.key
        )
    }

    /// Returns the hub's name.
    pub fn event_hub(&self) -> &str {
        &self.hub.name
    }

    /// Returns the hub's creation time.
    pub fn generation(&self) -> Generation {
        Generation::new(self.hub.created_at)
    }

    /// Returns the number of partitions.
    pub fn partitions(&self) -> u32 {
        self.hub.partition_count()
    }

    /// Returns the state of a partition; `None` for an unknown partition.
    pub fn partition(&self, id: PartitionId) -> Option<PartitionSnapshot> {
        let partition = self.hub.partition(id.get())?;
        let log = partition.log();
        Some(PartitionSnapshot {
            begin: SequenceNumber::new(log.begin()),
            last: SequenceNumber::new(log.last()),
            last_offset: Offset::new(log.last_offset()),
            last_enqueued_time: log.last_enqueued_time(),
            events: log.len() as u64,
            bytes: log.bytes(),
        })
    }

    /// Appends one event to a partition without a connection.
    pub fn append(&self, partition: PartitionId, event: &NewEvent<'_>) -> Result<SequenceNumber, Error> {
        self.append_message(partition, &event.encode())
    }

    /// Appends one event, encoded by its sender, to a partition without a connection.
    pub fn append_message(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        if self.hub.partition(partition.get()).is_none() {
            return Err(Error::UnknownPartition(partition));
        }
        let batch = Batch::read(0, message)?;
        let appended = self.hub.publish(Some(partition.get()), &batch);
        let (_, first) = appended.map_err(|source| Error::Append(Box::new(source)))?;
        Ok(SequenceNumber::new(first))
    }

    /// Appends a message that is sent unchanged, annotations included, as only a broken hub does.
    pub fn append_verbatim(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        let hub = &self.hub;
        let partition = hub.partition(partition.get()).ok_or(Error::UnknownPartition(partition))?;
        let appended = partition.append_verbatim(message, hub.now());
        appended.map(SequenceNumber::new).map_err(|source| Error::Append(Box::new(source)))
    }

    /// Adds empty partitions.
    pub fn add_partitions(&self, count: u32) {
        self.hub.add_partitions(count);
    }

    /// Removes the events of a partition below a sequence number, as retention does.
    pub fn purge(&self, partition: PartitionId, below: SequenceNumber) {
        if let Some(partition) = self.hub.partition(partition.get()) {
            partition.purge(below.get());
        }
    }

    /// Turns geo-replication on: later events have offsets of another form, and the hub refuses those of before.
    pub fn geo_replicate(&self) {
        self.hub.geo_replicate();
    }

    /// Returns the number of tokens that the hub has accepted.
    pub fn tokens_accepted(&self) -> u64 {
        self.hub.tokens.load(Ordering::Relaxed)
    }

    /// Returns the number of links that the hub has detached because their token had expired.
    pub fn links_lapsed(&self) -> u64 {
        self.hub.lapsed.load(Ordering::Relaxed)
    }

    /// Returns the faults to inject.
    pub fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    /// Detaches every reader of a partition, as the service does when it moves the partition.
    pub fn detach_readers(&self, partition: PartitionId) {
        if let Some(partition) = self.hub.partition(partition.get()) {
            let text = "The link was detached because the partition moves.";
            partition.readers.end_all(&Refusal::new(condition::DETACH_FORCED, text));
        }
    }

    /// Closes every connection and waits until all have ended.
    pub async fn shutdown(self) {
        let Self { stop, listening, .. } = self;
        drop(stop);
        if let Err(error) = listening.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the listener failed");
        }
    }
}

/// Error while a hub starts or appends an event.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Listening on the address failed.
    #[error("can't listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The hub can't be opened.
    #[error("the hub can't be opened")]
    Hub(#[from] hub::Error),
    /// The hub does not have the partition.
    #[error("the hub does not have a partition {0}")]
    UnknownPartition(PartitionId),
    /// The event is malformed.
    #[error("malformed event")]
    Event(#[from] codec::Error),
    /// The event can't be appended.
    #[error("the event can't be appended")]
    Append(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// State of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSnapshot {
    /// Sequence number of the first event; -1 without events.
    pub begin: SequenceNumber,
    /// Sequence number of the last event; -1 without events.
    pub last: SequenceNumber,
    /// Offset of the last event; "-1" without events.
    pub last_offset: Offset,
    /// Enqueued time of the last event, unix milliseconds.
    pub last_enqueued_time: UnixMillis,
    /// Number of events.
    pub events: u64,
    /// Encoded size of the events, bytes.
    pub bytes: u64,
}

#[cfg(test)]
mod tests;
