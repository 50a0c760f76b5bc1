//! `catchwater redrive`: what `_quarantine` holds and is understood now enters its tables.

use std::collections::BTreeMap;

use catchwater_sinks::store::Address;
use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Serialize;

use super::exit::Exit;
use super::options::existing_lake;
use super::output::{print, print_json};
use super::run::parent_context;
use super::text::{escaped, shown};
use crate::parse::ParentContext;
use crate::run::redrive::{Report, redrive};

/// Bodies that an older version could not understand stand in `_quarantine`, with all their bytes. After an update,
/// `catchwater redrive` parses them again and writes those it understands now into their tables.
///
/// It may be run at any time, as often as you like, by several at once and beside `catchwater run`: each event is
/// redriven once. Which rows go where is a plan in the lake (`_catchwater/redrive`) that is put once; a redrive that
/// was interrupted is finished by the next. `_quarantine` keeps its rows; the views of `catchwater sql` and
/// `catchwater audit` count each event once.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The lake: a folder or file://
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Address,
    /// Only tell what would be redriven and what would stay; nothing is written
    #[arg(long, env = "CATCHWATER_DRY_RUN", value_parser = BoolishValueParser::new())]
    dry_run: bool,
    /// Leave `ParentContext` out, or keep it in _rest: what `catchwater run` is told
    #[arg(long, env = "CATCHWATER_PARENT_CONTEXT", default_value = "drop", value_parser = parent_context, value_name = "drop|keep")]
    parent_context: ParentContext,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<Exit> {
    let lake = existing_lake(&options.lake).await?;
    let report = redrive(lake, options.parent_context, options.dry_run).await?;
    if options.json {
        print_json(&JsonReport::of(&report))?;
    } else {
        print(&text(&report, options.dry_run))?;
    }
    Ok(Exit::Done)
}

/// What `redrive --json` prints.
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

/// The summary people read.
fn text(report: &Report, dry_run: bool) -> String {
    let mut out = String::new();
    for (table, events) in &report.tables {
        say!(out, "{:<32} {events:>10} redriven", shown(table));
    }
    let mut reasons: Vec<(&String, &u64)> = report.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (reason, count) in reasons.iter().take(MOST_REASONS) {
        say!(out, "{count:>10} stay: {}", escaped(reason));
    }
    if reasons.len() > MOST_REASONS {
        say!(out, "and {} more reasons: see the column _reason of _quarantine", reasons.len() - MOST_REASONS);
    }
    let Report { files, examined, redriven, rows, left, .. } = report;
    if dry_run {
        say!(out, "{examined} bodies in {files} files: {redriven} would be redriven, {left} would stay");
    } else {
        say!(
            out,
            "{examined} bodies in {files} files: {redriven} redriven, which made {rows} rows; {left} stay"
        );
    }
    out
}

/// A parser's words for broken JSON are many; more lines than these nobody reads.
const MOST_REASONS: usize = 20;
