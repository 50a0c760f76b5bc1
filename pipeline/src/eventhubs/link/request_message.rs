//! Messages of requests and responses.
//!
//! Does not own: the links that carry them (`request_link`), or the contents of a request.

use crate::amqp::codec::{self, Value};
use crate::amqp::encode::Encoder;
use crate::amqp::sections::{Message, Sections, code, lookup};
use crate::eventhubs::error::Error;
use crate::eventhubs::names::{ERROR_CONDITION, STATUS_CODE, STATUS_DESCRIPTION};

/// The contents of a request. No `Debug`: it may hold a token.
#[derive(Clone)]
pub(crate) struct Request {
    /// Application properties, an encoded map.
    pub(crate) properties: Vec<u8>,
    /// The encoded value of the body.
    pub(crate) body: Vec<u8>,
}

/// The encoded value in the body of a response, or the error that the caller gets.
pub(super) type Answer = Result<Vec<u8>, Error>;

impl Request {
    /// Encodes the message with its id and the address for the response.
    pub(super) fn encode(&self, id: u64, reply_to: &str) -> Vec<u8> {
        let mut message = Vec::new();
        let mut out = Encoder::new(&mut message);
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.ulong(id);
                list.nulls(3);
                list.string(reply_to);
            });
        });
        out.described(code::APPLICATION_PROPERTIES, |out| out.raw(&self.properties));
        out.described(code::VALUE, |out| out.raw(&self.body));
        message
    }
}

/// The parts of a response that count.
pub(super) struct Response<'a> {
    /// Id of its request.
    pub(super) correlation: Option<u64>,
    status: Option<i64>,
    condition: Option<&'a str>,
    text: Option<&'a str>,
    /// The encoded value of its body; empty if it has another body.
    body: &'a [u8],
}

impl<'a> Response<'a> {
    pub(super) fn decode(message: &'a [u8]) -> Result<Self, codec::Error> {
        let message = Message::scan(message)?;
        let properties =
            if message.properties.is_empty() { Value::Null } else { Value::read(message.properties)? };
        let mut fields = properties.items().unwrap_or_default();
        for _ in 0..5 {
            fields.next_raw()?;
        }
        let correlation = match Value::read(fields.next_raw()?)? {
            Value::Null => None,
            Value::Ulong(id) => Some(id),
            // The id of another client's request.
            _ => Some(u64::MAX),
        };
        let text = |name| Ok(lookup(message.application_properties, name)?.and_then(|value| value.text()));
        let body = match Sections::new(message.body).next().transpose()? {
            Some(section) if section.code == code::VALUE => section.value,
            _ => &[],
        };
        Ok(Self {
            correlation,
            status: lookup(message.application_properties, STATUS_CODE)?.and_then(|status| status.integer()),
            condition: text(ERROR_CONDITION)?,
            text: text(STATUS_DESCRIPTION)?,
            body,
        })
    }

    /// The body, or the error that the status states.
    pub(super) fn into_answer(self, subject: &str) -> Answer {
        Error::check_status(subject, self.status, self.condition, self.text)?;
        Ok(self.body.to_vec())
    }
}
