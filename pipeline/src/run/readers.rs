//! The tasks that read: one per partition, also for partitions that are added to the hub, and how they ended.
//!
//! Does not own: what a reader does (`reader`), or the lanes and channels it is connected to (`wiring`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::first_start::FirstStart;
use catchwater_sinks::paths::SourceId;
use crossbeam_channel as lanes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::drain::Drain;
use super::error::Error;
use super::messages::{LaneInput, PublisherInput};
use super::reader::{self, Deps, HubPartition, Reader};
use crate::budget::LaneBudget;
use crate::eventhubs::{Distrust, HubProperties};
use crate::position::PartitionId;

/// The tasks that read.
pub(super) type Readers = JoinSet<Result<reader::Ended, reader::Error>>;

/// Starts the readers of partitions: at the start of the run, and later for partitions that were added to the hub.
pub(super) struct ReaderStarter {
    pub(super) deps: Arc<Deps>,
    pub(super) hub: HubProperties,
    pub(super) first_start: FirstStart,
    /// Interval between checks for added partitions.
    pub(super) partition_check_interval: Duration,
    /// False if the run reads only what the hub has at the start, so that added partitions do not concern it.
    pub(super) reads_added: bool,
    pub(super) lanes: Vec<LaneHandle>,
    /// Partitions that share the credit of a lane.
    pub(super) partitions_per_lane: usize,
    pub(super) publisher: mpsc::Sender<PublisherInput>,
    pub(super) stop: watch::Receiver<bool>,
}

impl ReaderStarter {
    pub(super) fn start_all(&self, partitions: &[PartitionId], readers: &mut Readers) {
        for &partition in partitions {
            let lane = &self.lanes[partition.get() as usize % self.lanes.len()];
            let hub_partition = HubPartition {
                deps: Arc::clone(&self.deps),
                id: partition,
                source: source_of(&self.hub, partition),
                beginning: self.first_start.beginning_of(partition.get()),
                distrust: Distrust::default(),
                intake: Arc::clone(&lane.budget.intake),
                credit_bytes: lane.budget.credit_of_each(self.partitions_per_lane),
            };
            let reader =
                Reader::new(hub_partition, lane.inputs.clone(), self.publisher.clone(), self.stop.clone());
            readers.spawn(reader.run());
        }
    }

    /// Asks the hub for its partitions, and starts those that were added.
    ///
    /// # Errors
    /// [`Error::HubCreatedAgain`]. A failed request is repeated at the next check.
    async fn start_added(&mut self, readers: &mut Readers) -> Result<(), Error> {
        let hub = match self.deps.client.hub().await {
            Ok(hub) => hub,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not ask the event hub for added partitions");
                return Ok(());
            }
        };
        if hub.generation != self.hub.generation {
            return Err(Error::HubCreatedAgain { event_hub: hub.name });
        }
        let known: BTreeSet<PartitionId> = self.hub.partitions.iter().copied().collect();
        let added: Vec<PartitionId> =
            hub.partitions.iter().copied().filter(|partition| !known.contains(partition)).collect();
        for partition in &added {
            tracing::info!(%partition, "partition added to the event hub; reading it from its first event");
        }
        self.start_all(&added, readers);
        self.hub.partitions.extend(added);
        Ok(())
    }
}

/// The parts of a lane that readers need: its input channel and its budget.
pub(super) struct LaneHandle {
    pub(super) inputs: lanes::Sender<LaneInput>,
    pub(super) budget: LaneBudget,
}

/// A partition's name in the lake.
pub(super) fn source_of(hub: &HubProperties, partition: PartitionId) -> SourceId {
    SourceId::new(&hub.name, hub.generation.get(), partition.get())
}

/// Results of all readers.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    needs_all: bool,
    ended: usize,
    caught_up: usize,
    /// Readers whose partition another run has taken.
    displaced: usize,
    failure: Option<Error>,
}

impl Outcome {
    /// The outcome before any reader has ended. With `needs_all`, a partition that another run has taken is a failure.
    pub(super) fn new(needs_all: bool) -> Self {
        Self { needs_all, ..Self::default() }
    }

    /// Waits until every reader has ended, and starts readers of added partitions meanwhile. Results so far are kept if
    /// the future is dropped.
    pub(super) async fn collect_all(
        &mut self,
        readers: &mut Readers,
        mut starter: ReaderStarter,
        drain: &Drain,
    ) {
        let mut check = tokio::time::interval(starter.partition_check_interval);
        check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        check.reset();
        loop {
            tokio::select! {
                ended = readers.join_next() => match ended {
                    Some(ended) => self.add(ended, drain),
                    None => return,
                },
                _ = check.tick(), if starter.reads_added => {
                    if let Err(error) = starter.start_added(readers).await {
                        self.fail(error, drain);
                    }
                }
            }
        }
    }

    /// Adds the result of one reader. A failure makes the others drain; its events will be read again.
    pub(super) fn add(
        &mut self,
        ended: Result<Result<reader::Ended, reader::Error>, tokio::task::JoinError>,
        drain: &Drain,
    ) {
        let error: Error = match ended {
            Ok(Ok(ended)) => {
                self.caught_up += usize::from(ended == reader::Ended::CaughtUp);
                return self.ended += 1;
            }
            Ok(Err(error)) if error.is_ownership_lost() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "another run has taken the partition");
                return self.displaced += 1;
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Error::Died("a reader"),
        };
        self.fail(error, drain);
    }

    fn fail(&mut self, error: Error, drain: &Drain) {
        tracing::warn!(error = &error as &dyn std::error::Error, "a partition failed; draining the others");
        drain.begin();
        self.failure.get_or_insert(error);
    }

    /// True if all readers caught up.
    pub(super) fn into_result(self) -> Result<bool, Error> {
        match self.failure {
            Some(error) => Err(error),
            None if self.displaced > 0 && (self.needs_all || self.ended == 0) => Err(Error::OwnershipLost),
            None => Ok(self.caught_up == self.ended),
        }
    }
}
