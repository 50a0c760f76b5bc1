//! `catchwater demo`: a hub, events and the pipeline in one process, and an audit at the end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use catchwater_sinks::lake::audit::Report;
use catchwater_sinks::paths::SourceId;
use catchwater_sinks::store::{Address, StoreOptions};
use clap::Args;

use super::audit;
use super::exit::Exit;
use super::options::LakeOptions;
use super::output::{note, print, print_json};
use super::progress::Progress;
use super::report::{RunReport, Stopwatch};
use super::run::{SchemaOptions, Tuning};
use super::send::{Bodies, BodyFormat, GeneratedSize, send};
use super::sql::views::files_of;
use crate::clock::SystemClock;
use crate::columns::Metadata;
use crate::emulator::{self, Emulator};
use crate::eventhubs::ConnectionString;
use crate::generator::definitions;
use crate::metrics::Metrics;
use crate::position::PartitionId;
use crate::run::{Config, Decisions, Drain, PollIntervals, Summary};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Number of events
    #[arg(long, env = "CATCHWATER_EVENTS", default_value_t = 100_000, value_name = "N")]
    events: u64,
    /// Lake: a folder, or az://, abfss://, s3:// or gs:// with container and folder [default: a new folder catchwater-demo…]
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Option<Address>,
    /// Number of partitions of the event hub
    #[arg(long, env = "CATCHWATER_PARTITIONS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=32), value_name = "N")]
    partitions: u32,
    /// Seed of the generated events: the same seed makes the same events
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

pub(super) async fn run(options: &Options, store: &StoreOptions) -> anyhow::Result<Exit> {
    let watch = Stopwatch::start();
    let metadata = match options.schema.metadata()? {
        Some(given) => given,
        None => Arc::new(Metadata::from_response("metadata of the demo", &definitions())?),
    };
    // The pipeline reaches it over the loopback interface, like any other hub.
    let hub = Emulator::start(emulator::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        partitions: options.partitions,
        ..emulator::Config::default()
    })
    .await?;
    let lake = options.lake.clone().map_or_else(new_folder, Ok)?;
    if !options.json {
        print(&format!(
            "Sending {} events through an event hub on this machine into the lake {lake}\n",
            options.events
        ))?;
    }
    let streamed = stream(options, store, metadata, &hub, &lake).await;
    let (summary, report) = streamed.inspect_err(|_| point_to_servers(&lake))?;
    let verdict = compare(&hub, options.partitions, &report);
    let run_report = RunReport::new(&summary, &watch, true);
    if options.json {
        print_json(&run_report)?;
    } else {
        print(&format!("\n{}\n{}", audit::text(&report), run_report.text(&summary)))?;
    }
    verdict?;
    if !options.json {
        print("Compared with the hub: each of its events is in the lake exactly once.\n")?;
        print(&queries(&lake, &report))?;
    }
    hub.shutdown().await;
    Ok(if report.is_clean() { Exit::Done } else { Exit::AuditFault })
}

/// A demo in a cloud store needs a container, and perhaps a server on this machine.
fn point_to_servers(lake: &Address) {
    let lake = lake.to_string();
    if lake.contains("://") && !lake.starts_with("file:") {
        note(
            "docs/QUERYING.md, \"Stores on this machine\", has the commands that start Azurite or an S3 server and create \
             the container or bucket",
        );
    }
}

/// Sends and runs at the same time, drains, and audits the lake.
async fn stream(
    options: &Options,
    store: &StoreOptions,
    metadata: Arc<Metadata>,
    hub: &Emulator,
    lake: &Address,
) -> anyhow::Result<(Summary, Report)> {
    let connection = ConnectionString::parse(&hub.connection_string())?;
    let metrics = Arc::new(Metrics::default());
    let progress = Progress::start(Arc::clone(&metrics));
    let bodies = Bodies::generated(GeneratedSize::Mixed, BodyFormat::Json, options.seed, options.events);
    let config = Config { metadata: Some(metadata), ..config(options, store, connection.clone(), lake) };
    let drain = Drain::default();
    let mut running =
        Box::pin(crate::run::run(config, drain.clone(), Arc::clone(&metrics), Arc::new(SystemClock)));
    let sending = async {
        let sent = send(connection.into(), None, bodies, None).await;
        let sent = sent.inspect_err(|_| drain.begin())?;
        // Nothing else writes to this hub: once all is received, the run can drain.
        while metrics.events_received.get() < sent.events {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drain.begin();
        anyhow::Ok(sent)
    };
    let sending = Box::pin(sending);
    let (summary, sent) = tokio::select! {
        // The run ends first only if it fails; then waiting for the sender is pointless.
        summary = &mut running => (summary, None),
        sent = sending => (running.await, Some(sent)),
    };
    progress.stop().await;
    let summary = summary?;
    let sent = sent.context("the run ended before all events were sent")??;
    // An event has at least one row.
    if summary.rows < sent.events || summary.left > 0 {
        bail!("{} events were sent, but only {} rows were committed", sent.events, summary.rows);
    }
    let lake = LakeOptions { lake: lake.clone(), state: None };
    Ok((summary, audit::read(&lake, store).await?))
}

fn config(
    options: &Options,
    store: &StoreOptions,
    connection_string: ConnectionString,
    lake: &Address,
) -> Config {
    Config {
        hub: connection_string.into(),
        consumer_group: "$Default".to_owned(),
        lake: lake.clone(),
        state: None,
        store: store.clone(),
        start_at: None,
        until: None,
        known_as: None,
        idle_timeout: Duration::from_secs(30),
        // The hub is in this process.
        retry_for: Duration::ZERO,
        decisions: Decisions::default(),
        parent_context: options.tuning.parent_context,
        chunk_writer: options.tuning.parquet_writer,
        metadata: None,
        max_age: options.tuning.max_age,
        budget_bytes: options.tuning.budget,
        lanes: options.tuning.lanes,
        poll_intervals: PollIntervals::default(),
        owner_level: 0,
    }
}

/// Compares the hub with the lake: each partition holds its last sequence number + 1 events.
fn compare(hub: &Emulator, partitions: u32, report: &Report) -> anyhow::Result<()> {
    for partition in 0..partitions {
        let snapshot =
            hub.partition(PartitionId::new(partition)).context("read the state of a partition of the hub")?;
        let source = SourceId::new(hub.event_hub(), hub.generation().get(), partition);
        let in_lake = report.sources.get(&source).map_or(0, |source| source.events);
        let in_hub = (snapshot.last.get() + 1) as u64;
        if in_lake != in_hub {
            bail!("partition {partition}: the hub holds {in_hub} events, the lake {in_lake}");
        }
    }
    Ok(())
}

/// The next steps, to paste into a shell.
fn queries(lake: &Address, report: &Report) -> String {
    let tables = report.tables.iter().filter(|(name, _)| !name.starts_with('_'));
    let Some((table, _)) = tables.max_by_key(|(_, table)| table.rows) else { return String::new() };
    let lake = lake.to_string();
    if lake.contains("://") && !lake.starts_with("file:") {
        queries_of_views(&lake, table)
    } else {
        queries_of_files(&lake, table)
    }
}

/// DuckDB reads a folder without preparation.
fn queries_of_files(lake: &str, table: &str) -> String {
    let mut out = String::from("\nQuery the lake with DuckDB:\n\n");
    let files = format!("read_parquet({}, union_by_name = true)", files_of(lake, table));
    for query in sample_queries(&files) {
        outln!(out, "duckdb -c {}", in_shell(&query));
    }
    outln!(out, "\nViews with the latest state of each record: catchwater sql --lake {}", in_shell(lake));
    out
}

/// DuckDB reads a cloud once it has the extension and the secret that come with the views.
fn queries_of_views(lake: &str, table: &str) -> String {
    let mut out = String::from("\nQuery the lake with DuckDB:\n\n");
    outln!(out, "catchwater sql --lake {} > views.sql", in_shell(lake));
    for query in sample_queries(table) {
        outln!(out, "duckdb -init views.sql -c {}", in_shell(&query));
    }
    out
}

fn sample_queries(from: &str) -> [String; 2] {
    [
        format!(
            "SELECT _message, count(*) AS events, max(_enqueued_time) AS newest FROM {from} GROUP BY ALL"
        ),
        format!("SELECT * FROM {from} ORDER BY _enqueued_time DESC, _sequence_number DESC LIMIT 10"),
    ]
}

/// Quotes a text as one word of a shell command.
fn in_shell(text: &str) -> String {
    if text.chars().all(|letter| letter.is_alphanumeric() || "/._-".contains(letter)) {
        return text.to_owned();
    }
    // Double quotes are easier to read; single quotes protect what the shell would expand in them.
    if text.contains(['"', '$', '`', '\\', '!']) {
        format!("'{}'", text.replace('\'', "'\\''"))
    } else {
        format!("\"{text}\"")
    }
}

/// Creates `catchwater-demo`, or the first free `catchwater-demo-N`, so that demos never share a lake.
fn new_folder() -> anyhow::Result<Address> {
    for n in 1_u32.. {
        let name = if n == 1 { "catchwater-demo".to_owned() } else { format!("catchwater-demo-{n}") };
        match std::fs::create_dir(&name) {
            Ok(()) => return Ok(name.into()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).context("create a folder for the lake"),
        }
    }
    bail!("no folder name is free for the lake; name one with --lake FOLDER")
}
