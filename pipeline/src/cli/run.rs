//! `catchwater run`: the job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::options::{HubOptions, LakeOptions, budget, duration};
use super::progress::Progress;
use super::report::{RunReport, Stopwatch, json_line};
use super::{Exit, runtime, stop_signal};
use crate::clock::SystemClock;
use crate::columns::Metadata;
use crate::metrics::Metrics;
use crate::parse::ParentContext;
use crate::run::{Config, Drain};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    hub: HubOptions,
    #[command(flatten)]
    lake: LakeOptions,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    schema: SchemaOptions,
    /// The consumer group to read as
    #[arg(long, env = "CATCHWATER_CONSUMER_GROUP", default_value = "$Default", value_name = "NAME")]
    consumer_group: String,
    /// Read what the hub has now, then exit
    #[arg(long, env = "CATCHWATER_UNTIL_CAUGHT_UP", value_parser = BoolishValueParser::new())]
    until_caught_up: bool,
    /// Go on when the hub no longer has events that the lake lacks; their range is recorded in the lake
    #[arg(long, env = "CATCHWATER_ACCEPT_LOSS", value_parser = BoolishValueParser::new())]
    accept_loss: bool,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

/// Bounds that have good defaults.
#[derive(Clone, Debug, Args)]
pub(super) struct Tuning {
    /// Close a file at this age; one with fewer than 1,000 rows may wait an hour, or until its partition is quiet
    /// for a minute
    #[arg(long, env = "CATCHWATER_MAX_AGE", default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub(super) max_age: Duration,
    /// Bytes in flight: what is received, in columns, and in files on their way
    #[arg(long, env = "CATCHWATER_BUDGET", default_value = "256MiB", value_parser = budget, value_name = "SIZE")]
    pub(super) budget: u64,
    /// Parsing threads [default: three for four cores]
    #[arg(long, env = "CATCHWATER_LANES", value_name = "N")]
    pub(super) lanes: Option<usize>,
    /// Leave `ParentContext` out (a third to a half of the bytes, a copy of what the caller sent), or keep it in _rest
    #[arg(long, env = "CATCHWATER_PARENT_CONTEXT", default_value = "drop", value_parser = parent_context, value_name = "drop|keep")]
    pub(super) parent_context: ParentContext,
}

/// Where column types come from beside the lake and the values.
#[derive(Clone, Debug, Args)]
pub(super) struct SchemaOptions {
    /// Take column types from the table metadata of Dataverse: JSON that the Web API's `EntityDefinitions` returns,
    /// one file or all .json of a folder. Types that the lake has stay. `catchwater schema --help` shows how to fetch it
    #[arg(long, env = "CATCHWATER_SCHEMA", value_name = "FILE|DIR")]
    schema: Option<PathBuf>,
}

impl SchemaOptions {
    /// The metadata, if any was given.
    pub(super) fn metadata(&self) -> anyhow::Result<Option<Arc<Metadata>>> {
        let read = self.schema.as_deref().map(Metadata::read).transpose()?;
        Ok(read.map(Arc::new))
    }
}

pub(super) fn main(options: &Options) -> anyhow::Result<Exit> {
    let watch = Stopwatch::start();
    let json = options.json;
    let config = config(options)?;
    let runtime = runtime(io_threads())?;
    let metrics = Arc::new(Metrics::default());
    let ended = runtime.block_on(async {
        let drain = Drain::default();
        let on_signal = drain.clone();
        tokio::spawn(async move {
            if stop_signal().await.is_ok() {
                tracing::info!("stopping: what is in flight becomes durable first");
                on_signal.begin();
            }
        });
        let progress = Progress::start(Arc::clone(&metrics));
        let ended = crate::run::run(config, drain, Arc::clone(&metrics), Arc::new(SystemClock)).await;
        progress.stop().await;
        ended
    });
    let summary = ended.inspect_err(|_| {
        let (rows, files) = (metrics.rows_put.get(), metrics.files_put.get());
        if rows > 0 {
            eprintln!("catchwater: {rows} rows in {files} files became durable before this; the next run goes on behind them");
        }
    })?;
    // A put that never answered must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_millis(100));
    let report = RunReport::new(&summary, &watch, false);
    if json {
        json_line(&report)?;
    } else {
        report.print(&summary);
    }
    Ok(Exit::Done)
}

/// As many I/O threads as lanes leave cores.
pub(super) fn io_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1)
}

fn config(options: &Options) -> anyhow::Result<Config> {
    Ok(Config {
        connection_string: options.hub.connection()?,
        consumer_group: options.consumer_group.clone(),
        lake: options.lake.lake.clone(),
        state: options.lake.state.clone(),
        until_caught_up: options.until_caught_up,
        accept_loss: options.accept_loss,
        parent_context: options.tuning.parent_context,
        metadata: options.schema.metadata()?,
        max_age: options.tuning.max_age,
        budget_bytes: options.tuning.budget,
        lanes: options.tuning.lanes,
        owner_level: 0,
    })
}

pub(super) fn parent_context(text: &str) -> Result<ParentContext, String> {
    match text {
        "drop" => Ok(ParentContext::Drop),
        "keep" => Ok(ParentContext::Keep),
        _ => Err("it is `drop` or `keep`".to_owned()),
    }
}
