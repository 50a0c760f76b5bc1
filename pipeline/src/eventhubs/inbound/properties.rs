//! Application properties: looked through when an event comes, and made the text of a JSON object when somebody asks.
//!
//! Owns: what may stand among them, and the text: keys sorted, of several equal ones the last, no blanks. Does not own:
//! where either goes. Only bodies that are not understood are kept with their properties, so that hardly any become text.

use std::fmt::{self, Write as _};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::amqp::codec::{Cursor, Error, Items, Value};
use crate::eventhubs::names::SIZE_EXCEEDED;

/// The application properties of a message, as they are encoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Properties<'a> {
    /// The encoded map; empty when there are none.
    pub(super) encoded: &'a [u8],
    /// Their sender left parts out of the body to stay below the size limit.
    pub(super) size_exceeded: bool,
}

impl<'a> Properties<'a> {
    /// Takes the section's value, and looks through it: writing it can't fail any more.
    pub(super) fn new(encoded: &'a [u8]) -> Result<Self, Error> {
        let mut entries = match Cursor::new(encoded).compound()? {
            Value::Map(entries) if entries.len() % 2 == 0 => entries,
            Value::Null => return Ok(Self::default()),
            _ => return Err(Error::NotA("a map of properties")),
        };
        let encoded = if entries.is_empty() { &[] } else { encoded };
        let mut size_exceeded = false;
        while !entries.is_empty() {
            let ([0xa1, _, name @ ..] | [0xb1, _, _, _, _, name @ ..]) = entries.next_raw()? else {
                return Err(Error::NotA("a property's name"));
            };
            if !is_usual(name) {
                check_text(name)?;
                size_exceeded |= says_size_exceeded(name);
            }
            check(entries.next_raw()?)?;
        }
        Ok(Self { encoded, size_exceeded })
    }
}

/// Whether a name is ASCII and has no letter that the mark begins with: eight bytes at a time, for every name of every event.
fn is_usual(name: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    const MARK: u64 = ONES * SIZE_EXCEEDED.as_bytes()[0] as u64;
    let (words, _) = name.as_chunks();
    let Some(last) = name.last_chunk() else { return false };
    let unusual = words.iter().chain([last]).fold(0, |unusual, word| {
        let word = u64::from_ne_bytes(*word);
        // A byte that is the letter is zero here, and borrows.
        let letter = word ^ MARK;
        unusual | word | (letter.wrapping_sub(ONES) & !letter)
    });
    unusual & HIGHEST == 0
}

fn says_size_exceeded(name: &[u8]) -> bool {
    name.windows(SIZE_EXCEEDED.len()).any(|part| part == SIZE_EXCEEDED.as_bytes())
}

/// Nearly all texts are ASCII, which is told faster than that they are UTF-8.
fn check_text(bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_ascii() || str::from_utf8(bytes).is_ok() { Ok(()) } else { Err(Error::NotUtf8) }
}

/// A property is a plain value; its sender may have described it.
fn check(value: &[u8]) -> Result<(), Error> {
    match value {
        [0xa1 | 0xa3, _, text @ ..] | [0xb1 | 0xb3, _, _, _, _, text @ ..] => check_text(text),
        // The usual ones, whose size was checked when they were stepped over.
        [0x40..=0x44 | 0x50..=0x56 | 0x60 | 0x61 | 0x70..=0x72 | 0x80..=0x83 | 0x98 | 0xa0 | 0xb0, ..] => {
            Ok(())
        }
        [0x00, ..] => match Value::read(value)? {
            Value::Described(_, plain) => check(plain),
            _ => Ok(()),
        },
        _ => match Value::read(value)? {
            Value::List(_) | Value::Map(_) | Value::Array(_) => Err(Error::NotA("a plain property")),
            Value::Char(code) if char::from_u32(code).is_none() => Err(Error::NotA("a character")),
            _ => Ok(()),
        },
    }
}

/// Writes the text of [`RawEvent::encoded_properties`](crate::event::RawEvent) behind what `out` holds; nothing when
/// there are none.
pub fn properties_json(encoded: &[u8], out: &mut String) {
    let Ok(Value::Map(entries)) = Value::read(encoded) else { return };
    let mut sorted = collect(entries);
    // A stable order keeps the last of equal names behind the others.
    sorted.sort_by_key(|(name, _)| *name);
    let mut comma = '{';
    for (index, (name, value)) in sorted.iter().enumerate() {
        if sorted.get(index + 1).is_some_and(|(next, _)| next == name) {
            continue;
        }
        out.push(comma);
        comma = ',';
        write_text(name, out);
        out.push(':');
        // A string takes whatever is written; what can't be read was refused when the event came.
        let _ = write_value(value, out);
    }
    if comma == ',' {
        out.push('}');
    }
}

fn collect(mut entries: Items<'_>) -> Vec<(&str, &[u8])> {
    let mut all = Vec::with_capacity(entries.len() / 2);
    while !entries.is_empty() {
        let name = entries.next().and_then(Result::ok).and_then(|name| name.text());
        all.push((name.unwrap_or_default(), entries.next_raw().unwrap_or_default()));
    }
    all
}

fn write_value(value: &[u8], out: &mut String) -> fmt::Result {
    match Value::read(value).unwrap_or(Value::Null) {
        Value::Null | Value::List(_) | Value::Map(_) | Value::Array(_) => out.push_str("null"),
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
        Value::Char(code) => {
            let mut bytes = [0; 4];
            write_text(char::from_u32(code).unwrap_or_default().encode_utf8(&mut bytes), out);
        }
        Value::Uuid(bytes) => write!(out, "\"{}\"", uuid::Uuid::from_bytes(bytes))?,
        Value::Binary(bytes) => write!(out, "\"{}\"", Base64Display::new(bytes, &STANDARD))?,
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

    #[test]
    fn a_name_that_may_be_the_mark_is_never_usual() {
        for length in 0..70 {
            let plain = vec![b'n'; length];
            assert_eq!(is_usual(&plain), length >= 8, "{length} bytes");
            for at in 0..length {
                for (byte, is_plain) in
                    [(b'L', true), (0, true), (0x7f, true), (b'M', false), (0x80, false), (0xff, false)]
                {
                    let mut name = plain.clone();
                    name[at] = byte;
                    assert_eq!(is_usual(&name), is_plain && length >= 8, "{byte:#x} at {at} of {length}");
                }
            }
        }
        assert!(says_size_exceeded(b"x-MessageMaxSizeExceeded") && !says_size_exceeded(b"MessageMaxSize"));
    }
}
