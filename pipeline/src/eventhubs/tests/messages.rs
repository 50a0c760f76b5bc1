//! Generated messages, decoded by hand and by `serde_amqp`. A message that both accept is the same event. A message
//! that `serde_amqp` accepts is accepted by ours, unless its sections are out of order. No message ends its link.

use fe2o3_amqp_types::messaging::Body;
use fe2o3_amqp_types::messaging::message::DecodeIntoMessage as _;
use fe2o3_amqp_types::primitives::LazyValue;

use super::peer::put_delivery;
use super::reference::{Place, last_enqueued, push};
use super::{FIRST, properties_of};
use crate::amqp::codec::{Cursor, Value};
use crate::amqp::encode::Encoder;
use crate::amqp::sections::{Message, Sections, code};
use crate::budget::Budget;
use crate::event::{RawBatch, RawBatchBuilder};
use crate::eventhubs::Replay;

/// An event, or the reason why a message is not one.
type Outcome = Result<(i64, String, i64, String, String, bool, Vec<u8>), String>;

fn outcome_of(batch: &RawBatch) -> Outcome {
    let event = batch.iter().next().ok_or("no event")?;
    if let Some(reject) = event.reject() {
        return Err(reject.reason.to_string());
    }
    let [offset, content_type] = [event.offset, event.content_type].map(str::to_owned);
    let properties = properties_of(&event);
    let number = event.sequence_number.get();
    let (time, exceeded) = (event.enqueued_time.get(), event.size_exceeded);
    Ok((number, offset, time, content_type, properties, exceeded, event.body.to_vec()))
}

fn ours(message: &[u8], piece: usize) -> Outcome {
    let mut replay = Replay::new(FIRST, 3, i64::MIN, 1 << 20).unwrap();
    let mut frames = Vec::new();
    put_delivery(&mut frames, 3, 0, 0, true, message, piece);
    assert_eq!(replay.feed(&frames).unwrap(), frames.len());
    assert!(replay.failure().is_none(), "{message:02x?}");
    let Some(batch) = replay.take() else {
        assert_eq!(replay.unreadable(), 1, "{message:02x?}");
        return Err("no number".to_owned());
    };
    let undecodable = batch.iter().find(|event| event.undecodable.is_some());
    assert!(undecodable.is_none_or(|event| event.body == message), "{message:02x?}");
    outcome_of(&batch)
}

fn reference(message: &[u8]) -> Outcome {
    // serde_amqp panics on some wrong sizes.
    std::panic::catch_unwind(|| decode_reference(message)).unwrap_or_else(|_| Err("it panics".to_owned()))
}

fn decode_reference(message: &[u8]) -> Outcome {
    let reader = serde_amqp::read::SliceReader::new(message);
    let received =
        Body::<LazyValue>::decode_message_from_reader(reader).map_err(|error| error.to_string())?;
    let place = Place::of(received.message_annotations.as_ref())?;
    let last = last_enqueued(received.delivery_annotations.as_ref());
    if last.is_some_and(|last| place.sequence_number.get().saturating_sub(last.get()) > 1_000_000) {
        return Err("a number far beyond the hub's last one".to_owned());
    }
    let mut batch = RawBatchBuilder::new(FIRST, Budget::new(u64::MAX).charge(0));
    push(&mut batch, &place, &received);
    outcome_of(&batch.build())
}

/// A seeded random number generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn text(&mut self) -> String {
        let words = ["", "a", "é\n", "\"\\", "x-opt-offset", "MessageMaxSizeExceeded", "\u{1f}\u{7f}", "z/"];
        (0..self.roll(4)).map(|_| words[self.roll(words.len())]).collect::<String>()
            + &self.roll(50).to_string()
    }
}

/// Writes a random value of a type that properties may have.
fn value(dice: &mut Dice, out: &mut Encoder<'_>) {
    match dice.roll(19) {
        0 => out.null(),
        1 => out.bool(dice.roll(2) == 0),
        2 => out.ubyte(dice.roll(256) as u8),
        3 => out.ushort(dice.roll(65_536) as u16),
        4 => out.uint(dice.roll(300) as u32),
        5 => out.ulong(dice.roll(1 << 30) as u64),
        6 => out.raw(&[0x51, dice.roll(256) as u8]),
        7 => out.raw(&[0x61, dice.roll(256) as u8, 1]),
        8 => out.int(-(dice.roll(70_000) as i32)),
        9 => out.long(dice.roll(1 << 30) as i64 - (1 << 29)),
        10 => out.raw(&[&[0x72][..], &(dice.roll(1_000) as f32 / 7.0).to_be_bytes()].concat()),
        11 => out.raw(&[&[0x82][..], &(dice.roll(1 << 30) as f64 * 1e-5).to_be_bytes()].concat()),
        12 => out.raw(&[&[0x82][..], &[f64::NAN, f64::INFINITY, -0.0][dice.roll(3)].to_be_bytes()].concat()),
        13 => out.raw(&[0x73, 0, 0, 0, b' ' + dice.roll(90) as u8]),
        14 => out.timestamp(dice.roll(1 << 30) as i64),
        15 => out.raw(&[&[0x98][..], &[dice.roll(256) as u8; 16]].concat()),
        16 => out.binary(&vec![dice.roll(256) as u8; dice.roll(300)]),
        17 => out.symbol(&format!("s{}", dice.roll(9))),
        _ => out.string(&dice.text()),
    }
}

fn generated(dice: &mut Dice) -> Vec<u8> {
    let mut message = Vec::new();
    let mut out = Encoder::new(&mut message);
    if dice.roll(3) == 0 {
        out.described(code::HEADER, |out| {
            out.list(|list| {
                list.bool(true);
                list.ubyte(4);
            });
        });
    }
    if dice.roll(2) == 0 {
        out.described(code::DELIVERY_ANNOTATIONS, |out| {
            out.map(|map| {
                map.symbol("last_enqueued_sequence_number");
                map.long(dice.roll(100) as i64);
                map.symbol("runtime_info_retrieval_time_utc");
                map.timestamp(5);
            });
        });
    }
    if dice.roll(20) > 0 {
        message_annotations(dice, &mut out);
    }
    if dice.roll(2) == 0 {
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.ulong(dice.roll(1000) as u64);
                list.nulls(5);
                if dice.roll(2) == 0 {
                    list.symbol("application/json");
                }
            });
        });
    }
    if dice.roll(2) == 0 {
        out.described(code::APPLICATION_PROPERTIES, |out| {
            out.map(|map| {
                for _ in 0..dice.roll(7) * (1 + dice.roll(2) * dice.roll(6)) {
                    map.string(&dice.text());
                    value(dice, map);
                }
            });
        });
    }
    body(dice, &mut out);
    if dice.roll(5) == 0 {
        out.described(code::FOOTER, |out| out.map(|_| ()));
    }
    message
}

fn message_annotations(dice: &mut Dice, out: &mut Encoder<'_>) {
    out.described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            for part in 0..4 {
                if dice.roll(60) == 0 {
                    continue;
                }
                match part {
                    0 => {
                        map.symbol("x-opt-sequence-number");
                        map.long(dice.roll(1 << 20) as i64);
                    }
                    1 => {
                        map.symbol("x-opt-offset");
                        map.string(&dice.text());
                    }
                    2 => {
                        map.symbol("x-opt-enqueued-time");
                        map.timestamp(dice.roll(1 << 30) as i64);
                    }
                    _ => {
                        map.symbol("x-opt-partition-key");
                        value(dice, map);
                    }
                }
            }
        });
    });
}

fn body(dice: &mut Dice, out: &mut Encoder<'_>) {
    match dice.roll(8) {
        0 => {}
        1 => out.described(code::VALUE, |out| value(dice, out)),
        2 => out.described(code::VALUE, |out| out.map(|map| map.strings(["a", "b"].into_iter()))),
        3 => {
            for _ in 0..=dice.roll(2) {
                out.described(code::SEQUENCE, |out| {
                    out.list(|list| (0..dice.roll(5)).for_each(|_| value(dice, list)));
                });
            }
        }
        4 => (0..dice.roll(4)).for_each(|_| {
            out.described(code::DATA, |out| out.binary(&vec![dice.roll(256) as u8; dice.roll(400)]));
        }),
        _ => out.described(code::DATA, |out| out.binary(&vec![dice.roll(256) as u8; dice.roll(3000)])),
    }
}

/// Returns whether the sections are in order and every compound before the body has as many items as it states.
fn is_sound(message: &[u8]) -> bool {
    Message::scan(message).is_ok()
        && Sections::new(message).all(|section| {
            section.is_ok_and(|section| {
                section.code == code::VALUE || section.code == code::FOOTER || is_whole(section.value)
            })
        })
}

fn is_whole(value: &[u8]) -> bool {
    match Value::read(value) {
        Ok(Value::List(mut items) | Value::Map(mut items)) => {
            (0..items.len()).all(|_| items.next_raw().is_ok_and(is_whole))
        }
        Ok(Value::Array(mut items)) => items.all(|item| item.is_ok()),
        read => read.is_ok(),
    }
}

fn has_sequence(message: &[u8]) -> bool {
    Sections::new(message).any(|section| section.is_ok_and(|section| section.code == code::SEQUENCE))
}

/// Encodes the lists of a body of `AmqpSequence` sections as our encoder does; the reference keeps only their items.
fn encode_lists_again(body: &[u8]) -> Vec<u8> {
    let mut cursor = Cursor::new(body);
    let mut again = Vec::new();
    while !cursor.is_empty() {
        let Value::List(mut items) = cursor.value().unwrap() else { panic!("{body:02x?}") };
        Encoder::new(&mut again)
            .list(|list| (0..items.len()).for_each(|_| list.raw(items.next_raw().unwrap())));
    }
    again
}

#[track_caller]
fn check(message: &[u8], dice: &mut Dice) {
    let (ours_whole, expected) = (ours(message, usize::MAX), reference(message));
    match (&ours_whole, &expected) {
        (Ok(ours), Ok(expected)) => {
            let mut ours = ours.clone();
            if has_sequence(message) {
                ours.6 = encode_lists_again(&ours.6);
            }
            assert_eq!(&ours, expected, "{message:02x?}");
        }
        (Err(why), Ok(expected)) => {
            // serde_amqp reads sections in any order, stops at the seventh, and ignores counts.
            assert!(!is_sound(message), "{why}, but serde_amqp reads {expected:?} from {message:02x?}");
        }
        (Ok(_) | Err(_), Err(_)) => {}
    }
    let piece = 1 + dice.roll(message.len().max(1));
    match (ours(message, piece), ours_whole) {
        (Ok(cut), Ok(whole)) => assert_eq!(cut, whole, "in pieces of {piece}: {message:02x?}"),
        (Err(cut), Err(whole)) => assert_eq!(cut, whole, "in pieces of {piece}: {message:02x?}"),
        (cut, whole) => panic!("in pieces of {piece} {cut:?}, but {whole:?}: {message:02x?}"),
    }
}

#[test]
fn unreadable_properties_leave_the_event_readable() {
    let mut message = Vec::new();
    let mut out = Encoder::new(&mut message);
    message_annotations(&mut Dice(4), &mut out);
    // A list in the place of a plain value.
    out.described(code::APPLICATION_PROPERTIES, |out| {
        out.map(|map| {
            map.string("a");
            map.raw(&[0xc0, 1, 0]);
        });
    });
    out.described(code::DATA, |out| out.binary(b"body"));
    assert!(reference(&message).is_err());
    let (.., properties, exceeded, body) = ours(&message, usize::MAX).unwrap();
    assert_eq!((&*properties, exceeded, &*body), (r#"{"a":"wAEA"}"#, false, &b"body"[..]));
}

#[test]
fn generated_messages_decode_alike() {
    let mut dice = Dice(1);
    let mut events = 0;
    for _ in 0..10_000 {
        let message = generated(&mut dice);
        check(&message, &mut dice);
        let ours = ours(&message, usize::MAX);
        assert_eq!(ours.is_ok(), reference(&message).is_ok(), "{ours:?}: {message:02x?}");
        events += usize::from(ours.is_ok());
    }
    assert!(events > 7_500, "{events}");
}

#[test]
fn broken_messages_decode_alike() {
    let mut dice = Dice(2);
    for _ in 0..10_000 {
        let mut message = generated(&mut dice);
        for _ in 0..=dice.roll(2) {
            let at = dice.roll(message.len().max(1)).min(message.len().saturating_sub(1));
            match dice.roll(5) {
                0 => message.truncate(at),
                1 if !message.is_empty() => drop(message.remove(at)),
                2 => message.insert(at, dice.roll(256) as u8),
                3 if !message.is_empty() => message[at] = [0x00, 0x40, 0x45, 0xff, 0xc1][dice.roll(5)],
                _ if !message.is_empty() => message[at] ^= 1 << dice.roll(8),
                _ => {}
            }
        }
        check(&message, &mut dice);
    }
}
