//! An encoded map with plain keys and values, such as the application properties of a message, and its JSON text.
//!
//! Owns: the JSON form (keys sorted, the last of equal keys, no blanks), and the form of values that JSON lacks. Does
//! not own: where the text goes.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use super::codec::{Cursor, Error, Value};
use super::decimal::Decimal;

/// A map as it is encoded; not validated. No bytes at all are an absent map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AmqpMap<'a> {
    encoded: &'a [u8],
}

/// An encoded key and its encoded value.
type Entry<'a> = (&'a [u8], &'a [u8]);

impl<'a> AmqpMap<'a> {
    /// Wraps the encoded value of a map section.
    pub fn new(encoded: &'a [u8]) -> Self {
        Self { encoded }
    }

    /// True if a key satisfies `test`; false for a malformed map. A key that is not text is tested as base64.
    pub fn any_key(self, mut test: impl FnMut(&str) -> bool) -> bool {
        self.entries().is_ok_and(|entries| entries.iter().any(|(key, _)| test(&key_text(key))))
    }

    /// Appends the map to `out` as a JSON object; appends nothing for an absent, empty or null map.
    ///
    /// Nothing is lost: a key or value that is not plain becomes a string, its encoding in base64, and so does the
    /// whole map if its entries can't be separated.
    pub fn write_json(self, out: &mut String) {
        if self.encoded.is_empty() {
            return;
        }
        let Ok(entries) = self.entries() else { return write_encoded(self.encoded, out) };
        let mut sorted: Vec<_> = entries.into_iter().map(|(key, value)| (key_text(key), value)).collect();
        // The sort is stable: the last of equal keys stays last.
        sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut separator = '{';
        for (index, (key, value)) in sorted.iter().enumerate() {
            if sorted.get(index + 1).is_some_and(|(next, _)| next == key) {
                continue;
            }
            out.push(separator);
            separator = ',';
            write_text(key, out);
            out.push(':');
            let _ = write_value(value, out);
        }
        if separator == ',' {
            out.push('}');
        }
    }

    /// Separates the entries.
    ///
    /// # Errors
    /// Input that is not a map, or whose items can't be skipped.
    fn entries(self) -> Result<Vec<Entry<'a>>, Error> {
        let mut items = match Cursor::new(self.encoded).compound()? {
            Value::Map(items) if items.len() % 2 == 0 => items,
            Value::Null => return Ok(Vec::new()),
            _ => return Err(Error::NotA("a map of properties")),
        };
        let mut entries = Vec::with_capacity(items.len() / 2);
        while !items.is_empty() {
            entries.push((items.next_raw()?, items.next_raw()?));
        }
        Ok(entries)
    }
}

/// A key as text; base64 of its encoding if it is not text.
fn key_text(encoded: &[u8]) -> Cow<'_, str> {
    match Value::read(encoded).ok().and_then(|key| key.text()) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(STANDARD.encode(encoded)),
    }
}

fn write_encoded(encoded: &[u8], out: &mut String) {
    // Writing to a string can't fail.
    let _ = write!(out, "\"{}\"", Base64Display::new(encoded, &STANDARD));
}

fn write_value(encoded: &[u8], out: &mut String) -> fmt::Result {
    let Ok(value) = Value::read(encoded) else {
        write_encoded(encoded, out);
        return Ok(());
    };
    match value {
        Value::Null => out.push_str("null"),
        // The standard forbids these as values of properties.
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
        // As text, so that no reader takes it for a float.
        Value::Decimal(bytes) => match Decimal::read(bytes) {
            Some(decimal) => write!(out, "\"{decimal}\"")?,
            None => write_encoded(encoded, out),
        },
        // A descriptor names a unit or type of a plain value (`com.microsoft:timespan`); the value is kept.
        Value::Described(_, plain) => write_value(plain, out)?,
    }
    Ok(())
}

/// Writes a number; NaN and infinities, which JSON lacks, become strings.
fn write_float(number: f64, out: &mut String) -> fmt::Result {
    match serde_json::Number::from_f64(number) {
        Some(number) => write!(out, "{number}"),
        None => write!(out, "\"{number}\""),
    }
}

/// Writes a JSON string with the escapes that JSON requires and no others.
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
pub(crate) mod tests {
    use super::*;

    #[track_caller]
    fn check(encoded: &[u8], json: &str) {
        let mut written = String::from("before ");
        AmqpMap::new(encoded).write_json(&mut written);
        assert_eq!(written, format!("before {json}"), "{encoded:02x?}");
    }

    /// An encoded map of these names and encoded values.
    pub(crate) fn encoded(entries: &[(&str, &[u8])]) -> Vec<u8> {
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
    fn values_that_are_not_plain_become_base64() {
        let list: &[u8] = &[0xc0, 1, 0];
        let array: &[u8] = &[0xe0, 3, 1, 0x41, 0];
        let map: &[u8] = &[0xc1, 1, 0];
        let surrogate: &[u8] = &[0x73, 0, 0, 0xd8, 0];
        let not_utf8: &[u8] = &[0xa1, 1, 0xff];
        let described_list: &[u8] = &[0x00, 0x53, 9, 0xc0, 1, 0];
        for value in [list, array, map, surrogate, not_utf8, described_list] {
            let bytes = encoded(&[("a", value), ("m", b"\x41"), ("z", b"\x54\x07")]);
            let kept = if value == described_list { list } else { value };
            check(&bytes, &format!(r#"{{"a":"{}","m":true,"z":7}}"#, STANDARD.encode(kept)));
        }
    }

    #[test]
    fn decimals_become_text_with_all_digits() {
        let mut decimal = vec![0x94];
        decimal.extend(0xb03c_0000_0000_0042_ed12_3b0b_d820_3a3a_u128.to_be_bytes());
        let bytes = encoded(&[("d", &decimal)]);
        check(&bytes, r#"{"d":"-12345678901234567890.50"}"#);
    }

    #[test]
    fn keys_that_are_not_strings_become_text() {
        let mut bytes = Vec::new();
        crate::amqp::encode::Encoder::new(&mut bytes).map(|map| {
            map.symbol("x-name");
            map.uint(1);
            map.uint(0);
            map.uint(2);
        });
        check(&bytes, &format!(r#"{{"{}":2,"x-name":1}}"#, STANDARD.encode([0x43])));
    }

    #[test]
    fn unreadable_maps_become_base64() {
        check(&[], "");
        check(b"\x40", "");
        check(&encoded(&[]), "");
        for broken in [&b"\x45"[..], b"\xc1\x02\x01\x40", b"\xc1\x03\x02\x40\x7f", b"\x7f", b"\xc1\x09"] {
            check(broken, &format!("\"{}\"", STANDARD.encode(broken)));
            assert!(!AmqpMap::new(broken).any_key(|_| true), "{broken:02x?}");
        }
    }
}
