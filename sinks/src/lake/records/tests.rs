//! Records put by writers that disagree.

use super::*;
use crate::lake::fixtures::{impatient, source};
use crate::store::faults::{Faults, PutFault};

fn records(store: &Store) -> Records {
    Records::new(store.clone(), impatient())
}

fn origin(first: i64, namespace: &str) -> Origin {
    Origin { first: Ordinal(first), routing_version: 1, namespace: namespace.into() }
}

fn range(from: i64, to: i64) -> LostRange {
    LostRange { from: Ordinal(from), to: Ordinal(to) }
}

#[tokio::test]
async fn lake_has_one_id_whoever_asks_first() {
    use PutFault::{Late, Lost, Unanswered};
    for fault in [Lost, Unanswered, Late] {
        let store = Store::open("memory://").unwrap();
        let faults = Faults::new();
        faults.next_put("lake.json", fault);
        let id = records(&store.with_faults(&faults)).lake_id().await.unwrap();
        faults.land_late().await;
        assert_eq!(records(&store).lake_id().await.unwrap(), id, "{fault:?}");
    }
}

#[tokio::test]
async fn first_origin_holds() {
    let store = Store::open("memory://").unwrap();
    let records = records(&store);
    assert_eq!(records.origin(&source(7)).await.unwrap(), None);
    assert_eq!(records.begin(&source(7), origin(40, "ns")).await.unwrap(), origin(40, "ns"));
    assert_eq!(records.begin(&source(7), origin(90, "NS")).await.unwrap(), origin(40, "ns"));
    assert_eq!(records.origin(&source(7)).await.unwrap(), Some(origin(40, "ns")));
    let error = records.begin(&source(7), origin(40, "another")).await.unwrap_err();
    assert!(error.to_string().contains("was begun in this lake from namespace \"ns\""), "{error}");
    assert_eq!(error.kind(), Kind::Fatal);
}

#[tokio::test]
async fn lost_ranges_are_recorded_and_read_back() {
    let store = Store::open("memory://").unwrap();
    let records = records(&store);
    for (given_up, expected) in [
        (range(10, 14), vec![range(10, 14)]),
        (range(10, 14), vec![range(10, 14)]),
        // Retention went further before anything was read.
        (range(10, 19), vec![range(10, 14), range(15, 19)]),
        (range(10, 12), vec![range(10, 14), range(15, 19)]),
        (range(2, 3), vec![range(2, 3), range(10, 14), range(15, 19)]),
    ] {
        records.give_up(&source(7), given_up).await.unwrap();
        assert_eq!(records.lost_ranges(&source(7)).await.unwrap(), expected, "{given_up:?}");
    }
    assert_eq!(records.lost_ranges(&source(8)).await.unwrap(), []);
}

#[tokio::test]
async fn record_that_can_not_be_understood_is_named() {
    let store = Store::open("memory://").unwrap();
    store.put(&paths::lake_record(), Bytes::from_static(b"{\"id\":")).await.unwrap();
    let error = records(&store).lake_id().await.unwrap_err();
    assert!(error.to_string().contains("lake.json"), "{error}");
    assert_eq!(error.kind(), Kind::Fatal);
}
