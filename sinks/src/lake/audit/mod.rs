//! The lake read back: each row once, no gaps, chains whole.
//!
//! Owns the judgement over what stands in a lake; knows nothing of who wrote it or still does. Reads every
//! page for its checksum and the columns that number the rows, and holds a bit per place.

mod chains; // the files of each destination, one after the other
mod places; // a set of places in a source
mod report; // counts and findings
mod redrives; // what redrives brought into tables
mod scan; // one file, read
mod schemas; // the columns of all files, and the lake's schemas
mod sources; // what each source lacks

use std::collections::BTreeMap;

use crate::ordinals::Ordinal;
use crate::parquet::RowColumns;
use crate::paths::SourceId;
use crate::store::{Error, Store};
use chains::Chains;
use sources::Sources;

pub use report::{Report, SourceReport, TableReport};
pub use schemas::ColumnTypes;

/// Reads a lake and counts its faults.
///
/// An event is a place; it may have several rows, which then stand together in one file, numbered from 0. One
/// that was redriven has rows in its table and keeps its row in the quarantine: that is one event.
///
/// A place without a row is a fault at or below what proves that it was durable, its source's checkpoint or the footer of
/// a file, and in flight above it. One that was given up, or that a run saw and accepted, is neither. Where writers are
/// at work the checkpoints have to be read before this begins: what they cover is in the lake by then.
///
/// # Errors
/// Only if the lake can't be listed or its records can't be fetched. A file that can't be read is a finding.
pub async fn audit(
    store: &Store,
    columns: RowColumns,
    types: ColumnTypes,
    checkpoints: &BTreeMap<SourceId, Ordinal>,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let (chains, redrives) = Chains::list(store, &mut report).await?;
    // Listed after the files: a source's origin is there before its first file.
    let mut sources = Sources::load(store, &mut report).await?;
    let mut read = chains.read(store, columns, &mut sources, &mut report).await;
    if sources.lack_what_files_prove() {
        // Tables are listed one after the other: a file of one proves what stood in another by then.
        read.add_late(store, columns, &mut sources, &mut report).await?;
    }
    redrives.read(store, columns, &mut sources, &mut report).await?;
    sources.judge(store, types, checkpoints, &mut report).await?;
    report.close_findings();
    Ok(report)
}

#[cfg(test)]
mod tests;
