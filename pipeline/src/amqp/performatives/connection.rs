//! Open, which negotiates a connection.

use super::fields::{Fields, encode_described_list};
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// Open, the first performative of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open<'a> {
    /// Name of the peer.
    pub container_id: &'a str,
    /// Host that the peer asks for.
    pub hostname: Option<&'a str>,
    /// Maximum frame size, bytes; `None` means no limit.
    pub max_frame_size: Option<u32>,
    /// Highest channel; `None` means 65,535.
    pub channel_max: Option<u16>,
    /// Idle timeout of the peer, milliseconds.
    pub idle_time_out: Option<u32>,
    /// Encoded array of the capabilities that the peer asks for.
    pub desired_capabilities: Option<&'a [u8]>,
    /// Encoded map of properties.
    pub properties: Option<&'a [u8]>,
}

impl<'a> Open<'a> {
    pub(super) fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let container_id = fields.string()?.ok_or(Error::Missing("container-id"))?;
        let hostname = fields.string()?;
        let (max_frame_size, channel_max) = (fields.uint()?, fields.ushort()?);
        let idle_time_out = fields.uint()?;
        fields.skip(3)?;
        let (desired_capabilities, properties) = (fields.raw()?, fields.raw()?);
        Ok(Self {
            container_id,
            hostname,
            max_frame_size,
            channel_max,
            idle_time_out,
            desired_capabilities,
            properties,
        })
    }

    /// Writes all ten fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_described_list(out, 0x10, |list| {
            list.string(self.container_id);
            list.option(self.hostname, Encoder::string);
            list.option(self.max_frame_size, Encoder::uint);
            list.option(self.channel_max, Encoder::ushort);
            list.option(self.idle_time_out, Encoder::uint);
            list.nulls(3);
            list.option(self.desired_capabilities, Encoder::raw);
            list.option(self.properties, Encoder::raw);
        });
    }
}
