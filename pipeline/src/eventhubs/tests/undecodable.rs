//! Messages that can't be decoded. Each is an event with all its bytes, its position and a reason, or a counted drop.
//! None ends its link, and the events before and after it arrive.
//!
//! Only ours is tested: other receivers end the link here.

use std::collections::BTreeSet;

use super::conformance::{attach, linked};
use super::either::{Kind, Receiver};
use super::peer::{ClientFrame, Peer, event, put_delivery};
use super::{FIRST, MIB};
use crate::amqp::encode::{Encoder, encode_to_vec};
use crate::amqp::sections::code;
use crate::event::RawBatch;
use crate::eventhubs::{Error, ErrorKind, Replay, Start};
use crate::position::{Offset, SequenceNumber};

const TIME: i64 = 1_700_000_000_000;

fn section(code: u8, value: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    encode_to_vec(|out| out.described(code, value))
}

fn map(code: u8) -> Vec<u8> {
    section(code, |out| out.map(|_| ()))
}

fn data(value: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    section(code::DATA, value)
}

type Write = fn(&mut Encoder<'_>);

/// The annotations of event 7, with its number, offset and time as written by the arguments; `None` omits one.
fn annotations(number: Option<Write>, offset: Option<Write>, time: Option<Write>) -> Vec<u8> {
    section(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            let pairs =
                [("x-opt-sequence-number", number), ("x-opt-offset", offset), ("x-opt-enqueued-time", time)];
            for (name, write) in pairs {
                if let Some(write) = write {
                    map.symbol(name);
                    write(map);
                }
            }
        });
    })
}

const NUMBER: Option<Write> = Some(|out| out.long(7));
const OFFSET: Option<Write> = Some(|out| out.string("700"));
const ENQUEUED: Option<Write> = Some(|out| out.timestamp(TIME));

fn placed() -> Vec<u8> {
    annotations(NUMBER, OFFSET, ENQUEUED)
}

/// Replays deliveries in frames of at most `piece` bytes.
fn replay(messages: &[&[u8]], piece: usize) -> (Replay, Vec<RawBatch>) {
    let mut replay = Replay::new(FIRST, 3, -1, MIB).unwrap();
    for (id, message) in (0..).zip(messages) {
        let mut frames = Vec::new();
        put_delivery(&mut frames, 3, 0, id, true, message, piece);
        assert_eq!(replay.feed(&frames).unwrap(), frames.len());
    }
    let batches = std::iter::from_fn(|| replay.take()).collect();
    (replay, batches)
}

fn numbers(batches: &[RawBatch]) -> Vec<i64> {
    super::numbers(batches)
}

/// Event 7 arrives between two decodable ones, with all its bytes. `offset` and `time` are the readable values of its
/// position.
#[track_caller]
fn check(message: &[u8], reason: &str, byte_offset: Option<usize>, (offset, time): (&str, i64)) {
    let good = [event(6, b"before"), event(8, b"after")];
    for piece in [usize::MAX, 64, 7, 1] {
        let (mut link, batches) = replay(&[&good[0], message, &good[1]], piece);
        assert!(link.failure().is_none(), "{reason}");
        assert_eq!(
            (numbers(&batches), link.unreadable()),
            (vec![6, 7, 8], 0),
            "{reason}, in pieces of {piece}"
        );
        let events: Vec<_> = batches.iter().flat_map(RawBatch::iter).collect();
        assert_eq!([events[0].body, events[2].body], [&b"before"[..], b"after"]);
        let why = events[1].undecodable.expect(reason);
        assert_eq!((why.reason, why.byte_offset), (reason, byte_offset), "in pieces of {piece}");
        assert!(events[1].body == message, "{reason}: all its bytes, in pieces of {piece}");
        assert_eq!((events[1].offset, events[1].enqueued_time.get()), (offset, time), "{reason}");
        assert!(events[0].reject().is_none() && events[2].reject().is_none());
    }
}

/// As [`check`], for sections after valid annotations; `at` is the place of the fault in those sections.
#[track_caller]
fn check_rest(rest: &[&[u8]], reason: &str, at: usize) {
    let placed = placed();
    check(&[&placed[..], &rest.concat()].concat(), reason, Some(placed.len() + at), ("700", TIME));
}

fn body() -> Vec<u8> {
    data(|out| out.binary(b"body"))
}

#[test]
fn damaged_bodies_have_a_reason() {
    let (body, end) = (body(), body().len());
    let null = data(|out| out.nulls(1));
    let value = section(code::VALUE, |out| out.string("body"));
    let sequence = section(code::SEQUENCE, |out| out.list(|_| ()));
    let reason = "the value of a Data section is null instead of a binary";
    check_rest(&[&null], reason, 3);
    check_rest(&[&body, &null], reason, end + 3);
    let kinds: [(Write, &str); 4] = [
        (|out| out.string("x"), "a string"),
        (|out| out.list(|_| ()), "a list"),
        (|out| out.map(|_| ()), "a map"),
        (|out| out.described(9, |out| out.binary(b"x")), "a described value"),
    ];
    for (write, kind) in kinds {
        let reason = format!("the value of a Data section is {kind} instead of a binary");
        check_rest(&[&data(write)], &reason, 3);
    }
    let reason = "the value of an AmqpSequence section is a map instead of a list";
    check_rest(&[&map(code::SEQUENCE)], reason, 3);
    check_rest(&[&body, &value], "an AmqpValue section after a Data section", end);
    check_rest(&[&body, &sequence], "an AmqpSequence section after a Data section", end);
    check_rest(&[&value, &value], "an AmqpValue section after an AmqpValue section", value.len());
}

#[test]
fn sections_out_of_order_have_a_reason() {
    let (body, end) = (body(), body().len());
    let [header, properties] =
        [code::HEADER, code::PROPERTIES].map(|code| section(code, |out| out.list(|_| ())));
    let [delivery, application, footer] =
        [code::DELIVERY_ANNOTATIONS, code::APPLICATION_PROPERTIES, code::FOOTER].map(map);
    let other = annotations(Some(|out| out.long(99)), OFFSET, ENQUEUED);
    check_rest(&[&body, &footer, &body], "a Data section after a footer", end + footer.len());
    check_rest(&[&footer, &body, &footer], "a footer after a footer", footer.len() + end);
    let reason = "delivery annotations after a Data section";
    check_rest(&[&delivery, &body, &delivery], "delivery annotations after message annotations", 0);
    check_rest(&[&body, &delivery, &delivery], reason, end + delivery.len());
    check_rest(&[&body, &footer, &footer], "a footer after a footer", end + footer.len());
    check_rest(&[&body, &header], "a header after a Data section", end);
    check_rest(&[&header, &body], "a header after message annotations", 0);
    check_rest(&[&delivery, &body], "delivery annotations after message annotations", 0);
    check_rest(&[&other, &body], "message annotations after message annotations", 0);
    check_rest(&[&properties, &properties], "properties after properties", properties.len());
    let reason = "properties after application properties";
    check_rest(&[&application, &properties], reason, application.len());
    let reason = "application properties after application properties";
    check_rest(&[&application, &application], reason, application.len());
    // The annotations may follow the body.
    let reason = "message annotations after a Data section";
    check(&[&body[..], &placed()].concat(), reason, Some(end), ("700", TIME));
}

/// The JavaScript SDK writes a footer before the body, the Python SDK writes delivery annotations last.
#[test]
fn sections_in_the_order_of_an_sdk_are_an_event() {
    let body = body();
    let [delivery, footer] = [code::DELIVERY_ANNOTATIONS, code::FOOTER].map(map);
    let orders: [&[&[u8]]; 5] = [
        &[&footer, &body],
        &[&footer, &body, &body],
        &[&body, &delivery],
        &[&body, &footer, &delivery],
        &[&footer, &body, &delivery],
    ];
    for sections in orders {
        let message = [&placed()[..], &sections.concat()].concat();
        for piece in 1..=message.len() {
            let (_, batches) = replay(&[&message], piece);
            let events: Vec<_> = batches.iter().flat_map(RawBatch::iter).collect();
            assert_eq!(events.len(), 1);
            assert!(events[0].reject().is_none(), "{:?}", events[0].reject());
            assert!(events[0].body.starts_with(b"body"), "in pieces of {piece}");
        }
    }
}

#[test]
fn malformed_sections_have_a_reason() {
    let (body, end) = (body(), body().len());
    let reason = "properties can't be read: a value is not a list of properties";
    check_rest(&[&map(code::PROPERTIES)], reason, 3);
    let reason = "a section is of an unknown kind: 0x79 is not a descriptor allowed here";
    check_rest(&[&section(0x79, |out| out.nulls(1))], reason, 0);
    let reason = "a section is of an unknown kind: a value is not a known descriptor";
    let [name, null] = [encode_to_vec(|out| out.symbol("x:data")), encode_to_vec(|out| out.nulls(1))];
    check_rest(&[&[0x00], &name, &null], reason, 0);
    check_rest(&[&body, b"text"], "bytes that are not a section", end);
    check_rest(&[&body[..end - 1]], "a Data section is cut short", 0);
    check_rest(&[&[0x00, 0x53]], "a section is cut short", 0);
    let reason = "a footer can't be read: 0x10 is not an AMQP type code";
    check_rest(&[&[0x00, 0x53, code::FOOTER, 0x10]], reason, 0);
    let reason = "an AmqpValue section can't be read: described values are nested too deep";
    check_rest(&[&[0x00, 0x53, code::VALUE], &[0; 40]], reason, 0);
    let list = section(code::DELIVERY_ANNOTATIONS, |out| out.list(|_| ()));
    let reason = "delivery annotations can't be read: a value is not a map of annotations";
    check(&[&list[..], &placed(), &body].concat(), reason, Some(3), ("700", TIME));
}

#[test]
fn unusable_annotations_have_a_reason_and_others_count() {
    let body = body();
    let value_of = |name: &str, message: &[u8]| {
        let at = message.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap();
        Some(at + name.len())
    };
    let offsets: [(Option<Write>, &str); 4] = [
        (None, "x-opt-offset is missing"),
        (Some(|out| out.nulls(1)), "x-opt-offset is null instead of a string"),
        (Some(|out| out.long(700)), "x-opt-offset is a long instead of a string"),
        (Some(|out| out.raw(&[0xa1, 1, 0xff])), "x-opt-offset can't be read: a string is not UTF-8"),
    ];
    for (offset, reason) in offsets {
        let message = [annotations(NUMBER, offset, ENQUEUED), body.clone()].concat();
        let at = offset.and_then(|_| value_of("x-opt-offset", &message));
        check(&message, reason, at, ("", TIME));
    }
    let times: [(Option<Write>, &str); 7] = [
        (None, "x-opt-enqueued-time is missing"),
        (Some(|out| out.long(TIME)), "x-opt-enqueued-time is a long instead of a timestamp"),
        (Some(|out| out.string("today")), "x-opt-enqueued-time is a string instead of a timestamp"),
        (
            Some(|out| out.timestamp(638_744_631_378_580_000)),
            "x-opt-enqueued-time is 638744631378580000 ms, which is outside the years 1 to 9999",
        ),
        (
            Some(|out| out.timestamp(253_402_300_800_000)),
            "x-opt-enqueued-time is 253402300800000 ms, which is outside the years 1 to 9999",
        ),
        (
            Some(|out| out.timestamp(-62_135_596_800_001)),
            "x-opt-enqueued-time is -62135596800001 ms, which is outside the years 1 to 9999",
        ),
        (
            Some(|out| out.timestamp(i64::MIN)),
            "x-opt-enqueued-time is -9223372036854775808 ms, which is outside the years 1 to 9999",
        ),
    ];
    for (time, reason) in times {
        let message = [annotations(NUMBER, OFFSET, time), body.clone()].concat();
        let at = time.and_then(|_| value_of("x-opt-enqueued-time", &message));
        check(&message, reason, at, ("700", 0));
    }
    let several = [annotations(NUMBER, None, None), data(|out| out.nulls(1))].concat();
    let reason = "the value of a Data section is null instead of a binary; x-opt-offset is missing; \
                  x-opt-enqueued-time is missing";
    check(&several, reason, Some(several.len() - 1), ("", 0));
    // A number of another type still identifies the event.
    let wrong: [(Write, &str); 2] = [(|out| out.ulong(7), "a ulong"), (|out| out.int(7), "an int")];
    for (number, kind) in wrong {
        let message = [annotations(Some(number), OFFSET, ENQUEUED), body.clone()].concat();
        let reason = format!("x-opt-sequence-number is {kind} instead of a long");
        check(&message, &reason, value_of("x-opt-sequence-number", &message), ("700", TIME));
    }
    let incomplete = section(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("x-opt-sequence-number");
            map.long(7);
            map.symbol("x-opt-offset");
        });
    });
    let reason = "message annotations can't be read: a value is not a map: its last key has no value; \
                  x-opt-offset is missing; x-opt-enqueued-time is missing";
    check(&[incomplete, body].concat(), reason, Some(3), ("", 0));
}

#[test]
fn times_at_the_ends_of_the_range_are_usable() {
    for time in [-62_135_596_800_000, 0, 253_402_300_799_999] {
        let annotations = section(code::MESSAGE_ANNOTATIONS, |out| {
            out.map(|map| {
                map.symbol("x-opt-sequence-number");
                map.long(0);
                map.symbol("x-opt-offset");
                map.string("0");
                map.symbol("x-opt-enqueued-time");
                map.timestamp(time);
            });
        });
        let (_, batches) = replay(&[&[annotations, data(|out| out.binary(b"body"))].concat()], usize::MAX);
        let event = batches[0].iter().next().unwrap();
        assert_eq!((event.enqueued_time.get(), event.undecodable), (time, None));
    }
}

#[test]
fn content_types_that_are_not_text_count_as_absent() {
    let properties = section(code::PROPERTIES, |out| {
        out.list(|list| {
            list.nulls(6);
            list.int(5);
        });
    });
    let message = [placed(), properties, data(|out| out.binary(b"body"))].concat();
    let (_, batches) = replay(&[&message, &message], usize::MAX);
    let event = batches[0].iter().next().unwrap();
    assert_eq!((event.body, event.content_type, event.undecodable), (&b"body"[..], "", None));
}

#[test]
fn readable_sections_of_an_undecodable_message_are_kept() {
    let properties = section(code::PROPERTIES, |out| {
        out.list(|list| {
            list.nulls(6);
            list.symbol("application/json");
        });
    });
    let application = section(code::APPLICATION_PROPERTIES, |out| {
        out.map(|map| {
            map.string("a");
            map.uint(1);
        });
    });
    let message = [placed(), properties, application, data(|out| out.nulls(1))].concat();
    let (_, batches) = replay(&[&message], usize::MAX);
    let event = batches[0].iter().next().unwrap();
    assert_eq!(
        (super::properties_of(&event).as_str(), event.content_type),
        (r#"{"a":1}"#, "application/json")
    );
    assert_eq!(event.body, message);
}

/// Messages without a usable sequence number.
fn without_number() -> Vec<(Vec<u8>, &'static str)> {
    let body = body();
    let with = |number: Option<Write>| [annotations(number, OFFSET, ENQUEUED), body.clone()].concat();
    vec![
        (Vec::new(), "no bytes"),
        (b"{\"MessageName\":\"Update\"}".to_vec(), "not AMQP"),
        (body.clone(), "no annotations"),
        ([section(code::MESSAGE_ANNOTATIONS, |out| out.list(|_| ())), body.clone()].concat(), "a list"),
        ([section(code::MESSAGE_ANNOTATIONS, |out| out.nulls(1)), body.clone()].concat(), "null"),
        (placed()[..placed().len() - 1].to_vec(), "cut annotations"),
        (with(None), "no number"),
        (with(Some(|out| out.nulls(1))), "a null"),
        (with(Some(|out| out.string("7"))), "a string"),
        (with(Some(|out| out.long(-7))), "a negative number"),
        (with(Some(|out| out.ulong(u64::MAX))), "a number out of range"),
        (with(Some(|out| out.long(i64::MAX))), "the last number, which no other can follow"),
        (with(Some(|out| out.raw(&[0xa1, 1, 0xff]))), "a value that can't be read"),
    ]
}

#[test]
fn deliveries_without_a_sequence_number_are_dropped_and_counted() {
    for (message, why) in without_number() {
        let good = [event(6, b"before"), event(8, b"after")];
        for piece in [usize::MAX, 7] {
            let (mut link, batches) = replay(&[&good[0], &message, &message, &good[1], &message], piece);
            assert!(link.failure().is_none(), "{why}");
            let counted: Vec<_> = batches.iter().map(|batch| (batch.first(), batch.unreadable())).collect();
            let number = |number| Some(SequenceNumber::new(number));
            assert_eq!(counted, [(number(6), 0), (number(8), 2)], "{why}, in pieces of {piece}");
            assert_eq!(link.unreadable(), 1, "{why}: no event follows the last one");
        }
    }
}

#[test]
fn first_number_out_of_order_is_dropped_and_the_second_ends_the_link() {
    let read = |numbers_sent: &[i64]| {
        let messages: Vec<_> = numbers_sent.iter().map(|number| event(*number, b"x")).collect();
        let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
        let (mut link, batches) = replay(&messages, usize::MAX);
        let dropped = batches.iter().map(RawBatch::unreadable).sum::<u32>() + link.unreadable();
        (numbers(&batches), dropped, link.failure().map(|error| error.to_string()))
    };
    let went_back = |arrived, position| {
        let error = Error::WentBack { partition: FIRST, arrived, position };
        assert_eq!(error.kind(), ErrorKind::PositionLost);
        Some(error.to_string())
    };
    assert_eq!(read(&[5, 6, 6, 7]), (vec![5, 6, 7], 1, None), "repeated");
    assert_eq!(read(&[5, 6, 2, 7, 7, 8, 1]), (vec![5, 6, 7, 8], 3, None));
    assert_eq!(read(&[5, 6, 0, 1, 2]), (vec![5, 6], 1, went_back(1, 6)));
    let mut replay = Replay::new(FIRST, 3, 10, MIB).unwrap();
    let mut frames = Vec::new();
    put_delivery(&mut frames, 3, 0, 0, true, &event(10, b"x"), usize::MAX);
    replay.feed(&frames).unwrap();
    assert_eq!(
        replay.failure().map(|error| error.to_string()),
        went_back(10, 10),
        "the first delivery of a link"
    );
}

#[tokio::test]
async fn undecodable_and_dropped_deliveries_are_settled_and_restore_credit() {
    /// Several times the credit of an empty link.
    const DELIVERIES: i64 = 3_000;
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let (receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    let Receiver::Ours(mut receiver) = receiver else { panic!("ours was attached") };
    let dropped = without_number();
    let hub = async {
        let (mut limit, mut settled) = (0, BTreeSet::new());
        let mut sent = 0;
        while sent < DELIVERIES || settled.len() < DELIVERIES as usize {
            if sent < limit.min(DELIVERIES) {
                let good = event(sent, b"body");
                let message = match sent % 3 {
                    0 => &good,
                    // Only its body is undecodable.
                    1 => &[
                        &good[..good.len() - data(|out| out.binary(b"body")).len()],
                        &data(|out| out.nulls(1)),
                    ]
                    .concat(),
                    _ => &dropped[sent as usize % dropped.len()].0,
                };
                link.send(message, false, 60_000).await;
                sent += 1;
                continue;
            }
            match link.next_frame().await {
                ClientFrame::Flow(flow) => {
                    if let (Some(count), Some(credit)) = (flow.delivery_count, flow.link_credit) {
                        limit = limit.max(i64::from(count + credit));
                    }
                }
                ClientFrame::Accepted(first, last) => settled.extend(first..=last),
                other => panic!("{other:?}"),
            }
        }
        link
    };
    let reading = async {
        let (mut read, mut undecodable, mut dropped) = (0, 0, 0);
        while read < DELIVERIES * 2 / 3 {
            let batch = receiver.next_batch().await.unwrap();
            read += batch.len() as i64;
            undecodable += batch.iter().filter(|event| event.undecodable.is_some()).count() as i64;
            dropped += i64::from(batch.unreadable());
        }
        (undecodable, dropped, receiver)
    };
    let ((undecodable, dropped, receiver), _link) = tokio::join!(reading, hub);
    let dropped = dropped + i64::from(receiver.unreadable());
    assert_eq!((undecodable, dropped), (DELIVERIES / 3, DELIVERIES / 3));
}

#[tokio::test]
async fn unknown_offset_resumes_by_sequence_number() {
    let mut peer = Peer::start(None).await;
    let client = peer.client();
    let start = Start::After { offset: Offset::new(""), sequence_number: SequenceNumber::new(41) };
    let (receiver, ()) = tokio::join!(attach(Kind::Ours, &client, start), async {
        let mut link = peer.link().await;
        assert_eq!(link.filter, "amqp.annotation.x-opt-sequence-number > '41'");
        link.accept().await;
    });
    drop(receiver);
}
