//! Bytes that are not AMQP, frames that lie about their size, and frames in the wrong order.

use catchwater::internals::amqp::frames::{put_frame, put_sasl_frame};
use catchwater::internals::amqp::performatives::{
    Attach, Begin, Open, Performative, Role, Target, encode_end,
};
use catchwater::internals::amqp::sasl::{Init, encode_init};
use catchwater::internals::amqp::{AMQP_HEADER, SASL_HEADER};
use catchwater::internals::emulator::NewEvent;
use catchwater::internals::position::PartitionId;

use super::Attacked;
use super::peer::{OPEN, Peer, handshake};

fn init() -> Vec<u8> {
    let mut bytes = SASL_HEADER.to_vec();
    let init = Init { mechanism: "ANONYMOUS", initial_response: b"" };
    put_sasl_frame(&mut bytes, |out| encode_init(&init, "localhost", out));
    bytes
}

#[test]
fn bytes_that_break_the_protocol_end_their_connection() {
    let attacked = Attacked::new();
    let sizes: [&[u8]; 8] = [
        &[0, 0, 0, 0, 2, 0, 0, 0],
        &[0, 0, 0, 7, 2, 0, 0, 0],
        &[0, 0, 0, 8, 0, 0, 0, 0],
        &[0, 0, 0, 8, 255, 0, 0, 0],
        &[0, 0, 0, 8, 2, 9, 0, 0],
        &[0, 1, 0, 1, 2, 0, 0, 0],
        &[0xff; 8],
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    let whole = handshake(&OPEN);
    let frame = |body: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        put_frame(&mut frame, 0, |out| body(out));
        frame
    };
    let mut hostile = Vec::new();
    for bytes in sizes {
        for before in [&[][..], &SASL_HEADER, &init(), &[&init()[..], &AMQP_HEADER].concat(), &whole] {
            hostile.push([before, bytes].concat());
        }
    }
    hostile.push([init(), init()].concat());
    hostile.push([&init()[..], &SASL_HEADER].concat());
    hostile.push([&whole[..], &whole].concat());
    hostile.push([whole.clone(), frame(&|out| OPEN.encode(out))].concat());
    hostile.push([whole.clone(), frame(&|out| Begin::default().encode(out))].concat());
    hostile.push([whole.clone(), frame(&|out| out.extend(vec![0x00; 60_000]))].concat());
    // A described value in a described value, and so on.
    hostile.push([whole.clone(), frame(&|out| out.extend([0x00, 0x53].repeat(30_000)))].concat());
    // Lists in lists, each of which claims four billion items, or all bytes.
    hostile.push([whole.clone(), frame(&|out| out.extend([0xd0, 0, 0, 0xff, 0xff].repeat(12_000)))].concat());
    hostile.push([whole.clone(), frame(&|out| out.extend(vec![0xd0; 60_000]))].concat());
    // A performative whose only field is an array of four billion nulls, and one of empty lists.
    for constructor in [0x40, 0x45] {
        let array = [0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, constructor];
        let list = [&[0x00, 0x53, 0x10, 0xc0, array.len() as u8 + 1, 1][..], &array].concat();
        hostile.push([whole.clone(), frame(&|out| out.extend_from_slice(&list))].concat());
    }
    for bytes in hostile {
        let mut peer = Peer::connect(attacked.address());
        peer.send(&bytes);
        peer.is_ended();
    }
    attacked.has_recovered();
}

#[test]
fn connection_cut_at_any_byte_leaves_nothing_behind() {
    let attacked = Attacked::new();
    let mut bytes = handshake(&OPEN);
    let target = Some(Target { address: Some("events") });
    put_frame(&mut bytes, 0, |out| Attach { name: "x", target, ..Attach::default() }.encode(out));
    put_frame(&mut bytes, 0, |out| encode_end(None, out));
    for end in 0..bytes.len() {
        Peer::connect(attacked.address()).send(&bytes[..end]);
    }
    attacked.has_recovered();
}

#[test]
fn names_of_a_whole_frame_are_not_kept() {
    let attacked = Attacked::new();
    let long = "n".repeat(60_000);
    let mut peers = Vec::new();
    for address in [&format!("events/ConsumerGroups/{long}/Partitions/0"), "events", &long] {
        let mut peer = Peer::open(attacked.address());
        for handle in 0..200 {
            peer.attach_reader(handle, address, None, 1);
        }
        peer.attach_sender(200, address);
        peer.find(|performative, _| match performative {
            Performative::Detach(detach) => (detach.handle == 199).then_some(()),
            _ => None,
        });
        peers.push(peer);
    }
    assert!(attacked.grown() < 4 << 20, "{} bytes", attacked.grown());
    drop(peers);
    attacked.has_recovered();
}

#[test]
fn answer_larger_than_the_frames_of_the_peer_ends_its_connection() {
    let attacked = Attacked::new();
    let mut peer = Peer::open_with(attacked.address(), &Open { max_frame_size: Some(512), ..OPEN });
    let name = "n".repeat(600);
    let target = Some(Target { address: Some("events") });
    peer.send_frame(|out| {
        Attach { name: &name, role: Role::Sender, target, ..Attach::default() }.encode(out);
    });
    assert!(peer.close_text().starts_with("amqp:frame-size-too-small"));
    attacked.has_recovered();
}

#[test]
fn peer_with_the_smallest_frames_gets_a_large_event_whole() {
    let attacked = Attacked::new();
    let body = vec![b'x'; 200_000];
    attacked.hub().append(PartitionId::new(1), &NewEvent { body: &body, ..NewEvent::default() }).unwrap();
    let mut peer = Peer::open_with(attacked.address(), &Open { max_frame_size: Some(1), ..OPEN });
    peer.attach_reader(0, "events/ConsumerGroups/x/Partitions/1", None, 1);
    let (mut whole, mut frames) = (Vec::new(), 0);
    while !whole.ends_with(&body[..]) {
        let frame = peer.frame().unwrap();
        assert!(frame.body.len() + 8 <= 512);
        if let (Performative::Transfer(_), payload) = Performative::decode(&frame.body).unwrap() {
            whole.extend_from_slice(payload);
            frames += 1;
        }
    }
    assert!(frames > 390, "{frames}");
    drop((peer, whole, body));
    attacked.has_recovered();
}
