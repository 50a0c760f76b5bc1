//! `catchwater run`: reads an event hub into a lake.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::store::StoreOptions;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::exit::Exit;
use super::hub_options::HubOptions;
use super::options::{LakeOptions, budget, duration, name};
use super::output::{note, print, print_json};
use super::positions::PositionOptions;
use super::process::Stop;
use super::progress::Progress;
use super::report::{RunReport, Stopwatch};
use crate::clock::{Clock as _, SystemClock};
use crate::columns::Metadata;
use crate::metrics::Metrics;
use crate::parse::ParentContext;
use crate::run::{Config, Decisions, Drain, PollIntervals};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    job: JobOptions,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

/// Everything that decides what a run does, which `catchwater check` takes as well.
#[derive(Debug, Args)]
pub(super) struct JobOptions {
    #[command(flatten)]
    pub(super) hub: HubOptions,
    #[command(flatten)]
    pub(super) lake: LakeOptions,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    schema: SchemaOptions,
    /// Consumer group to read with
    #[arg(long, env = "CATCHWATER_CONSUMER_GROUP", default_value = "$Default", value_parser = name, value_name = "NAME")]
    pub(super) consumer_group: String,
    #[command(flatten)]
    positions: PositionOptions,
    /// Give up with exit code 3 after this time without an answer from the hub. A run without an end only gives up on
    /// its first connection: after that it tries again until it is stopped
    #[arg(long, env = "CATCHWATER_RETRY_FOR", default_value = "5m", value_parser = duration, value_name = "TIME")]
    retry_for: Duration,
    #[command(flatten)]
    decisions: DecisionOptions,
}

/// Decisions of the operator for one run, after the error of the last run asked for them.
#[derive(Clone, Copy, Debug, Args)]
struct DecisionOptions {
    /// Go on although the hub no longer has events that the lake lacks. The lake records their range
    #[arg(long, env = "CATCHWATER_ACCEPT_LOSS", value_parser = BoolishValueParser::new())]
    accept_loss: bool,
    /// Read all events that the hub still has, and write those that the lake lacks. For a lake whose newest files were
    /// removed. First remove the checkpoints (the folder `checkpoints` in --state, by default in the lake's
    /// `_catchwater`); run this before new events arrive
    #[arg(long, env = "CATCHWATER_REREAD", value_parser = BoolishValueParser::new())]
    reread: bool,
    /// Let newer routing rules begin while events keep arriving. Give it once, when an upgrade asks for it, and only
    /// after all older versions were stopped with SIGTERM and have been gone for a minute
    #[arg(long, env = "CATCHWATER_OLD_VERSIONS_STOPPED", value_parser = BoolishValueParser::new())]
    old_versions_stopped: bool,
}

impl From<DecisionOptions> for Decisions {
    fn from(options: DecisionOptions) -> Self {
        let DecisionOptions { accept_loss, reread, old_versions_stopped } = options;
        Self { accept_loss, reread, old_versions_stopped }
    }
}

/// Limits with good defaults.
#[derive(Clone, Debug, Args)]
pub(super) struct Tuning {
    /// Commit a file at this age. A file with fewer than 1,000 rows may wait for an hour, or until its partition has
    /// been idle for a minute
    #[arg(long, env = "CATCHWATER_MAX_AGE", default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub(super) max_age: Duration,
    /// Upper bound on bytes in flight: received, in columns, and in files that are not durable yet
    #[arg(long, env = "CATCHWATER_BUDGET", default_value = "256MiB", value_parser = budget, value_name = "SIZE")]
    pub(super) budget: u64,
    /// Number of parsing threads [default: three for four cores]
    #[arg(long, env = "CATCHWATER_LANES", value_name = "N")]
    pub(super) lanes: Option<usize>,
    /// Leave `ParentContext` out, or keep it in _rest. It repeats what the caller sent: a third to a half of the bytes
    #[arg(long, env = "CATCHWATER_PARENT_CONTEXT", default_value = "drop", value_parser = parent_context, value_name = "drop|keep")]
    pub(super) parent_context: ParentContext,
    /// Writer of the Parquet pages. `library` is the remedy if a file written by `own` can't be read: slower, and the
    /// lake reads the same
    #[arg(long, env = "CATCHWATER_PARQUET_WRITER", default_value = "own", value_parser = chunk_writer, value_name = "own|library", hide_short_help = true)]
    pub(super) parquet_writer: ChunkWriter,
}

/// A further source of column types, beside the lake and the values.
#[derive(Clone, Debug, Args)]
pub(super) struct SchemaOptions {
    /// Take column types from the table metadata of Dataverse: the JSON of the Web API's `EntityDefinitions`, one file
    /// or all .json files of a folder. Types that the lake already has stay. `catchwater schema --help` shows how to
    /// fetch it
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

pub(super) async fn run(options: &Options, store: &StoreOptions, mut stop: Stop) -> anyhow::Result<Exit> {
    let watch = Stopwatch::start();
    let config = config(&options.job, store)?;
    let metrics = Arc::new(Metrics::default());
    let progress = Progress::start(Arc::clone(&metrics));
    let drain = Drain::default();
    let mut running =
        Box::pin(crate::run::run(config, drain.clone(), Arc::clone(&metrics), Arc::new(SystemClock)));
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = stop.requested() => {
            // Before the log line, which a blocked standard error may hold up.
            drain.begin();
            tracing::info!("stopping once all events in flight are durable");
            running.await
        }
        () = options.job.positions.passed() => {
            drain.begin();
            tracing::info!("the time of --for has passed; stopping once all events in flight are durable");
            tokio::select! {
                ended = &mut running => ended,
                () = stop.requested() => running.await,
            }
        }
    };
    // From here on a signal ends the process at once.
    drop(stop);
    progress.stop().await;
    let summary = ended.inspect_err(|_| {
        let (rows, files) = (metrics.rows_committed.get(), metrics.files_committed.get());
        if rows > 0 {
            note(&format!(
                "{rows} rows in {files} files became durable before the error; the next run continues after them"
            ));
        }
    })?;
    let report = RunReport::new(&summary, &watch, false);
    if options.json {
        print_json(&report)?;
    } else {
        print(&report.text(&summary))?;
    }
    Ok(Exit::Done)
}

/// The configuration of the job.
pub(super) fn config(options: &JobOptions, store: &StoreOptions) -> anyhow::Result<Config> {
    Ok(Config {
        hub: options.hub.access()?,
        consumer_group: options.consumer_group.clone(),
        lake: options.lake.lake.clone(),
        state: options.lake.state.clone(),
        store: store.clone(),
        retry_for: options.retry_for,
        start_at: options.positions.start_at(SystemClock.now())?,
        until: options.positions.until(),
        idle_timeout: options.positions.idle_timeout,
        known_as: options.positions.known_as.clone(),
        decisions: options.decisions.into(),
        parent_context: options.tuning.parent_context,
        metadata: options.schema.metadata()?,
        max_age: options.tuning.max_age,
        budget_bytes: options.tuning.budget,
        chunk_writer: options.tuning.parquet_writer,
        lanes: options.tuning.lanes,
        poll_intervals: PollIntervals::default(),
        owner_level: 0,
    })
}

pub(super) fn parent_context(text: &str) -> Result<ParentContext, String> {
    match text {
        "drop" => Ok(ParentContext::Drop),
        "keep" => Ok(ParentContext::Keep),
        _ => Err("write drop or keep".to_owned()),
    }
}

pub(super) fn chunk_writer(text: &str) -> Result<ChunkWriter, String> {
    match text {
        "own" => Ok(ChunkWriter::Own),
        "library" => Ok(ChunkWriter::Library),
        _ => Err("it is `own` or `library`".to_owned()),
    }
}
