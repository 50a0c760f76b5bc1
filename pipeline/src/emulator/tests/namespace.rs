//! A namespace of several hubs, and hubs that change while links are attached.

use std::sync::Arc;

use super::client::{Client, NOW_MS, TestHub, append, deliveries, message, read, refusal};
use super::nodes::{ask, connect, sign, status};
use crate::amqp::codec::Value;
use crate::amqp::condition;
use crate::amqp::frames::Frame;
use crate::amqp::performatives::{Detach, Outcome, Performative, Source, Transfer};
use crate::amqp::sections::{Message, Sections, lookup};
use crate::clock::{ManualClock, UnixMillis};
use crate::emulator::{Config, HubConfig, HubHandle};

/// A namespace with the hubs `Events` of 2 partitions and `Audit` of 3; `Audit` has the consumer group `Billing`.
fn two_hubs() -> (TestHub, TestHub) {
    let hub = |name: &str, partitions, consumer_groups| HubConfig {
        name: name.into(),
        partitions: Some(partitions),
        consumer_groups,
    };
    let first = TestHub::open(&Config {
        hubs: vec![hub("Events", 2, None), hub("Audit", 3, Some(vec!["Billing".into()]))],
        clock: Arc::new(ManualClock::at(UnixMillis::new(NOW_MS))),
        ..Config::default()
    });
    let second = first.other("audit");
    (first, second)
}

fn attach_reader(client: &mut Client, handle: u32, address: &'static str) {
    client.attach_reader(handle, |attach| {
        attach.source = Some(Source { address: Some(address), filter: None });
    });
    client.credit(handle, 0, 100);
}

/// Returns the bodies of the events in these frames.
fn bodies(frames: &[Frame]) -> Vec<Vec<u8>> {
    let body = |event: &Vec<u8>| Message::scan(event).unwrap().data().next().unwrap().unwrap().to_vec();
    deliveries(frames).iter().map(body).collect()
}

/// Returns the handles of the links that these frames detach, with the conditions.
fn detached(frames: &[Frame]) -> Vec<(u32, String)> {
    let mut detached = Vec::new();
    for frame in frames {
        if let Performative::Detach(Detach { handle, error: Some(error), .. }) = read(frame) {
            detached.push((handle, error.condition.to_owned()));
        }
    }
    detached.sort();
    detached
}

fn transfer(handle: u32) -> Transfer<'static> {
    Transfer { handle, delivery_id: Some(0), delivery_tag: Some(b"t"), ..Transfer::default() }
}

/// Reads a property of a hub from the management node.
fn property(hub: &TestHub, name: &str, key: &str) -> Result<i64, i64> {
    let mut client = Client::connect(hub);
    connect(&mut client, "$management");
    let parameters = [("operation", "READ"), ("name", name), ("type", "com.microsoft:eventhub")];
    let reply = ask(&mut client, &parameters, "");
    if status(&reply) != 200 {
        return Err(status(&reply));
    }
    let section = Sections::new(Message::scan(&reply).unwrap().body).next().unwrap().unwrap();
    match lookup(section.value, key).unwrap().unwrap() {
        Value::Timestamp(number) => Ok(number),
        other => Ok(other.integer().unwrap()),
    }
}

#[test]
fn one_connection_reads_and_publishes_to_several_hubs() {
    let (events, audit) = two_hubs();
    append(&events, &[b"of events"]);
    let mut client = Client::connect(&events);
    client.attach_sender(0, "audit/Partitions/2");
    client.attach_sender(1, "amqps://localhost/events/Partitions/0");
    client.frames();
    client.transfer(&transfer(0), &message(b"sent to audit"));
    client.transfer(&transfer(1), &message(b"sent to events"));
    client.frames();
    attach_reader(&mut client, 2, "events/ConsumerGroups/$Default/Partitions/0");
    assert_eq!(bodies(&client.frames()), [&b"of events"[..], b"sent to events"]);
    attach_reader(&mut client, 3, "AUDIT/ConsumerGroups/$Default/Partitions/2");
    assert_eq!(bodies(&client.frames()), [b"sent to audit"]);
    assert_eq!(audit.partition(2).unwrap().log().len(), 1);
}

#[test]
fn unknown_hub_or_partition_of_one_hub_is_refused() {
    let (events, _) = two_hubs();
    let mut client = Client::connect(&events);
    attach_reader(&mut client, 0, "third/ConsumerGroups/$Default/Partitions/0");
    assert_eq!(refusal(&client.frames()).0, condition::NOT_FOUND);
    attach_reader(&mut client, 1, "events/ConsumerGroups/$Default/Partitions/2");
    let (condition, text) = refusal(&client.frames());
    assert_eq!(condition, condition::ARGUMENT_OUT_OF_RANGE);
    assert!(text.contains("between 0 and 1"), "{text}");
}

#[test]
fn consumer_group_outside_the_configured_list_is_not_found() {
    let (events, _) = two_hubs();
    let mut client = Client::connect(&events);
    attach_reader(&mut client, 0, "amqps://localhost/Audit/ConsumerGroups/other/Partitions/1");
    let (condition, text) = refusal(&client.frames());
    assert_eq!(condition, condition::NOT_FOUND);
    let expected =
        "The messaging entity 'sb://localhost/Audit/ConsumerGroups/other/Partitions/1' could not be found.";
    assert!(text.starts_with(expected), "{text}");
    for (handle, address) in [
        (1, "Audit/ConsumerGroups/billing/Partitions/1"),
        (2, "Audit/ConsumerGroups/$Default/Partitions/1"),
        (3, "Events/ConsumerGroups/any/Partitions/1"),
    ] {
        attach_reader(&mut client, handle, address);
        assert_eq!(detached(&client.frames()), [], "{address}");
    }
}

#[test]
fn token_covers_one_hub_or_the_namespace() {
    let (events, _) = two_hubs();
    let address =
        ["events/ConsumerGroups/$Default/Partitions/0", "audit/ConsumerGroups/$Default/Partitions/0"];
    for (audience, refused) in [
        ("sb://localhost/audit", vec![(10, condition::UNAUTHORIZED.to_owned())]),
        ("sb://localhost/", vec![]),
        ("sb://localhost", vec![]),
    ] {
        let mut client = Client::connect_with(&events, b"", 65_536);
        connect(&mut client, "$cbs");
        let parameters =
            [("operation", "put-token"), ("type", "servicebus.windows.net:sastoken"), ("name", audience)];
        assert_eq!(status(&ask(&mut client, &parameters, &sign(audience))), 202, "{audience}");
        attach_reader(&mut client, 10, address[0]);
        attach_reader(&mut client, 11, address[1]);
        assert_eq!(detached(&client.frames()), refused, "{audience}");
    }
    let mut client = Client::connect_with(&events, b"", 65_536);
    connect(&mut client, "$cbs");
    let audience = "sb://localhost/third";
    let parameters =
        [("operation", "put-token"), ("type", "servicebus.windows.net:sastoken"), ("name", audience)];
    assert_eq!(status(&ask(&mut client, &parameters, &sign(audience))), 404, "an unknown hub");
}

#[test]
fn management_describes_the_hub_that_a_request_names() {
    let (events, _) = two_hubs();
    assert_eq!(property(&events, "events", "partition_count"), Ok(2));
    assert_eq!(property(&events, "AUDIT", "partition_count"), Ok(3));
    assert_eq!(property(&events, "third", "partition_count"), Err(404));
}

/// A client with a reader (handle 10) and a publisher (handle 11) of `Events`, and a reader of `Audit` (handle 12).
fn attached(events: &TestHub) -> Client {
    let mut client = Client::connect(events);
    attach_reader(&mut client, 10, "events/ConsumerGroups/$Default/Partitions/0");
    client.attach_sender(11, "events");
    attach_reader(&mut client, 12, "audit/ConsumerGroups/$Default/Partitions/0");
    client.frames();
    client
}

fn detach_forced(handles: &[u32]) -> Vec<(u32, String)> {
    handles.iter().map(|handle| (*handle, condition::DETACH_FORCED.to_owned())).collect()
}

#[test]
fn recreated_hub_is_empty_and_its_old_links_are_detached() {
    let (events, audit) = two_hubs();
    append(&events, &[b"old"]);
    let mut client = attached(&events);
    let handle = HubHandle::new(&events.namespace, events.namespace.first());
    handle.recreate().unwrap();
    // The publisher does not know yet. What it sends now must not be acknowledged.
    client.transfer(&transfer(11), &message(b"to the old hub"));
    let frames = client.frames();
    let accepted = |frame: &Frame| matches!(read(frame), Performative::Disposition(one) if matches!(one.state, Some(Outcome::Accepted)));
    assert!(!frames.iter().any(accepted), "{frames:?}");
    assert_eq!(detached(&frames), detach_forced(&[10, 11]));

    assert_eq!(property(&events, "events", "created_at"), Ok(NOW_MS + 1), "later than the old hub");
    assert_eq!(property(&events, "audit", "created_at"), Ok(NOW_MS));
    append(&audit, &[b"still read"]);
    assert_eq!(bodies(&client.frames()), [b"still read"]);
    attach_reader(&mut client, 13, "events/ConsumerGroups/$Default/Partitions/0");
    assert_eq!(bodies(&client.frames()).len(), 0);
    client.attach_sender(14, "events/Partitions/0");
    client.frames();
    client.transfer(&transfer(14), &message(b"to the new hub"));
    assert_eq!(bodies(&client.frames()), [b"to the new hub"]);
}

#[test]
fn renumbered_hub_begins_at_zero_and_keeps_its_creation_time() {
    let (events, _) = two_hubs();
    append(&events, &[b"old", b"older"]);
    let mut client = attached(&events);
    let handle = HubHandle::new(&events.namespace, events.namespace.first());
    handle.renumber().unwrap();
    assert_eq!(detached(&client.frames()), detach_forced(&[10, 11]));
    assert_eq!(property(&events, "events", "created_at"), Ok(NOW_MS));
    append(&events.other("events"), &[b"new"]);
    attach_reader(&mut client, 13, "events/ConsumerGroups/$Default/Partitions/0");
    let events = deliveries(&client.frames());
    assert_eq!(events.len(), 1);
    let annotations = Message::scan(&events[0]).unwrap().message_annotations;
    assert_eq!(lookup(annotations, "x-opt-sequence-number").unwrap(), Some(Value::Long(0)));
}

#[test]
fn added_partitions_are_read_by_attached_connections() {
    let (events, _) = two_hubs();
    let mut client = attached(&events);
    HubHandle::new(&events.namespace, events.namespace.first()).add_partitions(2).unwrap();
    assert_eq!(property(&events, "events", "partition_count"), Ok(4));
    attach_reader(&mut client, 13, "events/ConsumerGroups/$Default/Partitions/3");
    client.attach_sender(14, "events/Partitions/3");
    client.frames();
    client.transfer(&transfer(14), &message(b"there"));
    assert_eq!(bodies(&client.frames()), [b"there"]);
    let most = HubHandle::new(&events.namespace, events.namespace.first()).add_partitions(u32::MAX);
    assert!(most.is_err(), "a hub has at most 1024 partitions");
    assert_eq!(property(&events, "events", "partition_count"), Ok(4));
}
