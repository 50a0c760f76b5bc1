//! Hubs in this process: a namespace, its hubs, their partitions, links, `$cbs` and `$management`.
//!
//! Owns a namespace of event hubs as its clients see it. It is built on [`crate::amqp`] and does not use an AMQP library.
//! Does not own: the operations on one hub (`handle`).
//!
//! ```text
//! listener ── bytes ──► connection ──► session ──► links ──► hub of the namespace ──► partition log ──► segments
//! ```
//!
//! All events that retention has left are held in memory, encoded as they are sent. With a data folder they are also
//! appended to the log segments of their partition, and a hub of the same name continues from those after a restart.
//!
//! # Source
//! The observed protocol: sections 1-6 of the protocol reference. Where that is silent, the hub is strict: a position
//! past the last event is refused for `>=` as for `>`, and on an empty partition too.

mod config; // configuration of a namespace and its hubs
mod namespace; // the hubs, their key and their clock
mod hub; // one hub
mod storage; // the folder that survives a restart
mod data; // the data folder and its lock
mod retention; // the removal of expired events
mod handle; // operations on one hub, without a connection
mod access; // shared access signatures and what they grant
mod connection; // a connection as a state machine
mod limits; // limits on one peer
mod link_watch; // connections without links
mod wakers; // connections that wait
mod refusal; // an error condition and its text
mod listener; // sockets, and the handshakes below AMQP
mod ports; // addresses, URLs and connection strings
mod authority; // the hub's own certificate authority
mod faults; // injected faults
mod injector; // faults on request
mod error; // errors of a running namespace

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::position::{Generation, PartitionId, SequenceNumber};

use injector::Injector;
use namespace::Namespace;
use ports::Ports;

pub use authority::Error as AuthorityError;
pub use config::{
    Config, ConfigJsonError, HealthConfig, HubConfig, NameError, NameKind, TlsConfig, read_config_json,
};
pub use connection::Replay;
pub use data::Error as DataError;
pub use error::{Error, InjectError};
pub use faults::{
    Effect, Fault, FaultSpec, Faults, Form, Operation, Pace, Reason, SpecError, State, Strike, Target,
    Trigger, fault_help,
};
pub use handle::{HubHandle, PartitionSnapshot};
pub use hub::{BATCH_FORMAT, Error as HubError, NewEvent};
pub use injector::FaultTextError;
pub use link_watch::LinkTimeouts;

/// A running namespace of hubs. Dropping it ends its connections.
///
/// The operations on one hub are those of [`hub`](Self::hub); the ones here are for the first hub.
#[derive(Debug)]
pub struct Emulator {
    namespace: Arc<Namespace>,
    first: HubHandle,
    injector: Arc<Injector>,
    ports: Ports,
    stop: watch::Sender<()>,
    /// The removal of expired events.
    removing: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Opens the hubs and starts to listen, on the current runtime.
    #[expect(clippy::disallowed_methods, reason = "the emulator owns the retention and ends it")]
    pub async fn start(config: Config) -> Result<Self, Error> {
        let namespace = Arc::new(Namespace::open(&config)?);
        let first = HubHandle::first(&namespace);
        let injector = Arc::new(Injector::new(Arc::clone(&namespace)));
        config.faults.iter().try_for_each(|spec| injector.post(spec).map(drop))?;
        let (stop, stopped) = watch::channel(());
        let removing = config.retention.map(|retention| {
            // A reader that connects right after the start does not see expired events either.
            retention::remove(&namespace, retention);
            tokio::spawn(retention::remove_expired(Arc::clone(&namespace), retention, stopped.clone()))
        });
        let ports = Ports::open(&config, &namespace, &injector, &stopped).await?;
        Ok(Self { namespace, first, injector, ports, stop, removing })
    }

    /// Returns the address that the hub listens on.
    pub fn address(&self) -> SocketAddr {
        self.ports.amqp()
    }

    /// Returns the address of AMQP over WebSocket, if the hub has it.
    pub fn websocket_address(&self) -> Option<SocketAddr> {
        self.ports.websocket()
    }

    /// Returns the URL of AMQP over WebSocket, if the hub has it.
    pub fn websocket_url(&self) -> Option<String> {
        self.ports.websocket_url()
    }

    /// Returns the URL of the hub's health, if the hub has one.
    pub fn health_url(&self) -> Option<String> {
        self.ports.health_url()
    }

    /// Returns the certificate of the hub's authority, PEM, if the hub has TLS.
    pub fn ca(&self) -> Option<&str> {
        self.ports.ca()
    }

    /// Returns the file with the certificate of the hub's authority, if there is one.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ports.ca_file()
    }

    /// Returns a handle on the hub with this name, in upper or lower case.
    pub fn hub(&self, name: &str) -> Option<HubHandle> {
        HubHandle::find(&self.namespace, name)
    }

    /// Returns handles on all hubs, in the order of the configuration.
    pub fn hubs(&self) -> Vec<HubHandle> {
        self.namespace.hubs().into_iter().map(|hub| HubHandle::new(&self.namespace, hub)).collect()
    }

    /// Returns the connection string of the first hub, key included.
    pub fn connection_string(&self) -> String {
        format!("{};EntityPath={}", self.namespace_connection_string(), self.event_hub())
    }

    /// Returns the connection string of the namespace, key included. It does not name a hub.
    pub fn namespace_connection_string(&self) -> String {
        let access = &self.namespace.access;
        self.ports.connection_string(self.ports.amqp(), access)
    }

    /// Returns the connection string of the namespace for AMQP over WebSocket, key included, if the hub has it.
    pub fn websocket_connection_string(&self) -> Option<String> {
        self.ports.websocket().map(|address| self.ports.connection_string(address, &self.namespace.access))
    }

    /// Returns the hub's name.
    pub fn event_hub(&self) -> &str {
        self.first.name()
    }

    /// Returns the hub's creation time.
    pub fn generation(&self) -> Generation {
        self.first.generation()
    }

    /// Returns the number of partitions.
    pub fn partitions(&self) -> u32 {
        self.first.partitions()
    }

    /// Returns the state of a partition; `None` for an unknown partition.
    pub fn partition(&self, id: PartitionId) -> Option<PartitionSnapshot> {
        self.first.partition(id)
    }

    /// Appends one event to a partition without a connection.
    pub fn append(&self, partition: PartitionId, event: &NewEvent<'_>) -> Result<SequenceNumber, Error> {
        self.first.append(partition, event)
    }

    /// Appends one event, encoded by its sender, to a partition without a connection.
    pub fn append_message(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        self.first.append_message(partition, message)
    }

    /// Appends a message that is sent unchanged, annotations included, as only a broken hub does.
    pub fn append_verbatim(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        self.first.append_verbatim(partition, message)
    }

    /// Adds empty partitions.
    ///
    /// # Errors
    /// More partitions than a hub can have.
    pub fn add_partitions(&self, count: u32) -> Result<(), Error> {
        self.first.add_partitions(count)
    }

    /// Removes the events of a partition below a sequence number, as retention does.
    pub fn purge(&self, partition: PartitionId, below: SequenceNumber) {
        self.first.purge(partition, below);
    }

    /// Turns geo-replication on: later events have offsets of another form, and the hub refuses those of before.
    pub fn geo_replicate(&self) {
        self.first.geo_replicate();
    }

    /// Returns the number of tokens that the hub has accepted.
    pub fn tokens_accepted(&self) -> u64 {
        self.namespace.tokens.load(Ordering::Relaxed)
    }

    /// Returns the number of links that the hub has detached because their token had expired.
    pub fn links_lapsed(&self) -> u64 {
        self.namespace.lapsed.load(Ordering::Relaxed)
    }

    /// Returns the faults to inject.
    pub fn faults(&self) -> &Faults {
        &self.namespace.faults
    }

    /// Injects a fault; returns a sentence about its effect. It has to be called on a runtime.
    pub fn inject(&self, fault: &FaultSpec) -> Result<String, InjectError> {
        self.injector.post(fault)
    }

    /// Injects the faults of a text, one a line; returns a sentence about each. It has to be called on a runtime.
    pub fn inject_lines(&self, faults: &str) -> Result<String, FaultTextError> {
        self.injector.post_lines(faults)
    }

    /// Detaches every reader of a partition, as the service does when it moves the partition.
    pub fn detach_readers(&self, partition: PartitionId) {
        self.first.detach_readers(partition);
    }

    /// Closes every connection and waits until all have ended.
    pub async fn shutdown(self) {
        let Self { namespace, stop, ports, removing, .. } = self;
        drop(stop);
        ports.closed().await;
        if let Some(removing) = removing
            && let Err(error) = removing.await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "a task of the hub failed");
        }
        namespace.release();
    }
}

#[cfg(test)]
mod tests;
