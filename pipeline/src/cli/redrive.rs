//! `catchwater redrive`: writes quarantined events that are understood now into their tables.

use std::collections::BTreeMap;

use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::store::{Address, StoreOptions};
use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Serialize;

use super::exit::Exit;
use super::options::existing_lake;
use super::output::{print, print_json};
use super::run::{chunk_writer, parent_context};
use super::text::{escaped, shown};
use crate::parse::ParentContext;
use crate::run::redrive::{Report, redrive};

/// `_quarantine` holds the bodies that a run could not understand, with all their bytes. After an update,
/// `catchwater redrive` parses them again and writes those that it understands now into their tables.
///
/// It can run at any time, any number of times, in several processes and beside `catchwater run`: each event is
/// redriven once. A plan in the lake (`_catchwater/redrive`) decides which rows go to which table; the next redrive
/// finishes an interrupted one. `_quarantine` keeps its rows. `catchwater audit` and the views of `catchwater sql`
/// count each event once.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Lake: a folder, or az://, abfss://, s3:// or gs:// with container and folder
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Address,
    /// Write nothing; only report what would be redriven and what would stay
    #[arg(long, env = "CATCHWATER_DRY_RUN", value_parser = BoolishValueParser::new())]
    dry_run: bool,
    /// Leave `ParentContext` out, or keep it in _rest. Use the same value as for `catchwater run`
    #[arg(long, env = "CATCHWATER_PARENT_CONTEXT", default_value = "drop", value_parser = parent_context, value_name = "drop|keep")]
    parent_context: ParentContext,
    /// Writer of the Parquet pages, as for `catchwater run`
    #[arg(long, env = "CATCHWATER_PARQUET_WRITER", default_value = "own", value_parser = chunk_writer, value_name = "own|library", hide_short_help = true)]
    parquet_writer: ChunkWriter,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, store: &StoreOptions) -> anyhow::Result<Exit> {
    let lake = existing_lake(&options.lake, store).await?;
    let report = redrive(lake, options.parent_context, options.parquet_writer, options.dry_run).await?;
    if options.json {
        print_json(&JsonReport::of(&report))?;
    } else {
        print(&text(&report, options.dry_run))?;
    }
    Ok(Exit::Done)
}

/// The object that `redrive --json` prints.
#[derive(Debug, Serialize)]
struct JsonReport<'a> {
    files: u64,
    examined: u64,
    redriven: u64,
    rows: u64,
    left: u64,
    tables: &'a BTreeMap<String, u64>,
}

impl<'a> JsonReport<'a> {
    fn of(report: &'a Report) -> Self {
        let Report { files, examined, redriven, rows, left, ref tables, .. } = *report;
        Self { files, examined, redriven, rows, left, tables }
    }
}

/// The summary for people.
fn text(report: &Report, dry_run: bool) -> String {
    let mut out = String::new();
    for (table, events) in &report.tables {
        outln!(out, "{:<32} {events:>10} redriven", shown(table));
    }
    let mut reasons: Vec<(&String, &u64)> = report.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (reason, count) in reasons.iter().take(REASONS_MAX) {
        outln!(out, "{count:>10} stay: {}", escaped(reason));
    }
    if reasons.len() > REASONS_MAX {
        outln!(
            out,
            "and {} more reasons; see the column _reason of _quarantine",
            reasons.len() - REASONS_MAX
        );
    }
    let Report { files, examined, redriven, rows, left, .. } = report;
    if dry_run {
        outln!(out, "{examined} bodies in {files} files: {redriven} would be redriven, {left} would stay");
    } else {
        outln!(out, "{examined} bodies in {files} files: {redriven} redriven into {rows} rows, {left} stay");
    }
    out
}

/// Upper bound on printed reasons: the parser has many texts for broken JSON.
const REASONS_MAX: usize = 20;
