//! Any bytes as what a hub says on a link: at once or cut anywhere, they give the same events and the same end.

use catchwater::eventhubs::{Replay, properties_json};
use catchwater::position::PartitionId;

/// Panics when a cut changes what is read.
pub fn check(bytes: &[u8]) {
    let [size, said @ ..] = bytes else { return };
    let whole = read(said, usize::MAX);
    let cut = read(said, usize::from(*size) + 1);
    assert_eq!(whole, cut, "in pieces of {}", usize::from(*size) + 1);
}

type Event = (i64, String, i64, String, String, bool, Vec<u8>);

fn read(said: &[u8], size: usize) -> (Vec<Event>, Option<String>) {
    let Ok(mut replay) = Replay::new(PartitionId(0), 0, -1, 1 << 20) else { return (Vec::new(), None) };
    let mut buffer = Vec::new();
    let mut ended = None;
    for piece in said.chunks(size.min(said.len().max(1))) {
        buffer.extend_from_slice(piece);
        match replay.feed(&buffer) {
            Ok(taken) => drop(buffer.drain(..taken)),
            Err(error) => {
                ended = Some(error.to_string());
                break;
            }
        }
    }
    let mut events = Vec::new();
    while let Some(batch) = replay.take() {
        events.extend(batch.iter().map(|event| {
            let [offset, content_type] = [event.offset, event.content_type].map(str::to_owned);
            let mut properties = String::new();
            properties_json(event.encoded_properties, &mut properties);
            let (number, time) = (event.sequence_number.0, event.enqueued_time_ms);
            (number, offset, time, content_type, properties, event.size_exceeded, event.body.to_vec())
        }));
    }
    let failed = replay.failure().map(|error| error.to_string());
    (events, failed.or(ended))
}
