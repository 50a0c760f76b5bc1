//! A message that can't be decoded: what is wrong with it, and what can be read of it all the same.
//!
//! Owns: the second look at a message that `head` or `body` refused. It reads on behind what is wrong, as far as sizes are
//! stated, and finds words for it. Does not own: which messages those are, and what becomes of them (`delivery`).
//!
//! The hub writes the annotations and a sender writes the rest, so only the first section of message annotations counts.

use std::fmt::{Arguments, Write as _};

use super::head::{Head, Place, content_type, is_usable_number, is_usable_time};
use super::properties::Properties;
use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};
use crate::event::{EventHead, Undecodable};
use crate::eventhubs::names::{ENQUEUED_TIME, OFFSET, SEQUENCE_NUMBER};
use crate::position::SequenceNumber;
use crate::subslice;

/// The readable facts of a message that can't be decoded.
#[derive(Debug)]
pub(super) struct Examined<'a> {
    /// What could be read; of the place only what is usable.
    head: Head<'a>,
    faults: Faults<'a>,
}

/// Looks at a message once more.
pub(super) fn examine(message: &[u8]) -> Examined<'_> {
    let mut examined = Examined { head: Head::default(), faults: Faults::of(message) };
    let mut annotated = false;
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
        if !follows(last, section) {
            let [name, before] = [name_of(section), name_of(last)];
            examined.faults.add(Some(at), format_args!("{name} behind {before}"));
        }
        last = last.max(section);
        if section != code::MESSAGE_ANNOTATIONS || !std::mem::replace(&mut annotated, true) {
            examined.section(section, value);
        }
    }
    examined.name_what_is_missing();
    examined
}

impl<'a> Examined<'a> {
    /// The head of the event; `None` when its sequence number is unknown.
    pub(super) fn event_head(&self) -> Option<EventHead<'_>> {
        let place = Place {
            sequence_number: SequenceNumber(self.head.sequence_number?),
            offset: self.head.offset.unwrap_or_default(),
            enqueued_time_ms: self.head.enqueued_time_ms.unwrap_or(NO_TIME),
        };
        Some(EventHead { undecodable: Some(self.faults.undecodable()), ..self.head.event_head(&place) })
    }

    /// Looks into a section.
    fn section(&mut self, section: u8, mut value: Cursor<'a>) {
        let at = value.rest();
        let read = match section {
            code::DELIVERY_ANNOTATIONS => {
                value.compound().and_then(|map| self.head.delivery_annotations(map))
            }
            code::MESSAGE_ANNOTATIONS => value.compound().and_then(|map| self.message_annotations(map)),
            code::PROPERTIES => value.compound().and_then(content_type).map(|text| {
                self.head.content_type = text;
            }),
            code::APPLICATION_PROPERTIES => value.raw().map(|properties| {
                self.head.properties = Properties::new(properties);
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

    /// Reads the pairs as far as they are readable, and ignores the rest.
    fn message_annotations(&mut self, map: Value<'a>) -> Result<(), Error> {
        let mut items = match map {
            Value::Map(items) => items,
            Value::Null => return Ok(()),
            _ => return Err(Error::NotA("a map")),
        };
        while items.len() >= 2 {
            let (name, value) = (items.next_raw()?, items.next_raw()?);
            match Value::read(name) {
                Ok(Value::Symbol(SEQUENCE_NUMBER)) => self.sequence_number(value),
                Ok(Value::Symbol(OFFSET)) => self.offset(value),
                Ok(Value::Symbol(ENQUEUED_TIME)) => self.enqueued_time(value),
                _ => {}
            }
        }
        if items.is_empty() { Ok(()) } else { Err(Error::NotA("a map: its last key has no value")) }
    }

    fn sequence_number(&mut self, at: &'a [u8]) {
        let read = Value::read(at);
        // A number of another type says as well which event it is.
        let number = read.as_ref().ok().and_then(Value::integer).filter(|number| is_usable_number(*number));
        self.head.sequence_number = number.or(self.head.sequence_number);
        match read {
            Ok(Value::Long(_)) if number.is_some() => {}
            Ok(Value::Long(number)) => {
                self.faults
                    .add(Some(at), format_args!("{SEQUENCE_NUMBER} is {number}, which no event can have"));
            }
            read => self.faults.add_value(at, SEQUENCE_NUMBER, &read, "a long"),
        }
    }

    fn offset(&mut self, at: &'a [u8]) {
        match Value::read(at) {
            Ok(Value::String(text)) => self.head.offset = Some(text),
            read => self.faults.add_value(at, OFFSET, &read, "a string"),
        }
    }

    fn enqueued_time(&mut self, at: &'a [u8]) {
        match Value::read(at) {
            Ok(Value::Timestamp(time)) if is_usable_time(time) => self.head.enqueued_time_ms = Some(time),
            Ok(Value::Timestamp(time)) => {
                self.faults.add(
                    Some(at),
                    format_args!("{ENQUEUED_TIME} is {time} ms, which is outside the years 1 to 9999"),
                );
            }
            read => self.faults.add_value(at, ENQUEUED_TIME, &read, "a timestamp"),
        }
    }

    fn name_what_is_missing(&mut self) {
        let Self { head, faults } = self;
        for (name, is_missing) in [
            (SEQUENCE_NUMBER, head.sequence_number.is_none()),
            (OFFSET, head.offset.is_none()),
            (ENQUEUED_TIME, head.enqueued_time_ms.is_none()),
        ] {
            // What is there and not usable has been named.
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
    /// Where the first of them shows.
    byte_offset: Option<usize>,
}

impl<'a> Faults<'a> {
    fn of(message: &'a [u8]) -> Self {
        Self { message, reason: String::new(), count: 0, byte_offset: None }
    }

    /// Adds a fault that shows at the beginning of `at`.
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
        // A string takes whatever is written.
        let _ = self.reason.write_fmt(what);
    }

    /// Adds that a value can't be read, or is of another type than its place asks for.
    fn add_value(&mut self, at: &[u8], place: &str, value: &Result<Value<'_>, Error>, wanted: &str) {
        match value {
            Ok(value) => {
                self.add(Some(at), format_args!("{place} is {} instead of {wanted}", kind_of(value)));
            }
            Err(error) => self.add(Some(at), format_args!("{place} can't be read: {error}")),
        }
    }

    /// Adds that nothing can be read from `at` on, where a section begins.
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

/// Rank of a section in the fixed order; 0 is not a section.
fn follows(last: u8, section: u8) -> bool {
    match last {
        code::DATA | code::SEQUENCE => section == last || section == code::FOOTER,
        code::VALUE => section == code::FOOTER,
        code::FOOTER => false,
        _ => section > last,
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
/// Stands for an enqueued time that is not usable: the day is 1970-01-01 then, always.
const NO_TIME: i64 = 0;
/// So many faults are named; the others follow from them.
const FAULTS_MAX: usize = 3;
/// A message that was refused and in which this second look finds nothing wrong: there is none, but no event may be
/// taken for a good one.
const UNNAMED: &str = "its sections can't be read";
