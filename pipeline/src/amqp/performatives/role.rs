//! The role of a peer on a link.

use super::fields::Fields;
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// Role of a peer on a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Sends deliveries.
    #[default]
    Sender,
    /// Receives deliveries.
    Receiver,
}

impl Role {
    pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Self, Error> {
        let is_receiver = fields.bool()?.ok_or(Error::Missing("role"))?;
        Ok(if is_receiver { Self::Receiver } else { Self::Sender })
    }

    pub(super) fn encode(self, out: &mut Encoder<'_>) {
        out.bool(self == Self::Receiver);
    }
}
