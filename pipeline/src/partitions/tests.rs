//! The conformance suite of checkpoint stores, run on a folder and in memory.

use catchwater_sinks::store::{Store, StoreOptions};

use super::checkpoint_store::CheckpointStore;
use super::json_objects::JsonObjects;
use super::*;
use crate::clock::UnixMillis;
use crate::position::{Generation, Offset, PartitionId, Position, SequenceNumber};

#[tokio::test]
async fn every_checkpoint_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = Store::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    for store in [Store::in_memory(), on_disk] {
        stores_whole_checkpoints(&JsonObjects::new(store.clone())).await;
        saves_never_go_back(&store).await;
    }
}

#[tokio::test]
async fn truncated_checkpoint_is_ignored() {
    let (store, at) = (Store::in_memory(), PartitionId::new(0));
    let checkpoints = Checkpoints::new(store.clone(), scope(1));
    checkpoints.save(at, 1, &position(5)).await.unwrap();
    store.put(&checkpoints.path(at), bytes::Bytes::new()).await.unwrap();
    assert_eq!(checkpoints.load(at).await.unwrap(), None);
    assert_eq!(Checkpoints::all(&store).await.unwrap(), []);
    checkpoints.save(at, 1, &position(3)).await.unwrap();
    assert_eq!(saved(&checkpoints, at).await, Some(3));
}

/// A written checkpoint is read and listed with all its fields, and replaced as a whole.
async fn stores_whole_checkpoints(store: &dyn CheckpointStore) {
    let key = store.key(&scope(1), PartitionId::new(1));
    assert_eq!(store.read(&key).await.unwrap(), None);
    assert!(store.list().await.unwrap().is_empty());
    let mut written = Vec::new();
    for (partition, number, offset) in [(0, -1, ""), (1, 0, "0"), (17, i64::MAX - 1, "1:2:3")] {
        let position = Position { offset: Offset::new(offset), ..position(number) };
        let partition = PartitionId::new(partition);
        let checkpoint = Checkpoint { scope: scope(1), partition, routing_version: 3, position };
        let key = store.key(&checkpoint.scope, partition);
        store.write(&key, &checkpoint).await.unwrap();
        assert_eq!(store.read(&key).await.unwrap().as_ref(), Some(&checkpoint));
        written.push(checkpoint);
    }
    let replaced = Checkpoint { position: position(9), ..written[1].clone() };
    store.write(&key, &replaced).await.unwrap();
    written[1] = replaced;
    let listed = store.list().await.unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(Result::unwrap).collect();
    listed.sort_by_key(|checkpoint| checkpoint.partition);
    assert_eq!(listed, written);
}

/// A lower number is not saved over a higher one of the same scope; one of another lake or generation does not count.
async fn saves_never_go_back(store: &Store) {
    let at = PartitionId::new(2);
    let checkpoints = Checkpoints::new(store.clone(), scope(1));
    for (number, expected) in [(5, 5), (9, 9), (7, 9), (10, 10)] {
        checkpoints.save(at, 1, &position(number)).await.unwrap();
        assert_eq!(saved(&checkpoints, at).await, Some(expected));
    }
    let created_again = Checkpoints::new(store.clone(), scope(2));
    created_again.save(at, 1, &position(2)).await.unwrap();
    assert_eq!(saved(&created_again, at).await, Some(2));
    assert_eq!(saved(&checkpoints, at).await, None, "it is of another generation");
    let of_another_lake = Scope { lake: "another".to_owned(), ..scope(2) };
    assert_eq!(saved(&Checkpoints::new(store.clone(), of_another_lake), at).await, None);
}

async fn saved(checkpoints: &Checkpoints, at: PartitionId) -> Option<i64> {
    let loaded = checkpoints.load(at).await.unwrap();
    loaded.map(|checkpoint| checkpoint.position.sequence_number.get())
}

fn scope(generation: i64) -> Scope {
    Scope {
        lake: "lake".to_owned(),
        namespace: "namespace".to_owned(),
        event_hub: "events".to_owned(),
        generation: Generation::new(UnixMillis::new(generation)),
        consumer_group: "$default".to_owned(),
    }
}

fn position(number: i64) -> Position {
    Position {
        sequence_number: SequenceNumber::new(number),
        offset: Offset::new("7"),
        enqueued_time: UnixMillis::new(1_795_435_200_000),
    }
}
