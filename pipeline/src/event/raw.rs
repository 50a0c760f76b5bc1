//! Bodies as they arrived, a batch at a time.

use crate::budget::Permit;
use crate::position::{PartitionId, SequenceNumber};

/// Events of one partition, in order, with the bytes they arrived as.
///
/// # Shape
/// Bodies stand one behind the other in one buffer, short texts in another; both are immutable once the
/// batch is handed on. The batch carries the permit that pays for it.
#[derive(Debug)]
pub struct RawBatch {
    partition: PartitionId,
    bodies: Vec<u8>,
    texts: String,
    events: Vec<Spans>,
    /// What the batch before it came to: the buffers are made that large at the first event, not before.
    expected: [usize; 3],
    permit: Permit,
}

/// One event of a [`RawBatch`].
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The body, its sections joined.
    pub body: &'a [u8],
    /// Its number in the partition.
    pub sequence_number: SequenceNumber,
    /// The resume token behind it.
    pub offset: &'a str,
    /// When the hub took it in, unix milliseconds.
    pub enqueued_time_ms: i64,
    /// The content type its sender stated; empty when there is none.
    pub content_type: &'a str,
    /// Its application properties as a JSON object; empty when there are none.
    pub properties: &'a str,
    /// The sender left parts out to stay below the size limit (property `MessageMaxSizeExceeded`).
    pub size_exceeded: bool,
}

impl RawBatch {
    /// An empty batch; `permit` grows with what is pushed.
    pub fn new(partition: PartitionId, permit: Permit) -> Self {
        Self {
            partition,
            bodies: Vec::new(),
            texts: String::new(),
            events: Vec::new(),
            expected: [0; 3],
            permit,
        }
    }

    /// An empty batch behind this one, expected to become as large.
    #[must_use]
    pub fn next(&self, permit: Permit) -> Self {
        let expected = [self.bodies.len(), self.texts.len(), self.events.len()];
        Self { expected, ..Self::new(self.partition, permit) }
    }

    /// The partition all events are of.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The bytes of its bodies.
    pub fn body_bytes(&self) -> usize {
        self.bodies.len()
    }

    /// The number of its first event.
    pub fn first(&self) -> Option<SequenceNumber> {
        self.events.first().map(|spans| spans.sequence_number)
    }

    /// The number of its last event.
    pub fn last(&self) -> Option<SequenceNumber> {
        self.events.last().map(|spans| spans.sequence_number)
    }

    /// Copies an event in; its body may stand in several pieces. `event.body` is ignored.
    pub fn push<'b>(&mut self, event: RawEvent<'_>, body: impl IntoIterator<Item = &'b [u8]>) {
        if self.events.is_empty() {
            // Growing by doubling would leave as many bytes behind as the batch holds.
            let [bodies, texts, events] = self.expected;
            self.bodies.reserve_exact(bodies);
            self.texts.reserve_exact(texts);
            self.events.reserve_exact(events);
        }
        let body_start = self.bodies.len() as u32;
        for piece in body {
            self.bodies.extend_from_slice(piece);
        }
        let offset_start = self.texts.len() as u32;
        self.texts.push_str(event.offset);
        let content_type_start = self.texts.len() as u32;
        self.texts.push_str(event.content_type);
        let properties_start = self.texts.len() as u32;
        self.texts.push_str(event.properties);
        self.events.push(Spans {
            body: (body_start, self.bodies.len() as u32),
            offset: (offset_start, content_type_start),
            content_type: (content_type_start, properties_start),
            properties: (properties_start, self.texts.len() as u32),
            sequence_number: event.sequence_number,
            enqueued_time_ms: event.enqueued_time_ms,
            size_exceeded: event.size_exceeded,
        });
        let bytes =
            self.bodies.capacity() + self.texts.capacity() + self.events.capacity() * size_of::<Spans>();
        self.permit.resize(bytes);
    }

    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        self.events.iter().map(|spans| RawEvent {
            body: &self.bodies[spans.body.0 as usize..spans.body.1 as usize],
            sequence_number: spans.sequence_number,
            offset: &self.texts[spans.offset.0 as usize..spans.offset.1 as usize],
            enqueued_time_ms: spans.enqueued_time_ms,
            content_type: &self.texts[spans.content_type.0 as usize..spans.content_type.1 as usize],
            properties: &self.texts[spans.properties.0 as usize..spans.properties.1 as usize],
            size_exceeded: spans.size_exceeded,
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Spans {
    body: (u32, u32),
    offset: (u32, u32),
    content_type: (u32, u32),
    properties: (u32, u32),
    sequence_number: SequenceNumber,
    enqueued_time_ms: i64,
    size_exceeded: bool,
}
