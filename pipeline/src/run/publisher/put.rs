//! One put: a file's schema, its footer, then the file.
//!
//! Owns: the order of the three. Does not own: which file is next (`publisher`), what a schema that contradicts the file
//! means (`schemas`), the judgement of a name that is taken (`catchwater_sinks::lake`).

use std::sync::Arc;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::chain::Chain;
use catchwater_sinks::lake::commit::{self, Landed};
use catchwater_sinks::paths::Destination;
use catchwater_sinks::store::Store;
use tokio::sync::Mutex;

use super::error::Error;
use super::schemas::LakeSchemas;
use crate::run::ledger::FileId;
use crate::run::messages::{ClosedFile, StartId};

/// What a put needs, whatever it puts.
#[derive(Debug)]
pub(in crate::run) struct PutWorld {
    /// The lake.
    pub(in crate::run) store: Store,
    /// Its schemas; one put at a time may add to them.
    pub(in crate::run) schemas: Mutex<LakeSchemas>,
    /// Retry policy for a store that does not answer.
    pub(in crate::run) backoff: Backoff,
}

/// What became of a file.
#[derive(Debug)]
pub(super) struct PutDone {
    pub(super) start: StartId,
    pub(super) file: FileId,
    pub(super) destination: Destination,
    pub(super) events: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The chain behind this file; `None` when the name was lost or the lake's schema contradicts the file.
    pub(super) chain: Option<Chain>,
}

/// Makes one file durable under its name, its schema first.
pub(super) async fn put(
    world: Arc<PutWorld>,
    id: FileId,
    file: ClosedFile,
    mut chain: Chain,
) -> Result<PutDone, Error> {
    let table = Arc::clone(&file.facts.destination.table);
    let ensured = world.schemas.lock().await.ensure(&table, &file.columns).await;
    let schema = ensured.map_err(|source| Error::Schema { table: Arc::clone(&table), source })?;
    let (mut bytes, mut lost) = (0, true);
    if let Some(schema) = schema {
        let whole = file.body.complete(&file.facts, |column| schema.ids(column));
        let whole = whole.map_err(|source| Error::Footer { table: Arc::clone(&table), source })?;
        bytes = whole.len() as u64;
        let landed = commit::commit_file(&world.store, &mut chain, &file.facts, whole, &world.backoff).await;
        lost = matches!(landed.map_err(|source| Error::Put { table, source })?, Landed::Lost { .. });
    }
    let chain = (!lost).then_some(chain);
    Ok(PutDone {
        start: file.start,
        file: id,
        destination: file.facts.destination,
        events: file.events,
        rows: file.facts.rows,
        bytes,
        chain,
    })
}
