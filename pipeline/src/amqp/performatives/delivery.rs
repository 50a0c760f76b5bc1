//! Transfer and Disposition: a delivery, and its outcome.

use super::condition::Condition;
use super::fields::{Fields, encode_described_list};
use super::role::Role;
use crate::amqp::codec::{Error, Value};
use crate::amqp::descriptor::code_of;
use crate::amqp::encode::Encoder;

/// Transfer, the performative before the payload of a delivery or of a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// Handle of the link.
    pub handle: u32,
    /// Id of the delivery in its session; optional in later frames of a delivery.
    pub delivery_id: Option<u32>,
    /// Tag of the delivery on its link; optional in later frames of a delivery.
    pub delivery_tag: Option<&'a [u8]>,
    /// 0 for one event, 0x80013700 for a batch of events.
    pub message_format: Option<u32>,
    /// The sender has settled the delivery.
    pub settled: Option<bool>,
    /// More frames of this delivery follow.
    pub more: bool,
    /// The sender abandons the delivery.
    pub aborted: bool,
}

impl<'a> Transfer<'a> {
    pub(super) fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let handle = fields.uint()?.ok_or(Error::Missing("handle"))?;
        let delivery_id = fields.uint()?;
        let delivery_tag = fields.binary()?;
        let message_format = fields.uint()?;
        let settled = fields.bool()?;
        let more = fields.bool()?.unwrap_or(false);
        fields.skip(3)?;
        let aborted = fields.bool()?.unwrap_or(false);
        Ok(Self { handle, delivery_id, delivery_tag, message_format, settled, more, aborted })
    }

    /// Writes all eleven fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x14, |list| {
            list.uint(self.handle);
            list.option(self.delivery_id, Encoder::uint);
            list.option(self.delivery_tag, Encoder::binary);
            list.option(self.message_format, Encoder::uint);
            list.option(self.settled, Encoder::bool);
            list.bool(self.more);
            list.nulls(3);
            list.bool(self.aborted);
            list.bool(false);
        });
    }
}

/// Outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The receiver has accepted it.
    Accepted,
    /// The receiver has rejected it.
    Rejected(Option<Condition<'a>>),
}

impl Outcome<'_> {
    fn encode(&self, out: &mut Encoder<'_>) {
        match self {
            Outcome::Accepted => out.described(0x24, |out| out.list(|_| ())),
            Outcome::Rejected(error) => {
                out.described(0x25, |out| out.list(|list| Condition::encode_option(*error, list)));
            }
        }
    }
}

/// Disposition, the state of a range of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// Role of the peer that writes it.
    pub role: Role,
    /// Id of the first delivery.
    pub first: u32,
    /// Id of the last delivery; `None` means `first`.
    pub last: Option<u32>,
    /// The writer has settled them.
    pub settled: bool,
    /// Outcome; `None` for states that we do not use.
    pub state: Option<Outcome<'a>>,
}

impl<'a> Disposition<'a> {
    pub(super) fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let role = Role::decode(fields)?;
        let first = fields.uint()?.ok_or(Error::Missing("first"))?;
        let last = fields.uint()?;
        let settled = fields.bool()?.unwrap_or(false);
        let state = match fields.value()? {
            Value::Described(descriptor, value) => match (code_of(descriptor)?, Value::read(value)?) {
                (0x24, _) => Some(Outcome::Accepted),
                (0x25, Value::List(items)) => {
                    Some(Outcome::Rejected(Condition::decode_option(&mut Fields { items })?))
                }
                _ => None,
            },
            _ => None,
        };
        Ok(Self { role, first, last, settled, state })
    }

    /// Writes all six fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x15, |list| {
            self.role.encode(list);
            list.uint(self.first);
            list.option(self.last, Encoder::uint);
            list.bool(self.settled);
            list.option(self.state.as_ref(), |list, state| state.encode(list));
            list.bool(false);
        });
    }
}
