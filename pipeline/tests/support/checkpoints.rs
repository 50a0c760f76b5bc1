//! The conformance suite of checkpoint stores.

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::partitions::{Checkpoint, Checkpoints, Scope};
use catchwater::internals::position::{Generation, Offset, PartitionId, Position, SequenceNumber};
use catchwater_sinks::store::Store;

/// Checks the promises of the checkpoints in a store that has none.
pub(crate) async fn check_checkpoints(store: &Store) {
    checkpoints_are_read_whole(store).await;
    saves_never_go_back(store).await;
}

/// A saved checkpoint is loaded and listed with all its fields, for each partition and with any offset.
async fn checkpoints_are_read_whole(store: &Store) {
    let checkpoints = Checkpoints::new(store.clone(), scope(1), HOST);
    assert_eq!(Checkpoints::all(store).await.unwrap(), []);
    let mut saved = Vec::new();
    for (partition, number, offset) in [(0, -1, ""), (1, 0, "0"), (17, i64::MAX - 1, "1:2:3"), (1, 9, "8")] {
        let position = Position { offset: Offset::new(offset), ..position(number) };
        let partition = PartitionId::new(partition);
        let checkpoint = Checkpoint { scope: scope(1), partition, routing_version: 3, position };
        checkpoints.save(partition, 3, &checkpoint.position).await.unwrap();
        assert_eq!(checkpoints.load(partition).await.unwrap().as_ref(), Some(&checkpoint));
        saved.retain(|earlier: &Checkpoint| earlier.partition != partition);
        saved.push(checkpoint);
    }
    assert_eq!(checkpoints.load(PartitionId::new(2)).await.unwrap(), None);
    let mut listed = Checkpoints::all(store).await.unwrap();
    for all in [&mut listed, &mut saved] {
        all.sort_by_key(|checkpoint| checkpoint.partition);
    }
    assert_eq!(listed, saved);
}

/// A lower number is not saved over a higher one of the same scope; one of another lake or generation does not count.
async fn saves_never_go_back(store: &Store) {
    let at = PartitionId::new(2);
    let checkpoints = Checkpoints::new(store.clone(), scope(1), HOST);
    for (number, expected) in [(5, 5), (9, 9), (7, 9), (10, 10)] {
        checkpoints.save(at, 1, &position(number)).await.unwrap();
        assert_eq!(saved(&checkpoints, at).await, Some(expected));
    }
    let created_again = Checkpoints::new(store.clone(), scope(2), HOST);
    created_again.save(at, 1, &position(2)).await.unwrap();
    assert_eq!(saved(&created_again, at).await, Some(2));
    assert_eq!(saved(&checkpoints, at).await, None, "it is of another generation");
    let of_another_lake = Scope { lake: "another".to_owned(), ..scope(2) };
    assert_eq!(saved(&Checkpoints::new(store.clone(), of_another_lake, HOST), at).await, None);
}

async fn saved(checkpoints: &Checkpoints, at: PartitionId) -> Option<i64> {
    let loaded = checkpoints.load(at).await.unwrap();
    loaded.map(|checkpoint| checkpoint.position.sequence_number.get())
}

const HOST: &str = "hub.example:5671";

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
