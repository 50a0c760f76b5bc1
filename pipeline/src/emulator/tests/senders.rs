//! Publisher links: single events, batches and refusals.

use super::client::{Client, TestHub, hub, message, read, refusal};
use crate::amqp::codec::Value;
use crate::amqp::condition;
use crate::amqp::encode::Encoder;
use crate::amqp::performatives::{Disposition, Outcome, Performative, Transfer};
use crate::amqp::sections::{Message, code, lookup};
use crate::emulator::Config;
use crate::emulator::hub::Hub;
use crate::emulator::hub::event::{BATCH_FORMAT, NewEvent};
use crate::emulator::storage::Disk;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns the bodies of a partition's events.
fn bodies(hub: &Hub, partition: u32) -> Vec<Vec<u8>> {
    let partition = hub.partition(partition).unwrap();
    let log = partition.log();
    let body = |rest: &[u8]| Message::scan(rest).unwrap().data().next().unwrap().unwrap().to_vec();
    log.events_from(0).map(|event| body(event.rest())).collect()
}

fn sender(hub: &TestHub, address: &str) -> Client {
    let mut client = Client::connect(hub);
    client.attach_sender(0, address);
    let frames = client.frames();
    let Performative::Attach(answer) = read(&frames[0]) else { panic!("{frames:?}") };
    assert_eq!(answer.max_message_size, Some(1_048_576));
    let Performative::Flow(flow) = read(&frames[1]) else { panic!("{frames:?}") };
    assert_eq!(flow.link_credit, Some(1000));
    client
}

fn transfer(id: u32) -> Transfer<'static> {
    Transfer {
        delivery_id: Some(id),
        delivery_tag: Some(b"t"),
        message_format: Some(0),
        ..Transfer::default()
    }
}

/// Returns the received outcomes as (first, last, accepted).
fn outcomes(client: &mut Client) -> Vec<(u32, u32, bool)> {
    let frames = client.frames();
    let mut outcomes = Vec::new();
    for frame in &frames {
        if let Performative::Disposition(disposition) = read(frame) {
            assert!(disposition.settled);
            let accepted = matches!(disposition.state, Some(Outcome::Accepted));
            outcomes.push((disposition.first, disposition.last.unwrap(), accepted));
        }
    }
    outcomes
}

fn envelope(events: &[Vec<u8>], key: Option<&str>) -> Vec<u8> {
    let mut out = NewEvent { partition_key: key, ..NewEvent::default() }.encode();
    // Replaces the empty Data section at the end.
    out.truncate(out.len() - 5);
    for event in events {
        Encoder::new(&mut out).described(code::DATA, |out| out.binary(event));
    }
    out
}

#[test]
fn single_events_are_stored_and_accepted() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/2");
    client.transfer(&transfer(0), &message(b"one"));
    assert_eq!(outcomes(&mut client), [(0, 0, true)]);
    client.transfer(&Transfer { settled: Some(true), ..transfer(1) }, &message(b"two"));
    assert_eq!(outcomes(&mut client), [], "a settled event is not answered");
    assert_eq!(bodies(&hub, 2), [b"one", b"two"]);
}

#[test]
fn consecutive_events_are_accepted_together() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/2");
    let mut wire = Vec::new();
    for id in [0, 1, 2, 9] {
        crate::amqp::frames::put_frame(&mut wire, 0, |out| {
            transfer(id).encode(out);
            out.extend(message(b"x"));
        });
    }
    client.bytes(&wire);
    assert_eq!(outcomes(&mut client), [(0, 2, true), (9, 9, true)]);
}

#[test]
fn frames_are_reassembled_and_an_aborted_delivery_is_discarded() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/0");
    let event = message(&[7; 1000]);
    let next = Transfer { more: true, ..Transfer::default() };
    client.transfer(&Transfer { more: true, ..transfer(0) }, &event[..10]);
    client.transfer(&next, &event[10..500]);
    client.transfer(&Transfer { more: false, ..next }, &event[500..]);
    client.transfer(&Transfer { more: true, ..transfer(1) }, &event[..10]);
    client.transfer(&Transfer { aborted: true, ..next }, b"");
    assert_eq!(outcomes(&mut client), [(0, 0, true)]);
    assert_eq!(bodies(&hub, 0), [vec![7; 1000]]);
}

#[test]
fn a_batch_gets_consecutive_numbers_in_one_partition() {
    let hub = hub();
    let mut client = sender(&hub, "events");
    let events: Vec<_> = (0..5).map(|n| message(format!("event {n}").as_bytes())).collect();
    let batch = Transfer { message_format: Some(BATCH_FORMAT), ..transfer(0) };
    client.transfer(&batch, &envelope(&events, None));
    client.transfer(&Transfer { delivery_id: Some(1), ..batch }, &envelope(&events, Some("a key")));
    assert_eq!(outcomes(&mut client), [(0, 0, true), (1, 1, true)]);
    let filled: Vec<u32> = (0..4).filter(|id| !bodies(&hub, *id).is_empty()).collect();
    let expected: Vec<_> = (0..5).map(|n| format!("event {n}").into_bytes()).collect();
    for id in &filled {
        assert_eq!(bodies(&hub, *id)[..5], expected);
    }
    let total: usize = filled.iter().map(|id| bodies(&hub, *id).len()).sum();
    assert_eq!(total, 10);
}

#[test]
fn sent_sections_are_kept_except_system_annotations() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/0");
    let mut event = Vec::new();
    let mut out = Encoder::new(&mut event);
    out.described(code::HEADER, |out| out.list(|list| list.bool(true)));
    out.described(code::DELIVERY_ANNOTATIONS, |out| out.map(|_| ()));
    out.described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("x-opt-sequence-number");
            map.long(99);
            map.symbol("x-opt-mine");
            map.list(|list| list.uint(5));
            map.symbol("x-opt-partition-key");
            map.string("key");
        });
    });
    out.described(code::PROPERTIES, |out| out.list(|list| list.string("id")));
    out.described(code::APPLICATION_PROPERTIES, |out| out.map(|_| ()));
    out.described(code::VALUE, |out| out.int(5));
    out.described(code::FOOTER, |out| out.map(|_| ()));
    client.transfer(&transfer(0), &event);
    assert_eq!(outcomes(&mut client), [(0, 0, true)]);
    let partition = hub.partition(0).unwrap();
    let log = partition.log();
    let kept = log.events_from(0).next().unwrap();
    assert_eq!(kept.header(), Message::scan(&event).unwrap().header);
    let message = Message::scan(kept.rest()).unwrap();
    assert_eq!(message.bare, Message::scan(&event).unwrap().bare);
    let annotation = |name| lookup(message.message_annotations, name).unwrap();
    assert_eq!(annotation("x-opt-sequence-number"), Some(Value::Long(0)));
    assert_eq!(annotation("x-opt-partition-key"), Some(Value::String("key")));
    assert!(matches!(annotation("x-opt-mine"), Some(Value::List(_))));
}

#[test]
fn malformed_events_are_refused_even_if_settled() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/0");
    client.transfer(&transfer(0), b"no message");
    assert_eq!(outcomes(&mut client), [(0, 0, false)]);
    let batch = Transfer { message_format: Some(BATCH_FORMAT), ..transfer(1) };
    client.transfer(&batch, &envelope(&[message(b"fine"), b"broken".to_vec()], None));
    assert_eq!(outcomes(&mut client), [(1, 1, false)], "a batch is stored as a whole or not at all");
    client.transfer(&Transfer { settled: Some(true), ..transfer(2) }, b"no message");
    assert_eq!(refusal(&client.frames()).0, condition::DECODE_ERROR);
    assert_eq!(bodies(&hub, 0).len(), 0);
}

/// A disk with room for this many bytes.
#[derive(Debug)]
struct SmallDisk(AtomicUsize);

impl Disk for SmallDisk {
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let part = bytes.len().min(self.0.load(Ordering::Relaxed));
        file.write_all(&bytes[..part])?;
        if part < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[test]
fn full_disk_rejects_a_batch_as_a_whole_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: Some(folder.path().to_owned()), ..Config::default() };
    let hub = TestHub::open(&config);
    let disk = Arc::new(SmallDisk(AtomicUsize::new(usize::MAX)));
    hub.partition(0).unwrap().replace_disk(Arc::clone(&disk) as Arc<dyn Disk>);
    let mut client = sender(&hub, "events/Partitions/0");
    client.transfer(&transfer(0), &message(b"before"));
    let batch = envelope(&[message(b"one"), message(b"two")], None);
    disk.0.store(100, Ordering::Relaxed);
    client.transfer(&Transfer { message_format: Some(BATCH_FORMAT), ..transfer(1) }, &batch);
    let frames = client.frames();
    let Some(Performative::Disposition(disposition)) = frames.last().map(read) else { panic!("{frames:?}") };
    let Some(Outcome::Rejected(Some(error))) = disposition.state else { panic!("{disposition:?}") };
    assert_eq!(error.condition, condition::RESOURCE_LIMIT);
    let text = error.description;
    assert!(text.contains("disk is full") && text.contains("Free space"), "{text}");
    assert_eq!(bodies(&hub, 0), [b"before"], "a reader gets nothing of the refused batch");
    disk.0.store(usize::MAX, Ordering::Relaxed);
    client.transfer(&Transfer { message_format: Some(BATCH_FORMAT), ..transfer(2) }, &batch);
    assert_eq!(outcomes(&mut client), [(2, 2, true)]);
    let expected = [&b"before"[..], b"one", b"two"];
    assert_eq!(bodies(&hub, 0), expected);
    drop((client, hub));
    assert_eq!(bodies(&TestHub::open(&config), 0), expected, "nothing half-written is on the disk");
}

/// The official SDKs rely on it: they send the next event on the same link.
#[test]
fn delivery_over_the_size_limit_is_rejected_and_the_link_stays() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/0");
    let send = |client: &mut Client, id, settled| {
        let chunk = vec![0; 60_000];
        let settled = Some(settled);
        client.transfer(&Transfer { more: true, settled, ..transfer(id) }, &chunk);
        for part in 1..18 {
            client.transfer(&Transfer { more: part < 17, ..Transfer::default() }, &chunk);
        }
    };
    send(&mut client, 0, false);
    let frames = client.frames();
    let rejected = frames.iter().find_map(|frame| match read(frame) {
        Performative::Disposition(Disposition {
            first: 0, state: Some(Outcome::Rejected(error)), ..
        }) => error,
        _ => None,
    });
    let error = rejected.unwrap();
    assert_eq!(error.condition, condition::MESSAGE_SIZE);
    let text = "The received message (delivery-id:0, size:1080000 bytes) exceeds the limit (1048576 bytes) currently \
                allowed on the link.";
    assert_eq!(error.description, text);
    client.transfer(&transfer(1), &message(b"next"));
    assert_eq!(outcomes(&mut client), [(1, 1, true)]);
    assert_eq!(bodies(&hub, 0), [b"next"]);
    send(&mut client, 2, true);
    assert_eq!(refusal(&client.frames()).0, condition::MESSAGE_SIZE, "a settled delivery can't be rejected");
    assert!(!client.connection.is_over());
}

#[test]
fn window_and_credit_are_restored_before_they_are_exhausted() {
    let hub = hub();
    let mut client = sender(&hub, "events/Partitions/0");
    for id in 0..20_000 {
        client.transfer(&transfer(id), &message(b"x"));
    }
    assert_eq!(outcomes(&mut client).len(), 20_000);
    assert_eq!(hub.partition(0).unwrap().log().len(), 20_000);
}
