//! The batch assembler: events of one link between its socket and its reader.
//!
//! Owns: the order of sequence numbers, which deliveries are dropped, where a batch ends, and charging credit and bytes
//! to the budget. Does not own: the arithmetic of credit (`credit`), decoding (`sections`, `body`, `undecodable`),
//! flows (`link`).

use std::collections::VecDeque;
use std::sync::Arc;

use super::credit::Credit;
use crate::amqp::MAX_FRAME_SIZE;
use crate::budget::{Budget, Permit};
use crate::event::{BufferPool, EventHead, RawBatch, RawBatchBuilder};
use crate::eventhubs::error::Error;
use crate::eventhubs::options::Distrust;
use crate::position::{PartitionId, SequenceNumber};

/// Events that have arrived and were not taken yet, and the credit for further ones.
#[derive(Debug)]
pub(crate) struct BatchAssembler {
    partition: PartitionId,
    budget: Arc<Budget>,
    credit: Credit,
    /// Pays for the events that outstanding credit allows.
    permit: Permit,
    /// Full batches, oldest first.
    full: VecDeque<RawBatch>,
    filling: RawBatchBuilder,
    /// Sequence number of the open event.
    open: i64,
    /// Sequence number of the last event, or the position that reading started from.
    position: i64,
    /// The last delivery was an event whose number was in order.
    in_order: bool,
    /// Deliveries dropped since the last event.
    unreadable: u32,
    distrust: Distrust,
}

impl BatchAssembler {
    /// Makes an assembler for events after `position`, whose credit is worth at most `credit_bytes` of `budget`.
    pub(crate) fn new(
        partition: PartitionId,
        position: i64,
        budget: Arc<Budget>,
        credit_bytes: usize,
        pool: Arc<BufferPool>,
    ) -> Self {
        Self {
            partition,
            credit: Credit::new(credit_bytes),
            permit: budget.charge(0),
            full: VecDeque::new(),
            filling: RawBatchBuilder::with_pool(partition, budget.charge(0), pool),
            budget,
            open: position,
            position,
            in_order: false,
            unreadable: 0,
            distrust: Distrust::default(),
        }
    }

    /// Drops deliveries with these sequence numbers.
    pub(crate) fn with_distrust(self, distrust: Distrust) -> Self {
        Self { distrust, ..self }
    }

    /// The budget that pays for credit and batches.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Outstanding credit, in events.
    pub(crate) fn outstanding(&self) -> u32 {
        self.credit.outstanding()
    }

    /// Returns whether an event of this number may be next: above the last one, and not far beyond the hub's last one.
    /// A number that the hub never assigned would put every later event out of order.
    pub(super) fn may_follow(&self, number: SequenceNumber, last_enqueued: Option<SequenceNumber>) -> bool {
        let is_far = |last: SequenceNumber| number.get().saturating_sub(last.get()) > NUMBERS_AHEAD_MAX;
        if number.get() == self.position + 1 {
            return true;
        }
        number.get() > self.position
            && !last_enqueued.is_some_and(is_far)
            && !self.distrust.jumps.contains(&number)
    }

    /// Begins an event that [`may_follow`](Self::may_follow). Its body is appended, then it is finished.
    pub(super) fn begin_event(&mut self, head: &EventHead<'_>) {
        let number = head.sequence_number.get();
        let jumps = number != self.position + 1;
        if self.is_full() || (jumps && !self.filling.is_empty()) {
            // The event after a gap is the first of its batch: readers look for gaps only between batches.
            self.close_batch();
        }
        self.open = number;
        self.filling.begin_event(head);
    }

    /// The body so far of the open event.
    pub(super) fn open_body(&self) -> &[u8] {
        self.filling.open_body()
    }

    /// Appends a piece to the body of the open event.
    pub(super) fn append_body(&mut self, piece: &[u8]) {
        self.filling.append_body(piece);
    }

    /// Completes the open event.
    pub(super) fn finish_event(&mut self) {
        let length = self.filling.finish_event();
        self.credit.arrive(length);
        self.position = self.open;
        self.in_order = true;
        // After a gap, this is the batch that begins with it.
        self.filling.add_unreadable(std::mem::take(&mut self.unreadable));
    }

    /// Removes the open event, if there is one.
    pub(super) fn abandon_event(&mut self) {
        self.filling.abandon_event();
    }

    /// Drops and counts a delivery whose position is unknown.
    pub(super) fn drop_unreadable(&mut self) {
        self.unreadable = self.unreadable.saturating_add(1);
        self.lapse();
    }

    /// Handles a delivery whose number may not follow. A number far beyond the hub's last one is dropped. One that is
    /// not above the last event is dropped after an event in order: it may be a repeated delivery or a wrong
    /// annotation.
    ///
    /// # Errors
    /// Such a number on the first delivery of a link, or twice in a row: the hub may have another log than the one
    /// that the position is of.
    pub(super) fn drop_out_of_order(&mut self, number: SequenceNumber) -> Result<(), Error> {
        if number.get() > self.position || self.distrust.stale {
            self.drop_unreadable();
            return Ok(());
        }
        if !std::mem::take(&mut self.in_order) {
            let (partition, position) = (self.partition, self.position);
            return Err(Error::WentBack { partition, arrived: number.get(), position });
        }
        self.drop_unreadable();
        Ok(())
    }

    /// Deliveries dropped since the last event.
    pub(crate) fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// A delivery has used credit without being an event.
    pub(super) fn lapse(&mut self) {
        self.credit.lapse();
    }

    /// No more events arrive: releases outstanding credit.
    pub(crate) fn stop(&mut self) {
        self.credit.stop();
        self.charge_credit(0);
    }

    /// Drops all batches.
    pub(crate) fn clear(&mut self) {
        self.full.clear();
        drop(self.next_batch());
    }

    /// Charges the budget for what outstanding credit can bring within a session window of `window` transfers: nothing
    /// without window. Once per run of transfers, not per event.
    pub(crate) fn charge_credit(&mut self, window: u32) {
        self.permit.resize(self.credit.bytes().min(window as usize * MAX_FRAME_SIZE as usize));
    }

    /// Takes the oldest batch.
    pub(crate) fn take_batch(&mut self) -> Option<RawBatch> {
        let batch = match self.full.pop_front() {
            Some(batch) => batch,
            None if self.filling.is_empty() => return None,
            None => self.next_batch(),
        };
        self.credit.take(batch.len() as u32);
        Some(batch)
    }

    /// Grants credit if some is due and the budget is not exhausted; returns the link credit to send.
    pub(crate) fn top_up(&mut self) -> Option<u32> {
        (self.credit.is_due() && self.budget.available() > 0).then(|| self.credit.top_up())
    }

    /// Transfers that outstanding credit is expected to bring.
    pub(crate) fn expected_transfers(&self) -> usize {
        self.credit.transfers()
    }

    /// Returns whether more credit is due.
    pub(crate) fn is_due(&self) -> bool {
        self.credit.is_due()
    }

    fn is_full(&self) -> bool {
        let filling = &self.filling;
        filling.len() >= MAX_BATCH_EVENTS
            || filling.body_bytes() >= MAX_BATCH_BYTES
            || filling.byte_size() >= MAX_BATCH_TOTAL_BYTES
    }

    fn close_batch(&mut self) {
        let full = self.next_batch();
        self.full.push_back(full);
    }

    /// Starts the next batch; returns the one that was filling.
    fn next_batch(&mut self) -> RawBatch {
        self.filling.take_batch(self.budget.charge(0))
    }
}

/// Allowed distance of a sequence number above the hub's reported last one, which may be slightly old.
const NUMBERS_AHEAD_MAX: i64 = 1_000_000;
/// Upper bound on events in a batch: a few milliseconds of a lane's work.
const MAX_BATCH_EVENTS: usize = 256;
/// Soft limit on a batch's body bytes; the last event may exceed it. A batch of this size is still in a core's
/// second-level cache when its lane takes it.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// Upper bound on a message. The largest hubs accept 20 MB; a delivery without an end must not fill the memory.
pub(super) const MAX_EVENT_BYTES: usize = 64 * 1024 * 1024;
/// Soft limit on a batch's bytes, encoded properties included. Only senders of outsized properties meet it.
const MAX_BATCH_TOTAL_BYTES: usize = 64 * 1024 * 1024;

// An undecodable message is kept whole, beside its properties.
const _: () =
    assert!(MAX_BATCH_TOTAL_BYTES + 2 * MAX_EVENT_BYTES <= u32::MAX as usize, "spans in a batch are u32");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMillis;

    #[test]
    fn batch_ends_at_its_total_bytes_when_properties_are_outsized() {
        let budget = Budget::new(1 << 30);
        let mut assembler = BatchAssembler::new(PartitionId::new(0), -1, budget, 1 << 20, BufferPool::new());
        let encoded_properties = &*vec![0; MAX_BATCH_TOTAL_BYTES / 2];
        for number in 0..3 {
            assembler.begin_event(&EventHead {
                sequence_number: SequenceNumber::new(number),
                offset: "",
                enqueued_time: UnixMillis::new(0),
                content_type: "",
                encoded_properties,
                size_exceeded: false,
                undecodable: None,
                last_enqueued: None,
            });
            assembler.finish_event();
        }
        let batches: Vec<RawBatch> = std::iter::from_fn(|| assembler.take_batch()).collect();
        assert_eq!(batches.iter().map(RawBatch::len).collect::<Vec<_>>(), [2, 1]);
    }
}
