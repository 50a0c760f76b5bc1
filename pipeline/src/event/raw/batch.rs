//! The finished batch, and the events it gives out.

use super::buffers::{EventSpans, NO_BYTE_OFFSET};
use super::pool::PooledBuffers;
use crate::budget::Permit;
use crate::clock::UnixMillis;
use crate::event::reject::{Reason, Reject};
use crate::position::{PartitionId, SequenceNumber};

/// Events of one partition, in order, with the bytes they arrived as. Immutable; made by
/// [`RawBatchBuilder`](super::RawBatchBuilder).
///
/// # Shape
/// One buffer holds, event after event, the encoded application properties and the body; a second one holds the short
/// texts. The batch carries the permit that pays for both.
#[derive(Debug)]
pub struct RawBatch {
    pub(super) partition: PartitionId,
    pub(super) last_enqueued: Option<SequenceNumber>,
    // Dropped before the permit: memory is given back, then its budget.
    pub(super) buffers: PooledBuffers,
    pub(super) body_bytes: usize,
    pub(super) unreadable: u32,
    #[expect(dead_code, reason = "held for its drop, which releases the budget")]
    pub(super) permit: Permit,
}

/// One event of a [`RawBatch`].
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The body, its sections joined; the whole message where that is `undecodable`.
    pub body: &'a [u8],
    /// Its number in the partition.
    pub sequence_number: SequenceNumber,
    /// The resume token after it; empty when its message has no usable one.
    pub offset: &'a str,
    /// Time at which the hub accepted it, in Unix milliseconds; 0 if its message has no usable time.
    pub enqueued_time: UnixMillis,
    /// The content type that its sender stated; empty without one.
    pub content_type: &'a str,
    /// Its application properties as an AMQP map, not validated; empty when its message has no such section. They are
    /// read for bodies in quarantine only.
    pub encoded_properties: &'a [u8],
    /// The sender left parts out to stay below the size limit (property `MessageMaxSizeExceeded`).
    pub size_exceeded: bool,
    /// The reason if its message can't be decoded. The body is not parsed then: the event belongs in quarantine.
    pub undecodable: Option<Undecodable<'a>>,
}

/// The reason why a message can't be decoded, and its place in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable<'a> {
    /// The reason as text; never empty. Texts of more than 1,000 bytes are cut.
    pub reason: &'a str,
    /// Bytes from the start of the message, if the reason has a place in it.
    pub byte_offset: Option<usize>,
}

impl RawEvent<'_> {
    /// The reject of an event whose message can't be decoded.
    pub fn reject(&self) -> Option<Reject> {
        self.undecodable.map(|Undecodable { reason, byte_offset }| Reject {
            reason: Reason::Undecodable(reason.to_owned()),
            byte_offset,
        })
    }
}

impl RawBatch {
    /// The partition of all events.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// The partition's last sequence number when the hub sent the last event; `None` when the hub has not reported one.
    pub fn last_enqueued(&self) -> Option<SequenceNumber> {
        self.last_enqueued
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.buffers.buffers.events.len()
    }

    /// Returns whether it has no events.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all bodies.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The number of its first event.
    pub fn first(&self) -> Option<SequenceNumber> {
        self.buffers.buffers.events.first().map(|spans| spans.sequence_number)
    }

    /// The number of its last event.
    pub fn last(&self) -> Option<SequenceNumber> {
        self.buffers.buffers.events.last().map(|spans| spans.sequence_number)
    }

    /// Deliveries without a usable sequence number since the previous batch, before or between these events. They were
    /// dropped: no batch has them.
    pub fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        let buffers = &self.buffers.buffers;
        buffers.events.iter().map(|spans| RawEvent {
            body: &buffers.bytes[spans.body.0 as usize..spans.body.1 as usize],
            sequence_number: spans.sequence_number,
            offset: &buffers.texts[spans.offset.0 as usize..spans.offset.1 as usize],
            enqueued_time: spans.enqueued_time,
            content_type: &buffers.texts[spans.content_type.0 as usize..spans.content_type.1 as usize],
            encoded_properties: &buffers.bytes[spans.properties.0 as usize..spans.properties.1 as usize],
            size_exceeded: spans.size_exceeded,
            undecodable: (spans.reason_bytes > 0).then(|| undecodable(&buffers.texts, spans)),
        })
    }
}

#[cold]
fn undecodable<'a>(texts: &'a str, spans: &EventSpans) -> Undecodable<'a> {
    let start = spans.content_type.1 as usize;
    Undecodable {
        reason: &texts[start..start + usize::from(spans.reason_bytes)],
        byte_offset: (spans.byte_offset != NO_BYTE_OFFSET).then_some(spans.byte_offset as usize),
    }
}
