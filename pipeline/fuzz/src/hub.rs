//! Checks of the hub. Any bytes of a peer get answers of whole frames that can be read, no larger than the peer accepts.
//! After the end of the connection the hub sends nothing, and another peer still reads the hub's events.

use catchwater::internals::amqp::encode::{Encoder, encode_to_vec};
use catchwater::internals::amqp::frames::{put_frame, put_sasl_frame};
use catchwater::internals::amqp::performatives::{
    Attach, Begin, Detach, Disposition, Flow, Open, Performative, Role, Source, Target, Transfer,
    encode_close, encode_end,
};
use catchwater::internals::amqp::sasl::{Init, encode_init};
use catchwater::internals::amqp::sections::code;
use catchwater::internals::amqp::{AMQP_HEADER, SASL_HEADER};
use catchwater::internals::emulator::{BATCH_FORMAT, Config, NewEvent, Replay};
use catchwater::internals::position::PartitionId;

use super::dice::Dice;

/// Panics if the hub does not survive a peer with these bytes. The first byte chooses: raw bytes from the start of a
/// connection, raw bytes after the handshake, or choices that draw frames.
pub fn check(bytes: &[u8]) {
    let [kind, rest @ ..] = bytes else { return };
    let config = Config { partitions: 2, accepts_entra: true, ..Config::default() };
    let Ok(mut peer) = Replay::open(&config) else { return };
    let event = NewEvent { body: b"an honest event", ..NewEvent::default() };
    assert!(peer.append(PartitionId::new(0), &event).is_ok());
    let another = peer.further();
    match kind % 4 {
        0 => feed(&mut peer, rest, usize::MAX),
        1 => {
            open(&mut peer, LARGE);
            feed(&mut peer, rest, usize::MAX);
        }
        kind => {
            let limit = if kind == 2 { SMALL } else { LARGE };
            open(&mut peer, limit);
            let mut dice = Dice(rest);
            while !dice.0.is_empty() && !peer.is_over() {
                let mut frames = Vec::new();
                draw(&mut dice, &mut frames);
                feed(&mut peer, &frames, limit as usize);
            }
        }
    }
    reads_the_event(another);
}

/// The bytes of peers that keep the protocol, in pieces: a handshake, links, credit, events and requests.
pub fn peers() -> Vec<Vec<u8>> {
    let mut pieces = vec![handshake(SMALL), handshake(LARGE)];
    let mut random: u64 = 7;
    for _ in 0..200 {
        let choices: Vec<u8> = (0..200)
            .map(|_| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 56) as u8
            })
            .collect();
        let mut piece = Vec::new();
        let mut dice = Dice(&choices);
        for _ in 0..4 {
            draw(&mut dice, &mut piece);
        }
        piece.truncate(4_000);
        pieces.push(piece);
    }
    pieces
}

/// Receives bytes, and checks what the hub sends.
fn feed(peer: &mut Replay, bytes: &[u8], limit: usize) {
    let was_over = peer.is_over();
    let sent = peer.feed(bytes);
    assert!(!was_over || sent.is_empty(), "nothing is sent after the end");
    for frame in frames(&sent) {
        // Raw bytes may state any limit, or none: a frame is then as large as an event with its annotations.
        assert!(frame.len() <= limit.min(LARGEST_EVENT), "a frame of {} bytes", frame.len());
        let body = &frame[8..];
        if frame[5] == 0 && !body.is_empty() {
            assert!(Performative::decode(body).is_ok(), "{frame:02x?}");
        }
    }
}

/// Splits what the hub has sent into frames; headers of the protocol are left out.
fn frames(mut sent: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while !sent.is_empty() {
        if sent.starts_with(b"AMQP") {
            sent = &sent[8..];
            continue;
        }
        let size = u32::from_be_bytes([sent[0], sent[1], sent[2], sent[3]]) as usize;
        let (frame, rest) = sent.split_at(size);
        frames.push(frame);
        sent = rest;
    }
    frames
}

/// Opens a connection with all rights, and begins session 0.
fn open(peer: &mut Replay, max_frame_size: u32) {
    feed(peer, &handshake(max_frame_size), max_frame_size as usize);
}

fn handshake(max_frame_size: u32) -> Vec<u8> {
    let mut bytes = SASL_HEADER.to_vec();
    let initial_response = b"\0RootManageSharedAccessKey\0SAS_KEY_VALUE";
    put_sasl_frame(&mut bytes, |out| {
        encode_init(&Init { mechanism: "PLAIN", initial_response }, "localhost", out)
    });
    bytes.extend(AMQP_HEADER);
    let open = Open { container_id: "fuzz", max_frame_size: Some(max_frame_size), ..Open::default() };
    put_frame(&mut bytes, 0, |out| open.encode(out));
    let begin = Begin { incoming_window: 100, outgoing_window: 100, ..Begin::default() };
    put_frame(&mut bytes, 0, |out| begin.encode(out));
    bytes
}

/// Panics unless a peer reads the event that was appended first.
fn reads_the_event(mut peer: Replay) {
    open(&mut peer, LARGE);
    let mut bytes = Vec::new();
    let source = Some(Source { address: Some("events/ConsumerGroups/honest/Partitions/0"), filter: None });
    let attach = Attach { name: "honest", role: Role::Receiver, source, ..Attach::default() };
    put_frame(&mut bytes, 0, |out| attach.encode(out));
    let flow = Flow { incoming_window: 9, handle: Some(0), link_credit: Some(1), ..Flow::default() };
    put_frame(&mut bytes, 0, |out| flow.encode(out));
    let sent = peer.feed(&bytes);
    let last = frames(&sent).pop().unwrap_or_default();
    assert!(last.ends_with(b"an honest event"), "{last:02x?}");
}

/// Draws one frame of a session or a connection, or several that belong together.
fn draw(dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    let channel = [0, 0, 0, 1, 2, 4999, 5000][dice.below(7)];
    match dice.below(14) {
        0 => {
            let begin = Begin {
                remote_channel: dice.below(2).checked_sub(1).map(|_| 3),
                next_outgoing_id: number(dice),
                incoming_window: number(dice),
                outgoing_window: number(dice),
                handle_max: Some(number(dice)),
                properties: None,
            };
            put_frame(out, channel, |out| begin.encode(out));
        }
        1 => put_frame(out, channel, |out| encode_end(None, out)),
        2..=4 => attach(dice, channel, out),
        5 => {
            let detach = Detach { handle: handle(dice), closed: dice.below(2) == 0, error: None };
            put_frame(out, channel, |out| detach.encode(out));
        }
        6 | 7 => {
            let flow = flow(dice);
            put_frame(out, channel, |out| flow.encode(out));
        }
        8..=10 => transfer(dice, channel, out),
        11 => {
            let disposition =
                Disposition { first: number(dice), last: Some(number(dice)), ..Disposition::default() };
            put_frame(out, channel, |out| disposition.encode(out));
        }
        12 => {
            // Any bytes as a body, or as the rest of the stream.
            let length = dice.below(64).min(dice.0.len());
            let (bytes, rest) = dice.0.split_at(length);
            dice.0 = rest;
            if dice.below(8) == 0 {
                out.extend_from_slice(bytes);
            } else {
                put_frame(out, channel, |out| out.extend_from_slice(bytes));
            }
        }
        _ => match dice.below(16) {
            0 => put_frame(out, 0, |out| encode_close(None, out)),
            1 => put_frame(out, 0, |out| Open { container_id: "again", ..Open::default() }.encode(out)),
            2 => put_sasl_frame(out, |out| out.extend_from_slice(b"x")),
            _ => put_frame(out, channel, |_| ()),
        },
    }
    damage(dice, out);
}

/// Changes a byte of one frame in eight.
fn damage(dice: &mut Dice<'_>, frames: &mut [u8]) {
    if dice.below(8) == 1 && !frames.is_empty() {
        let at = (dice.below(256) << 8 | dice.below(256)) % frames.len();
        frames[at] = dice.byte();
    }
}

fn attach(dice: &mut Dice<'_>, channel: u16, out: &mut Vec<u8>) {
    let role = if dice.below(2) == 0 { Role::Sender } else { Role::Receiver };
    let drawn = dice.text(12).repeat(1 + dice.below(300));
    let address = ADDRESSES[dice.below(ADDRESSES.len())].unwrap_or(&drawn);
    let filter = filter(dice);
    let properties = encode_to_vec(|out| {
        out.map(|map| {
            map.symbol("com.microsoft:receiver-name");
            map.string(&drawn);
            map.symbol("com.microsoft:epoch");
            map.long(dice.long());
        });
    });
    let capability = encode_to_vec(|out| out.symbols(&["com.microsoft:enable-receiver-runtime-metric"]));
    let attach = Attach {
        name: "link",
        handle: handle(dice),
        role,
        snd_settle_mode: Some(dice.byte()),
        source: Some(Source { address: Some(address), filter: filter.as_deref() }),
        target: Some(Target { address: Some(address) }),
        initial_delivery_count: Some(number(dice)),
        desired_capabilities: (dice.below(2) == 0).then_some(&capability),
        properties: (dice.below(2) == 0).then_some(&properties),
        ..Attach::default()
    };
    put_frame(out, channel, |out| attach.encode(out));
}

fn filter(dice: &mut Dice<'_>) -> Option<Vec<u8>> {
    let field = ["x-opt-offset", "x-opt-sequence-number", "x-opt-enqueued-time"].get(dice.below(6))?;
    let value = match dice.below(5) {
        0 => "-1".to_owned(),
        1 => "@latest".to_owned(),
        2 => dice.text(8),
        3 => dice.long().to_string(),
        _ => dice.below(3).to_string(),
    };
    let expression = format!("amqp.annotation.{field} {} '{value}'", [">", ">="][dice.below(2)]);
    Some(encode_to_vec(|out| {
        out.map(|map| {
            map.symbol("apache.org:selector-filter:string");
            map.string(&expression);
        });
    }))
}

fn flow(dice: &mut Dice<'_>) -> Flow {
    Flow {
        next_incoming_id: (dice.below(2) == 0).then(|| number(dice)),
        incoming_window: number(dice),
        next_outgoing_id: number(dice),
        outgoing_window: number(dice),
        handle: (dice.below(4) > 0).then(|| handle(dice)),
        delivery_count: (dice.below(2) == 0).then(|| number(dice)),
        link_credit: (dice.below(4) > 0).then(|| number(dice)),
        available: None,
        drain: dice.below(4) == 0,
        echo: dice.below(4) == 0,
    }
}

fn transfer(dice: &mut Dice<'_>, channel: u16, out: &mut Vec<u8>) {
    let tag = vec![7; [0, 4, 32, 33, 255][dice.below(5)]];
    let transfer = Transfer {
        handle: handle(dice),
        delivery_id: (dice.below(4) > 0).then(|| number(dice)),
        delivery_tag: (dice.below(4) > 0).then_some(&tag),
        message_format: (dice.below(4) > 0).then(|| [0, BATCH_FORMAT, 7][dice.below(3)]),
        settled: (dice.below(2) == 0).then(|| dice.below(2) == 0),
        more: dice.below(3) == 0,
        aborted: dice.below(8) == 7,
    };
    let mut payload = match dice.below(4) {
        0 => request(dice),
        1 => encode_to_vec(|out| {
            let inner = encode_to_vec(|out| out.described(code::DATA, |out| out.binary(b"inner")));
            for _ in 0..dice.below(5) {
                out.described(code::DATA, |out| out.binary(&inner));
            }
        }),
        2 => vec![dice.byte(); dice.below(256) * dice.below(256)],
        _ => encode_to_vec(|out| out.described(code::DATA, |out| out.binary(dice.text(9).as_bytes()))),
    };
    damage(dice, &mut payload);
    payload.truncate(60_000);
    put_frame(out, channel, |out| {
        transfer.encode(out);
        out.extend_from_slice(&payload);
    });
}

/// A request to one of the nodes.
fn request(dice: &mut Dice<'_>) -> Vec<u8> {
    let drawn = dice.text(12);
    let words: Vec<&str> = (0..4).map(|_| WORDS[dice.below(WORDS.len())].unwrap_or(&drawn)).collect();
    encode_to_vec(|out| {
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.string("id");
                list.nulls(3);
                list.string(words[0]);
            });
        });
        out.described(code::APPLICATION_PROPERTIES, |out| {
            out.map(|map| {
                for (name, value) in ["operation", "type", "name", "partition"].into_iter().zip(&words) {
                    map.string(name);
                    map.string(value);
                }
            });
        });
        out.described(code::VALUE, |out: &mut Encoder<'_>| out.string(&drawn));
    })
}

fn handle(dice: &mut Dice<'_>) -> u32 {
    [0, 1, 2, 3, 255, 256, u32::MAX][dice.below(7)]
}

fn number(dice: &mut Dice<'_>) -> u32 {
    [0, 1, 2, 3, 100, 5000, i32::MAX as u32, u32::MAX - 1, u32::MAX][dice.below(9)]
}

/// Addresses of links; none for a drawn one.
const ADDRESSES: &[Option<&str>] = &[
    Some("events"),
    Some("events/Partitions/0"),
    Some("events/Partitions/9"),
    Some("events/ConsumerGroups/$Default/Partitions/0"),
    Some("amqps://localhost/events/ConsumerGroups/%24Default/Partitions/1"),
    Some("$cbs"),
    Some("$management"),
    Some("other"),
    None,
];

/// Parameters of requests; none for a drawn one.
const WORDS: &[Option<&str>] = &[
    Some("READ"),
    Some("put-token"),
    Some("com.microsoft:eventhub"),
    Some("com.microsoft:partition"),
    Some("servicebus.windows.net:sastoken"),
    Some("jwt"),
    Some("events"),
    Some("0"),
    None,
];

/// Maximum frame sizes that the peer states, bytes.
const SMALL: u32 = 2_048;
const LARGE: u32 = 65_536;

/// An event of the largest size, with the annotations of the hub, bytes.
const LARGEST_EVENT: usize = (1 << 20) + 4_096;
