//! Frames: cutting them out of a byte stream and putting them onto one.
//!
//! Owns the eight bytes in front of every frame and the limits on its size. Does not own: the socket, or what
//! stands in a frame (`performatives`).

use bytes::{Buf, Bytes, BytesMut};

use super::{AMQP_HEADER, SASL_HEADER};

/// The layer that a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Frames of type 0.
    Amqp,
    /// Frames of type 1.
    Sasl,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its layer.
    pub layer: Layer,
    /// Its channel; SASL frames ignore it.
    pub channel: u16,
    /// What stands behind the header; empty for a heartbeat.
    pub body: Bytes,
}

/// Collects bytes from a socket and gives back whole frames.
#[derive(Debug)]
pub struct FrameBuffer {
    bytes: BytesMut,
    frame_size_max: usize,
}

impl FrameBuffer {
    /// Makes an empty buffer that refuses frames above `frame_size_max` bytes.
    pub fn new(frame_size_max: u32) -> Self {
        Self { bytes: BytesMut::new(), frame_size_max: frame_size_max as usize }
    }

    /// Returns the buffer that the socket is read into, with room for a large read.
    pub fn space(&mut self) -> &mut BytesMut {
        // One read of this size holds a full frame, and dozens of small ones.
        self.bytes.reserve(64 * 1024);
        &mut self.bytes
    }

    /// Appends bytes that were read elsewhere.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Cuts the next protocol header off, once its eight bytes are there.
    ///
    /// # Errors
    /// [`Error::Protocol`] when they are the header of no layer we speak.
    pub fn next_header(&mut self) -> Result<Option<Layer>, Error> {
        let Some(header) = self.bytes.first_chunk::<8>().copied() else { return Ok(None) };
        self.bytes.advance(8);
        match header {
            AMQP_HEADER => Ok(Some(Layer::Amqp)),
            SASL_HEADER => Ok(Some(Layer::Sasl)),
            _ => Err(Error::Protocol),
        }
    }

    /// Cuts the next frame off, once it is there as a whole.
    ///
    /// # Errors
    /// The stream can't be read past a frame that breaks the rules: the connection has to end.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Error> {
        let Some(head) = Head::read(&self.bytes, self.frame_size_max)? else { return Ok(None) };
        if self.bytes.len() < head.size {
            return Ok(None);
        }
        let mut body = self.bytes.split_to(head.size).freeze();
        body.advance(head.start);
        Ok(Some(Frame { layer: head.layer, channel: head.channel, body }))
    }
}

/// One frame where it stands in the buffer that the socket was read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef<'a> {
    /// Its layer.
    pub layer: Layer,
    /// Its channel; SASL frames ignore it.
    pub channel: u16,
    /// What stands behind the header; empty for a heartbeat.
    pub body: &'a [u8],
    /// Its bytes, header included.
    pub size: usize,
}

impl<'a> FrameRef<'a> {
    /// Finds the frame that `bytes` begins with, once it is there as a whole.
    ///
    /// # Errors
    /// As [`FrameBuffer::next_frame`].
    pub fn first(bytes: &'a [u8], frame_size_max: usize) -> Result<Option<Self>, Error> {
        let Some(head) = Head::read(bytes, frame_size_max)? else { return Ok(None) };
        let body = bytes.get(head.start..head.size);
        Ok(body.map(|body| Self { layer: head.layer, channel: head.channel, body, size: head.size }))
    }
}

/// What the eight bytes in front of a frame say.
struct Head {
    size: usize,
    start: usize,
    layer: Layer,
    channel: u16,
}

impl Head {
    fn read(bytes: &[u8], frame_size_max: usize) -> Result<Option<Self>, Error> {
        let Some(header) = bytes.first_chunk::<8>() else { return Ok(None) };
        let [size @ .., data_offset, layer, _, _] = *header;
        let size = u32::from_be_bytes(size) as usize;
        let start = usize::from(data_offset) * 4;
        if size > frame_size_max {
            return Err(Error::TooLarge { size, limit: frame_size_max });
        }
        if start < 8 || start > size {
            return Err(Error::DataOffset(data_offset));
        }
        let layer = match layer {
            0 => Layer::Amqp,
            1 => Layer::Sasl,
            other => return Err(Error::Layer(other)),
        };
        Ok(Some(Self { size, start, layer, channel: u16::from_be_bytes([header[6], header[7]]) }))
    }
}

/// What breaks the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes name another protocol or version.
    #[error("the peer does not speak AMQP 1.0")]
    Protocol,
    /// A frame above the stated limit.
    #[error("a frame of {size} bytes is larger than {limit}")]
    TooLarge {
        /// What the frame says of itself.
        size: usize,
        /// What was allowed.
        limit: usize,
    },
    /// A data offset inside the header or beyond the frame.
    #[error("a frame has a data offset of {0}")]
    DataOffset(u8),
    /// A frame of an unknown type.
    #[error("a frame is of type {0}")]
    Layer(u8),
}

/// Puts a frame of the AMQP layer onto `out`, with the body that `body` writes.
pub fn put_frame(out: &mut Vec<u8>, channel: u16, body: impl FnOnce(&mut Vec<u8>)) {
    put(out, 0, channel, body);
}

/// Puts a frame of the SASL layer onto `out`.
pub fn put_sasl_frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    put(out, 1, 0, body);
}

/// Puts a frame without body onto `out`: the sign of life of an idle connection.
pub fn put_heartbeat(out: &mut Vec<u8>) {
    put(out, 0, 0, |_| ());
}

fn put(out: &mut Vec<u8>, layer: u8, channel: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    let [high, low] = channel.to_be_bytes();
    out.extend_from_slice(&[0, 0, 0, 0, 2, layer, high, low]);
    body(out);
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: &[u8]) -> FrameBuffer {
        let mut buffer = FrameBuffer::new(512);
        buffer.extend(bytes);
        buffer
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let mut wire = Vec::new();
        put_frame(&mut wire, 7, |out| out.extend_from_slice(b"one"));
        put_heartbeat(&mut wire);
        put_sasl_frame(&mut wire, |out| out.push(9));
        let mut buffer = buffer(&[]);
        let mut frames = Vec::new();
        for byte in wire {
            buffer.extend(&[byte]);
            frames.extend(buffer.next_frame().unwrap());
        }
        let expected = [
            Frame { layer: Layer::Amqp, channel: 7, body: Bytes::from_static(b"one") },
            Frame { layer: Layer::Amqp, channel: 0, body: Bytes::new() },
            Frame { layer: Layer::Sasl, channel: 0, body: Bytes::from_static(&[9]) },
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn frames_that_break_the_rules_are_refused() {
        for (bytes, expected) in [
            ([0, 0, 2, 1, 2, 0, 0, 0], Error::TooLarge { size: 513, limit: 512 }),
            ([0xff; 8], Error::TooLarge { size: u32::MAX as usize, limit: 512 }),
            ([0, 0, 0, 7, 2, 0, 0, 0], Error::DataOffset(2)),
            ([0, 0, 0, 8, 1, 0, 0, 0], Error::DataOffset(1)),
            ([0, 0, 0, 8, 3, 0, 0, 0], Error::DataOffset(3)),
            ([0, 0, 0, 8, 2, 2, 0, 0], Error::Layer(2)),
            ([0; 8], Error::DataOffset(0)),
        ] {
            assert_eq!(buffer(&bytes).next_frame(), Err(expected), "{bytes:?}");
            assert_eq!(FrameRef::first(&bytes, 512), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn headers_name_their_layer() {
        assert_eq!(buffer(&SASL_HEADER).next_header(), Ok(Some(Layer::Sasl)));
        assert_eq!(buffer(&AMQP_HEADER).next_header(), Ok(Some(Layer::Amqp)));
        assert_eq!(buffer(b"AMQP").next_header(), Ok(None));
        assert_eq!(buffer(b"GET / HT").next_header(), Err(Error::Protocol));
    }
}
