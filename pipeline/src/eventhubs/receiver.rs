//! One partition, read within a budget.

use crate::event::RawBatch;
use crate::position::{Offset, PartitionId, SequenceNumber};

use super::Error;

/// A link that reads one partition; drop it to leave without a word, `close` it to leave politely.
#[derive(Debug)]
pub struct PartitionReceiver {}

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
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first event the hub still has.
    Earliest,
    /// Behind the event of this offset; behind that sequence number when the hub refuses the offset.
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
    /// The partition it reads.
    pub fn partition(&self) -> PartitionId {
        todo!()
    }

    /// Waits for an event, then takes what is there, up to 256 events or 1 MiB. Cancel-safe.
    pub async fn next_batch(&mut self) -> Result<RawBatch, Error> {
        todo!()
    }

    /// The last sequence number the hub had given when it sent the last event; `None` before the first.
    pub fn last_enqueued(&self) -> Option<SequenceNumber> {
        todo!()
    }

    /// Detaches.
    ///
    /// # Errors
    /// `OwnershipLost` when the hub had already given the partition to another reader.
    pub async fn close(self) -> Result<(), Error> {
        todo!()
    }
}
