//! What the sequence numbers of a partition say when they do not follow each other: a gap, a loss, or a number that is not
//! true. Does not own the rules these are judged by (`catchwater_sinks::lake::start`).

use catchwater_sinks::lake::gaps::{Gap, GapCause};
use catchwater_sinks::lake::records::LostRange;
use catchwater_sinks::lake::start::{self, Extent, PositionLost};
use catchwater_sinks::paths::Ordinal;

use super::listings::Age;
use super::reading::{Read, Reading};
use super::start::{RETRY_AFTER, TRIES};
use super::{Ended, Error, Reader};
use crate::event::RawBatch;
use crate::eventhubs::{self, PartitionReceiver, Start};
use crate::position::SequenceNumber;

impl Reader {
    /// Looks for a number that the hub has not given out. What comes from there on is left to a link that drops it.
    pub(super) async fn jump_beyond_the_hub(
        &mut self,
        batches: &mut Vec<RawBatch>,
        mut extent: Extent,
    ) -> Result<bool, Error> {
        let is_beyond = |batch: &RawBatch, extent: Extent| {
            batch.first().is_some_and(|first| Some(Ordinal(first.get())) > extent.last)
        };
        for _ in 1..TRIES {
            if !batches.iter().any(|batch| is_beyond(batch, extent)) {
                return Ok(false);
            }
            // The hub's answer may lag a little behind its links.
            tokio::time::sleep(RETRY_AFTER).await;
            (_, extent) = self.extent().await?;
        }
        let Some(at) = batches.iter().position(|batch| is_beyond(batch, extent)) else { return Ok(false) };
        if let Some(number) = batches[at].first() {
            tracing::warn!(
                partition = %self.partition, %number, last = ?extent.last.map(|last| last.0),
                "an event has a sequence number that the event hub has not given out yet; it is dropped"
            );
            self.distrust.jumps.push(number);
        }
        batches.truncate(at);
        Ok(true)
    }

    /// Attaches again if the link has ended because of numbers that are not above the last event, and the hub still goes on
    /// behind that. From then on such deliveries are dropped.
    ///
    /// # Errors
    /// What ended the link, for any other reason.
    pub(super) async fn attach_beyond_stale_numbers(
        &mut self,
        at: &Reading,
        error: eventhubs::Error,
    ) -> Result<PartitionReceiver, Error> {
        let stale = matches!(error, eventhubs::Error::WentBack { .. }) && !self.distrust.stale;
        let last_received = Ordinal(at.expected.get() - 1);
        if !stale || start::numbers_go_on(at.last.map(|_| last_received), self.extent().await?.1).is_err() {
            return Err(self.hub_error(error));
        }
        tracing::warn!(
            partition = %self.partition, %last_received,
            "deliveries with sequence numbers of earlier events are dropped"
        );
        self.distrust.stale = true;
        self.attach(Start::AfterSequence(SequenceNumber::new(last_received.0))).await
    }

    /// Attaches again by the number that is due: the offset of the checkpoint led elsewhere, or to nothing. It is a hint, and
    /// only the number says what was read.
    pub(super) async fn attach_by_number(
        &self,
        at: &Reading,
        receiver: &mut PartitionReceiver,
    ) -> Result<(), Error> {
        tracing::warn!(
            partition = %self.partition, due = %at.expected,
            "the checkpoint's offset does not lead to the event behind it; asking for that by its number"
        );
        *receiver = self.attach(Start::AfterSequence(at.expected.previous())).await?;
        Ok(())
    }

    /// Records the gaps in front of the batches: numbers that the hub left out, or whose deliveries could not be read.
    /// Numbers below `begin` are left to retention.
    pub(super) async fn accept_gaps(
        &self,
        mut due: Ordinal,
        batches: &[RawBatch],
        begin: Ordinal,
    ) -> Result<(), Error> {
        let (mut not_sent, mut unreadable) = (Vec::new(), Vec::new());
        for batch in batches {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
            let gap = Gap { from: due.max(begin), to: Ordinal(first.get() - 1) };
            let gaps = if batch.unreadable() > 0 { &mut unreadable } else { &mut not_sent };
            gaps.extend((gap.from <= gap.to).then_some(gap));
            due = Ordinal(last.get() + 1);
        }
        for (cause, gaps) in [(GapCause::NotSent, not_sent), (GapCause::Unreadable, unreadable)] {
            self.world.records.accept_gaps(&self.source, cause, &gaps).await?;
            let numbers = gaps.iter().map(|gap| (gap.to.0 - gap.from.0 + 1) as u64).sum();
            self.world.metrics.gaps_accepted.add(numbers);
        }
        Ok(())
    }

    /// Counts deliveries that were dropped because their number could not be read.
    pub(super) fn count_unreadable(&self, deliveries: u32, last_received: SequenceNumber) {
        if deliveries == 0 {
            return;
        }
        self.world.metrics.deliveries_unreadable.add(u64::from(deliveries));
        tracing::warn!(
            partition = %self.partition, deliveries, %last_received,
            "deliveries without a readable sequence number were dropped; the lake records the numbers that are missing"
        );
    }

    /// Goes on behind events that are gone, if that was asked for. What came before them must be durable before the loss
    /// is recorded, and only what has no row is lost.
    pub(super) async fn pass_over(
        &mut self,
        at: &mut Reading,
        gone: &PositionLost,
    ) -> Result<Option<Read>, Error> {
        let settled = self.settled_above(Some(Ordinal(at.expected.get() - 1)), Age::Fresh).await?;
        let missing = |range: &LostRange| settled.missing_in(range.from.0..=range.to.0);
        let ranges: Vec<LostRange> = gone.ranges().iter().flat_map(missing).collect();
        if ranges.is_empty() {
            return Ok(None);
        }
        if self.world.decisions.accept_loss {
            match self.finish(at).await? {
                Read::Ended(Ended::CaughtUp) => {}
                read => return Ok(Some(read)),
            }
        }
        self.give_up(PositionLost::Gone { ranges }).await?;
        Ok(None)
    }
}
