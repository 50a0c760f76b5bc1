//! The error of a Detach, an End, a Close or a rejected delivery.

use super::fields::Fields;
use crate::amqp::codec::Error;
use crate::amqp::encode::Encoder;

/// An error on the wire: a condition for programs and a text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// The symbol, for instance `amqp:link:stolen`.
    pub condition: &'a str,
    /// The text.
    pub description: &'a str,
}

impl<'a> Condition<'a> {
    pub(super) fn decode_option(fields: &mut Fields<'a>) -> Result<Option<Self>, Error> {
        let Some(mut fields) = fields.list(0x1d)? else { return Ok(None) };
        let condition = fields.string()?.ok_or(Error::Missing("condition"))?;
        Ok(Some(Self { condition, description: fields.string()?.unwrap_or_default() }))
    }

    pub(super) fn encode_option(error: Option<Self>, list: &mut Encoder<'_>) {
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
