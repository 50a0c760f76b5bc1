//! Rules that parse bodies: the parser, or a restricted one in tests.

use crate::event::{ChangeEvent, Reject};
use crate::parse::{Parser, ROUTING_VERSION};

/// Rules that parse bodies.
pub(super) trait Rules {
    /// The version of the routing rules, which decide a body's table.
    fn version(&self) -> u32;

    /// Parses one body.
    ///
    /// # Errors
    /// A [`Reject`] for a body that stays in quarantine.
    fn parse<'a>(&'a mut self, body: &'a [u8]) -> Result<ChangeEvent<'a>, Reject>;
}

impl Rules for Parser {
    fn version(&self) -> u32 {
        ROUTING_VERSION
    }

    fn parse<'a>(&'a mut self, body: &'a [u8]) -> Result<ChangeEvent<'a>, Reject> {
        Self::parse(self, body)
    }
}
