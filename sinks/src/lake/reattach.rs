//! The decision of a reader that attached again after its link was lost: go on, or not.
//!
//! Owns the comparison of what the reader knew with what hub and lake answer after the attach (rule 13). Does not own
//! the start path ([`super::start`]), or gaps in the numbers: the first event of the new link shows them, and
//! [`super::start::follows`] judges them by an extent that was asked after that event.

use super::start::{Extent, PositionLost};
use crate::ordinals::Ordinal;

/// The hub and the lake, as they answered after a link was attached and before it handed over an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterAttach {
    /// Creation time of the hub, which is its generation.
    pub generation: i64,
    /// The numbers that the partition has.
    pub extent: Extent,
    /// True if no newer routing rules than the reader's were recorded.
    pub rules_hold: bool,
}

/// Checks that a reader may go on after it attached again: after the last event that it handed over, with the rows that
/// its lane holds.
///
/// `generation` is the one that the partition was started with, `expected` the next number to hand over. Ask the hub
/// and the lake after the attach: what changes later ends the link, or is not above an event of the link.
///
/// # Errors
/// [`Changed`], with what follows from it. No event of the new link may be handed over.
pub fn may_go_on(generation: i64, expected: Ordinal, now: AfterAttach) -> Result<(), Changed> {
    let AfterAttach { generation: found, extent, rules_hold } = now;
    if generation != found {
        return Err(Changed::Generation { known: generation, found });
    }
    if !rules_hold {
        return Err(Changed::Rules);
    }
    let end = extent.last.map_or(extent.begin, Ordinal::next);
    if expected > end {
        return Err(Changed::Numbers(PositionLost::Ahead { start: expected, last: extent.last }));
    }
    Ok(())
}

/// A change while the reader had no link, because of which it must not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Changed {
    /// The hub was created again: another source. The run commits the rows that it holds and ends; the next run reads
    /// the new hub.
    #[error(
        "the hub was deleted and created again: its creation time was {known} and is {found} (Unix milliseconds)"
    )]
    Generation {
        /// The creation time at the start of the partition.
        known: i64,
        /// The creation time now.
        found: i64,
    },
    /// Newer routing rules were recorded. The start path reads them and decides.
    #[error("other routing rules were recorded in the lake")]
    Rules,
    /// The hub has fewer numbers than were read, so it gives them out again: the position is lost (rule 8). The hub's
    /// answer may lag, so ask again before this ends the run.
    #[error(transparent)]
    Numbers(PositionLost),
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: i64 = 1_763_800_000_000;

    fn hub(begin: i64, last: Option<i64>) -> AfterAttach {
        let extent = Extent { begin: Ordinal::new(begin), last: last.map(Ordinal::new) };
        AfterAttach { generation: CREATED, extent, rules_hold: true }
    }

    fn check(expected: i64, now: AfterAttach) -> Result<(), Changed> {
        may_go_on(CREATED, Ordinal::new(expected), now)
    }

    #[test]
    fn reader_goes_on_if_generation_numbers_and_rules_hold() {
        assert_eq!(check(0, hub(0, None)), Ok(()), "no event yet");
        assert_eq!(check(10, hub(0, Some(9))), Ok(()), "all events were read");
        assert_eq!(check(10, hub(0, Some(20))), Ok(()));
        assert_eq!(check(10, hub(10, Some(9))), Ok(()), "all events were read and purged");
        assert_eq!(check(10, hub(15, Some(20))), Ok(()), "the first event shows the gap");
    }

    #[test]
    fn hub_that_was_created_again_is_another_source() {
        let again = AfterAttach { generation: CREATED + 1, ..hub(0, Some(20)) };
        let changed = Changed::Generation { known: CREATED, found: CREATED + 1 };
        assert_eq!(check(10, again), Err(changed.clone()));
        // The numbers and rules of another source mean nothing.
        let fewer = AfterAttach { generation: CREATED + 1, rules_hold: false, ..hub(0, None) };
        assert_eq!(check(10, fewer), Err(changed));
    }

    #[test]
    fn reader_with_older_rules_does_not_go_on() {
        let newer_rules = AfterAttach { rules_hold: false, ..hub(0, Some(20)) };
        assert_eq!(check(10, newer_rules), Err(Changed::Rules));
    }

    #[test]
    fn numbers_below_the_position_are_given_out_again() {
        for last in [None, Some(3), Some(8)] {
            let ahead = PositionLost::Ahead { start: Ordinal::new(10), last: last.map(Ordinal::new) };
            assert_eq!(check(10, hub(0, last)), Err(Changed::Numbers(ahead)), "{last:?}");
        }
    }
}
