//! Errors of a running namespace.

use std::io;
use std::net::SocketAddr;

use crate::amqp::codec;
use crate::position::PartitionId;

use super::hub;

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
    /// The hub can't be opened or changed.
    #[error("the hub can't be opened or changed")]
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
