//! Failures that end publishing. Does not own what they mean for the run (`run::kind`).

use std::sync::Arc;

use catchwater_sinks::lake::{commit, schema};
use catchwater_sinks::parquet;

use crate::run::ledger;

/// Why publishing ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be put.
    #[error("put a file of {table}")]
    Put {
        /// The table it is of.
        table: Arc<str>,
        /// What the lake said.
        source: commit::Error,
    },
    /// A schema could not be recorded.
    #[error("record the schema of {table}")]
    Schema {
        /// The table.
        table: Arc<str>,
        /// What the lake said.
        source: schema::Error,
    },
    /// A file's footer could not be written.
    #[error("write the footer of a file of {table}")]
    Footer {
        /// The table.
        table: Arc<str>,
        /// Why not.
        source: parquet::Error,
    },
    /// The books say that something impossible happened.
    #[error("the ledger of a partition is broken; nothing more is checkpointed")]
    Ledger(#[from] ledger::Violation),
    /// The task that put a file ended without an answer.
    #[error("a put ended without an answer")]
    Lost(#[source] tokio::task::JoinError),
}
