//! Memory of one batch: the bytes of its events and the spans that find them.

use crate::clock::UnixMillis;
use crate::position::SequenceNumber;

/// The bytes of a batch's events. Empty buffers own no memory.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// For each event its encoded application properties, then its body.
    pub(super) bytes: Vec<u8>,
    /// For each event its offset, its content type and the reason why it is undecodable.
    pub(super) texts: String,
    pub(super) events: Vec<EventSpans>,
}

impl Buffers {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.texts.clear();
        self.events.clear();
    }

    /// Lengths of bytes, texts and events.
    pub(super) fn lengths(&self) -> [usize; 3] {
        [self.bytes.len(), self.texts.len(), self.events.len()]
    }

    /// Allocated bytes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.texts.capacity() + self.events.capacity() * size_of::<EventSpans>()
    }
}

/// One event: spans into [`Buffers`] as (start, end), and its fixed-size fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventSpans {
    pub(super) properties: (u32, u32),
    pub(super) body: (u32, u32),
    pub(super) offset: (u32, u32),
    pub(super) content_type: (u32, u32),
    pub(super) sequence_number: SequenceNumber,
    pub(super) enqueued_time: UnixMillis,
    pub(super) size_exceeded: bool,
    /// Length of the reason, which follows the content type; 0 for a message that was decoded. This field and the next
    /// one fill padding, so that decoded events pay nothing for them.
    pub(super) reason_bytes: u16,
    pub(super) byte_offset: u32,
}

/// Value of [`EventSpans::byte_offset`] for a reason without a place in the message.
pub(super) const NO_BYTE_OFFSET: u32 = u32::MAX;

impl EventSpans {
    /// The same event, moved to the start of other buffers.
    pub(super) fn moved_to_start(self) -> Self {
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

    #[test]
    fn fields_of_undecodable_messages_fill_padding() {
        assert_eq!(size_of::<EventSpans>(), 4 * size_of::<(u32, u32)>() + 3 * size_of::<u64>());
    }
}
