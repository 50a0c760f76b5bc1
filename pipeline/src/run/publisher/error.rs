//! Failures that end publishing. Does not own their exit codes (`run::kind`).

use std::sync::Arc;

use catchwater_sinks::lake::{commit, schema};
use catchwater_sinks::parquet;

use crate::run::ledger;

/// Failures that end publishing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be committed.
    #[error("commit a file of {table}")]
    Put {
        /// The file's table.
        table: Arc<str>,
        /// The lake's error.
        source: commit::Error,
    },
    /// A schema could not be recorded.
    #[error("record the schema of {table}")]
    Schema {
        /// The table.
        table: Arc<str>,
        /// The lake's error.
        source: schema::Error,
    },
    /// A file's footer could not be written.
    #[error("write the footer of a file of {table}")]
    Footer {
        /// The file's table.
        table: Arc<str>,
        /// The writer's error.
        source: parquet::Error,
    },
    /// A ledger invariant was violated.
    #[error("internal error: the ledger of a partition is inconsistent; no more checkpoints are saved")]
    Ledger(#[from] ledger::Violation),
    /// A task that puts a file panicked or was canceled.
    #[error("internal error: a task that commits a file ended without a result")]
    PutTask(#[source] tokio::task::JoinError),
}
