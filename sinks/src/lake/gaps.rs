//! Accepted gaps: numbers of a source that never get a row, because the hub skipped them or their delivery could not
//! be read.
//!
//! Owns their records, which distinguish them from missing rows. A run records a gap before it hands over the events
//! after it, so no checkpoint and no footer passes an unrecorded gap. Does not own numbers that retention removed:
//! an operator must accept that loss ([`super::records`]).

use serde::{Deserialize, Serialize};

use super::records::{Error, Records};
use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::paths::{self, SourceId};

pub use crate::paths::GapCause;

/// A gap that a run has recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedGap {
    /// The cause.
    pub cause: GapCause,
    /// The ordinals.
    pub gap: OrdinalRange,
}

/// One record: gaps of one cause that a run accepted together.
///
/// # Shape
/// `{"ranges":[{"from":17,"to":19},{"from":24,"to":24}]}`, named by its first number. The ranges rise and
/// don't touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GapRecord {
    pub(super) ranges: Vec<OrdinalRange>,
}

impl GapRecord {
    /// True if a number is in one of the ranges.
    pub(super) fn covers(&self, number: Ordinal) -> bool {
        self.ranges.iter().any(|range| range.contains(number))
    }
}

impl Records {
    /// Records gaps of a source, so that `audit` counts them as accepted.
    ///
    /// Call this before the events after the gaps are handed over. Idempotent. Writes one record for all gaps, and
    /// none if all gaps are empty. If a record with the same first number exists and covers less, the remaining
    /// numbers get another record.
    ///
    /// # Errors
    /// [`Error::NotCovered`] if a record was changed by hand.
    pub async fn accept_gaps(
        &self,
        source: &SourceId,
        cause: GapCause,
        gaps: &[OrdinalRange],
    ) -> Result<(), Error> {
        let mut open = merged(gaps.iter().copied());
        while let Some(first) = open.first() {
            let path = paths::gap_record(cause, source, first.from);
            let recorded = self.put_once(&path, GapRecord { ranges: open.clone() }).await?;
            // Each round covers at least the number in the name, so the loop ends.
            if !recorded.covers(first.from) {
                return Err(Error::NotCovered { path: path.to_string() });
            }
            open = without(&open, &recorded.ranges);
        }
        Ok(())
    }

    /// The accepted gaps of a source, sorted by their first number. Gaps of one cause are merged if they touch or
    /// overlap; gaps of different causes may overlap.
    pub async fn accepted_gaps(&self, source: &SourceId) -> Result<Vec<AcceptedGap>, Error> {
        let mut accepted = Vec::new();
        for cause in GapCause::ALL {
            let mut gaps = Vec::new();
            for path in self.list(&paths::gap_folder(cause)).await? {
                if paths::parse_gap_record(&path).is_some_and(|(_, of, _)| of == *source) {
                    let record = self.get::<GapRecord>(&path).await?;
                    gaps.extend(record.into_iter().flat_map(|record| record.ranges));
                }
            }
            accepted.extend(merged(gaps).into_iter().map(|gap| AcceptedGap { cause, gap }));
        }
        accepted.sort_by_key(|accepted| (accepted.gap, accepted.cause));
        Ok(accepted)
    }
}

/// The same ordinals as rising ranges that don't touch. Drops empty ranges.
pub(super) fn merged(gaps: impl IntoIterator<Item = OrdinalRange>) -> Vec<OrdinalRange> {
    gaps.into_iter().collect::<OrdinalSet>().ranges().to_vec()
}

/// The ordinals of `gaps` that are not in `covered`.
fn without(gaps: &[OrdinalRange], covered: &[OrdinalRange]) -> Vec<OrdinalRange> {
    let covered: OrdinalSet = covered.iter().copied().collect();
    gaps.iter().flat_map(|gap| covered.missing_in(*gap)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;

    use super::GapCause::{NotSent, Unreadable};
    use super::*;
    use crate::lake::fixtures::{fast_backoff, source};
    use crate::store::Store;
    use crate::store::faults::{Faults, PutFault};

    fn records(store: &Store) -> Records {
        Records::new(store.clone(), fast_backoff())
    }

    fn gap(from: i64, to: i64) -> OrdinalRange {
        OrdinalRange { from: Ordinal::new(from), to: Ordinal::new(to) }
    }

    fn gaps(ranges: &[(i64, i64)]) -> Vec<OrdinalRange> {
        ranges.iter().map(|(from, to)| gap(*from, *to)).collect()
    }

    /// The first numbers in the names of a cause's records.
    async fn names(store: &Store, cause: GapCause) -> Vec<i64> {
        let listed = store.list(&paths::gap_folder(cause)).await.unwrap();
        let mut names: Vec<i64> =
            listed.iter().map(|found| paths::parse_gap_record(&found.key).unwrap().2.get()).collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn gaps_of_a_batch_are_one_record() {
        let store = Store::in_memory();
        let records = records(&store);
        let batch = gaps(&[(24, 24), (17, 19), (20, 20), (9, 8)]);
        for _ in 0..2 {
            records.accept_gaps(&source(7), NotSent, &batch).await.unwrap();
            assert_eq!(names(&store, NotSent).await, [17]);
        }
        let accepted = |from, to| AcceptedGap { cause: NotSent, gap: gap(from, to) };
        assert_eq!(records.accepted_gaps(&source(7)).await.unwrap(), [accepted(17, 20), accepted(24, 24)]);
        assert_eq!(records.accepted_gaps(&source(8)).await.unwrap(), []);
        records.accept_gaps(&source(8), NotSent, &[]).await.unwrap();
        assert_eq!(names(&store, NotSent).await, [17], "empty gaps write no record");
    }

    #[tokio::test]
    async fn causes_have_separate_records() {
        let store = Store::in_memory();
        let records = records(&store);
        records.accept_gaps(&source(7), NotSent, &gaps(&[(17, 19)])).await.unwrap();
        records.accept_gaps(&source(7), Unreadable, &gaps(&[(12, 12), (17, 17)])).await.unwrap();
        let accepted = records.accepted_gaps(&source(7)).await.unwrap();
        let expected = [(Unreadable, gap(12, 12)), (Unreadable, gap(17, 17)), (NotSent, gap(17, 19))];
        assert_eq!(accepted, expected.map(|(cause, gap)| AcceptedGap { cause, gap }));
        assert_eq!((names(&store, NotSent).await, names(&store, Unreadable).await), (vec![17], vec![12]));
    }

    #[tokio::test]
    async fn uncovered_gaps_get_another_record() {
        let store = Store::in_memory();
        let records = records(&store);
        for (batch, expected) in [
            (gaps(&[(10, 14)]), vec![10]),
            // The same gap in a longer batch.
            (gaps(&[(10, 14), (30, 31)]), vec![10, 30]),
            (gaps(&[(10, 16), (30, 33)]), vec![10, 15, 30]),
            // Record 15 covers 15, 16 and 30 to 33, so no number remains.
            (gaps(&[(15, 16), (32, 33)]), vec![10, 15, 30]),
            // A shorter batch than the recorded one.
            (gaps(&[(10, 12)]), vec![10, 15, 30]),
        ] {
            records.accept_gaps(&source(7), NotSent, &batch).await.unwrap();
            assert_eq!(names(&store, NotSent).await, expected, "{batch:?}");
        }
        let accepted = records.accepted_gaps(&source(7)).await.unwrap();
        assert_eq!(
            accepted.iter().map(|accepted| accepted.gap).collect::<Vec<_>>(),
            [gap(10, 16), gap(30, 33)]
        );
    }

    #[tokio::test]
    async fn unanswered_put_makes_one_record() {
        for fault in [PutFault::RequestLost, PutFault::ResponseLost, PutFault::DeliveredLate] {
            let store = Store::in_memory();
            let faults = Faults::new();
            faults.next_put("gaps/", fault);
            let batch = gaps(&[(10, 14), (20, 20)]);
            records(&store.with_faults(&faults)).accept_gaps(&source(7), NotSent, &batch).await.unwrap();
            faults.deliver_late().await;
            assert_eq!(names(&store, NotSent).await, [10], "{fault:?}");
            assert_eq!(records(&store).accepted_gaps(&source(7)).await.unwrap().len(), 2, "{fault:?}");
        }
    }

    /// Without the check, such a record would be read in an endless loop.
    #[tokio::test]
    async fn rejects_a_record_without_its_own_number() {
        let store = Store::in_memory();
        let path = paths::gap_record(NotSent, &source(7), Ordinal::new(10));
        for text in
            [r#"{"ranges":[]}"#, r#"{"ranges":[{"from":11,"to":14}]}"#, r#"{"ranges":[{"from":10,"to":9}]}"#]
        {
            store.put(&path, Bytes::from_static(text.as_bytes())).await.unwrap();
            let error =
                records(&store).accept_gaps(&source(7), NotSent, &gaps(&[(10, 14)])).await.unwrap_err();
            assert!(
                error.to_string().contains("-10.json\" does not cover the sequence number in its name"),
                "{error}"
            );
        }
    }

    #[test]
    fn ranges_behave_like_sets_of_numbers() {
        type Ranges<'a> = &'a [(i64, i64)];
        let numbers = |gaps: &[OrdinalRange]| -> BTreeSet<i64> {
            gaps.iter().flat_map(|gap| gap.from.get()..=gap.to.get()).collect()
        };
        let cases: [(Ranges, Ranges); 7] = [
            (&[], &[(1, 2)]),
            (&[(1, 9)], &[]),
            (&[(1, 9)], &[(3, 4)]),
            (&[(1, 9), (12, 15)], &[(0, 1), (9, 13), (15, 15)]),
            (&[(3, 4), (1, 2), (4, 8), (9, 7)], &[(2, 2), (5, 6)]),
            (&[(1, 9)], &[(-5, 20)]),
            (&[(1, 1), (3, 3), (5, 5)], &[(3, 3)]),
        ];
        for (ours, covered) in cases {
            let (ours, covered) = (merged(gaps(ours)), merged(gaps(covered)));
            let left = without(&ours, &covered);
            let expected: BTreeSet<i64> = numbers(&ours).difference(&numbers(&covered)).copied().collect();
            assert_eq!(numbers(&left), expected, "{ours:?} without {covered:?}");
            assert_eq!(merged(left.clone()), left, "{ours:?} without {covered:?}");
        }
        let all = gaps(&[(i64::MIN, i64::MAX)]);
        assert_eq!(without(&all, &all), []);
        assert_eq!(without(&all, &gaps(&[(5, i64::MAX)])), gaps(&[(i64::MIN, 4)]));
    }
}
