//! The sections of a message before its body: annotations and properties, read where they lie.
//!
//! Owns: which values are read, their types, and which of them are usable. Does not own: the body (`body`), application
//! properties (`properties`), a message that can't be read here (`undecodable`).
//!
//! Nothing is allocated or copied. Values that are not needed are skipped by their stated size.

use super::properties::Properties;
use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};
use crate::clock::UnixMillis;
use crate::event::{EventHead, scalars};
use crate::eventhubs::names::{ENQUEUED_TIME, LAST_SEQUENCE_NUMBER, OFFSET, SEQUENCE_NUMBER};
use crate::position::SequenceNumber;

/// The values of the sections before a body; `None` where an annotation is missing or has another type.
#[derive(Debug, Default)]
pub(super) struct MessageSections<'a> {
    pub(super) sequence_number: Option<i64>,
    pub(super) offset: Option<&'a str>,
    pub(super) enqueued_time: Option<i64>,
    /// The partition's last sequence number when the hub sent this event.
    pub(super) last_enqueued: Option<SequenceNumber>,
    /// Empty when its sender stated none.
    pub(super) content_type: &'a str,
    pub(super) properties: Properties<'a>,
}

/// The usable position of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventPosition<'a> {
    pub(super) sequence_number: SequenceNumber,
    pub(super) offset: &'a str,
    pub(super) enqueued_time: UnixMillis,
}

impl<'a> MessageSections<'a> {
    /// Reads the sections before the body; returns the rest of the message with them.
    ///
    /// # Errors
    /// A section that is malformed, out of order or cut short. A message without a body is not an error.
    pub(super) fn read(message: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        Self::default().read_after(0, message)
    }

    /// Continues after section `last`.
    pub(super) fn read_after(mut self, mut last: u8, rest: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let mut cursor = Cursor::new(rest);
        while !cursor.is_empty() {
            let body = cursor.rest();
            let section = descriptor(&mut cursor)?;
            if section >= code::DATA {
                return Ok((self, body));
            }
            if section <= last {
                return Err(Error::NotA("a section in order"));
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

    /// The event's position; `None` if an annotation is missing, has another type or is out of range.
    pub(super) fn position(&self) -> Option<EventPosition<'a>> {
        Some(EventPosition {
            sequence_number: SequenceNumber::new(
                self.sequence_number.filter(|number| is_usable_number(*number))?,
            ),
            offset: self.offset?,
            enqueued_time: self.enqueued_time.filter(|time| is_usable_time(*time)).map(UnixMillis::new)?,
        })
    }

    /// The head of the event at `position`.
    pub(super) fn event_head(&self, position: &EventPosition<'a>) -> EventHead<'a> {
        EventHead {
            sequence_number: position.sequence_number,
            offset: position.offset,
            enqueued_time: position.enqueued_time,
            content_type: self.content_type,
            encoded_properties: self.properties.encoded,
            size_exceeded: self.properties.size_exceeded,
            undecodable: None,
            last_enqueued: self.last_enqueued,
        }
    }

    fn message_annotations(&mut self, map: Value<'a>) -> Result<(), Error> {
        for_each_annotation(map, |name, value| {
            if name == SEQUENCE_NUMBER.as_bytes() {
                self.sequence_number = long(value)?;
            } else if name == OFFSET.as_bytes() {
                self.offset = string(value)?;
            } else if name == ENQUEUED_TIME.as_bytes() {
                self.enqueued_time = timestamp(value)?;
            }
            Ok(())
        })
    }

    pub(super) fn delivery_annotations(&mut self, map: Value<'a>) -> Result<(), Error> {
        for_each_annotation(map, |name, value| {
            if name == LAST_SEQUENCE_NUMBER.as_bytes() {
                self.last_enqueued = long(value)?.map(SequenceNumber::new);
            }
            Ok(())
        })
    }
}

/// Returns whether a sequence number is usable: not negative, and another one can follow it.
pub(super) fn is_usable_number(number: i64) -> bool {
    (0..i64::MAX).contains(&number)
}

/// Returns whether a time is usable: in the years 1 to 9999, which readers of a lake and names of day folders allow.
pub(super) fn is_usable_time(unix_ms: i64) -> bool {
    scalars::DATES.contains(&unix_ms)
}

/// Calls `take` with each symbol of a map and its encoded value.
pub(super) fn for_each_annotation<'a>(
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

/// Reads the content type, the seventh field of the properties; empty if it is absent.
pub(super) fn content_type(properties: Value<'_>) -> Result<&str, Error> {
    let mut fields = match properties {
        Value::List(fields) => fields,
        Value::Null => return Ok(""),
        _ => return Err(Error::NotA("a list of properties")),
    };
    for _ in 0..6 {
        fields.next_raw()?;
    }
    // A content type that is not text counts as absent: nothing depends on it.
    let content_type =
        Value::read(fields.next_raw()?).ok().and_then(|value| value.text()).unwrap_or_default();
    while !fields.is_empty() {
        fields.next_raw()?;
    }
    Ok(content_type)
}
