//! Failures that end a run. Does not own their exit codes (`kind`).

use catchwater_sinks::lake::{names, records, schema};
use catchwater_sinks::store::{self, Address};

use super::lane::Error as LaneError;
use super::publisher::Error as PublisherError;
use super::reader::Error as ReaderError;
use crate::eventhubs;
use crate::partitions;

/// Failures that end a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake or the state can't be opened.
    #[error("open the store {address}")]
    Store {
        /// Its address.
        address: Address,
        /// The store's error.
        source: store::Error,
    },
    /// The lake's records can't be read or written.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The hub's name does not agree with the lake's records.
    #[error("find the event hub in the lake")]
    Names(#[from] names::Error),
    /// The checkpoints of another consumer can't be read.
    #[error("look for the checkpoints of another consumer")]
    Checkpoints(#[from] partitions::Error),
    /// The lake's schemas can't be read.
    #[error("read the lake's schemas")]
    Schemas(#[from] schema::Error),
    /// A connection or request to the hub failed.
    #[error("reach the event hub")]
    Hub(#[from] eventhubs::Error),
    /// A partition can no longer be read.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// Files or checkpoints can't be published.
    #[error(transparent)]
    Publisher(#[from] PublisherError),
    /// The hub was deleted and created again during the run.
    #[error("the event hub {event_hub} was deleted and created again; the next run reads it as another log")]
    HubCreatedAgain {
        /// Its name.
        event_hub: String,
    },
    /// A lane failed.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// A thread could not be started.
    #[error("start a thread")]
    Thread(#[source] std::io::Error),
    /// A task or thread panicked.
    #[error("internal error: {0} ended without a result")]
    Died(&'static str),
    /// Another run has taken partitions: all of them, or some that this run had to catch up with.
    #[error("another run has taken partitions of this consumer group; this one stops")]
    OwnershipLost,
}
