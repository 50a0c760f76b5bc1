//! Reads one partition: hands its events to a lane, and starts again when it must.
//!
//! Owns: the answer to a lost name, to a gap in the numbers and to a hub that sends nothing, and when reading ends. The
//! start path is in `start`. Does not own: the bytes (`eventhubs`), the rows (`lane`), the files (`publisher`).

mod error;
mod gaps; // gaps, losses, and numbers that are not true
mod listings; // listings of the lake that partitions share
mod reading; // where reading is, and for how long nothing came
mod start; // where a partition begins, and what is lost

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::start::{follows, numbers_go_on};
use catchwater_sinks::paths::{Date, Ordinal, SourceId};
use catchwater_sinks::store::Store;
use crossbeam_channel as lanes;
use tokio::sync::{mpsc, watch};

use reading::{Idle, Read, Reading};

use super::config::Decisions;
use super::messages::{LaneInput, PartitionStatus, PublisherInput, StartId};
use crate::budget::Share;
use crate::event::RawBatch;
use crate::eventhubs::{self, Client, Distrust, PartitionReceiver, ReceiveOptions, Start};
use crate::metrics::Metrics;
use crate::parse::ROUTING_VERSION;
use crate::partitions::Checkpoints;
use crate::position::{PartitionId, SequenceNumber};

pub use error::Error;
pub(super) use listings::Listings;

/// State shared by all readers of a run.
#[derive(Debug)]
pub(super) struct World {
    /// The hub.
    pub(super) client: Client,
    /// The lake.
    pub(super) store: Store,
    /// Its files, listed for all partitions together.
    pub(super) listings: Listings,
    /// Retry policy for a store that does not answer.
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
    /// Longest silence of the hub, with credit outstanding, before it is asked why.
    pub(super) idle_limit: Duration,
    /// The operator's decisions for this run.
    pub(super) decisions: Decisions,
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
    /// It was added since the first start of the hub: it is read from its first event.
    pub(super) is_new: bool,
    /// The durable position known to this run.
    pub(super) durable: Option<SequenceNumber>,
    /// Faults that its links have proven.
    pub(super) distrust: Distrust,
    /// Days of names that this run has lost: their files are looked at when the partition starts again.
    pub(super) lost_days: BTreeSet<Date>,
    /// Its lane.
    pub(super) lane: lanes::Sender<LaneInput>,
    /// The publisher.
    pub(super) publisher: mpsc::Sender<PublisherInput>,
    /// Budget of its lane.
    pub(super) share: Arc<Share>,
    /// Part of that budget which credit may claim, in bytes.
    pub(super) partition_share: usize,
    /// Becomes true when reading is to end.
    pub(super) stop: watch::Receiver<bool>,
}

/// Why a reader ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All that the hub had at the start is durable.
    CaughtUp,
    /// The hub claims to have more and has not sent it. What it sent is durable.
    NothingCame,
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
            plan = self.plan() => plan?,
            _ = stop.wait_for(|stop| *stop) => return Ok(Read::Ended(Ended::Stopped)),
        };
        let before_first = plan.first.previous();
        self.world.metrics.lag(self.partition, before_first, Some(plan.target.max(before_first)));
        let (told, standing) = watch::channel(PartitionStatus::default());
        let begin = PublisherInput::Begin {
            start,
            first: plan.first,
            proven: plan.done.map(|done| SequenceNumber::new(done.0)),
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
        let by_offset = matches!(plan.start, Start::After { .. });
        let mut at =
            Reading { start, expected: plan.first, last: None, by_offset, target: plan.target, standing };
        let read = match self.receive(&mut at, &mut receiver).await {
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
            let standing = at.standing.borrow();
            self.durable = standing.durable.max(self.durable);
            self.lost_days.extend(standing.lost);
        }
        Ok(read)
    }

    /// Hands events to the lane until there is a reason to end.
    async fn receive(&mut self, at: &mut Reading, receiver: &mut PartitionReceiver) -> Result<Read, Error> {
        let mut stop = self.stop.clone();
        let mut idle = Idle::new(self.world.idle_limit);
        loop {
            let came = tokio::select! {
                batch = receiver.next_batch() => Some(batch),
                lost = at.standing.wait_for(|standing| standing.lost.is_some()) => {
                    return lost.map(|_| Read::Again).map_err(|_| Error::Ended);
                }
                _ = stop.wait_for(|stop| *stop) => {
                    self.tell_lane(LaneInput::End { start: at.start })?;
                    return Ok(Read::Ended(Ended::Stopped));
                }
                () = tokio::time::sleep(LOOK_EVERY) => None,
            };
            let may_send = receiver.outstanding_credit() > 0;
            let ended = match came {
                Some(Ok(batch)) => {
                    idle = Idle::new(self.world.idle_limit);
                    self.hand_over(at, batch, receiver).await?
                }
                Some(Err(error)) => {
                    *receiver = self.attach_beyond_stale_numbers(at, error).await?;
                    None
                }
                None if idle.has_lasted(may_send) => {
                    idle = Idle::new(self.world.idle_limit);
                    self.nothing_came(at, receiver).await?
                }
                None => None,
            };
            if let Some(read) = ended {
                return Ok(read);
            }
            if self.world.until_caught_up && at.expected > at.target {
                return self.finish(at).await;
            }
        }
    }

    /// Hands a batch to the lane. A gap in front of it is judged first: one that retention made is a lost position, any
    /// other is recorded.
    ///
    /// Batches that are ready are judged together, so that a hub with many gaps is asked once for many of them.
    async fn hand_over(
        &mut self,
        at: &mut Reading,
        batch: RawBatch,
        receiver: &mut PartitionReceiver,
    ) -> Result<Option<Read>, Error> {
        let jumps = batch.first() > Some(at.expected);
        if std::mem::take(&mut at.by_offset) && jumps {
            self.attach_by_number(at, receiver).await?;
            return Ok(None);
        }
        let mut batches = vec![batch];
        let (mut begin, mut untrue) = (None, false);
        if jumps {
            let more = std::iter::from_fn(|| receiver.ready_batch());
            batches.extend(more.take(BATCHES_JUDGED_AT_ONCE - 1));
            let (_, extent) = self.extent().await?;
            untrue = self.jump_beyond_the_hub(&mut batches, extent).await?;
            self.accept_gaps(at.next(), &batches, extent.begin).await?;
            begin = Some(extent.begin);
        }
        for batch in batches {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
            let judged = begin.map_or(Ok(()), |begin| follows(at.next(), Ordinal(first.get()), begin));
            if let Err(gone) = judged
                && let Some(read) = self.pass_over(at, &gone).await?
            {
                return Ok(Some(read));
            }
            self.count_unreadable(batch.unreadable(), at.expected.previous());
            at.expected = last.next();
            at.last = Some(last);
            self.world.metrics.lag(self.partition, last, batch.last_enqueued());
            self.tell_lane(LaneInput::Events { start: at.start, batch })?;
        }
        if untrue {
            *receiver = self.attach(Start::AfterSequence(at.expected.previous())).await?;
        }
        Ok(None)
    }

    /// The hub has sent nothing for a while, with credit outstanding. Asks it why.
    async fn nothing_came(
        &mut self,
        at: &mut Reading,
        receiver: &mut PartitionReceiver,
    ) -> Result<Option<Read>, Error> {
        if std::mem::take(&mut at.by_offset) {
            self.attach_by_number(at, receiver).await?;
            return Ok(None);
        }
        let (hub, extent) = self.extent().await?;
        if let Err(gone) = follows(at.next(), extent.begin, extent.begin) {
            if let Some(read) = self.pass_over(at, &gone).await? {
                return Ok(Some(read));
            }
            at.expected = SequenceNumber::new(extent.begin.0);
        }
        let last_received = at.expected.previous();
        if self.distrust.stale {
            numbers_go_on(at.last.map(|_| Ordinal(last_received.get())), extent)
                .map_err(|renumbered| self.position_lost(renumbered))?;
        }
        self.world.metrics.lag(self.partition, last_received, Some(hub.last.max(last_received)));
        let (partition, idle) = (self.partition, self.world.idle_limit);
        if self.world.until_caught_up && at.expected <= at.target {
            self.count_unreadable(receiver.unreadable(), last_received);
            tracing::warn!(
                %partition, waited_for = %at.target, %last_received, ?idle,
                "the event hub claims to have more events than it sends; this partition ends with what it sent"
            );
            return match self.finish(at).await? {
                Read::Ended(Ended::CaughtUp) => Ok(Some(Read::Ended(Ended::NothingCame))),
                read => Ok(Some(read)),
            };
        }
        if !self.world.until_caught_up && hub.last >= at.expected {
            tracing::warn!(
                %partition, last_enqueued = %hub.last, %last_received, ?idle,
                "the event hub has more events and sends none; attaching to the partition again"
            );
            *receiver = self.attach(Start::AfterSequence(last_received)).await?;
        }
        Ok(None)
    }

    /// Closes the lane's files and waits until all that was handed over is durable. The partition may be read on.
    async fn finish(&mut self, at: &mut Reading) -> Result<Read, Error> {
        let Some(last) = at.last else { return Ok(Read::Ended(Ended::CaughtUp)) };
        self.tell_lane(LaneInput::End { start: at.start })?;
        tokio::select! {
            reached = at.standing.wait_for(|standing| standing.lost.is_some() || standing.durable >= Some(last)) => {
                let standing = reached.map_err(|_| Error::Ended)?;
                Ok(if standing.lost.is_some() { Read::Again } else { Read::Ended(Ended::CaughtUp) })
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
            distrust: self.distrust.clone(),
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

/// Interval at which a reader without events checks its silence.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Batches whose gaps are judged by one question.
const BATCHES_JUDGED_AT_ONCE: usize = 64;
