//! Bodies as they arrived, a batch at a time.

use std::sync::Arc;

use super::reject::{Reason, Reject};
use super::spares::Spares;
use crate::budget::Permit;
use crate::position::{PartitionId, SequenceNumber};

/// Events of one partition, in order, with the bytes they arrived as.
///
/// # Shape
/// Bodies stand one behind the other in one buffer, each behind its application properties, and short texts in another;
/// both are immutable once the batch is handed on. The batch carries the permit that pays for it.
///
/// An event comes in at once ([`push`](Self::push)), or as it arrives: [`begin`](Self::begin), its body piece by piece,
/// [`finish`](Self::finish). Until then it is not among the events, and [`abandon`](Self::abandon) forgets it.
#[derive(Debug)]
pub struct RawBatch {
    partition: PartitionId,
    buffers: Buffers,
    body_bytes: usize,
    /// The event whose body is still coming in.
    open: Option<Spans>,
    /// What the batch before it came to: the buffers are made that large at the first event, not before.
    expected: [usize; 3],
    /// Where the buffers come from, and where they go.
    spares: Option<Arc<Spares>>,
    /// See [`unreadable`](Self::unreadable).
    unreadable: u32,
    permit: Permit,
}

/// One event of a [`RawBatch`].
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The body, its sections joined; the whole message where that is `undecodable`.
    pub body: &'a [u8],
    /// Its number in the partition.
    pub sequence_number: SequenceNumber,
    /// The resume token behind it; empty when its message has no usable one.
    pub offset: &'a str,
    /// When the hub took it in, unix milliseconds; 0 when its message has no usable time.
    pub enqueued_time_ms: i64,
    /// The content type its sender stated; empty when there is none.
    pub content_type: &'a str,
    /// Its application properties in the encoding they came in, which only their sender's transport knows; empty when
    /// its message had no section of them. Hardly anybody asks for them, and nobody has seen yet whether they can be read: they are kept of
    /// bodies that are not understood.
    pub encoded_properties: &'a [u8],
    /// The sender left parts out to stay below the size limit (property `MessageMaxSizeExceeded`).
    pub size_exceeded: bool,
    /// Why its message can't be decoded. The body is not parsed then: the event belongs in quarantine.
    pub undecodable: Option<Undecodable<'a>>,
}

/// Why a message can't be decoded, and where in it that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable<'a> {
    /// Why, in words; never empty, and cut where it is longer than any reason.
    pub reason: &'a str,
    /// In bytes from the start of the message, if there is such a place.
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
    /// An empty batch; `permit` grows with what is pushed.
    pub fn new(partition: PartitionId, permit: Permit) -> Self {
        let buffers = Buffers::default();
        Self {
            partition,
            buffers,
            body_bytes: 0,
            open: None,
            expected: [0; 3],
            spares: None,
            unreadable: 0,
            permit,
        }
    }

    /// An empty batch whose buffers, and those of all that follow it, are used again.
    pub fn recycled(partition: PartitionId, permit: Permit, spares: Arc<Spares>) -> Self {
        let mut batch = Self::new(partition, permit);
        batch.spares = Some(spares);
        batch
    }

    /// An empty batch behind this one, expected to become as large.
    #[must_use]
    pub fn next(&self, permit: Permit) -> Self {
        let Buffers { bytes, texts, events } = &self.buffers;
        let expected = [bytes.len(), texts.len(), events.len()];
        let mut next = Self::new(self.partition, permit);
        (next.expected, next.spares) = (expected, self.spares.clone());
        next
    }

    /// The partition all events are of.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.buffers.events.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.buffers.events.is_empty()
    }

    /// The bytes of its bodies.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The number of its first event.
    pub fn first(&self) -> Option<SequenceNumber> {
        self.buffers.events.first().map(|spans| spans.sequence_number)
    }

    /// The number of its last event.
    pub fn last(&self) -> Option<SequenceNumber> {
        self.buffers.events.last().map(|spans| spans.sequence_number)
    }

    /// Deliveries without a usable sequence number since the batch before: ahead of these events or among
    /// them. They are in no batch.
    pub fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// Counts deliveries without a usable sequence number that came ahead of the last event.
    pub fn add_unreadable(&mut self, deliveries: u32) {
        self.unreadable = self.unreadable.saturating_add(deliveries);
    }

    /// Copies an event in; its body may stand in several pieces. `event.body` is ignored.
    pub fn push<'b>(&mut self, event: RawEvent<'_>, body: impl IntoIterator<Item = &'b [u8]>) {
        self.begin(&event);
        for piece in body {
            self.append(piece);
        }
        self.finish();
    }

    /// Begins an event. `event.body` is ignored: it is appended.
    pub fn begin(&mut self, event: &RawEvent<'_>) {
        self.abandon();
        if self.buffers.events.is_empty() {
            self.make_room();
        }
        let properties_start = self.buffers.bytes.len() as u32;
        self.buffers.bytes.extend_from_slice(event.encoded_properties);
        let body_start = self.buffers.bytes.len() as u32;
        let offset_start = self.buffers.texts.len() as u32;
        self.buffers.texts.push_str(event.offset);
        let content_type_start = self.buffers.texts.len() as u32;
        self.buffers.texts.push_str(event.content_type);
        let content_type_end = self.buffers.texts.len() as u32;
        let [reason_bytes, byte_offset] = event.undecodable.map_or([0; 2], |why| self.push_reason(&why));
        self.open = Some(Spans {
            properties: (properties_start, body_start),
            body: (body_start, body_start),
            offset: (offset_start, content_type_start),
            content_type: (content_type_start, content_type_end),
            sequence_number: event.sequence_number,
            enqueued_time_ms: event.enqueued_time_ms,
            size_exceeded: event.size_exceeded,
            reason_bytes: reason_bytes as u16,
            byte_offset,
        });
    }

    /// Appends the reason behind the other texts of its event; gives its length and its place, as [`Spans`] has them.
    #[cold]
    fn push_reason(&mut self, why: &Undecodable<'_>) -> [u32; 2] {
        let reason = &why.reason[..why.reason.floor_char_boundary(REASON_MAX)];
        self.buffers.texts.push_str(reason);
        let byte_offset = why.byte_offset.and_then(|offset| u32::try_from(offset).ok());
        [reason.len() as u32, byte_offset.unwrap_or(NO_PLACE)]
    }

    /// The body so far of the event that was begun.
    pub fn begun(&self) -> &[u8] {
        self.open.as_ref().map_or(&[], |open| &self.buffers.bytes[open.body.0 as usize..])
    }

    /// Appends a piece of the body of the event that was begun.
    pub fn append(&mut self, piece: &[u8]) {
        self.buffers.bytes.extend_from_slice(piece);
        self.charge();
    }

    /// Ends the event that was begun; gives the length of its body.
    pub fn finish(&mut self) -> usize {
        let Some(mut spans) = self.open.take() else { return 0 };
        spans.body.1 = self.buffers.bytes.len() as u32;
        self.buffers.events.push(spans);
        self.charge();
        let length = (spans.body.1 - spans.body.0) as usize;
        self.body_bytes += length;
        length
    }

    /// Forgets the event that was begun, if one was.
    pub fn abandon(&mut self) {
        if let Some(spans) = self.open.take() {
            self.buffers.bytes.truncate(spans.properties.0 as usize);
            self.buffers.texts.truncate(spans.offset.0 as usize);
        }
    }

    /// Takes the events out; one that is still coming in goes on in the batch that stays. `permit` pays for that.
    #[must_use]
    pub fn take(&mut self, permit: Permit) -> Self {
        let mut next = self.next(permit);
        if let Some(open) = self.open.take() {
            let [bytes, texts] = [open.properties.0 as usize, open.offset.0 as usize];
            next.expected = [bytes, texts, self.buffers.events.len()];
            next.make_room();
            next.buffers.bytes.extend_from_slice(&self.buffers.bytes[bytes..]);
            next.buffers.texts.push_str(&self.buffers.texts[texts..]);
            next.open = Some(open.moved_to_the_front());
            next.charge();
            self.buffers.bytes.truncate(bytes);
            self.buffers.texts.truncate(texts);
        }
        std::mem::replace(self, next)
    }

    /// Makes the buffers as large as they are expected to become: growing by doubling would copy what is there, and leave
    /// as many bytes behind as the batch holds.
    fn make_room(&mut self) {
        let [bytes, texts, events] = self.expected;
        if self.buffers.bytes.capacity() < bytes
            && let Some(spare) = self.spares.as_ref().and_then(|spares| spares.take(bytes))
        {
            self.buffers = spare;
        }
        if self.buffers.bytes.capacity() < bytes {
            // Not reserved: an empty buffer that is too small would be copied.
            self.buffers.bytes = Vec::with_capacity(bytes + bytes / 8);
        }
        self.buffers.texts.reserve(texts);
        self.buffers.events.reserve(events);
    }

    fn charge(&mut self) {
        self.permit.resize(self.buffers.capacity());
    }

    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        self.buffers.events.iter().map(|spans| RawEvent {
            body: &self.buffers.bytes[spans.body.0 as usize..spans.body.1 as usize],
            sequence_number: spans.sequence_number,
            offset: &self.buffers.texts[spans.offset.0 as usize..spans.offset.1 as usize],
            enqueued_time_ms: spans.enqueued_time_ms,
            content_type: &self.buffers.texts[spans.content_type.0 as usize..spans.content_type.1 as usize],
            encoded_properties: &self.buffers.bytes[spans.properties.0 as usize..spans.properties.1 as usize],
            size_exceeded: spans.size_exceeded,
            undecodable: (spans.reason_bytes > 0).then(|| self.buffers.undecodable(spans)),
        })
    }
}

impl Drop for RawBatch {
    fn drop(&mut self) {
        if let Some(spares) = &self.spares {
            spares.put(std::mem::take(&mut self.buffers));
        }
    }
}

/// What the events of a batch stand in.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) bytes: Vec<u8>,
    texts: String,
    events: Vec<Spans>,
}

impl Buffers {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.texts.clear();
        self.events.clear();
    }

    #[cold]
    fn undecodable(&self, spans: &Spans) -> Undecodable<'_> {
        let start = spans.content_type.1 as usize;
        Undecodable {
            reason: &self.texts[start..start + usize::from(spans.reason_bytes)],
            byte_offset: (spans.byte_offset != NO_PLACE).then_some(spans.byte_offset as usize),
        }
    }

    fn capacity(&self) -> usize {
        self.bytes.capacity() + self.texts.capacity() + self.events.capacity() * size_of::<Spans>()
    }
}

#[derive(Clone, Copy, Debug)]
struct Spans {
    properties: (u32, u32),
    body: (u32, u32),
    offset: (u32, u32),
    content_type: (u32, u32),
    sequence_number: SequenceNumber,
    enqueued_time_ms: i64,
    size_exceeded: bool,
    /// The length of the reason behind the content type; 0 when the message could be decoded. What is not in quarantine
    /// costs nothing: these two fill what would be padding.
    reason_bytes: u16,
    byte_offset: u32,
}

/// A reason is cut here: it has two hundred bytes at the most, and it may quote an annotation's name.
const REASON_MAX: usize = 1_000;
/// The byte offset of a reason without a place.
const NO_PLACE: u32 = u32::MAX;

impl Spans {
    /// The same event where nothing stands before it.
    fn moved_to_the_front(self) -> Self {
        let [bytes, texts] = [self.properties.0, self.offset.0];
        let moved = |(start, end), by| (start - by, end - by);
        Self {
            properties: moved(self.properties, bytes),
            body: moved(self.body, bytes),
            offset: moved(self.offset, texts),
            content_type: moved(self.content_type, texts),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Share;

    fn event(number: i64, offset: &str) -> RawEvent<'_> {
        RawEvent {
            body: &[],
            sequence_number: SequenceNumber(number),
            offset,
            enqueued_time_ms: number * 10,
            content_type: "text",
            encoded_properties: b"p",
            size_exceeded: false,
            undecodable: None,
        }
    }

    #[test]
    fn an_event_that_is_not_whole_stays_behind() {
        let share = Share::new(1_000_000);
        let mut batch = RawBatch::new(PartitionId(3), share.charge(0));
        batch.push(event(1, "one"), [&b"first "[..], b"event"]);
        batch.begin(&event(2, "two"));
        batch.append(b"second ");
        let taken = batch.take(share.charge(0));
        let whole: Vec<_> = taken.iter().map(|event| (event.offset, event.body)).collect();
        assert_eq!(whole, [("one", &b"first event"[..])]);
        assert!(batch.is_empty());
        batch.append(b"event");
        assert_eq!((batch.finish(), batch.body_bytes(), taken.body_bytes()), (12, 12, 11));
        let whole: Vec<_> = batch
            .iter()
            .map(|event| (event.offset, event.encoded_properties, event.content_type, event.body))
            .collect();
        assert_eq!(whole, [("two", &b"p"[..], "text", &b"second event"[..])]);
        drop((batch, taken));
        assert_eq!(share.free(), 1_000_000);
    }

    #[test]
    fn buffers_are_used_again_where_much_comes() {
        let (share, spares) = (Share::new(1_000_000), Spares::new());
        let body = vec![b'x'; 50_000];
        let mut batch = RawBatch::recycled(PartitionId(3), share.charge(0), Arc::clone(&spares));
        let mut places = Vec::new();
        for number in 1..=4 {
            batch.push(event(number, "one"), [&body[..]]);
            let taken = batch.take(share.charge(0));
            let whole: Vec<_> = taken.iter().map(|event| (event.sequence_number.0, event.body)).collect();
            assert_eq!(whole, [(number, &body[..])]);
            places.push(taken.buffers.bytes.as_ptr());
        }
        assert!(places[1..].windows(2).all(|two| two[0] == two[1]), "{places:?}");
        assert_eq!(share.free(), 1_000_000, "what waits is nobody's");
        // A quiet partition takes what it needs.
        batch.push(event(5, "one"), [&b"small"[..]]);
        drop(batch.take(share.charge(0)));
        batch.push(event(6, "one"), [&b"small"[..]]);
        assert!(share.free() > 999_000, "{}", share.free());
    }

    #[test]
    fn reasons_of_undecodable_messages_stay_with_their_events() {
        let share = Share::new(1_000_000);
        let mut batch = RawBatch::new(PartitionId(0), share.charge(0));
        let why = |reason, byte_offset| Some(Undecodable { reason, byte_offset });
        let long = "é".repeat(REASON_MAX);
        let reasons = [why("at the start", Some(0)), None, why("no place", None), why(&long, Some(7))];
        for (number, undecodable) in (1..).zip(reasons) {
            batch.push(RawEvent { undecodable, ..event(number, "offset") }, [&b"message"[..]]);
        }
        // One that is still coming in keeps its reason where it goes on.
        batch.begin(&RawEvent { undecodable: reasons[0], ..event(5, "last") });
        batch.append(b"mess");
        assert_eq!(batch.begun(), b"mess");
        let taken = batch.take(share.charge(0));
        batch.append(b"age");
        assert_eq!(batch.begun(), b"message");
        batch.finish();
        let read = |batch: &RawBatch| -> Vec<_> {
            batch
                .iter()
                .map(|event| {
                    assert_eq!((event.body, event.content_type), (&b"message"[..], "text"));
                    event.reject().map(|reject| (reject.reason.to_string(), reject.byte_offset))
                })
                .collect()
        };
        let told = |reason: &str, byte_offset| {
            Some((format!("the AMQP message can't be decoded: {reason}"), byte_offset))
        };
        let expected =
            [told("at the start", Some(0)), None, told("no place", None), told(&long[..REASON_MAX], Some(7))];
        assert_eq!(read(&taken), expected);
        assert_eq!(read(&batch), [told("at the start", Some(0))]);
    }

    #[test]
    fn events_cost_no_more_for_what_may_be_undecodable() {
        assert_eq!(size_of::<Spans>(), 4 * size_of::<(u32, u32)>() + 3 * size_of::<u64>());
    }

    #[test]
    fn an_abandoned_event_leaves_nothing() {
        let mut batch = RawBatch::new(PartitionId(0), Share::new(1).charge(0));
        batch.begin(&event(1, "one"));
        batch.append(b"half");
        batch.abandon();
        batch.push(event(2, "two"), [&b"whole"[..]]);
        let whole: Vec<_> = batch.iter().map(|event| (event.offset, event.body)).collect();
        assert_eq!(whole, [("two", &b"whole"[..])]);
    }
}
