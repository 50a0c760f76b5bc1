//! The first event to read of a source, and the detection of a lost position, as pure code.
//!
//! Owns the start rule (6), the comparison of checkpoint, lake and hub, and the errors of rule 8. Does not own its
//! inputs: records ([`super::records`], [`super::rules`]), footers and rows ([`super::recovery`]), or the storage of
//! checkpoints. The pipeline and the random walk call the same functions.

use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::paths::SourceId;

/// The lake and the log of a checkpoint. A checkpoint counts only for the identity that it was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the lake.
    pub lake: String,
    /// The namespace of the log. Log names are unique only within one.
    pub namespace: String,
    /// The log, its generation and its partition.
    pub source: SourceId,
}

/// A stored checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Identity of the run that wrote it.
    pub identity: Identity,
    /// The last event up to which everything is in that lake.
    pub last: Ordinal,
}

/// The range of events that a source still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The oldest event that is retained, or the next one to come if none is.
    pub begin: Ordinal,
    /// The last event ever accepted.
    pub last: Option<Ordinal>,
}

/// The last event of a checkpoint; `None` if the checkpoint is of another log or lake.
pub fn checkpoint(me: &Identity, stored: Option<&Claim>) -> Option<Ordinal> {
    stored.filter(|claim| claim.identity == *me).map(|claim| claim.last)
}

/// The last event up to which the lake itself proves that it is complete.
///
/// `footers` is the highest durable position in a footer, which is a permanent lower bound. Everything below a `lost`
/// range was durable when the range was given up.
pub fn proven(footers: Option<Ordinal>, lost: &[OrdinalRange]) -> Option<Ordinal> {
    lost.iter().map(|range| range.to).max().max(footers)
}

/// True if the rows must be read: the checkpoint claims more than `proven`, or the hub no longer has all events that are
/// above `proven`.
pub fn needs_rows(
    proven: Option<Ordinal>,
    checkpoint: Option<Ordinal>,
    from: Ordinal,
    extent: Extent,
) -> bool {
    claimed(proven, checkpoint, from).is_some() || first_open(proven, from) < extent.begin
}

/// The checkpoint, if it claims more than `proven`. The one that a first start saves is just below the origin and claims
/// nothing.
fn claimed(proven: Option<Ordinal>, checkpoint: Option<Ordinal>, origin: Ordinal) -> Option<Ordinal> {
    checkpoint.filter(|checkpoint| Some(*checkpoint) > proven && *checkpoint >= origin)
}

/// The last event up to which everything is in the lake or was given up: `proven`, or the checkpoint if the rows
/// confirm it.
///
/// `origin` is the first event of the source in the lake. `settled` has the events above `proven` that have a row or
/// are an accepted gap.
///
/// # Errors
/// [`LakeBehind`] if an event at or below the checkpoint has no row.
pub fn done(
    proven: Option<Ordinal>,
    checkpoint: Option<Ordinal>,
    origin: Ordinal,
    settled: &OrdinalSet,
) -> Result<Option<Ordinal>, LakeBehind> {
    let Some(checkpoint) = claimed(proven, checkpoint, origin) else { return Ok(proven) };
    match settled.missing_in(OrdinalRange::new(first_open(proven, origin), checkpoint)).first() {
        None => Ok(Some(checkpoint)),
        Some(missing) => Err(LakeBehind { checkpoint, missing: missing.from }),
    }
}

/// Checks that the hub has assigned the number of the source's highest row. Query the hub after reading the lake.
///
/// # Errors
/// [`PositionLost::Renumbered`] if the highest row is above the last event of the hub.
pub fn numbers_go_on(highest_row: Option<Ordinal>, extent: Extent) -> Result<(), PositionLost> {
    match highest_row {
        Some(row) if Some(row) > extent.last => Err(PositionLost::Renumbered { row, last: extent.last }),
        _ => Ok(()),
    }
}

/// The first event to read.
///
/// `done` is the result of [`done`], `from` the first event of this run's rules ([`super::rules::Entered`]). If
/// retention has removed events that are due, only those that are not `settled` are lost.
///
/// # Errors
/// [`PositionLost`] if the source does not have the event and never will.
pub fn begin_reading(
    done: Option<Ordinal>,
    from: Ordinal,
    extent: Extent,
    settled: &OrdinalSet,
) -> Result<Ordinal, PositionLost> {
    let start = first_open(done, from);
    let end = extent.last.map_or(extent.begin, Ordinal::next);
    if start > end {
        return Err(PositionLost::Ahead { start, last: extent.last });
    }
    let lost = settled.missing_in(OrdinalRange::new(start, extent.begin.previous()));
    if lost.is_empty() { Ok(start.max(extent.begin)) } else { Err(PositionLost::Gone { ranges: lost }) }
}

/// Checks a jump in the numbers while reading: `received` came instead of `expected`, and the source begins at `begin`.
///
/// Sequence numbers may have gaps. A gap below `begin` is a loss, because retention may have removed its events.
///
/// # Errors
/// [`PositionLost::Gone`] with the lost events.
pub fn follows(expected: Ordinal, received: Ordinal, begin: Ordinal) -> Result<(), PositionLost> {
    if received <= expected || expected >= begin {
        return Ok(());
    }
    let to = begin.min(received).previous();
    Err(PositionLost::Gone { ranges: vec![OrdinalRange { from: expected, to }] })
}

/// A position that the source no longer has (rule 8). It ends the run, unless the operator accepts a lost range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionLost {
    /// Retention removed events before they were in the lake.
    #[error("{} lost: retention removed them from the log before they were in the lake", list_events(ranges))]
    Gone {
        /// The lost events, in rising order; at least one range.
        ranges: Vec<OrdinalRange>,
    },
    /// The next event to read is above the end of the log: it is another log with the same name and creation time.
    #[error(
        "the next event to read is {start}, but {}: the hub has restarted its sequence numbers",
        describe_last(*last)
    )]
    Ahead {
        /// The next event to read.
        start: Ordinal,
        /// The last event of the source.
        last: Option<Ordinal>,
    },
    /// A row of the lake is above the end of the log: it is another log with the same name and creation time.
    #[error("the lake has a row of event {row}, but {}: the hub has restarted its sequence numbers", describe_last(*last))]
    Renumbered {
        /// The highest row of the source.
        row: Ordinal,
        /// The last event of the source.
        last: Option<Ordinal>,
    },
}

impl PositionLost {
    /// The ranges that a run gives up if it continues; empty if it can't continue in this lake.
    pub fn ranges(&self) -> &[OrdinalRange] {
        match self {
            Self::Gone { ranges } => ranges,
            Self::Ahead { .. } | Self::Renumbered { .. } => &[],
        }
    }
}

/// A checkpoint that is ahead of its lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the checkpoint states that all events up to {checkpoint} are in the lake, but event {missing} has no row there"
)]
pub struct LakeBehind {
    /// The last event of the checkpoint.
    pub checkpoint: Ordinal,
    /// The first event without a row, at or below the checkpoint.
    pub missing: Ordinal,
}

fn first_open(done: Option<Ordinal>, from: Ordinal) -> Ordinal {
    done.map_or(from, Ordinal::next).max(from)
}

fn list_events(ranges: &[OrdinalRange]) -> String {
    let Some(first) = ranges.first() else { return "no events are".to_owned() };
    let OrdinalRange { from, to } = first;
    match ranges.len() - 1 {
        0 if from == to => format!("event {from} is"),
        0 => format!("events {from} to {to} are"),
        more => format!("events {from} to {to} and {more} more ranges are"),
    }
}

fn describe_last(last: Option<Ordinal>) -> String {
    match last {
        Some(last) => format!("the last event of the log is {last}"),
        None => "the log never had an event".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        done: Option<i64>,
        from: i64,
        settled: &[(i64, i64)],
        (begin, end): (i64, Option<i64>),
        expected: Result<i64, PositionLost>,
    ) {
        let extent = Extent { begin: Ordinal::new(begin), last: end.map(Ordinal::new) };
        let start = begin_reading(done.map(Ordinal::new), Ordinal::new(from), extent, &set(settled));
        assert_eq!(start, expected.map(Ordinal::new), "{done:?} {from} {settled:?} {extent:?}");
    }

    fn set(ranges: &[(i64, i64)]) -> OrdinalSet {
        ranges.iter().map(|&(from, to)| OrdinalRange::from(from..=to)).collect()
    }

    fn lost(ranges: &[(i64, i64)]) -> Vec<OrdinalRange> {
        ranges.iter().map(|&(from, to)| OrdinalRange::from(from..=to)).collect()
    }

    fn gone(ranges: &[(i64, i64)]) -> PositionLost {
        PositionLost::Gone { ranges: lost(ranges) }
    }

    fn ahead(start: i64, last: Option<i64>) -> PositionLost {
        PositionLost::Ahead { start: Ordinal::new(start), last: last.map(Ordinal::new) }
    }

    #[test]
    fn reading_begins_at_the_highest_of_durable_position_origin_and_boundary() {
        check(None, 0, &[], (0, None), Ok(0));
        check(None, 5, &[], (0, Some(4)), Ok(5));
        check(Some(9), 5, &[], (0, Some(20)), Ok(10));
        check(Some(9), 15, &[], (0, Some(20)), Ok(15));
        // Caught up, and all events were purged.
        check(Some(20), 0, &[], (21, Some(20)), Ok(21));
    }

    #[test]
    fn checkpoint_below_the_origin_claims_nothing() {
        let (origin, extent) = (Ordinal::new(5), Extent { begin: Ordinal::new(5), last: None });
        for below in [-1, 4] {
            let below = Some(Ordinal::new(below));
            assert!(!needs_rows(None, below, origin, extent));
            assert_eq!(done(None, below, origin, &set(&[])), Ok(None));
        }
        assert!(needs_rows(None, Some(origin), origin, extent));
    }

    #[test]
    fn lost_position_is_an_error() {
        check(None, 0, &[], (1, Some(5)), Err(gone(&[(0, 0)])));
        check(Some(9), 5, &[], (12, Some(20)), Err(gone(&[(10, 11)])));
        // A hub that restarts its numbers under the same name and creation time.
        check(Some(9), 0, &[], (0, Some(4)), Err(ahead(10, Some(4))));
        check(None, 5, &[], (0, None), Err(ahead(5, None)));
    }

    #[test]
    fn purged_events_with_a_row_are_not_lost() {
        check(Some(9), 5, &[(10, 11)], (12, Some(20)), Ok(12));
        check(Some(9), 5, &[(11, 11), (14, 19)], (18, Some(20)), Err(gone(&[(10, 10), (12, 13)])));
        // A row above the first event that the hub still has does not move the start.
        check(Some(9), 5, &[(10, 15)], (12, Some(20)), Ok(12));
        check(None, 5, &[(5, 30)], (31, Some(30)), Ok(31));
    }

    #[test]
    fn footers_and_lost_ranges_prove_what_is_durable() {
        let at = |ordinal: i64| Some(Ordinal::new(ordinal));
        for (footers, ranges, expected) in [
            (None, &[][..], None),
            (at(7), &[], at(7)),
            (at(7), &[(3, 4)], at(7)),
            (at(7), &[(9, 12), (3, 4)], at(12)),
            (None, &[(3, 4)], at(4)),
        ] {
            assert_eq!(proven(footers, &lost(ranges)), expected, "{footers:?} {ranges:?}");
        }
    }

    #[test]
    fn checkpoint_counts_if_the_rows_confirm_it() {
        let at = |ordinal: i64| Some(Ordinal::new(ordinal));
        for (proven, checkpoint, rows, expected) in [
            (None, None, &[][..], Ok(None)),
            (at(9), None, &[], Ok(at(9))),
            (at(9), at(7), &[], Ok(at(9))),
            (at(9), at(12), &[(10, 12)], Ok(at(12))),
            (at(9), at(12), &[(10, 30)], Ok(at(12))),
            (None, at(6), &[(5, 6)], Ok(at(6))),
            // A lake restored from an older copy, without and with later rows.
            (at(9), at(12), &[], Err(10)),
            (at(9), at(12), &[(10, 10), (12, 40)], Err(11)),
            (None, at(6), &[(6, 6)], Err(5)),
        ] {
            let done = done(proven, checkpoint, Ordinal::new(5), &set(rows));
            let expected = expected.map_err(|missing| LakeBehind {
                checkpoint: checkpoint.unwrap(),
                missing: Ordinal::new(missing),
            });
            assert_eq!(done, expected, "{proven:?} {checkpoint:?} {rows:?}");
        }
    }

    #[test]
    fn row_above_the_last_number_of_the_hub_is_an_error() {
        let extent = |last: Option<i64>| Extent { begin: Ordinal::new(0), last: last.map(Ordinal::new) };
        assert_eq!(numbers_go_on(None, extent(None)), Ok(()));
        assert_eq!(numbers_go_on(Some(Ordinal::new(9)), extent(Some(9))), Ok(()));
        for last in [None, Some(3), Some(8)] {
            let renumbered = PositionLost::Renumbered { row: Ordinal::new(9), last: last.map(Ordinal::new) };
            assert_eq!(numbers_go_on(Some(Ordinal::new(9)), extent(last)), Err(renumbered));
        }
    }

    #[test]
    fn rows_are_read_only_if_they_affect_the_start() {
        let at = |ordinal: i64| Some(Ordinal::new(ordinal));
        let extent = |begin: i64| Extent { begin: Ordinal::new(begin), last: at(50) };
        assert!(!needs_rows(at(9), at(9), Ordinal::new(5), extent(10)));
        assert!(!needs_rows(at(9), at(4), Ordinal::new(5), extent(0)));
        assert!(!needs_rows(None, None, Ordinal::new(5), extent(5)));
        assert!(needs_rows(at(9), at(10), Ordinal::new(5), extent(0)), "a checkpoint to confirm");
        assert!(
            needs_rows(at(9), None, Ordinal::new(5), extent(11)),
            "unproven events that the hub no longer has"
        );
    }

    #[test]
    fn jump_is_a_loss_only_if_retention_caused_it() {
        for (expected, received, begin, lost) in [
            (5, 5, 9, None),
            // A gap in the numbers; no event was purged.
            (5, 8, 0, None),
            (5, 8, 5, None),
            (5, 8, 8, Some(gone(&[(5, 7)]))),
            (5, 8, 6, Some(gone(&[(5, 5)]))),
            // Retention removed more events after the event was sent.
            (5, 8, 12, Some(gone(&[(5, 7)]))),
        ] {
            let result = follows(Ordinal::new(expected), Ordinal::new(received), Ordinal::new(begin));
            assert_eq!(result.err(), lost, "{expected} {received} {begin}");
        }
    }

    #[test]
    fn checkpoint_of_another_log_or_lake_is_ignored() {
        let me = Identity {
            lake: "lake".into(),
            namespace: "ns.servicebus.windows.net".into(),
            source: SourceId::new("orders", 1_763_800_000_000, 7),
        };
        let claim = |change: fn(&mut Identity)| {
            let mut identity = me.clone();
            change(&mut identity);
            Claim { identity, last: Ordinal::new(9) }
        };
        let nine = Some(Ordinal::new(9));
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
