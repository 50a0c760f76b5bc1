//! The frames of the SASL layer.
//!
//! Owns their fields. Does not own: the check of credentials (`emulator`).
//!
//! # Source
//! AMQP 1.0, 5.3.3.

use super::codec::{Cursor, Error};
use super::encode::Encoder;
use super::performatives::{described_list, encode_described_list};

/// The client's choice of a mechanism, with its initial response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Init<'a> {
    /// The mechanism.
    pub mechanism: &'a str,
    /// For PLAIN: authorization id, name and password, separated by zero bytes.
    pub initial_response: &'a [u8],
}

/// Omits the response, which holds a password.
impl std::fmt::Debug for Init<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Init").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl<'a> Init<'a> {
    /// Reads a sasl-init frame.
    pub fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let (code, mut fields) = described_list(&Cursor::new(body).value()?)?;
        if code != 0x41 {
            return Err(Error::UnknownDescriptor(code));
        }
        let mechanism = fields.string()?.ok_or(Error::Missing("mechanism"))?;
        Ok(Self { mechanism, initial_response: fields.binary()?.unwrap_or_default() })
    }
}

/// Writes sasl-mechanisms, the list to choose from.
pub fn encode_mechanisms(mechanisms: &[&str], out: &mut Vec<u8>) {
    encode_described_list(out, 0x40, |list| list.symbols(mechanisms));
}

/// Writes sasl-outcome: ok, or auth for wrong credentials.
pub fn encode_outcome(accepted: bool, out: &mut Vec<u8>) {
    encode_described_list(out, 0x44, |list| {
        list.ubyte(u8::from(!accepted));
        list.null();
    });
}

/// Writes sasl-init.
pub fn encode_init(init: &Init<'_>, hostname: &str, out: &mut Vec<u8>) {
    encode_described_list(out, 0x41, |list| {
        list.symbol(init.mechanism);
        list.binary(init.initial_response);
        list.option(Some(hostname), Encoder::string);
    });
}

/// Reads sasl-outcome; true means that the client is accepted.
pub fn decode_outcome(body: &[u8]) -> Result<bool, Error> {
    let (code, mut fields) = described_list(&Cursor::new(body).value()?)?;
    if code != 0x44 {
        return Err(Error::UnknownDescriptor(code));
    }
    Ok(fields.ubyte()? == Some(0))
}
