//! The body of a message: the pieces that make up an event's bytes.
//!
//! Nothing is lost: Data sections are joined, a string or binary value is its bytes, and any other body stays in its
//! AMQP encoding: a value, or the list of each `AmqpSequence` section. Parsers reject that, so it ends in quarantine as it
//! came.

use super::order::BodyOrder;
use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};

/// Calls `take` with each piece of a body; `sections` are those from the body on, in an order that continues `order`.
pub(super) fn for_each_piece<'a>(
    sections: &'a [u8],
    mut order: BodyOrder,
    mut take: impl FnMut(&'a [u8]),
) -> Result<(), Error> {
    let mut cursor = Cursor::new(sections);
    while !cursor.is_empty() {
        let section = descriptor(&mut cursor)?;
        if !order.add(section) {
            return Err(Error::NotA("a section in order"));
        }
        match section {
            code::DATA => take(binary(&cursor.value()?)?),
            code::SEQUENCE => take(list(cursor.raw()?)?),
            code::VALUE => take(value_bytes(cursor.raw()?)),
            _ => drop(cursor.raw()?),
        }
    }
    Ok(())
}

/// Of a body whose first data section is incomplete: the length of the section, and its bytes so far.
pub(super) fn data_prefix(sections: &[u8]) -> Option<(usize, &[u8])> {
    let (length, prefix) = match sections {
        [0x00, 0x53, code::DATA, 0xa0, length, prefix @ ..] => (usize::from(*length), prefix),
        [0x00, 0x53, code::DATA, 0xb0, a, b, c, d, prefix @ ..] => {
            (u32::from_be_bytes([*a, *b, *c, *d]) as usize, prefix)
        }
        _ => return None,
    };
    (prefix.len() <= length).then_some((length, prefix))
}

fn binary<'a>(value: &Value<'a>) -> Result<&'a [u8], Error> {
    match value {
        Value::Binary(bytes) => Ok(bytes),
        _ => Err(Error::NotA("a binary")),
    }
}

/// The encoding of a list whose items can be separated.
fn list(encoded: &[u8]) -> Result<&[u8], Error> {
    let Value::List(mut items) = Value::read(encoded)? else { return Err(Error::NotA("a list")) };
    while !items.is_empty() {
        items.next_raw()?;
    }
    Ok(encoded)
}

/// The bytes of an encoded value: the contents of text and binary, nothing for null, the encoding of any other.
///
/// # Source
/// AMQP 1.0, 1.6: format codes; variable-width values state their length in one byte or in four.
fn value_bytes(encoded: &[u8]) -> &[u8] {
    match encoded {
        [0x40] => &[],
        [0xa0 | 0xa1 | 0xa3, _, bytes @ ..] | [0xb0 | 0xb1 | 0xb3, _, _, _, _, bytes @ ..] => bytes,
        _ => encoded,
    }
}
