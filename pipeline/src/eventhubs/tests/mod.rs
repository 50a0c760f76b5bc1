//! The client against the emulator, over loopback. Each case of a receiver runs with ours and with the reference
//! implementation.

mod conformance; // both receivers against a scripted hub
mod connections; // how many connections a client has
mod either; // one type for both receivers
mod keep_alive; // heartbeats, and a silent hub
mod messages; // generated messages, decoded by hand and by serde_amqp
mod peer; // the scripted hub
mod recorded; // recordings, replayed from memory
mod reference; // the receiver on fe2o3-amqp
mod requests; // requests to the management node
mod transports; // TLS, WebSocket and proxies in front of the emulator
mod undecodable; // messages that can't be decoded
mod windows; // session windows and the rules of deliveries

#[allow(dead_code, reason = "shared with tests of the binary")]
#[path = "../../../tests/support/fronts.rs"]
mod fronts; // fronts for a hub

use std::sync::Arc;

use fe2o3_amqp::Sendable;
use fe2o3_amqp_types::messaging::{
    AmqpSequence, AmqpValue, ApplicationProperties, Batch, Data, Message, SerializableBody,
};
use fe2o3_amqp_types::primitives::{Binary, SimpleValue, Value};

use self::either::{Kind, Receiver, both};
use super::client::Limits;
use super::credential::{TokenLife, TokenSource};
use super::*;
use crate::amqp::codec::Value as Encoded;
use crate::amqp::map::AmqpMap;
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::emulator::{Config, Emulator, NewEvent};
use crate::event::{RawBatch, RawEvent};
use crate::position::{Offset, PartitionId, SequenceNumber};

both!(
    sent_events_arrive_unchanged_and_in_order,
    large_bodies_arrive_over_many_frames,
    bodies_and_properties_of_every_kind_arrive,
    credit_stays_within_a_tiny_budget,
    large_bodies_get_less_credit,
    cancelled_waits_lose_no_event,
    reading_starts_after_the_position,
    new_owner_displaces_the_old_one,
    events_before_a_displacement_still_arrive,
    lost_hub_is_a_transient_error,
);

const MIB: usize = 1024 * 1024;
const FIRST: PartitionId = PartitionId::new(0);

async fn hub(partitions: u32) -> Emulator {
    Emulator::start(Config { partitions, ..Config::default() }).await.unwrap()
}

async fn client(hub: &Emulator) -> Client {
    let connection_string = ConnectionString::parse(&hub.connection_string()).unwrap();
    Client::connect(&connection_string, "test", Arc::new(SystemClock)).await.unwrap()
}

fn options(start: Start, owner_level: Option<i64>) -> ReceiveOptions {
    ReceiveOptions {
        consumer_group: "$Default".to_owned(),
        start,
        owner_level,
        name: "reader".to_owned(),
        distrust: Distrust::default(),
    }
}

async fn receiver(
    kind: Kind,
    client: &Client,
    start: Start,
    owner_level: Option<i64>,
) -> Result<Receiver, Error> {
    let budget = Budget::new(64 * MIB as u64);
    Receiver::attach(kind, client, FIRST, options(start, owner_level), budget, 4 * MIB).await
}

/// Reads batches of `count` events in all.
async fn read(receiver: &mut Receiver, count: usize) -> Vec<RawBatch> {
    let mut batches = Vec::new();
    let mut events = 0;
    while events < count {
        let batch = receiver.next_batch().await.unwrap();
        events += batch.len();
        batches.push(batch);
    }
    assert_eq!(events, count);
    batches
}

fn append(hub: &Emulator, bodies: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    for body in bodies {
        hub.append(FIRST, &NewEvent { body: body.as_ref(), ..NewEvent::default() }).unwrap();
    }
}

fn numbers(batches: &[RawBatch]) -> Vec<i64> {
    batches.iter().flat_map(RawBatch::iter).map(|event| event.sequence_number.get()).collect()
}

#[tokio::test]
async fn client_reads_properties_of_hub_and_partitions() {
    let hub = hub(3).await;
    append(&hub, ["a", "b"]);
    let client = client(&hub).await;
    let properties = client.hub().await.unwrap();
    let expected = HubProperties {
        name: "events".to_owned(),
        generation: hub.generation(),
        partitions: vec![PartitionId::new(0), PartitionId::new(1), PartitionId::new(2)],
    };
    assert_eq!(properties, expected);
    let snapshot = hub.partition(FIRST).unwrap();
    let partition = client.partition(FIRST).await.unwrap();
    assert_eq!((partition.begin.get(), partition.last.get(), partition.is_empty), (0, 1, false));
    assert_eq!(partition.last_offset, snapshot.last_offset.as_str());
    assert_eq!(partition.last_enqueued_time, snapshot.last_enqueued_time);
    let empty = client.partition(PartitionId::new(2)).await.unwrap();
    assert_eq!((empty.begin.get(), empty.last.get(), empty.is_empty), (-1, -1, true));
    client.close().await;
}

async fn sent_events_arrive_unchanged_and_in_order(kind: Kind) {
    let hub = hub(1).await;
    let client = client(&hub).await;
    let mut sender = client.sender(Some(FIRST)).await.unwrap();
    let bodies: Vec<Vec<u8>> = (0..3_000_usize).map(|index| vec![index as u8; index % 2_000]).collect();
    sender.send(&bodies[0], "application/json").await.unwrap();
    let events = bodies[1..].iter().map(|body| (body.as_slice(), "application/xml"));
    let sent = sender.send_batch(events).await.unwrap();
    assert_eq!(sent.events, 2_999);
    assert_eq!(sent.bytes, bodies.iter().map(|body| body.len() as u64).sum::<u64>());
    sender.close().await.unwrap();

    let mut receiver = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    let batches = read(&mut receiver, 3_000).await;
    assert!(batches.iter().all(|batch| batch.len() <= 256 && batch.partition() == FIRST));
    assert_eq!(numbers(&batches), (0..3_000).collect::<Vec<_>>());
    for (index, event) in batches.iter().flat_map(RawBatch::iter).enumerate() {
        assert_eq!(event.body, bodies[index]);
        assert_eq!(event.content_type, if index == 0 { "application/json" } else { "application/xml" });
        assert_eq!((event.encoded_properties, event.size_exceeded), (&[][..], false));
    }
    let last = batches.last().unwrap().iter().last().unwrap();
    assert_eq!(last.offset, hub.partition(FIRST).unwrap().last_offset.as_str());
    assert_eq!(batches.last().unwrap().last_enqueued(), Some(SequenceNumber::new(2_999)));
    receiver.close().await.unwrap();
}

async fn large_bodies_arrive_over_many_frames(kind: Kind) {
    let hub = hub(1).await;
    let client = client(&hub).await;
    let body: Vec<u8> = (0..900 * 1024_usize).map(|index| (index * 7 % 251) as u8).collect();
    let mut sender = client.sender(None).await.unwrap();
    sender.send(&body, "").await.unwrap();
    sender.send_batch([(b"small".as_slice(), ""), (&body, ""), (b"end", "")]).await.unwrap();
    // Two of these don't fit into one batch.
    let half = vec![1; 600 * 1024];
    let sent = sender.send_batch([(half.as_slice(), ""), (&half, "")]).await.unwrap();
    assert_eq!(sent, Sent { events: 2, bytes: 1200 * 1024 });
    let too_large = vec![0; 2 * MIB];
    let error = sender.send_batch([(too_large.as_slice(), "")]).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");

    let mut receiver = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    let batches = read(&mut receiver, 6).await;
    let bodies: Vec<_> = batches.iter().flat_map(RawBatch::iter).map(|event| event.body).collect();
    assert!(bodies == [body.as_slice(), b"small", &body, b"end", &half, &half]);
}

/// Sends any message, without the client's encoding.
async fn send_raw<B: SerializableBody>(sender: &mut Sender, body: B, properties: &[(&str, SimpleValue)]) {
    let mut named = ApplicationProperties::default();
    for (name, value) in properties {
        named.insert((*name).to_owned(), value.clone());
    }
    let message = Message::builder().application_properties(named).body(body).build();
    sender.link.send(Sendable::builder().message(message).build()).await.unwrap();
}

/// The JSON text of an event's properties. The reference implementation stores the text itself: no encoded map begins
/// with a brace.
fn properties_of(event: &RawEvent<'_>) -> String {
    match event.encoded_properties {
        text @ [b'{', ..] => String::from_utf8(text.to_vec()).unwrap(),
        encoded => {
            let mut text = String::new();
            AmqpMap::new(encoded).write_json(&mut text);
            text
        }
    }
}

async fn bodies_and_properties_of_every_kind_arrive(kind: Kind) {
    let hub = hub(1).await;
    let client = client(&hub).await;
    let mut sender = client.sender(Some(FIRST)).await.unwrap();
    let pieces = ["one ", "", "two"].map(|text| Data(Binary::from(text.as_bytes())));
    let text = "ä".repeat(300);
    send_raw(&mut sender, Batch::new(pieces), &[]).await;
    send_raw(&mut sender, AmqpValue(Value::String("short".to_owned())), &[]).await;
    send_raw(&mut sender, AmqpValue(Value::String(text.clone())), &[]).await;
    send_raw(&mut sender, AmqpValue(Value::Binary(Binary::from(vec![0, 255]))), &[]).await;
    send_raw(&mut sender, AmqpValue(Value::Null), &[]).await;
    send_raw(&mut sender, AmqpValue(Value::Long(258)), &[]).await;
    let items = vec![Value::String("a".to_owned()), Value::Bool(true)];
    send_raw(&mut sender, AmqpSequence(items), &[]).await;
    let properties = [
        ("z", SimpleValue::Int(-1)),
        ("x-MessageMaxSizeExceeded", SimpleValue::Bool(true)),
        ("a\"b", SimpleValue::String("é\n".to_owned())),
    ];
    send_raw(&mut sender, Data(Binary::from(vec![1])), &properties).await;

    let mut receiver = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    let batches = read(&mut receiver, 8).await;
    let events: Vec<_> = batches.iter().flat_map(RawBatch::iter).collect();
    let expected: [&[u8]; 8] = [
        b"one two",
        b"short",
        text.as_bytes(),
        &[0, 255],
        b"",
        &[0x81, 0, 0, 0, 0, 0, 0, 1, 2],
        // The list of the section, in either of its encodings.
        &[2, 0xa1, 1, b'a', 0x41],
        &[1],
    ];
    for (number, (event, body)) in events.iter().zip(expected).enumerate() {
        if number == 6 {
            let read = Encoded::read(event.body);
            assert!(
                matches!(read, Ok(Encoded::List(_))) && event.body.ends_with(body),
                "{:02x?}",
                event.body
            );
        } else {
            assert_eq!(event.body, body);
        }
    }
    assert_eq!(properties_of(&events[7]), r#"{"a\"b":"é\n","x-MessageMaxSizeExceeded":true,"z":-1}"#);
    assert!(events[7].size_exceeded && !events[0].size_exceeded);
    assert_eq!(properties_of(&events[0]), "");
}

async fn credit_stays_within_a_tiny_budget(kind: Kind) {
    let hub = hub(1).await;
    append(&hub, (0..50).map(|_| vec![b'x'; 8 * 1024]));
    let client = client(&hub).await;
    let budget = Budget::new(16 * 1024);
    let options = options(Start::Earliest, None);
    let mut receiver =
        Receiver::attach(kind, &client, FIRST, options, Arc::clone(&budget), 16 * 1024).await.unwrap();

    let mut held = Vec::new();
    let mut events = 0;
    // Two events fill the budget. Taking the first one grants credit for another, so three may be held.
    while budget.available() > 0 {
        let batch = receiver.next_batch().await.unwrap();
        events += batch.len();
        held.push(batch);
    }
    assert!((2..=3).contains(&events), "{events} events in a budget for two");
    for _ in 0..20 {
        // An event with credit would arrive before the hub's response.
        tokio::select! {
            biased;
            batch = receiver.next_batch() => { events += batch.unwrap().len(); }
            partition = client.partition(FIRST) => drop(partition.unwrap()),
        }
    }
    assert!((2..=4).contains(&events), "{events} events in a budget for two");
    held.clear();
    while events < 50 {
        events += receiver.next_batch().await.unwrap().len();
    }
    assert_eq!(events, 50);
    drop(receiver);
    assert_eq!(budget.available(), 16 * 1024, "the whole budget is available again");
}

async fn large_bodies_get_less_credit(kind: Kind) {
    let hub = hub(1).await;
    append(&hub, (0..30).map(|_| vec![b'x'; 64 * 1024]));
    let client = client(&hub).await;
    let budget = Budget::new(64 * 1024);
    let options = options(Start::Earliest, None);
    let mut receiver =
        Receiver::attach(kind, &client, FIRST, options, Arc::clone(&budget), 64 * 1024).await.unwrap();
    let mut events = 0;
    while events < 30 {
        let batch = receiver.next_batch().await.unwrap();
        // The first credit is for eight small events; once the size is known, it is one at a time.
        assert!(events < 8 || batch.len() == 1, "{} events in a budget for one", batch.len());
        events += batch.len();
    }
}

async fn cancelled_waits_lose_no_event(kind: Kind) {
    let hub = hub(1).await;
    append(&hub, (0..2_000).map(|index| format!("{index}").repeat(index % 50)));
    let client = client(&hub).await;
    let mut receiver = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    let mut batches = Vec::new();
    let mut steps = 0;
    while batches.iter().map(RawBatch::len).sum::<usize>() < 2_000 {
        steps += 1;
        let cancellation = async {
            for _ in 0..steps % 7 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = cancellation => {}
            batch = receiver.next_batch() => batches.push(batch.unwrap()),
        }
    }
    assert_eq!(numbers(&batches), (0..2_000).collect::<Vec<_>>());
}

async fn reading_starts_after_the_position(kind: Kind) {
    let hub = hub(1).await;
    append(&hub, (0..10).map(|index| vec![b'x'; index * 10 + 1]));
    let client = client(&hub).await;
    let mut from_begin = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    let batches = read(&mut from_begin, 10).await;
    let offset = Offset::new(batches.iter().flat_map(RawBatch::iter).nth(3).unwrap().offset);
    let after =
        |offset: Offset, number| Start::After { offset, sequence_number: SequenceNumber::new(number) };
    let cases = [
        (after(offset.clone(), 3), 4..10),
        (Start::AfterSequence(SequenceNumber::new(7)), 8..10),
        (Start::AfterSequence(SequenceNumber::new(-1)), 0..10),
        // The hub refuses the offset, so the sequence number counts.
        (after(Offset::new("999999"), 5), 6..10),
    ];
    for (start, expected) in cases {
        let mut receiver = receiver(kind, &client, start.clone(), None).await.unwrap();
        let batches = read(&mut receiver, expected.clone().count()).await;
        assert_eq!(numbers(&batches), expected.collect::<Vec<_>>(), "{start:?}");
        receiver.close().await.unwrap();
    }
    for start in [after(Offset::new("999999"), 500), Start::AfterSequence(SequenceNumber::new(500))] {
        let error = receiver(kind, &client, start, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionLost, "{error}");
    }
    // An offset before its sequence number belongs to another log.
    let mut elsewhere = receiver(kind, &client, after(offset, 8), None).await.unwrap();
    let error = elsewhere.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionLost, "{error}");
}

async fn new_owner_displaces_the_old_one(kind: Kind) {
    let hub = hub(1).await;
    append(&hub, ["a"]);
    let client = client(&hub).await;
    let mut reading = receiver(kind, &client, Start::Earliest, Some(0)).await.unwrap();
    read(&mut reading, 1).await;
    let mut second = receiver(kind, &client, Start::Earliest, Some(0)).await.unwrap();
    let error = reading.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OwnershipLost, "{error}");
    assert!(error.to_string().contains("partition 0"), "{error}");
    reading.close().await.expect("next_batch has returned the error");
    read(&mut second, 1).await;

    let third = receiver(kind, &client, Start::Earliest, Some(1)).await.unwrap();
    // After a round trip the detach has arrived.
    client.partition(FIRST).await.unwrap();
    let error = second.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OwnershipLost, "{error}");

    let error = receiver(kind, &client, Start::Earliest, Some(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OwnershipLost, "{error}");
    third.close().await.unwrap();
    receiver(kind, &client, Start::Earliest, None).await.unwrap().close().await.unwrap();
}

async fn events_before_a_displacement_still_arrive(kind: Kind) {
    let hub = hub(1).await;
    append(&hub, (0..100).map(|index| index.to_string()));
    let client = client(&hub).await;
    let mut reading = receiver(kind, &client, Start::Earliest, Some(0)).await.unwrap();
    let first = read_one(&mut reading).await;
    let _owner = receiver(kind, &client, Start::Earliest, Some(0)).await.unwrap();
    let mut batches = vec![first];
    let error = loop {
        match reading.next_batch().await {
            Ok(batch) => batches.push(batch),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::OwnershipLost, "{error}");
    assert_eq!(numbers(&batches), (0..100).collect::<Vec<_>>());
}

async fn read_one(receiver: &mut Receiver) -> RawBatch {
    receiver.next_batch().await.unwrap()
}

#[tokio::test]
async fn errors_are_classified() {
    let hub = hub(1).await;
    let connect = |text: String| async move {
        let connection_string = ConnectionString::parse(&text).unwrap();
        let client = Client::connect(&connection_string, "test", Arc::new(SystemClock)).await?;
        client.hub().await
    };
    let right = hub.connection_string();
    assert!(connect(right.clone()).await.is_ok());
    let cases = [
        (right.replace("SAS_KEY_VALUE", "secret"), ErrorKind::Unauthorized),
        (right.replace("EntityPath=events", "EntityPath=others"), ErrorKind::NotFound),
        (right.replace("EntityPath=events", ""), ErrorKind::Fatal),
        (right.replace("UseDevelopmentEmulator=true", ""), ErrorKind::Fatal),
    ];
    for (text, expected) in cases {
        let error = connect(text).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
    let client = client(&hub).await;
    let error = client.partition(PartitionId::new(9)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Fatal), "{error}");
    let budget = Budget::new(1_000_000);
    let error =
        client.receive(PartitionId::new(9), options(Start::Earliest, None), budget, 1_000).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Fatal), "{error}");
    hub.shutdown().await;
    let error = connect(right).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
}

async fn lost_hub_is_a_transient_error(kind: Kind) {
    let hub = hub(1).await;
    let client = client(&hub).await;
    let mut moved = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    hub.detach_readers(FIRST);
    let error = moved.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    let mut cut = receiver(kind, &client, Start::Earliest, None).await.unwrap();
    let mut sender = client.sender(None).await.unwrap();
    hub.shutdown().await;
    let error = cut.next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    let error = sender.send(b"x", "").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    let error = client.hub().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    client.close().await;
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire() {
    let hub = hub(1).await;
    let connection_string = ConnectionString::parse(&hub.connection_string()).unwrap();
    let limits = Limits { life: TokenLife { seconds: 2 }, ..Limits::default() };
    let client =
        Client::with_limits((&connection_string).into(), "test", limits, Arc::new(SystemClock)).unwrap();
    let first = client.token().await;
    let renewed = async {
        while client.token().await == first {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), renewed).await.unwrap();
    client.hub().await.unwrap();
}

#[tokio::test]
async fn ready_made_signature_opens_the_hub() {
    let hub = hub(1).await;
    let audience = format!("sb://{}/events", hub.address().ip());
    let [name, key] = ["RootManageSharedAccessKey", "SAS_KEY_VALUE"].map(str::to_owned);
    let key = Credential::Key { name, key };
    let source = TokenSource::new(key, audience, TokenLife::DEFAULT, Arc::new(SystemClock));
    let signature = source.token().await.unwrap().text;
    let address = hub.address();
    let text = format!(
        "Endpoint=sb://{address};SharedAccessSignature={signature};EntityPath=events;UseDevelopmentEmulator=true"
    );
    let client = Client::connect(&ConnectionString::parse(&text).unwrap(), "test", Arc::new(SystemClock))
        .await
        .unwrap();
    assert_eq!(client.hub().await.unwrap().partitions, [FIRST]);
}
