//! The annotations of an event as readers get it: the hub's own before the sender's.
//!
//! Does not own: numbers and offsets (`log`).

use crate::amqp::codec::{self, Value};
use crate::amqp::encode::Encoder;
use crate::amqp::sections::{Message, code};
use crate::clock::UnixMillis;

// Annotations that the hub writes; values of the sender are dropped.
const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
const OFFSET: &str = "x-opt-offset";
const ENQUEUED_TIME: &str = "x-opt-enqueued-time";
/// Annotation with which a sender chooses a partition.
pub(in crate::emulator) const PARTITION_KEY: &str = "x-opt-partition-key";

/// The system properties that the hub adds to an event.
pub(in crate::emulator) struct SystemProperties<'a> {
    pub(in crate::emulator) sequence_number: i64,
    pub(in crate::emulator) offset: &'a str,
    pub(in crate::emulator) enqueued_time: UnixMillis,
    pub(in crate::emulator) key: Option<&'a str>,
}

/// Encodes an event in its sent form: header, the hub's annotations before the sender's, and the rest unchanged.
pub(in crate::emulator) fn encode_event(
    message: &Message<'_>,
    properties: &SystemProperties<'_>,
) -> Result<Vec<u8>, codec::Error> {
    // The hub's three annotations take about 100 bytes with their keys.
    let size = message.header.len() + message.message_annotations.len() + message.bare.len() + 160;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(message.header);
    let mut outcome = Ok(());
    Encoder::new(&mut out).described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| outcome = encode_annotations(map, message, properties));
    });
    outcome?;
    out.extend_from_slice(message.bare);
    Ok(out)
}

fn encode_annotations(
    map: &mut Encoder<'_>,
    message: &Message<'_>,
    properties: &SystemProperties<'_>,
) -> Result<(), codec::Error> {
    map.symbol(SEQUENCE_NUMBER);
    map.long(properties.sequence_number);
    map.symbol(OFFSET);
    map.string(properties.offset);
    map.symbol(ENQUEUED_TIME);
    map.timestamp(properties.enqueued_time.get());
    let mut key = properties.key;
    let mut entries = message.annotations();
    while !entries.is_empty() {
        let (name, value) = (entries.next_raw()?, entries.next_raw()?);
        let text = Value::read(name)?.text();
        if matches!(text, Some(SEQUENCE_NUMBER | OFFSET | ENQUEUED_TIME)) {
            continue;
        }
        if text == Some(PARTITION_KEY) {
            key = None;
        }
        map.raw(name);
        map.raw(value);
    }
    if let Some(key) = key {
        map.symbol(PARTITION_KEY);
        map.string(key);
    }
    Ok(())
}
