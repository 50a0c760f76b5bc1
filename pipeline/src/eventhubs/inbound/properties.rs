//! Application properties: they stay as they are encoded, and are made the text of a JSON object when somebody asks.
//!
//! Owns: that text (keys sorted, of several equal ones the last, no blanks), and what stands for those that can't be
//! read. Does not own: where it goes. Only bodies that are not understood are kept with their properties.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::amqp::codec::{Cursor, Error, Value};
use crate::eventhubs::names::SIZE_EXCEEDED;

/// The application properties of a message, as they are encoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Properties<'a> {
    /// The section's value; empty when there is no such section.
    pub(super) encoded: &'a [u8],
    /// Their sender left parts out of the body to stay below the size limit.
    pub(super) size_exceeded: bool,
}

impl<'a> Properties<'a> {
    /// Takes the section's value. It is not read: an event with properties that can't be read is an event all the same.
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        let size_exceeded = may_hold_mark(encoded)
            && read(encoded)
                .is_ok_and(|entries| entries.iter().any(|(key, _)| name(key).contains(SIZE_EXCEEDED)));
        Self { encoded, size_exceeded }
    }
}

/// Whether two letters stand side by side that the mark has and hardly another name or text: a look at many bytes at
/// once, since it is for every event.
fn may_hold_mark(encoded: &[u8]) -> bool {
    const PAIR: [u8; 2] = *b"xS";
    const { assert!(SIZE_EXCEEDED.as_bytes()[9] == PAIR[0] && SIZE_EXCEEDED.as_bytes()[10] == PAIR[1]) };
    let pairs = encoded.iter().zip(encoded.get(1..).unwrap_or_default());
    pairs.fold(0, |found, (one, two)| found | u8::from((one ^ PAIR[0]) | (two ^ PAIR[1]) == 0)) != 0
}

/// A property's encoded name and value.
type Entry<'a> = (&'a [u8], &'a [u8]);

/// Tells properties apart.
///
/// # Errors
/// Input that is not a map or can't be skipped.
fn read(encoded: &[u8]) -> Result<Vec<Entry<'_>>, Error> {
    let mut entries = match Cursor::new(encoded).compound()? {
        Value::Map(entries) if entries.len() % 2 == 0 => entries,
        Value::Null => return Ok(Vec::new()),
        _ => return Err(Error::NotA("a map of properties")),
    };
    let mut all = Vec::with_capacity(entries.len() / 2);
    while !entries.is_empty() {
        all.push((entries.next_raw()?, entries.next_raw()?));
    }
    Ok(all)
}

/// A property's name: text, or what a name of another type is in base64.
fn name(encoded: &[u8]) -> Cow<'_, str> {
    match Value::read(encoded).ok().and_then(|name| name.text()) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(STANDARD.encode(encoded)),
    }
}

/// Writes the text of [`RawEvent::encoded_properties`](crate::event::RawEvent) behind what `out` holds; nothing when
/// there are none. A name or value that is no plain one is a string, its encoding in base64; so are all of them where
/// they can't be told apart. Nothing is lost.
pub fn properties_json(encoded: &[u8], out: &mut String) {
    if encoded.is_empty() {
        return;
    }
    let Ok(entries) = read(encoded) else { return write_encoded(encoded, out) };
    let mut sorted: Vec<_> = entries.into_iter().map(|(key, value)| (name(key), value)).collect();
    // A stable order keeps the last of equal names behind the others.
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut comma = '{';
    for (index, (name, value)) in sorted.iter().enumerate() {
        if sorted.get(index + 1).is_some_and(|(next, _)| next == name) {
            continue;
        }
        out.push(comma);
        comma = ',';
        write_text(name, out);
        out.push(':');
        let _ = write_value(value, out);
    }
    if comma == ',' {
        out.push('}');
    }
}

fn write_encoded(encoded: &[u8], out: &mut String) {
    // A string takes whatever is written.
    let _ = write!(out, "\"{}\"", Base64Display::new(encoded, &STANDARD));
}

fn write_value(encoded: &[u8], out: &mut String) -> fmt::Result {
    let Ok(value) = Value::read(encoded) else {
        write_encoded(encoded, out);
        return Ok(());
    };
    match value {
        Value::Null => out.push_str("null"),
        // None of these may be a property.
        Value::List(_) | Value::Map(_) | Value::Array(_) => write_encoded(encoded, out),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Ubyte(number) => write!(out, "{number}")?,
        Value::Ushort(number) => write!(out, "{number}")?,
        Value::Uint(number) => write!(out, "{number}")?,
        Value::Ulong(number) => write!(out, "{number}")?,
        Value::Byte(number) => write!(out, "{number}")?,
        Value::Short(number) => write!(out, "{number}")?,
        Value::Int(number) => write!(out, "{number}")?,
        Value::Long(number) | Value::Timestamp(number) => write!(out, "{number}")?,
        Value::Float(number) => write_float(number.into(), out)?,
        Value::Double(number) => write_float(number, out)?,
        Value::Char(code) => match char::from_u32(code) {
            Some(letter) => write_text(letter.encode_utf8(&mut [0; 4]), out),
            None => write_encoded(encoded, out),
        },
        Value::Uuid(bytes) => write!(out, "\"{}\"", uuid::Uuid::from_bytes(bytes))?,
        Value::Binary(bytes) => write_encoded(bytes, out),
        Value::String(text) | Value::Symbol(text) => write_text(text, out),
        // Seen from nobody: its bytes, and how wide it is.
        Value::Decimal(bytes) => {
            let bits = bytes.len() * 8;
            write!(out, "\"Decimal{bits}(Dec{bits}({bytes:?}))\"")?;
        }
        // A unit or a name for a plain value (`com.microsoft:timespan`): the value counts.
        Value::Described(_, plain) => write_value(plain, out)?,
    }
    Ok(())
}

/// What is no JSON number stands as text.
fn write_float(number: f64, out: &mut String) -> fmt::Result {
    match serde_json::Number::from_f64(number) {
        Some(number) => write!(out, "{number}"),
        None => write!(out, "\"{number}\""),
    }
}

/// Writes a JSON string, with the escapes that JSON asks for and no others.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            other => {
                out.push_str("\\u00");
                for digit in [other >> 4, other & 15] {
                    out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
                }
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoded properties, whether their names say that the size was exceeded, and their text.
    #[track_caller]
    fn check(encoded: &[u8], size_exceeded: bool, text: &str) {
        assert_eq!(Properties::new(encoded).size_exceeded, size_exceeded, "{encoded:02x?}");
        let mut written = String::from("before ");
        properties_json(encoded, &mut written);
        assert_eq!(written, format!("before {text}"), "{encoded:02x?}");
    }

    fn encoded(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        crate::amqp::encode::Encoder::new(&mut bytes).map(|map| {
            for (name, value) in entries {
                map.string(name);
                map.raw(value);
            }
        });
        bytes
    }

    #[test]
    fn names_tell_that_the_size_was_exceeded() {
        let mark = "x-MessageMaxSizeExceeded";
        check(&encoded(&[("a", b"\x41"), (mark, b"\x41")]), true, &format!(r#"{{"a":true,"{mark}":true}}"#));
        check(&encoded(&[("MaxSize", b"\x41")]), false, r#"{"MaxSize":true}"#);
        let value = [&[0xa1, mark.len() as u8], mark.as_bytes()].concat();
        check(&encoded(&[("a", &value)]), false, &format!(r#"{{"a":"{mark}"}}"#));
        for before in 0..70 {
            let name = format!("{}{SIZE_EXCEEDED}", "n".repeat(before));
            assert!(Properties::new(&encoded(&[(&name, b"\x40")])).size_exceeded, "{name}");
        }
    }

    #[test]
    fn one_odd_property_hides_no_other() {
        let list: &[u8] = &[0xc0, 1, 0];
        let array: &[u8] = &[0xe0, 3, 1, 0x41, 0];
        let map: &[u8] = &[0xc1, 1, 0];
        let surrogate: &[u8] = &[0x73, 0, 0, 0xd8, 0];
        let not_utf8: &[u8] = &[0xa1, 1, 0xff];
        let described_list: &[u8] = &[0x00, 0x53, 9, 0xc0, 1, 0];
        let mark = "x-MessageMaxSizeExceeded";
        for value in [list, array, map, surrogate, not_utf8, described_list] {
            let bytes = encoded(&[("a", value), (mark, b"\x41"), ("z", b"\x54\x07")]);
            let odd = if value == described_list { list } else { value };
            check(&bytes, true, &format!(r#"{{"a":"{}","{mark}":true,"z":7}}"#, STANDARD.encode(odd)));
        }
        // Names that are no strings.
        let mut names = Vec::new();
        crate::amqp::encode::Encoder::new(&mut names).map(|map| {
            map.symbol(mark);
            map.uint(1);
            map.uint(0);
            map.uint(2);
        });
        check(&names, true, &format!(r#"{{"{}":2,"{mark}":1}}"#, STANDARD.encode([0x43])));
    }

    #[test]
    fn properties_that_can_not_be_told_apart_are_kept_as_they_came() {
        check(&[], false, "");
        check(b"\x40", false, "");
        check(&encoded(&[]), false, "");
        for broken in [&b"\x45"[..], b"\xc1\x02\x01\x40", b"\xc1\x03\x02\x40\x7f", b"\x7f", b"\xc1\x09"] {
            check(broken, false, &format!("\"{}\"", STANDARD.encode(broken)));
        }
    }
}
