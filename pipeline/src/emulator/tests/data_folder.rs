//! Hubs of a data folder after a restart: their partitions, their identity, and folders that do not fit.

use std::path::Path;
use std::sync::Arc;

use crate::clock::{ManualClock, UnixMillis};
use crate::emulator::{Config, Emulator, HubConfig, HubHandle, NewEvent};
use crate::position::{Generation, PartitionId, SequenceNumber};

/// Starts the hubs with these names and numbers of partitions at a point in time.
async fn start(
    data: &Path,
    now: i64,
    hubs: &[(&str, Option<u32>)],
) -> Result<Emulator, crate::emulator::Error> {
    let hub = |(name, partitions): &(&str, Option<u32>)| HubConfig {
        name: (*name).to_owned(),
        partitions: *partitions,
        consumer_groups: None,
    };
    Emulator::start(Config {
        data: Some(data.to_owned()),
        clock: Arc::new(ManualClock::at(UnixMillis::new(now))),
        hubs: hubs.iter().map(hub).collect(),
        ..Config::default()
    })
    .await
}

/// Returns the text of the error with which these hubs do not start.
async fn refusal(data: &Path, hubs: &[(&str, Option<u32>)]) -> String {
    let error = start(data, 9000, hubs).await.unwrap_err();
    std::error::Error::source(&error).unwrap().to_string()
}

fn append(hub: &HubHandle, partition: u32) -> SequenceNumber {
    hub.append(PartitionId::new(partition), &NewEvent { body: b"x", ..NewEvent::default() }).unwrap()
}

/// Returns the number of events in each partition.
fn events(hub: &HubHandle) -> Vec<u64> {
    (0..hub.partitions()).map(|id| hub.partition(PartitionId::new(id)).unwrap().events).collect()
}

fn generation(ms: i64) -> Generation {
    Generation::new(UnixMillis::new(ms))
}

#[tokio::test]
async fn restart_with_more_partitions_adds_them_and_with_fewer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let hub = start(data, 1000, &[("events", Some(2))]).await.unwrap();
    append(&hub.hubs()[0], 1);
    hub.shutdown().await;
    let hub = start(data, 2000, &[("events", Some(3))]).await.unwrap();
    assert_eq!(events(&hub.hubs()[0]), [0, 1, 0]);
    append(&hub.hubs()[0], 2);
    hub.shutdown().await;
    for (partitions, now) in [(None, 3000), (Some(3), 4000)] {
        let hub = start(data, now, &[("EVENTS", partitions)]).await.unwrap();
        assert_eq!((events(&hub.hubs()[0]), hub.generation()), (vec![0, 1, 1], generation(1000)));
        hub.shutdown().await;
    }
    let expected = "hub events has 3 partitions in the data folder, and the configuration has 2: partitions can't be \
                    removed, so configure at least 3, or name another data folder";
    assert_eq!(refusal(data, &[("events", Some(2))]).await, expected);
}

#[tokio::test]
async fn partitions_added_at_run_time_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let hub = start(folder.path(), 1000, &[("events", Some(1))]).await.unwrap();
    hub.add_partitions(2).unwrap();
    append(&hub.hubs()[0], 2);
    hub.shutdown().await;
    let hub = start(folder.path(), 2000, &[("events", None)]).await.unwrap();
    assert_eq!(events(&hub.hubs()[0]), [0, 0, 1]);
    assert_eq!(append(&hub.hubs()[0], 2), SequenceNumber::new(1));
    hub.shutdown().await;
}

#[tokio::test]
async fn recreated_and_renumbered_hubs_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let names = [("recreated", Some(2)), ("renumbered", Some(2)), ("unchanged", Some(2))];
    let hub = start(folder.path(), 1000, &names).await.unwrap();
    let hubs = hub.hubs();
    for handle in &hubs {
        assert_eq!([0, 0, 1].map(|id| append(handle, id).get()), [0, 1, 0]);
    }
    hubs[0].recreate().unwrap();
    hubs[1].renumber().unwrap();
    assert_eq!(append(&hubs[0], 0), SequenceNumber::new(0));
    hub.shutdown().await;

    let hub = start(folder.path(), 2000, &names).await.unwrap();
    let hubs = hub.hubs();
    let state: Vec<_> = hubs.iter().map(|hub| (events(hub), hub.generation())).collect();
    let expected =
        [(vec![1, 0], generation(1001)), (vec![0, 0], generation(1000)), (vec![2, 1], generation(1000))];
    assert_eq!(state, expected);
    assert_eq!(append(&hubs[1], 1), SequenceNumber::new(0));
    hub.shutdown().await;
}

#[tokio::test]
async fn hub_outside_the_configuration_keeps_its_events() {
    let folder = tempfile::tempdir().unwrap();
    let hub = start(folder.path(), 1000, &[("one", Some(1)), ("two", Some(1))]).await.unwrap();
    append(&hub.hub("two").unwrap(), 0);
    hub.shutdown().await;
    let hub = start(folder.path(), 2000, &[("one", Some(1))]).await.unwrap();
    assert!(hub.hub("two").is_none());
    hub.shutdown().await;
    let hub = start(folder.path(), 3000, &[("two", None), ("one", None)]).await.unwrap();
    assert_eq!((hub.event_hub(), events(&hub.hubs()[0])), ("two", vec![1]));
    hub.shutdown().await;
}

#[tokio::test]
async fn folders_that_do_not_fit_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let hub = start(data, 1000, &[("events", Some(1))]).await.unwrap();
    let in_use = refusal(data, &[("events", None)]).await;
    assert!(in_use.starts_with("another process uses the data folder"), "{in_use}");
    hub.shutdown().await;

    std::fs::rename(data.join("events"), data.join("renamed")).unwrap();
    let renamed = refusal(data, &[("renamed", None)]).await;
    assert!(renamed.contains("renamed has the hub events, not renamed: rename the folder"), "{renamed}");

    std::fs::write(data.join("hub.json"), r#"{"event_hub":"events","partitions":4,"created_ms":7}"#).unwrap();
    let earlier = refusal(data, &[("events", None)]).await;
    assert!(earlier.contains("was written by an earlier version"), "{earlier}");
}

#[tokio::test]
async fn hubs_with_the_names_of_files_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let names = [("hub.json", Some(1)), ("lock", Some(1)), ("log-0", Some(1)), ("ca.pem", Some(1))];
    for expected in 1..3 {
        let hub = start(folder.path(), 1000, &names).await.unwrap();
        for handle in hub.hubs() {
            append(&handle, 0);
            assert_eq!(events(&handle), [expected], "{}", handle.name());
        }
        hub.shutdown().await;
    }
}

#[tokio::test]
async fn configurations_that_no_namespace_can_have_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (hubs, expected) in [
        (vec![("a", None), ("A", None)], "two event hubs have the name `A`; rename one of them"),
        (vec![("..", None)], "invalid name `..` of an event hub"),
        (vec![("a/b", None)], "invalid name `a/b` of an event hub"),
        (vec![("a", Some(0))], "a hub needs at least one partition"),
        (vec![("a", Some(1025))], "a hub has at most 1024 partitions, not 1025"),
    ] {
        let text = refusal(folder.path(), &hubs).await;
        assert!(text.starts_with(expected), "{text}");
    }
}
