//! `catchwater audit`: reads a lake back and proves it.

use std::collections::BTreeMap;

use catchwater_sinks::lake::audit::{self, Report};
use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::paths::{Ordinal, SourceId};
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::parquet::RowColumns;
use catchwater_sinks::store::Store;
use clap::Args;
use serde::Serialize;

use super::options::{LakeOptions, existing_lake};
use super::report::{json_line, size};
use super::{Exit, runtime};
use crate::columns::{ROW_INDEX, SEQUENCE_NUMBER};
use crate::partitions::Checkpoints;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    lake: LakeOptions,
    /// Print one JSON object instead of the report
    #[arg(long)]
    json: bool,
}

pub(super) fn main(options: &Options) -> anyhow::Result<Exit> {
    let report = runtime(super::run::io_threads())?.block_on(read(&options.lake))?;
    if options.json {
        json_line(&JsonReport::of(&report))?;
    } else {
        print(&report);
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::AuditFault })
}

/// Audits a lake against the checkpoints that speak of it.
pub(super) async fn read(options: &LakeOptions) -> anyhow::Result<Report> {
    let lake = existing_lake(&options.lake).await?;
    let state = match &options.state {
        Some(state) => Store::open_existing(state)?,
        None => Store::open_existing(&crate::run::default_state(&options.lake))?,
    };
    let id = Records::new(lake.clone(), Backoff::for_store(0)).lake_id().await?;
    let mut checkpoints: BTreeMap<SourceId, Ordinal> = BTreeMap::new();
    for checkpoint in
        Checkpoints::all(&state).await?.into_iter().filter(|checkpoint| checkpoint.scope.lake == id)
    {
        let source =
            SourceId::new(&checkpoint.scope.event_hub, checkpoint.scope.generation.0, checkpoint.partition.0);
        let reached = checkpoints.entry(source).or_insert(Ordinal(-1));
        *reached = (*reached).max(Ordinal(checkpoint.position.sequence_number.0));
    }
    Ok(audit::audit(&lake, ROW_COLUMNS, &checkpoints).await?)
}

/// What numbers the rows of every table.
const ROW_COLUMNS: RowColumns = RowColumns { ordinal: SEQUENCE_NUMBER, row_index: ROW_INDEX };

/// What `audit --json` prints; the faults are counts, 0 when clean.
#[derive(Debug, Serialize)]
struct JsonReport<'a> {
    events: u64,
    rows: u64,
    gaps: u64,
    duplicates: u64,
    broken_chains: u64,
    in_flight: u64,
    redriven: u64,
    unfinished_redrives: u64,
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
            duplicates: report.duplicates,
            broken_chains: report.broken_chains,
            in_flight: report.in_flight,
            redriven: report.redriven,
            unfinished_redrives: report.unfinished_redrives,
            tables: tables
                .map(|(name, table)| {
                    (name.as_str(), JsonTable { rows: table.rows, files: table.files, bytes: table.bytes })
                })
                .collect(),
        }
    }
}

/// The report people read.
pub(super) fn print(report: &Report) {
    say!("{:<32} {:>12} {:>8} {:>12}", "table", "rows", "files", "size");
    for (name, table) in &report.tables {
        say!("{name:<32} {:>12} {:>8} {:>12}", table.rows, table.files, size(table.bytes));
    }
    say!(
        "\n{:<44} {:>12} {:>12} {:>12} {:>8} {:>10} {:>10}",
        "source",
        "first",
        "last",
        "events",
        "gaps",
        "duplicates",
        "in flight"
    );
    let number =
        |ordinal: Option<Ordinal>| ordinal.map_or_else(|| "-".to_owned(), |ordinal| ordinal.0.to_string());
    for (source, report) in &report.sources {
        say!(
            "{:<44} {:>12} {:>12} {:>12} {:>8} {:>10} {:>10}",
            source.as_str(),
            number(report.first),
            number(report.last),
            report.events,
            report.gaps,
            report.duplicates,
            report.in_flight
        );
    }
    say!();
    for finding in &report.findings {
        say!("fault: {finding}");
    }
    if report.redriven > 0 {
        say!("{} events were redriven out of _quarantine, which keeps their rows", report.redriven);
    }
    if report.unfinished_redrives > 0 {
        say!("{} plans are not carried out yet: `catchwater redrive` does", report.unfinished_redrives);
    }
    if report.is_clean() {
        say!(
            "clean: {} events, each in the lake exactly once; {} in flight",
            report.events,
            report.in_flight
        );
    } else {
        say!(
            "NOT clean: {} gaps, {} duplicates, {} broken chains among {} events",
            report.gaps,
            report.duplicates,
            report.broken_chains,
            report.events
        );
    }
}
