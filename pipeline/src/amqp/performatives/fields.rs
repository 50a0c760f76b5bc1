//! Described lists, the form of every performative: fields read and written in the order of the specification.

use crate::amqp::codec::{Error, Items, Value};
use crate::amqp::descriptor::code_of;
use crate::amqp::encode::Encoder;

/// Reads the fields of a list in order; fields after the last one present are null.
#[derive(Clone, Debug)]
pub(in crate::amqp) struct Fields<'a> {
    pub(super) items: Items<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn value(&mut self) -> Result<Value<'a>, Error> {
        self.items.next().unwrap_or(Ok(Value::Null))
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), Error> {
        (0..count).try_for_each(|_| self.items.next_raw().map(drop))
    }

    /// Returns the encoded bytes of the next field.
    pub(super) fn raw(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let raw = self.items.next_raw()?;
        Ok(if raw == [0x40] { None } else { Some(raw) })
    }

    /// Returns the text of the next field, a string or a symbol.
    pub(in crate::amqp) fn string(&mut self) -> Result<Option<&'a str>, Error> {
        self.read("a string", Value::text)
    }

    pub(in crate::amqp) fn binary(&mut self) -> Result<Option<&'a [u8]>, Error> {
        self.read("a binary", |value| match value {
            Value::Binary(bytes) => Some(*bytes),
            _ => None,
        })
    }

    pub(in crate::amqp) fn ubyte(&mut self) -> Result<Option<u8>, Error> {
        self.read("a ubyte", |value| value.integer().and_then(|n| n.try_into().ok()))
    }

    pub(super) fn ushort(&mut self) -> Result<Option<u16>, Error> {
        self.read("a ushort", |value| value.integer().and_then(|n| n.try_into().ok()))
    }

    pub(in crate::amqp) fn uint(&mut self) -> Result<Option<u32>, Error> {
        self.read("a uint", |value| value.integer().and_then(|n| n.try_into().ok()))
    }

    pub(super) fn ulong(&mut self) -> Result<Option<u64>, Error> {
        self.read("a ulong", |value| match value {
            Value::Ulong(n) => Some(*n),
            other => other.integer().and_then(|n| n.try_into().ok()),
        })
    }

    pub(super) fn bool(&mut self) -> Result<Option<bool>, Error> {
        self.read("a boolean", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// Returns the address of a terminus; `None` for an address that is not text, because no node of ours has one.
    pub(super) fn address(&mut self) -> Result<Option<&'a str>, Error> {
        Ok(self.value()?.text())
    }

    /// Returns the fields of a list described by `code`; `None` for a list with another descriptor.
    pub(super) fn list(&mut self, code: u64) -> Result<Option<Fields<'a>>, Error> {
        match self.value()? {
            Value::Null => Ok(None),
            value => {
                let (found, fields) = described_list(&value)?;
                Ok((found == code).then_some(fields))
            }
        }
    }

    fn read<T>(
        &mut self,
        wanted: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.value()? {
            Value::Null => Ok(None),
            value => read(&value).map(Some).ok_or(Error::NotA(wanted)),
        }
    }
}

/// Reads a described list: its code and its fields.
pub(in crate::amqp) fn described_list<'a>(value: &Value<'a>) -> Result<(u64, Fields<'a>), Error> {
    let &Value::Described(descriptor, value) = value else { return Err(Error::NotA("a described list")) };
    let Value::List(items) = Value::read(value)? else { return Err(Error::NotA("a list of fields")) };
    Ok((code_of(descriptor)?, Fields { items }))
}

/// Writes a list described by `code`.
pub(in crate::amqp) fn encode_described_list(
    out: &mut Vec<u8>,
    code: u8,
    fields: impl FnOnce(&mut Encoder<'_>),
) {
    Encoder::new(out).described(code, |out| out.list(fields));
}
