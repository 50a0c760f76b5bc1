//! Handshakes, sessions, and protocol violations.

use super::client::{Client, READER, append, hub, message, read, refusal};
use crate::amqp::frames::put_sasl_frame;
use crate::amqp::performatives::{Attach, Open, Performative, Role, Transfer, encode_end};
use crate::amqp::sasl::{Init, encode_init};
use crate::amqp::{AMQP_HEADER, SASL_HEADER, condition};

#[test]
fn handshake_has_the_figures_of_the_service() {
    let hub = hub();
    let mut client = Client::silent(&hub);
    client.bytes(&SASL_HEADER);
    let mut init = Vec::new();
    put_sasl_frame(&mut init, |out| {
        encode_init(&Init { mechanism: "MSSBCBS", initial_response: b"" }, "localhost", out);
    });
    client.bytes(&init);
    client.bytes(&AMQP_HEADER);
    client.send(0, |out| Open { container_id: "me", ..Open::default() }.encode(out));
    client.begin(3, 10);
    let frames = client.handshake();
    let Performative::Open(open) = read(&frames[0]) else { panic!("{frames:?}") };
    assert_eq!((open.max_frame_size, open.channel_max), (Some(65_536), Some(4999)));
    assert_eq!(open.idle_time_out, Some(240_000));
    let Performative::Begin(begin) = read(&frames[1]) else { panic!("{frames:?}") };
    assert_eq!((frames[1].channel, begin.remote_channel, begin.handle_max), (3, Some(3), Some(255)));
    assert_eq!((begin.incoming_window, begin.outgoing_window), (5000, 5000));
}

#[test]
fn wrong_password_gets_an_outcome_and_no_open() {
    let hub = hub();
    let mut client = Client::silent(&hub);
    client.bytes(&SASL_HEADER);
    let mut init = Vec::new();
    put_sasl_frame(&mut init, |out| {
        let initial_response = b"\0RootManageSharedAccessKey\0wrong";
        encode_init(&Init { mechanism: "PLAIN", initial_response }, "localhost", out);
    });
    client.bytes(&init);
    assert!(client.connection.is_over());
    client.raw_answer();
    client.bytes(&AMQP_HEADER);
    client.send(0, |out| Open { container_id: "me", ..Open::default() }.encode(out));
    assert_eq!(client.raw_answer(), b"", "frames after the refusal are not answered");
}

#[test]
fn another_protocol_gets_the_sasl_header() {
    for first in [*b"GET / HT", AMQP_HEADER] {
        let hub = hub();
        let mut client = Client::silent(&hub);
        client.bytes(&first);
        assert_eq!(client.raw_answer(), SASL_HEADER);
        assert!(client.connection.is_over());
    }
}

#[track_caller]
fn check(violate: impl FnOnce(&mut Client), condition: &str, connection_over: bool) {
    let hub = hub();
    let mut client = Client::connect(&hub);
    violate(&mut client);
    assert_eq!(refusal(&client.frames()).0, condition);
    assert_eq!(client.connection.is_over(), connection_over);
}

#[test]
fn violations_end_the_session_or_the_connection() {
    let attach = |handle| Attach { name: "x", handle, role: Role::Sender, ..Attach::default() };
    check(|client| client.bytes(&[0xff; 8]), condition::FRAMING_ERROR, true);
    check(|client| client.bytes(&[0, 0, 0, 8, 1, 0, 0, 0]), condition::FRAMING_ERROR, true);
    check(|client| client.bytes(&[0, 0, 0, 9, 2, 1, 0, 0, 0]), condition::FRAMING_ERROR, true);
    check(|client| client.send(0, |out| out.push(0x3f)), condition::DECODE_ERROR, true);
    check(|client| client.send(0, |out| out.extend([0x00; 5000])), condition::DECODE_ERROR, true);
    check(|client| client.send(0, |out| out.extend([0x00, 0x53, 0x10, 0x45])), condition::DECODE_ERROR, true);
    check(|client| client.send(9, |out| attach(0).encode(out)), condition::ILLEGAL_STATE, true);
    check(|client| client.send(0, |out| attach(256).encode(out)), condition::FRAMING_ERROR, true);
    check(|client| client.begin(5000, 1), condition::FRAMING_ERROR, true);
    check(|client| client.begin(0, 1), condition::FRAMING_ERROR, true);
    check(|client| client.credit(7, 0, 1), condition::UNATTACHED_HANDLE, false);
    check(|client| client.detach(7), condition::UNATTACHED_HANDLE, false);
    check(|client| client.transfer(&Transfer::default(), b""), condition::UNATTACHED_HANDLE, false);
    let twice = |client: &mut Client| {
        client.attach_sender(0, "events");
        client.attach_sender(0, "events");
    };
    check(twice, condition::HANDLE_IN_USE, false);
}

#[test]
fn a_session_that_the_hub_has_ended_can_be_begun_again() {
    let hub = hub();
    let mut client = Client::connect(&hub);
    client.detach(7);
    assert_eq!(refusal(&client.frames()).0, condition::UNATTACHED_HANDLE);
    client.attach_sender(0, "events");
    assert_eq!(client.frames(), [], "frames in flight are dropped");
    client.send(0, |out| encode_end(None, out));
    client.begin(0, 10);
    client.attach_sender(0, "events");
    let frames = client.frames();
    assert!(matches!(read(&frames[0]), Performative::Begin(_)), "{frames:?}");
    assert!(matches!(read(&frames[1]), Performative::Attach(_)), "{frames:?}");
    client.send(0, |out| encode_end(None, out));
    let frames = client.frames();
    assert!(matches!(read(&frames[0]), Performative::End(None)), "{frames:?}");
}

#[test]
fn second_cbs_link_of_a_role_is_refused() {
    let hub = hub();
    let mut client = Client::connect_with(&hub, b"", 65_536);
    client.attach_sender(0, "$cbs");
    client.frames();
    client.attach_sender(1, "$cbs");
    let (condition, text) = refusal(&client.frames());
    assert_eq!(condition, condition::NOT_ALLOWED);
    assert!(text.contains("$cbs node has already been opened"), "{text}");
}

/// Advances a linear congruential generator, so that the test below is deterministic.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn damaged_frames_affect_only_their_connection() {
    let hub = hub();
    append(&hub, &[b"one", b"two"]);
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let source = crate::amqp::performatives::Source { address: Some(READER), filter: None };
    let reader = Attach { name: "r", role: Role::Receiver, source: Some(source), ..Attach::default() };
    let target = crate::amqp::performatives::Target { address: Some("events") };
    let sender = Attach { name: "s", handle: 1, target: Some(target), ..Attach::default() };
    let transfer =
        Transfer { handle: 1, delivery_id: Some(0), delivery_tag: Some(b"t"), ..Transfer::default() };
    frames.push(body(|out| reader.encode(out)));
    frames.push(body(|out| sender.encode(out)));
    frames.push(body(|out| {
        transfer.encode(out);
        out.extend(message(b"three"));
    }));
    let mut state = 7;
    for _ in 0..3000 {
        let mut client = Client::connect(&hub);
        for frame in &frames {
            let mut damaged = frame.clone();
            for _ in 0..=next(&mut state) % 3 {
                let at = next(&mut state) as usize % damaged.len();
                damaged[at] = next(&mut state) as u8;
            }
            client.send(0, |out| out.extend_from_slice(&damaged));
        }
        client.frames();
    }
    let mut client = Client::connect(&hub);
    client.attach_reader(0, |_| ());
    client.credit(0, 0, 2);
    assert_eq!(super::client::deliveries(&client.frames()).len(), 2, "the hub still works");
}

fn body(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}
