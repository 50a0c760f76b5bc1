//! The nine performatives, with every field stated when they are written.
//!
//! Owns the fields and their order. Strings and encoded parts borrow from the frame; what is only passed on
//! (properties, filters, capabilities) stays encoded. Does not own: the hot transfer (`transfer`).
//!
//! # Source
//! AMQP 1.0, 2.7 and 3.5.

mod connection;
mod delivery;
mod fields;
mod link;
mod session;

use super::codec::{Cursor, Error};
use super::encode::Encoder;

use fields::Fields;

pub use connection::Open;
pub use delivery::{Disposition, Outcome, Transfer};
pub(in crate::amqp) use fields::{code_of, described_list};
pub use link::{Attach, Detach, Role, SND_SETTLED, Source, Target};
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
    /// Tells about the state of deliveries.
    Disposition(Disposition<'a>),
    /// Detaches a link.
    Detach(Detach<'a>),
    /// Ends a session.
    End(Option<Condition<'a>>),
    /// Closes the connection.
    Close(Option<Condition<'a>>),
}

impl<'a> Performative<'a> {
    /// Reads the performative that a frame's body begins with, and returns the payload behind it.
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

/// An error as the wire has it: a condition for programs and a text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// The symbol, for instance `amqp:link:stolen`.
    pub condition: &'a str,
    /// The text.
    pub description: &'a str,
}

impl<'a> Condition<'a> {
    fn decode_option(fields: &mut Fields<'a>) -> Result<Option<Self>, Error> {
        let Some(mut fields) = fields.list(0x1d)? else { return Ok(None) };
        let condition = fields.string()?.ok_or(Error::Missing("condition"))?;
        Ok(Some(Self { condition, description: fields.string()?.unwrap_or_default() }))
    }

    fn encode_option(error: Option<Self>, list: &mut Encoder<'_>) {
        list.option(error, |list, error| {
            list.described(0x1d, |out| {
                out.list(|list| {
                    list.symbol(error.condition);
                    list.string(error.description);
                    list.null();
                });
            });
        });
    }
}

/// Writes an end with its one field.
pub fn encode_end(error: Option<Condition<'_>>, out: &mut Vec<u8>) {
    performative(out, 0x17, |list| Condition::encode_option(error, list));
}

/// Writes a close with its one field.
pub fn encode_close(error: Option<Condition<'_>>, out: &mut Vec<u8>) {
    performative(out, 0x18, |list| Condition::encode_option(error, list));
}

/// Writes a list behind the descriptor `code`.
pub(in crate::amqp) fn performative(out: &mut Vec<u8>, code: u8, fields: impl FnOnce(&mut Encoder<'_>)) {
    Encoder::new(out).described(code, |out| out.list(fields));
}
