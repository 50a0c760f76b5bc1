//! The selector filter of a reader: from which event it begins.
//!
//! Owns the grammar. Does not own: whether the place exists (`log`).
//!
//! # Source
//! Protocol reference 4.2.

use crate::amqp::codec::Value;
use crate::amqp::sections::lookup;

/// The key of the filter; the descriptor of its value differs between SDKs and is ignored.
const FILTER: &str = "apache.org:selector-filter:string";

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) place: Place,
    /// Whether the named event itself is included.
    pub(super) inclusive: bool,
}

/// The place that a filter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Beginning,
    End,
    Offset(i64),
    SequenceNumber(i64),
    EnqueuedTime(i64),
}

impl Start {
    const BEGINNING: Self = Self { place: Place::Beginning, inclusive: true };

    /// Reads the encoded filter map of a source; without one a reader begins at the beginning.
    ///
    /// # Errors
    /// The service's text about a filter that it does not know.
    pub(super) fn read(filter: Option<&[u8]>) -> Result<Self, String> {
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

    /// Tells whether an event at `value` is one that a reader from `wanted` gets.
    pub(super) fn reached(&self, value: i64, wanted: i64) -> bool {
        if self.inclusive { value >= wanted } else { value > wanted }
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
        let place = match (field, value) {
            ("x-opt-offset", "-1") => Place::Beginning,
            ("x-opt-offset", "@latest") => Place::End,
            ("x-opt-offset", value) => Place::Offset(number(value).filter(|offset| *offset >= 0)?),
            ("x-opt-sequence-number", value) => Place::SequenceNumber(number(value)?),
            ("x-opt-enqueued-time", value) => Place::EnqueuedTime(number(value)?),
            _ => return None,
        };
        Some(Self { place, inclusive })
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
    fn check(expression: &str, expected: Option<(Place, bool)>) {
        let expected = expected.map(|(place, inclusive)| Start { place, inclusive }).ok_or_else(|| {
            format!("The filter '{expression}' is not a valid amqp filter for EventHub entities")
        });
        assert_eq!(Start::parse(expression), expected, "{expression}");
    }

    #[test]
    fn every_sdks_expressions_are_understood() {
        check("amqp.annotation.x-opt-offset > '-1'", Some((Place::Beginning, false)));
        check("amqp.annotation.x-opt-offset > '@latest'", Some((Place::End, false)));
        check("amqp.annotation.x-opt-offset > '120'", Some((Place::Offset(120), false)));
        check("amqp.annotation.x-opt-offset >= '120'", Some((Place::Offset(120), true)));
        check("amqp.annotation.x-opt-offset > 120", Some((Place::Offset(120), false)));
        check("amqp.annotation.x-opt-sequence-number >'7'", Some((Place::SequenceNumber(7), false)));
        check("amqp.annotation.x-opt-sequence-number >= 7", Some((Place::SequenceNumber(7), true)));
        check("amqp.annotation.x-opt-sequence-number > '-1'", Some((Place::SequenceNumber(-1), false)));
        check("amqp.annotation.x-opt-enqueued-time >='9'", Some((Place::EnqueuedTime(9), true)));
    }

    #[test]
    fn everything_else_is_refused() {
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
    fn all_three_descriptors_are_the_same_filter() {
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
            let expected = Start { place: Place::SequenceNumber(7), inclusive: false };
            assert_eq!(Start::read(Some(&map)), Ok(expected));
        }
        assert_eq!(Start::read(None), Ok(Start::BEGINNING));
    }
}
