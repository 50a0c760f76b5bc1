//! Records of one writer, and of writers that disagree.

use super::*;
use crate::lake::first_start::{Beginning, PartitionBeginning};
use crate::lake::fixtures::{fast_backoff, source};
use crate::store::faults::{Faults, PutFault};

fn records(store: &Store) -> Records {
    Records::new(store.clone(), fast_backoff())
}

fn origin(first: i64, namespace: &str) -> Origin {
    Origin { first: Ordinal::new(first), routing_version: 1, namespace: namespace.into() }
}

fn range(from: i64, to: i64) -> OrdinalRange {
    OrdinalRange { from: Ordinal::new(from), to: Ordinal::new(to) }
}

#[tokio::test]
async fn lake_has_one_id_after_lost_and_late_answers() {
    use PutFault::{DeliveredLate, RequestLost, ResponseLost};
    for fault in [RequestLost, ResponseLost, DeliveredLate] {
        let store = Store::in_memory();
        let faults = Faults::new();
        faults.next_put("lake.json", fault);
        let id = records(&store.with_faults(&faults)).lake_id().await.unwrap();
        faults.deliver_late().await;
        assert_eq!(records(&store).lake_id().await.unwrap(), id, "{fault:?}");
    }
}

#[tokio::test]
async fn first_recorded_origin_is_valid() {
    let store = Store::in_memory();
    let records = records(&store);
    assert_eq!(records.origin(&source(7)).await.unwrap(), None);
    assert_eq!(records.record_origin(&source(7), origin(40, "ns")).await.unwrap(), origin(40, "ns"));
    assert_eq!(records.record_origin(&source(7), origin(90, "NS")).await.unwrap(), origin(40, "ns"));
    assert_eq!(records.origin(&source(7)).await.unwrap(), Some(origin(40, "ns")));
    let error = records.record_origin(&source(7), origin(40, "another")).await.unwrap_err();
    assert!(error.to_string().contains("has events of namespace \"ns\""), "{error}");
    assert_eq!(error.kind(), Kind::Fatal);
}

#[tokio::test]
async fn lost_ranges_are_recorded_and_read_back() {
    let store = Store::in_memory();
    let records = records(&store);
    for (given_up, expected) in [
        (range(10, 14), vec![range(10, 14)]),
        (range(10, 14), vec![range(10, 14)]),
        // Retention advanced before any event was read.
        (range(10, 19), vec![range(10, 14), range(15, 19)]),
        (range(10, 12), vec![range(10, 14), range(15, 19)]),
        (range(2, 3), vec![range(2, 3), range(10, 14), range(15, 19)]),
    ] {
        records.record_loss(&source(7), given_up).await.unwrap();
        assert_eq!(records.lost_ranges(&source(7)).await.unwrap(), expected, "{given_up:?}");
    }
    assert_eq!(records.lost_ranges(&source(8)).await.unwrap(), []);
}

#[tokio::test]
async fn unreadable_record_is_named_in_the_error() {
    let store = Store::in_memory();
    store.put(&paths::lake_record(), Bytes::from_static(b"{\"id\":")).await.unwrap();
    let error = records(&store).lake_id().await.unwrap_err();
    assert!(error.to_string().contains("lake.json"), "{error}");
    assert_eq!(error.kind(), Kind::Fatal);
}

#[tokio::test]
async fn first_start_keeps_its_partitions() {
    let store = Store::in_memory();
    let records = records(&store);
    let of = |partitions: &[u32]| FirstStart { partitions: partitions.to_vec(), ..FirstStart::default() };
    assert_eq!(records.record_first_start(&source(0), of(&[0, 1])).await.unwrap(), of(&[0, 1]));
    assert_eq!(records.record_first_start(&source(7), of(&[0, 1, 7])).await.unwrap(), of(&[0, 1]));
    let other = SourceId::new("orders.hub", 1_763_900_000_000, 0);
    assert_eq!(
        records.record_first_start(&other, of(&[0, 1, 7])).await.unwrap(),
        of(&[0, 1, 7]),
        "created again"
    );
    // If a partition has an origin, a missing record is not created.
    records.record_origin(&SourceId::new("gone", 5, 3), origin(0, "ns")).await.unwrap();
    let error = records.record_first_start(&SourceId::new("gone", 5, 0), of(&[0])).await.unwrap_err();
    assert!(error.to_string().contains("start/gone-5.json"), "{error}");
}

#[tokio::test]
async fn rejects_data_files_without_an_identity() {
    use crate::lake::fixtures::{destination, facts, written};
    let destination = destination("account", "2026-11-22");
    let path = paths::data_file(&destination, Ordinal::new(0));
    let store = Store::in_memory();
    // Files of other programs do not prevent a new lake.
    store.put(&Key::from("lost+found/a/b"), Bytes::new()).await.unwrap();
    store.put(&Key::from("account/enqueued_date=2026-11-22/notes.txt"), Bytes::new()).await.unwrap();
    let id = records(&store).lake_id().await.unwrap();
    store.put(&path, written(&facts(&destination, 0, 0, 9))).await.unwrap();
    assert_eq!(records(&store).lake_id().await.unwrap(), id);
    let stripped = Store::in_memory();
    stripped.put(&path, written(&facts(&destination, 0, 0, 9))).await.unwrap();
    let error = records(&stripped).lake_id().await.unwrap_err();
    assert!(error.to_string().contains("lake.json") && error.to_string().contains(path.as_ref()), "{error}");
    assert_eq!(error.kind(), Kind::Fatal);
    assert_eq!(stripped.get(&paths::lake_record()).await.unwrap(), None, "no identity was created");
}

#[tokio::test]
async fn rejects_a_lake_of_another_contract_with_the_remedy() {
    let store = Store::in_memory();
    let records = Records::new(store.clone(), fast_backoff());
    for (record, version, remedy) in [
        (r#"{"id":"old"}"#, "version 1", "begin a new lake in an empty folder"),
        (r#"{"id":"new","contract":3}"#, "version 3", "use a newer version of catchwater"),
    ] {
        store.put(&paths::lake_record(), Bytes::from_static(record.as_bytes())).await.unwrap();
        for error in [records.lake_id().await.unwrap_err(), records.existing_id().await.unwrap_err()] {
            assert_eq!(error.kind(), Kind::Fatal);
            let text = error.to_string();
            assert!(text.contains(version) && text.contains(remedy), "{text}");
        }
    }
    store
        .put(&paths::lake_record(), Bytes::from_static(br#"{"id":"ours","contract":2,"more":1}"#))
        .await
        .unwrap();
    assert_eq!(records.lake_id().await.unwrap(), "ours");
}

#[tokio::test]
async fn first_start_keeps_where_the_lake_begins() {
    let json = |start: &FirstStart| serde_json::to_string(start).unwrap();
    let start = |from| FirstStart { partitions: vec![0, 3], from };
    let latest = start(Beginning::Latest(vec![Ordinal::new(42), Ordinal::new(0)]));
    let at = |number| PartitionBeginning::At(Ordinal::new(number));
    for (start, text, expected) in [
        (start(Beginning::Earliest), r#"{"partitions":[0,3]}"#, [PartitionBeginning::Oldest; 2]),
        (latest, r#"{"partitions":[0,3],"from":{"latest":[42,0]}}"#, [at(42), at(0)]),
        (
            start(Beginning::EnqueuedAt(1_763_800_000_000)),
            r#"{"partitions":[0,3],"from":{"enqueued_at":1763800000000}}"#,
            [PartitionBeginning::EnqueuedAt(1_763_800_000_000); 2],
        ),
        (
            start(Beginning::AfterCheckpoints(vec![Some(Ordinal::new(42)), None])),
            r#"{"partitions":[0,3],"from":{"after_checkpoints":[42,null]}}"#,
            [at(42), PartitionBeginning::Oldest],
        ),
    ] {
        assert_eq!(json(&start), text);
        assert_eq!(serde_json::from_str::<FirstStart>(text).unwrap(), start);
        assert_eq!([0, 3].map(|partition| start.beginning_of(partition)), expected);
        assert_eq!(start.beginning_of(1), at(0), "added later");
    }
    let store = Store::in_memory();
    let records = records(&store);
    assert_eq!(records.first_start(&source(0)).await.unwrap(), None);
    let recorded = start(Beginning::EnqueuedAt(5));
    records.record_first_start(&source(0), recorded.clone()).await.unwrap();
    let second = records.record_first_start(&source(3), start(Beginning::Earliest)).await.unwrap();
    assert_eq!(second, recorded);
    assert_eq!(records.first_start(&source(3)).await.unwrap(), Some(recorded));
}
