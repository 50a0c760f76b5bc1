//! A client without a socket: it writes performatives and reads the hub's responses, frame by frame.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::amqp::codec::Value;
use crate::amqp::encode::Encoder;
use crate::amqp::frames::{Frame, FrameBuffer, Layer, put_frame, put_sasl_frame};
use crate::amqp::performatives::{
    Attach, Begin, Detach, Flow, Open, Performative, Role, Source, Target, Transfer,
};
use crate::amqp::sasl::{Init, encode_init};
use crate::amqp::{AMQP_HEADER, SASL_HEADER};
use crate::clock::ManualClock;
use crate::clock::UnixMillis;
use crate::emulator::connection::Connection;
use crate::emulator::hub::Hub;
use crate::emulator::namespace::Namespace;
use crate::emulator::{Config, NewEvent};

use super::super::hub::event::Batch;

/// Address of the partition that the tests read.
pub(super) const READER: &str = "events/ConsumerGroups/$Default/Partitions/0";

/// Time of the hub's clock, which does not advance, unix milliseconds.
pub(super) const NOW_MS: i64 = 1_700_000_000_000;

/// The first hub of a namespace.
pub(super) struct TestHub {
    pub(super) namespace: Arc<Namespace>,
    hub: Arc<Hub>,
}

impl TestHub {
    pub(super) fn open(config: &Config) -> Self {
        let namespace = Arc::new(Namespace::open(config).unwrap());
        let hub = namespace.first();
        Self { namespace, hub }
    }

    /// Another hub of the namespace, or this one after it was created again.
    pub(super) fn other(&self, name: &str) -> Self {
        Self { namespace: Arc::clone(&self.namespace), hub: self.namespace.hub(name).unwrap() }
    }
}

impl Deref for TestHub {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

pub(super) fn hub() -> TestHub {
    hub_with_clock().0
}

/// A hub whose clock the test advances.
pub(super) fn hub_with_clock() -> (TestHub, ManualClock) {
    let clock = ManualClock::at(UnixMillis::new(NOW_MS));
    let config = Config {
        clock: Arc::new(clock.clone()),
        accepts_entra: true,
        created_at: Some(UnixMillis::new(7)),
        ..Config::default()
    };
    (TestHub::open(&config), clock)
}

/// Appends events with these bodies to partition 0.
pub(super) fn append(hub: &Hub, bodies: &[&[u8]]) {
    for body in bodies {
        let message = NewEvent { body, ..NewEvent::default() }.encode();
        hub.publish(Some(0), &Batch::read(0, &message).unwrap()).unwrap();
    }
}

/// Returns a message with one Data section.
pub(super) fn message(body: &[u8]) -> Vec<u8> {
    NewEvent { body, ..NewEvent::default() }.encode()
}

pub(super) struct Client {
    pub(super) connection: Connection,
    to_hub: FrameBuffer,
    from_hub: FrameBuffer,
    max_frame_size: u32,
}

impl Client {
    /// Connects without sending anything.
    pub(super) fn silent(hub: &TestHub) -> Self {
        let waker = Arc::new(Notify::new());
        Self {
            connection: Connection::new(Arc::clone(&hub.namespace), waker, Duration::from_mins(4)),
            to_hub: FrameBuffer::new(65_536),
            from_hub: FrameBuffer::new(u32::MAX),
            max_frame_size: 65_536,
        }
    }

    /// Opens a connection with all permissions, and begins session 0.
    pub(super) fn connect(hub: &TestHub) -> Self {
        Self::connect_with(hub, b"\0RootManageSharedAccessKey\0SAS_KEY_VALUE", 65_536)
    }

    /// Opens a connection with a maximum frame size, and begins session 0. `plain` is the SASL PLAIN response; empty
    /// means ANONYMOUS.
    pub(super) fn connect_with(hub: &TestHub, plain: &[u8], max_frame_size: u32) -> Self {
        let mut client = Self::silent(hub);
        client.max_frame_size = max_frame_size;
        let mechanism = if plain.is_empty() { "ANONYMOUS" } else { "PLAIN" };
        client.bytes(&SASL_HEADER);
        let mut init = Vec::new();
        put_sasl_frame(&mut init, |out| {
            encode_init(&Init { mechanism, initial_response: plain }, "localhost", out);
        });
        client.bytes(&init);
        client.bytes(&AMQP_HEADER);
        let open = Open { container_id: "test", max_frame_size: Some(max_frame_size), ..Open::default() };
        client.send(0, |out| open.encode(out));
        client.begin(0, 5000);
        let answers = client.handshake();
        assert!(answers.iter().any(|frame| matches!(read(frame), Performative::Begin(_))), "{answers:?}");
        client
    }

    pub(super) fn begin(&mut self, channel: u16, incoming_window: u32) {
        let begin = Begin { incoming_window, outgoing_window: 5000, ..Begin::default() };
        self.send(channel, |out| begin.encode(out));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.to_hub.extend(bytes);
        let mut out = Vec::new();
        self.connection.receive(&mut self.to_hub, &mut out);
        self.from_hub.extend(&out);
    }

    pub(super) fn send(&mut self, channel: u16, body: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = Vec::new();
        put_frame(&mut frame, channel, body);
        self.bytes(&frame);
    }

    pub(super) fn attach_reader<'a>(&mut self, handle: u32, change: impl FnOnce(&mut Attach<'a>)) {
        let mut attach = Attach {
            name: "reader",
            handle,
            role: Role::Receiver,
            source: Some(Source { address: Some(READER), filter: None }),
            target: Some(Target { address: Some("here") }),
            ..Attach::default()
        };
        change(&mut attach);
        self.send(0, |out| attach.encode(out));
    }

    pub(super) fn attach_sender(&mut self, handle: u32, address: &str) {
        let attach = Attach {
            name: "sender",
            handle,
            role: Role::Sender,
            source: Some(Source { address: Some("here"), filter: None }),
            target: Some(Target { address: Some(address) }),
            initial_delivery_count: Some(0),
            ..Attach::default()
        };
        self.send(0, |out| attach.encode(out));
    }

    /// Grants credit to a link, and sets the session's window to the maximum.
    pub(super) fn credit(&mut self, handle: u32, delivery_count: u32, link_credit: u32) {
        let flow = Flow {
            next_incoming_id: None,
            incoming_window: u32::MAX,
            outgoing_window: 5000,
            handle: Some(handle),
            delivery_count: Some(delivery_count),
            link_credit: Some(link_credit),
            ..Flow::default()
        };
        self.send(0, |out| flow.encode(out));
    }

    pub(super) fn transfer(&mut self, transfer: &Transfer<'_>, payload: &[u8]) {
        self.send(0, |out| {
            transfer.encode(out);
            out.extend_from_slice(payload);
        });
    }

    pub(super) fn detach(&mut self, handle: u32) {
        self.send(0, |out| Detach { handle, closed: true, error: None }.encode(out));
    }

    /// Returns every frame that the hub has sent; each is checked to hold all its fields.
    pub(super) fn frames(&mut self) -> Vec<Frame> {
        let mut out = Vec::new();
        loop {
            self.connection.pump(&mut out);
            if out.is_empty() {
                break;
            }
            self.from_hub.extend(&out);
            out.clear();
        }
        let frames: Vec<_> = std::iter::from_fn(|| self.from_hub.next_frame().unwrap()).collect();
        for frame in &frames {
            check_frame(frame, self.max_frame_size);
        }
        frames
    }

    /// Consumes both headers, checks the SASL frames, and returns the AMQP frames.
    pub(super) fn handshake(&mut self) -> Vec<Frame> {
        assert_eq!(self.from_hub.next_header(), Ok(Some(Layer::Sasl)));
        let mechanisms = self.from_hub.next_frame().unwrap().unwrap();
        assert_eq!(mechanisms.layer, Layer::Sasl);
        let outcome = self.from_hub.next_frame().unwrap().unwrap();
        assert_eq!(crate::amqp::sasl::decode_outcome(&outcome.body), Ok(true));
        assert_eq!(self.from_hub.next_header(), Ok(Some(Layer::Amqp)));
        self.frames()
    }

    /// Returns the bytes that the hub has sent.
    pub(super) fn raw_answer(&mut self) -> Vec<u8> {
        self.from_hub.space().split().to_vec()
    }
}

/// Reads a frame's performative.
pub(super) fn read(frame: &Frame) -> Performative<'_> {
    Performative::decode(&frame.body).unwrap().0
}

/// Returns the payloads of the deliveries in these frames, reassembled from their transfers.
pub(super) fn deliveries(frames: &[Frame]) -> Vec<Vec<u8>> {
    let (mut whole, mut partial) = (Vec::new(), Vec::new());
    for frame in frames {
        if let (Performative::Transfer(transfer), payload) = Performative::decode(&frame.body).unwrap() {
            partial.extend_from_slice(payload);
            if !transfer.more {
                whole.push(std::mem::take(&mut partial));
            }
        }
    }
    assert!(partial.is_empty(), "the last delivery is complete");
    whole
}

/// Returns the condition and the text of the first Detach, End or Close with an error in these frames.
pub(super) fn refusal(frames: &[Frame]) -> (String, String) {
    let error = frames.iter().find_map(|frame| match read(frame) {
        Performative::Detach(Detach { error, .. })
        | Performative::End(error)
        | Performative::Close(error) => error,
        _ => None,
    });
    let error = error.unwrap_or_else(|| panic!("no refusal in {frames:?}"));
    (error.condition.to_owned(), error.description.to_owned())
}

/// Encodes a source filter as the Python SDK does.
pub(super) fn filter(expression: &str) -> Vec<u8> {
    const NAME: &str = "apache.org:selector-filter:string";
    let mut described = vec![0x00];
    Encoder::new(&mut described).symbol(NAME);
    Encoder::new(&mut described).string(expression);
    let mut map = Vec::new();
    Encoder::new(&mut map).map(|map| {
        map.symbol(NAME);
        map.raw(&described);
    });
    map
}

/// Encodes a map, the form of link properties.
pub(super) fn symbol_map(entries: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut map = Vec::new();
    Encoder::new(&mut map).map(entries);
    map
}

/// Returns the number of fields of a performative; the Python SDK indexes every one of them.
fn field_count(code: u64) -> usize {
    match code {
        0x10 => 10,
        0x11 => 8,
        0x12 => 14,
        0x13 | 0x14 => 11,
        0x15 => 6,
        0x16 => 3,
        0x17 | 0x18 => 1,
        other => panic!("0x{other:x} is not a performative"),
    }
}

fn check_frame(frame: &Frame, max_frame_size: u32) {
    assert!(frame.body.len() + 8 <= max_frame_size as usize, "frames respect the peer's maximum size");
    if frame.body.is_empty() {
        return;
    }
    let Value::Described(descriptor, list) = Value::read(&frame.body).unwrap() else { panic!("{frame:?}") };
    let Value::Ulong(code) = Value::read(descriptor).unwrap() else { panic!("{frame:?}") };
    let items = Value::read(list).unwrap().items().unwrap();
    assert_eq!(items.len(), field_count(code), "0x{code:x} has all its fields");
}
