//! Every thread, task and channel of a run, each capacity with its reason.
//!
//! Beside it only the publisher starts tasks, its puts and checkpoint writes, and the client those of its connection.
//!
//! ```text
//! reader (task per partition) ── LaneInput ──▶ lane (thread) ── PublisherInput ──▶ publisher (task)
//!        ▲                                                                            │
//!        └────────────────────────── Standing (watch) ────────────────────────────────┘
//! ```

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::paths::SourceId;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::store::Store;
use crossbeam_channel as lanes;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;

use super::file::RunFacts;
use super::lane::{Lane, LaneInput, RollRules};
use super::publisher::{self, Deadline, Publisher, PublisherInput};
use super::put::PutWorld;
use super::reader::{self, Reader, World};
use super::schemas::LakeSchemas;
use super::{Config, Error, Summary};
use crate::budget::Share;
use crate::clock::Clock;
use crate::columns::{Catalog, Context};
use crate::eventhubs::{Client, HubProperties};
use crate::metrics::Metrics;
use crate::parse::{Parser, ROUTING_VERSION};
use crate::partitions::{Checkpoints, Scope};

/// Tells a run to finish what is in flight and end.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Drain {
    /// Begins the drain; a second call changes nothing.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the drain has begun; for ever if nobody can begin it any more.
    pub(super) async fn begun(&self) {
        let mut begun = self.0.subscribe();
        if begun.wait_for(|begun| *begun).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs the job until it is drained, caught up (if asked for) or can't go on.
pub async fn run(
    config: Config,
    drain: Drain,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Summary, Error> {
    let wired = tokio::select! {
        wired = wire(config, Arc::clone(&metrics), clock) => wired?,
        () = drain.begun() => return Ok(summary(&metrics, 0)),
    };
    let (wiring, publisher) = *wired;
    let left = wiring.flow(publisher, drain).await?;
    Ok(summary(&metrics, left.events))
}

/// Opens what a run needs: lake, state and hub.
async fn wire(
    config: Config,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Box<(Wiring, Publisher)>, Error> {
    let store = open(&config.lake)?;
    let state = config.state.clone().unwrap_or_else(|| super::default_state(&config.lake));
    let state = open(&state)?;
    let writer = uuid::Uuid::new_v4();
    let backoff = Backoff::for_store(writer.as_u64_pair().0);
    let records = Records::new(store.clone(), backoff.clone());
    let lake = records.lake_id().await?;
    let catalog = Catalog::new();
    let schemas =
        LakeSchemas::open(records.clone(), Arc::clone(&catalog), config.metadata.as_deref()).await?;
    let client = Client::connect(&config.connection_string, "catchwater").await?;
    let hub = client.hub().await?;
    let scope = Scope {
        lake: lake.clone(),
        namespace: config.connection_string.namespace().to_owned(),
        event_hub: hub.name.to_lowercase(),
        generation: hub.generation,
        consumer_group: config.consumer_group.clone(),
    };
    let checkpoints = Checkpoints::new(state, scope);
    let facts = RunFacts { lake, writer: writer.to_string(), routing_version: ROUTING_VERSION };
    let put_world =
        Arc::new(PutWorld { store: store.clone(), schemas: Mutex::new(schemas), backoff: backoff.clone() });
    let publisher = Publisher::new(put_world, checkpoints.clone(), ROUTING_VERSION, Arc::clone(&metrics));
    let world = Arc::new(World {
        client,
        store,
        backoff,
        records,
        checkpoints,
        consumer_group: config.consumer_group.clone(),
        owner_level: config.owner_level,
        until_caught_up: config.until_caught_up,
        accept_loss: config.accept_loss,
        metrics: Arc::clone(&metrics),
    });
    Ok(Box::new((Wiring { config, hub, catalog, facts, world, metrics, clock }, publisher)))
}

struct Wiring {
    config: Config,
    hub: HubProperties,
    catalog: Arc<Catalog>,
    facts: RunFacts,
    world: Arc<World>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Wiring {
    /// Connects the parts, waits for the readers, then lets the rest run dry.
    async fn flow(self, publisher: Publisher, drain: Drain) -> Result<publisher::Leftover, Error> {
        let (to_publisher, publisher_inputs) = mpsc::channel(PUBLISHER_INPUTS);
        let deadline = Deadline::behind(&drain);
        let mut publishing = tokio::spawn(publisher.run(publisher_inputs, deadline));
        let (lanes, threads) = self.start_lanes(&to_publisher, &drain)?;
        let mut readers = self.start_readers(&lanes, &to_publisher, &drain);
        drop((lanes, to_publisher));
        let mut outcome = Outcome { must_have_all: self.config.until_caught_up, ..Outcome::default() };
        let last_word = tokio::select! {
            // First the readers: when the last of them has ended, the publisher may have ended behind it.
            biased;
            () = outcome.take_all(&mut readers, &drain) => publishing.await,
            // It ends before them only when it, or a lane, can't go on, or time is up.
            ended = &mut publishing => ended,
        };
        while let Some(ended) = readers.try_join_next() {
            outcome.take(ended, &drain);
        }
        let left = last_word.map_err(|_| Error::Died("the publisher"))??;
        lanes_ended(threads)?;
        outcome.into_result()?;
        Ok(left)
    }

    fn start_lanes(
        &self,
        to_publisher: &mpsc::Sender<PublisherInput>,
        drain: &Drain,
    ) -> Result<(Vec<LaneEnd>, Vec<LaneThread>), Error> {
        let count = self.lane_count();
        let mut ends = Vec::new();
        let mut threads = Vec::new();
        for number in 0..count {
            let share = Share::new(self.config.budget_bytes / 4 * COUNTED_QUARTERS / count as u64);
            let lane = Lane::new(
                Parser::new(self.config.parent_context),
                Context::new(Arc::from(self.hub.name.as_str()), Arc::clone(&self.catalog)),
                roll_rules(&self.config),
                self.facts.clone(),
                Arc::clone(&share),
                Arc::clone(&self.metrics),
            );
            // Unbounded, because the permits inside are the bound: a batch that was credited always has room.
            let (inputs, receiver) = lanes::unbounded();
            let (outputs, clock, drain) = (to_publisher.clone(), Arc::clone(&self.clock), drain.clone());
            let thread = std::thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
                // A lane that fails, or panics, ends the run: its partitions would wait for it for ever. One whose
                // partitions are all caught up ends before the others do.
                let mut fault = DrainOnDrop(Some(drain));
                let ended = run_lane(lane, &receiver, &outputs, &*clock);
                fault.0.take_if(|_| ended.is_ok());
                ended
            });
            threads.push(thread.map_err(Error::Thread)?);
            let intake = share.part(share.total() as u64 / INTAKE_PART);
            ends.push(LaneEnd { inputs, intake });
        }
        Ok((ends, threads))
    }

    fn start_readers(
        &self,
        lanes: &[LaneEnd],
        to_publisher: &mpsc::Sender<PublisherInput>,
        drain: &Drain,
    ) -> Readers {
        let mut readers = JoinSet::new();
        let per_lane = self.hub.partitions.len().div_ceil(lanes.len()).max(1);
        for partition in &self.hub.partitions {
            let lane = &lanes[partition.0 as usize % lanes.len()];
            let reader = Reader {
                world: Arc::clone(&self.world),
                partition: *partition,
                source: SourceId::new(&self.hub.name, self.hub.generation.0, partition.0),
                lane: lane.inputs.clone(),
                publisher: to_publisher.clone(),
                share: Arc::clone(&lane.intake),
                partition_share: lane.intake.total() as usize / CREDIT_PART / per_lane,
                stop: drain.0.subscribe(),
            };
            readers.spawn(reader.run());
        }
        readers
    }

    /// Three lanes for four cores: the runtime that feeds three needs about as much as one of them. Never more than
    /// partitions.
    fn lane_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.config.lanes.unwrap_or_else(|| cores - cores / 4).clamp(1, self.hub.partitions.len().max(1))
    }
}

/// Messages between lanes and publisher: files wait in the publisher's own queues, paid for by their permits,
/// so this only smooths its pauses. A lane blocks when it is full, which costs credit, not memory.
const PUBLISHER_INPUTS: usize = 256;

/// Of four bytes of the budget, three are counted out to the lanes. The allocator holds about half as much again as what
/// we count (measured: 264 MiB at 176 MiB counted by two lanes, 32 partitions × 10 tables × 20 columns).
const COUNTED_QUARTERS: u64 = 3;

/// One in four bytes of a lane's share may be on its way in: credited to the hub, or in batches that wait for the lane.
/// Without this bound a fast hub fills the whole share with batches, and columns grow into memory that the allocator has
/// not given back yet.
const INTAKE_PART: u64 = 4;

/// Half of that may be credit: the other half is for what has arrived and waits for the lane.
const CREDIT_PART: usize = 2;

/// How often a lane looks at the ages of its files.
const TICK: Duration = Duration::from_millis(200);

type Readers = JoinSet<Result<reader::Ended, reader::Error>>;
type LaneThread = JoinHandle<Result<(), catchwater_sinks::parquet::Error>>;

struct LaneEnd {
    inputs: lanes::Sender<LaneInput>,
    intake: Arc<Share>,
}

/// Begins the drain when its thread ends, unless that was taken out before.
struct DrainOnDrop(Option<Drain>);

impl Drop for DrainOnDrop {
    fn drop(&mut self) {
        if let Some(drain) = &self.0 {
            drain.begin();
        }
    }
}

fn run_lane(
    mut lane: Lane,
    inputs: &lanes::Receiver<LaneInput>,
    outputs: &mpsc::Sender<PublisherInput>,
    clock: &dyn Clock,
) -> Result<(), catchwater_sinks::parquet::Error> {
    let mut out = Vec::new();
    // Ages are measured on a clock that never goes back.
    let (start_ms, began) = (clock.now_ms(), Instant::now());
    let mut last_tick = began;
    loop {
        let received = inputs.recv_timeout(TICK);
        let now_ms = start_ms + began.elapsed().as_millis() as i64;
        match received {
            Ok(input) => lane.on(input, now_ms, &mut out)?,
            Err(lanes::RecvTimeoutError::Timeout) => {}
            Err(lanes::RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if last_tick.elapsed() >= TICK {
            last_tick = Instant::now();
            lane.tick(now_ms, &mut out)?;
        }
        for output in out.drain(..) {
            if outputs.blocking_send(PublisherInput::Lane(output)).is_err() {
                return Ok(());
            }
        }
    }
}

fn roll_rules(config: &Config) -> RollRules {
    let max_age_ms = config.max_age.as_millis() as i64;
    RollRules {
        file_bytes: 64 << 20,
        group_bytes: RollRules::GROUP_BYTES,
        max_age_ms,
        small_max_age_ms: max_age_ms.max(60 * 60 * 1000),
        small_rows: 1000,
        distance: 300_000,
        idle_ms: 60 * 1000,
    }
}

fn open(url: &str) -> Result<Store, Error> {
    Store::open(url).map_err(|source| Error::Store { url: url.to_owned(), source })
}

/// How the readers ended.
#[derive(Debug, Default)]
struct Outcome {
    must_have_all: bool,
    ended_well: usize,
    taken: usize,
    failure: Option<Error>,
}

impl Outcome {
    /// Waits until every reader has ended. What it has heard so far stays when it is dropped.
    async fn take_all(&mut self, readers: &mut Readers, drain: &Drain) {
        while let Some(ended) = readers.join_next().await {
            self.take(ended, drain);
        }
    }

    /// A reader that fails makes the others drain; its events will be read again.
    fn take(
        &mut self,
        ended: Result<Result<reader::Ended, reader::Error>, tokio::task::JoinError>,
        drain: &Drain,
    ) {
        let error: Error = match ended {
            Ok(Ok(_)) => return self.ended_well += 1,
            Ok(Err(error)) if error.is_ownership_lost() => {
                tracing::warn!(error = %chain_of(&error), "another run has taken a partition");
                return self.taken += 1;
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Error::Died("a reader"),
        };
        tracing::warn!(error = %chain_of(&error), "a partition can't be read on; draining the others");
        drain.begin();
        self.failure.get_or_insert(error);
    }

    fn into_result(self) -> Result<(), Error> {
        match self.failure {
            Some(error) => Err(error),
            None if self.taken > 0 && (self.must_have_all || self.ended_well == 0) => {
                Err(Error::OwnershipLost)
            }
            None => Ok(()),
        }
    }
}

/// What the lanes that have ended say. One that is still at work is left alone: time was up.
fn lanes_ended(threads: Vec<LaneThread>) -> Result<(), Error> {
    for thread in threads.into_iter().filter(JoinHandle::is_finished) {
        thread.join().map_err(|_| Error::Died("a lane"))??;
    }
    Ok(())
}

fn summary(metrics: &Metrics, left: u64) -> Summary {
    Summary {
        events: metrics.events_received.get() - metrics.events_skipped.get() - metrics.events_dropped.get(),
        rows: metrics.rows_put.get(),
        quarantined: metrics.rows_quarantined.get(),
        tables: metrics.tables(),
        files: metrics.files_put.get(),
        bytes_in: metrics.bytes_received.get(),
        bytes_out: metrics.bytes_put.get(),
        skipped: metrics.events_skipped.get(),
        parent_contexts_dropped: metrics.parent_contexts_dropped.get(),
        repaired: metrics.bodies_repaired.get(),
        odd: metrics.bodies_odd.get(),
        left,
    }
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
