//! Fast path for sent transfers: a performative encoded once per link and patched per delivery.
//!
//! Owns the layout of the transfers we send. Does not own: credit, windows, or the choice of the next event.

/// Bytes before the payload of a delivery's first frame: frame header and performative.
pub const FIRST_FRAME_OVERHEAD: usize = 38;
/// Bytes before the payload of each later frame.
pub const NEXT_FRAME_OVERHEAD: usize = 29;

// Offsets of the patched fields: channel and handle in both layouts, the others in the layout of their name.
const CHANNEL_AT: usize = 6;
const HANDLE_AT: usize = 15;
const FIRST_DELIVERY_ID_AT: usize = 20;
const FIRST_DELIVERY_TAG_AT: usize = 26;
const FIRST_SETTLED_AT: usize = 31;
const FIRST_MORE_AT: usize = 32;
const NEXT_MORE_AT: usize = 23;

const TRUE: u8 = 0x41;
const FALSE: u8 = 0x42;

/// First frame of a settled delivery: all eleven fields in a fixed width, each at a fixed offset.
#[rustfmt::skip]
const FIRST: [u8; FIRST_FRAME_OVERHEAD] = [
    0, 0, 0, 0, 2, 0, 0, 0,                 // size, data offset, type, channel
    0x00, 0x53, 0x14, 0xc0, 25, 11,         // a list of eleven fields in 25 bytes
    0x70, 0, 0, 0, 0,                       // handle
    0x70, 0, 0, 0, 0,                       // delivery-id
    0xa0, 4, 0, 0, 0, 0,                    // delivery-tag
    0x43, TRUE, FALSE,                      // message-format 0, settled, more
    0x40, 0x40, FALSE, FALSE, FALSE,        // rcv-settle-mode, state, resume, aborted, batchable
];

/// Later frame of the same delivery, without id, tag and format.
#[rustfmt::skip]
const NEXT: [u8; NEXT_FRAME_OVERHEAD] = [
    0, 0, 0, 0, 2, 0, 0, 0,
    0x00, 0x53, 0x14, 0xc0, 16, 11,
    0x70, 0, 0, 0, 0,                       // handle
    0x40, 0x40, 0x40, 0x40, FALSE,          // delivery-id, delivery-tag, message-format, settled, more
    0x40, 0x40, FALSE, FALSE, FALSE,
];

/// Template for the transfers of one link.
#[derive(Clone, Debug)]
pub struct TransferTemplate {
    first: [u8; FIRST_FRAME_OVERHEAD],
    next: [u8; NEXT_FRAME_OVERHEAD],
}

impl TransferTemplate {
    /// Encodes the fields that are the same in all transfers of a link.
    pub fn new(channel: u16, handle: u32) -> Self {
        let mut template = Self { first: FIRST, next: NEXT };
        for frame in [&mut template.first[..], &mut template.next[..]] {
            patch(frame, CHANNEL_AT, channel.to_be_bytes());
            patch(frame, HANDLE_AT, handle.to_be_bytes());
        }
        template
    }

    /// Sets whether later deliveries are settled, as those of a new template are.
    pub fn set_settled(&mut self, settled: bool) {
        self.first[FIRST_SETTLED_AT] = if settled { TRUE } else { FALSE };
    }

    /// Appends a delivery that fits one frame; its payload is the concatenation of `parts`.
    pub fn put_whole(&self, out: &mut Vec<u8>, delivery_id: u32, parts: &[&[u8]]) {
        let start = self.put_first_performative(out, delivery_id);
        for part in parts {
            out.extend_from_slice(part);
        }
        patch_size(out, start);
    }

    /// Appends the first of several frames of a delivery.
    pub fn put_first(&self, out: &mut Vec<u8>, delivery_id: u32, payload: &[u8]) {
        let start = self.put_first_performative(out, delivery_id);
        out[start + FIRST_MORE_AT] = TRUE;
        out.extend_from_slice(payload);
        patch_size(out, start);
    }

    /// Appends a later frame of a delivery.
    pub fn put_next(&self, out: &mut Vec<u8>, payload: &[u8], more: bool) {
        let start = out.len();
        out.extend_from_slice(&self.next);
        out[start + NEXT_MORE_AT] = if more { TRUE } else { FALSE };
        out.extend_from_slice(payload);
        patch_size(out, start);
    }

    fn put_first_performative(&self, out: &mut Vec<u8>, delivery_id: u32) -> usize {
        let start = out.len();
        out.extend_from_slice(&self.first);
        let head = &mut out[start..];
        patch(head, FIRST_DELIVERY_ID_AT, delivery_id.to_be_bytes());
        patch(head, FIRST_DELIVERY_TAG_AT, delivery_id.to_be_bytes());
        start
    }
}

fn patch<const N: usize>(frame: &mut [u8], at: usize, bytes: [u8; N]) {
    frame[at..at + N].copy_from_slice(&bytes);
}

fn patch_size(out: &mut [u8], start: usize) {
    let size = (out.len() - start) as u32;
    patch(&mut out[start..], 0, size.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::frames::{Frame, FrameBuffer};
    use crate::amqp::performatives::{Performative, Transfer};

    fn frames(wire: &[u8]) -> Vec<Frame> {
        let mut buffer = FrameBuffer::new(65_536);
        buffer.extend(wire);
        std::iter::from_fn(|| buffer.next_frame().unwrap()).collect()
    }

    #[test]
    fn patched_frames_decode_as_transfers_with_every_field() {
        let template = TransferTemplate::new(9, 300);
        let mut wire = Vec::new();
        template.put_whole(&mut wire, 0x0102_0304, &[b"ab", b"c"]);
        template.put_first(&mut wire, 5, b"first");
        template.put_next(&mut wire, b"last", false);
        let tag = 0x0102_0304_u32.to_be_bytes();
        let whole = Transfer {
            handle: 300,
            delivery_id: Some(0x0102_0304),
            delivery_tag: Some(&tag),
            message_format: Some(0),
            settled: Some(true),
            ..Transfer::default()
        };
        let first = Transfer { delivery_id: Some(5), delivery_tag: Some(&[0, 0, 0, 5]), more: true, ..whole };
        let next = Transfer { handle: 300, ..Transfer::default() };
        for (frame, (transfer, payload)) in
            frames(&wire).iter().zip([(whole, &b"abc"[..]), (first, b"first"), (next, b"last")])
        {
            assert_eq!(frame.channel, 9);
            assert_eq!(frame.body[5], 11, "all eleven fields are present");
            assert_eq!(Performative::decode(&frame.body), Ok((Performative::Transfer(transfer), payload)));
        }
    }
}
