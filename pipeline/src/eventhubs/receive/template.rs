//! The section template: reads the sections of a message at the places they have in the previous message.
//!
//! The sections before the application properties have the same layout in nearly all messages of a partition: equal
//! sections, names and widths around other values. The template keeps the layout of the last message that was decoded
//! value by value. A message that fits it costs one comparison instead of dozens of skipped values.
//!
//! Owns: whether a message fits. Does not own: the meaning of the sections (`sections`), which decodes every message
//! that does not fit.

use std::ops::Range;

use super::sections::{MessageSections, for_each_annotation};
use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};
use crate::eventhubs::names::{ENQUEUED_TIME, LAST_SEQUENCE_NUMBER, OFFSET, SEQUENCE_NUMBER};
use crate::position::SequenceNumber;
use crate::subslice;

/// Layout of the sections of the last message that was decoded value by value.
#[derive(Debug, Default)]
pub(super) struct SectionTemplate {
    /// Bytes of the sections and of the descriptor after them, padded to whole blocks. Empty without a template.
    bytes: Vec<u8>,
    /// 0xff for each byte that must be equal; 0 for the bytes of values and the padding.
    mask: Vec<u8>,
    /// Length of the sections.
    length: usize,
    fields: Fields,
}

impl SectionTemplate {
    /// Reads the sections before the body, with the result of [`MessageSections::read`].
    ///
    /// # Errors
    /// Those of [`MessageSections::read`].
    pub(super) fn read<'a>(&mut self, message: &'a [u8]) -> Result<(MessageSections<'a>, &'a [u8]), Error> {
        if self.fits(message)
            && let Some(sections) = self.fields.read(message)
        {
            return sections.read_after(code::PROPERTIES, &message[self.length..]);
        }
        let read = MessageSections::read(message)?;
        if self.learn(message).is_none() {
            self.bytes.clear();
        }
        Ok(read)
    }

    fn fits(&self, message: &[u8]) -> bool {
        let Some(start) = message.get(..self.bytes.len()) else { return false };
        let [start, bytes, mask] = [start, &self.bytes, &self.mask].map(|bytes| bytes.as_chunks::<BLOCK>().0);
        let differences = start.iter().zip(bytes).zip(mask).fold(0, |differences, ((start, bytes), mask)| {
            let [start, bytes, mask] = [start, bytes, mask].map(|block| u64::from_ne_bytes(*block));
            differences | (start ^ bytes) & mask
        });
        differences == 0 && !bytes.is_empty()
    }

    /// Keeps the layout of a message that was decoded; `None` if its layout is too rare or too long to keep.
    fn learn(&mut self, message: &[u8]) -> Option<()> {
        self.mask.clear();
        self.mask.resize(MAX_BYTES, u8::MAX);
        let mut survey = Survey { message, mask: &mut self.mask, fields: Fields::default(), is_rare: false };
        let mut cursor = Cursor::new(message);
        loop {
            let [0x00, 0x53, code, ..] = *cursor.rest() else { return None };
            if code > code::PROPERTIES {
                break;
            }
            descriptor(&mut cursor).ok()?;
            match code {
                code::DELIVERY_ANNOTATIONS => survey.delivery_annotations(cursor.compound().ok()?),
                code::MESSAGE_ANNOTATIONS => survey.message_annotations(cursor.compound().ok()?),
                code::PROPERTIES => survey.properties(cursor.compound().ok()?)?,
                _ => drop(cursor.raw().ok()?),
            }
        }
        let Survey { fields, is_rare, .. } = survey;
        self.length = message.len() - cursor.rest().len();
        let end = self.length + DESCRIPTOR;
        if is_rare || end > MAX_BYTES {
            return None;
        }
        self.fields = fields;
        self.bytes.clear();
        self.bytes.extend_from_slice(&message[..end]);
        self.mask.truncate(end);
        for bytes in [&mut self.bytes, &mut self.mask] {
            bytes.resize(end.next_multiple_of(BLOCK), 0);
        }
        Some(())
    }
}

/// Spans of the values that are read.
#[derive(Debug, Default)]
struct Fields {
    sequence_number: Option<Range<usize>>,
    offset: Option<Range<usize>>,
    enqueued_time: Option<Range<usize>>,
    last_enqueued: Option<Range<usize>>,
    content_type: Option<Range<usize>>,
}

impl Fields {
    /// Reads the values of a message that fits; `None` if a text is not UTF-8.
    fn read<'a>(&self, message: &'a [u8]) -> Option<MessageSections<'a>> {
        let number = |span: &Option<Range<usize>>| {
            let bytes = message.get(span.clone()?)?.first_chunk()?;
            Some(i64::from_be_bytes(*bytes))
        };
        let text = |span: &Option<Range<usize>>| match span {
            Some(span) => str::from_utf8(message.get(span.clone())?).ok().map(Some),
            None => Some(None),
        };
        Some(MessageSections {
            sequence_number: number(&self.sequence_number),
            offset: text(&self.offset)?,
            enqueued_time: number(&self.enqueued_time),
            last_enqueued: number(&self.last_enqueued).map(SequenceNumber::new),
            content_type: text(&self.content_type)?.unwrap_or_default(),
            ..MessageSections::default()
        })
    }
}

/// Collects the mask and the fields of a message.
struct Survey<'a> {
    message: &'a [u8],
    mask: &'a mut [u8],
    fields: Fields,
    /// A field has an unusual encoding or occurs twice.
    is_rare: bool,
}

impl Survey<'_> {
    fn delivery_annotations(&mut self, map: Value<'_>) {
        self.annotations(map, |fields, name| {
            (name == LAST_SEQUENCE_NUMBER.as_bytes()).then_some((&mut fields.last_enqueued, LONG))
        });
    }

    fn message_annotations(&mut self, map: Value<'_>) {
        self.annotations(map, |fields, name| {
            let known = [
                (SEQUENCE_NUMBER, &mut fields.sequence_number, LONG),
                (OFFSET, &mut fields.offset, STRING),
                (ENQUEUED_TIME, &mut fields.enqueued_time, TIMESTAMP),
            ];
            let mut known = known.into_iter();
            known.find(|(known, ..)| name == known.as_bytes()).map(|(_, field, code)| (field, code))
        });
    }

    /// `find` returns the field for an annotation's name, and the encoding that it must have.
    fn annotations(
        &mut self,
        map: Value<'_>,
        find: impl for<'f> Fn(&'f mut Fields, &[u8]) -> Option<(&'f mut Option<Range<usize>>, u8)>,
    ) {
        let read = for_each_annotation(map, |name, value| {
            let content = self.mask_value(value);
            if let Some((field, code)) = find(&mut self.fields, name) {
                self.is_rare |= value.first() != Some(&code) || field.replace(content).is_some();
            }
            Ok(())
        });
        self.is_rare |= read.is_err();
    }

    fn properties(&mut self, list: Value<'_>) -> Option<()> {
        let Value::List(mut fields) = list else { return None };
        for field in 0..fields.len() {
            let value = fields.next_raw().ok()?;
            if field != CONTENT_TYPE {
                self.mask_value(value);
            } else if let [STRING | SYMBOL, ..] = value {
                self.fields.content_type = Some(self.span(&value[2..]));
            } else {
                self.is_rare |= value != [NULL];
            }
        }
        Some(())
    }

    /// Masks a value, which may be any other of the same width; returns the span of its content.
    fn mask_value(&mut self, value: &[u8]) -> Range<usize> {
        let span = self.span(match value {
            [0x50..=0x9f, content @ ..] | [0xa0..=0xaf, _, content @ ..] => content,
            _ => &[],
        });
        if let Some(mask) = self.mask.get_mut(span.clone()) {
            mask.fill(0);
        }
        span
    }

    fn span(&self, part: &[u8]) -> Range<usize> {
        // A value of an unknown type has no content in the message: an empty range.
        subslice::range(self.message, part).unwrap_or_default()
    }
}

/// Bytes that are compared at once.
const BLOCK: usize = size_of::<u64>();
/// Bytes of a section's descriptor.
const DESCRIPTOR: usize = 3;
/// Upper bound on a template's bytes. Usual sections have 200 to 400.
const MAX_BYTES: usize = 1_024;
/// Index of the content type in the properties.
const CONTENT_TYPE: usize = 6;

// AMQP format codes.

const NULL: u8 = 0x40;
const LONG: u8 = 0x81;
const TIMESTAMP: u8 = 0x83;
const STRING: u8 = 0xa1;
const SYMBOL: u8 = 0xa3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::encode::Encoder;

    /// A message with this offset, sections from `write`, and a body.
    fn message(offset: &str, write: impl Fn(&mut Encoder<'_>)) -> Vec<u8> {
        let mut message = Vec::new();
        let mut out = Encoder::new(&mut message);
        out.described(code::HEADER, |out| out.list(|list| list.bool(true)));
        out.described(code::DELIVERY_ANNOTATIONS, |out| {
            out.map(|map| {
                map.symbol(LAST_SEQUENCE_NUMBER);
                map.long(77);
                map.symbol("runtime_info_retrieval_time_utc");
                map.timestamp(5);
            });
        });
        out.described(code::MESSAGE_ANNOTATIONS, |out| {
            out.map(|map| {
                map.symbol(ENQUEUED_TIME);
                map.timestamp(1_700_000_000_000);
                map.symbol(OFFSET);
                map.string(offset);
                map.symbol("x-opt-partition-key");
                map.string("key");
                map.symbol(SEQUENCE_NUMBER);
                map.long(76);
            });
        });
        write(&mut out);
        out.described(code::DATA, |out| out.binary(&[b'x'; 40]));
        message
    }

    fn properties(out: &mut Encoder<'_>) {
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.ulong(5_000);
                list.nulls(4);
                list.string("correlation");
                list.symbol("application/json");
                list.nulls(1);
            });
        });
        out.described(code::APPLICATION_PROPERTIES, |out| out.map(|map| map.strings(["a", "b"].into_iter())));
    }

    /// A message is read alike with and without the template of `before`; returns whether it fits the template.
    #[track_caller]
    fn check(before: &[u8], message: &[u8]) -> bool {
        let mut template = SectionTemplate::default();
        let _ = template.read(before);
        let fits = template.fits(message);
        let read = template.read(message);
        assert_eq!(
            format!("{read:?}"),
            format!("{:?}", MessageSections::read(message)),
            "{message:02x?} after {before:02x?}"
        );
        fits
    }

    #[test]
    fn values_of_equal_widths_fit_the_template() {
        for write in [properties as fn(&mut Encoder<'_>), |_| ()] {
            let first = message("123456", write);
            assert!(check(&first, &message("654321", write)));
            assert!(!check(&first, &message("1234567", write)), "another width");
            assert!(!check(&[], &first) && !check(b"\0", &first), "no template");
        }
        assert!(!check(&message("1", properties), &message("1", |_| ())));
        assert!(!check(&message("1", |_| ()), &message("1", properties)), "another section follows");
    }

    #[test]
    fn any_changed_byte_is_read_as_without_a_template() {
        for write in [properties as fn(&mut Encoder<'_>), |_| ()] {
            let first = message("123456", write);
            let mut fitting = 0;
            for at in 0..first.len() {
                for byte in 0..=u8::MAX {
                    let mut other = first.clone();
                    other[at] = byte;
                    fitting += usize::from(check(&first, &other));
                    check(&other, &first);
                    check(&other, &other);
                }
                check(&first, &first[..at]);
                check(&first[..at], &first);
            }
            assert!(fitting > 256 * 40, "{fitting}");
        }
    }

    #[test]
    fn rare_layouts_have_no_template() {
        let twice = |out: &mut Encoder<'_>| {
            out.described(code::MESSAGE_ANNOTATIONS, |out| {
                out.map(|map| {
                    for number in 1..=2 {
                        map.symbol(SEQUENCE_NUMBER);
                        map.long(number << 40);
                    }
                });
            });
            out.described(code::DATA, |out| out.binary(&[b'x'; 40]));
        };
        let long_content_type = message("1", |out| {
            out.described(code::PROPERTIES, |out| {
                out.list(|list| {
                    list.nulls(6);
                    list.raw(b"\xb1\0\0\0\x04text");
                });
            });
        });
        let encode = |write: &dyn Fn(&mut Encoder<'_>)| {
            let mut message = Vec::new();
            write(&mut Encoder::new(&mut message));
            message
        };
        let long = message(&"7".repeat(MAX_BYTES), properties);
        for message in [encode(&twice), long, long_content_type] {
            assert!(!check(&message, &message), "{message:02x?}");
        }
    }
}
