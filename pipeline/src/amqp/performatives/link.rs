//! Attach and Detach, and the two ends of a link.

use super::condition::Condition;
use super::fields::{Fields, encode_described_list};
use super::role::Role;
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// Attach, which creates a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attach<'a> {
    /// Name of the link between the two containers.
    pub name: &'a str,
    /// Handle of the link in its session.
    pub handle: u32,
    /// Role of the peer that writes it.
    pub role: Role,
    /// 0 unsettled, 1 settled, 2 mixed.
    pub snd_settle_mode: Option<u8>,
    /// 0 first, 1 second.
    pub rcv_settle_mode: Option<u8>,
    /// Source of deliveries; `None` refuses the link.
    pub source: Option<Source<'a>>,
    /// Target of deliveries; `None` refuses the link.
    pub target: Option<Target<'a>>,
    /// Delivery-count at which the sender starts; `None` from a receiver.
    pub initial_delivery_count: Option<u32>,
    /// Maximum size of a delivery, bytes.
    pub max_message_size: Option<u64>,
    /// Encoded array of symbols.
    pub offered_capabilities: Option<&'a [u8]>,
    /// Encoded array of symbols.
    pub desired_capabilities: Option<&'a [u8]>,
    /// Encoded map of properties.
    pub properties: Option<&'a [u8]>,
}

impl<'a> Attach<'a> {
    pub(super) fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let name = fields.string()?.ok_or(Error::Missing("name"))?;
        let handle = fields.uint()?.ok_or(Error::Missing("handle"))?;
        let role = Role::decode(fields)?;
        let (snd_settle_mode, rcv_settle_mode) = (fields.ubyte()?, fields.ubyte()?);
        let source = fields.list(0x28)?.map(Source::decode).transpose()?;
        let target = fields.list(0x29)?.map(Target::decode).transpose()?;
        fields.skip(2)?;
        Ok(Self {
            name,
            handle,
            role,
            snd_settle_mode,
            rcv_settle_mode,
            source,
            target,
            initial_delivery_count: fields.uint()?,
            max_message_size: fields.ulong()?,
            offered_capabilities: fields.raw()?,
            desired_capabilities: fields.raw()?,
            properties: fields.raw()?,
        })
    }

    /// Writes all fourteen fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x12, |list| {
            list.string(self.name);
            list.uint(self.handle);
            self.role.encode(list);
            list.option(self.snd_settle_mode, Encoder::ubyte);
            list.option(self.rcv_settle_mode, Encoder::ubyte);
            list.option(self.source.as_ref(), |list, source| source.encode(list));
            list.option(self.target.as_ref(), |list, target| target.encode(list));
            list.nulls(2);
            list.option(self.initial_delivery_count, Encoder::uint);
            list.option(self.max_message_size, Encoder::ulong);
            list.option(self.offered_capabilities, Encoder::raw);
            list.option(self.desired_capabilities, Encoder::raw);
            list.option(self.properties, Encoder::raw);
        });
    }
}

/// Source of a link's deliveries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source<'a> {
    /// Address of the node.
    pub address: Option<&'a str>,
    /// Encoded map of filters by name.
    pub filter: Option<&'a [u8]>,
}

impl<'a> Source<'a> {
    pub(super) fn decode(mut fields: Fields<'a>) -> Result<Self, Error> {
        let address = fields.address()?;
        fields.skip(6)?;
        Ok(Self { address, filter: fields.raw()? })
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.described(0x28, |out| {
            out.list(|list| {
                list.option(self.address, Encoder::string);
                encode_durability(list);
                list.null();
                list.option(self.filter, Encoder::raw);
                list.nulls(3);
            });
        });
    }
}

/// Target of a link's deliveries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target<'a> {
    /// Address of the node.
    pub address: Option<&'a str>,
}

impl<'a> Target<'a> {
    pub(super) fn decode(mut fields: Fields<'a>) -> Result<Self, Error> {
        Ok(Self { address: fields.address()? })
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.described(0x29, |out| {
            out.list(|list| {
                list.option(self.address, Encoder::string);
                encode_durability(list);
                list.null();
            });
        });
    }
}

/// Writes the durability and expiry fields of a source or a target, with the defaults of the specification.
fn encode_durability(list: &mut Encoder<'_>) {
    list.uint(0);
    list.symbol("session-end");
    list.uint(0);
    list.bool(false);
    list.null();
}

/// Value of `snd_settle_mode` of a sender that sends everything settled.
pub const SND_SETTLED: u8 = 1;

/// Detach, which ends a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detach<'a> {
    /// Handle of the link.
    pub handle: u32,
    /// The link is closed for good.
    pub closed: bool,
    /// The cause; `None` for a detach without an error.
    pub error: Option<Condition<'a>>,
}

impl<'a> Detach<'a> {
    pub(super) fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let handle = fields.uint()?.ok_or(Error::Missing("handle"))?;
        let closed = fields.bool()?.unwrap_or(false);
        Ok(Self { handle, closed, error: Condition::decode_option(fields)? })
    }

    /// Writes all three fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x16, |list| {
            list.uint(self.handle);
            list.bool(self.closed);
            Condition::encode_option(self.error, list);
        });
    }
}
