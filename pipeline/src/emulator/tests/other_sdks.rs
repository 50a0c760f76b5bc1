//! The forms in which the SDKs of .NET, Java and Go attach, which no test runs: spellings of addresses and filters,
//! settle modes, a session for each link.
//!
//! # Source
//! Protocol reference 3, 4.1, 4.2, 4.3, 4.5.

use super::client::{Client, READER, TestHub, append, deliveries, hub, read, symbol_map};
use crate::amqp::encode::Encoder;
use crate::amqp::frames::Frame;
use crate::amqp::performatives::{
    Attach, Detach, Disposition, Flow, Outcome, Performative, Role, SND_SETTLED, Source, Target,
};
use crate::amqp::sections::Message;

/// Descriptors of the selector filter: .NET's, and that of JavaScript, Go and Rust.
const DESCRIPTORS: [u64; 2] = [0x0000_0013_7000_000A, 0x0000_468C_0000_0004];

const UNSETTLED: u8 = 0;
const MIXED: u8 = 2;
const SECOND: u8 = 1;

fn filter(descriptor: u64, expression: &str) -> Vec<u8> {
    let mut described = vec![0x00];
    Encoder::new(&mut described).ulong(descriptor);
    Encoder::new(&mut described).string(expression);
    symbol_map(|map| {
        map.symbol("apache.org:selector-filter:string");
        map.raw(&described);
    })
}

fn reader<'a>(address: &'a str, filter: &'a [u8]) -> Attach<'a> {
    Attach {
        name: "reader",
        role: Role::Receiver,
        source: Some(Source { address: Some(address), filter: Some(filter) }),
        target: Some(Target { address: Some("5f7c") }),
        ..Attach::default()
    }
}

fn answer(frames: &[Frame]) -> Attach<'_> {
    let attach = frames.iter().find_map(|frame| match read(frame) {
        Performative::Attach(attach) => Some(attach),
        _ => None,
    });
    *attach.unwrap_or_else(|| panic!("no Attach in {frames:?}"))
}

fn credit(client: &mut Client, channel: u16) {
    let flow = Flow {
        incoming_window: 5000,
        outgoing_window: 5000,
        handle: Some(0),
        delivery_count: Some(0),
        link_credit: Some(300),
        ..Flow::default()
    };
    client.send(channel, |out| flow.encode(out));
}

fn bodies(frames: &[Frame]) -> Vec<Vec<u8>> {
    let payloads = deliveries(frames);
    payloads
        .iter()
        .map(|payload| Message::scan(payload).unwrap().data().next().unwrap().unwrap().to_vec())
        .collect()
}

fn three_events() -> TestHub {
    let hub = hub();
    append(&hub, &[b"zero", b"one", b"two"]);
    hub
}

#[test]
fn readers_with_a_session_each_start_where_their_filters_say() {
    let hub = three_events();
    let mut client = Client::connect(&hub);
    // .NET: a leading slash, a value without quotes. Go and Rust: no blank before the quote.
    let cases = [
        ("/events/ConsumerGroups/$Default/Partitions/0", "amqp.annotation.x-opt-sequence-number > 0", 2),
        ("events/ConsumerGroups/$Default/Partitions/0", "amqp.annotation.x-opt-sequence-number >='1'", 2),
        (
            "amqps://localhost/events/ConsumerGroups/%24Default/Partitions/0",
            "amqp.annotation.x-opt-offset >'-1'",
            3,
        ),
    ];
    let properties = symbol_map(|map| {
        map.symbol("com.microsoft:timeout");
        map.uint(60_000);
        map.symbol("com.microsoft:entity-type");
        map.int(8);
        map.symbol("com.microsoft:receiver-name");
        map.string("a reader");
    });
    let mut channel = 0;
    for descriptor in DESCRIPTORS {
        for (address, expression, events) in cases {
            channel += 1;
            client.begin(channel, 5000);
            let filter = filter(descriptor, expression);
            let attach = Attach { properties: Some(&properties), ..reader(address, &filter) };
            client.send(channel, |out| attach.encode(out));
            let frames = client.frames();
            assert_eq!(answer(&frames).source, attach.source, "the source is echoed");
            credit(&mut client, channel);
            let received = bodies(&client.frames());
            assert_eq!(received.len(), events, "{expression}");
            assert_eq!(received.last().unwrap(), b"two");
            client.send(channel, |out| Detach { handle: 0, closed: true, error: None }.encode(out));
        }
    }
}

/// Java asks for unsettled deliveries and settles them after the hub; Go asks for either.
#[test]
fn a_reader_that_asks_for_unsettled_deliveries_gets_settled_ones_and_may_dispose_of_them() {
    for (sender_mode, receiver_mode) in [(UNSETTLED, SECOND), (MIXED, 0)] {
        let hub = three_events();
        let mut client = Client::connect(&hub);
        let filter = filter(DESCRIPTORS[1], "amqp.annotation.x-opt-offset > '-1'");
        let attach = Attach {
            snd_settle_mode: Some(sender_mode),
            rcv_settle_mode: Some(receiver_mode),
            ..reader(READER, &filter)
        };
        client.send(0, |out| attach.encode(out));
        assert_eq!(answer(&client.frames()).snd_settle_mode, Some(SND_SETTLED));
        credit(&mut client, 0);
        let frames = client.frames();
        for frame in &frames {
            if let Performative::Transfer(transfer) = read(frame) {
                assert_eq!(transfer.settled, Some(true));
            }
        }
        assert_eq!(bodies(&frames), [&b"zero"[..], b"one", b"two"]);
        let state = Some(Outcome::Accepted);
        for settled in [false, true] {
            let disposition = Disposition { role: Role::Receiver, first: 0, last: Some(2), settled, state };
            client.send(0, |out| disposition.encode(out));
        }
        assert_eq!(client.frames(), [], "nothing is left to settle");
        append(&hub, &[b"later"]);
        assert_eq!(bodies(&client.frames()), [b"later"]);
    }
}

/// .NET opens the links of the management node with a timeout, and a leading slash is part of no name.
#[test]
fn management_links_take_a_timeout() {
    let hub = hub();
    let mut client = Client::connect(&hub);
    let properties = symbol_map(|map| {
        map.symbol("com.microsoft:timeout");
        map.uint(60_000);
    });
    for (handle, role, address) in [
        (0, Role::Sender, "$management"),
        (1, Role::Receiver, "/$management"),
        (2, Role::Sender, "/events/$management"),
    ] {
        let (source, target) = match role {
            Role::Sender => ("here", address),
            Role::Receiver => (address, "here"),
        };
        let attach = Attach {
            name: "svc",
            handle,
            role,
            source: Some(Source { address: Some(source), filter: None }),
            target: Some(Target { address: Some(target) }),
            initial_delivery_count: (role == Role::Sender).then_some(0),
            properties: Some(&properties),
            ..Attach::default()
        };
        client.send(0, |out| attach.encode(out));
        let frames = client.frames();
        assert!(answer(&frames).source.is_some() && answer(&frames).target.is_some(), "{address}");
    }
}
