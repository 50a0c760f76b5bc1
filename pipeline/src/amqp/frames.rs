//! Frames: extracted from a byte stream and appended to one.
//!
//! Owns the eight-byte frame header and the limits on the size of a frame. Does not own: the socket, or the body of a
//! frame (`performatives`).

use bytes::{Buf, Bytes, BytesMut};

use super::{AMQP_HEADER, SASL_HEADER};

/// Layer of a frame.
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
    /// Layer.
    pub layer: Layer,
    /// Channel; meaningless in a SASL frame.
    pub channel: u16,
    /// Bytes after the header; empty in a heartbeat.
    pub body: Bytes,
}

/// Collects bytes from a socket and returns whole frames.
#[derive(Debug)]
pub struct FrameBuffer {
    bytes: BytesMut,
    max_frame_size: usize,
}

impl FrameBuffer {
    /// Returns an empty buffer that rejects frames of more than `max_frame_size` bytes.
    pub fn new(max_frame_size: u32) -> Self {
        Self { bytes: BytesMut::new(), max_frame_size: max_frame_size as usize }
    }

    /// Returns the buffer to read the socket into, with room for a large read.
    pub fn space(&mut self) -> &mut BytesMut {
        // Room for a frame of the maximum size, or for dozens of small ones.
        self.bytes.reserve(64 * 1024);
        &mut self.bytes
    }

    /// Appends bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next protocol header; `None` until its eight bytes are there.
    ///
    /// # Errors
    /// [`Error::Protocol`] unless they are the header of the AMQP or the SASL layer.
    pub fn next_header(&mut self) -> Result<Option<Layer>, Error> {
        let Some(header) = self.bytes.first_chunk::<8>().copied() else { return Ok(None) };
        self.bytes.advance(8);
        match header {
            AMQP_HEADER => Ok(Some(Layer::Amqp)),
            SASL_HEADER => Ok(Some(Layer::Sasl)),
            _ => Err(Error::Protocol),
        }
    }

    /// Takes the next frame; `None` until all of it is there.
    ///
    /// # Errors
    /// A frame breaks the framing. The stream can't be read past it: the connection has to end.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Error> {
        let Some(header) = Header::read(&self.bytes, self.max_frame_size)? else { return Ok(None) };
        if self.bytes.len() < header.size {
            return Ok(None);
        }
        let mut body = self.bytes.split_to(header.size).freeze();
        body.advance(header.body_start);
        Ok(Some(Frame { layer: header.layer, channel: header.channel, body }))
    }
}

/// One frame, borrowed from the buffer that the socket was read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef<'a> {
    /// Layer.
    pub layer: Layer,
    /// Channel; meaningless in a SASL frame.
    pub channel: u16,
    /// Bytes after the header; empty in a heartbeat.
    pub body: &'a [u8],
    /// Size in bytes, header included.
    pub size: usize,
}

impl<'a> FrameRef<'a> {
    /// Returns the frame at the start of `bytes`; `None` until all of it is there.
    ///
    /// # Errors
    /// Like [`FrameBuffer::next_frame`].
    pub fn first(bytes: &'a [u8], max_frame_size: usize) -> Result<Option<Self>, Error> {
        let Some(header) = Header::read(bytes, max_frame_size)? else { return Ok(None) };
        let body = bytes.get(header.body_start..header.size);
        Ok(body.map(|body| Self { layer: header.layer, channel: header.channel, body, size: header.size }))
    }
}

/// The frame header.
struct Header {
    size: usize,
    /// Offset of the body.
    body_start: usize,
    layer: Layer,
    channel: u16,
}

impl Header {
    fn read(bytes: &[u8], max_frame_size: usize) -> Result<Option<Self>, Error> {
        let Some(header) = bytes.first_chunk::<8>() else { return Ok(None) };
        let [size @ .., data_offset, layer, _, _] = *header;
        let size = u32::from_be_bytes(size) as usize;
        let body_start = usize::from(data_offset) * 4;
        if size > max_frame_size {
            return Err(Error::TooLarge { size, limit: max_frame_size });
        }
        if body_start < 8 || body_start > size {
            return Err(Error::DataOffset(data_offset));
        }
        let layer = match layer {
            0 => Layer::Amqp,
            1 => Layer::Sasl,
            other => return Err(Error::Layer(other)),
        };
        Ok(Some(Self { size, body_start, layer, channel: u16::from_be_bytes([header[6], header[7]]) }))
    }
}

/// Violation of the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The protocol header names another protocol or version.
    #[error("the peer does not speak AMQP 1.0")]
    Protocol,
    /// A frame exceeds the maximum frame size.
    #[error("a frame of {size} bytes is larger than {limit}")]
    TooLarge {
        /// Size in its header.
        size: usize,
        /// Maximum frame size.
        limit: usize,
    },
    /// A data offset points into the header or past the frame.
    #[error("a frame has a data offset of {0}")]
    DataOffset(u8),
    /// A frame has an unknown type.
    #[error("a frame is of type {0}")]
    Layer(u8),
}

/// Appends a frame of the AMQP layer with the body that `body` writes.
pub fn put_frame(out: &mut Vec<u8>, channel: u16, body: impl FnOnce(&mut Vec<u8>)) {
    put_frame_of_type(out, 0, channel, body);
}

/// Appends a frame of the SASL layer with the body that `body` writes.
pub fn put_sasl_frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    put_frame_of_type(out, 1, 0, body);
}

/// Appends a heartbeat, a frame without a body.
pub fn put_heartbeat(out: &mut Vec<u8>) {
    put_frame_of_type(out, 0, 0, |_| ());
}

fn put_frame_of_type(out: &mut Vec<u8>, layer: u8, channel: u16, body: impl FnOnce(&mut Vec<u8>)) {
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
    fn frames_are_reassembled_from_single_bytes() {
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
    fn rejects_frames_with_a_wrong_size_offset_or_type() {
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
    fn protocol_headers_select_the_layer() {
        assert_eq!(buffer(&SASL_HEADER).next_header(), Ok(Some(Layer::Sasl)));
        assert_eq!(buffer(&AMQP_HEADER).next_header(), Ok(Some(Layer::Amqp)));
        assert_eq!(buffer(b"AMQP").next_header(), Ok(None));
        assert_eq!(buffer(b"GET / HT").next_header(), Err(Error::Protocol));
    }
}
