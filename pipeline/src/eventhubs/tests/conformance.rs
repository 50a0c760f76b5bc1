//! The conformance suite of receivers against a scripted hub. Each case runs with ours and with the reference
//! implementation, except where the reference implementation is known to fail.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::either::{Kind, Receiver, both};
use super::peer::{ClientFrame, Link, Peer, event};
use super::{FIRST, MIB, numbers, options, read};
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::emulator::{Config, Emulator, NewEvent};
use crate::event::RawBatch;
use crate::eventhubs::{Client, ConnectionString, Error, ErrorKind, Start};
use crate::position::{Offset, PartitionId, SequenceNumber};

both!(
    refused_offset_falls_back_to_the_sequence_number,
    unsettled_deliveries_are_accepted_in_ranges,
    messages_may_be_split_at_any_byte,
    gap_starts_a_new_batch,
    end_of_a_link_follows_its_events,
    detach_returns_the_error_of_the_hub,
    credit_stays_within_its_limit,
    other_partitions_survive_a_detached_link,
    dropped_connection_is_a_transient_error,
);

pub(super) async fn attach(kind: Kind, client: &Client, start: Start) -> Result<Receiver, Error> {
    Receiver::attach(kind, client, FIRST, options(start, Some(0)), Budget::new(64 * MIB as u64), 4 * MIB)
        .await
}

/// A receiver and the peer's end of its link.
pub(super) async fn linked(kind: Kind, peer: &mut Peer, client: &Client) -> (Receiver, Link) {
    let (receiver, link) = tokio::join!(attach(kind, client, Start::Earliest), async {
        let mut link = peer.link().await;
        link.accept().await;
        link
    });
    (receiver.unwrap(), link)
}

async fn refused_offset_falls_back_to_the_sequence_number(kind: Kind) {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let start = Start::After { offset: Offset::new("1:7:x"), sequence_number: SequenceNumber::new(41) };
    let hub = async {
        let mut link = peer.link().await;
        assert_eq!(link.address, "events/ConsumerGroups/$Default/Partitions/0");
        assert_eq!(link.filter, "amqp.annotation.x-opt-offset > '1:7:x'");
        link.refuse("com.microsoft:georeplication:invalid-offset", "The supplied offset is old").await;
        loop {
            match link.next_frame().await {
                ClientFrame::Attach(filter) => {
                    assert_eq!(filter, "amqp.annotation.x-opt-sequence-number > '41'");
                    break;
                }
                ClientFrame::End(_) => link.end(None).await,
                ClientFrame::Detach(None) => {}
                other => panic!("{other:?}"),
            }
        }
        link.accept().await;
        link
    };
    let (receiver, mut link) = tokio::join!(attach(kind, &client, start), async {
        tokio::time::timeout(Duration::from_secs(20), hub).await.unwrap()
    });
    let mut receiver = receiver.unwrap();
    let (batches, ()) = tokio::join!(read(&mut receiver, 1), async {
        link.credit().await;
        link.send(&event(42, b"next"), true, 60_000).await;
    });
    assert_eq!(numbers(&batches), [42]);
}

async fn unsettled_deliveries_are_accepted_in_ranges(kind: Kind) {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (mut receiver, mut link) = linked(kind, &mut peer, &client).await;
    let hub = async {
        let mut out = Vec::new();
        for number in 0..500 {
            let message = event(number, &vec![7; number as usize * 3]);
            super::peer::put_delivery(
                &mut out,
                link.channel,
                link.handle,
                number as u32,
                false,
                &message,
                700,
            );
        }
        link.credit().await;
        link.send_transfers(&out).await;
        let mut settled = BTreeSet::new();
        let mut dispositions = 0;
        while settled.len() < 500 {
            if let ClientFrame::Accepted(first, last) = link.next_frame().await {
                dispositions += 1;
                settled.extend(first..=last);
            }
        }
        assert_eq!(settled, (0..500).collect());
        dispositions
    };
    let (batches, dispositions) = tokio::join!(read(&mut receiver, 500), hub);
    assert_eq!(numbers(&batches), (0..500).collect::<Vec<_>>());
    assert!(kind == Kind::Reference || dispositions < 100, "{dispositions} dispositions for 500 deliveries");
}

async fn messages_may_be_split_at_any_byte(kind: Kind) {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (mut receiver, mut link) = linked(kind, &mut peer, &client).await;
    let body: Vec<u8> = (0..300_usize).map(|index| (index % 251) as u8).collect();
    let hub = async {
        link.credit().await;
        for piece in 1..400_usize {
            link.send(&event(piece as i64 - 1, &body), true, piece).await;
        }
        link
    };
    let (batches, _link) = tokio::join!(read(&mut receiver, 399), hub);
    assert!(batches.iter().flat_map(RawBatch::iter).all(|event| event.body == body));
    assert_eq!(numbers(&batches), (0..399).collect::<Vec<_>>());
}

async fn gap_starts_a_new_batch(kind: Kind) {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (mut receiver, mut link) = linked(kind, &mut peer, &client).await;
    let mut out = Vec::new();
    for (id, number) in [0_i64, 1, 2, 10, 11, 13].into_iter().enumerate() {
        let message = event(number, b"x");
        super::peer::put_delivery(&mut out, link.channel, link.handle, id as u32, true, &message, 60_000);
    }
    let hub = async {
        link.credit().await;
        link.send_transfers(&out).await;
        link
    };
    let (batches, _link) = tokio::join!(read(&mut receiver, 6), hub);
    let mut runs = Vec::new();
    for batch in &batches {
        let numbers = numbers(std::slice::from_ref(batch));
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
        runs.extend(numbers);
    }
    assert_eq!(runs, [0, 1, 2, 10, 11, 13]);
}

async fn end_of_a_link_follows_its_events(kind: Kind) {
    let text = "New receiver 'x' with higher epoch of '1' is created. TrackingId:abc";
    let endings = [
        ("detach stolen", ErrorKind::OwnershipLost),
        ("detach", ErrorKind::Transient),
        ("end", ErrorKind::Transient),
        ("end stolen", ErrorKind::OwnershipLost),
        ("close unauthorized", ErrorKind::Unauthorized),
        ("hang up", ErrorKind::Transient),
    ];
    for (ending, expected) in endings {
        let mut peer = Peer::start(None).await;
        let client = peer.client();
        let (mut receiver, mut link) = linked(kind, &mut peer, &client).await;
        let hub = async {
            link.credit().await;
            link.send(&event(0, b"a"), true, 60_000).await;
            // In the reference implementation, the end of the connection may overtake the event.
            tokio::time::sleep(Duration::from_millis(50)).await;
            match ending {
                "detach stolen" => link.detach(Some(("amqp:link:stolen", text))).await,
                "detach" => link.detach(None).await,
                "end" => link.end(None).await,
                "end stolen" => link.end(Some(("amqp:link:stolen", text))).await,
                "close unauthorized" => link.close(Some(("amqp:unauthorized-access", text))).await,
                _ => return None,
            }
            Some(link)
        };
        let reading = async {
            let first = receiver.next_batch().await.unwrap();
            (first.len(), receiver.next_batch().await.unwrap_err())
        };
        let ((events, error), _link) = tokio::join!(reading, hub);
        assert_eq!((events, error.kind()), (1, expected), "{ending}: {error}");
        let closed = receiver.close().await;
        assert!(closed.is_ok(), "an error is returned once, {ending}: {closed:?}");
    }
}

async fn detach_returns_the_error_of_the_hub(kind: Kind) {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (receiver, mut link) = linked(kind, &mut peer, &client).await;
    let hub = async {
        while !matches!(link.next_frame().await, ClientFrame::Detach(None)) {}
        link.detach(Some(("amqp:link:stolen", "too late"))).await;
        link
    };
    let (closed, _link) = tokio::join!(receiver.close(), hub);
    assert_eq!(closed.unwrap_err().kind(), ErrorKind::OwnershipLost);
}

async fn credit_stays_within_its_limit(kind: Kind) {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let budget = Budget::new(MIB as u64);
    let credit_bytes = 80 * 1024;
    let attaching = Receiver::attach(
        kind,
        &client,
        FIRST,
        options(Start::Earliest, None),
        Arc::clone(&budget),
        credit_bytes,
    );
    let (receiver, mut link) = tokio::join!(attaching, async {
        let mut link = peer.link().await;
        link.accept().await;
        link
    });
    let mut receiver = receiver.unwrap();
    let hub = async {
        let mut sent = 0;
        let mut limit = 0;
        while sent < 100 {
            if sent == limit {
                let ClientFrame::Flow(flow) = link.next_frame().await else { continue };
                let (Some(count), Some(credit)) = (flow.delivery_count, flow.link_credit) else { continue };
                assert!(credit <= 10, "{credit} events of 8 KiB in 80 KiB of credit");
                limit = i64::from(count + credit);
                assert!(limit - sent <= 10);
                continue;
            }
            link.send(&event(sent, &[1; 8192]), true, 60_000).await;
            sent += 1;
        }
        link
    };
    let (batches, link) = tokio::join!(read(&mut receiver, 100), hub);
    drop((batches, receiver));
    drop(link);
    assert_eq!(budget.available(), MIB as i64, "the whole budget is available again");
}

async fn other_partitions_survive_a_detached_link(kind: Kind) {
    let hub = Emulator::start(Config { partitions: 2, ..Config::default() }).await.unwrap();
    for partition in [0, 1] {
        for _ in 0..10 {
            let event = NewEvent { body: b"x", ..NewEvent::default() };
            hub.append(PartitionId::new(partition), &event).unwrap();
        }
    }
    let text = ConnectionString::parse(&hub.connection_string()).unwrap();
    let client = Client::connect(&text, "test", Arc::new(SystemClock)).await.unwrap();
    let receiver = |partition| {
        let budget = Budget::new(64 * MIB as u64);
        Receiver::attach(kind, &client, partition, options(Start::Earliest, Some(0)), budget, 4 * MIB)
    };
    let mut moved = receiver(PartitionId::new(0)).await.unwrap();
    let mut stays = receiver(PartitionId::new(1)).await.unwrap();
    read(&mut moved, 10).await;
    hub.detach_readers(PartitionId::new(0));
    assert_eq!(moved.next_batch().await.unwrap_err().kind(), ErrorKind::Transient);
    let batches = read(&mut stays, 10).await;
    assert_eq!(numbers(&batches), (0..10).collect::<Vec<_>>());
    drop(moved);
    // The channel and the partition are free again.
    let mut again = receiver(PartitionId::new(0)).await.unwrap();
    read(&mut again, 10).await;
    again.close().await.unwrap();
    stays.close().await.unwrap();
}

async fn dropped_connection_is_a_transient_error(kind: Kind) {
    let hub = Emulator::start(Config { partitions: 1, ..Config::default() }).await.unwrap();
    for _ in 0..50 {
        hub.append(FIRST, &NewEvent { body: b"x", ..NewEvent::default() }).unwrap();
    }
    let text = ConnectionString::parse(&hub.connection_string()).unwrap();
    let client = Client::connect(&text, "test", Arc::new(SystemClock)).await.unwrap();
    let mut receiver = attach(kind, &client, Start::Earliest).await.unwrap();
    hub.faults().drop_connection_after(20);
    let mut batches = Vec::new();
    let error = loop {
        match receiver.next_batch().await {
            Ok(batch) => batches.push(batch),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    assert!(numbers(&batches).len() <= 20);
    if kind == Kind::Ours {
        assert_eq!(numbers(&batches), (0..20).collect::<Vec<_>>());
        // The next link is on a new connection.
        let mut again = attach(kind, &client, Start::AfterSequence(SequenceNumber::new(19))).await.unwrap();
        assert_eq!(numbers(&read(&mut again, 30).await), (20..50).collect::<Vec<_>>());
    }
}

/// The reference implementation treats an aborted delivery as malformed.
#[tokio::test]
async fn aborted_delivery_can_be_repeated() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    let hub = async {
        link.credit().await;
        link.send(&event(0, b"first"), true, 60_000).await;
        link.abort(&event(1, &[1; 300])).await;
        link.send(&event(1, &[2; 300]), true, 100).await;
        link
    };
    let (batches, _link) = tokio::join!(read(&mut receiver, 2), hub);
    let bodies: Vec<_> = batches.iter().flat_map(RawBatch::iter).map(|event| event.body).collect();
    assert_eq!(bodies, [&b"first"[..], &[2; 300]]);
}

#[tokio::test]
async fn deliveries_without_credit_end_the_link() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    // A cancelled call grants credit and takes no batch.
    let waiting = tokio::time::timeout(Duration::from_millis(20), receiver.next_batch()).await;
    assert!(waiting.is_err());
    let hub = async {
        let credit = link.credit().await;
        let mut out = Vec::new();
        for number in 0..=credit {
            let message = event(number.into(), b"");
            super::peer::put_delivery(&mut out, link.channel, link.handle, number, true, &message, 60_000);
        }
        link.send_transfers(&out).await;
        loop {
            if let ClientFrame::Detach(error) = link.next_frame().await {
                break (error, credit);
            }
        }
    };
    let (detached, credit) = hub.await;
    assert_eq!(detached.as_deref(), Some("amqp:link:transfer-limit-exceeded"));
    read(&mut receiver, credit as usize).await;
    assert_eq!(receiver.next_batch().await.unwrap_err().kind(), ErrorKind::Transient);
}

#[tokio::test]
async fn malformed_frames_close_the_connection() {
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0, 0, 0, 9, 2, 0, 0, 0, 0x3f]] {
        let mut peer = Peer::start(None).await;
        let client = peer.client();
        let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
        link.send_bytes(bytes).await;
        let error = receiver.next_batch().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
        loop {
            match link.next_frame().await {
                ClientFrame::Close(Some(condition)) => {
                    break assert!(condition.starts_with("amqp:"), "{condition}");
                }
                ClientFrame::Disconnected => panic!("the connection ended without a Close"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn dropped_receiver_detaches() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    drop(receiver);
    while link.next_frame().await != ClientFrame::Detach(None) {}
    assert_eq!(link.next_frame().await, ClientFrame::End(None));
    link.end(None).await;
    drop(client);
    assert_eq!(link.next_frame().await, ClientFrame::Close(None));
}
