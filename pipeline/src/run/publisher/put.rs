//! Commits one file: its table's schema, its footer, then the file.
//!
//! Owns: the order of the three. Does not own: which file is next (`publisher`), a schema that contradicts the file
//! (`schemas`), a name that is taken (`catchwater_sinks::lake`).

use std::sync::Arc;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::chain::Chain;
use catchwater_sinks::lake::commit::{self, CommitOutcome};
use catchwater_sinks::parquet::FooterFacts;
use catchwater_sinks::store::Store;
use tokio::sync::Mutex;

use super::error::Error;
use super::schemas::LakeSchemas;
use crate::run::ledger::FileId;
use crate::run::messages::{ClosedFile, StartId};

/// Collaborators of every put.
#[derive(Debug)]
pub(in crate::run) struct PutDeps {
    /// The lake.
    pub(in crate::run) store: Store,
    /// The lake's schemas, extended by one put at a time.
    pub(in crate::run) schemas: Mutex<LakeSchemas>,
    /// Retry policy for a store that does not answer.
    pub(in crate::run) backoff: Backoff,
}

/// Result of putting one file.
#[derive(Debug)]
pub(super) struct PutDone {
    pub(super) start: StartId,
    pub(super) file: FileId,
    pub(super) facts: FooterFacts,
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// The chain after this file; `None` if the name is taken by other rows or the lake's schema contradicts the file.
    pub(super) chain: Option<Chain>,
}

/// Makes one file durable under its name, its schema first.
pub(super) async fn put(
    deps: Arc<PutDeps>,
    id: FileId,
    file: ClosedFile,
    mut chain: Chain,
) -> Result<PutDone, Error> {
    let ClosedFile { start, facts, events, columns, body, permit, .. } = file;
    let table = Arc::clone(&facts.destination.table);
    let ensured = deps.schemas.lock().await.ensure(&table, &columns).await;
    let schema = ensured.map_err(|source| Error::Schema { table: Arc::clone(&table), source })?;
    let (mut size, mut has_conflict) = (0, true);
    if let Some(schema) = schema {
        let bytes = body.complete(&facts, |column| schema.ids(column));
        let bytes = bytes.map_err(|source| Error::Footer { table: Arc::clone(&table), source })?;
        size = bytes.len() as u64;
        let landed = commit::commit_file(&deps.store, &mut chain, &facts, bytes, &deps.backoff).await;
        has_conflict =
            matches!(landed.map_err(|source| Error::Put { table, source })?, CommitOutcome::Conflict { .. });
    }
    // The bytes are charged until the file is durable.
    drop(permit);
    let chain = (!has_conflict).then_some(chain);
    Ok(PutDone { start, file: id, facts, events, bytes: size, chain })
}
