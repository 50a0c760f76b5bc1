//! The selector filter of a reader: its starting position.
//!
//! Owns the grammar. Does not own: the check that the position exists (`log`).
//!
//! # Source
//! Protocol reference 4.2.

use crate::amqp::codec::Value;
use crate::amqp::sections::lookup;

/// Key of the filter; the descriptor of its value differs between SDKs and is ignored.
const FILTER: &str = "apache.org:selector-filter:string";

/// Starting position of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::emulator) struct StartPosition {
    pub(in crate::emulator) position: Position,
    /// The reader gets the event at the position too.
    pub(in crate::emulator) inclusive: bool,
}

/// Position that a filter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::emulator) enum Position {
    Beginning,
    End,
    Offset {
        offset: i64,
        /// It has the form of a geo-replicated hub.
        is_geo: bool,
    },
    SequenceNumber(i64),
    EnqueuedTime(i64),
}

impl Position {
    pub(in crate::emulator) fn is_geo_offset(self) -> bool {
        matches!(self, Self::Offset { is_geo: true, .. })
    }

    /// An offset as readers see it: `120`, or `2:7:120` on a geo-replicated hub.
    fn offset(text: &str) -> Option<Self> {
        let geo = text.strip_prefix("2:").and_then(|rest| rest.split_once(':'));
        let offset = number(geo.map_or(text, |(_, offset)| offset)).filter(|offset| *offset >= 0)?;
        Some(Self::Offset { offset, is_geo: geo.is_some() })
    }
}

impl StartPosition {
    const BEGINNING: Self = Self { position: Position::Beginning, inclusive: true };

    /// Reads the encoded filter map of a source; without one a reader starts at the first event.
    ///
    /// # Errors
    /// The service's text for an unknown filter.
    pub(in crate::emulator) fn read(filter: Option<&[u8]>) -> Result<Self, String> {
        let Some(filter) = filter else { return Ok(Self::BEGINNING) };
        match lookup(filter, FILTER) {
            Ok(None) => Ok(Self::BEGINNING),
            Ok(Some(Value::Described(_, value))) => match Value::read(value) {
                Ok(Value::String(expression)) => Self::parse(expression),
                _ => Err(refused("")),
            },
            Ok(Some(Value::String(expression))) => Self::parse(expression),
            _ => Err(refused("")),
        }
    }

    /// Returns whether a reader that starts at `start` gets the event at `value`.
    pub(in crate::emulator) fn includes(&self, value: i64, start: i64) -> bool {
        if self.inclusive { value >= start } else { value > start }
    }

    fn parse(expression: &str) -> Result<Self, String> {
        Self::comparison(expression).ok_or_else(|| refused(expression))
    }

    fn comparison(expression: &str) -> Option<Self> {
        let rest = expression.trim().strip_prefix("amqp.annotation.")?;
        let (field, rest) = rest.split_at(rest.find([' ', '>'])?);
        let rest = rest.trim_start().strip_prefix('>')?;
        let (inclusive, rest) = rest.strip_prefix('=').map_or((false, rest), |rest| (true, rest));
        let value = unquoted(rest.trim())?;
        let position = match (field, value) {
            ("x-opt-offset", "-1") => Position::Beginning,
            ("x-opt-offset", "@latest") => Position::End,
            ("x-opt-offset", value) => Position::offset(value)?,
            ("x-opt-sequence-number", value) => Position::SequenceNumber(number(value)?),
            ("x-opt-enqueued-time", value) => Position::EnqueuedTime(number(value)?),
            _ => return None,
        };
        Some(Self { position, inclusive })
    }
}

fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('\'') {
        Some(quoted) => quoted.strip_suffix('\''),
        None => Some(value),
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn refused(expression: &str) -> String {
    format!("The filter '{expression}' is not a valid amqp filter for EventHub entities")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::encode::Encoder;

    #[track_caller]
    fn check(expression: &str, expected: Option<(Position, bool)>) {
        let expected =
            expected.map(|(position, inclusive)| StartPosition { position, inclusive }).ok_or_else(|| {
                format!("The filter '{expression}' is not a valid amqp filter for EventHub entities")
            });
        assert_eq!(StartPosition::parse(expression), expected, "{expression}");
    }

    #[test]
    fn parses_the_expressions_of_every_sdk() {
        let offset = |is_geo, inclusive| Some((Position::Offset { offset: 120, is_geo }, inclusive));
        check("amqp.annotation.x-opt-offset > '-1'", Some((Position::Beginning, false)));
        check("amqp.annotation.x-opt-offset > '@latest'", Some((Position::End, false)));
        check("amqp.annotation.x-opt-offset > '120'", offset(false, false));
        check("amqp.annotation.x-opt-offset >= '120'", offset(false, true));
        check("amqp.annotation.x-opt-offset > 120", offset(false, false));
        check("amqp.annotation.x-opt-offset > '2:7:120'", offset(true, false));
        check("amqp.annotation.x-opt-sequence-number >'7'", Some((Position::SequenceNumber(7), false)));
        check("amqp.annotation.x-opt-sequence-number >= 7", Some((Position::SequenceNumber(7), true)));
        check("amqp.annotation.x-opt-sequence-number > '-1'", Some((Position::SequenceNumber(-1), false)));
        check("amqp.annotation.x-opt-enqueued-time >='9'", Some((Position::EnqueuedTime(9), true)));
    }

    #[test]
    fn refuses_other_expressions() {
        for expression in [
            "",
            "amqp.annotation.x-opt-offset",
            "amqp.annotation.x-opt-offset < '1'",
            "amqp.annotation.x-opt-offset > 'abc'",
            "amqp.annotation.x-opt-offset > '-2'",
            "amqp.annotation.x-opt-offset > '1",
            "amqp.annotation.x-opt-offset > '1' AND amqp.annotation.x-opt-offset > '2'",
            "amqp.annotation.x-opt-sequence-number > '@latest'",
            "amqp.annotation.x-opt-publisher > '1'",
            "1 = 1",
        ] {
            check(expression, None);
        }
    }

    #[test]
    fn accepts_all_three_descriptors() {
        let descriptors: [fn(&mut Encoder<'_>); 3] = [
            |out| out.ulong(0x0000_468C_0000_0004),
            |out| out.ulong(0x0000_0013_7000_000A),
            |out| out.symbol(FILTER),
        ];
        for descriptor in descriptors {
            let mut described = vec![0x00];
            descriptor(&mut Encoder::new(&mut described));
            Encoder::new(&mut described).string("amqp.annotation.x-opt-sequence-number > '7'");
            let mut map = Vec::new();
            Encoder::new(&mut map).map(|map| {
                map.symbol(FILTER);
                map.raw(&described);
            });
            let expected = StartPosition { position: Position::SequenceNumber(7), inclusive: false };
            assert_eq!(StartPosition::read(Some(&map)), Ok(expected));
        }
        assert_eq!(StartPosition::read(None), Ok(StartPosition::BEGINNING));
    }
}
