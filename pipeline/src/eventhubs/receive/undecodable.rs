//! A message that can't be decoded: its faults as text, and the values that can still be read.
//!
//! Owns: the second pass over a message that `sections` or `body` failed to read. It continues after a fault as far as
//! sizes are stated. Does not own: which messages those are, and what happens to them (`delivery`).
//!
//! The hub writes the annotations and a sender writes the rest, so only the first section of message annotations
//! counts.

use std::fmt::{Arguments, Write as _};

use super::order::BodyOrder;
use super::properties::Properties;
use super::sections::{EventPosition, MessageSections, content_type, is_usable_number, is_usable_time};
use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};
use crate::clock::UnixMillis;
use crate::event::{EventHead, Undecodable};
use crate::eventhubs::names::{ENQUEUED_TIME, OFFSET, SEQUENCE_NUMBER};
use crate::position::SequenceNumber;
use crate::subslice;

/// The readable values and the faults of a message.
#[derive(Debug)]
pub(super) struct Examined<'a> {
    /// Values of the position only if they are usable.
    sections: MessageSections<'a>,
    faults: Faults<'a>,
}

/// Reads as much of a message as possible.
pub(super) fn examine(message: &[u8]) -> Examined<'_> {
    let mut examined = Examined { sections: MessageSections::default(), faults: Faults::new(message) };
    let mut annotated = false;
    let mut order = BodyOrder::default();
    let mut last = 0;
    let mut rest = Cursor::new(message);
    while !rest.is_empty() {
        let at = rest.rest();
        let mut value = rest;
        let section = match (descriptor(&mut value), rest.raw()) {
            (Ok(section), Ok(_)) => section,
            (Err(error), Ok(_)) if at[0] == DESCRIBED => {
                examined.faults.add(Some(at), format_args!("a section is of an unknown kind: {error}"));
                continue;
            }
            (section, _) => {
                examined.faults.add_end(at, section.ok());
                break;
            }
        };
        let is_early = last < code::DATA && section < code::DATA;
        if !(if is_early { section > last } else { order.add(section) }) {
            let [name, before] = [name_of(section), name_of(last)];
            examined.faults.add(Some(at), format_args!("{name} after {before}"));
        }
        last = last.max(section);
        let is_senders = match section {
            code::MESSAGE_ANNOTATIONS => std::mem::replace(&mut annotated, true),
            code::DELIVERY_ANNOTATIONS => !is_early,
            _ => false,
        };
        if !is_senders {
            examined.read_section(section, value);
        }
    }
    examined.add_missing();
    examined
}

impl<'a> Examined<'a> {
    /// The head of the event; `None` when its sequence number is unknown.
    pub(super) fn event_head(&self) -> Option<EventHead<'_>> {
        let position = EventPosition {
            sequence_number: SequenceNumber::new(self.sections.sequence_number?),
            offset: self.sections.offset.unwrap_or_default(),
            enqueued_time: self.sections.enqueued_time.map_or(UnixMillis::EPOCH, UnixMillis::new),
        };
        Some(EventHead {
            undecodable: Some(self.faults.undecodable()),
            ..self.sections.event_head(&position)
        })
    }

    /// Reads the value of a section.
    fn read_section(&mut self, section: u8, mut value: Cursor<'a>) {
        let at = value.rest();
        let read = match section {
            code::DELIVERY_ANNOTATIONS => {
                value.compound().and_then(|map| self.sections.delivery_annotations(map))
            }
            code::MESSAGE_ANNOTATIONS => value.compound().and_then(|map| self.message_annotations(map)),
            code::PROPERTIES => value.compound().and_then(content_type).map(|text| {
                self.sections.content_type = text;
            }),
            code::APPLICATION_PROPERTIES => value.raw().map(|properties| {
                self.sections.properties = Properties::new(properties);
            }),
            code::DATA => {
                let read = value.value();
                if !matches!(read, Ok(Value::Binary(_))) {
                    self.faults.add_value(at, "the value of a Data section", &read, "a binary");
                }
                Ok(())
            }
            code::SEQUENCE => match value.value() {
                Ok(Value::List(mut items)) => (0..items.len()).try_for_each(|_| items.next_raw().map(drop)),
                read => {
                    self.faults.add_value(at, "the value of an AmqpSequence section", &read, "a list");
                    Ok(())
                }
            },
            _ => Ok(()),
        };
        if let Err(error) = read {
            self.faults.add(Some(at), format_args!("{} can't be read: {error}", name_of(section)));
        }
    }

    /// Reads the pairs up to the first one that is malformed.
    fn message_annotations(&mut self, map: Value<'a>) -> Result<(), Error> {
        let mut items = match map {
            Value::Map(items) => items,
            Value::Null => return Ok(()),
            _ => return Err(Error::NotA("a map")),
        };
        while items.len() >= 2 {
            let (name, value) = (items.next_raw()?, items.next_raw()?);
            match Value::read(name) {
                Ok(Value::Symbol(SEQUENCE_NUMBER)) => self.read_sequence_number(value),
                Ok(Value::Symbol(OFFSET)) => self.read_offset(value),
                Ok(Value::Symbol(ENQUEUED_TIME)) => self.read_enqueued_time(value),
                _ => {}
            }
        }
        if items.is_empty() { Ok(()) } else { Err(Error::NotA("a map: its last key has no value")) }
    }

    fn read_sequence_number(&mut self, at: &'a [u8]) {
        let read = Value::read(at);
        // A number of another type identifies the event just as well.
        let number = read.as_ref().ok().and_then(Value::integer).filter(|number| is_usable_number(*number));
        self.sections.sequence_number = number.or(self.sections.sequence_number);
        match read {
            Ok(Value::Long(_)) if number.is_some() => {}
            Ok(Value::Long(number)) => {
                self.faults
                    .add(Some(at), format_args!("{SEQUENCE_NUMBER} is {number}, which no event can have"));
            }
            read => self.faults.add_value(at, SEQUENCE_NUMBER, &read, "a long"),
        }
    }

    fn read_offset(&mut self, at: &'a [u8]) {
        match Value::read(at) {
            Ok(Value::String(text)) => self.sections.offset = Some(text),
            read => self.faults.add_value(at, OFFSET, &read, "a string"),
        }
    }

    fn read_enqueued_time(&mut self, at: &'a [u8]) {
        match Value::read(at) {
            Ok(Value::Timestamp(time)) if is_usable_time(time) => self.sections.enqueued_time = Some(time),
            Ok(Value::Timestamp(time)) => {
                self.faults.add(
                    Some(at),
                    format_args!("{ENQUEUED_TIME} is {time} ms, which is outside the years 1 to 9999"),
                );
            }
            read => self.faults.add_value(at, ENQUEUED_TIME, &read, "a timestamp"),
        }
    }

    fn add_missing(&mut self) {
        let Self { sections, faults } = self;
        for (name, is_missing) in [
            (SEQUENCE_NUMBER, sections.sequence_number.is_none()),
            (OFFSET, sections.offset.is_none()),
            (ENQUEUED_TIME, sections.enqueued_time.is_none()),
        ] {
            // An annotation that is present and not usable is named already.
            if is_missing && !faults.reason.contains(name) {
                faults.add(None, format_args!("{name} is missing"));
            }
        }
    }
}

/// The faults of a message as sentences, in order of occurrence.
#[derive(Debug)]
struct Faults<'a> {
    message: &'a [u8],
    reason: String,
    count: usize,
    /// Place of the first fault.
    byte_offset: Option<usize>,
}

impl<'a> Faults<'a> {
    fn new(message: &'a [u8]) -> Self {
        Self { message, reason: String::new(), count: 0, byte_offset: None }
    }

    /// Adds a fault at the start of `at`.
    fn add(&mut self, at: Option<&[u8]>, what: Arguments<'_>) {
        self.count += 1;
        if self.count > FAULTS_MAX {
            return;
        }
        if self.count == 1 {
            let range = at.and_then(|at| subslice::range(self.message, at));
            self.byte_offset = range.map(|range| range.start);
        } else {
            self.reason.push_str("; ");
        }
        // Writing to a string can't fail.
        let _ = self.reason.write_fmt(what);
    }

    /// Adds that a value can't be read, or has another type than `wanted`.
    fn add_value(&mut self, at: &[u8], place: &str, value: &Result<Value<'_>, Error>, wanted: &str) {
        match value {
            Ok(value) => {
                self.add(Some(at), format_args!("{place} is {} instead of {wanted}", kind_of(value)));
            }
            Err(error) => self.add(Some(at), format_args!("{place} can't be read: {error}")),
        }
    }

    /// Adds that the message can't be read from the section at `at` on.
    fn add_end(&mut self, at: &[u8], section: Option<u8>) {
        let what = match (at.first(), section) {
            (Some(&DESCRIBED), Some(section)) => name_of(section),
            (Some(&DESCRIBED), None) => "a section",
            _ => return self.add(Some(at), format_args!("bytes that are not a section")),
        };
        match Cursor::new(at).raw() {
            Err(error) if error != Error::Truncated => {
                self.add(Some(at), format_args!("{what} can't be read: {error}"));
            }
            _ => self.add(Some(at), format_args!("{what} is cut short")),
        }
    }

    fn undecodable(&self) -> Undecodable<'_> {
        let reason = if self.reason.is_empty() { UNNAMED } else { &self.reason };
        Undecodable { reason, byte_offset: self.byte_offset }
    }
}

fn name_of(section: u8) -> &'static str {
    match section {
        code::HEADER => "a header",
        code::DELIVERY_ANNOTATIONS => "delivery annotations",
        code::MESSAGE_ANNOTATIONS => "message annotations",
        code::PROPERTIES => "properties",
        code::APPLICATION_PROPERTIES => "application properties",
        code::DATA => "a Data section",
        code::SEQUENCE => "an AmqpSequence section",
        code::VALUE => "an AmqpValue section",
        _ => "a footer",
    }
}

fn kind_of(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Ubyte(_) => "a ubyte",
        Value::Ushort(_) => "a ushort",
        Value::Uint(_) => "a uint",
        Value::Ulong(_) => "a ulong",
        Value::Byte(_) => "a byte",
        Value::Short(_) => "a short",
        Value::Int(_) => "an int",
        Value::Long(_) => "a long",
        Value::Float(_) => "a float",
        Value::Double(_) => "a double",
        Value::Decimal(_) => "a decimal",
        Value::Char(_) => "a char",
        Value::Timestamp(_) => "a timestamp",
        Value::Uuid(_) => "a uuid",
        Value::Binary(_) => "a binary",
        Value::String(_) => "a string",
        Value::Symbol(_) => "a symbol",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Array(_) => "an array",
        Value::Described(..) => "a described value",
    }
}

/// The constructor byte of a described value.
const DESCRIBED: u8 = 0x00;
/// Upper bound on faults in a reason: later ones follow from earlier ones.
const FAULTS_MAX: usize = 3;
/// Reason for a message in which the second pass finds no fault. No such message is known, but none may pass as
/// decoded.
const UNNAMED: &str = "its sections can't be read";
