//! The read buffer of a connection.

use crate::amqp::MAX_FRAME_SIZE;

/// Bytes from the socket. Consumed bytes stay at the front until their room is needed.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BUFFER_BYTES].into_boxed_slice(), start: 0, end: 0 }
    }

    /// Bytes that were read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The room for the next read. Never empty: whole frames are consumed, and an incomplete one fills at most half.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// The whole buffer, for bytes that are discarded.
    pub(super) fn scratch(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// `count` bytes were read into [`space`](Self::space).
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Removes whole frames. The incomplete frame after them is moved to the front once half of the buffer is used, so
    /// that moves are rare and a read has room for many frames.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end > BUFFER_BYTES / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }
}

/// One read of this size returns dozens of typical events for one system call, and fits a core's second-level cache.
const BUFFER_BYTES: usize = 256 * 1024;

const _: () =
    assert!(MAX_FRAME_SIZE as usize <= BUFFER_BYTES / 2, "a frame must leave room for the next read");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        let mut buffer = ReadBuffer::new();
        let (mut written, mut read) = (0_u32, 0_u32);
        for round in 0..1_000 {
            let space = buffer.space();
            assert!(space.len() >= BUFFER_BYTES / 4, "{} bytes in round {round}", space.len());
            let count = (round * 7_919) % space.len() / 4 * 4;
            for place in space[..count].chunks_exact_mut(4) {
                place.copy_from_slice(&written.to_be_bytes());
                written += 1;
            }
            buffer.filled(count);
            // An incomplete frame stays, of at most the maximum frame size.
            let left = buffer.bytes().len().min((round * 104_729) % 65_536 / 4 * 4);
            let consumed = buffer.bytes().len() - left;
            for word in buffer.bytes()[..consumed].chunks_exact(4) {
                assert_eq!(word, read.to_be_bytes());
                read += 1;
            }
            buffer.consume(consumed);
        }
        assert!(written > 1_000_000 && written - read < 16_384);
    }
}
