//! Checks of frames and types. Any bytes give the same frames however they are cut. A performative that can be read is
//! the same after it is written and read again, and a value takes as many bytes read as skipped.

use catchwater::internals::amqp::codec::{Cursor, Value};
use catchwater::internals::amqp::frames::{Frame, FrameBuffer, FrameRef};
use catchwater::internals::amqp::map::AmqpMap;
use catchwater::internals::amqp::performatives::{Performative, encode_close, encode_end};
use catchwater::internals::amqp::sasl::Init;
use catchwater::internals::amqp::sections::{Message, Sections, lookup};
use catchwater::internals::amqp::transfer::decode_transfer;

/// Panics if a property does not hold. The first byte is the size of the pieces.
pub fn check(bytes: &[u8]) {
    let [size, stream @ ..] = bytes else { return };
    let pieces = usize::from(*size) + 1;
    let (frames, error) = read(stream, pieces);
    assert_eq!(borrowed(stream), (frames.clone(), error), "in pieces of {pieces}");
    frames.iter().for_each(|frame| body(&frame.body));
    body(stream);
}

/// The frames of a stream that arrives in pieces, and the error after them.
fn read(stream: &[u8], pieces: usize) -> (Vec<Frame>, Option<String>) {
    let (mut buffer, mut frames) = (FrameBuffer::new(MAX_FRAME_SIZE), Vec::new());
    for piece in stream.chunks(pieces) {
        buffer.extend(piece);
        loop {
            match buffer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }
    (frames, None)
}

/// The same, borrowed from the whole stream.
fn borrowed(mut stream: &[u8]) -> (Vec<Frame>, Option<String>) {
    let mut frames = Vec::new();
    loop {
        match FrameRef::first(stream, MAX_FRAME_SIZE as usize) {
            Ok(Some(FrameRef { layer, channel, body, size })) => {
                frames.push(Frame { layer, channel, body: body.to_vec().into() });
                stream = &stream[size..];
            }
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

/// Checks the body of a frame as a performative, a message, and a value.
fn body(bytes: &[u8]) {
    let slow = Performative::decode(bytes);
    match (decode_transfer(bytes), &slow) {
        (Ok(Some((transfer, payload))), Ok((Performative::Transfer(expected), rest))) => {
            assert_eq!((&transfer, payload), (expected, *rest));
        }
        (Ok(None), Ok((other, _))) => assert!(!matches!(other, Performative::Transfer(_))),
        (Err(fast), Err(slow)) => assert_eq!(fast, *slow),
        (fast, slow) => panic!("{fast:?}, but {slow:?}"),
    }
    if let Ok((performative, _)) = slow {
        let written = write(&performative);
        assert_eq!(Performative::decode(&written), Ok((performative, &[][..])), "{written:02x?}");
    }
    let _ = Init::decode(bytes);
    if let Ok(message) = Message::scan(bytes) {
        assert!(Message::scan_annotations(bytes).is_ok());
        drop(lookup(message.message_annotations, "x-opt-offset"));
        message.annotations().for_each(drop);
        message.data().for_each(drop);
        AmqpMap::new(message.application_properties).write_json(&mut String::new());
    }
    for section in Sections::new(bytes).flatten() {
        value(section.value);
    }
    value(bytes);
}

fn write(performative: &Performative<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match performative {
        Performative::Open(open) => open.encode(&mut out),
        Performative::Begin(begin) => begin.encode(&mut out),
        Performative::Attach(attach) => attach.encode(&mut out),
        Performative::Flow(flow) => flow.encode(&mut out),
        Performative::Transfer(transfer) => transfer.encode(&mut out),
        Performative::Disposition(disposition) => disposition.encode(&mut out),
        Performative::Detach(detach) => detach.encode(&mut out),
        Performative::End(error) => encode_end(*error, &mut out),
        Performative::Close(error) => encode_close(*error, &mut out),
    }
    out
}

fn value(bytes: &[u8]) {
    let (mut reader, mut skipper) = (Cursor::new(bytes), Cursor::new(bytes));
    if let Ok(value) = reader.value() {
        assert!(skipper.raw().is_ok());
        assert_eq!(reader.rest(), skipper.rest(), "{bytes:02x?}");
        let mut items = 0;
        walk(&value, 0, &mut items);
        assert!(items <= bytes.len() * DEPTH_MAX, "{items} items in {} bytes", bytes.len());
    }
}

fn walk(value: &Value<'_>, depth: usize, items: &mut usize) {
    if depth == DEPTH_MAX {
        return;
    }
    for item in value.items().into_iter().flatten().flatten() {
        *items += 1;
        walk(&item, depth + 1, items);
    }
}

/// Nesting to which values are read.
const DEPTH_MAX: usize = 32;

/// Small, so that random sizes exceed it often.
const MAX_FRAME_SIZE: u32 = 4096;
