//! The front of a message, read by the layout of the one before.
//!
//! What stands in front of the application properties is laid out alike in nearly all messages of a partition: the same
//! sections, names and widths around other values. So the layout of the last front is kept, and one that is laid out the
//! same is read by place: one comparison instead of dozens of values stepped over.
//!
//! Owns: telling that two fronts are laid out the same. Does not own: what a front says (`head`), which reads every front
//! that is laid out otherwise.

use std::ops::Range;

use super::head::{Head, annotations};
use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};
use crate::eventhubs::names::{ENQUEUED_TIME, LAST_SEQUENCE_NUMBER, OFFSET, SEQUENCE_NUMBER};
use crate::position::SequenceNumber;
use crate::subslice;

/// The layout of the last front that was read value by value.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The front and the descriptor behind it, in whole blocks. Empty when there is none to go by.
    front: Vec<u8>,
    /// All bits of each byte that must be the same, none of those that belong to values or fill the last block.
    same: Vec<u8>,
    /// The length of the front.
    length: usize,
    places: Places,
}

impl Layout {
    /// Reads the sections up to the body; gives what stands from there on. As [`Head::read`], quicker.
    ///
    /// # Errors
    /// Those of [`Head::read`].
    pub(super) fn read<'a>(&mut self, message: &'a [u8]) -> Result<(Head<'a>, &'a [u8]), Error> {
        if self.fits(message)
            && let Some(head) = self.places.read(message)
        {
            return head.sections(&message[self.length..], code::PROPERTIES);
        }
        let read = Head::read(message)?;
        if self.learn(message).is_none() {
            self.front.clear();
        }
        Ok(read)
    }

    fn fits(&self, message: &[u8]) -> bool {
        let Some(begun) = message.get(..self.front.len()) else { return false };
        let [begun, front, same] = [begun, &self.front, &self.same].map(|bytes| bytes.as_chunks::<BLOCK>().0);
        let other = begun.iter().zip(front).zip(same).fold(0, |other, ((begun, front), same)| {
            let [begun, front, same] = [begun, front, same].map(|block| u64::from_ne_bytes(*block));
            other | (begun ^ front) & same
        });
        other == 0 && !front.is_empty()
    }

    /// Keeps the layout of a message that was read; `None` for one that is laid out as hardly any is.
    fn learn(&mut self, message: &[u8]) -> Option<()> {
        self.same.clear();
        self.same.resize(MOST, u8::MAX);
        let mut survey = Survey { message, same: &mut self.same, places: Places::default(), is_rare: false };
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
        let Survey { places, is_rare, .. } = survey;
        self.length = message.len() - cursor.rest().len();
        let end = self.length + DESCRIPTOR;
        if is_rare || end > MOST {
            return None;
        }
        self.places = places;
        self.front.clear();
        self.front.extend_from_slice(&message[..end]);
        self.same.truncate(end);
        for bytes in [&mut self.front, &mut self.same] {
            bytes.resize(end.next_multiple_of(BLOCK), 0);
        }
        Some(())
    }
}

/// Where the values stand that somebody reads.
#[derive(Debug, Default)]
struct Places {
    sequence_number: Option<Range<usize>>,
    offset: Option<Range<usize>>,
    enqueued_time: Option<Range<usize>>,
    last_enqueued: Option<Range<usize>>,
    content_type: Option<Range<usize>>,
}

impl Places {
    /// What a front says that is laid out like this; `None` when a text is none.
    fn read<'a>(&self, front: &'a [u8]) -> Option<Head<'a>> {
        let number = |place: &Option<Range<usize>>| {
            let bytes = front.get(place.clone()?)?.first_chunk()?;
            Some(i64::from_be_bytes(*bytes))
        };
        let text = |place: &Option<Range<usize>>| match place {
            Some(place) => str::from_utf8(front.get(place.clone())?).ok().map(Some),
            None => Some(None),
        };
        Some(Head {
            sequence_number: number(&self.sequence_number),
            offset: text(&self.offset)?,
            enqueued_time_ms: number(&self.enqueued_time),
            last_enqueued: number(&self.last_enqueued).map(SequenceNumber),
            content_type: text(&self.content_type)?.unwrap_or_default(),
            ..Head::default()
        })
    }
}

/// A look at where the values of a front stand.
struct Survey<'a> {
    message: &'a [u8],
    same: &'a mut [u8],
    places: Places,
    /// A value that somebody reads is not encoded as it usually is, or stands there twice.
    is_rare: bool,
}

impl Survey<'_> {
    fn delivery_annotations(&mut self, map: Value<'_>) {
        self.annotations(map, |places, name| {
            (name == LAST_SEQUENCE_NUMBER.as_bytes()).then_some((&mut places.last_enqueued, LONG))
        });
    }

    fn message_annotations(&mut self, map: Value<'_>) {
        self.annotations(map, |places, name| {
            let known = [
                (SEQUENCE_NUMBER, &mut places.sequence_number, LONG),
                (OFFSET, &mut places.offset, STRING),
                (ENQUEUED_TIME, &mut places.enqueued_time, TIMESTAMP),
            ];
            let mut known = known.into_iter();
            known.find(|(known, ..)| name == known.as_bytes()).map(|(_, place, code)| (place, code))
        });
    }

    /// `find` gives where the place of the value of this name belongs, and how it is encoded.
    fn annotations(
        &mut self,
        map: Value<'_>,
        find: impl for<'p> Fn(&'p mut Places, &[u8]) -> Option<(&'p mut Option<Range<usize>>, u8)>,
    ) {
        let read = annotations(map, |name, value| {
            let content = self.value(value);
            if let Some((place, code)) = find(&mut self.places, name) {
                self.is_rare |= value.first() != Some(&code) || place.replace(content).is_some();
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
                self.value(value);
            } else if let [STRING | SYMBOL, ..] = value {
                self.places.content_type = Some(self.place(&value[2..]));
            } else {
                self.is_rare |= value != [NULL];
            }
        }
        Some(())
    }

    /// A value may be another one of the same width; gives the place of what may be other.
    fn value(&mut self, value: &[u8]) -> Range<usize> {
        let place = self.place(match value {
            [0x50..=0x9f, content @ ..] | [0xa0..=0xaf, _, content @ ..] => content,
            _ => &[],
        });
        if let Some(same) = self.same.get_mut(place.clone()) {
            same.fill(0);
        }
        place
    }

    fn place(&self, part: &[u8]) -> Range<usize> {
        // A value of an unknown type has no content in the message: an empty range.
        subslice::range(self.message, part).unwrap_or_default()
    }
}

const BLOCK: usize = size_of::<u64>();
const DESCRIPTOR: usize = 3;
/// A longer front is read value by value: the usual ones have two to four hundred bytes.
const MOST: usize = 1_024;
/// The place of the content type among the properties.
const CONTENT_TYPE: usize = 6;

const NULL: u8 = 0x40;
const LONG: u8 = 0x81;
const TIMESTAMP: u8 = 0x83;
const STRING: u8 = 0xa1;
const SYMBOL: u8 = 0xa3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::encode::Encoder;

    /// A front with this offset, and a body behind it.
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

    /// Behind `before`, a message gives what it gives alone; tells whether it was read by the layout.
    #[track_caller]
    fn check(before: &[u8], message: &[u8]) -> bool {
        let mut layout = Layout::default();
        let _ = layout.read(before);
        let fits = layout.fits(message);
        let read = layout.read(message);
        assert_eq!(
            format!("{read:?}"),
            format!("{:?}", Head::read(message)),
            "{message:02x?} behind {before:02x?}"
        );
        fits
    }

    #[test]
    fn other_values_of_the_same_widths_are_read_by_place() {
        for write in [properties as fn(&mut Encoder<'_>), |_| ()] {
            let first = message("123456", write);
            assert!(check(&first, &message("654321", write)));
            assert!(!check(&first, &message("1234567", write)), "another width");
            assert!(!check(&[], &first) && !check(b"\0", &first), "none to go by");
        }
        assert!(!check(&message("1", properties), &message("1", |_| ())));
        assert!(!check(&message("1", |_| ()), &message("1", properties)), "the next section is another one");
    }

    #[test]
    fn whatever_byte_is_another_one_the_event_is_what_it_is_alone() {
        for write in [properties as fn(&mut Encoder<'_>), |_| ()] {
            let first = message("123456", write);
            let mut by_place = 0;
            for at in 0..first.len() {
                for byte in 0..=u8::MAX {
                    let mut other = first.clone();
                    other[at] = byte;
                    by_place += usize::from(check(&first, &other));
                    check(&other, &first);
                    check(&other, &other);
                }
                check(&first, &first[..at]);
                check(&first[..at], &first);
            }
            assert!(by_place > 256 * 40, "{by_place}");
        }
    }

    #[test]
    fn rare_fronts_are_read_value_by_value() {
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
        let of = |write: &dyn Fn(&mut Encoder<'_>)| {
            let mut message = Vec::new();
            write(&mut Encoder::new(&mut message));
            message
        };
        let long = message(&"7".repeat(MOST), properties);
        for message in [of(&twice), long, long_content_type] {
            assert!(!check(&message, &message), "{message:02x?}");
        }
    }
}
