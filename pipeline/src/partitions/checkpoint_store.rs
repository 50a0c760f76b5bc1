//! The store of checkpoints, as a trait: one implementation for each form.
//!
//! Does not own: the forms (`json_objects`), or which checkpoint counts (`checkpoints`).

use std::error::Error as StdError;
use std::fmt;

use catchwater_sinks::store::{self, Key};
use futures::future::BoxFuture;

use super::checkpoint::{Checkpoint, Scope};
use crate::position::PartitionId;

/// A store of checkpoints in one form. A checkpoint is replaced as a whole: a reader finds the old one or the new one.
pub(super) trait CheckpointStore: fmt::Debug + Send + Sync {
    /// Key of a partition's checkpoint.
    fn key(&self, scope: &Scope, partition: PartitionId) -> Key;

    /// Reads a checkpoint; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is not a checkpoint.
    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Checkpoint>, Error>>;

    /// Puts a checkpoint or replaces it. After success it is durable.
    fn write<'a>(&'a self, key: &'a Key, checkpoint: &'a Checkpoint) -> BoxFuture<'a, Result<(), Error>>;

    /// All checkpoints of this form, of any hub; an error for each that is not readable.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Result<Checkpoint, Error>>, Error>>;
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
