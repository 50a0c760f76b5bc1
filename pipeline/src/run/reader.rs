//! Reads one partition: hands its events to a lane, and starts again when it must.
//!
//! Owns: the answer to a lost name, and when reading ends. The start path is in `start`.
//! Does not own: the bytes (`eventhubs`), the rows (`lane`), the files (`publisher`).

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::paths::SourceId;
use catchwater_sinks::lake::records::{self, Records};
use catchwater_sinks::lake::start::PositionLost;
use catchwater_sinks::lake::{recovery, rules};
use catchwater_sinks::store::Store;
use crossbeam_channel as lanes;
use tokio::sync::{mpsc, watch};

use super::file::StartId;
use super::lane::LaneInput;
use super::publisher::{PublisherInput, Standing};
use super::start::Plan;
use crate::budget::Share;
use crate::eventhubs::{self, Client, ErrorKind, PartitionReceiver, ReceiveOptions, Start};
use crate::metrics::Metrics;
use crate::parse::ROUTING_VERSION;
use crate::partitions::{self, Checkpoints};
use crate::position::{PartitionId, SequenceNumber};

/// What all readers of a run share.
#[derive(Debug)]
pub(super) struct World {
    /// The hub.
    pub(super) client: Client,
    /// The lake.
    pub(super) store: Store,
    /// How a store that does not answer is asked again.
    pub(super) backoff: Backoff,
    /// Its records: origins, rules, lost ranges.
    pub(super) records: Records,
    /// The checkpoints of this hub.
    pub(super) checkpoints: Checkpoints,
    /// The consumer group.
    pub(super) consumer_group: String,
    /// The owner level every link states.
    pub(super) owner_level: i64,
    /// Read what the hub had at the start, then stop.
    pub(super) until_caught_up: bool,
    /// Go on past events that the hub no longer has, recording their range.
    pub(super) accept_loss: bool,
    /// Figures.
    pub(super) metrics: Arc<Metrics>,
}

/// Reads one partition.
#[derive(Debug)]
pub(super) struct Reader {
    /// The world it reads in.
    pub(super) world: Arc<World>,
    /// The partition.
    pub(super) partition: PartitionId,
    /// Names the partition's chains.
    pub(super) source: SourceId,
    /// Its lane.
    pub(super) lane: lanes::Sender<LaneInput>,
    /// The publisher.
    pub(super) publisher: mpsc::Sender<PublisherInput>,
    /// What its lane may hold.
    pub(super) share: Arc<Share>,
    /// How much of that its credit may stand for, in bytes.
    pub(super) partition_share: usize,
    /// Becomes true when reading is to end.
    pub(super) stop: watch::Receiver<bool>,
}

/// Why a reader ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All that the hub had at the start is durable.
    CaughtUp,
    /// It was told to stop.
    Stopped,
}

impl Reader {
    /// Reads until it is told to stop, or until all that was there at the start is durable.
    pub(super) async fn run(mut self) -> Result<Ended, Error> {
        let mut attempt = 0;
        while !*self.stop.borrow() {
            attempt += 1;
            let start = StartId { partition: self.partition, attempt };
            match self.read(start).await? {
                Read::Ended(ended) => return Ok(ended),
                Read::Again => {
                    tracing::warn!(partition = %self.partition, "starting the partition again");
                }
            }
        }
        Ok(Ended::Stopped)
    }

    async fn read(&mut self, start: StartId) -> Result<Read, Error> {
        let mut stop = self.stop.clone();
        let plan = tokio::select! {
            plan = self.plan(start.attempt > 1) => plan?,
            _ = stop.wait_for(|stop| *stop) => return Ok(Read::Ended(Ended::Stopped)),
        };
        let (told, mut standing) = watch::channel(Standing::default());
        let begin = PublisherInput::Begin {
            start,
            first: plan.first,
            checkpoint: plan.checkpoint.clone(),
            standing: told,
        };
        self.publisher.send(begin).await.map_err(|_| Error::Ended)?;
        self.tell_lane(LaneInput::Begin {
            start,
            source: self.source.clone(),
            covered: plan.covered.clone(),
        })?;
        if self.world.until_caught_up && plan.is_caught_up() {
            return Ok(Read::Ended(Ended::CaughtUp));
        }
        let mut receiver = tokio::select! {
            receiver = self.attach(plan.start.clone()) => receiver?,
            _ = stop.wait_for(|stop| *stop) => return Ok(Read::Ended(Ended::Stopped)),
        };
        let read = match self.receive(start, &plan, &mut receiver, &mut standing).await {
            Ok(read) => read,
            Err(error) => {
                // What was read is put, unless the partition is another run's now. A lane that is gone says so itself.
                let forget = error.is_ownership_lost();
                let _ = self.tell_lane(if forget {
                    LaneInput::Forget { start }
                } else {
                    LaneInput::End { start }
                });
                return Err(error);
            }
        };
        let closed = receiver.close().await;
        // The hub's answer tells whether the partition is still ours: a reader that lost it must not start again.
        // One that is done does not mind.
        if matches!(read, Read::Again) {
            closed.map_err(|source| self.hub_error(source))?;
        }
        Ok(read)
    }

    /// Hands events to the lane until there is a reason to end.
    async fn receive(
        &mut self,
        start: StartId,
        plan: &Plan,
        receiver: &mut PartitionReceiver,
        standing: &mut watch::Receiver<Standing>,
    ) -> Result<Read, Error> {
        let mut expected = plan.first;
        let mut stop = self.stop.clone();
        loop {
            let quiet = tokio::time::sleep(QUIET);
            let batch = tokio::select! {
                batch = receiver.next_batch() => Some(batch.map_err(|source| self.hub_error(source))?),
                lost = standing.wait_for(|standing| standing.lost) => return lost.map(|_| Read::Again).map_err(|_| Error::Ended),
                _ = stop.wait_for(|stop| *stop) => {
                    self.tell_lane(LaneInput::End { start })?;
                    return Ok(Read::Ended(Ended::Stopped));
                }
                () = quiet, if self.world.until_caught_up => None,
            };
            let Some(batch) = batch else {
                // What is to come until the run is caught up may be gone meanwhile.
                let (_, extent) = self.extent().await?;
                if self.has_lost(expected, SequenceNumber(extent.begin.0)).await? {
                    return self.give_up_behind(start, plan, expected, standing).await;
                }
                continue;
            };
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
            if self.has_lost(expected, first).await? {
                return self.give_up_behind(start, plan, expected, standing).await;
            }
            expected = SequenceNumber(last.0 + 1);
            let last_enqueued = receiver.last_enqueued();
            self.world.metrics.lag(self.partition, last, last_enqueued);
            self.tell_lane(LaneInput::Events { start, batch, last_enqueued })?;
            if self.world.until_caught_up && last >= plan.target {
                return self.finish(start, plan.target, standing).await;
            }
        }
    }

    /// What came before a loss must be durable before the loss is recorded: the start path records it.
    async fn give_up_behind(
        &mut self,
        start: StartId,
        plan: &Plan,
        expected: SequenceNumber,
        standing: &mut watch::Receiver<Standing>,
    ) -> Result<Read, Error> {
        if expected == plan.first {
            return Ok(Read::Again);
        }
        Ok(match self.finish(start, SequenceNumber(expected.0 - 1), standing).await? {
            Read::Ended(Ended::CaughtUp) => Read::Again,
            ended => ended,
        })
    }

    /// Waits until everything up to `target` is durable.
    async fn finish(
        &mut self,
        start: StartId,
        target: SequenceNumber,
        standing: &mut watch::Receiver<Standing>,
    ) -> Result<Read, Error> {
        self.tell_lane(LaneInput::End { start })?;
        tokio::select! {
            reached = standing.wait_for(|standing| standing.lost || standing.durable >= Some(target)) => {
                let lost = reached.map_err(|_| Error::Ended)?.lost;
                Ok(if lost { Read::Again } else { Read::Ended(Ended::CaughtUp) })
            }
            _ = self.stop.wait_for(|stop| *stop) => Ok(Read::Ended(Ended::Stopped)),
        }
    }

    async fn attach(&self, start: Start) -> Result<PartitionReceiver, Error> {
        let receiver = self.link(start).await?;
        // Newer rules may have been recorded since the plan was made.
        if self.world.records.still_current(&self.source, ROUTING_VERSION).await? {
            Ok(receiver)
        } else {
            Err(Error::OtherRules { partition: self.partition })
        }
    }

    /// A link to the partition, which displaces every other reader of the consumer group.
    pub(super) async fn link(&self, start: Start) -> Result<PartitionReceiver, Error> {
        let options = ReceiveOptions {
            consumer_group: self.world.consumer_group.clone(),
            start,
            owner_level: Some(self.world.owner_level),
            name: format!("catchwater-{}", std::process::id()),
        };
        let share = Arc::clone(&self.share);
        let receiver = self.world.client.receive(self.partition, options, share, self.partition_share).await;
        receiver.map_err(|source| self.hub_error(source))
    }

    fn tell_lane(&self, input: LaneInput) -> Result<(), Error> {
        self.lane.try_send(input).map_err(|_| Error::Ended)
    }

    pub(super) fn hub_error(&self, source: eventhubs::Error) -> Error {
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
        "partition {partition}: the position is lost; {}",
        if source.range().is_some() {
            "to go on past the range that is gone, and have it recorded, run once with --accept-loss"
        } else {
            "this is another log than the lake's: give it a lake of its own with --lake"
        }
    )]
    PositionLost {
        /// Which partition.
        partition: PartitionId,
        /// What is gone.
        source: PositionLost,
    },
    /// Another version of the program has taken over the partition's routing.
    #[error(
        "partition {partition}: other routing rules were recorded in the lake meanwhile; this version stops"
    )]
    OtherRules {
        /// Which partition.
        partition: PartitionId,
    },
    /// A checkpoint could not be read.
    #[error("read the checkpoint")]
    Checkpoint(#[from] partitions::Error),
    /// The lake's records can't be read or written.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The routing rules of the lake are not ours.
    #[error(transparent)]
    Rules(#[from] rules::Error),
    /// The lake could not be looked through.
    #[error("look up how far the lake is")]
    Recovery(#[from] recovery::Error),
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
            Self::PositionLost { .. } => true,
            Self::Hub { source, .. } => source.kind() == ErrorKind::PositionLost,
            _ => false,
        }
    }
}

/// How long the hub may say nothing before a run that is to catch up asks whether there is still something to come.
const QUIET: Duration = Duration::from_secs(10);

enum Read {
    Ended(Ended),
    Again,
}
