//! The events of one link between its socket and its reader: batches that wait, the one that fills, and what the hub
//! may still send.
//!
//! Owns: the order of the sequence numbers, what is dropped because it has none, where a batch ends, and that credit and
//! bytes are paid for. Does not own: the arithmetic of credit (`credit`), what a message carries (`head`, `body`,
//! `undecodable`), flows (`link`).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::budget::{Permit, Share};
use crate::event::{BufferPool, EventHead, RawBatch, RawBatchBuilder};
use crate::eventhubs::credit::Credit;
use crate::eventhubs::{Distrust, Error};
use crate::position::{PartitionId, SequenceNumber};

/// Events that have come in and are not taken yet.
#[derive(Debug)]
pub(super) struct Arrivals {
    partition: PartitionId,
    share: Arc<Share>,
    credit: Credit,
    /// Stands for what the hub may have under way to us.
    permit: Permit,
    /// Batches that are full, oldest first.
    waiting: VecDeque<RawBatch>,
    filling: RawBatchBuilder,
    /// The number of the event that is coming in.
    coming: i64,
    /// The number of the last event; only later ones may come.
    position: i64,
    /// Whether an event has come, and behind it none whose number is out of order.
    in_order: bool,
    /// Deliveries that were dropped since the last event.
    unreadable: u32,
    distrust: Distrust,
}

impl Arrivals {
    /// None yet. `position` is the number that every event must be above.
    pub(super) fn new(
        partition: PartitionId,
        position: i64,
        share: Arc<Share>,
        credit: Credit,
        pool: Arc<BufferPool>,
    ) -> Self {
        Self {
            partition,
            credit,
            permit: share.charge(0),
            waiting: VecDeque::new(),
            filling: RawBatchBuilder::with_pool(partition, share.charge(0), pool),
            share,
            coming: position,
            position,
            in_order: false,
            unreadable: 0,
            distrust: Distrust::default(),
        }
    }

    /// The same, warned of wrong numbers.
    pub(super) fn with_distrust(self, distrust: Distrust) -> Self {
        Self { distrust, ..self }
    }

    /// What pays for them.
    pub(super) fn share(&self) -> &Arc<Share> {
        &self.share
    }

    /// Credit outstanding, in events.
    pub(super) fn under_way(&self) -> u32 {
        self.credit.under_way()
    }

    /// True if an event of this number may come next: above the last one, and not far beyond what the hub had when it was
    /// sent. A number that the hub never assigned would make every later event look like one of another log.
    pub(super) fn may_follow(&self, number: SequenceNumber, last_enqueued: Option<SequenceNumber>) -> bool {
        let is_far = |last: SequenceNumber| number.0.saturating_sub(last.0) > NUMBERS_AHEAD_MAX;
        if number.0 == self.position + 1 {
            return true;
        }
        number.0 > self.position
            && !last_enqueued.is_some_and(is_far)
            && !self.distrust.jumps.contains(&number)
    }

    /// Begins an event that may follow; its body is appended, then it is finished.
    pub(super) fn begin(&mut self, head: &EventHead<'_>) {
        let number = head.sequence_number.0;
        let jumps = number != self.position + 1;
        if self.is_full() || (jumps && !self.filling.is_empty()) {
            // The event behind a jump begins a batch of its own, so that nobody overlooks the jump.
            self.put_by();
        }
        self.coming = number;
        self.filling.begin_event(head);
    }

    /// The body so far of the event that was begun.
    pub(super) fn begun(&self) -> &[u8] {
        self.filling.open_body()
    }

    /// Appends a piece of the body.
    pub(super) fn append(&mut self, piece: &[u8]) {
        self.filling.append_body(piece);
    }

    /// The event is whole: it has arrived.
    pub(super) fn finish(&mut self) {
        let length = self.filling.finish_event();
        self.credit.arrive(length);
        self.position = self.coming;
        self.in_order = true;
        // Behind a jump this is the batch that shows it.
        self.filling.add_unreadable(std::mem::take(&mut self.unreadable));
    }

    /// The event will not become whole, if one was begun.
    pub(super) fn abandon(&mut self) {
        self.filling.abandon_event();
    }

    /// A delivery whose number can't be read is dropped: there is no place for it.
    pub(super) fn drop_unreadable(&mut self) {
        self.unreadable = self.unreadable.saturating_add(1);
        self.lapse();
    }

    /// A delivery whose number may not follow. Far beyond the hub's last one it is dropped. Not above the last one it is
    /// dropped behind good ones, since it may be a repeated delivery or an odd stamp.
    ///
    /// # Errors
    /// The first event of a link, or a second one in a row: that may be another log than the one that was asked for.
    pub(super) fn drop_out_of_order(&mut self, number: SequenceNumber) -> Result<(), Error> {
        if number.0 > self.position || self.distrust.stale {
            self.drop_unreadable();
            return Ok(());
        }
        if !std::mem::take(&mut self.in_order) {
            let (partition, position) = (self.partition, self.position);
            return Err(Error::WentBack { partition, arrived: number.0, position });
        }
        self.drop_unreadable();
        Ok(())
    }

    /// Deliveries dropped since the last event.
    pub(super) fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// A delivery used up credit and gave no event.
    pub(super) fn lapse(&mut self) {
        self.credit.lapse();
    }

    /// Nothing more comes: what was credited is free again.
    pub(super) fn stop(&mut self) {
        self.credit.stop();
        self.settle();
    }

    /// Nobody takes what has come: it is dropped.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        drop(self.fill_next());
    }

    /// Pays for what is under way as it is now: once per socket read, not per event.
    pub(super) fn settle(&mut self) {
        self.permit.resize(self.credit.bytes());
    }

    /// Takes the oldest batch.
    pub(super) fn take(&mut self) -> Option<RawBatch> {
        let batch = match self.waiting.pop_front() {
            Some(batch) => batch,
            None if self.filling.is_empty() => return None,
            None => self.fill_next(),
        };
        self.credit.take(batch.len() as u32);
        Some(batch)
    }

    /// The credit to state now: none unless some is due and the budget has something left. What is stated counts as spent.
    pub(super) fn top_up(&mut self) -> Option<u32> {
        self.settle();
        if !self.credit.is_due() || self.share.free() <= 0 {
            return None;
        }
        let stated = self.credit.top_up();
        self.settle();
        Some(stated)
    }

    /// Whether credit is what is missing.
    pub(super) fn is_due(&self) -> bool {
        self.credit.is_due()
    }

    fn is_full(&self) -> bool {
        self.filling.len() >= MOST_EVENTS || self.filling.body_bytes() >= MOST_BYTES
    }

    fn put_by(&mut self) {
        let full = self.fill_next();
        self.waiting.push_back(full);
    }

    /// Begins the next batch and gives the one that was filling.
    fn fill_next(&mut self) -> RawBatch {
        self.filling.take_batch(self.share.charge(0))
    }
}

/// Allowed distance of a sequence number above the hub's reported last one, which may be slightly old.
const NUMBERS_AHEAD_MAX: i64 = 1_000_000;
/// A batch holds no more events than this: a few milliseconds of a lane's work.
const MOST_EVENTS: usize = 256;
/// Nor more than an event's length above so many bytes: what a core's second-level cache still holds when a lane has it.
const MOST_BYTES: usize = 256 * 1024;
