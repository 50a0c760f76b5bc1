//! Injected faults as a client sees them, frame by frame.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;

use super::client::{
    Client, TestHub, append, deliveries, hub, hub_with_clock, message, read, refusal, symbol_map,
};
use super::nodes::{connect, put_entra_token};
use crate::amqp::condition;
use crate::amqp::frames::Frame;
use crate::amqp::performatives::{Disposition, Outcome, Performative, Role, Transfer};
use crate::amqp::sections::Message;
use crate::emulator::injector::Injector;

/// Posts a fault. Dropping the result ends a fault that is still to come.
fn inject(hub: &TestHub, fault: &str) -> Injector {
    let injector = Injector::new(Arc::clone(&hub.namespace));
    injector.post(&fault.parse().unwrap()).unwrap();
    injector
}

/// A reader with owner level 7 and credit for many events; the answers to its Attach are read.
fn reader(hub: &TestHub) -> Client {
    let mut client = Client::connect(hub);
    let properties = symbol_map(|map| {
        map.symbol("com.microsoft:epoch");
        map.long(7);
        map.symbol("com.microsoft:receiver-name");
        map.string("one");
    });
    client.attach_reader(0, |attach| attach.properties = Some(&properties));
    let frames = client.frames();
    assert!(matches!(read(&frames[0]), Performative::Attach(_)), "{frames:?}");
    client.credit(0, 0, 1000);
    client
}

fn hub_with_events(count: usize) -> TestHub {
    let hub = hub();
    append(&hub, &vec![&b"event"[..]; count]);
    hub
}

/// Moves the runtime's clock, and lets the tasks run whose time has come.
async fn pass(time: Duration) {
    // A task that was spawned just now has to begin its wait first.
    yield_now().await;
    tokio::time::advance(time).await;
    for _ in 0..3 {
        yield_now().await;
    }
}

fn kinds(frames: &[Frame]) -> Vec<&'static str> {
    let kind = |frame: &Frame| match read(frame) {
        Performative::Transfer(_) => "transfer",
        Performative::Detach(_) => "detach",
        Performative::End(_) => "end",
        Performative::Close(_) => "close",
        Performative::Attach(_) => "attach",
        Performative::Disposition(_) => "disposition",
        Performative::Flow(_) => "flow",
        _ => "other",
    };
    frames.iter().map(kind).collect()
}

#[tokio::test]
async fn strike_follows_its_event_and_states_the_condition() {
    for (fault, kind, condition, text) in [
        ("detach", "detach", condition::DETACH_FORCED, "TrackingId:"),
        ("detach=com.microsoft:server-busy", "detach", condition::SERVER_BUSY, "Please wait 4 seconds"),
        (
            "detach=com.microsoft:argument-error",
            "detach",
            condition::ARGUMENT_ERROR,
            "The supplied offset '9'",
        ),
        ("end", "end", condition::INTERNAL_ERROR, "TrackingId:"),
        ("close", "close", condition::CONNECTION_FORCED, "TrackingId:"),
        ("close=com.microsoft:server-busy", "close", condition::SERVER_BUSY, "50002"),
        (
            "steal",
            "detach",
            condition::STOLEN,
            "New receiver 'thief' with higher epoch of '8' is created hence",
        ),
    ] {
        let hub = hub_with_events(10);
        let _injector = inject(&hub, &format!("{fault},after=3"));
        let mut client = reader(&hub);
        let frames = client.frames();
        assert_eq!(kinds(&frames), ["transfer", "transfer", "transfer", kind], "{fault}");
        let (found, description) = refusal(&frames);
        assert_eq!(found, condition, "{fault}");
        assert!(description.contains(text), "{fault}: {description}");
        assert_eq!(deliveries(&reader(&hub).frames()).len(), 10, "{fault} happens once");
    }
}

#[tokio::test]
async fn dropped_connection_ends_without_a_frame_or_within_one() {
    for (fault, rest) in [("drop", 0), ("reset", 8)] {
        let hub = hub_with_events(5);
        let _injector = inject(&hub, &format!("{fault},after=2"));
        let mut client = reader(&hub);
        assert_eq!(deliveries(&client.frames()).len(), 2, "{fault}");
        assert!(client.connection.is_dropped(), "{fault}");
        assert_eq!(client.raw_answer().len(), rest, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn strike_of_a_time_comes_without_events_and_again() {
    let hub = hub();
    let injector = inject(&hub, "detach,every=5s,times=2");
    let mut client = reader(&hub);
    pass(Duration::from_secs(4)).await;
    assert_eq!(client.frames(), []);
    for _ in 0..2 {
        pass(Duration::from_secs(5)).await;
        assert_eq!(kinds(&client.frames()), ["detach"]);
        client = reader(&hub);
    }
    pass(Duration::from_mins(1)).await;
    assert_eq!(client.frames(), []);
    drop(injector);
}

#[tokio::test(start_paused = true)]
async fn thief_refuses_the_reader_until_it_leaves() {
    let hub = hub_with_events(3);
    let _injector = inject(&hub, "steal,after=1,for=10s");
    assert_eq!(refusal(&reader(&hub).frames()).0, condition::STOLEN);
    let mut late = Client::connect(&hub);
    let level = symbol_map(|map| {
        map.symbol("com.microsoft:epoch");
        map.long(7);
    });
    late.attach_reader(0, |attach| attach.properties = Some(&level));
    let (condition, text) = refusal(&late.frames());
    assert_eq!(condition, condition::STOLEN);
    assert!(text.contains("Receiver 'thief' with a higher epoch '8' already exists"), "{text}");
    pass(Duration::from_secs(10)).await;
    assert_eq!(deliveries(&reader(&hub).frames()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn busy_hub_refuses_links_and_rejects_events_for_a_time() {
    let hub = hub();
    let mut before = Client::connect(&hub);
    before.attach_sender(0, "events");
    before.frames();
    let _injector = inject(&hub, "busy");
    let transfer = Transfer { delivery_id: Some(0), delivery_tag: Some(b"t"), ..Transfer::default() };
    before.transfer(&transfer, &message(b"event"));
    let frames = before.frames();
    let Performative::Disposition(disposition) = read(&frames[0]) else { panic!("{frames:?}") };
    let Some(Outcome::Rejected(Some(error))) = disposition.state else { panic!("{disposition:?}") };
    assert_eq!(error.condition, condition::SERVER_BUSY);
    assert!(error.description.contains("Please wait 4 seconds and try again."), "{error:?}");
    for role in [Role::Receiver, Role::Sender] {
        let mut late = Client::connect(&hub);
        match role {
            Role::Receiver => late.attach_reader(0, |_| ()),
            Role::Sender => late.attach_sender(0, "events"),
        }
        let frames = late.frames();
        assert_eq!(kinds(&frames), ["attach", "detach"], "{role:?}");
        assert_eq!(refusal(&frames).0, condition::SERVER_BUSY);
    }
    pass(Duration::from_secs(4)).await;
    let transfer = Transfer { delivery_id: Some(1), ..transfer };
    before.transfer(&transfer, &message(b"event"));
    assert_eq!(hub.partition(0).unwrap().log().len(), 1);
    assert_eq!(deliveries(&reader(&hub).frames()).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn slow_reader_gets_its_rate_and_the_socket_may_sleep_in_between() {
    let hub = hub_with_events(100);
    let _injector = inject(&hub, "slow=20");
    let mut client = reader(&hub);
    let mut received = 0;
    for _ in 0..10 {
        received += deliveries(&client.frames()).len();
        assert_eq!(deliveries(&client.frames()).len(), 0, "a pause lasts");
        let wait = client.connection.wait_time().unwrap();
        assert_eq!(wait, Duration::from_millis(100));
        pass(wait).await;
    }
    assert_eq!(received, 20, "in one second");
    inject(&hub, "clear");
    assert_eq!(deliveries(&client.frames()).len(), 80);
    assert_eq!(client.connection.wait_time(), None);
}

#[tokio::test(start_paused = true)]
async fn pause_follows_each_turn() {
    let hub = hub();
    let large = vec![7; 40_000];
    append(&hub, &[&large, &large, &large]);
    let _injector = inject(&hub, "slow=50ms");
    let mut client = reader(&hub);
    assert_eq!(deliveries(&client.frames()).len(), 2, "two exceed the bytes of a turn");
    assert_eq!(client.connection.wait_time(), Some(Duration::from_millis(50)));
    pass(Duration::from_millis(50)).await;
    assert_eq!(deliveries(&client.frames()).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stall_holds_attached_readers_until_it_ends() {
    let hub = hub();
    let mut client = reader(&hub);
    client.frames();
    let _injector = inject(&hub, "stall,for=20s");
    append(&hub, &[b"one"]);
    assert_eq!(client.frames(), []);
    pass(Duration::from_secs(20)).await;
    assert_eq!(deliveries(&client.frames()).len(), 1);
}

#[tokio::test]
async fn reader_that_attaches_during_a_stall_gets_events() {
    let hub = hub();
    let mut client = reader(&hub);
    let _injector = inject(&hub, "stall");
    append(&hub, &[b"one"]);
    assert_eq!(client.frames(), []);
    client.detach(0);
    client.frames();
    assert_eq!(deliveries(&reader(&hub).frames()).len(), 1);
}

#[tokio::test]
async fn deliveries_are_unsettled_and_dispositions_are_tolerated() {
    let hub = hub_with_events(2);
    let injector = inject(&hub, "unsettled");
    let mut client = reader(&hub);
    let settled = |frames: &[Frame]| {
        let transfers = frames.iter().map(|frame| match read(frame) {
            Performative::Transfer(transfer) => transfer.settled,
            _ => None,
        });
        transfers.collect::<Vec<_>>()
    };
    assert_eq!(settled(&client.frames()), [Some(false), Some(false)]);
    for state in [Outcome::Accepted, Outcome::Rejected(None)] {
        let disposition =
            Disposition { role: Role::Receiver, first: 0, last: Some(1), settled: true, state: Some(state) };
        client.send(0, |out| disposition.encode(out));
    }
    assert_eq!(client.frames(), []);
    drop(injector);
    inject(&hub, "clear");
    append(&hub, &[b"later"]);
    assert_eq!(settled(&client.frames()), [Some(true)]);
}

#[tokio::test]
async fn tokens_end_early_and_their_links_lapse() {
    let (hub, clock) = hub_with_clock();
    let mut client = Client::connect_with(&hub, b"", 65_536);
    connect(&mut client, "$cbs");
    put_entra_token(&mut client, 3600);
    client.attach_reader(9, |_| ());
    client.frames();
    let _injector = inject(&hub, "token-life=10s");
    assert_eq!(client.frames(), []);
    assert_eq!(client.connection.wait_time(), Some(Duration::from_secs(10)));
    clock.advance(Duration::from_secs(10));
    let (condition, text) = refusal(&client.frames());
    assert_eq!(condition, condition::UNAUTHORIZED);
    assert!(text.contains("ExpiredToken"), "{text}");
    // A new token ends early too.
    put_entra_token(&mut client, 3600);
    assert_eq!(client.connection.wait_time(), Some(Duration::from_secs(10)));
}

#[tokio::test]
async fn new_events_are_stored_in_another_form() {
    for (fault, expected) in [
        ("amqp-value", &[0x00, 0x53, 0x77, 0xa0, 4, b'b', b'o', b'd', b'y'][..]),
        ("amqp-value=string", &[0x00, 0x53, 0x77, 0xa1, 4, b'b', b'o', b'd', b'y']),
        ("data-sections=2", &[0, 0x53, 0x75, 0xa0, 2, b'b', b'o', 0, 0x53, 0x75, 0xa0, 2, b'd', b'y']),
    ] {
        let hub = hub();
        append(&hub, &[b"body"]);
        let _injector = inject(&hub, fault);
        append(&hub, &[b"body"]);
        let received = deliveries(&reader(&hub).frames());
        let body = |message: &[u8]| Message::scan(message).unwrap().body.to_vec();
        assert_eq!(body(&received[0]), [0, 0x53, 0x75, 0xa0, 4, b'b', b'o', b'd', b'y'], "before {fault}");
        assert_eq!(body(&received[1]), expected, "{fault}");
    }
}

#[tokio::test]
async fn odd_annotations_come_beside_those_of_the_hub() {
    let hub = hub();
    let _injector = inject(&hub, "annotations");
    append(&hub, &[b"body"]);
    let received = deliveries(&reader(&hub).frames());
    let message = Message::scan(&received[0]).unwrap();
    let names: Vec<_> = message.annotations().step_by(2).map(Result::unwrap).collect();
    assert_eq!(names[0].text(), Some("x-opt-sequence-number"));
    assert!(names.len() > 30 && names.iter().any(|name| name.text().is_none()), "{names:?}");
}

#[tokio::test]
async fn retention_keeps_the_newest_events_of_a_partition() {
    let hub = hub_with_events(10);
    hub.publish(Some(1), &crate::emulator::hub::event::Batch::read(0, &message(b"other")).unwrap()).unwrap();
    let _injector = inject(&hub, "retention=3,partition=0");
    let begin = |partition| hub.partition(partition).unwrap().log().begin();
    assert_eq!((begin(0), begin(1)), (7, 0));
    inject(&hub, "retention");
    assert!(hub.partition(0).unwrap().log().is_empty() && hub.partition(1).unwrap().log().is_empty());
}

#[tokio::test]
async fn operation_follows_its_event() {
    let hub = hub_with_events(10);
    let _injector = inject(&hub, "add-partitions=2,after=5");
    let mut client = reader(&hub);
    assert_eq!(deliveries(&client.frames()).len(), 10);
    for _ in 0..3 {
        yield_now().await;
    }
    assert_eq!(hub.partition_count(), 6);
}

#[tokio::test]
async fn fault_of_an_unknown_hub_or_partition_is_refused() {
    let hub = hub();
    let injector = Injector::new(Arc::clone(&hub.namespace));
    for (fault, text) in [
        ("detach,hub=orders", "this namespace does not have a hub `orders`; write one of events"),
        ("detach,partition=4", "the hub does not have a partition 4; write one from 0 to 3"),
    ] {
        let error = injector.post(&fault.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn fault_of_a_hub_spares_the_others() {
    let hub = hub_with_events(5);
    let _injector = inject(&hub, "drop,after=1,hub=EVENTS,partition=1");
    assert_eq!(deliveries(&reader(&hub).frames()).len(), 5);
}

#[tokio::test]
async fn lines_are_posted_together_or_not_at_all() {
    let hub = hub_with_events(5);
    let injector = Injector::new(Arc::clone(&hub.namespace));
    let error = injector.post_lines("retention=1\ndrop,every=\n").unwrap_err().to_string();
    assert!(error.contains("at `every=` (character 6)"), "{error}");
    assert_eq!(hub.partition(0).unwrap().log().begin(), 0, "the first line did not happen");
    // Each alone is possible, and both together are too many for a hub.
    let before = hub.partition_count();
    injector.post_lines("add-partitions=1\nadd-partitions=1020\n").unwrap_err();
    assert_eq!(hub.partition_count(), before, "the first line did not happen");
    assert!(injector.post_lines(" \n").unwrap_err().to_string().contains("write one a line"));
    let answer = injector.post_lines("retention=1\r\n\r\ndrop,after=1\n").unwrap();
    assert_eq!(answer.lines().count(), 2, "{answer}");
    assert!(answer.starts_with("retention=1: all events but this number"), "{answer}");
    assert_eq!(hub.partition(0).unwrap().log().begin(), 4);
}
