//! Options of reading a partition.

use crate::clock::UnixMillis;
use crate::position::{Offset, SequenceNumber};

/// The way a partition is read.
#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    /// The consumer group, usually `$Default`.
    pub consumer_group: String,
    /// The position to start from.
    pub start: Start,
    /// With an owner level the reader is the only one of its group: it displaces readers of the same or a lower level.
    pub owner_level: Option<i64>,
    /// The name that other readers see in their errors.
    pub name: String,
    /// Wrong sequence numbers that an earlier link to the partition has found.
    pub distrust: Distrust,
}

/// Sequence numbers in annotations that the hub itself contradicts when it is asked.
#[derive(Clone, Debug, Default)]
pub struct Distrust {
    /// Numbers above the hub's last one: a delivery that jumps to one of them is dropped.
    pub jumps: Vec<SequenceNumber>,
    /// Deliveries whose numbers are not above the last event are dropped, any number of them in a row.
    pub stale: bool,
}

/// The position to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// The first event that the hub still has.
    Earliest,
    /// After the event of this offset; after the sequence number if the offset is unknown or the hub refuses it.
    After {
        /// The resume token.
        offset: Offset,
        /// The number of the same event.
        sequence_number: SequenceNumber,
    },
    /// After the event of this number.
    AfterSequence(SequenceNumber),
    /// The first event that the hub accepted after this time.
    EnqueuedAfter(UnixMillis),
}

impl Start {
    /// The number that every event must be above.
    pub(super) fn position(&self) -> i64 {
        match self {
            Self::Earliest | Self::EnqueuedAfter(_) => -1,
            Self::After { sequence_number: number, .. } | Self::AfterSequence(number) => number.get(),
        }
    }
}
