//! What stands in front of a body: annotations and properties, read where they lie.
//!
//! Owns: which of them we read, their types, and which values are usable. Does not own: the body (`body`), what
//! application properties are (`properties`), what becomes of a message that is refused here (`undecodable`).
//!
//! Nothing is allocated and nothing is copied. What nobody reads is stepped over by its stated size.

use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};
use crate::event::{EventHead, scalars};
use crate::eventhubs::names::{ENQUEUED_TIME, LAST_SEQUENCE_NUMBER, OFFSET, SEQUENCE_NUMBER};
use crate::position::SequenceNumber;

use super::properties::Properties;

/// What is known of an event before its body.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) sequence_number: Option<i64>,
    pub(super) offset: Option<&'a str>,
    pub(super) enqueued_time_ms: Option<i64>,
    /// The last sequence number of the partition, as it was when the event was sent to us.
    pub(super) last_enqueued: Option<SequenceNumber>,
    /// Empty when its sender stated none.
    pub(super) content_type: &'a str,
    pub(super) properties: Properties<'a>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) sequence_number: SequenceNumber,
    pub(super) offset: &'a str,
    pub(super) enqueued_time_ms: i64,
}

impl<'a> Head<'a> {
    /// Reads the sections up to the body; gives what stands from there on.
    ///
    /// # Errors
    /// Also when `message` ends before the body begins, but not when it ends where the body would begin: a message
    /// may have none.
    pub(super) fn read(message: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        Self::default().sections(message, 0)
    }

    /// Reads on behind section `last`.
    pub(super) fn sections(mut self, rest: &'a [u8], mut last: u8) -> Result<(Self, &'a [u8]), Error> {
        let mut cursor = Cursor::new(rest);
        while !cursor.is_empty() {
            let body = cursor.rest();
            let section = descriptor(&mut cursor)?;
            if section >= code::DATA {
                return Ok((self, body));
            }
            if section <= last {
                return Err(Error::NotA("a section in its order"));
            }
            last = section;
            match section {
                code::DELIVERY_ANNOTATIONS => self.delivery_annotations(cursor.compound()?)?,
                code::MESSAGE_ANNOTATIONS => self.message_annotations(cursor.compound()?)?,
                code::PROPERTIES => self.content_type = content_type(cursor.compound()?)?,
                code::APPLICATION_PROPERTIES => self.properties = Properties::new(cursor.raw()?),
                _ => drop(cursor.raw()?),
            }
        }
        Ok((self, &[]))
    }

    /// The event's position; `None` when an annotation is missing, of another type or out of range.
    pub(super) fn place(&self) -> Option<Place<'a>> {
        Some(Place {
            sequence_number: SequenceNumber(self.sequence_number.filter(|number| is_usable_number(*number))?),
            offset: self.offset?,
            enqueued_time_ms: self.enqueued_time_ms.filter(|time| is_usable_time(*time))?,
        })
    }

    /// The head of the event at this place.
    pub(super) fn event_head(&self, place: &Place<'a>) -> EventHead<'a> {
        EventHead {
            sequence_number: place.sequence_number,
            offset: place.offset,
            enqueued_time_ms: place.enqueued_time_ms,
            content_type: self.content_type,
            encoded_properties: self.properties.encoded,
            size_exceeded: self.properties.size_exceeded,
            undecodable: None,
            last_enqueued: self.last_enqueued,
        }
    }

    fn message_annotations(&mut self, map: Value<'a>) -> Result<(), Error> {
        annotations(map, |name, value| {
            if name == SEQUENCE_NUMBER.as_bytes() {
                self.sequence_number = long(value)?;
            } else if name == OFFSET.as_bytes() {
                self.offset = string(value)?;
            } else if name == ENQUEUED_TIME.as_bytes() {
                self.enqueued_time_ms = timestamp(value)?;
            }
            Ok(())
        })
    }

    pub(super) fn delivery_annotations(&mut self, map: Value<'a>) -> Result<(), Error> {
        annotations(map, |name, value| {
            if name == LAST_SEQUENCE_NUMBER.as_bytes() {
                self.last_enqueued = long(value)?.map(SequenceNumber);
            }
            Ok(())
        })
    }
}

/// A number is usable if a row can have it and another one can come behind it.
pub(super) fn is_usable_number(number: i64) -> bool {
    (0..i64::MAX).contains(&number)
}

/// A time is usable if readers of a lake can read it and a folder can be named by its day: the years 1 to 9999.
pub(super) fn is_usable_time(unix_ms: i64) -> bool {
    scalars::DATES.contains(&unix_ms)
}

/// Gives each name of a map with its encoded value; of several of one name the last one counts.
pub(super) fn annotations<'a>(
    map: Value<'a>,
    mut take: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut items = match map {
        Value::Map(items) if items.len() % 2 == 0 => items,
        Value::Null => return Ok(()),
        _ => return Err(Error::NotA("a map of annotations")),
    };
    while !items.is_empty() {
        let name = items.next_raw()?;
        let value = items.next_raw()?;
        if let [0xa3, _, name @ ..] | [0xb3, _, _, _, _, name @ ..] = name {
            take(name, value)?;
        }
    }
    Ok(())
}

fn string(value: &[u8]) -> Result<Option<&str>, Error> {
    if let [0xa1, _, text @ ..] = value {
        return str::from_utf8(text).map(Some).map_err(|_| Error::NotUtf8);
    }
    Ok(match Value::read(value)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

fn long(value: &[u8]) -> Result<Option<i64>, Error> {
    if let [0x81, a, b, c, d, e, f, g, h] = *value {
        return Ok(Some(i64::from_be_bytes([a, b, c, d, e, f, g, h])));
    }
    Ok(match Value::read(value)? {
        Value::Long(number) => Some(number),
        _ => None,
    })
}

fn timestamp(value: &[u8]) -> Result<Option<i64>, Error> {
    if let [0x83, a, b, c, d, e, f, g, h] = *value {
        return Ok(Some(i64::from_be_bytes([a, b, c, d, e, f, g, h])));
    }
    Ok(match Value::read(value)? {
        Value::Timestamp(ms) => Some(ms),
        _ => None,
    })
}

/// The content type is the seventh of the properties.
pub(super) fn content_type(properties: Value<'_>) -> Result<&str, Error> {
    let mut fields = match properties {
        Value::List(fields) => fields,
        Value::Null => return Ok(""),
        _ => return Err(Error::NotA("a list of properties")),
    };
    for _ in 0..6 {
        fields.next_raw()?;
    }
    // One that is no text is none: no event is refused for what nothing depends on.
    let content_type =
        Value::read(fields.next_raw()?).ok().and_then(|value| value.text()).unwrap_or_default();
    while !fields.is_empty() {
        fields.next_raw()?;
    }
    Ok(content_type)
}
