//! Runs against an emulated hub in this process: faults of hub, store and lake, and how a run handles them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::first_start::FirstStart;
use catchwater_sinks::lake::gaps::GapCause;
use catchwater_sinks::lake::records::{self, Records};
use catchwater_sinks::ordinals::{Ordinal, OrdinalRange};
use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::paths::SourceId;
use catchwater_sinks::store::faults::{Faults, PutFault};
use catchwater_sinks::store::{Address, Store, StoreOptions};
use tokio::sync::{Mutex, mpsc, watch};

use super::*;
use crate::amqp::encode::Encoder;
use crate::amqp::sections::code;
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::clock::UnixMillis;
use crate::columns::Catalog;
use crate::emulator::{self, Emulator, NewEvent};
use crate::eventhubs::{
    Client, ConnectionString, Distrust, ErrorKind, PartitionReceiver, ReceiveOptions, Start,
};
use crate::metrics::Metrics;
use crate::parse::{ParentContext, ROUTING_VERSION};
use crate::partitions::{Checkpoints, Scope};
use crate::position::{Generation, Offset, PartitionId, Position, SequenceNumber};

#[tokio::test(flavor = "multi_thread")]
async fn large_body_does_not_stop_other_partitions() {
    let fixture = Fixture::new(2, None).await;
    let running = tokio::spawn(fixture.run(false));
    fixture.append(0, 1, 900_000);
    fixture.wait_for_events(1).await;
    fixture.append(1, 5000, 100);
    fixture.wait_for_events(5001).await;
    fixture.drain.begin();
    assert_eq!(running.await.unwrap().unwrap().rows, 5001);
}

#[tokio::test(flavor = "multi_thread")]
async fn caught_up_lane_does_not_stop_others() {
    let fixture = Fixture::new(3, None).await;
    fixture.append(0, 1, 100);
    fixture.append(2, 20_000, 1000);
    let config = Config { lanes: Some(3), ..fixture.config(true) };
    let summary = run(config, fixture.drain.clone(), Arc::default(), Arc::new(SystemClock)).await.unwrap();
    assert_eq!((summary.rows, summary.left), (20_001, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_before_a_broken_connection_become_durable() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 2000, 100);
    fixture.hub.faults().drop_connection_after(900);
    let ended = fixture.run(true).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Unreachable);
    assert!(fixture.metrics.rows_committed.get() > 0, "rows before the break are in the lake");
    assert_eq!(fixture.run(true).await.unwrap().left, 0);
    assert_eq!(fixture.metrics.rows_committed.get(), 2000);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_held_when_the_hub_is_created_again_become_durable() {
    for events in [0, 5, 30, 60] {
        let mut fixture = Fixture::new(1, Some(CREATED)).await;
        fixture.append(0, 30, 100);
        let serving = tokio::spawn(fixture.run(false));
        fixture.wait_for_events(30).await;
        fixture.replace_hub(CREATED + Duration::from_secs(1), events).await;
        let error = serving.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable, "{events}: {error}");
        assert!(error.to_string().contains("another log"), "{events}: {error}");
        assert_eq!(fixture.metrics.rows_committed.get(), 30, "{events}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_held_when_numbers_are_given_out_again_become_durable() {
    for events in [0, 5] {
        let mut fixture = Fixture::new(1, Some(CREATED)).await;
        fixture.append(0, 30, 100);
        let serving = tokio::spawn(fixture.run(false));
        fixture.wait_for_events(30).await;
        fixture.replace_hub(CREATED, events).await;
        let error = serving.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::PositionLost, "{events}: {error}");
        assert_eq!(fixture.metrics.rows_committed.get(), 30, "{events}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_behind_the_checkpoint_is_a_lost_position() {
    let first = Fixture::new(1, Some(UnixMillis::new(1_795_435_200_000))).await;
    first.append(0, 100, 100);
    first.run(true).await.unwrap();
    // A hub with the same name and creation time, and fewer events than the checkpoint.
    let second =
        Fixture { folder: first.folder, ..Fixture::new(1, Some(UnixMillis::new(1_795_435_200_000))).await };
    for _ in 0..20 {
        assert_eq!(second.run(true).await.unwrap_err().kind(), Kind::PositionLost);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_with_older_rules_are_displaced_before_newer_rules_begin() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    let records = fixture.begin_with_rules(ROUTING_VERSION - 1).await;
    let (_connected, mut old) = fixture.other_reader(10).await;
    let refused = fixture.run(true).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Configuration, "{refused}");
    let displaced =
        tokio::time::timeout(Duration::from_secs(10), old.next_batch()).await.unwrap().unwrap_err();
    assert_eq!(displaced.kind(), ErrorKind::OwnershipLost, "{displaced:?}");
    // Give up the events of the older rules, so that they have nothing outstanding.
    let range = OrdinalRange { from: Ordinal::new(0), to: Ordinal::new(9) };
    records.record_loss(&fixture.source(0), range).await.unwrap();
    assert_eq!(fixture.run(true).await.unwrap().rows, 0, "all events were the older rules'");
    fixture.append(0, 5, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsupported_store_is_a_configuration_error() {
    let fixture = Fixture::new(1, None).await;
    let config = Config { lake: "https://account.blob.core.windows.net/lake".into(), ..fixture.config(true) };
    let ended = run(config, Drain::default(), Arc::default(), Arc::new(SystemClock)).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Configuration);
}

#[tokio::test]
async fn failed_checkpoint_is_saved_again() {
    let (store, faults) = (Store::in_memory(), Faults::new());
    faults.next_put("checkpoints", PutFault::RequestLost);
    let scope = Scope {
        lake: "lake".into(),
        namespace: "namespace".to_owned(),
        event_hub: "events".to_owned(),
        generation: Generation::new(UnixMillis::new(1)),
        consumer_group: "$Default".to_owned(),
    };
    let checkpoints = Checkpoints::new(store.with_faults(&faults), scope, "namespace");
    let backoff = Backoff::for_store(1);
    let records = Records::new(store.clone(), backoff.clone());
    let schemas = publisher::schemas::LakeSchemas::open(records, Catalog::new(), None).await.unwrap();
    let deps = publisher::put::PutDeps { store, schemas: Mutex::new(schemas), backoff };
    let publisher = publisher::Publisher::new(Arc::new(deps), checkpoints.clone(), 1, Arc::default());
    let (inputs, receiver) = mpsc::channel(8);
    let running = tokio::spawn(publisher.run(receiver, drain::Deadline::of(&Drain::default())));
    let (start, first) = (StartId { partition: PartitionId::new(0), attempt: 1 }, SequenceNumber::new(0));
    let (status, _reader) = watch::channel(messages::PartitionStatus::default());
    let begin = messages::PublisherInput::Begin { start, first, proven: None, checkpoint: None, status };
    inputs.send(begin).await.unwrap();
    let processed = Position {
        sequence_number: SequenceNumber::new(5),
        offset: Offset::new("7"),
        enqueued_time: UnixMillis::new(0),
    };
    let advanced = LaneOutput::Advanced { start, processed: processed.clone(), oldest_open: None };
    inputs.send(messages::PublisherInput::Lane(advanced)).await.unwrap();
    while faults.puts().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(inputs);
    running.await.unwrap().unwrap();
    let written = checkpoints.load(PartitionId::new(0)).await.unwrap();
    assert_eq!(written.map(|checkpoint| checkpoint.position), Some(processed));
}

/// A partition without events, and one whose events are all in the lake before its checkpoint was saved, are checkpointed
/// at the number before their first event: a scaler then counts no events that the lake has.
#[tokio::test(flavor = "multi_thread")]
async fn start_saves_the_number_before_the_first_event() {
    let fixture = Fixture::new(2, None).await;
    fixture.append(1, 100, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 100);
    assert_eq!(fixture.checkpoint_numbers().await, [-1, 99]);
    std::fs::remove_dir_all(fixture.checkpoints()).unwrap();
    assert_eq!(fixture.run(true).await.unwrap().rows, 100, "of both runs");
    assert_eq!(fixture.checkpoint_numbers().await, [-1, 99]);
    fixture.append(0, 10, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 110);
    assert_eq!(fixture.checkpoint_numbers().await, [9, 99]);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_without_checkpoint_uses_the_lake_after_retention() {
    let fixture = Fixture::new(2, None).await;
    fixture.append(0, 100, 100);
    fixture.append(1, 100, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 200);
    for partition in [0, 1] {
        fixture.hub.purge(PartitionId::new(partition), SequenceNumber::new(100));
    }
    // First another consumer group, which has no checkpoint; then without any checkpoint.
    fixture.append(0, 5, 100);
    let summary = fixture.run_with(|config| config.consumer_group = "another".to_owned()).await.unwrap();
    assert_eq!((summary.rows, summary.skipped), (205, 0));
    std::fs::remove_dir_all(fixture.checkpoints()).unwrap();
    fixture.hub.purge(PartitionId::new(0), SequenceNumber::new(103));
    fixture.append(1, 5, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 210);
    assert_eq!(fixture.records().lost_ranges(&fixture.source(0)).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_expired_events_without_a_row_are_lost() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 100, 100);
    fixture.run(true).await.unwrap();
    std::fs::remove_dir_all(fixture.checkpoints()).unwrap();
    fixture.append(0, 50, 100);
    fixture.hub.purge(PartitionId::new(0), SequenceNumber::new(120));
    let refused = fixture.run(true).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::PositionLost, "{refused}");
    fixture.run_with(|config| config.decisions.accept_loss = true).await.unwrap();
    let lost = OrdinalRange { from: Ordinal::new(100), to: Ordinal::new(119) };
    assert_eq!(fixture.records().lost_ranges(&fixture.source(0)).await.unwrap(), [lost]);
    assert_eq!(fixture.metrics.rows_committed.get(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_older_lake_is_refused_until_its_checkpoint_is_removed() {
    let (fixture, state) = (Fixture::new(1, None).await, tempfile::tempdir().unwrap());
    let run = async || {
        let state = Address::from(state.path().to_str().unwrap());
        fixture.run_with(|config| config.state = Some(state)).await
    };
    let copy = tempfile::tempdir().unwrap();
    fixture.append(0, 10, 100);
    run().await.unwrap();
    copy_folder(fixture.folder.path(), copy.path());
    fixture.append(0, 5, 100);
    run().await.unwrap();
    std::fs::remove_dir_all(fixture.folder.path().join("account")).unwrap();
    copy_folder(copy.path(), fixture.folder.path());
    fixture.append(0, 5, 100);
    let refused = run().await.unwrap_err();
    assert!(matches!(refused, Error::Reader(ReaderError::LakeBehind { .. })), "{refused}");
    assert!(refused.to_string().contains("older copy"), "{refused}");
    std::fs::remove_dir_all(state.path().join("checkpoints")).unwrap();
    let before = fixture.metrics.rows_committed.get();
    run().await.unwrap();
    assert_eq!(fixture.metrics.rows_committed.get() - before, 10, "rows that the copy lacks, and new rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn reread_restores_removed_newest_files() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    fixture.run(true).await.unwrap();
    fixture.append(0, 5, 100);
    fixture.run(true).await.unwrap();
    let files = std::fs::read_dir(fixture.folder.path().join("account")).unwrap();
    let day = files.map(|day| day.unwrap().path()).next().unwrap();
    let newest = std::fs::read_dir(day).unwrap().map(|file| file.unwrap().path()).max().unwrap();
    std::fs::remove_file(newest).unwrap();
    std::fs::remove_dir_all(fixture.checkpoints()).unwrap();
    let before = fixture.metrics.rows_committed.get();
    fixture.run_with(|config| config.decisions.reread = true).await.unwrap();
    assert_eq!(fixture.metrics.rows_committed.get() - before, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_an_origin_record_are_refused() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    fixture.run(true).await.unwrap();
    std::fs::remove_dir_all(fixture.folder.path().join("_catchwater/origin")).unwrap();
    let refused = fixture.run(true).await.unwrap_err();
    assert!(refused.to_string().contains("_catchwater/origin"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounded_run_ends_when_the_hub_sends_less_than_it_claims() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    fixture.hub.faults().claim_more(3);
    let summary = fixture.run(true).await.unwrap();
    assert_eq!((summary.rows, summary.caught_up), (10, Some(false)));
    fixture.hub.faults().claim_more(0);
    assert_eq!(fixture.run(true).await.unwrap().caught_up, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn bounded_run_does_not_wait_for_expired_events() {
    // The lake is empty, and the hub has purged all its events.
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    fixture.hub.purge(PartitionId::new(0), SequenceNumber::new(10));
    let summary = fixture.run(true).await.unwrap();
    assert_eq!((summary.rows, summary.caught_up), (0, Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn added_partition_is_read_from_its_first_event() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    let running = fixture.serve();
    fixture.wait_for_events(10).await;
    fixture.hub.add_partitions(1).unwrap();
    fixture.append(1, 20, 100);
    fixture.wait_for_events(30).await;
    fixture.drain.begin();
    assert_eq!(running.await.unwrap().unwrap().rows, 30);
    // A partition whose first events expired before a run saw it is a lost position.
    fixture.hub.add_partitions(1).unwrap();
    fixture.append(2, 20, 100);
    fixture.hub.purge(PartitionId::new(2), SequenceNumber::new(7));
    let refused = fixture.run(true).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::PositionLost, "{refused}");
    fixture.run_with(|config| config.decisions.accept_loss = true).await.unwrap();
    let lost = OrdinalRange { from: Ordinal::new(0), to: Ordinal::new(6) };
    assert_eq!(fixture.records().lost_ranges(&fixture.source(2)).await.unwrap(), [lost]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_partition_is_attached_again() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 10, 100);
    let running = fixture.serve();
    fixture.wait_for_events(10).await;
    fixture.hub.faults().stall_readers();
    fixture.append(0, 10, 100);
    fixture.wait_for_events(20).await;
    fixture.drain.begin();
    assert_eq!(running.await.unwrap().unwrap().rows, 20, "no row is duplicated");
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_gaps_are_recorded_and_not_missed_at_the_next_start() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 2, 100);
    for number in [Some(4), Some(5), None, Some(9)] {
        fixture.append_stamped(0, number);
    }
    // The hub counts its own events, four fewer than these numbers.
    fixture.hub.faults().claim_more(4);
    let summary = fixture.run(true).await.unwrap();
    assert_eq!((summary.rows, summary.unreadable, summary.accepted_gaps), (5, 1, 5));
    let accepted = fixture.records().accepted_gaps(&fixture.source(0)).await.unwrap();
    let accepted: Vec<_> =
        accepted.iter().map(|gap| (gap.gap.from.get(), gap.gap.to.get(), gap.cause)).collect();
    assert_eq!(accepted, [(2, 3, GapCause::NotSent), (6, 8, GapCause::Unreadable)]);
    std::fs::remove_dir_all(fixture.checkpoints()).unwrap();
    fixture.hub.purge(PartitionId::new(0), SequenceNumber::new(6));
    let again = fixture.run(true).await.unwrap();
    assert_eq!((again.rows, again.caught_up), (5, Some(true)), "rows and gaps cover every number");
    assert_eq!(fixture.records().lost_ranges(&fixture.source(0)).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_with_unassigned_number_is_dropped() {
    let fixture = Fixture::new(1, None).await;
    fixture.append(0, 2, 100);
    fixture.append_stamped(0, Some(9_000_000_000));
    fixture.append(0, 2, 100);
    let summary = fixture.run(true).await.unwrap();
    assert_eq!((summary.rows, summary.unreadable, summary.accepted_gaps), (4, 1, 1));
    fixture.append(0, 1, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 5, "the next run continues");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_unassigned_and_stale_numbers_stop_nothing() {
    let fixture = Fixture::new(1, None).await;
    // Unreadable numbers first, one far beyond the hub's last number, then several stale ones.
    fixture.append_stamped(0, None);
    fixture.append_stamped(0, None);
    fixture.append(0, 2, 100);
    fixture.append_stamped(0, Some(1000));
    fixture.append(0, 2, 100);
    for _ in 0..3 {
        fixture.append_stamped(0, Some(1));
    }
    fixture.append(0, 2, 100);
    let summary = fixture.run(true).await.unwrap();
    assert_eq!((summary.rows, summary.caught_up), (6, Some(true)));
    assert_eq!(summary.accepted_gaps, 6);
    assert!(summary.unreadable >= 6, "{}", summary.unreadable);
    let accepted = fixture.records().accepted_gaps(&fixture.source(0)).await.unwrap();
    assert!(accepted.iter().all(|gap| gap.cause == GapCause::Unreadable), "{accepted:?}");
    fixture.append(0, 1, 100);
    assert_eq!(fixture.run(true).await.unwrap().rows, 7, "the next run continues");
}

#[tokio::test(flavor = "multi_thread")]
async fn total_lag_needs_the_lag_of_every_partition() {
    let metrics = Metrics::default();
    assert_eq!(metrics.total_lag(), None);
    metrics.set_lag(PartitionId::new(0), SequenceNumber::new(7), Some(SequenceNumber::new(9)));
    assert_eq!(metrics.total_lag(), Some(2));
    metrics.set_lag(PartitionId::new(1), SequenceNumber::new(7), None);
    assert_eq!(metrics.total_lag(), None);
}

/// Copies the files below a folder.
fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Creation time of hubs.
const CREATED: UnixMillis = UnixMillis::new(1_795_435_200_000);

/// A hub, a lake, and runs between them.
struct Fixture {
    hub: Emulator,
    folder: tempfile::TempDir,
    metrics: Arc<Metrics>,
    drain: Drain,
}

impl Fixture {
    async fn new(partitions: u32, created_at: Option<UnixMillis>) -> Self {
        let config = emulator::Config { partitions, created_at, ..emulator::Config::default() };
        Self {
            hub: Emulator::start(config).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            metrics: Arc::default(),
            drain: Drain::default(),
        }
    }

    /// Starts another hub at the same address.
    async fn replace_hub(&mut self, created_at: UnixMillis, events: usize) {
        let listen = self.hub.address();
        let elsewhere = Emulator::start(emulator::Config::default()).await.unwrap();
        std::mem::replace(&mut self.hub, elsewhere).shutdown().await;
        let (partitions, created_at) = (1, Some(created_at));
        let config = emulator::Config { listen, partitions, created_at, ..emulator::Config::default() };
        self.hub = Emulator::start(config).await.unwrap();
        self.append(0, events, 100);
    }

    fn config(&self, until_caught_up: bool) -> Config {
        Config {
            hub: ConnectionString::parse(&self.hub.connection_string()).unwrap().into(),
            consumer_group: "$Default".to_owned(),
            lake: self.folder.path().to_str().unwrap().into(),
            state: None,
            store: StoreOptions::default(),
            start_at: None,
            until: until_caught_up.then_some(Until::CaughtUp),
            known_as: None,
            retry_for: Duration::ZERO,
            idle_timeout: Duration::from_secs(2),
            decisions: Decisions::default(),
            parent_context: ParentContext::Drop,
            metadata: None,
            max_age: Duration::from_mins(10),
            budget_bytes: 256 << 20,
            chunk_writer: ChunkWriter::default(),
            lanes: Some(1),
            poll_intervals: PollIntervals::default(),
            owner_level: 0,
        }
    }

    fn run(&self, until_caught_up: bool) -> impl Future<Output = Result<Summary, Error>> + use<> {
        let (config, drain) = (self.config(until_caught_up), self.drain.clone());
        // The shared drain may have begun in an earlier run.
        let drain = if until_caught_up { Drain::default() } else { drain };
        run(config, drain, Arc::clone(&self.metrics), Arc::new(SystemClock))
    }

    /// Records the start of the lake with routing rules of this version, and returns its records.
    async fn begin_with_rules(&self, routing_version: u32) -> Records {
        let records = self.records();
        records.lake_id().await.unwrap();
        let namespace = self.config(true).hub.address.namespace().to_owned();
        let origin = records::Origin { first: Ordinal::new(0), routing_version, namespace };
        let first_start =
            FirstStart { partitions: (0..self.hub.partitions()).collect(), ..FirstStart::default() };
        records.record_first_start(&self.source(0), first_start).await.unwrap();
        records.record_origin(&self.source(0), origin).await.unwrap();
        records
    }

    fn records(&self) -> Records {
        Records::new(
            Store::open(&self.config(true).lake, &StoreOptions::default()).unwrap(),
            Backoff::for_store(1),
        )
    }

    fn source(&self, partition: u32) -> SourceId {
        SourceId::new(self.hub.event_hub(), self.hub.generation().get(), partition)
    }

    /// A reader of another run that has read `events` events, with its connection.
    async fn other_reader(&self, events: i64) -> (Client, PartitionReceiver) {
        let config = self.config(true);
        let client = Client::connect(config.hub.clone(), "another run", Arc::new(SystemClock)).await.unwrap();
        let options = ReceiveOptions {
            consumer_group: config.consumer_group,
            start: Start::Earliest,
            owner_level: Some(config.owner_level),
            name: "another run".to_owned(),
            distrust: Distrust::default(),
        };
        let mut reader =
            client.receive(PartitionId::new(0), options, Budget::new(1 << 20), 1 << 20).await.unwrap();
        loop {
            let batch = reader.next_batch().await.unwrap();
            if batch.last().is_some_and(|last| last.get() + 1 >= events) {
                return (client, reader);
            }
        }
    }

    /// Runs with a changed configuration until caught up.
    async fn run_with(&self, change: impl FnOnce(&mut Config)) -> Result<Summary, Error> {
        let mut config = self.config(true);
        change(&mut config);
        run(config, Drain::default(), Arc::clone(&self.metrics), Arc::new(SystemClock)).await
    }

    /// Starts a continuous run that asks the hub for changes at short intervals.
    fn serve(&self) -> tokio::task::JoinHandle<Result<Summary, Error>> {
        let poll_intervals = PollIntervals {
            added_partitions: Duration::from_millis(50),
            idle_partition: Duration::from_millis(200),
        };
        let config = Config { poll_intervals, ..self.config(false) };
        let (drain, metrics) = (self.drain.clone(), Arc::clone(&self.metrics));
        tokio::spawn(run(config, drain, metrics, Arc::new(SystemClock)))
    }

    /// The checkpointed number of each partition.
    async fn checkpoint_numbers(&self) -> Vec<i64> {
        let state = Store::open(default_state(&self.config(true).lake), &StoreOptions::default()).unwrap();
        let mut all = Checkpoints::all(&state).await.unwrap();
        all.sort_by_key(|checkpoint| checkpoint.partition);
        all.iter().map(|checkpoint| checkpoint.position.sequence_number.get()).collect()
    }

    fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("_catchwater/checkpoints")
    }

    fn append(&self, partition: u32, events: usize, bytes: usize) {
        let body = format!(
            r#"{{"MessageName":"Update","PrimaryEntityName":"account","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:x","Attributes":[{{"key":"n","value":"{}"}}]}}}}]}}"#,
            "x".repeat(bytes)
        );
        for _ in 0..events {
            let event = NewEvent { body: body.as_bytes(), ..NewEvent::default() };
            self.hub.append(PartitionId::new(partition), &event).unwrap();
        }
    }

    /// Appends an event with this sequence number, or without one.
    fn append_stamped(&self, partition: u32, number: Option<i64>) {
        let mut message = Vec::new();
        let mut out = Encoder::new(&mut message);
        out.described(code::MESSAGE_ANNOTATIONS, |out| {
            out.map(|map| {
                if let Some(number) = number {
                    map.symbol("x-opt-sequence-number");
                    map.long(number);
                }
                map.symbol("x-opt-offset");
                map.string("7");
                map.symbol("x-opt-enqueued-time");
                map.timestamp(1_795_435_200_000);
            });
        });
        out.described(code::DATA, |out| out.binary(b"{}"));
        self.hub.append_verbatim(PartitionId::new(partition), &message).unwrap();
    }

    /// Waits until `events` events were received.
    async fn wait_for_events(&self, events: u64) {
        let waiting = async {
            while self.metrics.events_received.get() < events {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let received = || format!("{} of {events}", self.metrics.events_received.get());
        assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "{}", received());
    }
}
