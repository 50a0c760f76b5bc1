//! Reads one partition: hands its events to a lane, and starts the partition again when necessary.
//!
//! Reading ends in one of three ways. It is finished; or the partition starts again, because a file conflicts with the
//! lake; or the link is lost. A lost link is not a lost lane: the reader attaches after the last event that it handed
//! over, and the lane keeps its open rows and does not notice.
//!
//! Owns: the reaction to a name conflict, to a lost link, to gaps in the sequence numbers and to a hub that sends
//! nothing, and when reading ends. Does not own: the connection (`eventhubs`), rows (`lane`), files (`publisher`).

mod error; // why a partition is no longer read
mod listings; // listings of the lake that partitions share
mod outage; // failures of the hub in a row: delays, and when to give up
mod generations; // the hub's creation time, asked once for all
mod deps; // collaborators of all readers
mod retries; // attempts at a contradiction between hub and lake
mod hub_partition; // links, extent and rows of one partition
mod bounds; // the first event of a time, and where a bounded run ends
mod reading; // progress of reading, and how it ends
mod start; // where reading begins, and what is lost
mod reconnect; // waiting after the hub was lost
mod gaps; // sequence numbers that do not follow each other

use std::collections::BTreeSet;
use std::time::Duration;

use catchwater_sinks::lake::start::{PositionLost, follows, numbers_go_on};
use catchwater_sinks::ordinals::{Ordinal, OrdinalRange};
use catchwater_sinks::paths::Date;
use crossbeam_channel as lanes;
use tokio::sync::{mpsc, watch};

use super::messages::{LaneInput, PartitionStatus, PublisherInput, StartId};
use crate::event::RawBatch;
use crate::eventhubs::{ErrorKind, PartitionReceiver, Recovery};
use crate::position::SequenceNumber;
use listings::Age;
use reading::{Goal, Idle, LinkOutcome, ReadOutcome, Reading};
use reconnect::{Waited, Waits};
use start::{Plan, Starting};

pub(super) use deps::Deps;
pub use error::Error;
pub(super) use generations::Generations;
pub(super) use hub_partition::HubPartition;
pub(super) use listings::Listings;
pub(super) use outage::{Outage, RetryPolicy};
pub(super) use reading::Ended;

/// The reader of one partition.
#[derive(Debug)]
pub(super) struct Reader {
    partition: HubPartition,
    /// The durable position known from an earlier start in this run.
    durable: Option<SequenceNumber>,
    /// Dates of name conflicts in this run: the next start lists the files of these dates.
    conflict_dates: BTreeSet<Date>,
    lane: lanes::Sender<LaneInput>,
    publisher: mpsc::Sender<PublisherInput>,
    /// Becomes true when reading has to end.
    stop: watch::Receiver<bool>,
}

impl Reader {
    /// A reader that has not started its partition yet.
    pub(super) fn new(
        partition: HubPartition,
        lane: lanes::Sender<LaneInput>,
        publisher: mpsc::Sender<PublisherInput>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { partition, durable: None, conflict_dates: BTreeSet::new(), lane, publisher, stop }
    }

    /// Reads until the run drains, or until everything that the hub had at the start is durable.
    pub(super) async fn run(mut self) -> Result<Ended, Error> {
        let mut attempt = 0;
        while !*self.stop.borrow() {
            attempt += 1;
            let start = StartId { partition: self.partition.id, attempt };
            match self.read(start).await? {
                ReadOutcome::Ended(ended) => return Ok(ended),
                ReadOutcome::Restart => {
                    tracing::warn!(partition = %self.partition.id, attempt, "starting the partition again");
                }
            }
        }
        Ok(Ended::Stopped)
    }

    async fn read(&mut self, start: StartId) -> Result<ReadOutcome, Error> {
        let Self { partition, durable, conflict_dates, .. } = &*self;
        let starting = Starting { partition, durable: *durable, conflict_dates };
        let Some(plan) = starting.plan_until_stopped(&self.stop).await? else {
            return Ok(ReadOutcome::Ended(Ended::Stopped));
        };
        let status = self.begin(start, &plan).await?;
        if plan.goal.is_reached(plan.first) {
            return Ok(ReadOutcome::Ended(Ended::CaughtUp));
        }
        let mut at = plan.into_reading(start, status);
        let outcome = self.read_links(&mut at).await.inspect_err(|error| {
            // Rows of events read so far are committed, unless another run has the partition. A lane that is gone
            // reports its own error.
            let forget = error.is_ownership_lost();
            let end = if forget { LaneInput::Forget { start } } else { LaneInput::End { start } };
            let _ = self.send_to_lane(end);
        })?;
        if matches!(outcome, ReadOutcome::Restart) {
            let status = at.status.borrow();
            self.durable = status.durable.max(self.durable);
            self.conflict_dates.extend(status.conflict);
        }
        Ok(outcome)
    }

    /// Reads on one link after the other until this start of the partition ends.
    async fn read_links(&mut self, at: &mut Reading) -> Result<ReadOutcome, Error> {
        let mut outage = Outage::default();
        loop {
            let expected = at.expected;
            at.attached = None;
            match self.read_link(at).await {
                Ok(LinkOutcome::Read(outcome)) => return Ok(outcome),
                Ok(LinkOutcome::AttachAgain) => {}
                Err(mut error) => {
                    let lasted = at.attached.map(|attached| attached.elapsed()).unwrap_or_default();
                    outage.on_link_end(at.expected > expected, lasted);
                    if error.recovery() == Some(Recovery::FindPosition) {
                        self.partition.warn_of_position(&error);
                        error = match self.find_position(at, error).await {
                            Err(error) => error,
                            outcome => return outcome,
                        };
                    }
                    let mut waits = Waits { stop: self.stop.clone(), status: Some(&mut at.status) };
                    match self.partition.wait_after(error, &mut outage, &mut waits).await? {
                        Waited::Retry => {}
                        Waited::Conflict => return Ok(ReadOutcome::Restart),
                        Waited::Stop => return self.stopped(at.start),
                    }
                }
            }
        }
    }

    /// Reads on one link until it ends.
    async fn read_link(&mut self, at: &mut Reading) -> Result<LinkOutcome, Error> {
        let mut stop = self.stop.clone();
        let attached = tokio::select! {
            attached = self.partition.attach(at.link_start(), at.expected) => Some(attached?),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let mut receiver = match attached {
            Some(Some(receiver)) => receiver,
            Some(None) => return self.start_again(at).await.map(LinkOutcome::Read),
            None => return self.stopped(at.start).map(LinkOutcome::Read),
        };
        (at.attached, at.was_attached) = (Some(tokio::time::Instant::now()), true);
        let outcome = self.receive(at, &mut receiver).await.inspect_err(|error| {
            if error.recovery() == Some(Recovery::Reconnect) {
                self.partition.deps.client.leave_connection(&receiver);
            }
        })?;
        let closed = receiver.close().await;
        // A reader that lost the partition must not start it again, so the result of closing the link counts. For a
        // reader that ends it does not.
        match closed {
            Err(source) if outcome.is_restart() && source.kind() == ErrorKind::OwnershipLost => {
                Err(self.partition.hub_error(source))
            }
            _ => Ok(outcome),
        }
    }

    /// Finds the position again after the hub has refused it; a refusal of the first link is final.
    async fn find_position(&mut self, at: &mut Reading, refused: Error) -> Result<ReadOutcome, Error> {
        self.partition.check_generation().await?;
        if at.was_attached { self.start_again(at).await } else { Err(refused) }
    }

    /// Starts the partition again because hub or lake have changed. The rows that the lane holds are committed first: the
    /// hub may no longer have them.
    async fn start_again(&mut self, at: &mut Reading) -> Result<ReadOutcome, Error> {
        self.partition.check_generation().await?;
        match self.finish(at).await? {
            ReadOutcome::Ended(Ended::CaughtUp) => Ok(ReadOutcome::Restart),
            outcome => Ok(outcome),
        }
    }

    /// Ends because the run drains.
    fn stopped(&self, start: StartId) -> Result<ReadOutcome, Error> {
        self.send_to_lane(LaneInput::End { start })?;
        Ok(ReadOutcome::Ended(Ended::Stopped))
    }

    /// Announces a start to the publisher, then to the lane.
    async fn begin(&self, start: StartId, plan: &Plan) -> Result<watch::Receiver<PartitionStatus>, Error> {
        let HubPartition { deps, id, source, .. } = &self.partition;
        let before_first = plan.first.previous();
        deps.metrics.set_lag(*id, before_first, Some(plan.target.max(before_first)));
        tracing::info!(
            partition = %id, attempt = start.attempt, %source, from = %plan.first, last = %plan.target,
            checkpoint = plan.checkpoint.as_ref().map(|at| at.sequence_number.get()), "partition started"
        );
        let (sender, status) = watch::channel(PartitionStatus::default());
        let begin = PublisherInput::Begin {
            start,
            first: plan.first,
            proven: plan.done.map(|done| SequenceNumber::new(done.get())),
            checkpoint: plan.checkpoint.clone(),
            status: sender,
        };
        self.publisher.send(begin).await.map_err(|_| Error::Ended)?;
        let covered = plan.covered.clone();
        self.send_to_lane(LaneInput::Begin { start, source: source.clone(), covered })?;
        Ok(status)
    }

    /// Hands events to the lane until there is a reason to end.
    async fn receive(
        &mut self,
        at: &mut Reading,
        receiver: &mut PartitionReceiver,
    ) -> Result<LinkOutcome, Error> {
        let mut stop = self.stop.clone();
        let mut idle = Idle::new(self.partition.idle_timeout(at.goal));
        loop {
            let arrived = tokio::select! {
                batch = receiver.next_batch() => Some(batch),
                conflict = at.status.wait_for(|status| status.conflict.is_some()) => {
                    return conflict.map(|_| ReadOutcome::Restart.into()).map_err(|_| Error::Ended);
                }
                _ = stop.wait_for(|stop| *stop) => {
                    return self.stopped(at.start).map(LinkOutcome::Read);
                }
                () = tokio::time::sleep(IDLE_CHECK_INTERVAL) => None,
            };
            let has_credit = receiver.outstanding_credit() > 0;
            let ended = match arrived {
                Some(Ok(batch)) => {
                    idle = Idle::new(self.partition.idle_timeout(at.goal));
                    self.hand_over(at, batch, receiver).await?
                }
                Some(Err(error)) => {
                    self.partition.distrust_stale_numbers(at, error).await?;
                    Some(LinkOutcome::AttachAgain)
                }
                None if idle.has_timed_out(has_credit) => {
                    idle = Idle::new(self.partition.idle_timeout(at.goal));
                    self.on_idle(at, receiver).await?
                }
                None => None,
            };
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
            if self.partition.has_reached_goal(at).await? {
                return self.finish(at).await.map(LinkOutcome::Read);
            }
        }
    }

    /// Hands a batch to the lane. A gap before it is checked first: if retention made it, the position is lost; any
    /// other gap is recorded. All batches that are ready share one question for the extent.
    async fn hand_over(
        &mut self,
        at: &mut Reading,
        batch: RawBatch,
        receiver: &mut PartitionReceiver,
    ) -> Result<Option<LinkOutcome>, Error> {
        let has_gap = batch.first() > Some(at.expected);
        if std::mem::take(&mut at.by_offset) && has_gap {
            self.partition.warn_of_offset(at);
            return Ok(Some(LinkOutcome::AttachAgain));
        }
        let mut batches = vec![batch];
        let (mut begin, mut attach_again) = (None, false);
        if has_gap {
            let more = std::iter::from_fn(|| receiver.ready_batch());
            batches.extend(more.take(BATCHES_PER_EXTENT - 1));
            let (_, extent) = self.partition.extent().await?;
            attach_again = self.partition.drop_unassigned_numbers(&mut batches, extent).await?;
            self.partition.accept_gaps(at.next(), &batches, extent.begin).await?;
            begin = Some(extent.begin);
        }
        for batch in batches {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
            let follows = begin.map_or(Ok(()), |begin| follows(at.next(), Ordinal::new(first.get()), begin));
            if let Err(gone) = follows
                && let Some(outcome) = self.pass_over(at, &gone).await?
            {
                return Ok(Some(outcome.into()));
            }
            self.partition.count_unreadable(batch.unreadable(), at.last_received());
            at.expected = last.next();
            at.last = Some(last);
            self.partition.deps.metrics.set_lag(self.partition.id, last, batch.last_enqueued());
            self.send_to_lane(LaneInput::Events { start: at.start, batch })?;
        }
        Ok(attach_again.then_some(LinkOutcome::AttachAgain))
    }

    /// Asks the hub for the partition's state, after it has sent nothing for the idle timeout with credit outstanding.
    async fn on_idle(
        &mut self,
        at: &mut Reading,
        receiver: &mut PartitionReceiver,
    ) -> Result<Option<LinkOutcome>, Error> {
        if std::mem::take(&mut at.by_offset) {
            self.partition.warn_of_offset(at);
            return Ok(Some(LinkOutcome::AttachAgain));
        }
        let (hub, extent) = self.partition.extent().await?;
        if let Err(gone) = follows(at.next(), extent.begin, extent.begin) {
            if let Some(outcome) = self.pass_over(at, &gone).await? {
                return Ok(Some(outcome.into()));
            }
            at.expected = SequenceNumber::new(extent.begin.get());
        }
        let last_received = at.last_received();
        if self.partition.distrust.stale {
            numbers_go_on(at.last.map(|_| Ordinal::new(last_received.get())), extent)
                .map_err(|renumbered| self.partition.position_lost(renumbered))?;
        }
        let (id, deps) = (self.partition.id, &self.partition.deps);
        deps.metrics.set_lag(id, last_received, Some(hub.last.max(last_received)));
        let idle_timeout = self.partition.idle_timeout(at.goal);
        if let Goal::UpTo(target) = at.goal
            && at.expected <= target
        {
            self.partition.count_unreadable(receiver.unreadable(), last_received);
            tracing::warn!(
                partition = %id, %target, %last_received, ?idle_timeout,
                "the event hub claims to have more events than it sends; this partition ends with what it sent"
            );
            return match self.finish(at).await? {
                ReadOutcome::Ended(Ended::CaughtUp) => {
                    Ok(Some(ReadOutcome::Ended(Ended::NothingArrived).into()))
                }
                outcome => Ok(Some(outcome.into())),
            };
        }
        if !matches!(at.goal, Goal::UpTo(_)) && hub.last >= at.expected {
            tracing::warn!(
                partition = %id, last_enqueued = %hub.last, %last_received, ?idle_timeout,
                "the event hub has more events and sends none; attaching to the partition again"
            );
            return Ok(Some(LinkOutcome::AttachAgain));
        }
        Ok(None)
    }

    /// Goes on after events that are gone, if the operator asked for that. The events before them must be durable
    /// before the loss is recorded, and only numbers that are not settled are lost.
    async fn pass_over(
        &mut self,
        at: &mut Reading,
        gone: &PositionLost,
    ) -> Result<Option<ReadOutcome>, Error> {
        let after = Some(Ordinal::new(at.last_received().get()));
        let settled = self.partition.settled_above(after, Age::Fresh).await?;
        let missing = |range: &OrdinalRange| settled.missing_in(*range);
        let ranges: Vec<OrdinalRange> = gone.ranges().iter().flat_map(missing).collect();
        if ranges.is_empty() {
            return Ok(None);
        }
        if self.partition.deps.decisions.accept_loss {
            match self.finish(at).await? {
                ReadOutcome::Ended(Ended::CaughtUp) => {}
                outcome => return Ok(Some(outcome)),
            }
        }
        self.partition.give_up(PositionLost::Gone { ranges }).await?;
        Ok(None)
    }

    /// Closes the lane's files and waits until everything handed over is durable. Reading may go on afterwards.
    async fn finish(&mut self, at: &mut Reading) -> Result<ReadOutcome, Error> {
        let Some(last) = at.last else { return Ok(ReadOutcome::Ended(Ended::CaughtUp)) };
        self.send_to_lane(LaneInput::End { start: at.start })?;
        tokio::select! {
            status = at.status.wait_for(|status| status.conflict.is_some() || status.durable >= Some(last)) => {
                let has_conflict = status.map_err(|_| Error::Ended)?.conflict.is_some();
                Ok(if has_conflict { ReadOutcome::Restart } else { ReadOutcome::Ended(Ended::CaughtUp) })
            }
            _ = self.stop.wait_for(|stop| *stop) => Ok(ReadOutcome::Ended(Ended::Stopped)),
        }
    }

    fn send_to_lane(&self, input: LaneInput) -> Result<(), Error> {
        self.lane.try_send(input).map_err(|_| Error::Ended)
    }
}

/// Interval at which a reader without events checks its idle timeout.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Batches that are checked against one extent of the hub: bounds the memory and the delay before they are handed over.
const BATCHES_PER_EXTENT: usize = 64;
