//! `catchwater audit`: reads a lake back and proves that each event is in it once.

use std::collections::BTreeMap;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::audit::{self, Report};
use catchwater_sinks::lake::records::{self, Records};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::RowColumns;
use catchwater_sinks::paths::SourceId;
use catchwater_sinks::store::{Store, StoreOptions};
use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::options::{LakeOptions, existing_files};
use super::output::{print, print_json};
use super::report::size;
use super::text::{escaped, shown};
use crate::columns::{ROW_INDEX, SEQUENCE_NUMBER, column_may_be};
use crate::partitions::Checkpoints;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    lake: LakeOptions,
    /// Print one JSON object instead of the report
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, store: &StoreOptions) -> anyhow::Result<Exit> {
    let report = read(&options.lake, store).await?;
    if options.json {
        print_json(&JsonReport::of(&report))?;
    } else {
        print(&text(&report))?;
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::AuditFault })
}

/// Audits a lake against its checkpoints.
pub(super) async fn read(options: &LakeOptions, store: &StoreOptions) -> anyhow::Result<Report> {
    let lake = existing_files(&options.lake, store).await?.with_read_backoff(Backoff::for_store(0));
    let checkpoints = match identity(&lake).await? {
        Some(id) => {
            let state = options.state.clone().unwrap_or_else(|| crate::run::default_state(&options.lake));
            let state = Store::open_existing(state, store)?;
            checkpoints_of(&id, &state.with_read_backoff(Backoff::for_store(0))).await?
        }
        // Without an id its checkpoints can't be distinguished from those of other lakes; the audit reports the missing
        // id.
        None => BTreeMap::new(),
    };
    Ok(audit::audit(&lake, ROW_COLUMNS, column_may_be, &checkpoints).await?)
}

/// The lake's id, unless its record is missing or unreadable.
async fn identity(lake: &Store) -> Result<Option<String>, records::Error> {
    match Records::new(lake.clone(), Backoff::none()).existing_id().await {
        Err(records::Error::Json { .. }) => Ok(None),
        other => other,
    }
}

/// The highest checkpointed position of each source of a lake.
async fn checkpoints_of(lake: &str, state: &Store) -> anyhow::Result<BTreeMap<SourceId, Ordinal>> {
    let mut reached_by: BTreeMap<SourceId, Ordinal> = BTreeMap::new();
    for checkpoint in Checkpoints::all(state).await?.into_iter().filter(|found| found.scope.lake == lake) {
        let source = SourceId::new(
            &checkpoint.scope.event_hub,
            checkpoint.scope.generation.get(),
            checkpoint.partition.get(),
        );
        let reached = reached_by.entry(source).or_insert(Ordinal::new(-1));
        *reached = (*reached).max(Ordinal::new(checkpoint.position.sequence_number.get()));
    }
    Ok(reached_by)
}

/// The columns that number the rows of every table.
const ROW_COLUMNS: RowColumns = RowColumns { ordinal: SEQUENCE_NUMBER, row_index: ROW_INDEX };

/// The object that `audit --json` prints; `gaps`, `duplicates`, `broken_chains` and `schema_faults` are 0 when clean.
#[derive(Debug, Serialize)]
struct JsonReport<'a> {
    events: u64,
    rows: u64,
    gaps: u64,
    accepted_gaps: u64,
    accepted_ranges: u64,
    duplicates: u64,
    broken_chains: u64,
    schema_faults: u64,
    in_flight: u64,
    redriven: u64,
    unfinished_redrives: u64,
    foreign_files: u64,
    tables: BTreeMap<&'a str, JsonTable>,
}

#[derive(Debug, Serialize)]
struct JsonTable {
    rows: u64,
    files: u64,
    bytes: u64,
}

impl<'a> JsonReport<'a> {
    fn of(report: &'a Report) -> Self {
        let tables = report.tables.iter();
        Self {
            events: report.events,
            rows: report.rows,
            gaps: report.gaps,
            accepted_gaps: report.accepted_gaps,
            accepted_ranges: report.accepted_ranges,
            duplicates: report.duplicates,
            broken_chains: report.broken_chains,
            schema_faults: report.schema_faults,
            in_flight: report.in_flight,
            redriven: report.redriven,
            unfinished_redrives: report.unfinished_redrives,
            foreign_files: report.foreign_files,
            tables: tables
                .map(|(name, table)| {
                    (name.as_str(), JsonTable { rows: table.rows, files: table.files, bytes: table.bytes })
                })
                .collect(),
        }
    }
}

/// The report for people.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    outln!(out, "{:<32} {:>12} {:>8} {:>12}", "table", "rows", "files", "size");
    for (name, table) in &report.tables {
        outln!(out, "{:<32} {:>12} {:>8} {:>12}", shown(name), table.rows, table.files, size(table.bytes));
    }
    sources(report, &mut out);
    outln!(out);
    for finding in &report.findings {
        outln!(out, "fault: {}", escaped(finding));
    }
    notes(report, &mut out);
    if report.is_clean() {
        outln!(
            out,
            "clean: {} events, each in the lake exactly once; {} still in flight",
            report.events,
            report.in_flight
        );
    } else {
        outln!(
            out,
            "NOT clean: {} gaps, {} duplicates, {} broken chains, {} schema faults among {} events",
            report.gaps,
            report.duplicates,
            report.broken_chains,
            report.schema_faults,
            report.events
        );
    }
    out
}

/// A line for each fact that is not a fault but worth knowing.
fn notes(report: &Report, out: &mut String) {
    if report.accepted_gaps > 0 {
        outln!(
            out,
            "{} sequence numbers in {} ranges have no row and never will: the hub skipped them or they could not be read, \
             and a run accepted that",
            report.accepted_gaps,
            report.accepted_ranges
        );
    }
    if report.redriven > 0 {
        outln!(
            out,
            "{} events of _quarantine were redriven into their tables; _quarantine keeps their rows",
            report.redriven
        );
    }
    if report.unfinished_redrives > 0 {
        outln!(
            out,
            "{} redrive plans are unfinished; run `catchwater redrive` to finish them",
            report.unfinished_redrives
        );
    }
    if let Some(first) = &report.first_foreign_file {
        outln!(
            out,
            "{} Parquet files are of other programs, for example {}; readers of *.cw.parquet ignore them",
            report.foreign_files,
            escaped(first)
        );
    }
}

/// A line for each source.
fn sources(report: &Report, out: &mut String) {
    outln!(
        out,
        "\n{:<44} {:>12} {:>12} {:>12} {:>8} {:>8} {:>10} {:>10}",
        "source",
        "first",
        "last",
        "events",
        "gaps",
        "accepted",
        "duplicates",
        "in flight"
    );
    let number = |ordinal: Option<Ordinal>| {
        ordinal.map_or_else(|| "-".to_owned(), |ordinal| ordinal.get().to_string())
    };
    for (source, report) in &report.sources {
        outln!(
            out,
            "{:<44} {:>12} {:>12} {:>12} {:>8} {:>8} {:>10} {:>10}",
            source.as_str(),
            number(report.first),
            number(report.last),
            report.events,
            report.gaps,
            report.accepted_gaps,
            report.duplicates,
            report.in_flight
        );
    }
}
