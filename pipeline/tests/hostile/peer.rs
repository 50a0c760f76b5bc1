//! A peer of the hub that writes any bytes to its socket, and an honest one.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use catchwater::internals::amqp::encode::{Encoder, encode_to_vec};
use catchwater::internals::amqp::frames::{Frame, FrameBuffer, put_frame, put_sasl_frame};
use catchwater::internals::amqp::performatives::{
    Attach, Begin, Flow, Open, Performative, Role, Source, Target, Transfer,
};
use catchwater::internals::amqp::sasl::{Init, encode_init};
use catchwater::internals::amqp::sections::code;
use catchwater::internals::amqp::{AMQP_HEADER, SASL_HEADER};

/// The Open of a peer without limits of its own.
pub(crate) const OPEN: Open<'_> = Open {
    container_id: "peer",
    hostname: None,
    max_frame_size: None,
    channel_max: None,
    idle_time_out: None,
    desired_capabilities: None,
    properties: None,
};

/// A connection to the hub.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    input: FrameBuffer,
}

impl Peer {
    /// Connects and sends nothing.
    pub(crate) fn connect(hub: SocketAddr) -> Self {
        let stream = TcpStream::connect(hub).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        Self { stream, input: FrameBuffer::new(u32::MAX) }
    }

    /// Opens a connection with all rights, and begins session 0.
    pub(crate) fn open(hub: SocketAddr) -> Self {
        Self::open_with(hub, &OPEN)
    }

    /// The same with an Open of one's own.
    pub(crate) fn open_with(hub: SocketAddr, open: &Open<'_>) -> Self {
        let mut peer = Self::connect(hub);
        peer.send(&handshake(open));
        peer.skip(8);
        assert!(peer.input.next_header().unwrap().is_some());
        for _ in 0..2 {
            peer.frame().unwrap();
        }
        peer.skip(8);
        assert!(peer.input.next_header().unwrap().is_some());
        for _ in 0..2 {
            peer.frame().unwrap();
        }
        peer
    }

    /// Sends bytes; returns false if the hub has ended the connection.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        match self.stream.write_all(bytes) {
            Ok(()) => true,
            Err(error) => {
                assert!(is_end(error.kind()), "{error}");
                false
            }
        }
    }

    /// Sends one frame on channel 0.
    pub(crate) fn send_frame(&mut self, body: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut frame = Vec::new();
        put_frame(&mut frame, 0, body);
        self.send(&frame)
    }

    pub(crate) fn attach_sender(&mut self, handle: u32, address: &str) {
        let target = Some(Target { address: Some(address) });
        let attach =
            Attach { name: "sender", handle, target, initial_delivery_count: Some(0), ..Attach::default() };
        self.send_frame(|out| attach.encode(out));
    }

    /// Attaches a reader that begins after the last event, with this credit.
    pub(crate) fn attach_reader(&mut self, handle: u32, address: &str, filter: Option<&[u8]>, credit: u32) {
        let source = Some(Source { address: Some(address), filter });
        let attach = Attach { name: "reader", handle, role: Role::Receiver, source, ..Attach::default() };
        self.send_frame(|out| attach.encode(out));
        let flow = Flow {
            incoming_window: u32::MAX,
            handle: Some(handle),
            link_credit: Some(credit),
            ..Flow::default()
        };
        self.send_frame(|out| flow.encode(out));
    }

    /// Sends a delivery of one frame.
    pub(crate) fn transfer(&mut self, transfer: &Transfer<'_>, payload: &[u8]) -> bool {
        self.send_frame(|out| {
            transfer.encode(out);
            out.extend_from_slice(payload);
        })
    }

    /// The next frame; `None` once the hub has ended the connection.
    ///
    /// # Panics
    /// If the hub neither sends nor ends the connection.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.input.next_frame().unwrap() {
                return Some(frame);
            }
            if !self.read() {
                return None;
            }
        }
    }

    /// The next frame whose performative `wanted` takes.
    pub(crate) fn find<T>(&mut self, wanted: impl Fn(&Performative<'_>, &[u8]) -> Option<T>) -> T {
        loop {
            let frame = self.frame().expect("the hub has ended the connection");
            if frame.body.is_empty() {
                continue;
            }
            let (performative, payload) = Performative::decode(&frame.body).unwrap();
            if let Some(found) = wanted(&performative, payload) {
                return found;
            }
        }
    }

    /// Waits until the hub ends the connection.
    ///
    /// # Panics
    /// If it does not.
    pub(crate) fn is_ended(&mut self) {
        while self.read() {}
    }

    /// The text of the Close with which the hub ends the connection.
    pub(crate) fn close_text(&mut self) -> String {
        self.find(|performative, _| match performative {
            Performative::Close(Some(error)) => Some(format!("{} {}", error.condition, error.description)),
            _ => None,
        })
    }

    /// Reads some bytes; false at the end of the connection.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        match self.stream.read(&mut bytes) {
            Ok(count) => {
                self.input.extend(&bytes[..count]);
                count > 0
            }
            Err(error) => {
                assert!(is_end(error.kind()), "{error}");
                false
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        while self.input.space().len() < bytes {
            assert!(self.read(), "the hub has ended the connection");
        }
    }
}

fn is_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
}

/// The bytes of a handshake with all rights, Open and Begin included.
pub(crate) fn handshake(open: &Open<'_>) -> Vec<u8> {
    let mut bytes = SASL_HEADER.to_vec();
    let initial_response = b"\0RootManageSharedAccessKey\0SAS_KEY_VALUE";
    put_sasl_frame(&mut bytes, |out| {
        encode_init(&Init { mechanism: "PLAIN", initial_response }, "localhost", out);
    });
    bytes.extend(AMQP_HEADER);
    put_frame(&mut bytes, 0, |out| open.encode(out));
    let begin = Begin { incoming_window: 5000, outgoing_window: 5000, ..Begin::default() };
    put_frame(&mut bytes, 0, |out| begin.encode(out));
    bytes
}

/// The credit that the hub gives to a link.
pub(crate) fn has_credit(performative: &Performative<'_>, _: &[u8]) -> Option<u32> {
    match performative {
        Performative::Flow(flow) => flow.link_credit.filter(|credit| *credit > 0),
        _ => None,
    }
}

/// Panics unless an honest peer sends an event and reads it.
pub(crate) fn honest_peer_sends_and_reads(hub: SocketAddr) {
    let mut peer = Peer::open(hub);
    let mut filter = Vec::new();
    Encoder::new(&mut filter).map(|map| {
        map.symbol("apache.org:selector-filter:string");
        map.string("amqp.annotation.x-opt-offset > '@latest'");
    });
    peer.attach_reader(0, "events/ConsumerGroups/honest/Partitions/0", Some(&filter), 1);
    peer.attach_sender(1, "events/Partitions/0");
    peer.find(has_credit);
    let transfer =
        Transfer { handle: 1, delivery_id: Some(0), delivery_tag: Some(b"t"), ..Transfer::default() };
    let body = format!("an honest event to port {}", peer.stream.local_addr().unwrap().port());
    peer.transfer(
        &transfer,
        &encode_to_vec(|out| out.described(code::DATA, |out| out.binary(body.as_bytes()))),
    );
    let read = peer.find(|performative, payload| {
        matches!(performative, Performative::Transfer(_)).then(|| payload.to_vec())
    });
    assert!(read.ends_with(body.as_bytes()));
}

/// Longer than any answer takes, so that a hanging test fails.
const LIMIT: Duration = Duration::from_secs(30);
