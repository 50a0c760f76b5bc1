//! Session windows and the rules of deliveries, against a scripted hub and the emulator. Only ours is tested: the
//! reference implementation has one fixed window.

use std::sync::Arc;
use std::time::Duration;

use super::conformance::linked;
use super::either::{Kind, Receiver};
use super::peer::{ClientFrame, Link, Peer, event, put_delivery, put_transfer, transfer};
use super::{FIRST, MIB, numbers, options, read};
use crate::amqp::performatives::{Flow, Transfer};
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::emulator::{Config, Emulator, NewEvent};
use crate::eventhubs::{Client, ConnectionString, ErrorKind, Start};
use crate::position::PartitionId;

const KIB: usize = 1024;

/// A receiver within `budget`, with credit for four small events, and the peer's end of its link.
async fn linked_within(budget: &Arc<Budget>, peer: &mut Peer, client: &Client) -> (Receiver, Link) {
    let options = options(Start::Earliest, None);
    let attaching = Receiver::attach(Kind::Ours, client, FIRST, options, Arc::clone(budget), 32 * KIB);
    let (receiver, link) = tokio::join!(attaching, async {
        let mut link = peer.link().await;
        link.accept().await;
        link
    });
    (receiver.unwrap(), link)
}

/// The window that the client states when it is asked.
async fn stated_window(link: &mut Link) -> u32 {
    link.echo().await;
    loop {
        // Flows that were sent unasked name the link only with credit; the answer to an echo always does.
        match link.next_frame().await {
            ClientFrame::Flow(Flow { incoming_window, link_credit: Some(_), .. }) => return incoming_window,
            ClientFrame::Disconnected => panic!("disconnected"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn window_is_held_back_while_the_budget_is_exhausted_and_renewed_after() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let budget = Budget::new(64 * KIB as u64);
    let (mut receiver, mut link) = linked_within(&budget, &mut peer, &client).await;
    let hub = async {
        assert_eq!(link.credit().await, 4);
        // All twenty transfers of the window, for one event that is larger than the budget.
        let message = event(0, &vec![1; 100 * KIB]);
        link.send(&message, true, message.len().div_ceil(20)).await;
        link
    };
    let (batches, mut link) = tokio::join!(read(&mut receiver, 1), hub);
    assert!(budget.available() < 0);
    assert_eq!(stated_window(&mut link).await, 0, "the hub gets an answer, and no window");
    assert_eq!(stated_window(&mut link).await, 0);
    drop(batches);
    let hub = async {
        loop {
            if let ClientFrame::Flow(flow) = link.next_frame().await
                && flow.incoming_window >= 20
            {
                break;
            }
        }
        link.send(&event(1, b"next"), true, 60_000).await;
        link
    };
    let (batches, _link) = tokio::join!(read(&mut receiver, 1), hub);
    assert_eq!(numbers(&batches), [1]);
}

#[tokio::test]
async fn delivery_larger_than_budget_and_window_arrives_frame_by_frame() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let budget = Budget::new(16 * KIB as u64);
    let (mut receiver, mut link) = linked_within(&budget, &mut peer, &client).await;
    let body = vec![5; 3 * MIB];
    let hub = async {
        link.credit().await;
        link.send(&event(0, &body), true, 60_000).await;
        link.send(&event(1, b"after"), true, 60_000).await;
        let mut single = 0;
        while single < 20 {
            match link.next_frame().await {
                ClientFrame::Flow(flow) => single += u32::from(flow.incoming_window == 1),
                ClientFrame::Disconnected => panic!("disconnected"),
                _ => {}
            }
        }
        link
    };
    let reading = async {
        // A batch is dropped before the next one is waited for, as in a lane with little memory.
        let first = receiver.next_batch().await.unwrap();
        assert!(first.iter().map(|event| event.body).eq([body.as_slice()]));
        drop(first);
        numbers(&read(&mut receiver, 1).await)
    };
    let (numbers, _link) =
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(reading, hub) }).await.unwrap();
    assert_eq!(numbers, [1]);
}

#[tokio::test]
async fn collected_delivery_is_charged_as_it_grows_and_released_when_it_is_aborted() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let budget = Budget::new(64 * MIB as u64);
    let (mut receiver, mut link) = linked_within(&budget, &mut peer, &client).await;
    // A cancelled call gives credit.
    assert!(tokio::time::timeout(Duration::from_millis(20), receiver.next_batch()).await.is_err());
    link.credit().await;
    let before = budget.charged();
    // The sections before the body are longer than a frame, so that the message is collected.
    let first = Transfer { more: true, ..transfer(link.handle, 0, true) };
    let next = Transfer { more: true, ..first };
    let mut out = Vec::new();
    for transfer in [first, next, next, next] {
        put_transfer(&mut out, link.channel, &transfer, &vec![0; 50 * KIB]);
    }
    link.send_transfers(&out).await;
    stated_window(&mut link).await;
    assert!(budget.charged() - before >= 200 * KIB as i64, "{} bytes", budget.charged() - before);
    let mut out = Vec::new();
    put_transfer(&mut out, link.channel, &Transfer { aborted: true, ..first }, &[]);
    link.send_transfers(&out).await;
    stated_window(&mut link).await;
    assert!(budget.charged() <= before, "{} bytes", budget.charged() - before);
}

#[tokio::test]
async fn hub_that_exceeds_the_window_ends_the_session() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let budget = Budget::new(64 * KIB as u64);
    let (mut receiver, mut link) = linked_within(&budget, &mut peer, &client).await;
    let hub = async {
        link.credit().await;
        let mut out = Vec::new();
        let message = event(0, &vec![1; 100 * KIB]);
        let piece = message.len().div_ceil(20);
        put_delivery(&mut out, link.channel, link.handle, 0, true, &message, piece);
        put_delivery(&mut out, link.channel, link.handle, 1, true, &event(1, b""), piece);
        link.send_bytes(&out).await;
        loop {
            match link.next_frame().await {
                ClientFrame::End(error) => break error,
                ClientFrame::Disconnected => panic!("disconnected"),
                _ => {}
            }
        }
    };
    let reading = async {
        let batch = receiver.next_batch().await.unwrap();
        (batch.len(), receiver.next_batch().await.unwrap_err())
    };
    let ((events, error), ended) = tokio::join!(reading, hub);
    assert_eq!((events, ended.as_deref()), (1, Some("amqp:session:window-violation")));
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
}

#[tokio::test]
async fn broken_deliveries_end_the_link_after_earlier_ones_are_settled() {
    let whole = |id| transfer(0, id, false);
    let cases: [(&[Transfer<'_>], &str); 3] = [
        (&[Transfer { more: true, ..whole(1) }, Transfer { more: true, ..whole(2) }], "amqp:illegal-state"),
        (&[Transfer { delivery_id: None, ..whole(1) }], "amqp:illegal-state"),
        (
            &[Transfer { more: true, ..whole(1) }, Transfer { delivery_tag: Some(b"other"), ..whole(1) }],
            "amqp:illegal-state",
        ),
    ];
    for (broken, condition) in cases {
        let mut peer = Peer::start(None).await;
        let client = peer.client();
        let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
        let hub = async {
            link.credit().await;
            let mut out = Vec::new();
            // In one write, so that the fault is in the same read as the delivery before it.
            put_delivery(&mut out, link.channel, link.handle, 0, false, &event(0, b"a"), 60_000);
            for transfer in broken {
                put_transfer(&mut out, link.channel, transfer, b"piece");
            }
            link.send_bytes(&out).await;
            let mut frames = Vec::new();
            loop {
                match link.next_frame().await {
                    ClientFrame::Flow(_) => {}
                    ClientFrame::End(error) => break frames.push(ClientFrame::End(error)),
                    frame => frames.push(frame),
                }
            }
            // Nothing follows the End.
            link.close(None).await;
            frames.push(link.next_frame().await);
            frames
        };
        let reading = async {
            let batch = receiver.next_batch().await.unwrap();
            (batch.len(), receiver.next_batch().await.unwrap_err())
        };
        let ((events, error), frames) = tokio::join!(reading, hub);
        let expected = [
            ClientFrame::Accepted(0, 0),
            ClientFrame::Detach(Some(condition.to_owned())),
            ClientFrame::End(None),
            ClientFrame::Close(None),
        ];
        assert_eq!((events, frames.as_slice()), (1, expected.as_slice()), "{broken:?}");
        assert_eq!(error.kind(), ErrorKind::Fatal, "{error}");
    }
}

#[tokio::test]
async fn window_is_renewed_before_it_is_exhausted() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    let hub = async {
        link.credit().await;
        // Each in about 300 frames.
        for number in 0..400 {
            let message = event(number, &[3; 200]);
            let piece = message.len().div_ceil(300).max(1);
            link.send(&message, true, piece).await;
        }
        link
    };
    let (batches, _link) = tokio::join!(read(&mut receiver, 400), hub);
    assert_eq!(numbers(&batches), (0..400).collect::<Vec<_>>());
}

/// Credit for many small events is outstanding when large ones come, on four partitions of one connection. Nothing is
/// taken out of a batch, so what is charged at the end is the peak.
#[tokio::test]
async fn charged_bytes_stay_within_budget_and_windows_when_events_grow() {
    const PARTITIONS: u32 = 4;
    let hub = Emulator::start(Config { partitions: PARTITIONS, ..Config::default() }).await.unwrap();
    for partition in 0..PARTITIONS {
        for number in 0..50 {
            let body = if number < 10 { vec![number; 100] } else { vec![number; 900 * KIB] };
            let event = NewEvent { body: &body, ..NewEvent::default() };
            hub.append(PartitionId::new(partition), &event).unwrap();
        }
    }
    let text = ConnectionString::parse(&hub.connection_string()).unwrap();
    let client = Client::connect(&text, "test", Arc::new(SystemClock)).await.unwrap();
    client.partition(FIRST).await.unwrap();
    let budget = Budget::new(4 * MIB as u64);
    let mut receivers = Vec::new();
    for partition in (0..PARTITIONS).map(PartitionId::new) {
        let options = options(Start::Earliest, None);
        // Credit for 64 small events: a window of 32 transfers, 2 MiB.
        receivers.push(client.receive(partition, options, Arc::clone(&budget), MIB / 2).await.unwrap());
    }
    let mut held = Vec::new();
    for round in 0..40 {
        for receiver in &mut receivers {
            tokio::select! {
                biased;
                batch = receiver.next_batch() => held.push(batch.unwrap()),
                // An answer comes through even without budget.
                partition = client.partition(FIRST) => drop(partition.unwrap()),
            }
        }
        assert!(budget.charged() < 18 * MIB as i64, "{} bytes in round {round}", budget.charged());
    }
    // A budget of 4 MiB, four windows of 2 MiB, four events whose last frames came one by one, and spare capacity.
    assert!((4 * MIB as i64..18 * MIB as i64).contains(&budget.charged()), "{} bytes", budget.charged());
    let mut events = held.drain(..).map(|batch| batch.len()).sum::<usize>();
    while events < 200 {
        for receiver in &mut receivers {
            tokio::select! {
                biased;
                batch = receiver.next_batch() => events += batch.unwrap().len(),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
    }
    assert_eq!(events, 200);
    drop(receivers);
    assert_eq!(budget.available(), 4 * MIB as i64, "the whole budget is available again");
}
