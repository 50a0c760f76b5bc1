//! From where a source is read, and when its position is gone: pure.
//!
//! Owns the start rule (6) and the loud end of rule 8. Does not own the records it is computed from
//! ([`super::records`], [`super::rules`]) nor where checkpoints are stored.

use super::paths::{Ordinal, SourceId};
use super::records::LostRange;

/// What a run is, and what a checkpoint must name to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the lake.
    pub lake: String,
    /// The namespace of the log, whose names are unique only there.
    pub namespace: String,
    /// The log, its generation and its partition.
    pub source: SourceId,
}

/// A checkpoint as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What wrote it.
    pub identity: Identity,
    /// Everything up to here is in that lake.
    pub last: Ordinal,
}

/// What a source says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first event that is still kept, or the next one to come when none is.
    pub begin: Ordinal,
    /// The last event ever taken in.
    pub last: Option<Ordinal>,
}

/// The checkpoint's last event, if the checkpoint is ours; a checkpoint of another log or lake is none.
pub fn checkpoint(me: &Identity, stored: Option<&Claim>) -> Option<Ordinal> {
    stored.filter(|claim| claim.identity == *me).map(|claim| claim.last)
}

/// The last event that nothing will ever be asked of again: it and all before it are durable or given up.
///
/// Below a lost range everything was durable when the range was given up.
pub fn done(checkpoint: Option<Ordinal>, lost: &[LostRange]) -> Option<Ordinal> {
    lost.iter().map(|range| range.to).max().max(checkpoint)
}

/// The first event to read.
///
/// `done` is [`done`]'s, `from` where the rules of this run begin ([`super::rules::Entered`]).
///
/// # Errors
/// [`PositionLost`] if the source does not have that event and can't come to have it.
pub fn begin_reading(done: Option<Ordinal>, from: Ordinal, extent: Extent) -> Result<Ordinal, PositionLost> {
    let start = done.map_or(from, next).max(from);
    let end = extent.last.map_or(extent.begin, next);
    if start > end {
        return Err(PositionLost::Ahead { start, last: extent.last });
    }
    kept(start, extent.begin)?;
    Ok(start)
}

/// Judges a jump while reading: `received` came where `expected` was due, and the source begins at `begin`.
///
/// Sequence numbers may have gaps; one that retention made is a loss.
///
/// # Errors
/// [`PositionLost`] if events between the two are gone.
pub fn follows(expected: Ordinal, received: Ordinal, begin: Ordinal) -> Result<(), PositionLost> {
    if received <= expected { Ok(()) } else { kept(expected, begin) }
}

/// A position that the source can't serve any more (rule 8). Never passed over in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionLost {
    /// Retention was faster.
    #[error(
        "events {from} to {to} are gone: retention passed them before they were in the lake; \
         going on without them is a choice to be made"
    )]
    Gone {
        /// The first event that is missing.
        from: Ordinal,
        /// The last event that is missing.
        to: Ordinal,
    },
    /// The log is not the one that was read before, whatever its name and creation time say.
    #[error(
        "reading would begin at {start}, but the last event of the source is {}: its numbers were given out anew",
        last.map_or_else(|| "none at all".to_owned(), |last| last.to_string())
    )]
    Ahead {
        /// Where reading would begin.
        start: Ordinal,
        /// The last event of the source.
        last: Option<Ordinal>,
    },
}

impl PositionLost {
    /// What is given up by going on; nothing if there is no going on in this lake.
    pub fn range(self) -> Option<LostRange> {
        match self {
            Self::Gone { from, to } => Some(LostRange { from, to }),
            Self::Ahead { .. } => None,
        }
    }
}

fn kept(start: Ordinal, begin: Ordinal) -> Result<(), PositionLost> {
    if start >= begin {
        return Ok(());
    }
    Err(PositionLost::Gone { from: start, to: Ordinal(begin.0 - 1) })
}

fn next(last: Ordinal) -> Ordinal {
    Ordinal(last.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        checkpoint: Option<i64>,
        from: i64,
        lost: &[(i64, i64)],
        (begin, end): (i64, Option<i64>),
        expected: Result<i64, PositionLost>,
    ) {
        let lost: Vec<LostRange> =
            lost.iter().map(|&(from, to)| LostRange { from: Ordinal(from), to: Ordinal(to) }).collect();
        let extent = Extent { begin: Ordinal(begin), last: end.map(Ordinal) };
        let start = begin_reading(done(checkpoint.map(Ordinal), &lost), Ordinal(from), extent);
        assert_eq!(start, expected.map(Ordinal), "{checkpoint:?} {from} {lost:?} {extent:?}");
    }

    fn gone(from: i64, to: i64) -> PositionLost {
        PositionLost::Gone { from: Ordinal(from), to: Ordinal(to) }
    }

    fn ahead(start: i64, last: Option<i64>) -> PositionLost {
        PositionLost::Ahead { start: Ordinal(start), last: last.map(Ordinal) }
    }

    #[test]
    fn reading_begins_at_the_highest_of_checkpoint_origin_boundary_and_lost_range() {
        check(None, 0, &[], (0, None), Ok(0));
        check(None, 5, &[], (0, Some(4)), Ok(5));
        check(Some(9), 5, &[], (0, Some(20)), Ok(10));
        check(Some(9), 15, &[], (0, Some(20)), Ok(15));
        check(Some(3), 0, &[(10, 14), (4, 6)], (15, Some(20)), Ok(15));
        // Caught up, with everything purged behind us.
        check(Some(20), 0, &[], (21, Some(20)), Ok(21));
    }

    #[test]
    fn lost_position_is_loud() {
        check(None, 0, &[], (1, Some(5)), Err(gone(0, 0)));
        check(Some(9), 5, &[], (12, Some(20)), Err(gone(10, 11)));
        check(Some(9), 5, &[(10, 11)], (14, Some(20)), Err(gone(12, 13)));
        // A hub that begins again under the same name and creation time.
        check(Some(9), 0, &[], (0, Some(4)), Err(ahead(10, Some(4))));
        check(None, 5, &[], (0, None), Err(ahead(5, None)));
    }

    #[test]
    fn jump_while_reading_is_loud_only_when_retention_made_it() {
        for (expected, received, begin, lost) in [
            (5, 5, 9, None),
            // A gap in the numbers, nothing purged.
            (5, 8, 0, None),
            (5, 8, 5, None),
            (5, 8, 8, Some(gone(5, 7))),
            (5, 8, 6, Some(gone(5, 5))),
        ] {
            let judged = follows(Ordinal(expected), Ordinal(received), Ordinal(begin));
            assert_eq!(judged.err(), lost, "{expected} {received} {begin}");
        }
    }

    #[test]
    fn checkpoint_is_ours_or_none() {
        let me = Identity {
            lake: "lake".into(),
            namespace: "ns.servicebus.windows.net".into(),
            source: SourceId::new("orders", 1_763_800_000_000, 7),
        };
        let claim = |change: fn(&mut Identity)| {
            let mut identity = me.clone();
            change(&mut identity);
            Claim { identity, last: Ordinal(9) }
        };
        let nine = Some(Ordinal(9));
        for (claim, expected) in [
            (claim(|_| {}), nine),
            (claim(|other| other.lake = "another".into()), None),
            (claim(|other| other.namespace = "other.servicebus.windows.net".into()), None),
            (claim(|other| other.source = SourceId::new("orders", 1_763_900_000_000, 7)), None),
            (claim(|other| other.source = SourceId::new("orders", 1_763_800_000_000, 8)), None),
        ] {
            assert_eq!(checkpoint(&me, Some(&claim)), expected, "{claim:?}");
        }
        assert_eq!(checkpoint(&me, None), None);
    }
}
