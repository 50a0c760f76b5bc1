//! Every thread, task and channel of a run, each capacity with its reason.
//!
//! Beside it `readers` starts a task for each partition, the publisher its puts and checkpoint writes, and the client those
//! of its connection.
//!
//! ```text
//! reader (task per partition) ── LaneInput ──▶ lane (thread) ── PublisherInput ──▶ publisher (task)
//!        ▲                                                                            │
//!        └────────────────────── PartitionStatus (watch) ─────────────────────────────┘
//! ```

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::records::{FirstStart, Records};
use catchwater_sinks::store::{Address, Store};
use crossbeam_channel as lanes;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::config::{Config, default_state};
use super::drain::{Deadline, Drain};
use super::error::Error;
use super::footer::RunFacts;
use super::lane::{Error as LaneError, Lane, RollRules};
use super::messages::{LaneInput, PublisherInput};
use super::publisher::put::PutWorld;
use super::publisher::schemas::LakeSchemas;
use super::publisher::{self, Publisher};
use super::reader::{Listings, World};
use super::readers::{LaneEnd, Outcome, ReaderStarter, source_of};
use super::staging;
use super::summary::Summary;
use crate::budget::LaneBudget;
use crate::clock::Clock;
use crate::columns::{Catalog, Context};
use crate::eventhubs::{Client, HubProperties};
use crate::metrics::Metrics;
use crate::parse::{Parser, ROUTING_VERSION};
use crate::partitions::{Checkpoints, Scope};
use crate::position::PartitionId;

/// Runs the job until it is drained, caught up (if asked for) or can't go on.
pub async fn run(
    config: Config,
    drain: Drain,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Summary, Error> {
    let until_caught_up = config.until_caught_up;
    let unfinished = until_caught_up.then_some(false);
    let wired = tokio::select! {
        wired = wire(config, Arc::clone(&metrics), clock) => wired?,
        () = drain.begun() => return Ok(Summary { caught_up: unfinished, ..Summary::of(&metrics, 0) }),
    };
    let (wiring, publisher) = *wired;
    let (left, caught_up) = wiring.flow(publisher, drain).await?;
    let caught_up = until_caught_up.then_some(caught_up);
    Ok(Summary { caught_up, ..Summary::of(&metrics, left.events) })
}

/// Opens what a run needs: lake, state and hub.
async fn wire(
    config: Config,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Box<(Wiring, Publisher)>, Error> {
    let store = open(&config.lake)?;
    let state = config.state.clone().unwrap_or_else(|| default_state(&config.lake));
    let state = open(&state)?;
    staging::remove_stale([store.clone(), state.clone()], &*clock);
    let writer = uuid::Uuid::new_v4();
    let backoff = Backoff::for_store(writer.as_u64_pair().0);
    let records = Records::new(store.clone(), backoff.clone());
    let lake = records.lake_id().await?;
    let catalog = Catalog::new();
    let schemas =
        LakeSchemas::open(records.clone(), Arc::clone(&catalog), config.metadata.as_deref()).await?;
    let client = Client::connect(&config.connection_string, "catchwater", Arc::clone(&clock)).await?;
    let hub = client.hub().await?;
    let partitions = hub.partitions.iter().map(|partition| partition.get()).collect();
    let first_start =
        records.first_start(&source_of(&hub, PartitionId::new(0)), FirstStart { partitions }).await?;
    let scope = Scope {
        lake: lake.clone(),
        namespace: config.connection_string.namespace().to_owned(),
        event_hub: hub.name.to_lowercase(),
        generation: hub.generation,
        consumer_group: config.consumer_group.clone(),
    };
    let checkpoints = Checkpoints::new(state, scope);
    let facts = RunFacts {
        lake,
        writer: writer.to_string(),
        routing_version: ROUTING_VERSION,
        chunk_writer: config.chunk_writer,
    };
    let put_world =
        Arc::new(PutWorld { store: store.clone(), schemas: Mutex::new(schemas), backoff: backoff.clone() });
    let publisher = Publisher::new(put_world, checkpoints.clone(), ROUTING_VERSION, Arc::clone(&metrics));
    let world = Arc::new(World {
        client,
        store,
        listings: Listings::default(),
        backoff,
        records,
        checkpoints,
        consumer_group: config.consumer_group.clone(),
        owner_level: config.owner_level,
        until_caught_up: config.until_caught_up,
        idle_limit: if config.until_caught_up {
            config.idle_timeout
        } else {
            config.questions.idle_partition_after
        },
        decisions: config.decisions,
        metrics: Arc::clone(&metrics),
    });
    Ok(Box::new((Wiring { config, hub, first_start, catalog, facts, world, metrics, clock }, publisher)))
}

struct Wiring {
    config: Config,
    hub: HubProperties,
    first_start: FirstStart,
    catalog: Arc<Catalog>,
    facts: RunFacts,
    world: Arc<World>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Wiring {
    /// Connects the parts, waits for the readers, then lets the rest run dry.
    ///
    /// Also says whether every partition was read up to where the hub was at the start.
    async fn flow(self, publisher: Publisher, drain: Drain) -> Result<(publisher::Leftover, bool), Error> {
        let (to_publisher, publisher_inputs) = mpsc::channel(PUBLISHER_INPUTS);
        let deadline = Deadline::behind(&drain);
        let mut publishing = tokio::spawn(publisher.run(publisher_inputs, deadline));
        let (lanes, threads) = self.start_lanes(&to_publisher, &drain)?;
        let mut readers = JoinSet::new();
        let starter = self.reader_starter(lanes, to_publisher, &drain);
        starter.start_all(&self.hub.partitions, &mut readers);
        let mut outcome = Outcome::new(self.config.until_caught_up);
        let last_word = tokio::select! {
            // First the readers: when the last of them has ended, the publisher may have ended behind it.
            biased;
            () = outcome.take_all(&mut readers, starter, &drain) => publishing.await,
            // It ends before them only when it, or a lane, can't go on, or time is up.
            ended = &mut publishing => ended,
        };
        while let Some(ended) = readers.try_join_next() {
            outcome.take(ended, &drain);
        }
        let left = last_word.map_err(|_| Error::Died("the publisher"))??;
        lanes_ended(threads)?;
        let caught_up = outcome.into_result()?;
        Ok((left, caught_up))
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
            let budget = LaneBudget::new(self.config.budget_bytes / 4 * COUNTED_QUARTERS / count as u64);
            let lane = Lane::new(
                Parser::new(self.config.parent_context),
                Context::new(Arc::from(self.hub.name.as_str()), Arc::clone(&self.catalog)),
                roll_rules(&self.config),
                self.facts.clone(),
                budget.clone(),
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
            ends.push(LaneEnd { inputs, budget });
        }
        Ok((ends, threads))
    }

    fn reader_starter(
        &self,
        lanes: Vec<LaneEnd>,
        publisher: mpsc::Sender<PublisherInput>,
        drain: &Drain,
    ) -> ReaderStarter {
        let per_lane = self.hub.partitions.len().div_ceil(lanes.len()).max(1);
        ReaderStarter {
            world: Arc::clone(&self.world),
            hub: self.hub.clone(),
            first_start: self.first_start.clone(),
            ask_every: self.config.questions.partitions_every,
            lanes,
            per_lane,
            publisher,
            stop: drain.subscribe(),
        }
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

/// Interval at which a lane that ends partitions checks for committed files: about the time of one put.
const PUT_PAUSE: Duration = Duration::from_millis(1);

/// How often a lane looks at the ages of its files.
const TICK: Duration = Duration::from_millis(200);

type LaneThread = JoinHandle<Result<(), LaneError>>;

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
) -> Result<(), LaneError> {
    let mut out = Vec::new();
    // Ages are measured on a clock that never goes back.
    let (start_ms, began) = (clock.now_ms(), Instant::now());
    let mut last_tick = began;
    loop {
        let received = inputs.recv_timeout(TICK);
        let now_ms = start_ms + began.elapsed().as_millis() as i64;
        match received {
            Ok(input) => {
                // The publisher takes what it is given: the files of all partitions together would be many budgets.
                while matches!(input, LaneInput::End { .. }) && !lane.has_room_to_close() {
                    std::thread::sleep(PUT_PAUSE);
                }
                lane.on(input, now_ms, &mut out)?;
            }
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

fn open(address: &Address) -> Result<Store, Error> {
    Store::open(address).map_err(|source| Error::Store { address: address.clone(), source })
}

/// What the lanes that have ended say. One that is still at work is left alone: time was up.
fn lanes_ended(threads: Vec<LaneThread>) -> Result<(), Error> {
    for thread in threads.into_iter().filter(JoinHandle::is_finished) {
        thread.join().map_err(|_| Error::Died("a lane"))??;
    }
    Ok(())
}
