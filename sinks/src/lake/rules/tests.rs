//! Sources entered by old and new rules.

use super::*;
use crate::lake::fixtures::{fast_backoff, source};
use crate::lake::records::Origin;
use crate::store::Store;
use crate::store::faults::Faults;

/// A source that began at 40 by version 1.
async fn begun() -> (Store, Records) {
    let store = Store::open("memory://").unwrap();
    let records = Records::new(store.clone(), fast_backoff());
    let origin = Origin { first: Ordinal::new(40), routing_version: 1, namespace: "ns".into() };
    records.begin(&source(7), origin).await.unwrap();
    (store, records)
}

/// Enters with a version, what is done and what was enqueued last; the first event to read, or the sentence.
async fn check(
    records: &Records,
    (ours, done, last_enqueued): (u32, Option<i64>, Option<i64>),
    expected: Result<i64, &str>,
) {
    check_with(records, OldVersions::MayRun, (ours, done, last_enqueued), expected).await;
}

async fn check_with(
    records: &Records,
    old: OldVersions,
    (ours, done, last_enqueued): (u32, Option<i64>, Option<i64>),
    expected: Result<i64, &str>,
) {
    let entered =
        records.enter(&source(7), ours, done.map(Ordinal::new), last_enqueued.map(Ordinal::new), old).await;
    match (entered, expected) {
        (Ok(entered), Ok(from)) => assert_eq!(entered.from, Ordinal::new(from)),
        (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
        (entered, expected) => panic!("{entered:?} is not {expected:?}"),
    }
}

#[tokio::test]
async fn new_rules_begin_where_the_old_ones_are_caught_up() {
    let (store, records) = begun().await;
    check(&records, (1, None, Some(99)), Ok(40)).await;
    check(&records, (2, None, Some(99)), Err("run the version before this one until it is caught up")).await;
    check(&records, (2, Some(98), Some(99)), Err("run the version before this one")).await;
    assert!(records.still_current(&source(7), 1).await.unwrap());
    check(&records, (2, Some(99), Some(99)), Ok(100)).await;
    assert!(!records.still_current(&source(7), 1).await.unwrap());
    assert!(records.still_current(&source(7), 2).await.unwrap());
    // Once recorded it holds, whatever became of the checkpoint.
    check(&records, (2, None, Some(250)), Ok(100)).await;
    check(&records, (1, Some(250), Some(250)), Err("this lake is written by newer rules")).await;
    // And again, seen through a listing that shows none of it.
    let faults = Faults::new();
    faults.hide_from_listings("rules/");
    let stale = Records::new(store.with_faults(&faults), fast_backoff());
    check(&stale, (3, Some(250), Some(250)), Ok(251)).await;
    check(&records, (3, None, None), Ok(251)).await;
    check(&stale, (2, None, None), Err("this lake is written by newer rules")).await;
}

#[tokio::test]
async fn rules_with_nothing_to_land_give_way_at_once() {
    // Nothing was ever enqueued, or all of it lies below the origin.
    for last_enqueued in [None, Some(39)] {
        let (_, records) = begun().await;
        check(&records, (2, None, last_enqueued), Ok(40)).await;
    }
}

#[tokio::test]
async fn of_two_boundaries_one_holds() {
    let (_, records) = begun().await;
    let other = records.clone();
    let source = source(7);
    let (done, later) = (Some(Ordinal::new(99)), Some(Ordinal::new(102)));
    let both = futures::future::join(
        records.enter(&source, 2, done, done, OldVersions::MayRun),
        other.enter(&source, 2, later, later, OldVersions::MayRun),
    );
    let (one, other) = both.await;
    assert_eq!(one.unwrap(), other.unwrap());
}

#[tokio::test]
async fn source_without_an_origin_is_not_entered() {
    let records = Records::new(Store::open("memory://").unwrap(), fast_backoff());
    check(&records, (1, None, None), Err("has no origin in this lake")).await;
}

#[tokio::test]
async fn stopped_versions_give_way_at_the_durable_position() {
    let drained = OldVersions::Stopped { rows_above_durable: false };
    let killed = OldVersions::Stopped { rows_above_durable: true };
    let (_, records) = begun().await;
    check(&records, (2, Some(70), Some(99)), Err("--old-versions-stopped")).await;
    check_with(&records, killed, (2, Some(70), Some(99)), Err("did not finish its drain")).await;
    assert!(records.still_current(&source(7), 1).await.unwrap(), "nothing was recorded");
    check_with(&records, drained, (2, Some(70), Some(99)), Ok(71)).await;
    // The boundary is recorded: the next start needs no word of the operator.
    check(&records, (2, Some(70), Some(120)), Ok(71)).await;
    check(&records, (1, Some(99), Some(120)), Err("this lake is written by newer rules")).await;
    // Where nothing is durable yet, the older rules have decided nothing.
    let (_, records) = begun().await;
    check_with(&records, drained, (2, None, Some(99)), Ok(40)).await;
}
