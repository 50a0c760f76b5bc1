//! Errors of a running namespace.

use std::io;
use std::net::SocketAddr;

use crate::amqp::codec;
use crate::position::PartitionId;

use super::{authority, hub};

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
    /// The certificate authority can't be used.
    #[error("the hub can't have TLS")]
    Tls(#[from] authority::Error),
    /// The hub can't be opened or changed.
    #[error("the hub can't be opened or changed")]
    Hub(#[from] hub::Error),
    /// A fault of the configuration can't be injected.
    #[error(transparent)]
    Fault(#[from] InjectError),
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

/// Error while a fault is injected.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// The fault names a hub that the namespace does not have.
    #[error("the fault can't be injected: this namespace does not have a hub `{hub}`; write one of {known}")]
    UnknownHub {
        /// The name.
        hub: String,
        /// The names of the hubs.
        known: String,
    },
    /// The fault names a partition that no hub has.
    #[error(
        "the fault can't be injected: the hub does not have a partition {partition}; write one from 0 to {last}"
    )]
    UnknownPartition {
        /// The number.
        partition: u32,
        /// The highest number.
        last: u32,
    },
    /// The hub can't be changed in this way.
    #[error("the fault can't be injected")]
    Failed(#[source] Box<Error>),
}
