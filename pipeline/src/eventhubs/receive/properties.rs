//! The application properties of a message, as they are encoded.
//!
//! Owns: whether they mark a body that was cut. Does not own: their JSON form (`amqp::map`).

use crate::amqp::map::AmqpMap;
use crate::eventhubs::names::SIZE_EXCEEDED;

/// The application properties of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Properties<'a> {
    /// The section's value; empty when the message has no such section.
    pub(super) encoded: &'a [u8],
    /// The sender left parts of the body out to stay below the size limit.
    pub(super) size_exceeded: bool,
}

impl<'a> Properties<'a> {
    /// Wraps the section's value. Values are not validated: a message with properties that can't be read is an event
    /// all the same.
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        let size_exceeded =
            may_hold_mark(encoded) && AmqpMap::new(encoded).any_key(|key| key.contains(SIZE_EXCEEDED));
        Self { encoded, size_exceeded }
    }
}

/// Returns whether two letters of the mark occur side by side, which they do in few other keys or values. A vectorized
/// scan, because it runs for every event.
fn may_hold_mark(encoded: &[u8]) -> bool {
    const PAIR: [u8; 2] = *b"xS";
    const { assert!(SIZE_EXCEEDED.as_bytes()[9] == PAIR[0] && SIZE_EXCEEDED.as_bytes()[10] == PAIR[1]) };
    let pairs = encoded.iter().zip(encoded.get(1..).unwrap_or_default());
    pairs.fold(0, |found, (one, two)| found | u8::from((one ^ PAIR[0]) | (two ^ PAIR[1]) == 0)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::map::tests::encoded;

    const MARK: &str = "x-MessageMaxSizeExceeded";

    #[track_caller]
    fn check(encoded: &[u8], size_exceeded: bool) {
        assert_eq!(Properties::new(encoded).size_exceeded, size_exceeded, "{encoded:02x?}");
    }

    #[test]
    fn mark_counts_in_a_key_and_not_in_a_value() {
        check(&encoded(&[("a", b"\x41"), (MARK, b"\x41")]), true);
        check(&encoded(&[("MaxSize", b"\x41")]), false);
        let value = [&[0xa1, MARK.len() as u8], MARK.as_bytes()].concat();
        check(&encoded(&[("a", &value)]), false);
        for before in 0..70 {
            let name = format!("{}{SIZE_EXCEEDED}", "n".repeat(before));
            assert!(Properties::new(&encoded(&[(&name, b"\x40")])).size_exceeded, "{name}");
        }
    }

    #[test]
    fn mark_counts_beside_values_that_are_not_plain() {
        let list: &[u8] = &[0xc0, 1, 0];
        let array: &[u8] = &[0xe0, 3, 1, 0x41, 0];
        let map: &[u8] = &[0xc1, 1, 0];
        let surrogate: &[u8] = &[0x73, 0, 0, 0xd8, 0];
        let not_utf8: &[u8] = &[0xa1, 1, 0xff];
        let described_list: &[u8] = &[0x00, 0x53, 9, 0xc0, 1, 0];
        for value in [list, array, map, surrogate, not_utf8, described_list] {
            check(&encoded(&[("a", value), (MARK, b"\x41"), ("z", b"\x54\x07")]), true);
        }
        // Keys that are not strings.
        let mut keys = Vec::new();
        crate::amqp::encode::Encoder::new(&mut keys).map(|map| {
            map.symbol(MARK);
            map.uint(1);
            map.uint(0);
            map.uint(2);
        });
        check(&keys, true);
    }

    #[test]
    fn unreadable_properties_have_no_mark() {
        for broken in
            [&b""[..], b"\x40", b"\x45", b"\xc1\x02\x01\x40", b"\xc1\x03\x02\x40\x7f", b"\x7f", b"\xc1\x09"]
        {
            check(broken, false);
        }
    }
}
