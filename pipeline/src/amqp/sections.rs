//! The sections of a message, found without decoding their contents.
//!
//! Owns the order and the codes of the sections. Does not own: the meaning of annotations (`emulator`, `eventhubs`).
//!
//! # Source
//! AMQP 1.0, 3.2.

use super::codec::{Cursor, Error, Items, Value};
use super::descriptor::code_of;

/// The code of each section.
pub mod code {
    /// Delivery details such as durability.
    pub const HEADER: u8 = 0x70;
    /// Annotations for the next hop only.
    pub const DELIVERY_ANNOTATIONS: u8 = 0x71;
    /// Annotations that stay with the message.
    pub const MESSAGE_ANNOTATIONS: u8 = 0x72;
    /// Message id, content type and other standard properties.
    pub const PROPERTIES: u8 = 0x73;
    /// The application's own properties.
    pub const APPLICATION_PROPERTIES: u8 = 0x74;
    /// A body of bytes.
    pub const DATA: u8 = 0x75;
    /// A body that is a list.
    pub const SEQUENCE: u8 = 0x76;
    /// A body that is one value.
    pub const VALUE: u8 = 0x77;
    /// Details after the body, such as a hash.
    pub const FOOTER: u8 = 0x78;
}

/// One section of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Section<'a> {
    /// One of [`code`].
    pub code: u8,
    /// Encoded bytes, descriptor included.
    pub whole: &'a [u8],
    /// Encoded value.
    pub value: &'a [u8],
}

/// Iterates over the sections of an encoded message.
#[derive(Clone, Debug)]
pub struct Sections<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Sections<'a> {
    /// Starts at the first section of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(message) }
    }

    fn section(&mut self) -> Result<Section<'a>, Error> {
        let before = self.cursor.rest();
        let code = descriptor(&mut self.cursor)?;
        let value = self.cursor.raw()?;
        Ok(Section { code, whole: &before[..before.len() - self.cursor.rest().len()], value })
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.is_empty() {
            return None;
        }
        let section = self.section();
        if section.is_err() {
            self.cursor = Cursor::new(&[]);
        }
        Some(section)
    }
}

/// Reads the descriptor of a section and returns its code; the section's value comes next.
#[inline]
pub fn descriptor(cursor: &mut Cursor<'_>) -> Result<u8, Error> {
    if let [0x00, 0x53, code @ code::HEADER..=code::FOOTER, ..] = *cursor.rest() {
        cursor.take(3)?;
        return Ok(code);
    }
    if cursor.take(1)? != [0x00] {
        return Err(Error::NotA("a section"));
    }
    let code = code_of(cursor.raw()?)?;
    match u8::try_from(code) {
        Ok(code @ code::HEADER..=code::FOOTER) => Ok(code),
        _ => Err(Error::UnknownDescriptor(code)),
    }
}

/// A message split into its sections; an absent one is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_field_names,
    reason = "the name of the section; public only with the feature `internals`"
)]
pub struct Message<'a> {
    /// The header section, descriptor included.
    pub header: &'a [u8],
    /// Encoded map of the delivery annotations.
    pub delivery_annotations: &'a [u8],
    /// Encoded map of the message annotations.
    pub message_annotations: &'a [u8],
    /// Encoded list of the properties.
    pub properties: &'a [u8],
    /// Encoded map of the application properties.
    pub application_properties: &'a [u8],
    /// All sections after the message annotations, descriptors included.
    pub bare: &'a [u8],
    /// The body sections and the footer, descriptors included.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Splits a message.
    ///
    /// # Errors
    /// Sections out of order, unknown sections, and sections with a value of the wrong type.
    pub fn scan(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut message = Self::scan_annotations(bytes)?;
        let mut sections = Sections::new(message.bare);
        let mut last = 0;
        let mut before = message.bare;
        while let Some(section) = sections.next() {
            let section = section?;
            check_order(last, section.code)?;
            last = section.code;
            match section.code {
                code::PROPERTIES => message.properties = section.value,
                code::APPLICATION_PROPERTIES => message.application_properties = map(section.value)?,
                _ if message.body.is_empty() => message.body = before,
                _ => {}
            }
            before = sections.cursor.rest();
        }
        Ok(message)
    }

    /// Splits a message as a hub does: it reads the annotations and forwards the sections after them, in any order. Of
    /// those only `bare` is filled in. Delivery annotations behind all other sections, where the Python SDK writes
    /// them, are not forwarded either.
    ///
    /// # Errors
    /// Bytes that are not sections, and annotations out of order or without a map.
    pub fn scan_annotations(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut message = Self::default();
        let mut sections = Sections::new(bytes);
        let mut last = 0;
        let mut before = bytes;
        while let Some(section) = sections.next() {
            let section = section?;
            if section.code >= code::PROPERTIES {
                message.bare = before;
                break;
            }
            check_order(last, section.code)?;
            last = section.code;
            match section.code {
                code::HEADER => message.header = section.whole,
                code::DELIVERY_ANNOTATIONS => message.delivery_annotations = map(section.value)?,
                _ => message.message_annotations = map(section.value)?,
            }
            before = sections.cursor.rest();
        }
        let mut last = None;
        for section in sections {
            last = Some(section?);
        }
        if let Some(Section { code: code::DELIVERY_ANNOTATIONS, whole, value }) = last {
            message.bare = &message.bare[..message.bare.len() - whole.len()];
            message.delivery_annotations = map(value)?;
        }
        Ok(message)
    }

    /// Returns the entries of the message annotations.
    pub fn annotations(&self) -> Items<'a> {
        entries(self.message_annotations)
    }

    /// Returns the bytes of each Data section of the body.
    pub fn data(&self) -> impl Iterator<Item = Result<&'a [u8], Error>> {
        Sections::new(self.body).filter_map(|section| match section {
            Ok(Section { code: code::DATA, value, .. }) => Some(binary(value)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// Returns the alternating keys and values of an encoded map; nothing for another value.
pub fn entries(map: &[u8]) -> Items<'_> {
    match Value::read(map) {
        Ok(Value::Map(items)) => items,
        _ => Items::EMPTY,
    }
}

/// Looks up a key in an encoded map.
pub fn lookup<'a>(map: &'a [u8], key: &str) -> Result<Option<Value<'a>>, Error> {
    let mut entries = entries(map);
    while let Some(found) = entries.next() {
        let found = found?;
        let value = entries.next_raw()?;
        if found.text() == Some(key) {
            return Value::read(value).map(Some);
        }
    }
    Ok(None)
}

/// Checks that sections follow their fixed order; only body sections may repeat.
fn check_order(last: u8, section: u8) -> Result<(), Error> {
    if section < last || (section == last && last < code::DATA) {
        return Err(Error::NotA("a section in its order"));
    }
    Ok(())
}

fn map(value: &[u8]) -> Result<&[u8], Error> {
    match Value::read(value)? {
        Value::Map(items) if items.len() % 2 == 0 => Ok(value),
        _ => Err(Error::NotA("a map")),
    }
}

fn binary(value: &[u8]) -> Result<&[u8], Error> {
    match Value::read(value)? {
        Value::Binary(bytes) => Ok(bytes),
        _ => Err(Error::NotA("a binary")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::encode::{Encoder, encode_to_vec};

    #[test]
    fn finds_every_section() {
        let header = encode_to_vec(|out| out.described(code::HEADER, |out| out.list(|_| ())));
        let annotations = encode_to_vec(|out| {
            out.described(code::MESSAGE_ANNOTATIONS, |out| {
                out.map(|map| {
                    map.symbol("x-opt-offset");
                    map.string("7");
                });
            });
        });
        let properties =
            encode_to_vec(|out| out.described(code::PROPERTIES, |out| out.list(|list| list.string("id"))));
        let body = encode_to_vec(|out| {
            out.described(code::DATA, |out| out.binary(b"one"));
            out.described(code::DATA, |out| out.binary(b"two"));
            out.described(code::FOOTER, |out| out.map(|_| ()));
        });
        let bytes = [&header[..], &annotations, &properties, &body].concat();
        let message = Message::scan(&bytes).unwrap();
        assert_eq!(message.header, header);
        assert_eq!(lookup(message.message_annotations, "x-opt-offset"), Ok(Some(Value::String("7"))));
        assert_eq!(lookup(message.message_annotations, "x-opt-other"), Ok(None));
        assert_eq!(message.bare, [&properties[..], &body].concat());
        assert_eq!(message.body, body);
        let data: Vec<_> = message.data().map(Result::unwrap).collect();
        assert_eq!(data, [b"one", b"two"]);
    }

    #[test]
    fn accepts_symbolic_descriptors() {
        let mut bytes = vec![0x00];
        let mut out = Encoder::new(&mut bytes);
        out.symbol("amqp:data:binary");
        out.binary(b"body");
        let data: Vec<_> = Message::scan(&bytes).unwrap().data().collect();
        assert_eq!(data, [Ok(&b"body"[..])]);
    }

    #[test]
    fn rejects_malformed_messages() {
        let data = encode_to_vec(|out| out.described(code::DATA, |out| out.binary(b"body")));
        let header = encode_to_vec(|out| out.described(code::HEADER, |out| out.list(|_| ())));
        let map_expected =
            encode_to_vec(|out| out.described(code::MESSAGE_ANNOTATIONS, |out| out.list(|_| ())));
        let unpaired_map =
            encode_to_vec(|out| out.described(code::MESSAGE_ANNOTATIONS, |out| out.map(|map| map.uint(1))));
        let unknown = encode_to_vec(|out| out.described(0x79, |out| out.list(|_| ())));
        for (bytes, why) in [
            ([&data[..], &header].concat(), "a header after the body"),
            ([&header[..], &header].concat(), "two headers"),
            (data[..data.len() - 1].to_vec(), "a truncated body"),
            (map_expected, "annotations that are a list"),
            (unpaired_map, "a key without value"),
            (unknown, "an unknown section"),
            (b"text".to_vec(), "bytes that are not a section"),
        ] {
            assert!(Message::scan(&bytes).is_err(), "{why}");
        }
    }

    #[test]
    fn trailing_delivery_annotations_are_not_forwarded() {
        let section = |code| encode_to_vec(|out| out.described(code, |out| out.map(|_| ())));
        let [annotations, footer] = [code::DELIVERY_ANNOTATIONS, code::FOOTER].map(section);
        let data = encode_to_vec(|out| out.described(code::DATA, |out| out.binary(b"body")));
        for sections in [vec![&data], vec![&data, &footer], vec![&footer, &data], vec![]] {
            let bare: Vec<u8> = sections.into_iter().flatten().copied().collect();
            let scanned = [&bare[..], &annotations].concat();
            assert_eq!(Message::scan_annotations(&scanned).unwrap().bare, bare);
        }
    }

    #[test]
    fn forwards_sections_after_the_annotations_in_any_order() {
        let header = encode_to_vec(|out| out.described(code::HEADER, |out| out.list(|_| ())));
        let annotations =
            encode_to_vec(|out| out.described(code::MESSAGE_ANNOTATIONS, |out| out.map(|_| ())));
        let data = encode_to_vec(|out| out.described(code::DATA, |out| out.nulls(1)));
        let footer = encode_to_vec(|out| out.described(code::FOOTER, |out| out.map(|_| ())));
        for bare in [[&footer[..], &data], [&data, &header], [&data, &annotations], [&[], &[]]] {
            let bare = bare.concat();
            let message = [&header[..], &annotations, &bare].concat();
            let scanned = Message::scan_annotations(&message).unwrap();
            assert_eq!((scanned.header, scanned.bare), (&header[..], &bare[..]), "{message:02x?}");
        }
        for (message, why) in [
            ([&annotations[..], &header].concat(), "a header after the annotations"),
            ([&annotations[..], &annotations].concat(), "two message annotations sections"),
            ([&annotations[..], &data, b"text"].concat(), "bytes that are not a section"),
            ([&annotations[..], &data, &footer[..5]].concat(), "a truncated footer"),
        ] {
            assert!(Message::scan_annotations(&message).is_err(), "{why}");
        }
    }
}
