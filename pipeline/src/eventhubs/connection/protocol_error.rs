//! Bytes from the hub that break the protocol: the connection can't be read on.

use crate::amqp::{codec, condition, frames};

/// A violation of the protocol by the peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtocolError {
    /// A frame breaks the framing rules.
    #[error(transparent)]
    Frame(#[from] frames::Error),
    /// A performative can't be decoded.
    #[error(transparent)]
    Performative(#[from] codec::Error),
    /// A frame that the state of its connection or session does not allow.
    #[error("a frame arrived out of order")]
    Order,
}

impl ProtocolError {
    /// The condition that the connection is closed with.
    pub(super) fn condition(&self) -> &'static str {
        match self {
            Self::Frame(_) => condition::FRAMING_ERROR,
            Self::Performative(_) => condition::DECODE_ERROR,
            Self::Order => condition::ILLEGAL_STATE,
        }
    }
}
