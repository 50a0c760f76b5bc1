//! `catchwater demo`: a hub, events and the pipeline in one process, and the proof at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use catchwater_sinks::lake::audit::Report;
use catchwater_sinks::lake::paths::SourceId;
use clap::Args;

use super::options::LakeOptions;
use super::progress::Progress;
use super::report::{RunReport, Stopwatch, json_line};
use super::run::{SchemaOptions, Tuning};
use super::send::{Bodies, GeneratedSize, send};
use super::sql::views::files_of;
use super::{Exit, audit, runtime};
use crate::clock::SystemClock;
use crate::columns::Metadata;
use crate::emulator::{self, Emulator};
use crate::eventhubs::ConnectionString;
use crate::metrics::Metrics;
use crate::position::PartitionId;
use crate::run::{Config, Drain, Summary};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many events
    #[arg(long, env = "CATCHWATER_EVENTS", default_value_t = 100_000, value_name = "N")]
    events: u64,
    /// The lake, a folder [default: a new folder catchwater-demo…]
    #[arg(long, env = "CATCHWATER_LAKE", value_name = "PATH")]
    lake: Option<PathBuf>,
    /// How many partitions the hub has
    #[arg(long, env = "CATCHWATER_PARTITIONS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=32), value_name = "N")]
    partitions: u32,
    /// Seed of the events
    #[arg(long, env = "CATCHWATER_SEED", default_value_t = 1, value_name = "N")]
    seed: u64,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    schema: SchemaOptions,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

pub(super) fn main(options: &Options) -> anyhow::Result<Exit> {
    let watch = Stopwatch::start();
    let metadata = options.schema.metadata()?;
    // The hub has a runtime of its own, and is reached through the loopback like any other.
    let hub_runtime = runtime(1)?;
    let hub = hub_runtime.block_on(Emulator::start(emulator::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        partitions: options.partitions,
        ..emulator::Config::default()
    }))?;
    let lake = options.lake.clone().map_or_else(new_folder, Ok)?;
    if !options.json {
        say!("{} events go through an event hub on this machine into {}", options.events, lake.display());
    }
    let runtime = runtime(super::run::io_threads())?;
    let (summary, report) = runtime.block_on(stream(options, metadata, &hub, &lake))?;
    let verdict = compare(&hub, options.partitions, &report);
    let run_report = RunReport::new(&summary, &watch, true);
    if options.json {
        json_line(&run_report)?;
    } else {
        say!();
        audit::print(&report);
        say!();
        run_report.print(&summary);
    }
    verdict?;
    if !options.json {
        say!("Audited against the hub: every event it holds is in the lake exactly once.");
        print_queries(&lake, &report);
    }
    hub_runtime.block_on(hub.shutdown());
    Ok(if report.is_clean() { Exit::Done } else { Exit::AuditFault })
}

/// Sends and runs at the same time, then reads what is left and audits.
async fn stream(
    options: &Options,
    metadata: Option<Arc<Metadata>>,
    hub: &Emulator,
    lake: &Path,
) -> anyhow::Result<(Summary, Report)> {
    let connection = ConnectionString::parse(&hub.connection_string())?;
    let metrics = Arc::new(Metrics::default());
    let progress = Progress::start(Arc::clone(&metrics));
    let bodies = Bodies::generated(GeneratedSize::Mixed, options.seed, options.events);
    let config = Config { metadata, ..config(options, connection.clone(), lake) };
    let drain = Drain::default();
    let running = crate::run::run(config, drain.clone(), Arc::clone(&metrics), Arc::new(SystemClock));
    let sending = async {
        let sent = send(&connection, None, bodies, None).await;
        let sent = sent.inspect_err(|_| drain.begin())?;
        // The run drains once it has received what was sent; nothing else writes to this hub.
        while metrics.events_received.get() < sent.events {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drain.begin();
        anyhow::Ok(sent)
    };
    let (summary, sent) = tokio::join!(running, sending);
    progress.stop().await;
    let (summary, sent) = (summary?, sent?);
    // An event has at least one row.
    if summary.rows < sent.events || summary.left > 0 {
        bail!("{} events were sent, but {} rows became durable", sent.events, summary.rows);
    }
    let lake = LakeOptions { lake: lake.to_string_lossy().into_owned(), state: None };
    Ok((summary, audit::read(&lake).await?))
}

fn config(options: &Options, connection_string: ConnectionString, lake: &Path) -> Config {
    Config {
        connection_string,
        consumer_group: "$Default".to_owned(),
        lake: lake.to_string_lossy().into_owned(),
        state: None,
        until_caught_up: false,
        accept_loss: false,
        parent_context: options.tuning.parent_context,
        metadata: None,
        max_age: options.tuning.max_age,
        budget_bytes: options.tuning.budget,
        lanes: options.tuning.lanes,
        owner_level: 0,
    }
}

/// The hub's own numbers against the lake's: last enqueued + 1 events per partition, each once.
fn compare(hub: &Emulator, partitions: u32, report: &Report) -> anyhow::Result<()> {
    for partition in 0..partitions {
        let snapshot = hub.partition(PartitionId(partition)).context("ask the hub about its partition")?;
        let source = SourceId::new(hub.event_hub(), hub.generation().0, partition);
        let in_lake = report.sources.get(&source).map_or(0, |source| source.events);
        let in_hub = (snapshot.last.0 + 1) as u64;
        if in_lake != in_hub {
            bail!("partition {partition}: the hub holds {in_hub} events, the lake {in_lake}");
        }
    }
    Ok(())
}

fn print_queries(lake: &Path, report: &Report) {
    let tables = report.tables.iter().filter(|(name, _)| !name.starts_with('_'));
    let Some((table, _)) = tables.max_by_key(|(_, table)| table.rows) else { return };
    say!("\nAsk the lake, with DuckDB:\n");
    for (columns, rest) in [
        ("_message, count(*) AS events, max(_enqueued_time) AS newest", "GROUP BY ALL"),
        ("*", "ORDER BY _enqueued_time DESC, _sequence_number DESC LIMIT 10"),
    ] {
        let files = files_of(&lake.to_string_lossy(), table);
        let query = format!("SELECT {columns} FROM read_parquet({files}, union_by_name = true) {rest}");
        say!("duckdb -c {}", in_shell(&query));
    }
    say!(
        "\nViews with the latest state of each record: catchwater sql --lake {}",
        in_shell(&lake.to_string_lossy())
    );
}

/// One word of a shell's command line.
fn in_shell(text: &str) -> String {
    if text.chars().all(|letter| letter.is_alphanumeric() || "/._-".contains(letter)) {
        return text.to_owned();
    }
    // In double quotes, unless something in it means something there.
    if text.contains(['"', '$', '`', '\\', '!']) {
        format!("'{}'", text.replace('\'', "'\\''"))
    } else {
        format!("\"{text}\"")
    }
}

/// `catchwater-demo`, or the first `catchwater-demo-N` that is not there yet: a demo never mixes with another.
fn new_folder() -> anyhow::Result<PathBuf> {
    for n in 1_u32.. {
        let name = if n == 1 { "catchwater-demo".to_owned() } else { format!("catchwater-demo-{n}") };
        match std::fs::create_dir(&name) {
            Ok(()) => return Ok(PathBuf::from(name)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).context("make a folder for the lake"),
        }
    }
    bail!("there is no free folder name for the lake; give one with --lake")
}
