//! What stands in front of a delivery, and what becomes of it.

use super::condition::Condition;
use super::fields::{Fields, encode_described_list};
use super::role::Role;
use crate::amqp::codec::{Error, Value};
use crate::amqp::descriptor::code_of;
use crate::amqp::encode::Encoder;

/// What stands in front of (part of) a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// The link.
    pub handle: u32,
    /// The delivery, in its session; later frames of a delivery may leave it out.
    pub delivery_id: Option<u32>,
    /// The delivery, in its link; later frames of a delivery may leave it out.
    pub delivery_tag: Option<&'a [u8]>,
    /// 0 for one event, 0x80013700 for a batch of events.
    pub message_format: Option<u32>,
    /// Whether the sender has forgotten the delivery already.
    pub settled: Option<bool>,
    /// Whether more frames of this delivery follow.
    pub more: bool,
    /// Whether the delivery is given up half way.
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

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It is taken in.
    Accepted,
    /// It is refused for good.
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

/// News about a range of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// The end that the writer is for these deliveries.
    pub role: Role,
    /// The first delivery.
    pub first: u32,
    /// The last delivery; none when it is the first.
    pub last: Option<u32>,
    /// Whether the writer has forgotten them.
    pub settled: bool,
    /// What has become of them; none for states we have no use for.
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
