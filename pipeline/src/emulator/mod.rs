//! A hub in this process: partitions, links, `$cbs` and `$management`, over plain TCP.
//!
//! Owns an event hub as its clients see it. It stands on [`crate::amqp`] and on no AMQP library.
//! Does not own: TLS, retention by time (events go when a test says so), or a list of consumer groups: there are all of
//! them, each as soon as it is named.
//!
//! ```text
//! listener ── bytes ──► connection ──► session ──► links ──► hub ──► partition log ──► file
//! ```
//!
//! All events are held in memory, encoded as they are sent; with a data folder they are also appended to a file
//! per partition, from which a hub of the same name goes on after a restart.
//!
//! # Source
//! The protocol as observed: sections 1-6 of the protocol reference. Where it says nothing, the hub is strict: a
//! position beyond the last event is refused for `>=` as for `>`, and on an empty partition too.

mod access; // shared access signatures and what they grant
mod address; // addresses of nodes
mod attach; // admission of links
mod config; // configuration of a hub
mod connection; // a connection as a state machine
mod context; // state that the sessions of a connection share
mod disk; // the files that survive a restart
mod event; // events and batches on their way in
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

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::amqp::codec;
use crate::amqp::condition;
use crate::position::{Generation, Offset, PartitionId, SequenceNumber};

use event::Batch;
use hub::Hub;
use refusal::Refusal;

pub use config::Config;
pub use event::{BATCH_FORMAT, NewEvent};
pub use faults::Faults;
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
    /// Opens the hub and listens, on the current runtime.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let hub = Arc::new(Hub::open(&config)?);
        let bind = |source| Error::Bind { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (stop, stopped) = watch::channel(());
        let listening = listener::listen(listener, Arc::clone(&hub), config.idle_timeout, stopped);
        Ok(Self { hub, address, stop, listening: tokio::spawn(listening) })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the connection string for it, key included.
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
        Generation::new(self.hub.created_ms)
    }

    /// Returns how many partitions there are.
    pub fn partitions(&self) -> u32 {
        self.hub.partition_count()
    }

    /// Returns how far a partition is; none when there is no such partition.
    pub fn partition(&self, id: PartitionId) -> Option<PartitionSnapshot> {
        let partition = self.hub.partition(id.get())?;
        let log = partition.log();
        Some(PartitionSnapshot {
            begin: SequenceNumber::new(log.begin()),
            last: SequenceNumber::new(log.last()),
            last_offset: Offset::new(log.last_offset()),
            last_enqueued_ms: log.last_enqueued_ms(),
            events: log.len() as u64,
            bytes: log.bytes(),
        })
    }

    /// Appends one event to a partition without a connection.
    pub fn append(&self, partition: PartitionId, event: &NewEvent<'_>) -> Result<SequenceNumber, Error> {
        self.append_message(partition, &event.encode())
    }

    /// Appends one event to a partition without a connection, encoded as its sender sends it.
    pub fn append_message(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        if self.hub.partition(partition.get()).is_none() {
            return Err(Error::NoPartition(partition));
        }
        let batch = Batch::read(0, message)?;
        let appended = self.hub.publish(Some(partition.get()), &batch);
        let (_, first) = appended.map_err(|source| Error::Append(Box::new(source)))?;
        Ok(SequenceNumber::new(first))
    }

    /// Appends a message that readers get as it is, annotations and all: what only a broken hub sends.
    pub fn append_stamped(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        let hub = &self.hub;
        let partition = hub.partition(partition.get()).ok_or(Error::NoPartition(partition))?;
        let appended = partition.append_stamped(message, hub.now_ms());
        appended.map(SequenceNumber::new).map_err(|source| Error::Append(Box::new(source)))
    }

    /// Adds empty partitions.
    pub fn add_partitions(&self, count: u32) {
        self.hub.add_partitions(count);
    }

    /// Lets retention pass the events of a partition below a sequence number.
    pub fn purge(&self, partition: PartitionId, below: SequenceNumber) {
        if let Some(partition) = self.hub.partition(partition.get()) {
            partition.purge(below.get());
        }
    }

    /// Returns the faults that it commits on demand.
    pub fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    /// Detaches every reader of a partition as the service does when it moves one.
    pub fn detach_readers(&self, partition: PartitionId) {
        if let Some(partition) = self.hub.partition(partition.get()) {
            let text = "The link was detached because the partition moves.";
            partition.readers.end_all(&Refusal::new(condition::DETACH_FORCED, text));
        }
    }

    /// Closes every connection and returns when all have ended.
    pub async fn shutdown(self) {
        let Self { stop, listening, .. } = self;
        drop(stop);
        if let Err(error) = listening.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the listener ended badly");
        }
    }
}

/// Why a hub does not start, or does not take an event.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The hub can't be opened.
    #[error("the hub can't be opened")]
    Hub(#[from] hub::Error),
    /// There is no such partition.
    #[error("there is no partition {0}")]
    NoPartition(PartitionId),
    /// The event can't be read.
    #[error("the event can't be read")]
    Event(#[from] codec::Error),
    /// The event can't be appended.
    #[error("the event can't be appended")]
    Append(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How far a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSnapshot {
    /// The first event's sequence number, -1 when there is none.
    pub begin: SequenceNumber,
    /// The last event's sequence number, -1 when there is none.
    pub last: SequenceNumber,
    /// The last event's offset, "-1" when there is none.
    pub last_offset: Offset,
    /// When the last event was taken in, unix milliseconds.
    pub last_enqueued_ms: i64,
    /// How many events there are.
    pub events: u64,
    /// Bytes that they take in memory.
    pub bytes: u64,
}

#[cfg(test)]
mod tests;
