//! The nine performatives of AMQP.
//!
//! Owns the fields and their order. Every field is written, null or not: the Python SDK indexes them all. Strings and
//! encoded parts borrow from the frame; properties, filters and capabilities stay encoded. Does not own: the fast
//! paths for transfers (`transfer`).
//!
//! # Source
//! AMQP 1.0, 2.7 and 3.5.

mod condition; // the error of a detach, an end, a close or a rejected delivery
mod connection; // open
mod delivery; // transfer, disposition
mod fields; // described lists
mod link; // attach, detach
mod role; // sender or receiver
mod session; // begin, flow

use super::codec::{Cursor, Error};

pub use condition::Condition;
pub use connection::Open;
pub use delivery::{Disposition, Outcome, Transfer};
pub(in crate::amqp) use fields::{described_list, encode_described_list};
pub use link::{Attach, Detach, SND_SETTLED, Source, Target};
pub use role::Role;
pub use session::{Begin, Flow};

/// One performative.
#[derive(Clone, Debug, PartialEq)]
pub enum Performative<'a> {
    /// Negotiates the connection.
    Open(Open<'a>),
    /// Begins a session.
    Begin(Begin<'a>),
    /// Attaches a link.
    Attach(Box<Attach<'a>>),
    /// Updates windows and credit.
    Flow(Flow),
    /// Transfers (part of) a delivery.
    Transfer(Transfer<'a>),
    /// Updates the state of deliveries.
    Disposition(Disposition<'a>),
    /// Detaches a link.
    Detach(Detach<'a>),
    /// Ends a session.
    End(Option<Condition<'a>>),
    /// Closes the connection.
    Close(Option<Condition<'a>>),
}

impl<'a> Performative<'a> {
    /// Reads the performative at the start of a frame's body and returns it with the payload.
    pub fn decode(body: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let mut cursor = Cursor::new(body);
        let (code, mut fields) = described_list(&cursor.value()?)?;
        let performative = match code {
            0x10 => Self::Open(Open::decode(&mut fields)?),
            0x11 => Self::Begin(Begin::decode(&mut fields)?),
            0x12 => Self::Attach(Box::new(Attach::decode(&mut fields)?)),
            0x13 => Self::Flow(Flow::decode(&mut fields)?),
            0x14 => Self::Transfer(Transfer::decode(&mut fields)?),
            0x15 => Self::Disposition(Disposition::decode(&mut fields)?),
            0x16 => Self::Detach(Detach::decode(&mut fields)?),
            0x17 => Self::End(Condition::decode_option(&mut fields)?),
            0x18 => Self::Close(Condition::decode_option(&mut fields)?),
            other => return Err(Error::UnknownDescriptor(other)),
        };
        Ok((performative, cursor.rest()))
    }
}

/// Writes an End with its one field.
pub fn encode_end(error: Option<Condition<'_>>, out: &mut Vec<u8>) {
    encode_described_list(out, 0x17, |list| Condition::encode_option(error, list));
}

/// Writes a Close with its one field.
pub fn encode_close(error: Option<Condition<'_>>, out: &mut Vec<u8>) {
    encode_described_list(out, 0x18, |list| Condition::encode_option(error, list));
}
