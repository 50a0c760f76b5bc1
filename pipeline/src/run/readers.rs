//! The readers of a run: started for every partition, also for those that are added to the hub, and how they ended.
//!
//! Does not own what a reader does (`reader`), nor the lanes and channels it is connected to (`wiring`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::records::FirstStart;
use catchwater_sinks::paths::SourceId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::drain::Drain;
use super::error::Error;
use super::messages::{LaneInput, PublisherInput};
use super::reader::{self, Reader, World};
use crate::budget::LaneBudget;
use crate::eventhubs::{Distrust, HubProperties};
use crate::position::PartitionId;
use crossbeam_channel as lanes;

/// The tasks that read.
pub(super) type Readers = JoinSet<Result<reader::Ended, reader::Error>>;

/// Starts the reader of a partition: at the start of the run, and later for partitions that were added to the hub.
pub(super) struct ReaderStarter {
    pub(super) world: Arc<World>,
    pub(super) hub: HubProperties,
    pub(super) first_start: FirstStart,
    /// Interval of asking the hub for added partitions.
    pub(super) ask_every: Duration,
    pub(super) lanes: Vec<LaneEnd>,
    /// Partitions that share a lane's credit.
    pub(super) per_lane: usize,
    pub(super) publisher: mpsc::Sender<PublisherInput>,
    pub(super) stop: watch::Receiver<bool>,
}

impl ReaderStarter {
    pub(super) fn start_all(&self, partitions: &[PartitionId], readers: &mut Readers) {
        for &partition in partitions {
            let lane = &self.lanes[partition.get() as usize % self.lanes.len()];
            let reader = Reader {
                world: Arc::clone(&self.world),
                partition,
                source: source_of(&self.hub, partition),
                is_new: !self.first_start.partitions.contains(&partition.get()),
                durable: None,
                distrust: Distrust::default(),
                lost_days: BTreeSet::new(),
                lane: lane.inputs.clone(),
                publisher: self.publisher.clone(),
                share: Arc::clone(&lane.budget.intake),
                partition_share: lane.budget.credit_of_each(self.per_lane),
                stop: self.stop.clone(),
            };
            readers.spawn(reader.run());
        }
    }

    /// Asks the hub which partitions it has by now, and starts what is new.
    ///
    /// # Errors
    /// [`Error::HubCreatedAgain`]. A hub that does not answer is asked again later.
    async fn start_added(&mut self, readers: &mut Readers) -> Result<(), Error> {
        let hub = match self.world.client.hub().await {
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
            tracing::info!(%partition, "a partition was added to the event hub; reading it from its first event");
        }
        self.start_all(&added, readers);
        self.hub.partitions.extend(added);
        Ok(())
    }
}

/// The readers' end of a lane.
pub(super) struct LaneEnd {
    pub(super) inputs: lanes::Sender<LaneInput>,
    pub(super) budget: LaneBudget,
}

/// A partition's name in the lake.
pub(super) fn source_of(hub: &HubProperties, partition: PartitionId) -> SourceId {
    SourceId::new(&hub.name, hub.generation.get(), partition.get())
}

/// End of the readers.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    must_have_all: bool,
    ended_well: usize,
    caught_up: usize,
    taken: usize,
    failure: Option<Error>,
}

impl Outcome {
    /// Of no reader yet. With `must_have_all` each partition has to be read to its end: none may be another run's.
    pub(super) fn new(must_have_all: bool) -> Self {
        Self { must_have_all, ..Self::default() }
    }

    /// Waits until every reader has ended, and starts those of added partitions meanwhile. What it has heard so far stays
    /// when it is dropped.
    pub(super) async fn take_all(
        &mut self,
        readers: &mut Readers,
        mut starter: ReaderStarter,
        drain: &Drain,
    ) {
        let mut ask = tokio::time::interval(starter.ask_every);
        ask.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ask.reset();
        loop {
            tokio::select! {
                ended = readers.join_next() => match ended {
                    Some(ended) => self.take(ended, drain),
                    None => return,
                },
                _ = ask.tick(), if !self.must_have_all => {
                    if let Err(error) = starter.start_added(readers).await {
                        self.fail(error, drain);
                    }
                }
            }
        }
    }

    /// A reader that fails makes the others drain; its events will be read again.
    pub(super) fn take(
        &mut self,
        ended: Result<Result<reader::Ended, reader::Error>, tokio::task::JoinError>,
        drain: &Drain,
    ) {
        let error: Error = match ended {
            Ok(Ok(ended)) => {
                self.caught_up += usize::from(ended == reader::Ended::CaughtUp);
                return self.ended_well += 1;
            }
            Ok(Err(error)) if error.is_ownership_lost() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "another run has taken a partition");
                return self.taken += 1;
            }
            Ok(Err(error)) => error.into(),
            Err(_) => Error::Died("a reader"),
        };
        self.fail(error, drain);
    }

    fn fail(&mut self, error: Error, drain: &Drain) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a partition can't be read on; draining the others"
        );
        drain.begin();
        self.failure.get_or_insert(error);
    }

    /// Says whether all of them caught up.
    pub(super) fn into_result(self) -> Result<bool, Error> {
        match self.failure {
            Some(error) => Err(error),
            None if self.taken > 0 && (self.must_have_all || self.ended_well == 0) => {
                Err(Error::OwnershipLost)
            }
            None => Ok(self.caught_up == self.ended_well),
        }
    }
}
