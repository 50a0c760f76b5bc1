//! Checks of a link. Any bytes as a hub's frames give the same events and the same error, however they are cut. Any
//! bytes as one message give an event, an undecodable event with these bytes, or a counted drop, and the link
//! continues.

use catchwater::internals::amqp::encode::Encoder;
use catchwater::internals::amqp::map::AmqpMap;
use catchwater::internals::amqp::sections::code;
use catchwater::internals::amqp::transfer::TransferTemplate;
use catchwater::internals::event::RawBatch;
use catchwater::internals::eventhubs::Replay;
use catchwater::internals::position::PartitionId;

/// Panics if a cut changes the events or the error.
pub fn check(bytes: &[u8]) {
    let [size, stream @ ..] = bytes else { return };
    let whole = read(stream, usize::MAX);
    let cut = read(stream, usize::from(*size) + 1);
    assert_eq!(whole, cut, "in pieces of {}", usize::from(*size) + 1);
}

type Event = (i64, String, i64, String, String, bool, Vec<u8>);

fn read(stream: &[u8], size: usize) -> (Vec<Event>, Option<String>) {
    let Ok(mut replay) = Replay::new(PartitionId::new(0), 0, -1, 1 << 20) else { return (Vec::new(), None) };
    let mut buffer = Vec::new();
    let mut error_text = None;
    for piece in stream.chunks(size.min(stream.len().max(1))) {
        buffer.extend_from_slice(piece);
        match replay.feed(&buffer) {
            Ok(taken) => drop(buffer.drain(..taken)),
            Err(error) => {
                error_text = Some(error.to_string());
                break;
            }
        }
    }
    let mut events = Vec::new();
    while let Some(batch) = replay.take() {
        events.extend(batch.iter().map(|event| {
            let [offset, content_type] = [event.offset, event.content_type].map(str::to_owned);
            let mut properties = String::new();
            AmqpMap::new(event.encoded_properties).write_json(&mut properties);
            let (number, time) = (event.sequence_number.get(), event.enqueued_time.get());
            (number, offset, time, content_type, properties, event.size_exceeded, event.body.to_vec())
        }));
    }
    let failed = replay.failure().map(|error| error.to_string());
    (events, failed.or(error_text))
}

/// Panics if a message ends the link, changes a neighbor, or is neither an event nor a counted drop.
pub fn check_message(bytes: &[u8]) {
    let [size, message @ ..] = bytes else { return };
    let whole = between_valid_messages(message, usize::MAX);
    let cut = between_valid_messages(message, usize::from(*size) + 1);
    assert_eq!(whole, cut, "in pieces of {}", usize::from(*size) + 1);
}

/// Sends the message between two valid events and returns sequence number and reject of each event; a dropped message
/// is missing. The last event has nearly the largest sequence number.
fn between_valid_messages(message: &[u8], size: usize) -> Vec<(i64, Option<String>)> {
    let Ok(mut replay) = Replay::new(PartitionId::new(0), 0, -1, 64 << 20) else { return Vec::new() };
    let mut frames = Vec::new();
    let template = TransferTemplate::new(0, 0);
    let [first, last] = [valid(0), valid(i64::MAX - 1)];
    for (id, message) in (0..).zip([first.as_slice(), message, &last]) {
        let mut pieces = message.chunks(size.min(FRAME_BYTES)).peekable();
        let begun = pieces.next().unwrap_or_default();
        if pieces.peek().is_none() {
            template.put_whole(&mut frames, id, &[begun]);
            continue;
        }
        template.put_first(&mut frames, id, begun);
        while let Some(piece) = pieces.next() {
            template.put_next(&mut frames, piece, pieces.peek().is_some());
        }
    }
    assert_eq!(replay.feed(&frames).ok(), Some(frames.len()));
    let batches: Vec<RawBatch> = std::iter::from_fn(|| replay.take()).collect();
    assert!(replay.failure().is_none(), "the link has ended");
    let dropped = batches.iter().map(RawBatch::unreadable).sum::<u32>() + replay.unreadable();
    let mut events = Vec::new();
    for event in batches.iter().flat_map(RawBatch::iter) {
        let reject = event.reject();
        assert!(
            reject.is_none() || event.body == message,
            "an undecodable event keeps the bytes of its message"
        );
        events.push((event.sequence_number.get(), reject.map(|reject| format!("{reject:?}"))));
    }
    assert_eq!(events.len() + dropped as usize, 3, "{events:?} and {dropped} dropped");
    assert_eq!(events[0], (0, None));
    events
}

/// Upper bound on the message bytes in one frame.
const FRAME_BYTES: usize = 60_000;

fn valid(number: i64) -> Vec<u8> {
    let mut message = Vec::new();
    let mut out = Encoder::new(&mut message);
    out.described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("x-opt-sequence-number");
            map.long(number);
            map.symbol("x-opt-offset");
            map.string("7");
            map.symbol("x-opt-enqueued-time");
            map.timestamp(1);
        });
    });
    out.described(code::DATA, |out| out.binary(b"body"));
    message
}
