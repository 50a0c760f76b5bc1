//! A checkpoint that a power loss has truncated.

use catchwater_sinks::store::Store;

use super::*;
use crate::clock::UnixMillis;
use crate::position::{Generation, Offset, PartitionId, Position, SequenceNumber};

#[tokio::test]
async fn truncated_checkpoint_is_ignored() {
    let (store, at) = (Store::in_memory(), PartitionId::new(0));
    let scope = Scope {
        lake: "lake".to_owned(),
        namespace: "namespace".to_owned(),
        event_hub: "events".to_owned(),
        generation: Generation::new(UnixMillis::new(1)),
        consumer_group: "$default".to_owned(),
    };
    let position = |number: i64| Position {
        sequence_number: SequenceNumber::new(number),
        offset: Offset::new("7"),
        enqueued_time: UnixMillis::EPOCH,
    };
    let checkpoints = Checkpoints::new(store.clone(), scope, "namespace");
    checkpoints.save(at, 1, &position(5)).await.unwrap();
    store.put(&checkpoints.path(at), bytes::Bytes::new()).await.unwrap();
    assert_eq!(checkpoints.load(at).await.unwrap(), None);
    assert_eq!(Checkpoints::all(&store).await.unwrap(), []);
    checkpoints.save(at, 1, &position(3)).await.unwrap();
    let saved = checkpoints.load(at).await.unwrap().unwrap();
    assert_eq!(saved.position.sequence_number.get(), 3);
}
