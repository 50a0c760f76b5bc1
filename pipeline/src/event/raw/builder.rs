//! Filling a batch: events are copied in, whole or piece by piece.

use std::sync::Arc;

use super::batch::{RawBatch, Undecodable};
use super::buffers::{EventSpans, NO_BYTE_OFFSET};
use super::pool::{BufferPool, PooledBuffers};
use crate::budget::Permit;
use crate::clock::UnixMillis;
use crate::position::{PartitionId, SequenceNumber};

/// A [`RawBatch`] that is being filled.
///
/// An event is added at once ([`push_event`](Self::push_event)), or as it arrives: [`begin_event`](Self::begin_event),
/// [`append_body`](Self::append_body) for each piece, [`finish_event`](Self::finish_event). Until then it is not part
/// of the batch, and [`abandon_event`](Self::abandon_event) removes it.
#[derive(Debug)]
pub struct RawBatchBuilder {
    partition: PartitionId,
    last_enqueued: Option<SequenceNumber>,
    buffers: PooledBuffers,
    body_bytes: usize,
    unreadable: u32,
    /// The event whose body is incomplete.
    open: Option<OpenEvent>,
    /// Lengths of the previous batch: buffers are allocated in that size at the first event, not before.
    expected: [usize; 3],
    permit: Permit,
}

/// Everything about an event that its message states before the body.
#[derive(Clone, Copy, Debug)]
pub struct EventHead<'a> {
    /// Its number in the partition.
    pub sequence_number: SequenceNumber,
    /// The resume token after it; empty when its message has no usable one.
    pub offset: &'a str,
    /// Time at which the hub accepted it, in Unix milliseconds; 0 if its message has no usable time.
    pub enqueued_time: UnixMillis,
    /// The content type that its sender stated; empty without one.
    pub content_type: &'a str,
    /// The application properties section, AMQP-encoded and not validated; empty without such a section.
    pub encoded_properties: &'a [u8],
    /// The sender left parts out to stay below the size limit (property `MessageMaxSizeExceeded`).
    pub size_exceeded: bool,
    /// The reason if its message can't be decoded.
    pub undecodable: Option<Undecodable<'a>>,
    /// The partition's last sequence number when the hub sent this event.
    pub last_enqueued: Option<SequenceNumber>,
}

#[derive(Clone, Copy, Debug)]
struct OpenEvent {
    spans: EventSpans,
    last_enqueued: Option<SequenceNumber>,
}

impl RawBatchBuilder {
    /// Makes an empty builder; `permit` grows with the buffers.
    pub fn new(partition: PartitionId, permit: Permit) -> Self {
        Self {
            partition,
            last_enqueued: None,
            buffers: PooledBuffers::default(),
            body_bytes: 0,
            unreadable: 0,
            open: None,
            expected: [0; 3],
            permit,
        }
    }

    /// Makes an empty builder whose batches take their buffers from `pool` and give them back.
    pub fn with_pool(partition: PartitionId, permit: Permit, pool: Arc<BufferPool>) -> Self {
        let mut builder = Self::new(partition, permit);
        builder.buffers.pool = Some(pool);
        builder
    }

    /// Number of complete events.
    pub fn len(&self) -> usize {
        self.buffers.buffers.events.len()
    }

    /// Returns whether no event is complete.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all complete bodies.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Bytes of all bodies and encoded properties.
    pub fn byte_size(&self) -> usize {
        self.buffers.buffers.bytes.len()
    }

    /// Counts deliveries without a usable sequence number that were dropped before the last event.
    pub fn add_unreadable(&mut self, deliveries: u32) {
        self.unreadable = self.unreadable.saturating_add(deliveries);
    }

    /// Adds a whole event; `body` yields its pieces.
    pub fn push_event<'b>(&mut self, head: &EventHead<'_>, body: impl IntoIterator<Item = &'b [u8]>) {
        self.begin_event(head);
        for piece in body {
            self.append_body(piece);
        }
        self.finish_event();
    }

    /// Begins an event. One that was begun before and not finished is removed.
    pub fn begin_event(&mut self, head: &EventHead<'_>) {
        self.abandon_event();
        if self.buffers.buffers.events.is_empty() {
            self.buffers.reserve(self.expected);
        }
        let buffers = &mut self.buffers.buffers;
        let properties_start = buffers.bytes.len() as u32;
        buffers.bytes.extend_from_slice(head.encoded_properties);
        let body_start = buffers.bytes.len() as u32;
        let offset_start = buffers.texts.len() as u32;
        buffers.texts.push_str(head.offset);
        let content_type_start = buffers.texts.len() as u32;
        buffers.texts.push_str(head.content_type);
        let content_type_end = buffers.texts.len() as u32;
        let [reason_bytes, byte_offset] = head.undecodable.map_or([0; 2], |why| self.push_reason(&why));
        let spans = EventSpans {
            properties: (properties_start, body_start),
            body: (body_start, body_start),
            offset: (offset_start, content_type_start),
            content_type: (content_type_start, content_type_end),
            sequence_number: head.sequence_number,
            enqueued_time: head.enqueued_time,
            size_exceeded: head.size_exceeded,
            reason_bytes: reason_bytes as u16,
            byte_offset,
        };
        self.open = Some(OpenEvent { spans, last_enqueued: head.last_enqueued });
    }

    /// Appends the reason to the texts; returns its length and its byte offset as [`EventSpans`] holds them.
    #[cold]
    fn push_reason(&mut self, why: &Undecodable<'_>) -> [u32; 2] {
        let reason = &why.reason[..why.reason.floor_char_boundary(MAX_REASON_BYTES)];
        self.buffers.buffers.texts.push_str(reason);
        let byte_offset = why.byte_offset.and_then(|offset| u32::try_from(offset).ok());
        [reason.len() as u32, byte_offset.unwrap_or(NO_BYTE_OFFSET)]
    }

    /// The body so far of the open event.
    pub fn open_body(&self) -> &[u8] {
        self.open.as_ref().map_or(&[], |open| &self.buffers.buffers.bytes[open.spans.body.0 as usize..])
    }

    /// Appends a piece to the body of the open event.
    pub fn append_body(&mut self, piece: &[u8]) {
        self.buffers.buffers.bytes.extend_from_slice(piece);
        self.charge();
    }

    /// Completes the open event; returns the length of its body.
    pub fn finish_event(&mut self) -> usize {
        let Some(OpenEvent { mut spans, last_enqueued }) = self.open.take() else { return 0 };
        let buffers = &mut self.buffers.buffers;
        spans.body.1 = buffers.bytes.len() as u32;
        buffers.events.push(spans);
        self.charge();
        let length = (spans.body.1 - spans.body.0) as usize;
        self.body_bytes += length;
        self.last_enqueued = last_enqueued.or(self.last_enqueued);
        length
    }

    /// Removes the open event, if there is one.
    pub fn abandon_event(&mut self) {
        if let Some(OpenEvent { spans, .. }) = self.open.take() {
            self.buffers.buffers.bytes.truncate(spans.properties.0 as usize);
            self.buffers.buffers.texts.truncate(spans.offset.0 as usize);
        }
    }

    /// Takes the complete events out as a batch and begins the next one, which `permit` pays for. An open event moves
    /// there.
    #[must_use]
    pub fn take_batch(&mut self, permit: Permit) -> RawBatch {
        let mut next = Self::new(self.partition, permit);
        (next.last_enqueued, next.buffers.pool) = (self.last_enqueued, self.buffers.pool.clone());
        next.expected = self.buffers.buffers.lengths();
        if let Some(open) = self.open.take() {
            let filled = &mut self.buffers.buffers;
            let [bytes, texts] = [open.spans.properties.0 as usize, open.spans.offset.0 as usize];
            next.expected = [bytes, texts, filled.events.len()];
            next.buffers.reserve(next.expected);
            next.buffers.buffers.bytes.extend_from_slice(&filled.bytes[bytes..]);
            next.buffers.buffers.texts.push_str(&filled.texts[texts..]);
            next.open = Some(OpenEvent { spans: open.spans.moved_to_start(), ..open });
            next.charge();
            filled.bytes.truncate(bytes);
            filled.texts.truncate(texts);
        }
        std::mem::replace(self, next).into_batch()
    }

    /// Ends the batch. An open event is lost.
    #[must_use]
    pub fn build(mut self) -> RawBatch {
        self.abandon_event();
        self.into_batch()
    }

    fn into_batch(self) -> RawBatch {
        let Self { partition, last_enqueued, buffers, body_bytes, unreadable, permit, .. } = self;
        RawBatch { partition, last_enqueued, buffers, body_bytes, unreadable, permit }
    }

    fn charge(&mut self) {
        self.permit.resize(self.buffers.buffers.capacity());
    }
}

/// Upper bound on a reason's text. Ours have at most 200 bytes, but a reason may quote the name of an annotation.
const MAX_REASON_BYTES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    fn head(number: i64, offset: &str) -> EventHead<'_> {
        EventHead {
            sequence_number: SequenceNumber::new(number),
            offset,
            enqueued_time: UnixMillis::new(number * 10),
            content_type: "text",
            encoded_properties: b"p",
            size_exceeded: false,
            undecodable: None,
            last_enqueued: Some(SequenceNumber::new(number + 100)),
        }
    }

    #[test]
    fn open_event_moves_to_the_next_batch() {
        let budget = Budget::new(1_000_000);
        let mut builder = RawBatchBuilder::new(PartitionId::new(3), budget.charge(0));
        builder.push_event(&head(1, "one"), [&b"first "[..], b"event"]);
        builder.begin_event(&head(2, "two"));
        builder.append_body(b"second ");
        let taken = builder.take_batch(budget.charge(0));
        let whole: Vec<_> = taken.iter().map(|event| (event.offset, event.body)).collect();
        assert_eq!(whole, [("one", &b"first event"[..])]);
        assert!(builder.is_empty());
        builder.append_body(b"event");
        assert_eq!((builder.finish_event(), builder.body_bytes(), taken.body_bytes()), (12, 12, 11));
        let batch = builder.build();
        let whole: Vec<_> = batch
            .iter()
            .map(|event| (event.offset, event.encoded_properties, event.content_type, event.body))
            .collect();
        assert_eq!(whole, [("two", &b"p"[..], "text", &b"second event"[..])]);
        assert_eq!(
            [&taken, &batch].map(RawBatch::last_enqueued),
            [101, 102].map(|last| Some(SequenceNumber::new(last)))
        );
        drop((batch, taken));
        assert_eq!(budget.available(), 1_000_000);
    }

    #[test]
    fn last_enqueued_is_kept_when_an_event_lacks_it() {
        let budget = Budget::new(1_000_000);
        let mut builder = RawBatchBuilder::new(PartitionId::new(3), budget.charge(0));
        let without = |number| EventHead { last_enqueued: None, ..head(number, "") };
        builder.push_event(&without(1), []);
        assert_eq!(builder.take_batch(budget.charge(0)).last_enqueued(), None);
        builder.push_event(&head(2, ""), []);
        builder.push_event(&without(3), []);
        builder.begin_event(&head(4, ""));
        builder.abandon_event();
        assert_eq!(builder.take_batch(budget.charge(0)).last_enqueued(), Some(SequenceNumber::new(102)));
        builder.push_event(&without(5), []);
        assert_eq!(builder.build().last_enqueued(), Some(SequenceNumber::new(102)));
    }

    #[test]
    fn large_batches_reuse_buffers() {
        let (budget, pool) = (Budget::new(1_000_000), BufferPool::new());
        let body = vec![b'x'; 50_000];
        let mut builder =
            RawBatchBuilder::with_pool(PartitionId::new(3), budget.charge(0), Arc::clone(&pool));
        let mut addresses = Vec::new();
        for number in 1..=4 {
            builder.push_event(&head(number, "one"), [&body[..]]);
            let taken = builder.take_batch(budget.charge(0));
            let whole: Vec<_> = taken.iter().map(|event| (event.sequence_number.get(), event.body)).collect();
            assert_eq!(whole, [(number, &body[..])]);
            addresses.push(taken.buffers.buffers.bytes.as_ptr());
        }
        assert!(addresses[1..].windows(2).all(|two| two[0] == two[1]), "{addresses:?}");
        assert_eq!(budget.available(), 1_000_000, "pooled buffers are not charged");
        // A quiet partition allocates what it needs.
        builder.push_event(&head(5, "one"), [&b"small"[..]]);
        drop(builder.take_batch(budget.charge(0)));
        builder.push_event(&head(6, "one"), [&b"small"[..]]);
        assert!(budget.available() > 999_000, "{}", budget.available());
    }

    #[test]
    fn reasons_of_undecodable_messages_stay_with_their_events() {
        let budget = Budget::new(1_000_000);
        let mut builder = RawBatchBuilder::new(PartitionId::new(0), budget.charge(0));
        let why = |reason, byte_offset| Some(Undecodable { reason, byte_offset });
        let long = "é".repeat(MAX_REASON_BYTES);
        let reasons = [why("at the start", Some(0)), None, why("no place", None), why(&long, Some(7))];
        for (number, undecodable) in (1..).zip(reasons) {
            builder.push_event(&EventHead { undecodable, ..head(number, "offset") }, [&b"message"[..]]);
        }
        // An open event keeps its reason in the next batch.
        builder.begin_event(&EventHead { undecodable: reasons[0], ..head(5, "last") });
        builder.append_body(b"mess");
        assert_eq!(builder.open_body(), b"mess");
        let taken = builder.take_batch(budget.charge(0));
        builder.append_body(b"age");
        assert_eq!(builder.open_body(), b"message");
        builder.finish_event();
        let read = |batch: &RawBatch| -> Vec<_> {
            batch
                .iter()
                .map(|event| {
                    assert_eq!((event.body, event.content_type), (&b"message"[..], "text"));
                    event.reject().map(|reject| (reject.reason.to_string(), reject.byte_offset))
                })
                .collect()
        };
        let rejected = |reason: &str, byte_offset| {
            Some((format!("the AMQP message can't be decoded: {reason}"), byte_offset))
        };
        let expected = [
            rejected("at the start", Some(0)),
            None,
            rejected("no place", None),
            rejected(&long[..MAX_REASON_BYTES], Some(7)),
        ];
        assert_eq!(read(&taken), expected);
        assert_eq!(read(&builder.build()), [rejected("at the start", Some(0))]);
    }

    #[test]
    fn abandoned_event_leaves_nothing() {
        let mut builder = RawBatchBuilder::new(PartitionId::new(0), Budget::new(1).charge(0));
        builder.begin_event(&head(1, "one"));
        builder.append_body(b"half");
        builder.abandon_event();
        builder.push_event(&head(2, "two"), [&b"whole"[..]]);
        builder.begin_event(&head(3, "three"));
        let batch = builder.build();
        let whole: Vec<_> = batch.iter().map(|event| (event.offset, event.body)).collect();
        assert_eq!(whole, [("two", &b"whole"[..])]);
    }
}
