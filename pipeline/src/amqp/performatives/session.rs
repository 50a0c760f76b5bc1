//! The beginning of a session, and its windows.

use super::fields::{Fields, encode_described_list};
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// The beginning of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begin<'a> {
    /// The peer's channel that this answers; none when it begins a new session.
    pub remote_channel: Option<u16>,
    /// The transfer-id of its first transfer.
    pub next_outgoing_id: u32,
    /// How many transfers it can take now.
    pub incoming_window: u32,
    /// How many transfers it means to send.
    pub outgoing_window: u32,
    /// Its highest handle; none means any.
    pub handle_max: Option<u32>,
    /// Encoded map of its properties.
    pub properties: Option<&'a [u8]>,
}

impl<'a> Begin<'a> {
    pub(super) fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let remote_channel = fields.ushort()?;
        let next_outgoing_id = fields.uint()?.ok_or(Error::Missing("next-outgoing-id"))?;
        let incoming_window = fields.uint()?.ok_or(Error::Missing("incoming-window"))?;
        let outgoing_window = fields.uint()?.ok_or(Error::Missing("outgoing-window"))?;
        let handle_max = fields.uint()?;
        fields.skip(2)?;
        let properties = fields.raw()?;
        Ok(Self {
            remote_channel,
            next_outgoing_id,
            incoming_window,
            outgoing_window,
            handle_max,
            properties,
        })
    }

    /// Writes all eight fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x11, |list| {
            list.option(self.remote_channel, Encoder::ushort);
            list.uint(self.next_outgoing_id);
            list.uint(self.incoming_window);
            list.uint(self.outgoing_window);
            list.option(self.handle_max, Encoder::uint);
            list.nulls(2);
            list.option(self.properties, Encoder::raw);
        });
    }
}

/// An update of windows and, with a handle, of credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The next transfer-id it expects; none before it has seen the peer's begin.
    pub next_incoming_id: Option<u32>,
    /// How many transfers it can take now.
    pub incoming_window: u32,
    /// The transfer-id of its next transfer.
    pub next_outgoing_id: u32,
    /// How many transfers it means to send.
    pub outgoing_window: u32,
    /// The link that the rest is about; none when it is about the session alone.
    pub handle: Option<u32>,
    /// How many deliveries the link has seen.
    pub delivery_count: Option<u32>,
    /// How many more may be sent.
    pub link_credit: Option<u32>,
    /// How many are waiting to be sent.
    pub available: Option<u32>,
    /// Asks the sender to use its credit up or give it back.
    pub drain: bool,
    /// Asks for a flow in answer.
    pub echo: bool,
}

impl Flow {
    pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            next_incoming_id: fields.uint()?,
            incoming_window: fields.uint()?.ok_or(Error::Missing("incoming-window"))?,
            next_outgoing_id: fields.uint()?.ok_or(Error::Missing("next-outgoing-id"))?,
            outgoing_window: fields.uint()?.ok_or(Error::Missing("outgoing-window"))?,
            handle: fields.uint()?,
            delivery_count: fields.uint()?,
            link_credit: fields.uint()?,
            available: fields.uint()?,
            drain: fields.bool()?.unwrap_or(false),
            echo: fields.bool()?.unwrap_or(false),
        })
    }

    /// Writes all eleven fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x13, |list| {
            list.option(self.next_incoming_id, Encoder::uint);
            list.uint(self.incoming_window);
            list.uint(self.next_outgoing_id);
            list.uint(self.outgoing_window);
            list.option(self.handle, Encoder::uint);
            list.option(self.delivery_count, Encoder::uint);
            list.option(self.link_credit, Encoder::uint);
            list.option(self.available, Encoder::uint);
            list.bool(self.drain);
            list.bool(self.echo);
            list.null();
        });
    }
}
