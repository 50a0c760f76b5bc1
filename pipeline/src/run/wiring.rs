//! The threads, tasks and channels of a run, each capacity with its reason.
//!
//! Beside this file, `readers` starts a task per partition, the publisher its puts and saves, `staging` one task, and
//! the client the tasks of its connection. A reader makes the channel of its partition's status.
//!
//! ```text
//! reader (task per partition) ── LaneInput ──▶ lane (thread) ── PublisherInput ──▶ publisher (task)
//!        ▲                                                                            │
//!        └────────────────────── PartitionStatus (watch) ─────────────────────────────┘
//! ```

#![expect(clippy::disallowed_methods, reason = "the home of threads, tasks, channels and elapsed time")]

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::first_start::FirstStart;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::store::{Address, Store, StoreOptions};
use crossbeam_channel as lanes;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::config::{Config, default_state};
use super::drain::{Deadline, Drain};
use super::error::Error;
use super::footer::RunFacts;
use super::known_hub::KnownHub;
use super::lane::{Deps as LaneDeps, Error as LaneError, Lane, RollRules};
use super::messages::{LaneInput, PublisherInput};
use super::publisher::put::PutDeps;
use super::publisher::schemas::LakeSchemas;
use super::publisher::{self, Publisher};
use super::reader::{Deps, Generations, Listings, Outage, RetryPolicy};
use super::readers::{LaneHandle, Outcome, ReaderStarter};
use super::staging;
use super::summary::Summary;
use crate::budget::LaneBudget;
use crate::clock::Clock;
use crate::columns::{Catalog, Context};
use crate::eventhubs::{Client, HubProperties, Recovery};
use crate::metrics::Metrics;
use crate::parse::{Parser, ROUTING_VERSION};
use crate::partitions::{Checkpoints, Scope};
use crate::position::PartitionId;

/// Runs the job until it is drained, has caught up (if the configuration asks for that) or fails.
pub async fn run(
    config: Config,
    drain: Drain,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Summary, Error> {
    let has_bound = config.until.is_some();
    let unfinished = has_bound.then_some(false);
    let wired = tokio::select! {
        wired = wire(config, Arc::clone(&metrics), clock) => wired?,
        () = drain.begun() => return Ok(Summary { caught_up: unfinished, ..Summary::of(&metrics, 0) }),
    };
    let (wiring, publisher) = *wired;
    let (left, caught_up) = wiring.run(publisher, drain).await?;
    let caught_up = has_bound.then_some(caught_up);
    Ok(Summary { caught_up, ..Summary::of(&metrics, left.events) })
}

/// Opens lake, state and hub.
async fn wire(
    config: Config,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Result<Box<(Wiring, Publisher)>, Error> {
    let store = open(&config.lake, &config.store)?;
    let state = config.state.clone().unwrap_or_else(|| default_state(&config.lake));
    let state = open(&state, &config.store)?;
    staging::remove_stale([store.clone(), state.clone()], &*clock);
    let writer = uuid::Uuid::new_v4();
    let backoff = Backoff::for_store(writer.as_u64_pair().0);
    let records = Records::new(store.clone(), backoff.clone());
    let lake = records.lake_id().await?;
    let catalog = Catalog::new();
    let schemas =
        LakeSchemas::open(records.clone(), Arc::clone(&catalog), config.metadata.as_deref()).await?;
    let client = Client::new(config.hub.clone(), "catchwater", Arc::clone(&clock))?;
    let seed = writer.as_u64_pair().1;
    let hub = first_answer(&client, &RetryPolicy::bounded(config.retry_for, seed)).await?;
    let KnownHub { namespace, first_start } =
        KnownHub::read_or_record(&records, &client, &hub, &config, &state).await?;
    let scope = Scope {
        lake: lake.clone(),
        namespace,
        event_hub: hub.name.to_lowercase(),
        generation: hub.generation,
        consumer_group: config.consumer_group.clone(),
    };
    let checkpoints = Checkpoints::new(state, scope, &config.hub.address.endpoint_host());
    let facts = RunFacts {
        lake,
        writer: writer.to_string(),
        routing_version: ROUTING_VERSION,
        chunk_writer: config.chunk_writer,
    };
    let put_deps =
        Arc::new(PutDeps { store: store.clone(), schemas: Mutex::new(schemas), backoff: backoff.clone() });
    let publisher = Publisher::new(put_deps, checkpoints.clone(), ROUTING_VERSION, Arc::clone(&metrics));
    let deps = Arc::new(Deps {
        client,
        store,
        listings: Listings::default(),
        generations: Generations::default(),
        retry: if config.until.is_some() {
            RetryPolicy::bounded(config.retry_for, seed)
        } else {
            RetryPolicy::unbounded(seed)
        },
        backoff,
        records,
        checkpoints,
        consumer_group: config.consumer_group.clone(),
        owner_level: config.owner_level,
        until: config.until,
        idle_timeout: config.idle_timeout,
        idle_poll: config.poll_intervals.idle_partition,
        clock: Arc::clone(&clock),
        decisions: config.decisions,
        metrics: Arc::clone(&metrics),
    });
    Ok(Box::new((Wiring { config, hub, first_start, catalog, facts, deps, metrics, clock }, publisher)))
}

/// The properties of the hub, asked for until it answers. The first connection is opened for this.
async fn first_answer(client: &Client, retry: &RetryPolicy) -> Result<HubProperties, Error> {
    let mut outage = Outage::default();
    loop {
        let asked = match outage.attempt_limit(retry, tokio::time::Instant::now()) {
            Some(limit) => client.hub_within(limit).await,
            None => client.hub().await,
        };
        let error = match asked {
            Ok(hub) => return Ok(hub),
            Err(error) => error,
        };
        let recovery = error.recovery_at_start();
        if recovery == Recovery::RenewToken
            && outage.may_renew_token()
            && client.renew_token(PartitionId::new(0)).await.is_ok()
        {
            continue;
        }
        let Some(delay) = outage.delay_after(recovery, retry, tokio::time::Instant::now()) else {
            return Err(error.into());
        };
        let failures = outage.failures();
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            ?delay,
            failures,
            "the event hub can't be reached; trying again"
        );
        tokio::time::sleep(delay).await;
    }
}

/// A run whose parts are open but not connected.
struct Wiring {
    config: Config,
    hub: HubProperties,
    first_start: FirstStart,
    catalog: Arc<Catalog>,
    facts: RunFacts,
    deps: Arc<Deps>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Wiring {
    /// Connects the parts, waits for the readers, then for lanes and publisher to finish.
    ///
    /// The result is true if every partition was read up to the hub's last event at the start.
    async fn run(self, publisher: Publisher, drain: Drain) -> Result<(publisher::Leftover, bool), Error> {
        let (to_publisher, publisher_inputs) = mpsc::channel(PUBLISHER_INPUTS);
        let deadline = Deadline::of(&drain);
        let mut publishing = tokio::spawn(publisher.run(publisher_inputs, deadline));
        let (lanes, threads) = self.start_lanes(&to_publisher, &drain)?;
        let mut readers = JoinSet::new();
        let starter = self.reader_starter(lanes, to_publisher, &drain);
        starter.start_all(&self.hub.partitions, &mut readers);
        let mut outcome = Outcome::new(self.config.until.is_some());
        let publisher_result = tokio::select! {
            // Readers first: the publisher ends after the last of them, perhaps before this task runs.
            biased;
            () = outcome.collect_all(&mut readers, starter, &drain) => publishing.await,
            // The publisher ends before the readers only if the publisher or a lane fails, or at the deadline.
            ended = &mut publishing => ended,
        };
        while let Some(ended) = readers.try_join_next() {
            outcome.add(ended, &drain);
        }
        let left = publisher_result.map_err(|_| Error::Died("the publisher"))??;
        lanes_ended(threads)?;
        let caught_up = outcome.into_result()?;
        Ok((left, caught_up))
    }

    fn start_lanes(
        &self,
        to_publisher: &mpsc::Sender<PublisherInput>,
        drain: &Drain,
    ) -> Result<(Vec<LaneHandle>, Vec<LaneThread>), Error> {
        let count = self.lane_count();
        let mut handles = Vec::new();
        let mut threads = Vec::new();
        for number in 0..count {
            let budget = LaneBudget::new(self.config.budget_bytes / 4 * CHARGED_QUARTERS / count as u64);
            let lane = Lane::new(LaneDeps {
                parser: Parser::new(self.config.parent_context),
                context: Context::new(Arc::from(self.hub.name.as_str()), Arc::clone(&self.catalog)),
                rules: roll_rules(&self.config),
                facts: self.facts.clone(),
                budget: budget.clone(),
                metrics: Arc::clone(&self.metrics),
            });
            // Unbounded: the permits inside the batches bound it, so a batch that was credited always has room.
            let (inputs, receiver) = lanes::unbounded();
            let (outputs, clock, drain) = (to_publisher.clone(), Arc::clone(&self.clock), drain.clone());
            let thread = std::thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
                // A lane that fails or panics drains the run, because its partitions would wait for it forever. A lane
                // that ends because its partitions have caught up must not drain the run.
                let mut on_failure = DrainOnDrop(Some(drain));
                let ended = run_lane(lane, &receiver, &outputs, &*clock);
                on_failure.0.take_if(|_| ended.is_ok());
                ended
            });
            threads.push(thread.map_err(Error::Thread)?);
            handles.push(LaneHandle { inputs, budget });
        }
        Ok((handles, threads))
    }

    fn reader_starter(
        &self,
        lanes: Vec<LaneHandle>,
        publisher: mpsc::Sender<PublisherInput>,
        drain: &Drain,
    ) -> ReaderStarter {
        let partitions_per_lane = self.hub.partitions.len().div_ceil(lanes.len()).max(1);
        ReaderStarter {
            deps: Arc::clone(&self.deps),
            hub: self.hub.clone(),
            first_start: self.first_start.clone(),
            partition_check_interval: self.config.poll_intervals.added_partitions,
            reads_added: self.config.until.is_none_or(|until| until.is_ahead(self.clock.now())),
            lanes,
            partitions_per_lane,
            publisher,
            stop: drain.subscribe(),
        }
    }

    /// Three lanes for four cores, because the runtime that feeds three lanes needs about as much as one of them. At
    /// most one per partition.
    fn lane_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.config.lanes.unwrap_or_else(|| cores - cores / 4).clamp(1, self.hub.partitions.len().max(1))
    }
}

/// Capacity between lanes and publisher, in messages. Only smooths the publisher's pauses: files wait in its own
/// queues, charged to their permits. A lane blocks when the channel is full, which costs credit, not memory.
const PUBLISHER_INPUTS: usize = 256;

/// Quarters of the budget that lanes may charge. The last quarter offsets a part of what the allocator holds in
/// addition, about half as much as is charged (measured: 264 MiB at 176 MiB charged by two lanes, 32 partitions × 10
/// tables × 20 columns). So a run that charges all it may peaks above its budget: below 300 MiB with the default of 256
/// MiB (`docs/PERFORMANCE.md`).
const CHARGED_QUARTERS: u64 = 3;

/// Interval at which a lane that ends partitions checks for room: about the time of one put.
const ROOM_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Interval at which a lane checks the ages of its files.
const TICK_INTERVAL: Duration = Duration::from_millis(200);

type LaneThread = JoinHandle<Result<(), LaneError>>;

/// Begins the drain when dropped, unless the drain was taken out before.
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
    // Ages are measured on a monotonic clock.
    let (start, began) = (clock.now(), Instant::now());
    let mut last_tick = began;
    loop {
        let received = inputs.recv_timeout(TICK_INTERVAL);
        let now = start + began.elapsed();
        match received {
            Ok(input) => {
                // The publisher queues every file, and those of all partitions together would exceed the budget many
                // times.
                while matches!(input, LaneInput::End { .. }) && !lane.has_room_to_close() {
                    std::thread::sleep(ROOM_POLL_INTERVAL);
                }
                lane.process(input, now, &mut out)?;
            }
            Err(lanes::RecvTimeoutError::Timeout) => {}
            Err(lanes::RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if last_tick.elapsed() >= TICK_INTERVAL {
            last_tick = Instant::now();
            lane.tick(now, &mut out)?;
        }
        for output in out.drain(..) {
            if outputs.blocking_send(PublisherInput::Lane(output)).is_err() {
                return Ok(());
            }
        }
    }
}

fn roll_rules(config: &Config) -> RollRules {
    RollRules {
        file_bytes: FILE_BYTES,
        group_bytes: RollRules::GROUP_BYTES,
        max_age: config.max_age,
        small_max_age: config.max_age.max(SMALL_MAX_AGE),
        small_rows: SMALL_ROWS,
        events_behind_max: EVENTS_BEHIND_MAX,
        idle_time: IDLE_TIME,
    }
}

/// Encoded size of a full file, in bytes: one conditional put, and DuckDB reads it in parallel.
const FILE_BYTES: usize = 64 << 20;

/// Age at which a file of fewer than [`SMALL_ROWS`] rows is closed: many small files slow a lake down.
const SMALL_MAX_AGE: Duration = Duration::from_hours(1);

/// Rows below which a file is small and may wait for [`SMALL_MAX_AGE`]. The help of `--max-age` states both.
const SMALL_ROWS: u64 = 1000;

/// Events that are read again after a crash, at most: one to two minutes of a partition with a few thousand a second.
const EVENTS_BEHIND_MAX: i64 = 300_000;

/// Time without events after which all files are closed: waiting longer adds no rows while nothing arrives.
const IDLE_TIME: Duration = Duration::from_mins(1);

/// Time in which the last event of an idle partition is durable and checkpointed, so that the lag of KEDA is 0 again.
const IDLE_CHECKPOINT_TIME: Duration = Duration::from_secs(90);

// The rest is for the upload of the files and for the save, which begins within a second.
const _: () = assert!(IDLE_CHECKPOINT_TIME.as_secs() - IDLE_TIME.as_secs() >= 30);

fn open(address: &Address, options: &StoreOptions) -> Result<Store, Error> {
    Store::open(address, options).map_err(|source| Error::Store { address: address.clone(), source })
}

/// Errors of the lanes that have ended. A lane that still works at the deadline is left alone.
fn lanes_ended(threads: Vec<LaneThread>) -> Result<(), Error> {
    for thread in threads.into_iter().filter(JoinHandle::is_finished) {
        thread.join().map_err(|_| Error::Died("a lane"))??;
    }
    Ok(())
}
