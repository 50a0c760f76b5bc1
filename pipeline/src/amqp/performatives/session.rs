//! Begin and Flow: a session and its windows.

use super::fields::{Fields, encode_described_list};
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// Begin, which starts a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begin<'a> {
    /// Channel of the Begin that this one answers; `None` in the first Begin of a session.
    pub remote_channel: Option<u16>,
    /// Transfer-id of the writer's first transfer.
    pub next_outgoing_id: u32,
    /// Number of transfers that the writer accepts now.
    pub incoming_window: u32,
    /// Number of transfers that the writer may send.
    pub outgoing_window: u32,
    /// Highest handle; `None` means no limit.
    pub handle_max: Option<u32>,
    /// Encoded map of properties.
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

/// Flow, the state of a session's windows and, with a handle, of a link's credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Transfer-id that the writer expects next; `None` before it has seen the peer's Begin.
    pub next_incoming_id: Option<u32>,
    /// Number of transfers that the writer accepts now.
    pub incoming_window: u32,
    /// Transfer-id of the writer's next transfer.
    pub next_outgoing_id: u32,
    /// Number of transfers that the writer may send.
    pub outgoing_window: u32,
    /// Handle of the link that the fields below are about; `None` when the flow is about the session alone.
    pub handle: Option<u32>,
    /// Delivery-count of the link.
    pub delivery_count: Option<u32>,
    /// Number of further deliveries that the receiver accepts.
    pub link_credit: Option<u32>,
    /// Number of deliveries that the sender has ready.
    pub available: Option<u32>,
    /// The sender has to use its credit or give it back.
    pub drain: bool,
    /// The peer has to answer with a Flow.
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
