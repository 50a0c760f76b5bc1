//! The attachment of a link, its two ends, and its detachment.

use super::condition::Condition;
use super::fields::{Fields, encode_described_list};
use super::role::Role;
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// The attachment of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attach<'a> {
    /// Names the link between the two containers.
    pub name: &'a str,
    /// Names the link in its session.
    pub handle: u32,
    /// The end that the writer of this attach is.
    pub role: Role,
    /// 0 unsettled, 1 settled, 2 mixed.
    pub snd_settle_mode: Option<u8>,
    /// 0 first, 1 second.
    pub rcv_settle_mode: Option<u8>,
    /// Where deliveries come from; none refuses the link.
    pub source: Option<Source<'a>>,
    /// Where deliveries go; none refuses the link.
    pub target: Option<Target<'a>>,
    /// The sender's first delivery-count; null from a receiver.
    pub initial_delivery_count: Option<u32>,
    /// The largest delivery it takes, bytes.
    pub max_message_size: Option<u64>,
    /// Encoded array of symbols.
    pub offered_capabilities: Option<&'a [u8]>,
    /// Encoded array of symbols.
    pub desired_capabilities: Option<&'a [u8]>,
    /// Encoded map of its properties.
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

/// Where a link's deliveries come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source<'a> {
    /// The node.
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
                terminus_life(list);
                list.null();
                list.option(self.filter, Encoder::raw);
                list.nulls(3);
            });
        });
    }
}

/// Where a link's deliveries go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target<'a> {
    /// The node.
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
                terminus_life(list);
                list.null();
            });
        });
    }
}

/// Writes what a source and a target say of how long they last, with the defaults of the standard.
fn terminus_life(list: &mut Encoder<'_>) {
    list.uint(0);
    list.symbol("session-end");
    list.uint(0);
    list.bool(false);
    list.null();
}

/// The settle mode by which a sender sends everything settled.
pub const SND_SETTLED: u8 = 1;

/// The end of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detach<'a> {
    /// The link.
    pub handle: u32,
    /// Whether it is closed for good.
    pub closed: bool,
    /// Why.
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
