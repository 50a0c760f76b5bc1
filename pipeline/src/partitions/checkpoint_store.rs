//! The store of checkpoints, as a trait: one implementation for each form.
//!
//! Does not own: the forms (`json_objects`, `sdk_blobs`), or which checkpoint counts (`checkpoints`).

use std::error::Error as StdError;
use std::fmt;

use catchwater_sinks::store::{self, Key};
use futures::future::{BoxFuture, FutureExt};

use super::checkpoint::{Checkpoint, Scope};
use crate::clock::UnixMillis;
use crate::position::{PartitionId, SequenceNumber};

/// A store of checkpoints in one form. A checkpoint is replaced as a whole: a reader finds the old one or the new one.
pub(super) trait CheckpointStore: fmt::Debug + Send + Sync {
    /// Key of a partition's checkpoint. Some forms have the name by which the lake knows the namespace in it, others the
    /// name by which this run reads the hub.
    fn key(&self, group: &ConsumerGroup, scope: &Scope, partition: PartitionId) -> Key;

    /// Reads a checkpoint of catchwater, for any lake; `None` if the store has no such checkpoint.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is not a checkpoint.
    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Checkpoint>, Error>>;

    /// Puts a checkpoint or replaces it. After success it is durable.
    fn write<'a>(&'a self, key: &'a Key, checkpoint: &'a Checkpoint) -> BoxFuture<'a, Result<(), Error>>;

    /// All checkpoints of this form, of any hub; an error for each that is not readable.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Result<Checkpoint, Error>>, Error>>;

    /// The checkpoints that consumers with an official SDK wrote for this group. Only one form is theirs too.
    fn of_sdks<'a>(&'a self, _: &'a ConsumerGroup) -> BoxFuture<'a, Result<Vec<SdkCheckpoint>, Error>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }
}

/// A consumer group as the official SDKs name it. Case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroup {
    /// The host by which consumers reach the namespace, with the port if the endpoint has one.
    pub host: String,
    /// The event hub.
    pub event_hub: String,
    /// The group.
    pub name: String,
}

/// A checkpoint that a consumer with an official SDK wrote. Its offset is left out: it may be of another log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdkCheckpoint {
    /// The partition.
    pub partition: PartitionId,
    /// The last event that the consumer has processed.
    pub sequence_number: SequenceNumber,
    /// Time at which it was written.
    pub written: UnixMillis,
}

/// Failures of reading or writing a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request to the store failed.
    #[error("read or write the checkpoint {path}")]
    Store {
        /// Key of the checkpoint.
        path: Key,
        /// The store's error.
        source: store::Error,
    },
    /// The object is not a checkpoint.
    #[error("checkpoint {path} can't be read")]
    Unreadable {
        /// Key of the checkpoint.
        path: Key,
        /// The parser's error.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Error {
    /// Converts the error of a request.
    pub(super) fn store(path: &Key) -> impl FnOnce(store::Error) -> Self + use<> {
        let path = path.clone();
        move |source| Self::Store { path, source }
    }

    /// Converts the error of a parser.
    pub(super) fn unreadable<E: Into<Box<dyn StdError + Send + Sync>>>(
        path: &Key,
    ) -> impl FnOnce(E) -> Self + use<E> {
        let path = path.clone();
        move |source| Self::Unreadable { path, source: source.into() }
    }
}
