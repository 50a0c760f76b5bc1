//! Transfers of one channel, cut out of the socket's buffer where they lie.

use super::protocol_error::ProtocolError;
use crate::amqp::MAX_FRAME_SIZE;
use crate::amqp::frames::{FrameRef, Layer};
use crate::amqp::performatives::Transfer;
use crate::amqp::transfer::decode_transfer;

/// The run of transfers of one channel that some bytes begin with. It ends at any other frame, and at an incomplete
/// one.
#[derive(Debug)]
pub(crate) struct Transfers<'a> {
    bytes: &'a [u8],
    channel: u16,
    /// The first frame, which the caller has cut to learn its channel.
    first: Option<FrameRef<'a>>,
    consumed: usize,
}

impl<'a> Transfers<'a> {
    /// Begins at `first`, the frame that `bytes` begins with.
    pub(super) fn new(bytes: &'a [u8], first: FrameRef<'a>) -> Self {
        Self { bytes, channel: first.channel, first: Some(first), consumed: 0 }
    }

    /// The next transfer and its payload; `None` at the end of the run.
    ///
    /// # Errors
    /// A frame or a performative that can't be read.
    pub(crate) fn next(&mut self) -> Result<Option<(Transfer<'a>, &'a [u8])>, ProtocolError> {
        let frame = match self.first.take() {
            Some(first) => first,
            None => match FrameRef::first(&self.bytes[self.consumed..], MAX_FRAME_SIZE as usize)? {
                Some(frame) => frame,
                None => return Ok(None),
            },
        };
        if frame.channel != self.channel || frame.body.is_empty() || frame.layer != Layer::Amqp {
            return Ok(None);
        }
        let transfer = decode_transfer(frame.body)?;
        self.consumed += if transfer.is_some() { frame.size } else { 0 };
        Ok(transfer)
    }

    /// Bytes of the transfers that were given out.
    pub(crate) fn consumed(&self) -> usize {
        self.consumed
    }
}
