//! Received events: one, or a batch in an envelope.
//!
//! Owns the contents of a delivery. Does not own: the choice of a partition (`hub`), or storage (`log`).

use crate::amqp::codec::{self, Value};
use crate::amqp::encode::Encoder;
use crate::amqp::sections::{Message, code, lookup};

use super::annotations::PARTITION_KEY;

/// Message format of a batch: an envelope whose Data sections are encoded events.
///
/// # Source
/// Protocol reference 5.3.
pub const BATCH_FORMAT: u32 = 0x8001_3700;

/// Events that are appended to one partition together.
#[derive(Debug)]
pub(in crate::emulator) struct Batch<'a> {
    pub(in crate::emulator) events: Vec<Message<'a>>,
    /// Partition key of the envelope, or of the single event.
    pub(in crate::emulator) key: Option<&'a str>,
}

impl<'a> Batch<'a> {
    /// Reads a delivery: one event, or an envelope with several. Only the annotations of an event are validated, as in
    /// the service; the sections after them are opaque.
    pub(in crate::emulator) fn read(format: u32, payload: &'a [u8]) -> Result<Self, codec::Error> {
        let is_batch = format == BATCH_FORMAT;
        let outer = if is_batch { Message::scan(payload)? } else { Message::scan_annotations(payload)? };
        let key = match lookup(outer.message_annotations, PARTITION_KEY)? {
            Some(Value::String(key)) => Some(key),
            _ => None,
        };
        let events = if is_batch {
            outer.data().map(|event| Message::scan_annotations(event?)).collect::<Result<_, _>>()?
        } else {
            vec![outer]
        };
        Ok(Self { events, key })
    }
}

/// An event to append without a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewEvent<'a> {
    /// Body, one Data section.
    pub body: &'a [u8],
    /// Content type.
    pub content_type: Option<&'a str>,
    /// Application properties, all strings.
    pub properties: &'a [(&'a str, &'a str)],
    /// Partition key.
    pub partition_key: Option<&'a str>,
}

impl NewEvent<'_> {
    /// Encodes the event as a sender does.
    pub(in crate::emulator) fn encode(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.body.len() + 256);
        let mut out = Encoder::new(&mut message);
        if let Some(key) = self.partition_key {
            out.described(code::MESSAGE_ANNOTATIONS, |out| {
                out.map(|map| {
                    map.symbol(PARTITION_KEY);
                    map.string(key);
                });
            });
        }
        if let Some(content_type) = self.content_type {
            out.described(code::PROPERTIES, |out| {
                out.list(|list| {
                    list.nulls(6);
                    list.symbol(content_type);
                });
            });
        }
        if !self.properties.is_empty() {
            out.described(code::APPLICATION_PROPERTIES, |out| {
                out.map(|map| {
                    for (name, value) in self.properties {
                        map.string(name);
                        map.string(value);
                    }
                });
            });
        }
        out.described(code::DATA, |out| out.binary(self.body));
        message
    }
}
