//! Audit of a lake: each row exists once, no sequence number lacks its row, chains are complete.
//!
//! Owns the checks of a lake's contents. Does not depend on the writers, past or present. Reads every page for its
//! checksum and the columns that number the rows, and holds one bit per sequence number.

mod bitmap; // a set of ordinals, one bit each
mod chains; // the files of each chain, read in order
mod report; // counts and findings
mod redrives; // redriven files, compared with their plans
mod scan; // the footer and rows of one file
mod schemas; // the columns of all files, compared with the lake's schemas
mod sources; // gaps and duplicates of each source

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
/// An event is one sequence number of its source. Its rows are adjacent in one file and numbered from 0. A redriven
/// event also keeps its row in the quarantine and counts as one event.
///
/// A sequence number without a row is a gap, and so a fault, up to the source's durable position: the higher of its
/// checkpoint and the positions in footers. Above that it is in flight. A number that was given up, or accepted as a
/// gap, is neither. The caller reads `checkpoints` before this call, so that running writers have committed what they
/// cover.
///
/// # Errors
/// The lake can't be listed, its records can't be fetched, or the store does not answer. A file that can't be read is a
/// finding.
pub async fn audit(
    store: &Store,
    columns: RowColumns,
    types: ColumnTypes,
    checkpoints: &BTreeMap<SourceId, Ordinal>,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let (chains, redrives) = Chains::list(store, &mut report).await?;
    // Listed after the files: the origin of a source is recorded before its first file.
    let mut sources = Sources::load(store, &mut report).await?;
    let mut read = chains.read(store, columns, &mut sources, &mut report).await?;
    if sources.have_gaps_below_footers() {
        // Tables are listed in sequence: a footer can prove rows that were committed after their table was listed.
        read.add_late(store, columns, &mut sources, &mut report).await?;
    }
    redrives.read(store, columns, &mut sources, &mut report).await?;
    sources.check(store, types, checkpoints, &mut report).await?;
    report.close_findings();
    Ok(report)
}

#[cfg(test)]
mod tests;
