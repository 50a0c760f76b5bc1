//! Retention: what is left of a partition, and what its readers get.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, READER, append, deliveries, filter, hub, refusal};
use crate::amqp::condition;
use crate::amqp::performatives::Source;
use crate::amqp::sections::{Message, lookup};
use crate::clock::{ManualClock, UnixMillis};
use crate::emulator::hub::Hub;
use crate::emulator::{Config, Emulator, NewEvent, PartitionSnapshot};
use crate::position::PartitionId;

/// Attaches a reader at a position and gives it credit for these events.
fn read_from(client: &mut Client, expression: &str, credit: u32) {
    let filter = filter(expression);
    client.attach_reader(0, |attach| {
        attach.source = Some(Source { address: Some(READER), filter: Some(&filter) });
    });
    client.credit(0, 0, credit);
}

/// Returns the sequence numbers of the events that came since the last call.
fn numbers(client: &mut Client) -> Vec<i64> {
    let number = |payload: &Vec<u8>| {
        let annotations = Message::scan(payload).unwrap().message_annotations;
        lookup(annotations, "x-opt-sequence-number").unwrap().unwrap().integer().unwrap()
    };
    deliveries(&client.frames()).iter().map(number).collect()
}

fn purge(hub: &Hub, below: i64) {
    hub.partition(0).unwrap().purge(below).unwrap();
}

/// Properties of partition 0: the oldest and the last sequence number, offset and time of the last event.
fn properties(hub: &Hub) -> (i64, i64, String, UnixMillis) {
    let partition = hub.partition(0).unwrap();
    let log = partition.log();
    (log.begin(), log.last(), log.last_offset(), log.last_enqueued_time())
}

#[test]
fn reader_that_retention_overtakes_goes_on_at_the_oldest_event_left() {
    let hub = hub();
    append(&hub, &[b"x"; 10].map(|body: &[u8; 1]| &body[..]));
    let mut client = Client::connect(&hub);
    read_from(&mut client, "amqp.annotation.x-opt-offset > '-1'", 3);
    assert_eq!(numbers(&mut client), [0, 1, 2]);
    purge(&hub, 8);
    client.credit(0, 3, 100);
    assert_eq!(numbers(&mut client), [8, 9]);
    purge(&hub, 10);
    append(&hub, &[b"later"]);
    assert_eq!(numbers(&mut client), [10]);
}

#[test]
fn positions_that_retention_has_removed_start_at_the_oldest_event_left() {
    let hub = hub();
    append(&hub, &[b"x"; 10].map(|body: &[u8; 1]| &body[..]));
    purge(&hub, 4);
    purge(&hub, 2);
    for position in [
        "amqp.annotation.x-opt-offset > '-1'",
        "amqp.annotation.x-opt-offset > '0'",
        "amqp.annotation.x-opt-sequence-number > '-1'",
        "amqp.annotation.x-opt-sequence-number >= '1'",
        "amqp.annotation.x-opt-enqueued-time > '0'",
    ] {
        let mut client = Client::connect(&hub);
        read_from(&mut client, position, 100);
        assert_eq!(numbers(&mut client), [4, 5, 6, 7, 8, 9], "{position}");
    }
    let mut client = Client::connect(&hub);
    read_from(&mut client, "amqp.annotation.x-opt-sequence-number > '6'", 100);
    assert_eq!(numbers(&mut client), [7, 8, 9], "a position that is left is found after a purge");
}

#[test]
fn emptied_partition_keeps_its_last_numbers_and_frees_its_events() {
    let hub = hub();
    append(&hub, &[b"x"; 10].map(|body: &[u8; 1]| &body[..]));
    let (_, last, offset, time) = properties(&hub);
    purge(&hub, 1_000);
    assert_eq!(properties(&hub), (10, last, offset.clone(), time));
    let partition = hub.partition(0).unwrap();
    assert_eq!((partition.log().len(), partition.log().bytes(), partition.log().is_empty()), (0, 0, true));
    // The last position is still one of the hub's; a later one is not.
    let mut client = Client::connect(&hub);
    read_from(&mut client, &format!("amqp.annotation.x-opt-offset > '{offset}'"), 100);
    append(&hub, &[b"later"]);
    assert_eq!(numbers(&mut client), [10]);
    purge(&hub, 11);
    let mut client = Client::connect(&hub);
    read_from(&mut client, "amqp.annotation.x-opt-sequence-number > '11'", 100);
    assert_eq!(refusal(&client.frames()).0, condition::ARGUMENT_ERROR);
    assert!(properties(&hub).2.parse::<u64>().unwrap() > offset.parse().unwrap(), "offsets go on");
}

/// A hub that keeps events for an hour, with a data folder.
async fn hourly(clock: &ManualClock, data: &Path) -> Emulator {
    let config = Config {
        clock: Arc::new(clock.clone()),
        retention: Some(HOUR),
        data: Some(data.to_owned()),
        ..Config::default()
    };
    Emulator::start(config).await.unwrap()
}

fn send(hub: &Emulator, body: &[u8]) {
    hub.append(PartitionId::new(0), &NewEvent { body, ..NewEvent::default() }).unwrap();
}

fn state(hub: &Emulator) -> PartitionSnapshot {
    hub.partition(PartitionId::new(0)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn expired_events_are_removed_at_an_interval_and_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(UnixMillis::new(1_700_000_000_000));
    let hub = hourly(&clock, folder.path()).await;
    send(&hub, b"one");
    clock.advance(HOUR / 2);
    send(&hub, b"two");
    clock.advance(HOUR / 2 + SECOND);
    assert_eq!(state(&hub).begin.get(), 0, "the next removal is due within a minute");
    tokio::time::sleep(INTERVAL).await;
    assert_eq!((state(&hub).begin.get(), state(&hub).events), (1, 1));
    let before = state(&hub);
    hub.shutdown().await;

    let hub = hourly(&clock, folder.path()).await;
    assert_eq!(state(&hub), before, "removed events do not come back");
    hub.shutdown().await;
    clock.advance(HOUR / 2);
    let hub = hourly(&clock, folder.path()).await;
    let PartitionSnapshot { begin, events, bytes, .. } = state(&hub);
    assert_eq!((begin.get(), events, bytes), (2, 0, 0), "the start removes what expired meanwhile");
    assert_eq!((state(&hub).last, state(&hub).last_offset), (before.last, before.last_offset));
    send(&hub, b"three");
    let PartitionSnapshot { begin, last, events, .. } = state(&hub);
    assert_eq!((begin.get(), last.get(), events), (2, 2, 1), "numbers go on");
    hub.shutdown().await;
}

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// Longer than the interval between two removals.
const INTERVAL: Duration = Duration::from_secs(61);
