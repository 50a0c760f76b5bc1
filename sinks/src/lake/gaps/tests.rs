//! Gaps recorded by runs that cut their batches differently.

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

/// The files of a cause, without folder and source.
async fn names(store: &Store, cause: GapCause) -> Vec<i64> {
    let listed = store.list(&paths::gap_folder(cause)).await.unwrap();
    let mut names: Vec<i64> =
        listed.iter().map(|found| paths::parse_gap_record(&found.location).unwrap().2.get()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn gaps_of_a_batch_are_one_record() {
    let store = Store::open("memory://").unwrap();
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
    assert_eq!(names(&store, NotSent).await, [17], "nothing is put for no gaps");
}

#[tokio::test]
async fn causes_are_recorded_apart() {
    let store = Store::open("memory://").unwrap();
    let records = records(&store);
    records.accept_gaps(&source(7), NotSent, &gaps(&[(17, 19)])).await.unwrap();
    records.accept_gaps(&source(7), Unreadable, &gaps(&[(12, 12), (17, 17)])).await.unwrap();
    let accepted = records.accepted_gaps(&source(7)).await.unwrap();
    let expected = [(Unreadable, gap(12, 12)), (Unreadable, gap(17, 17)), (NotSent, gap(17, 19))];
    assert_eq!(accepted, expected.map(|(cause, gap)| AcceptedGap { cause, gap }));
    assert_eq!((names(&store, NotSent).await, names(&store, Unreadable).await), (vec![17], vec![12]));
}

#[tokio::test]
async fn record_that_covers_less_leaves_the_rest_to_another() {
    let store = Store::open("memory://").unwrap();
    let records = records(&store);
    for (batch, expected) in [
        (gaps(&[(10, 14)]), vec![10]),
        // The same, seen again in a longer batch.
        (gaps(&[(10, 14), (30, 31)]), vec![10, 30]),
        (gaps(&[(10, 16), (30, 33)]), vec![10, 15, 30]),
        // What record 15 has is 15, 16 and 30 to 33: nothing is left.
        (gaps(&[(15, 16), (32, 33)]), vec![10, 15, 30]),
        // A shorter batch than the one that was recorded.
        (gaps(&[(10, 12)]), vec![10, 15, 30]),
    ] {
        records.accept_gaps(&source(7), NotSent, &batch).await.unwrap();
        assert_eq!(names(&store, NotSent).await, expected, "{batch:?}");
    }
    let accepted = records.accepted_gaps(&source(7)).await.unwrap();
    assert_eq!(accepted.iter().map(|accepted| accepted.gap).collect::<Vec<_>>(), [gap(10, 16), gap(30, 33)]);
}

#[tokio::test]
async fn unanswered_put_is_recorded_once() {
    for fault in [PutFault::RequestLost, PutFault::ResponseLost, PutFault::DeliveredLate] {
        let store = Store::open("memory://").unwrap();
        let faults = Faults::new();
        faults.next_put("gaps/", fault);
        let batch = gaps(&[(10, 14), (20, 20)]);
        records(&store.with_faults(&faults)).accept_gaps(&source(7), NotSent, &batch).await.unwrap();
        faults.deliver_late().await;
        assert_eq!(names(&store, NotSent).await, [10], "{fault:?}");
        assert_eq!(records(&store).accepted_gaps(&source(7)).await.unwrap().len(), 2, "{fault:?}");
    }
}

/// Without the check a record that lacks its own number would be asked for again and again.
#[tokio::test]
async fn record_without_its_own_number_is_an_error() {
    let store = Store::open("memory://").unwrap();
    let path = paths::gap_record(NotSent, &source(7), Ordinal::new(10));
    for text in
        [r#"{"ranges":[]}"#, r#"{"ranges":[{"from":11,"to":14}]}"#, r#"{"ranges":[{"from":10,"to":9}]}"#]
    {
        store.put(&path, Bytes::from_static(text.as_bytes())).await.unwrap();
        let error = records(&store).accept_gaps(&source(7), NotSent, &gaps(&[(10, 14)])).await.unwrap_err();
        assert!(error.to_string().contains("-10.json\" does not cover the number in its name"), "{error}");
    }
}

#[test]
fn ranges_are_sets_of_numbers() {
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
