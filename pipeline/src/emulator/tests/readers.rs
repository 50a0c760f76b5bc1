//! Reader links: positions, credit, windows, owner levels and runtime metrics.

use super::client::{Client, READER, append, deliveries, filter, hub, message, read, refusal, symbol_map};
use crate::amqp::codec::Value;
use crate::amqp::condition;
use crate::amqp::encode::Encoder;
use crate::amqp::performatives::{Flow, Performative, Source};
use crate::amqp::sections::{Message, lookup};

#[test]
fn attach_is_answered_with_the_requested_terms() {
    let hub = hub();
    let mut client = Client::connect(&hub);
    let filter = filter("amqp.annotation.x-opt-offset > '-1'");
    let mut capabilities = Vec::new();
    Encoder::new(&mut capabilities).symbols(&["com.microsoft:georeplication", "unknown"]);
    client.attach_reader(4, |attach| {
        attach.snd_settle_mode = Some(0);
        attach.source = Some(Source { address: Some(READER), filter: Some(&filter) });
        attach.desired_capabilities = Some(&capabilities);
    });
    let frames = client.frames();
    let Performative::Attach(answer) = read(&frames[0]) else { panic!("{frames:?}") };
    assert_eq!((answer.name, answer.handle, answer.snd_settle_mode), ("reader", 4, Some(1)));
    assert_eq!(answer.initial_delivery_count, Some(0));
    assert_eq!(answer.source, Some(Source { address: Some(READER), filter: Some(&filter) }));
    assert_eq!(answer.target.unwrap().address, Some("here"));
    let mut offered = Value::read(answer.offered_capabilities.unwrap()).unwrap().items().unwrap();
    assert_eq!(offered.next(), Some(Ok(Value::Symbol("com.microsoft:georeplication"))));
    assert_eq!(offered.next(), None);
}

#[test]
fn events_are_limited_by_credit() {
    let hub = hub();
    append(&hub, &[b"x"; 100].map(|body: &[u8; 1]| &body[..]));
    let mut client = Client::connect(&hub);
    client.attach_reader(0, |_| ());
    assert_eq!(deliveries(&client.frames()).len(), 0, "without credit events are not sent");
    let mut received = 0;
    // The second grant repeats the first; the third revokes credit.
    for (delivery_count, link_credit, expected) in
        [(0, 10, 10), (0, 10, 0), (10, 0, 0), (10, 1, 1), (11, 50, 50), (61, 1000, 39)]
    {
        client.credit(0, delivery_count, link_credit);
        let received_now = deliveries(&client.frames()).len();
        assert_eq!(received_now, expected, "{link_credit} from {delivery_count}");
        received += received_now;
    }
    assert_eq!(received, 100);
    append(&hub, &[b"later"]);
    assert_eq!(deliveries(&client.frames()).len(), 1, "unused credit serves later events");
}

#[test]
fn drain_returns_unused_credit() {
    let hub = hub();
    append(&hub, &[b"one", b"two"]);
    let mut client = Client::connect(&hub);
    client.attach_reader(0, |_| ());
    client.frames();
    let flow =
        Flow { handle: Some(0), link_credit: Some(10), incoming_window: 100, drain: true, ..Flow::default() };
    client.send(0, |out| flow.encode(out));
    let frames = client.frames();
    assert_eq!(deliveries(&frames).len(), 2);
    let Performative::Flow(answer) = read(frames.last().unwrap()) else { panic!("{frames:?}") };
    assert_eq!((answer.delivery_count, answer.link_credit, answer.drain), (Some(10), Some(0), true));
    append(&hub, &[b"three"]);
    assert_eq!(client.frames(), [], "credit is exhausted");
}

#[test]
fn echo_is_answered_with_a_flow() {
    let hub = hub();
    let mut client = Client::connect(&hub);
    client.attach_reader(0, |_| ());
    client.frames();
    let flow = Flow { incoming_window: 100, echo: true, ..Flow::default() };
    client.send(0, |out| flow.encode(out));
    client.send(0, |out| Flow { handle: Some(0), link_credit: Some(3), ..flow }.encode(out));
    let frames = client.frames();
    let Performative::Flow(session) = read(&frames[0]) else { panic!("{frames:?}") };
    assert_eq!((session.handle, session.incoming_window, session.next_outgoing_id), (None, 5000, 0));
    let Performative::Flow(link) = read(&frames[1]) else { panic!("{frames:?}") };
    assert_eq!((link.handle, link.delivery_count, link.link_credit), (Some(0), Some(0), Some(3)));
}

#[test]
fn large_events_are_split_and_wait_for_the_window() {
    let hub = hub();
    let body = vec![7; 5000];
    append(&hub, &[&body, b"small"]);
    let mut client = Client::connect_with(&hub, b"\0RootManageSharedAccessKey\0SAS_KEY_VALUE", 512);
    client.attach_reader(0, |_| ());
    client.frames();
    let mut frames = Vec::new();
    let mut next_incoming_id = 0;
    // Each window has room for three frames; the delivery continues where it stopped.
    for _ in 0..5 {
        let flow = Flow {
            next_incoming_id: Some(next_incoming_id),
            incoming_window: 3,
            handle: Some(0),
            delivery_count: Some(0),
            link_credit: Some(2),
            ..Flow::default()
        };
        client.send(0, |out| flow.encode(out));
        let sent = client.frames();
        assert!(sent.len() <= 3);
        next_incoming_id += sent.len() as u32;
        frames.extend(sent);
    }
    let payloads = deliveries(&frames);
    let bodies: Vec<_> =
        payloads.iter().map(|payload| Message::scan(payload).unwrap().data().next()).collect();
    assert_eq!(bodies, [Some(Ok(&body[..])), Some(Ok(&b"small"[..]))]);
}

#[test]
fn events_carry_the_system_annotations() {
    let hub = hub();
    append(&hub, &[b"one", b"two"]);
    let mut client = Client::connect(&hub);
    client.attach_reader(0, |_| ());
    client.credit(0, 0, 2);
    let payloads = deliveries(&client.frames());
    let message = Message::scan(&payloads[1]).unwrap();
    assert_eq!(message.delivery_annotations, b"", "metrics are sent only on request");
    let annotation = |name| lookup(message.message_annotations, name).unwrap().unwrap();
    assert_eq!(annotation("x-opt-sequence-number"), Value::Long(1));
    assert_eq!(annotation("x-opt-enqueued-time"), Value::Timestamp(super::client::NOW_MS));
    let first_size = hub.partition(0).unwrap().log().events_from(1).next().unwrap().offset;
    assert_eq!(annotation("x-opt-offset"), Value::String(&first_size.to_string()));
}

#[test]
fn events_carry_runtime_metrics_on_request() {
    let hub = hub();
    append(&hub, &[b"one", b"two"]);
    let mut client = Client::connect(&hub);
    let mut capabilities = Vec::new();
    Encoder::new(&mut capabilities).symbol("com.microsoft:enable-receiver-runtime-metric");
    client.attach_reader(0, |attach| attach.desired_capabilities = Some(&capabilities));
    client.credit(0, 0, 2);
    let payloads = deliveries(&client.frames());
    assert_eq!(payloads.len(), 2);
    for payload in &payloads {
        let message = Message::scan(payload).unwrap();
        let metric = |name| lookup(message.delivery_annotations, name).unwrap().unwrap();
        assert_eq!(metric("last_enqueued_sequence_number"), Value::Long(1));
        assert!(matches!(metric("last_enqueued_offset"), Value::String(_)));
        assert_eq!(metric("last_enqueued_time_utc"), Value::Timestamp(super::client::NOW_MS));
        assert_eq!(metric("runtime_info_retrieval_time_utc"), Value::Timestamp(super::client::NOW_MS));
    }
}

/// Attaches to ten events with a filter and returns the first sequence number, or the refusal.
fn begin_at(expression: &str) -> Result<i64, (String, String)> {
    let hub = hub();
    append(&hub, &[b"0123456789"; 10].map(|body: &[u8; 10]| &body[..]));
    let mut client = Client::connect(&hub);
    let filter = filter(expression);
    client.attach_reader(0, |attach| {
        attach.source = Some(Source { address: Some(READER), filter: Some(&filter) });
    });
    client.credit(0, 0, 1);
    append(&hub, &[b"a later one"]);
    let frames = client.frames();
    let Performative::Attach(answer) = read(&frames[0]) else { panic!("{frames:?}") };
    if answer.source.is_none() {
        assert_eq!(
            (answer.target, answer.initial_delivery_count),
            (None, None),
            "a refusal has null termini"
        );
        let Performative::Detach(detach) = read(&frames[1]) else { panic!("{frames:?}") };
        assert!(detach.closed);
        return Err(refusal(&frames));
    }
    let payload = deliveries(&frames).remove(0);
    let annotations = Message::scan(&payload).unwrap().message_annotations;
    Ok(lookup(annotations, "x-opt-sequence-number").unwrap().unwrap().integer().unwrap())
}

#[test]
fn readers_start_at_their_filter() {
    let hub = hub();
    append(&hub, &[b"0123456789"; 10].map(|body: &[u8; 10]| &body[..]));
    let offsets: Vec<u64> =
        hub.partition(0).unwrap().log().events_from(0).map(|event| event.offset).collect();
    for (filter, expected) in [
        ("amqp.annotation.x-opt-offset > '-1'".to_owned(), 0),
        ("amqp.annotation.x-opt-offset > '@latest'".to_owned(), 10),
        (format!("amqp.annotation.x-opt-offset > '{}'", offsets[4]), 5),
        (format!("amqp.annotation.x-opt-offset >='{}'", offsets[4]), 4),
        (format!("amqp.annotation.x-opt-offset > {}", offsets[9]), 10),
        ("amqp.annotation.x-opt-sequence-number > '-1'".to_owned(), 0),
        ("amqp.annotation.x-opt-sequence-number > '4'".to_owned(), 5),
        ("amqp.annotation.x-opt-sequence-number >= '4'".to_owned(), 4),
        ("amqp.annotation.x-opt-sequence-number > '9'".to_owned(), 10),
        (format!("amqp.annotation.x-opt-enqueued-time >= '{}'", super::client::NOW_MS), 0),
        (format!("amqp.annotation.x-opt-enqueued-time > '{}'", super::client::NOW_MS - 1), 0),
    ] {
        assert_eq!(begin_at(&filter), Ok(expected), "{filter}");
    }
}

#[test]
fn missing_positions_are_refused_with_the_text_of_the_service() {
    for (filter, words) in [
        (
            "amqp.annotation.x-opt-sequence-number > '71181'",
            "The supplied sequence number '71181' is invalid. The last sequence number in the system is '9'",
        ),
        (
            "amqp.annotation.x-opt-offset > '99999'",
            "The supplied offset '99999' is invalid. The last offset in the system is '",
        ),
        (
            "amqp.annotation.x-opt-colour > '1'",
            "The filter 'amqp.annotation.x-opt-colour > '1'' is not a valid amqp filter for EventHub entities",
        ),
    ] {
        let (condition, text) = begin_at(filter).unwrap_err();
        assert_eq!(condition, condition::ARGUMENT_ERROR);
        assert!(text.starts_with(words), "{text}");
    }
}

#[test]
fn higher_owner_level_displaces_and_lower_level_is_refused() {
    let hub = hub();
    append(&hub, &[b"one"]);
    let level = |level: i64| {
        symbol_map(|map| {
            map.symbol("com.microsoft:epoch");
            map.long(level);
            map.symbol("com.microsoft:receiver-name");
            map.string(if level == 2 { "strong" } else { "weak" });
        })
    };
    let attach_at = |client: &mut Client, properties: &[u8]| {
        client.attach_reader(0, |attach| attach.properties = Some(properties));
    };
    let (one, two) = (level(1), level(2));
    let mut weak = Client::connect(&hub);
    attach_at(&mut weak, &one);
    weak.credit(0, 0, 1);
    assert_eq!(deliveries(&weak.frames()).len(), 1);
    let mut strong = Client::connect(&hub);
    attach_at(&mut strong, &two);
    strong.credit(0, 0, 1);
    assert_eq!(deliveries(&strong.frames()).len(), 1);
    let (condition, text) = refusal(&weak.frames());
    assert_eq!(condition, condition::STOLEN);
    let words = "New receiver 'strong' with higher epoch of '2' is created hence current receiver 'weak' with \
                 epoch '1' is getting disconnected.";
    assert!(text.starts_with(words), "{text}");
    append(&hub, &[b"two"]);
    assert_eq!(weak.frames(), [], "a displaced reader receives no further event");
    weak.detach(0);
    attach_at(&mut weak, &one);
    let (condition, text) = refusal(&weak.frames());
    assert_eq!(condition, condition::STOLEN);
    assert!(text.starts_with("Receiver 'strong' with a higher epoch '2' already exists."), "{text}");
    // The weak reader may attach once the strong one has gone.
    drop(strong);
    weak.detach(0);
    attach_at(&mut weak, &one);
    weak.credit(0, 0, 2);
    assert_eq!(deliveries(&weak.frames()).len(), 2);
}

#[test]
fn partitions_on_one_connection_take_turns() {
    let hub = hub();
    let body = vec![1; 60_000];
    append(&hub, &[&body[..]; 20]);
    let event = message(&body);
    for _ in 0..20 {
        hub.publish(Some(1), &super::super::hub::event::Batch::read(0, &event).unwrap()).unwrap();
    }
    let mut client = Client::connect(&hub);
    client.attach_reader(0, |_| ());
    let other = READER.replace("Partitions/0", "Partitions/1");
    client.attach_reader(1, |attach| {
        attach.source = Some(Source { address: Some(&other), filter: None });
    });
    client.frames();
    client.credit(0, 0, 1000);
    client.credit(1, 0, 1000);
    let frames = client.frames();
    let handles: Vec<u32> = frames
        .iter()
        .filter_map(|frame| match read(frame) {
            Performative::Transfer(transfer) => Some(transfer.handle),
            _ => None,
        })
        .collect();
    assert_eq!(handles.len(), 40);
    let first_ten = &handles[..10];
    assert!(first_ten.contains(&0) && first_ten.contains(&1), "{first_ten:?}");
}
