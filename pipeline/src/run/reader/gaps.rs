//! Sequence numbers that do not follow each other: gaps, numbers beyond the hub's last, and stale numbers.
//!
//! Does not own: the rules that distinguish a gap from a loss (`catchwater_sinks::lake::start`), or going on past a
//! loss (`reader`).

use catchwater_sinks::lake::gaps::GapCause;
use catchwater_sinks::lake::start::{Extent, numbers_go_on};
use catchwater_sinks::ordinals::{Ordinal, OrdinalRange};

use super::error::Error;
use super::hub_partition::HubPartition;
use super::reading::Reading;
use super::retries::{ATTEMPTS, RETRY_DELAY};
use crate::event::RawBatch;
use crate::eventhubs;
use crate::position::SequenceNumber;

impl HubPartition {
    /// Removes batches from the first number on that the hub has not assigned yet. Returns true if there was one; then
    /// a new link has to read on, which drops that event.
    pub(super) async fn drop_unassigned_numbers(
        &mut self,
        batches: &mut Vec<RawBatch>,
        mut extent: Extent,
    ) -> Result<bool, Error> {
        let is_beyond = |batch: &RawBatch, extent: Extent| {
            batch.first().is_some_and(|first| Some(Ordinal::new(first.get())) > extent.last)
        };
        for _ in 1..ATTEMPTS {
            if !batches.iter().any(|batch| is_beyond(batch, extent)) {
                return Ok(false);
            }
            // The hub's extent may lag behind its links.
            tokio::time::sleep(RETRY_DELAY).await;
            (_, extent) = self.extent().await?;
        }
        let Some(at) = batches.iter().position(|batch| is_beyond(batch, extent)) else { return Ok(false) };
        if let Some(number) = batches[at].first() {
            tracing::warn!(
                partition = %self.id, %number, last = ?extent.last.map(Ordinal::get),
                "an event has a sequence number that the event hub has not assigned yet; the event is dropped"
            );
            self.distrust.jumps.push(number);
        }
        batches.truncate(at);
        Ok(true)
    }

    /// Lets the next link drop deliveries with numbers of earlier events, if a link ended because of them and the hub
    /// has later events.
    ///
    /// # Errors
    /// The link's error, if it ended for any other reason.
    pub(super) async fn distrust_stale_numbers(
        &mut self,
        at: &Reading,
        error: eventhubs::Error,
    ) -> Result<(), Error> {
        let stale = matches!(error, eventhubs::Error::WentBack { .. }) && !self.distrust.stale;
        let last_received = at.last_received();
        if !stale
            || numbers_go_on(at.last.map(|_| Ordinal::new(last_received.get())), self.extent().await?.1)
                .is_err()
        {
            return Err(self.hub_error(error));
        }
        tracing::warn!(
            partition = %self.id, %last_received,
            "deliveries with sequence numbers of earlier events are dropped"
        );
        self.distrust.stale = true;
        Ok(())
    }

    /// Warns that the offset of the checkpoint did not lead to the event after it: it is only a hint, and the next link
    /// is attached by the number, which is certain.
    pub(super) fn warn_of_offset(&self, at: &Reading) {
        tracing::warn!(
            partition = %self.id, expected = %at.expected,
            "the checkpoint's offset does not lead to the event after it; attaching by its sequence number"
        );
    }

    /// Records the gaps before the batches: numbers that the hub left out, or whose deliveries were unreadable. Numbers
    /// below `begin` were removed by retention and are not recorded here.
    pub(super) async fn accept_gaps(
        &self,
        mut next: Ordinal,
        batches: &[RawBatch],
        begin: Ordinal,
    ) -> Result<(), Error> {
        let (mut not_sent, mut unreadable) = (Vec::new(), Vec::new());
        for batch in batches {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
            let gap = OrdinalRange::new(next.max(begin), Ordinal::new(first.get() - 1));
            let gaps = if batch.unreadable() > 0 { &mut unreadable } else { &mut not_sent };
            gaps.extend((gap.from <= gap.to).then_some(gap));
            next = Ordinal::new(last.get() + 1);
        }
        for (cause, gaps) in [(GapCause::NotSent, not_sent), (GapCause::Unreadable, unreadable)] {
            self.deps.records.accept_gaps(&self.source, cause, &gaps).await?;
            let numbers = gaps.iter().copied().map(OrdinalRange::len).sum();
            self.deps.metrics.gaps_accepted.add(numbers);
        }
        Ok(())
    }

    /// Counts deliveries that were dropped because their number could not be read.
    pub(super) fn count_unreadable(&self, deliveries: u32, last_received: SequenceNumber) {
        if deliveries == 0 {
            return;
        }
        self.deps.metrics.deliveries_unreadable.add(u64::from(deliveries));
        tracing::warn!(
            partition = %self.id, deliveries, %last_received,
            "deliveries without a readable sequence number were dropped; the lake records the numbers that are missing"
        );
    }
}
