//! Result of an audit: counts and findings.

use std::collections::BTreeMap;

use crate::store::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ordinals::Ordinal;
use crate::paths::SourceId;

/// Result of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Sequence numbers of all sources that have a row.
    pub events: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Sequence numbers without a row up to the durable position that a checkpoint or a footer proves: a fault.
    pub gaps: u64,
    /// Sequence numbers without a row that a run accepted as gaps: the hub skipped them, or they could not be read.
    pub accepted_gaps: u64,
    /// Contiguous ranges of accepted gaps.
    pub accepted_ranges: u64,
    /// Rows that one file contains twice, and sequence numbers with rows in more than one file: a fault.
    pub duplicates: u64,
    /// Files and records that are missing, unreadable, damaged, misplaced or contradict the rows: a fault.
    pub broken_chains: u64,
    /// Columns that contradict their table's schema, and schemas that are missing or contradict each other: a fault.
    pub schema_faults: u64,
    /// Sequence numbers of the quarantine that were redriven, each counted once.
    pub redriven: u64,
    /// Redrive plans with missing files: a redrive is running, or the next one completes the plan.
    pub unfinished_redrives: u64,
    /// Sequence numbers without a row between the durable position and the highest row: not yet written.
    pub in_flight: u64,
    /// Parquet files of other programs in the tables' folders. The documented glob does not match them.
    pub foreign_files: u64,
    /// The first foreign file.
    pub first_foreign_file: Option<String>,
    /// Tables by name, unescaped.
    pub tables: BTreeMap<String, TableReport>,
    /// Sources by name.
    pub sources: BTreeMap<SourceId, SourceReport>,
    /// The first faults, each as a sentence with its subject.
    pub findings: Vec<String>,
    /// Number of further faults.
    #[serde(skip)]
    more_findings: u64,
}

/// Result of an audit for one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Rows in all its files.
    pub rows: u64,
    /// Number of files.
    pub files: u64,
    /// Size of all files, in bytes.
    pub bytes: u64,
}

/// Result of an audit for one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// The first ordinal of the source in this lake.
    pub first: Option<Ordinal>,
    /// The highest sequence number that has a row.
    pub last: Option<Ordinal>,
    /// Sequence numbers that have a row.
    pub events: u64,
    /// Sequence numbers without a row up to the durable position that a checkpoint or a footer proves.
    pub gaps: u64,
    /// Sequence numbers without a row that a run accepted as gaps.
    pub accepted_gaps: u64,
    /// Rows that one file contains twice, and sequence numbers with rows in more than one file.
    pub duplicates: u64,
    /// Sequence numbers without a row between the durable position and the highest row.
    pub in_flight: u64,
}

/// Findings kept as sentences, so that a report fits a terminal. Further findings are only counted.
pub(super) const MAX_FINDINGS: usize = 50;

impl Report {
    /// True if no fault was found.
    pub fn is_clean(&self) -> bool {
        [self.gaps, self.duplicates, self.broken_chains, self.schema_faults] == [0; 4]
    }

    /// Adds a finding about a file or record and counts it.
    pub(super) fn add_broken(&mut self, finding: String) {
        self.broken_chains += 1;
        self.add_finding(finding);
    }

    /// Adds a finding about a schema and counts it.
    pub(super) fn add_schema_fault(&mut self, finding: String) {
        self.schema_faults += 1;
        self.add_finding(finding);
    }

    /// Adds a finding; above [`MAX_FINDINGS`] it is only counted.
    pub(super) fn add_finding(&mut self, finding: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }

    /// Appends the number of findings that were only counted.
    pub(super) fn close_findings(&mut self) {
        if self.more_findings > 0 {
            self.findings.push(format!("and {} more", self.more_findings));
        }
    }
}

/// Parses a record. A record that can't be parsed is a finding.
pub(super) fn parse_record<T: DeserializeOwned>(path: &Key, bytes: &[u8], report: &mut Report) -> Option<T> {
    let record = serde_json::from_slice(bytes);
    record.map_err(|error| report.add_broken(format!("{path} can't be parsed: {error}"))).ok()
}
