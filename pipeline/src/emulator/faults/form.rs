//! Events in another AMQP form: other kinds of bodies, and annotations of every type.
//!
//! Owns the rewriting. The bytes of a body stay the same, whichever sections hold them. Does not own: the storage of
//! events (`hub`).
//!
//! # Source
//! Protocol reference 5.1, 5.2; AMQP 1.0, 1.6: the type codes.

use super::effect::Form;
use crate::amqp::codec::{Error, Value};
use crate::amqp::encode::{Encoder, encode_to_vec};
use crate::amqp::sections::{Message, Section, Sections, code};

/// Returns each message in all these forms, encoded again.
///
/// # Errors
/// A message that is malformed.
pub(in crate::emulator) fn reform(messages: &[Message<'_>], forms: &[Form]) -> Result<Vec<Vec<u8>>, Error> {
    messages.iter().map(|message| reform_one(message, forms)).collect()
}

fn reform_one(message: &Message<'_>, forms: &[Form]) -> Result<Vec<u8>, Error> {
    let mut out = message.header.to_vec();
    if forms.contains(&Form::Annotations) {
        put_annotations(message, &mut out)?;
    } else if !message.message_annotations.is_empty() {
        Encoder::new(&mut out)
            .described(code::MESSAGE_ANNOTATIONS, |out| out.raw(message.message_annotations));
    }
    match forms.iter().rfind(|form| **form != Form::Annotations) {
        Some(form) => put_bare(message.bare, *form, &mut out)?,
        None => out.extend_from_slice(message.bare),
    }
    Ok(out)
}

/// Appends the sections after the annotations. A body that is not of Data sections stays as it is.
fn put_bare(bare: &[u8], form: Form, out: &mut Vec<u8>) -> Result<(), Error> {
    let sections: Vec<Section<'_>> = Sections::new(bare).collect::<Result<_, _>>()?;
    let mut body = Vec::new();
    let mut at = None;
    for section in sections.iter().filter(|section| section.code == code::DATA) {
        let Value::Binary(bytes) = Value::read(section.value)? else {
            out.extend_from_slice(bare);
            return Ok(());
        };
        body.extend_from_slice(bytes);
        at = at.or(Some(section.whole.as_ptr()));
    }
    for section in &sections {
        if at == Some(section.whole.as_ptr()) {
            put_body(&body, form, out);
        } else if section.code != code::DATA {
            out.extend_from_slice(section.whole);
        }
    }
    Ok(())
}

fn put_body(body: &[u8], form: Form, out: &mut Vec<u8>) {
    let mut out = Encoder::new(out);
    match (form, str::from_utf8(body)) {
        (Form::StringValue, Ok(text)) => out.described(code::VALUE, |out| out.string(text)),
        (Form::BinaryValue | Form::StringValue, _) => out.described(code::VALUE, |out| out.binary(body)),
        (Form::Sequence, _) => {
            out.described(code::SEQUENCE, |out| out.list(|list| list.binary(body)));
        }
        (Form::Sections(count), _) => {
            let count = count as usize;
            // Rounded up, so that the last section may be shorter, or empty.
            let size = body.len().div_ceil(count).max(1);
            for index in 0..count {
                let from = (index * size).min(body.len());
                let to = (from + size).min(body.len());
                out.described(code::DATA, |out| out.binary(&body[from..to]));
            }
        }
        (Form::Annotations, _) => out.described(code::DATA, |out| out.binary(body)),
    }
}

/// Appends the annotations of a message, and one more of every type.
fn put_annotations(message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut outcome = Ok(());
    Encoder::new(out).described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            let mut entries = message.annotations();
            while outcome.is_ok() && !entries.is_empty() {
                outcome = entries.next_raw().map(|entry| map.raw(entry));
            }
            put_odd_annotations(map);
        });
    });
    outcome
}

/// Primitive types that the encoder does not write, and forms that it does not choose: a name and the encoding.
const PRIMITIVES: &[(&str, &[u8])] = &[
    ("x-fault-true", &[0x56, 1]),
    ("x-fault-byte", &[0x51, 0xff]),
    ("x-fault-short", &[0x61, 0xff, 0xfe]),
    ("x-fault-small-int", &[0x54, 0xfd]),
    ("x-fault-small-long", &[0x55, 0xfc]),
    ("x-fault-float", &[0x72, 0x3f, 0x80, 0, 0]),
    ("x-fault-double", &[0x82, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
    ("x-fault-decimal32", &[0x74, 0x22, 0x50, 0, 1]),
    ("x-fault-decimal64", &[0x84, 0x22, 0x38, 0, 0, 0, 0, 0, 1]),
    ("x-fault-decimal128", &[0x94, 0x22, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ("x-fault-char", &[0x73, 0, 1, 0xf6, 0]),
    ("x-fault-uuid", &[0x98, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
    ("x-fault-empty-list", &[0x45]),
    ("x-fault-long-string", &[0xb1, 0, 0, 0, 2, b'o', b'k']),
];

/// Writes a value.
type Write<'a> = &'a dyn Fn(&mut Encoder<'_>);

fn put_odd_annotations(map: &mut Encoder<'_>) {
    map.symbol("x-fault-null");
    map.null();
    for (name, encoded) in PRIMITIVES {
        map.symbol(name);
        map.raw(encoded);
    }
    let described =
        encode_to_vec(|out| out.described_by(0x0000_468c_0000_0004, |out| out.string("described")));
    let symbolic = [
        &[0x00][..],
        &encode_to_vec(|out| out.symbol("com.microsoft:timespan")),
        &encode_to_vec(|out| out.long(7)),
    ]
    .concat();
    let entries: &[(&str, Write<'_>)] = &[
        ("x-fault-ubyte", &|out| out.ubyte(1)),
        ("x-fault-ushort", &|out| out.ushort(2)),
        ("x-fault-uint", &|out| out.uint(u32::MAX)),
        ("x-fault-ulong", &|out| out.ulong(u64::MAX)),
        ("x-fault-int", &|out| out.int(i32::MIN)),
        ("x-fault-long", &|out| out.long(i64::MIN)),
        ("x-fault-time", &|out| out.timestamp(-1)),
        ("x-fault-symbol", &|out| out.symbol("a symbol")),
        ("x-fault-binary", &|out| out.binary(&[0, 0xff])),
        ("x-fault-array", &|out| out.symbols(&["one", "two"])),
        ("x-fault-list", &|out| out.list(|list| list.list(|list| list.string("nested")))),
        ("x-fault-map", &|out| {
            out.map(|map| {
                map.string("inner");
                map.map(|map| {
                    map.int(1);
                    map.null();
                });
            });
        }),
        ("x-fault-described", &|out| out.raw(&described)),
        ("x-fault-timespan", &|out| out.raw(&symbolic)),
    ];
    for (name, write) in entries {
        map.symbol(name);
        write(map);
    }
    // Keys that are not symbols.
    map.ulong(7);
    map.string("a number as key");
    map.string("x-fault-string-key");
    map.string("a string as key");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &[u8]) -> Vec<u8> {
        encode_to_vec(|out| {
            out.described(code::MESSAGE_ANNOTATIONS, |out| {
                out.map(|map| {
                    map.symbol("x-opt-partition-key");
                    map.string("key");
                });
            });
            out.described(code::APPLICATION_PROPERTIES, |out| {
                out.map(|map| {
                    map.string("name");
                    map.string("value");
                });
            });
            out.described(code::DATA, |out| out.binary(body));
        })
    }

    fn reformed(message: &[u8], forms: &[Form]) -> Vec<u8> {
        let message = Message::scan_annotations(message).unwrap();
        reform(&[message], forms).unwrap().remove(0)
    }

    #[test]
    fn body_keeps_its_bytes_in_every_form() {
        let sent = event(b"0123456789");
        for (form, expected) in [
            (
                Form::BinaryValue,
                encode_to_vec(|out| out.described(code::VALUE, |out| out.binary(b"0123456789"))),
            ),
            (
                Form::StringValue,
                encode_to_vec(|out| out.described(code::VALUE, |out| out.string("0123456789"))),
            ),
            (
                Form::Sequence,
                encode_to_vec(|out| {
                    out.described(code::SEQUENCE, |out| out.list(|list| list.binary(b"0123456789")));
                }),
            ),
            (
                Form::Sections(4),
                encode_to_vec(|out| {
                    for part in [&b"012"[..], b"345", b"678", b"9"] {
                        out.described(code::DATA, |out| out.binary(part));
                    }
                }),
            ),
        ] {
            let stored = reformed(&sent, &[form]);
            let message = Message::scan(&stored).unwrap();
            assert_eq!(message.body, expected, "{form:?}");
            assert!(!message.application_properties.is_empty(), "{form:?}");
            assert_eq!(message.annotations().len(), 2, "{form:?}");
        }
    }

    #[test]
    fn body_of_several_sections_is_joined_and_cut_again() {
        let two =
            [event(b"01"), encode_to_vec(|out| out.described(code::DATA, |out| out.binary(b"234")))].concat();
        let stored = reformed(&two, &[Form::Sections(2)]);
        let data: Vec<_> =
            Message::scan(&stored).unwrap().data().map(Result::unwrap).map(<[u8]>::to_vec).collect();
        assert_eq!(data, [&b"012"[..], b"34"]);
    }

    #[test]
    fn bytes_that_are_not_text_become_a_binary_value() {
        let stored = reformed(&event(&[0xff]), &[Form::StringValue]);
        let expected = encode_to_vec(|out| out.described(code::VALUE, |out| out.binary(&[0xff])));
        assert_eq!(Message::scan(&stored).unwrap().body, expected);
    }

    #[test]
    fn annotations_are_of_every_type_and_readable() {
        let stored = reformed(&event(b"body"), &[Form::Annotations, Form::Sequence]);
        let message = Message::scan(&stored).unwrap();
        let values: Vec<_> = message.annotations().map(Result::unwrap).collect();
        assert_eq!(values[0].text(), Some("x-opt-partition-key"));
        assert!(values.contains(&Value::Ulong(7)) && values.contains(&Value::Null));
        assert!(values.iter().any(|value| matches!(value, Value::Described(..))));
        assert!(values.iter().any(|value| matches!(value, Value::Decimal(_))));
        assert!(
            matches!(Sections::new(message.body).next(), Some(Ok(section)) if section.code == code::SEQUENCE)
        );
    }
}
