//! Where a lake begins and where a run ends, with the real binary: `--from`, `--until`, `--for`, `--known-as`, and
//! positions that the hub refuses or no longer has.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use catchwater::internals::clock::{Clock, ManualClock, SystemClock, UnixMillis};
use catchwater::internals::emulator::{Config, Emulator, NewEvent};
use catchwater::internals::position::{PartitionId, SequenceNumber};
use processes::{audit, catchwater, output_text};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn lake_from_latest_has_only_later_events() {
    let bed = Bed::new(2).await;
    bed.append(0, 5);
    assert_eq!(bed.run(&["--from", "latest"]).await["rows"], 0);
    bed.append(0, 3);
    bed.append(1, 2);
    assert_eq!(bed.run(&[]).await["rows"], 5);
    bed.audit(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_first_start_from_latest_is_continued_from_its_record() {
    let bed = Bed::new(2).await;
    bed.append(1, 5);
    bed.run(&["--from", "latest"]).await;
    // The first start ended before one of the partitions had its origin.
    let origin = format!("_catchwater/origin/events-{}-p0001.json", bed.hub.generation().get());
    std::fs::remove_file(bed.lake().join(origin)).unwrap();
    bed.append(1, 3);
    let output = bed.output(&["--from", "earliest"], &[("CATCHWATER_LOG", "info")]).await;
    assert_eq!(report(&output)["rows"], 3);
    let text = output_text(&output);
    assert!(text.contains("--from changes nothing") && text.contains("latest"), "{text}");
    bed.audit(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lake_from_a_time_begins_at_its_first_event() {
    let bed = Bed::new(4).await;
    bed.append(0, 3);
    bed.append(1, 4);
    bed.clock.advance(HOUR);
    let time = bed.time();
    bed.append(0, 2);
    bed.append(2, 6);
    bed.hub.purge(PartitionId::new(2), SequenceNumber::new(2));
    // Partition 0 begins in its middle, 1 after its end, 2 at its oldest event, and 3 is empty.
    assert_eq!(bed.run(&["--from", &time]).await["rows"], 2 + 4);
    for partition in 0..4 {
        bed.append(partition, 1);
    }
    // An added partition is read from its first event, which is older than the time of no use here.
    bed.hub.add_partitions(1).unwrap();
    bed.append(4, 7);
    assert_eq!(bed.run(&[]).await["rows"], 4 + 7);
    bed.audit(2 + 4 + 4 + 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lake_from_a_time_ahead_begins_after_the_last_event() {
    let bed = Bed::new(1).await;
    bed.append(0, 3);
    bed.clock.advance(HOUR);
    assert_eq!(bed.run(&["--from", &bed.time()]).await["rows"], 0);
    bed.append(0, 2);
    assert_eq!(bed.run(&[]).await["rows"], 2);
    bed.audit(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_until_a_past_time_ends_with_the_events_before_it() {
    let bed = Bed::new(3).await;
    bed.append(0, 3);
    bed.append(1, 2);
    bed.clock.advance(HOUR);
    let time = bed.time();
    bed.append(1, 1);
    bed.append(2, 4);
    let report = bed.run(&["--until", &time]).await;
    assert_eq!(report["caught_up"], true);
    // Events at or after the time may arrive together with earlier ones; a partition with none before is not read.
    assert!(matches!(report["rows"].as_u64(), Some(5..=6)), "{report}");
    let rest = bed.run(&["--until", "caught-up"]).await["rows"].as_u64().unwrap();
    assert_eq!(report["rows"].as_u64().unwrap() + rest, 10);
    bed.audit(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_until_a_time_ahead_reads_until_the_clock_has_passed_it() {
    let bed = Bed::new(1).await;
    bed.append(0, 5);
    let clock = ManualClock::at(SystemClock.now());
    let until = catchwater::Until::Time(clock.now() + HOUR);
    let metrics = Arc::new(catchwater::Metrics::default());
    let config = catchwater::Config { until: Some(until), ..bed.config() };
    let running = tokio::spawn(catchwater::run(
        config,
        catchwater::Drain::default(),
        Arc::clone(&metrics),
        Arc::new(clock.clone()),
    ));
    wait_until(|| metrics.events_received.get() == 5).await;
    bed.append(0, 4);
    wait_until(|| metrics.events_received.get() == 9).await;
    assert!(!running.is_finished(), "the time is ahead");
    clock.advance(HOUR + Duration::from_secs(2));
    let summary = tokio::time::timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
    assert_eq!((summary.rows, summary.left, summary.caught_up), (9, 0, Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn run_for_a_time_ends_with_its_events_durable() {
    let bed = Bed::new(2).await;
    bed.append(0, 200);
    let output = bed.start(&["--for", "3s"], &[]).await;
    let first = report(&output);
    assert_eq!((&first["caught_up"], &first["left_for_next_run"]), (&Value::Null, &Value::Null), "{first}");
    let rows = first["rows"].as_u64().unwrap() + bed.run(&[]).await["rows"].as_u64().unwrap();
    assert_eq!(rows, 200);
    bed.audit(200).await;
    // A bound that comes first ends the run.
    assert_eq!(bed.run(&["--for", "1h"]).await["caught_up"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_under_another_name_is_read_once_the_operator_states_it() {
    let bed = Bed::new(2).await;
    bed.append(0, 5);
    assert_eq!(bed.run(&[]).await["rows"], 5);
    bed.append(0, 2);
    bed.append(1, 1);
    let alias = bed.hub.connection_string().replace("127.0.0.1", ALIAS);
    let variables = [("CATCHWATER_CONNECTION_STRING", alias.as_str())];
    let refused = bed.output(&[], &variables).await;
    assert_eq!(refused.status.code(), Some(2), "{}", output_text(&refused));
    assert!(output_text(&refused).contains("--known-as localhost"), "{}", output_text(&refused));
    let other = bed.output(&["--known-as", "contoso.example"], &variables).await;
    assert_eq!(other.status.code(), Some(2), "{}", output_text(&other));
    let stated = bed.output(&["--known-as", "localhost"], &variables).await;
    assert_eq!(report(&stated)["rows"], 3, "the checkpoint counts under the new name");
    // From now on either name needs no statement.
    bed.append(1, 4);
    assert_eq!(report(&bed.output(&[], &variables).await)["rows"], 4);
    bed.append(1, 1);
    assert_eq!(bed.run(&[]).await["rows"], 1);
    bed.audit(13).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_that_was_created_at_another_time_does_not_get_the_name() {
    let mut bed = Bed::new(1).await;
    bed.append(0, 5);
    assert_eq!(bed.run(&[]).await["rows"], 5);
    bed.create_hub_again(1).await;
    bed.append(0, 2);
    let alias = bed.hub.connection_string().replace("127.0.0.1", ALIAS);
    let variables = [("CATCHWATER_CONNECTION_STRING", alias.as_str())];
    let refused = bed.output(&["--known-as", "localhost"], &variables).await;
    assert_eq!(refused.status.code(), Some(2), "{}", output_text(&refused));
    assert!(output_text(&refused).contains("created at another time"), "{}", output_text(&refused));
    // Without the statement it is a new log.
    assert_eq!(report(&bed.output(&[], &variables).await)["rows"], 2);
    bed.audit(7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_that_becomes_geo_replicated_is_read_on_by_sequence_number() {
    const REFUSED: &str = "the hub refused a position";
    let bed = Bed::new(1).await;
    bed.append(0, 5);
    assert_eq!(bed.run(&[]).await["rows"], 5);
    bed.hub.geo_replicate();
    bed.append(0, 3);
    let first = bed.output(&[], &[]).await;
    assert_eq!(report(&first)["rows"], 3);
    assert!(output_text(&first).contains(REFUSED), "{}", output_text(&first));
    // The checkpoint now has an offset of the new form.
    bed.append(0, 2);
    let second = bed.output(&[], &[]).await;
    assert_eq!(report(&second)["rows"], 2);
    assert!(!output_text(&second).contains(REFUSED), "{}", output_text(&second));
    bed.audit(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_passed_the_position_is_a_loss_only_for_events_without_a_row() {
    let bed = Bed::new(1).await;
    bed.append(0, 5);
    bed.run(&[]).await;
    bed.append(0, 10);
    bed.hub.purge(PartitionId::new(0), SequenceNumber::new(8));
    let lost = bed.output(&[], &[]).await;
    assert_eq!(lost.status.code(), Some(4), "{}", output_text(&lost));
    let text = output_text(&lost);
    assert!(text.contains("events 5 to 7 are lost") && text.contains("--accept-loss"), "{text}");
    assert_eq!(bed.run(&["--accept-loss"]).await["rows"], 7);
    bed.audit(12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_that_restarts_its_numbers_needs_another_lake() {
    let mut bed = Bed::new(1).await;
    bed.append(0, 5);
    bed.run(&[]).await;
    let created_at = Some(UnixMillis::new(bed.hub.generation().get()));
    let clock = Arc::new(bed.clock.clone());
    bed.hub =
        Emulator::start(Config { partitions: 1, clock, created_at, ..Config::default() }).await.unwrap();
    bed.append(0, 2);
    let lost = bed.output(&["--accept-loss"], &[]).await;
    assert_eq!(lost.status.code(), Some(4), "{}", output_text(&lost));
    let text = output_text(&lost);
    assert!(text.contains("restarted its sequence numbers") && text.contains("another lake"), "{text}");
}

/// A name of the loopback address that is not `localhost`.
const ALIAS: &str = "127.1";

const HOUR: Duration = Duration::from_hours(1);

/// Upper bound on the time that a run takes to notice something.
const DEADLINE: Duration = Duration::from_mins(1);

/// A hub with a clock that the test moves, and a lake.
struct Bed {
    hub: Emulator,
    clock: ManualClock,
    folder: TempDir,
}

impl Bed {
    async fn new(partitions: u32) -> Self {
        // Earlier than the clock of the program, whose tokens are therefore valid.
        let clock = ManualClock::at(SystemClock.now() - 10 * HOUR);
        Self { hub: hub(partitions, &clock).await, clock, folder: tempfile::tempdir().unwrap() }
    }

    async fn create_hub_again(&mut self, partitions: u32) {
        self.clock.advance(HOUR);
        self.hub = hub(partitions, &self.clock).await;
    }

    fn lake(&self) -> &Path {
        self.folder.path()
    }

    fn append(&self, partition: u32, events: usize) {
        for _ in 0..events {
            let event = NewEvent { body: BODY, ..NewEvent::default() };
            self.hub.append(PartitionId::new(partition), &event).unwrap();
        }
    }

    /// The hub's time, as an option has it.
    fn time(&self) -> String {
        jiff::Timestamp::from_millisecond(self.clock.now().get()).unwrap().to_string()
    }

    /// Runs with these options, until caught up if they have no other bound; returns the report.
    async fn run(&self, options: &[&str]) -> Value {
        report(&self.output(options, &[]).await)
    }

    async fn output(&self, options: &[&str], variables: &[(&str, &str)]) -> Output {
        let bound = if options.contains(&"--until") { &[][..] } else { &["--until", "caught-up"] };
        self.start(&[options, bound].concat(), variables).await
    }

    async fn start(&self, options: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = catchwater(&["run", "--json", "--lanes", "1"]);
        command
            .args(options)
            .arg("--lake")
            .arg(self.lake())
            .env("CATCHWATER_CONNECTION_STRING", self.hub.connection_string())
            .envs(variables.iter().copied());
        spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Audits the lake: it is clean and has this number of events.
    async fn audit(&self, events: u64) {
        let lake = self.lake().to_owned();
        let report = spawn_blocking(move || audit(&lake)).await.unwrap();
        assert_eq!(report["events"], events, "{report}");
    }

    /// The configuration of a run in this process.
    fn config(&self) -> catchwater::Config {
        use catchwater::internals::{parse, run};
        catchwater::Config {
            retry_for: Duration::ZERO,
            hub: catchwater::ConnectionString::parse(&self.hub.connection_string()).unwrap().into(),
            consumer_group: "$Default".to_owned(),
            lake: self.lake().to_str().unwrap().into(),
            state: None,
            store: catchwater_sinks::store::StoreOptions::default(),
            start_at: None,
            until: None,
            known_as: None,
            idle_timeout: Duration::from_secs(30),
            decisions: run::Decisions::default(),
            parent_context: parse::ParentContext::Drop,
            metadata: None,
            max_age: Duration::from_mins(10),
            budget_bytes: 64 << 20,
            chunk_writer: catchwater_sinks::parquet::ChunkWriter::default(),
            lanes: Some(1),
            poll_intervals: run::PollIntervals::default(),
            owner_level: 0,
        }
    }
}

async fn hub(partitions: u32, clock: &ManualClock) -> Emulator {
    let config = Config { partitions, clock: Arc::new(clock.clone()), ..Config::default() };
    Emulator::start(config).await.unwrap()
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}\n{}", output.status, output_text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn wait_until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap();
}

/// A body without a table: a row of the quarantine.
const BODY: &[u8] = b"{}";
