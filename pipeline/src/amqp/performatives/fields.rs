//! The fields of a described list, read in their order.

use super::link::Role;
use crate::amqp::codec::{Error, Items, Value};

/// The fields of a performative in order; those behind the last stated one are null.
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

    /// Returns the next field as it is encoded.
    pub(super) fn raw(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let raw = self.items.next_raw()?;
        Ok(if raw == [0x40] { None } else { Some(raw) })
    }

    /// Returns the next field's text, whether string or symbol.
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

    pub(super) fn role(&mut self) -> Result<Role, Error> {
        let receiver = self.bool()?.ok_or(Error::Missing("role"))?;
        Ok(if receiver { Role::Receiver } else { Role::Sender })
    }

    /// Returns the address of a terminus; addresses that are no text name nothing we have.
    pub(super) fn address(&mut self) -> Result<Option<&'a str>, Error> {
        Ok(self.value()?.text())
    }

    /// Returns the fields of a list described by `code`; a described value of another code is none.
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

/// Returns the numeric code of an encoded descriptor.
pub(in crate::amqp) fn code_of(descriptor: &[u8]) -> Result<u64, Error> {
    match Value::read(descriptor)? {
        Value::Ulong(code) => Ok(code),
        Value::Symbol(name) => named_code(name).ok_or(Error::NotA("a known descriptor")),
        _ => Err(Error::NotA("a descriptor")),
    }
}

/// The descriptors that a peer may spell as symbols instead of codes.
fn named_code(name: &str) -> Option<u64> {
    Some(match name {
        "amqp:open:list" => 0x10,
        "amqp:begin:list" => 0x11,
        "amqp:attach:list" => 0x12,
        "amqp:flow:list" => 0x13,
        "amqp:transfer:list" => 0x14,
        "amqp:disposition:list" => 0x15,
        "amqp:detach:list" => 0x16,
        "amqp:end:list" => 0x17,
        "amqp:close:list" => 0x18,
        "amqp:error:list" => 0x1d,
        "amqp:accepted:list" => 0x24,
        "amqp:rejected:list" => 0x25,
        "amqp:released:list" => 0x26,
        "amqp:modified:list" => 0x27,
        "amqp:source:list" => 0x28,
        "amqp:target:list" => 0x29,
        "amqp:sasl-mechanisms:list" => 0x40,
        "amqp:sasl-init:list" => 0x41,
        "amqp:sasl-outcome:list" => 0x44,
        "amqp:header:list" => 0x70,
        "amqp:delivery-annotations:map" => 0x71,
        "amqp:message-annotations:map" => 0x72,
        "amqp:properties:list" => 0x73,
        "amqp:application-properties:map" => 0x74,
        "amqp:data:binary" => 0x75,
        "amqp:amqp-sequence:list" => 0x76,
        "amqp:amqp-value:*" => 0x77,
        "amqp:footer:map" => 0x78,
        _ => return None,
    })
}
