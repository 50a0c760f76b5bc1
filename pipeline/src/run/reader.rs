//! Reads one partition: finds where to start, hands its events to a lane, and starts again when it must.
//!
//! Owns: the start path (the only recovery path there is) and the answer to a lost name.
//! Does not own: the bytes (`eventhubs`), the rows (`lane`), the files (`publisher`).

use std::sync::Arc;

use catchwater_sinks::lake::{self, Date, Destination, Ordinal, Records, SourceId};
use catchwater_sinks::store::Store;
use crossbeam_channel as lanes;
use tokio::sync::{mpsc, watch};

use super::file::StartId;
use super::lane::LaneInput;
use super::publisher::{PublisherInput, Standing};
use crate::budget::Share;
use crate::eventhubs::{self, Client, ErrorKind, PartitionProperties, PartitionReceiver, ReceiveOptions, Start};
use crate::metrics::Metrics;
use crate::parse::ROUTING_VERSION;
use crate::partitions::{self, Checkpoints};
use crate::position::{PartitionId, Position, SequenceNumber};

/// What all readers of a run share.
#[derive(Debug)]
pub struct World {
    /// The hub.
    pub client: Client,
    /// The lake.
    pub store: Store,
    /// Its records: origins, rules, lost ranges.
    pub records: Records,
    /// The checkpoints of this hub.
    pub checkpoints: Checkpoints,
    /// The consumer group.
    pub consumer_group: String,
    /// The owner level every link states.
    pub owner_level: i64,
    /// Read what the hub had at the start, then stop.
    pub until_caught_up: bool,
    /// Go on past events that the hub no longer has, recording their range.
    pub accept_loss: bool,
    /// Figures.
    pub metrics: Arc<Metrics>,
}

/// Reads one partition.
#[derive(Debug)]
pub struct Reader {
    /// The world it reads in.
    pub world: Arc<World>,
    /// The partition.
    pub partition: PartitionId,
    /// Names the partition's chains.
    pub source: SourceId,
    /// Its lane.
    pub lane: lanes::Sender<LaneInput>,
    /// The publisher.
    pub publisher: mpsc::Sender<PublisherInput>,
    /// What its lane may hold.
    pub share: Arc<Share>,
    /// How much of that its credit may stand for, in bytes.
    pub partition_share: usize,
    /// Becomes true when reading is to end.
    pub stop: watch::Receiver<bool>,
}

/// Why a reader ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that the hub had at the start is durable.
    CaughtUp,
    /// It was told to stop.
    Stopped,
}

impl Reader {
    /// Reads until it is told to stop, or until all that was there at the start is durable.
    pub async fn run(mut self) -> Result<Ended, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let start = StartId { partition: self.partition, attempt };
            match self.read(start).await? {
                Read::Ended(ended) => return Ok(ended),
                Read::Again => tracing::warn!(partition = %self.partition, "another writer has put a file first; starting the partition again"),
            }
        }
    }

    async fn read(&mut self, start: StartId) -> Result<Read, Error> {
        let plan = self.plan(start.attempt > 1).await?;
        let (told, mut standing) = watch::channel(Standing::default());
        let covered = plan.covered.clone();
        let begin = PublisherInput::Begin { start, checkpoint: plan.checkpoint.clone(), covered, standing: told };
        self.publisher.send(begin).await.map_err(|_| Error::Ended)?;
        self.tell_lane(LaneInput::Begin { start, source: self.source.clone(), covered: plan.covered })?;
        if self.world.until_caught_up && plan.is_caught_up() {
            return Ok(Read::Ended(Ended::CaughtUp));
        }
        let mut receiver = self.attach(plan.start).await?;
        let mut expected = plan.first;
        let read = loop {
            tokio::select! {
                batch = receiver.next_batch() => {
                    let batch = batch.map_err(|source| self.hub_error(source))?;
                    let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
                    self.check_gap(expected, first).await?;
                    expected = SequenceNumber(last.0 + 1);
                    self.world.metrics.lag(self.partition, last, receiver.last_enqueued());
                    self.tell_lane(LaneInput::Events { start, batch, last_enqueued: receiver.last_enqueued() })?;
                    if self.world.until_caught_up && last >= plan.target {
                        break self.finish(start, plan.target, &mut standing).await?;
                    }
                }
                changed = standing.changed() => {
                    changed.map_err(|_| Error::Ended)?;
                    if standing.borrow_and_update().lost {
                        break Read::Again;
                    }
                }
                _ = self.stop.wait_for(|stop| *stop) => {
                    self.tell_lane(LaneInput::End { start })?;
                    break Read::Ended(Ended::Stopped);
                }
            }
        };
        // The hub's answer tells whether the partition is still ours: a reader that lost it must not start again.
        receiver.close().await.map_err(|source| self.hub_error(source))?;
        Ok(read)
    }

    /// Waits until everything up to `target` is durable.
    async fn finish(&mut self, start: StartId, target: SequenceNumber, standing: &mut watch::Receiver<Standing>) -> Result<Read, Error> {
        self.tell_lane(LaneInput::End { start })?;
        tokio::select! {
            reached = standing.wait_for(|standing| standing.lost || standing.durable >= Some(target)) => {
                let lost = reached.map_err(|_| Error::Ended)?.lost;
                Ok(if lost { Read::Again } else { Read::Ended(Ended::CaughtUp) })
            }
            _ = self.stop.wait_for(|stop| *stop) => Ok(Read::Ended(Ended::Stopped)),
        }
    }

    /// Finds where to start: the larger of checkpoint, origin and rules boundary.
    async fn plan(&self, again: bool) -> Result<Plan, Error> {
        let world = &self.world;
        let hub = world.client.partition(self.partition).await.map_err(|source| self.hub_error(source))?;
        let available = first_available(&hub);
        let checkpoint = world.checkpoints.load(self.partition).await?.map(|checkpoint| checkpoint.position);
        let done = checkpoint.as_ref().map(|position| position.sequence_number);
        if done > Some(hub.last) {
            return Err(Error::CheckpointAhead { partition: self.partition, checkpoint: done.unwrap_or(hub.last), last: hub.last });
        }
        let namespace = &world.checkpoints.scope().namespace;
        let origin = world.records.origin(&self.source, Ordinal(available.0), ROUTING_VERSION, namespace).await?;
        let entered = world
            .records
            .enter(&self.source, ROUTING_VERSION, done.map(|done| Ordinal(done.0)), Ordinal(hub.last.0))
            .await?;
        let after_checkpoint = done.map_or(0, |done| done.0 + 1);
        let wanted = SequenceNumber(after_checkpoint.max(origin.0).max(entered.0));
        let first = self.without_lost(wanted, available).await?;
        // A destination of long ago that a stale look-up misses costs one lost name; then all are looked up.
        let since = checkpoint.as_ref().filter(|_| !again).map(|position| Date::from_unix_ms(position.enqueued_time_ms - DAY_MS));
        let covered = lake::recover(&world.store, &self.source, since).await?;
        let covered = covered.into_iter().map(|found| (found.destination, found.last)).collect();
        let start = match checkpoint.as_ref().filter(|_| first.0 == after_checkpoint) {
            Some(at) => Start::After { offset: at.offset.clone(), sequence_number: at.sequence_number },
            None if first <= available => Start::Earliest,
            None => Start::AfterSequence(SequenceNumber(first.0 - 1)),
        };
        Ok(Plan { checkpoint, covered, start, first, target: hub.last })
    }

    /// The first event to read, when the hub no longer has some of those that should come first.
    async fn without_lost(&self, wanted: SequenceNumber, available: SequenceNumber) -> Result<SequenceNumber, Error> {
        if available <= wanted {
            return Ok(wanted);
        }
        let (from, to) = (wanted, SequenceNumber(available.0 - 1));
        if !self.world.accept_loss {
            return Err(Error::PositionLost { partition: self.partition, from, to });
        }
        tracing::warn!(partition = %self.partition, %from, %to, "the hub no longer has these events; going on without them, as asked");
        self.world.records.lost(&self.source, Ordinal(from.0), Ordinal(to.0)).await?;
        Ok(available)
    }

    /// A jump in the numbers is a loss only if the hub no longer has what is between.
    async fn check_gap(&self, expected: SequenceNumber, first: SequenceNumber) -> Result<(), Error> {
        if first <= expected {
            return Ok(());
        }
        let hub = self.world.client.partition(self.partition).await.map_err(|source| self.hub_error(source))?;
        let available = first_available(&hub);
        self.without_lost(expected, available.min(first)).await.map(drop)
    }

    async fn attach(&self, start: Start) -> Result<PartitionReceiver, Error> {
        let options = ReceiveOptions {
            consumer_group: self.world.consumer_group.clone(),
            start,
            owner_level: Some(self.world.owner_level),
            name: format!("catchwater-{}", std::process::id()),
        };
        let share = Arc::clone(&self.share);
        let receiver = self.world.client.receive(self.partition, options, share, self.partition_share).await;
        let receiver = receiver.map_err(|source| self.hub_error(source))?;
        // Newer rules may have been recorded since the plan was made.
        self.world.records.still_current(&self.source, ROUTING_VERSION).await?;
        Ok(receiver)
    }

    fn tell_lane(&self, input: LaneInput) -> Result<(), Error> {
        self.lane.try_send(input).map_err(|_| Error::Ended)
    }

    fn hub_error(&self, source: eventhubs::Error) -> Error {
        Error::Hub { partition: self.partition, source }
    }
}

/// Why a partition is no longer read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hub said no, or nothing.
    #[error("partition {partition}")]
    Hub {
        /// Which partition.
        partition: PartitionId,
        /// What the hub said.
        source: eventhubs::Error,
    },
    /// Events that should come next are gone.
    #[error(
        "partition {partition}: the hub no longer has events {from} to {to}, which the lake does not have; \
         to go on without them, run once with --accept-loss (the range is recorded in the lake)"
    )]
    PositionLost {
        /// Which partition.
        partition: PartitionId,
        /// The first that is gone.
        from: SequenceNumber,
        /// The last that is gone.
        to: SequenceNumber,
    },
    /// The hub has fewer events than were already read.
    #[error(
        "partition {partition}: the checkpoint stands at event {checkpoint}, but the hub's last event is {last}; \
         this is another hub, or one that was set back: use another --lake, or remove its checkpoints"
    )]
    CheckpointAhead {
        /// Which partition.
        partition: PartitionId,
        /// Where the checkpoint stands.
        checkpoint: SequenceNumber,
        /// The hub's last event.
        last: SequenceNumber,
    },
    /// A checkpoint could not be read.
    #[error("read the checkpoint")]
    Checkpoint(#[from] partitions::Error),
    /// The lake's records say no.
    #[error(transparent)]
    Records(#[from] lake::RecordsError),
    /// The lake could not be looked through.
    #[error("look up how far the lake is")]
    Recovery(#[from] lake::RecoveryError),
    /// The rest of the run has ended before the reader.
    #[error("the run ended while the partition was read")]
    Ended,
}

impl Error {
    /// Whether another reader has taken the partition.
    pub fn is_ownership_lost(&self) -> bool {
        matches!(self, Self::Hub { source, .. } if source.kind() == ErrorKind::OwnershipLost)
    }

    /// Whether events are gone that the lake does not have.
    pub fn is_position_lost(&self) -> bool {
        match self {
            Self::PositionLost { .. } | Self::CheckpointAhead { .. } => true,
            Self::Hub { source, .. } => source.kind() == ErrorKind::PositionLost,
            _ => false,
        }
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

enum Read {
    Ended(Ended),
    Again,
}

#[derive(Debug)]
struct Plan {
    checkpoint: Option<Position>,
    covered: Vec<(Destination, Ordinal)>,
    start: Start,
    first: SequenceNumber,
    target: SequenceNumber,
}

impl Plan {
    /// Nothing was there at the start that is not durable already.
    fn is_caught_up(&self) -> bool {
        self.first > self.target
    }
}

/// The first event the hub can still send; one past its last when it holds none.
fn first_available(hub: &PartitionProperties) -> SequenceNumber {
    if hub.is_empty { SequenceNumber(hub.last.0 + 1) } else { hub.begin }
}
