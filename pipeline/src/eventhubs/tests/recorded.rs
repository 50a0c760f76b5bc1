//! Streams recorded between a client and the emulator. Replayed from memory in any pieces, they give the events that
//! both receivers gave on the wire.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::either::{Kind, Receiver};
use super::{FIRST, MIB, options, properties_of, read, send_raw};
use crate::amqp::frames::FrameRef;
use crate::amqp::performatives::{Performative, Transfer};
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::emulator::{Config, Emulator, NewEvent};
use crate::event::RawBatch;
use crate::eventhubs::{Client, ConnectionString, Replay, Start};
use crate::generator::{Generator, Size};
use fe2o3_amqp_types::messaging::AmqpValue;
use fe2o3_amqp_types::primitives::{SimpleValue, Value};

/// All fields of an event.
type Seen = (i64, String, i64, String, String, bool, Vec<u8>);

fn seen(batches: &[RawBatch]) -> Vec<Seen> {
    let of = |event: crate::event::RawEvent<'_>| {
        let [offset, content_type] = [event.offset, event.content_type].map(str::to_owned);
        let number = event.sequence_number.get();
        (
            number,
            offset,
            event.enqueued_time.get(),
            content_type,
            properties_of(&event),
            event.size_exceeded,
            event.body.to_vec(),
        )
    };
    batches.iter().flat_map(RawBatch::iter).map(of).collect()
}

/// An emulator with events of every kind; returns their number with it.
async fn hub() -> (Emulator, usize) {
    let hub = Emulator::start(Config { partitions: 1, ..Config::default() }).await.unwrap();
    let mut count = 0;
    for size in [Size::Small, Size::Typical, Size::Large] {
        let mut generator = Generator::new(11, size);
        for number in 0..60 {
            let mut body = Vec::new();
            generator.next(&mut body);
            let text = number.to_string();
            let properties =
                [("http://schemas.microsoft.com/xrm/2011/Claims/User", &*text), ("a", "b\"\u{1}")];
            let event = NewEvent {
                body: &body,
                content_type: (number % 3 > 0).then_some("application/json"),
                properties: if number % 2 == 0 { &properties } else { &[] },
                partition_key: (number % 5 == 0).then_some("key"),
            };
            hub.append(FIRST, &event).unwrap();
            count += 1;
        }
    }
    for size in [70_000, 300_000] {
        hub.append(FIRST, &NewEvent { body: &vec![b'x'; size], ..NewEvent::default() }).unwrap();
        count += 1;
    }
    let client = Client::connect(
        &ConnectionString::parse(&hub.connection_string()).unwrap(),
        "t",
        Arc::new(SystemClock),
    )
    .await
    .unwrap();
    let mut sender = client.sender(Some(FIRST)).await.unwrap();
    // The reference implementation fails on a value over several frames ("expected LazyValue").
    let long = Value::String("ä".repeat(4_000));
    send_raw(&mut sender, AmqpValue(long), &[("n", SimpleValue::Double((0.1).into()))]).await;
    (hub, count + 1)
}

/// A proxy that records the bytes from the hub, one recording per connection.
async fn recorder(hub: &Emulator) -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (to, at) = (hub.address(), listener.local_addr().unwrap());
    let recordings = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&recordings);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(to).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let kept = Arc::clone(&kept);
            let index = kept.lock().map(|mut all| {
                all.push(Vec::new());
                all.len() - 1
            });
            let index = index.unwrap();
            tokio::spawn(async move {
                let mut bytes = vec![0; 65_536];
                while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
                    kept.lock().unwrap()[index].extend_from_slice(&bytes[..count]);
                    if to_client.write_all(&bytes[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (hub.connection_string().replace(&to.to_string(), &at.to_string()), recordings)
}

/// Reads all events over the wire; returns them with the recorded transfers and their channel.
async fn recorded(kind: Kind) -> (Vec<Seen>, u16, Vec<u8>) {
    let (hub, count) = hub().await;
    let (text, recordings) = recorder(&hub).await;
    let client =
        Client::connect(&ConnectionString::parse(&text).unwrap(), "t", Arc::new(SystemClock)).await.unwrap();
    let budget = Budget::new(64 * MIB as u64);
    let options = options(Start::Earliest, None);
    let mut receiver = Receiver::attach(kind, &client, FIRST, options, budget, 8 * MIB).await.unwrap();
    let batches = read(&mut receiver, count).await;
    drop(receiver);
    let all = recordings.lock().unwrap().clone();
    let longest = all.into_iter().max_by_key(Vec::len).unwrap();
    let (channel, transfers) = transfers_of(&longest);
    (seen(&batches), channel, transfers)
}

/// The transfers of the channel with most bytes.
fn transfers_of(recording: &[u8]) -> (u16, Vec<u8>) {
    let mut by_channel: std::collections::BTreeMap<u16, Vec<u8>> = std::collections::BTreeMap::new();
    let mut rest = recording;
    while !rest.is_empty() {
        if rest.starts_with(b"AMQP") {
            rest = &rest[8..];
            continue;
        }
        let Some(frame) = FrameRef::first(rest, 65_536).unwrap() else { break };
        if frame.layer == crate::amqp::frames::Layer::Amqp
            && let Ok((Performative::Transfer(Transfer { .. }), _)) = Performative::decode(frame.body)
        {
            by_channel.entry(frame.channel).or_default().extend_from_slice(&rest[..frame.size]);
        }
        rest = &rest[frame.size..];
    }
    by_channel.into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap()
}

fn replayed(channel: u16, bytes: &[u8], mut cut: impl FnMut() -> usize) -> Vec<Seen> {
    let mut replay = Replay::new(FIRST, channel, -1, 64 * MIB).unwrap();
    let mut batches = Vec::new();
    let mut buffer: Vec<u8> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(cut().clamp(1, rest.len()));
        buffer.extend_from_slice(piece);
        rest = tail;
        let taken = replay.feed(&buffer).unwrap();
        buffer.drain(..taken);
        if batches.len() % 3 == 1 {
            batches.extend(std::iter::from_fn(|| replay.take()));
        } else {
            batches.extend(replay.take());
        }
    }
    batches.extend(std::iter::from_fn(|| replay.take()));
    assert!(replay.failure().is_none() && buffer.is_empty());
    assert!(batches.iter().all(|batch| batch.len() <= 256));
    seen(&batches)
}

#[tokio::test]
async fn recording_replays_the_events_of_both_receivers() {
    let (ours, channel, recording) = recorded(Kind::Ours).await;
    let (expected, expected_channel, expected_recording) = recorded(Kind::Reference).await;
    assert_eq!(ours.len(), expected.len());
    // The two emulators accepted the same events at different times.
    let timeless = |events: &[Seen]| -> Vec<Seen> {
        events
            .iter()
            .cloned()
            .map(|(number, offset, _, a, b, c, d)| (number, offset, 0, a, b, c, d))
            .collect()
    };
    assert!(timeless(&ours) == timeless(&expected), "the receivers differ");
    for (events, channel, recording) in
        [(&ours, channel, &recording), (&expected, expected_channel, &expected_recording)]
    {
        assert!(*events == replayed(channel, recording, || usize::MAX), "all at once");
        for size in [1_000, 4_099, 65_536] {
            assert!(*events == replayed(channel, recording, || size), "pieces of {size}");
        }
        let mut state = 7_usize;
        let dice = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 30_000
        };
        assert!(*events == replayed(channel, recording, dice), "pieces of any size");
    }
}
