//! Sessions, links, deliveries and requests in any number, and a peer that never reads.

use catchwater::internals::amqp::encode::encode_to_vec;
use catchwater::internals::amqp::frames::put_frame;
use catchwater::internals::amqp::performatives::{
    Attach, Begin, Performative, Role, Source, Target, Transfer,
};
use catchwater::internals::amqp::sections::code;
use catchwater::internals::emulator::{Config, NewEvent};
use catchwater::internals::position::PartitionId;

use super::Attacked;
use super::peer::{Peer, has_credit};

/// Upper bound on the memory of one hostile connection, bytes.
const BOUND: usize = 24 << 20;

#[test]
fn flood_of_sessions_and_links_ends_the_connection_within_a_bound() {
    let attacked = Attacked::new();
    let source = Source { address: Some("events/ConsumerGroups/flood/Partitions/1"), filter: None };
    let links = [
        Attach { name: "in", target: Some(Target { address: Some("events") }), ..Attach::default() },
        Attach { name: "out", role: Role::Receiver, source: Some(source), ..Attach::default() },
        Attach { name: "refused", target: Some(Target { address: Some("other") }), ..Attach::default() },
    ];
    for link in links {
        let mut peer = Peer::open(attacked.address());
        let mut reader = peer.stream.try_clone().unwrap();
        // The answers have to be read: the hub holds back a peer that does not.
        let reading = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let mut most = 0;
        for channel in 1..5000 {
            let mut frames = Vec::new();
            put_frame(&mut frames, channel, |out| Begin::default().encode(out));
            for handle in 0..256 {
                put_frame(&mut frames, channel, |out| Attach { handle, ..link.clone() }.encode(out));
            }
            if !peer.send(&frames) {
                break;
            }
            most = most.max(attacked.grown());
        }
        drop(peer.stream.shutdown(std::net::Shutdown::Write));
        let answers = reading.join().unwrap();
        // Far more than five thousand answers would be longer.
        assert!(answers.is_err() || answers.unwrap() < 4 << 20, "the hub takes every link {}", link.name);
        assert!(most < BOUND, "{most} bytes of links {}", link.name);
    }
    attacked.has_recovered();
}

#[test]
fn sessions_up_to_the_highest_channel_take_little_memory() {
    let attacked = Attacked::new();
    let mut peer = Peer::open(attacked.address());
    for channel in 1..5000 {
        let mut frame = Vec::new();
        put_frame(&mut frame, channel, |out| Begin::default().encode(out));
        peer.send(&frame);
    }
    let mut begun = 0;
    while begun < 4999 {
        peer.find(|performative, _| matches!(performative, Performative::Begin(_)).then_some(()));
        begun += 1;
    }
    assert!(attacked.grown() < 4 << 20, "{} bytes", attacked.grown());
    drop(peer);
    attacked.has_recovered();
}

#[test]
fn deliveries_that_never_end_are_refused_beyond_a_bound() {
    let attacked = Attacked::new();
    let mut peer = Peer::open(attacked.address());
    let part = vec![0; 60_000];
    let mut most = 0;
    for handle in 0..100 {
        peer.attach_sender(handle, "events");
        peer.find(has_credit);
        for frame in 0..17 {
            let transfer = Transfer {
                handle,
                delivery_id: (frame == 0).then_some(handle),
                more: true,
                ..Transfer::default()
            };
            peer.transfer(&transfer, &part);
        }
        most = most.max(attacked.grown());
    }
    let refused = peer.find(|performative, _| match performative {
        Performative::Detach(detach) => Some(detach.error.map(|error| error.condition.to_owned())),
        _ => None,
    });
    assert_eq!(refused.as_deref(), Some("amqp:resource-limit-exceeded"));
    // Buffers double as they grow.
    assert!(most < 140 << 20, "{most} bytes");
    drop(peer);
    attacked.has_recovered();
}

#[test]
fn requests_without_credit_for_the_answers_are_dropped_beyond_a_bound() {
    let attacked = Attacked::with(Config { partitions: 1024, ..Config::default() });
    let mut peer = Peer::open(attacked.address());
    for handle in 0..100 {
        let address = format!("answers-{handle}");
        let source = Some(Source { address: Some("$management"), filter: None });
        let target = Some(Target { address: Some(&address) });
        let attach =
            Attach { name: "answers", handle, role: Role::Receiver, source, target, ..Attach::default() };
        peer.send_frame(|out| attach.encode(out));
    }
    peer.attach_sender(100, "$management");
    peer.find(has_credit);
    let mut most = 0;
    for number in 0..5000_u32 {
        let address = format!("answers-{}", number % 100);
        let transfer =
            Transfer { handle: 100, delivery_id: Some(number), settled: Some(true), ..Transfer::default() };
        peer.transfer(&transfer, &read_the_hub(&address));
        if number % 500 == 499 {
            // The link's credit is renewed when half of it is used.
            peer.find(has_credit);
        }
        most = most.max(attacked.grown());
    }
    assert!(most < BOUND, "{most} bytes");
    drop(peer);
    attacked.has_recovered();
}

/// A request for the properties of the hub.
fn read_the_hub(reply_to: &str) -> Vec<u8> {
    encode_to_vec(|out| {
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.string("id");
                list.nulls(3);
                list.string(reply_to);
            });
        });
        out.described(code::APPLICATION_PROPERTIES, |out| {
            out.map(|map| {
                for (name, value) in
                    [("operation", "READ"), ("type", "com.microsoft:eventhub"), ("name", "events")]
                {
                    map.string(name);
                    map.string(value);
                }
            });
        });
        out.described(code::VALUE, |out| out.nulls(1));
    })
}

#[test]
fn readers_that_never_read_take_little_memory() {
    let attacked = Attacked::new();
    let body = vec![b'x'; 500_000];
    for _ in 0..20 {
        attacked.hub().append(PartitionId::new(1), &NewEvent { body: &body, ..NewEvent::default() }).unwrap();
    }
    let events = attacked.grown();
    let mut peers = Vec::new();
    for number in 0..10 {
        let mut peer = Peer::open(attacked.address());
        for handle in 0..50 {
            let address = format!("events/ConsumerGroups/g{number}-{handle}/Partitions/1");
            peer.attach_reader(handle, &address, None, u32::MAX);
        }
        peers.push(peer);
    }
    for peer in &mut peers {
        peer.frame().unwrap();
    }
    let grown = attacked.grown() - events;
    assert!(grown < (4 << 20) * peers.len(), "{grown} bytes of ten readers");
    drop(peers);
    attacked.hub().purge(PartitionId::new(1), attacked.hub().partition(PartitionId::new(1)).unwrap().last);
    super::peer::honest_peer_sends_and_reads(attacked.address());
}

#[test]
fn deliveries_that_wait_for_windows_are_bounded() {
    let attacked = Attacked::new();
    let body = vec![b'x'; 1_000_000];
    attacked.hub().append(PartitionId::new(1), &NewEvent { body: &body, ..NewEvent::default() }).unwrap();
    let mut peer = Peer::open(attacked.address());
    // In each session there is room for the first frame of one event.
    for channel in 1..200 {
        let mut frames = Vec::new();
        put_frame(&mut frames, channel, |out| Begin { incoming_window: 1, ..Begin::default() }.encode(out));
        let address = format!("events/ConsumerGroups/g{channel}/Partitions/1");
        let source = Some(Source { address: Some(&address), filter: None });
        let attach = Attach { name: "r", role: Role::Receiver, source, ..Attach::default() };
        put_frame(&mut frames, channel, |out| attach.encode(out));
        let flow = catchwater::internals::amqp::performatives::Flow {
            incoming_window: 1,
            handle: Some(0),
            link_credit: Some(1),
            ..Default::default()
        };
        put_frame(&mut frames, channel, |out| flow.encode(out));
        peer.send(&frames);
    }
    let mut begun = 0;
    while begun < 199 {
        peer.find(|performative, _| matches!(performative, Performative::Attach(_)).then_some(()));
        begun += 1;
    }
    assert!(attacked.grown() < BOUND, "{} bytes", attacked.grown());
    drop(peer);
    super::peer::honest_peer_sends_and_reads(attacked.address());
}
