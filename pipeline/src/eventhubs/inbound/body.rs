//! The body of a message: the pieces that make an event's bytes.
//!
//! Nothing is lost here: data sections are joined, a text or binary value gives its bytes, and whatever else a
//! body may be stays in its AMQP encoding (the parser will not understand it: it lands in quarantine as it came).

use crate::amqp::codec::{Cursor, Error, Value};
use crate::amqp::sections::{code, descriptor};

/// Gives the pieces of a body in order; `sections` are those of the body, and the footer.
pub(super) fn pieces<'a>(sections: &'a [u8], mut take: impl FnMut(&'a [u8])) -> Result<(), Error> {
    let mut cursor = Cursor::new(sections);
    let mut kind = None;
    while !cursor.is_empty() {
        let section = descriptor(&mut cursor)?;
        let fits = match kind {
            None => true,
            // A body of data or of lists may have several sections, a value stands alone; the footer ends all.
            Some(before @ (code::DATA | code::SEQUENCE)) => section == before || section == code::FOOTER,
            Some(code::VALUE) => section == code::FOOTER,
            Some(_) => false,
        };
        if !fits {
            return Err(Error::NotA("a section in its order"));
        }
        kind = Some(section);
        match section {
            code::DATA => take(binary(&cursor.value()?)?),
            code::SEQUENCE => items(cursor.value()?, &mut take)?,
            code::VALUE => take(value_bytes(cursor.raw()?)),
            code::FOOTER => drop(cursor.raw()?),
            _ => return Err(Error::NotA("a section in its order")),
        }
    }
    Ok(())
}

/// A body that is one data section, of which only the beginning is there: its length, and that beginning.
pub(super) fn cut_data(sections: &[u8]) -> Option<(usize, &[u8])> {
    let (length, begun) = match sections {
        [0x00, 0x53, code::DATA, 0xa0, length, begun @ ..] => (usize::from(*length), begun),
        [0x00, 0x53, code::DATA, 0xb0, a, b, c, d, begun @ ..] => {
            (u32::from_be_bytes([*a, *b, *c, *d]) as usize, begun)
        }
        _ => return None,
    };
    (begun.len() <= length).then_some((length, begun))
}

fn binary<'a>(value: &Value<'a>) -> Result<&'a [u8], Error> {
    match value {
        Value::Binary(bytes) => Ok(bytes),
        _ => Err(Error::NotA("a binary")),
    }
}

/// Gives the items of a list as they are encoded.
fn items<'a>(value: Value<'a>, take: &mut impl FnMut(&'a [u8])) -> Result<(), Error> {
    let Value::List(mut items) = value else { return Err(Error::NotA("a list")) };
    while !items.is_empty() {
        take(items.next_raw()?);
    }
    Ok(())
}

/// The bytes of an encoded value: of text and binary what they hold, of null nothing, of others their encoding.
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
