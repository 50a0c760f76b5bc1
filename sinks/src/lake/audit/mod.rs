//! The lake read back: each row once, no gaps, chains whole.
//!
//! Owns the judgement over what stands in a lake; knows nothing of who wrote it or still does. Reads every
//! page for its checksum and the columns that number the rows, and holds a bit per place.

mod chains; // the files of each destination, one after the other
mod places; // a set of places in a source
mod redrives; // what redrives brought into tables
mod scan; // one file, read
mod schemas; // the columns of all files, and the lake's schemas
mod sources; // what each source lacks

use std::collections::BTreeMap;

use arrow::datatypes::Field;
use serde::Serialize;

use crate::ordinals::Ordinal;
use crate::parquet::RowColumns;
use crate::paths::SourceId;
use crate::store::{Error, Store};
use chains::Chains;
use sources::Sources;

/// Says if a column of a file can hold what a type of the lake's schemas holds, by the type's name; `None` for a type that it
/// does not know.
pub type ColumnTypes = fn(&str, &Field) -> Option<bool>;

/// Reads a lake back and counts its faults.
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

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Places of all sources that have a row.
    pub events: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Places without a row at or below what a checkpoint or a file proves: a fault.
    pub gaps: u64,
    /// Places without a row that a run saw and accepted: the hub left them out, or they could not be read.
    pub accepted_gaps: u64,
    /// The unbroken ranges that these are in.
    pub accepted_ranges: u64,
    /// Rows that a file has twice, and places that have rows in one more file: a fault.
    pub duplicates: u64,
    /// Files and records that are missing, unreadable, damaged, out of place or say what is not so: a fault.
    pub broken_chains: u64,
    /// Columns that contradict their table's schema, and schemas that are missing or contradict each other: a fault.
    pub schema_faults: u64,
    /// Places with a row in the quarantine that were redriven, each counted once.
    pub redriven: u64,
    /// Plans of redrives whose files are not all there: a redrive is at work, or the next one finishes it.
    pub unfinished_redrives: u64,
    /// Places without a row above that and below the highest seen: not yet written.
    pub in_flight: u64,
    /// Parquet files of other programs in the tables' folders, which the promised glob leaves out.
    pub foreign_files: u64,
    /// One of them.
    pub first_foreign_file: Option<String>,
    /// By true name.
    pub tables: BTreeMap<String, TableReport>,
    /// By source.
    pub sources: BTreeMap<SourceId, SourceReport>,
    /// The first faults, as sentences that say what and where.
    pub findings: Vec<String>,
    /// How many more there are.
    #[serde(skip)]
    more_findings: u64,
}

/// What an audit found of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Rows in all its files.
    pub rows: u64,
    /// How many files it has.
    pub files: u64,
    /// What they weigh.
    pub bytes: u64,
}

/// What an audit found of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Where the source begins in this lake.
    pub first: Option<Ordinal>,
    /// The highest place that has a row.
    pub last: Option<Ordinal>,
    /// Places that have a row.
    pub events: u64,
    /// Places without a row at or below what a checkpoint or a file proves.
    pub gaps: u64,
    /// Places without a row that a run saw and accepted.
    pub accepted_gaps: u64,
    /// Rows that a file has twice, and places that have rows in one more file.
    pub duplicates: u64,
    /// Places without a row above that and below the highest seen.
    pub in_flight: u64,
}

/// More sentences than these are only counted.
const MOST_FINDINGS: usize = 50;

impl Report {
    /// Whether no fault was found.
    pub fn is_clean(&self) -> bool {
        [self.gaps, self.duplicates, self.broken_chains, self.schema_faults] == [0; 4]
    }

    /// Counts something that breaks a chain.
    fn broken(&mut self, finding: String) {
        self.broken_chains += 1;
        self.found(finding);
    }

    /// Counts something that contradicts the lake's schemas.
    fn schema_fault(&mut self, finding: String) {
        self.schema_faults += 1;
        self.found(finding);
    }

    /// Keeps a sentence, if there is room.
    fn found(&mut self, finding: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }

    /// Says how many sentences there was no room for.
    fn close_findings(&mut self) {
        if self.more_findings > 0 {
            self.findings.push(format!("and {} more", self.more_findings));
        }
    }
}

#[cfg(test)]
mod tests;
