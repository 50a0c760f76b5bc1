//! Tests of a whole run against a hub in this process: what goes wrong around it, and what a run makes of it.

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::paths::{Ordinal, SourceId};
use catchwater_sinks::store::Store;
use catchwater_sinks::store::faults::{Faults, PutFault};
use tokio::sync::{Mutex, mpsc, watch};

use super::*;
use crate::budget::Share;
use crate::clock::SystemClock;
use crate::columns::Catalog;
use crate::emulator::{self, Emulator, NewEvent};
use crate::eventhubs::{Client, ErrorKind, PartitionReceiver, ReceiveOptions, Start};
use crate::metrics::Metrics;
use crate::parse::ROUTING_VERSION;
use crate::partitions::{Checkpoints, Scope};
use crate::position::{Generation, Offset, PartitionId, Position, SequenceNumber};

#[tokio::test(flavor = "multi_thread")]
async fn one_large_body_on_a_quiet_partition_does_not_stop_its_neighbours() {
    let world = World::new(2, None).await;
    let running = tokio::spawn(world.run(false));
    world.append(0, 1, 900_000);
    world.received(1).await;
    world.append(1, 5000, 100);
    world.received(5001).await;
    world.drain.begin();
    assert_eq!(running.await.unwrap().unwrap().rows, 5001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_caught_up_does_not_stop_the_others() {
    let world = World::new(3, None).await;
    world.append(0, 1, 100);
    world.append(2, 20_000, 1000);
    let config = Config { lanes: Some(3), ..world.config(true) };
    let summary = run(config, world.drain.clone(), Arc::default(), Arc::new(SystemClock)).await.unwrap();
    assert_eq!((summary.rows, summary.left), (20_001, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_the_connection_broke_is_durable() {
    let world = World::new(1, None).await;
    world.append(0, 2000, 100);
    world.hub.faults().drop_connection_after(900);
    let ended = world.run(true).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Unreachable);
    assert!(world.metrics.rows_put.get() > 0, "the next run goes on from there");
    assert_eq!(world.run(true).await.unwrap().left, 0);
    assert_eq!(world.metrics.rows_put.get(), 2000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_set_back_is_always_a_lost_position() {
    let first = World::new(1, Some(1_795_435_200_000)).await;
    first.append(0, 100, 100);
    first.run(true).await.unwrap();
    // The same hub by its name and creation time, with fewer events than the checkpoint says.
    let second = World { folder: first.folder, ..World::new(1, Some(1_795_435_200_000)).await };
    for _ in 0..20 {
        assert_eq!(second.run(true).await.unwrap_err().kind(), Kind::PositionLost);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_by_older_rules_are_displaced_before_newer_rules_begin() {
    let world = World::new(1, None).await;
    world.append(0, 10, 100);
    let checkpoints = world.follow_rules(ROUTING_VERSION - 1).await;
    let (_connected, mut old, last) = world.reader(10).await;
    let refused = world.run(true).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Configuration, "{refused}");
    let stolen = tokio::time::timeout(Duration::from_secs(10), old.next_batch()).await.unwrap().unwrap_err();
    assert_eq!(stolen.kind(), ErrorKind::OwnershipLost, "{stolen:?}");
    checkpoints.save(PartitionId(0), ROUTING_VERSION - 1, &last).await.unwrap();
    assert_eq!(world.run(true).await.unwrap().rows, 0, "all of it was the older rules'");
    world.append(0, 5, 100);
    assert_eq!(world.run(true).await.unwrap().rows, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_built_in_is_a_matter_of_configuration() {
    let world = World::new(1, None).await;
    let config = Config { lake: "s3://bucket/lake".to_owned(), ..world.config(true) };
    let ended = run(config, Drain::default(), Arc::default(), Arc::new(SystemClock)).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Configuration);
}

#[tokio::test]
async fn a_checkpoint_that_fails_once_is_written_later() {
    let (store, faults) = (Store::open("memory://").unwrap(), Faults::new());
    faults.next_put("checkpoints", PutFault::Lost);
    let scope = Scope {
        lake: "lake".to_owned(),
        namespace: "namespace".to_owned(),
        event_hub: "events".to_owned(),
        generation: Generation(1),
        consumer_group: "$Default".to_owned(),
    };
    let checkpoints = Checkpoints::new(store.with_faults(&faults), scope);
    let backoff = Backoff::for_store(1);
    let records = records::Records::new(store.clone(), backoff.clone());
    let schemas = schemas::LakeSchemas::open(records, Catalog::new(), None).await.unwrap();
    let world = put::PutWorld { store, schemas: Mutex::new(schemas), backoff };
    let publisher = publisher::Publisher::new(Arc::new(world), checkpoints.clone(), 1, Arc::default());
    let (inputs, receiver) = mpsc::channel(8);
    let running = tokio::spawn(publisher.run(receiver, publisher::Deadline::behind(&Drain::default())));
    let (start, first) = (StartId { partition: PartitionId(0), attempt: 1 }, SequenceNumber(0));
    let (standing, _told) = watch::channel(publisher::Standing::default());
    let begin = publisher::PublisherInput::Begin { start, first, checkpoint: None, standing };
    inputs.send(begin).await.unwrap();
    let processed =
        Position { sequence_number: SequenceNumber(5), offset: Offset("7".into()), enqueued_time_ms: 0 };
    let advanced = LaneOutput::Advanced { start, processed: processed.clone(), oldest_open: None };
    inputs.send(publisher::PublisherInput::Lane(advanced)).await.unwrap();
    while faults.puts().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(inputs);
    running.await.unwrap().unwrap();
    let written = checkpoints.load(PartitionId(0)).await.unwrap();
    assert_eq!(written.map(|checkpoint| checkpoint.position), Some(processed));
}

/// A hub, a lake, and runs between them.
struct World {
    hub: Emulator,
    folder: tempfile::TempDir,
    metrics: Arc<Metrics>,
    drain: Drain,
}

impl World {
    async fn new(partitions: u32, created_ms: Option<i64>) -> Self {
        let config = emulator::Config { partitions, created_ms, ..emulator::Config::default() };
        Self {
            hub: Emulator::start(config).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            metrics: Arc::default(),
            drain: Drain::default(),
        }
    }

    fn config(&self, until_caught_up: bool) -> Config {
        Config {
            connection_string: ConnectionString::parse(&self.hub.connection_string()).unwrap(),
            consumer_group: "$Default".to_owned(),
            lake: self.folder.path().to_str().unwrap().to_owned(),
            state: None,
            until_caught_up,
            accept_loss: false,
            parent_context: ParentContext::Drop,
            metadata: None,
            max_age: Duration::from_mins(10),
            budget_bytes: 256 << 20,
            lanes: Some(1),
            owner_level: 0,
        }
    }

    fn run(&self, until_caught_up: bool) -> impl Future<Output = Result<Summary, Error>> + use<> {
        let (config, drain) = (self.config(until_caught_up), self.drain.clone());
        // A drain that a run before has begun is over.
        let drain = if until_caught_up { Drain::default() } else { drain };
        run(config, drain, Arc::clone(&self.metrics), Arc::new(SystemClock))
    }

    /// A lake that was begun by rules of this version; its checkpoints.
    async fn follow_rules(&self, routing_version: u32) -> Checkpoints {
        let config = self.config(true);
        let hub = Client::connect(&config.connection_string, "test").await.unwrap().hub().await.unwrap();
        let store = Store::open(&config.lake).unwrap();
        let records = records::Records::new(store, Backoff::for_store(1));
        let lake = records.lake_id().await.unwrap();
        let namespace = config.connection_string.namespace().to_owned();
        let first = Ordinal(0);
        let origin = records::Origin { first, routing_version, namespace: namespace.clone() };
        records.begin(&SourceId::new(&hub.name, hub.generation.0, 0), origin).await.unwrap();
        let event_hub = hub.name.to_lowercase();
        let (generation, consumer_group) = (hub.generation, config.consumer_group);
        let state = Store::open(&default_state(&config.lake)).unwrap();
        Checkpoints::new(state, Scope { lake, namespace, event_hub, generation, consumer_group })
    }

    /// A reader that has read so many events, as another run has one: its connection, itself, the last event.
    async fn reader(&self, events: i64) -> (Client, PartitionReceiver, Position) {
        let config = self.config(true);
        let client = Client::connect(&config.connection_string, "another run").await.unwrap();
        let options = ReceiveOptions {
            consumer_group: config.consumer_group,
            start: Start::Earliest,
            owner_level: Some(config.owner_level),
            name: "another run".to_owned(),
        };
        let mut reader = client.receive(PartitionId(0), options, Share::new(1 << 20), 1 << 20).await.unwrap();
        loop {
            let batch = reader.next_batch().await.unwrap();
            let last = batch.iter().last().unwrap();
            if last.sequence_number.0 + 1 >= events {
                let offset = Offset(last.offset.into());
                let (sequence_number, enqueued_time_ms) = (last.sequence_number, last.enqueued_time_ms);
                return (client, reader, Position { sequence_number, offset, enqueued_time_ms });
            }
        }
    }

    fn append(&self, partition: u32, events: usize, bytes: usize) {
        let body = format!(
            r#"{{"MessageName":"Update","PrimaryEntityName":"account","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:x","Attributes":[{{"key":"n","value":"{}"}}]}}}}]}}"#,
            "x".repeat(bytes)
        );
        for _ in 0..events {
            let event = NewEvent { body: body.as_bytes(), ..NewEvent::default() };
            self.hub.append(PartitionId(partition), &event).unwrap();
        }
    }

    /// Waits until so many events were received.
    async fn received(&self, events: u64) {
        let waiting = async {
            while self.metrics.events_received.get() < events {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let got = || format!("{} of {events}", self.metrics.events_received.get());
        assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "{}", got());
    }
}
