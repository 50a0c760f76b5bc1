//! One partition, read within a budget.
//!
//! Owns: waiting, for events or for the budget, and what the caller is told when the link has ended.
//! Does not own: the link and its batches (`inbound`), the arithmetic of credit (`credit`).

use std::sync::Arc;

use super::Error;
use super::inbound::{Connection, PartitionLink};
use crate::budget::Share;
use crate::event::RawBatch;
use crate::position::{Offset, PartitionId, SequenceNumber};

/// A link that reads one partition. Dropping it ends the link.
#[derive(Debug)]
pub struct PartitionReceiver {
    partition: PartitionId,
    subject: String,
    link: PartitionLink,
    share: Arc<Share>,
}

/// How a partition is read.
#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    /// The consumer group, `$Default` mostly.
    pub consumer_group: String,
    /// Where to begin.
    pub start: Start,
    /// With an owner level the reader is the only one of its group: it displaces readers of the same or a lower one.
    pub owner_level: Option<i64>,
    /// The name other readers see in their errors.
    pub name: String,
    /// Faults that an earlier link to the partition has proven.
    pub distrust: Distrust,
}

/// Sequence numbers that a hub stamped and that can't be true, as it says itself when it is asked.
#[derive(Clone, Debug, Default)]
pub struct Distrust {
    /// Numbers above the hub's last one: a delivery that jumps to one of them is dropped.
    pub jumps: Vec<SequenceNumber>,
    /// Numbers that are not above the last event were stamped on several deliveries in a row: each is dropped.
    pub stale: bool,
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first event the hub still has.
    Earliest,
    /// Behind the event of this offset; behind that sequence number when the offset is unknown or the hub refuses it.
    After {
        /// The resume token.
        offset: Offset,
        /// The number of the same event.
        sequence_number: SequenceNumber,
    },
    /// Behind the event of this number.
    AfterSequence(SequenceNumber),
}

impl PartitionReceiver {
    pub(super) async fn attach(
        connection: &Connection,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        share: Arc<Share>,
        partition_share: usize,
    ) -> Result<Self, Error> {
        let link = connection.attach(hub, partition, options, &share, partition_share).await?;
        let subject = format!("partition {partition} of {hub}");
        Ok(Self { partition, subject, link, share })
    }

    /// The partition it reads.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// Waits for an event, then takes what is there, up to 256 events or 256 KiB. Cancel-safe.
    ///
    /// # Errors
    /// The error that ended the link, once. The link is of no more use then.
    pub async fn next_batch(&mut self) -> Result<RawBatch, Error> {
        loop {
            if let Some(batch) = self.ready_batch() {
                return Ok(batch);
            }
            if let Some(error) = self.link.failure() {
                return Err(error);
            }
            tokio::select! {
                () = self.link.news() => {}
                () = self.share.available(), if self.link.is_due() => {}
            }
        }
    }

    /// Takes a batch that is there already. Never waits, and leaves an error to [`next_batch`](Self::next_batch).
    pub fn ready_batch(&mut self) -> Option<RawBatch> {
        self.link.take()
    }

    /// Credit within the budget, in events.
    pub fn outstanding_credit(&self) -> u32 {
        // While the budget is exhausted the socket may not be read.
        if self.share.free() > 0 { self.link.outstanding_credit() } else { 0 }
    }

    /// Deliveries without a usable sequence number after the last event. The batch of the next event counts
    /// them too ([`RawBatch::unreadable`]); if none follows, this is all that tells of them.
    pub fn unreadable(&self) -> u32 {
        self.link.unreadable()
    }

    /// Detaches.
    ///
    /// # Errors
    /// The error that ended the link before or instead, unless [`next_batch`](Self::next_batch) has returned it.
    pub async fn close(self) -> Result<(), Error> {
        self.link.detach(&self.subject).await
    }
}

impl Start {
    /// The number that every event must be above.
    pub(super) fn position(&self) -> i64 {
        match self {
            Self::Earliest => -1,
            Self::After { sequence_number: number, .. } | Self::AfterSequence(number) => number.0,
        }
    }
}
