//! `catchwater run`: the job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::exit::Exit;
use super::options::{HubOptions, LakeOptions, budget, duration, name};
use super::output::{note, print, print_json};
use super::process::Stop;
use super::progress::Progress;
use super::report::{RunReport, Stopwatch};
use crate::clock::SystemClock;
use crate::columns::Metadata;
use crate::metrics::Metrics;
use crate::parse::ParentContext;
use crate::run::{Config, Decisions, Drain, Questions};

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
    #[arg(long, env = "CATCHWATER_CONSUMER_GROUP", default_value = "$Default", value_parser = name, value_name = "NAME")]
    consumer_group: String,
    /// Read what the hub has now, then exit
    #[arg(long, env = "CATCHWATER_UNTIL_CAUGHT_UP", value_parser = BoolishValueParser::new())]
    until_caught_up: bool,
    /// With --until-caught-up: end when the hub has sent nothing for this long although it claims to have more. What it
    /// sent is durable, the exit code is 0, and a warning names the partition
    #[arg(long, env = "CATCHWATER_IDLE_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "TIME")]
    idle_timeout: Duration,
    #[command(flatten)]
    decisions: DecisionOptions,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

/// Decisions of the operator for one run, which the last run's error asked for.
#[derive(Clone, Copy, Debug, Args)]
struct DecisionOptions {
    /// Go on when the hub no longer has events that the lake lacks; their range is recorded in the lake
    #[arg(long, env = "CATCHWATER_ACCEPT_LOSS", value_parser = BoolishValueParser::new())]
    accept_loss: bool,
    /// Read everything that the hub still has, and put what the lake lacks of it. For a lake whose newest files were
    /// removed: remove the checkpoints too (`checkpoints` in the state, by default in the lake's `_catchwater`), and run
    /// this before new events come
    #[arg(long, env = "CATCHWATER_REREAD", value_parser = BoolishValueParser::new())]
    reread: bool,
    /// Let newer routing rules begin on a hub that never falls quiet. Say so once, after an upgrade asks for it: older
    /// versions are stopped with SIGTERM and have ended a minute ago
    #[arg(long, env = "CATCHWATER_OLD_VERSIONS_STOPPED", value_parser = BoolishValueParser::new())]
    old_versions_stopped: bool,
}

impl From<DecisionOptions> for Decisions {
    fn from(options: DecisionOptions) -> Self {
        let DecisionOptions { accept_loss, reread, old_versions_stopped } = options;
        Self { accept_loss, reread, old_versions_stopped }
    }
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

pub(super) async fn run(options: &Options, mut stop: Stop) -> anyhow::Result<Exit> {
    let watch = Stopwatch::start();
    let config = config(options)?;
    let metrics = Arc::new(Metrics::default());
    let progress = Progress::start(Arc::clone(&metrics));
    let drain = Drain::default();
    let mut running =
        Box::pin(crate::run::run(config, drain.clone(), Arc::clone(&metrics), Arc::new(SystemClock)));
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = stop.requested() => {
            // Before the line, which standard error may not take.
            drain.begin();
            tracing::info!("stopping: what is in flight becomes durable first");
            running.await
        }
    };
    // From here on a signal has nothing to wait for.
    drop(stop);
    progress.stop().await;
    let summary = ended.inspect_err(|_| {
        let (rows, files) = (metrics.rows_put.get(), metrics.files_put.get());
        if rows > 0 {
            note(&format!(
                "{rows} rows in {files} files became durable before this; the next run goes on behind them"
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

fn config(options: &Options) -> anyhow::Result<Config> {
    Ok(Config {
        connection_string: options.hub.connection()?,
        consumer_group: options.consumer_group.clone(),
        lake: options.lake.lake.clone(),
        state: options.lake.state.clone(),
        until_caught_up: options.until_caught_up,
        idle_timeout: options.idle_timeout,
        decisions: options.decisions.into(),
        parent_context: options.tuning.parent_context,
        metadata: options.schema.metadata()?,
        max_age: options.tuning.max_age,
        budget_bytes: options.tuning.budget,
        lanes: options.tuning.lanes,
        questions: Questions::default(),
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
