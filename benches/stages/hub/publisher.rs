//! A publisher that costs little: deliveries are encoded in advance, and one thread writes and reads in turn.
//!
//! Owns: the connection to one partition. Does not own: the events. A delivery has to fit one frame.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use catchwater::internals::amqp::encode::Encoder;
use catchwater::internals::amqp::frames::{FrameBuffer, put_frame, put_sasl_frame};
use catchwater::internals::amqp::performatives::{
    Attach, Begin, Disposition, Flow, Open, Outcome, Performative, Role, Source, Target, Transfer,
};
use catchwater::internals::amqp::sasl::{Init, encode_init};
use catchwater::internals::amqp::sections::code;
use catchwater::internals::amqp::{AMQP_HEADER, MAX_FRAME_SIZE, SASL_HEADER};
use catchwater::internals::emulator::BATCH_FORMAT;

/// Size at which deliveries are written, bytes.
const WRITE_BYTES: usize = 256 * 1024;

/// Upper bound on the wait for the hub, which answers at once.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One delivery: an event, or a batch of events.
pub(super) struct Delivery {
    format: u32,
    payload: Vec<u8>,
}

impl Delivery {
    /// An event with one Data section.
    pub(super) fn event(body: &[u8], content_type: &str) -> Self {
        Self { format: 0, payload: event(body, content_type) }
    }

    /// A batch of events.
    pub(super) fn batch<'a>(bodies: impl Iterator<Item = &'a [u8]>, content_type: &str) -> Self {
        let mut payload = Vec::new();
        for body in bodies {
            let event = event(body, content_type);
            Encoder::new(&mut payload).described(code::DATA, |out| out.binary(&event));
        }
        Self { format: BATCH_FORMAT, payload }
    }
}

fn event(body: &[u8], content_type: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + 100);
    let mut out = Encoder::new(&mut message);
    out.described(code::PROPERTIES, |out| {
        out.list(|list| {
            list.nulls(6);
            list.symbol(content_type);
        });
    });
    out.described(code::DATA, |out| out.binary(body));
    message
}

/// A connection with one link to a partition.
pub(super) struct Publisher {
    socket: TcpStream,
    input: FrameBuffer,
    out: Vec<u8>,
    sent: u32,
    acknowledged: u32,
    /// Number of deliveries that the link's credit allows.
    credit: u32,
    /// Number of transfers that the session's window allows.
    window: u32,
}

impl Publisher {
    /// Connects, and waits for credit.
    pub(super) fn connect(address: SocketAddr, partition: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        let input = FrameBuffer::new(MAX_FRAME_SIZE);
        let mut publisher =
            Self { socket, input, out: Vec::new(), sent: 0, acknowledged: 0, credit: 0, window: 0 };
        publisher.put_handshake(partition);
        publisher.write()?;
        publisher.read_headers()?;
        while publisher.credit == 0 {
            publisher.read_some()?;
        }
        Ok(publisher)
    }

    /// Sends deliveries, and waits until the hub has accepted all of them.
    pub(super) fn send(&mut self, deliveries: &[Delivery]) -> io::Result<()> {
        let mut rest = deliveries;
        while self.acknowledged != self.sent || !rest.is_empty() {
            while let [next, after @ ..] = rest
                && self.sent < self.credit
                && self.sent < self.window
                && self.out.len() < WRITE_BYTES
            {
                self.put(next);
                rest = after;
            }
            if self.out.is_empty() {
                self.read_some()?;
            } else {
                self.write()?;
            }
        }
        Ok(())
    }

    fn put(&mut self, delivery: &Delivery) {
        let tag = self.sent.to_be_bytes();
        let transfer = Transfer {
            handle: 0,
            delivery_id: Some(self.sent),
            delivery_tag: Some(&tag),
            message_format: Some(delivery.format),
            settled: Some(false),
            ..Transfer::default()
        };
        let before = self.out.len();
        put_frame(&mut self.out, 0, |out| {
            transfer.encode(out);
            out.extend_from_slice(&delivery.payload);
        });
        assert!(self.out.len() - before <= MAX_FRAME_SIZE as usize, "a delivery has to fit one frame");
        self.sent += 1;
    }

    fn put_handshake(&mut self, partition: &str) {
        let out = &mut self.out;
        out.extend_from_slice(&SASL_HEADER);
        let init =
            Init { mechanism: "PLAIN", initial_response: b"\0RootManageSharedAccessKey\0SAS_KEY_VALUE" };
        put_sasl_frame(out, |out| encode_init(&init, "localhost", out));
        out.extend_from_slice(&AMQP_HEADER);
        let open = Open { container_id: "bench", max_frame_size: Some(MAX_FRAME_SIZE), ..Open::default() };
        put_frame(out, 0, |out| open.encode(out));
        let begin = Begin { incoming_window: 5000, outgoing_window: 5000, ..Begin::default() };
        put_frame(out, 0, |out| begin.encode(out));
        let address = format!("events/Partitions/{partition}");
        let attach = Attach {
            name: "bench",
            role: Role::Sender,
            source: Some(Source { address: Some("bench"), filter: None }),
            target: Some(Target { address: Some(&address) }),
            initial_delivery_count: Some(0),
            ..Attach::default()
        };
        put_frame(out, 0, |out| attach.encode(out));
    }

    fn write(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.socket.read(&mut bytes)? {
            0 => Err(io::Error::other("the hub closed the connection")),
            count => {
                self.input.extend(&bytes[..count]);
                Ok(())
            }
        }
    }

    /// Reads the hub's half of the handshake up to its Open.
    fn read_headers(&mut self) -> io::Result<()> {
        for frames in [2, 0] {
            while self.input.next_header().map_err(io::Error::other)?.is_none() {
                self.fill()?;
            }
            for _ in 0..frames {
                while self.input.next_frame().map_err(io::Error::other)?.is_none() {
                    self.fill()?;
                }
            }
        }
        Ok(())
    }

    /// Processes the frames that are there; without one, waits for more bytes.
    fn read_some(&mut self) -> io::Result<()> {
        let mut next = self.input.next_frame().map_err(io::Error::other)?;
        if next.is_none() {
            self.fill()?;
            next = self.input.next_frame().map_err(io::Error::other)?;
        }
        while let Some(frame) = next {
            next = self.input.next_frame().map_err(io::Error::other)?;
            if frame.body.is_empty() {
                continue;
            }
            match Performative::decode(&frame.body).map_err(io::Error::other)?.0 {
                Performative::Flow(flow) => self.on_flow(&flow),
                Performative::Disposition(disposition) => self.on_disposition(&disposition)?,
                Performative::Detach(_) | Performative::End(_) | Performative::Close(_) => {
                    return Err(io::Error::other("the hub ended the link"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn on_flow(&mut self, flow: &Flow) {
        self.window = flow.next_incoming_id.unwrap_or(0) + flow.incoming_window;
        if let Some(credit) = flow.link_credit {
            self.credit = flow.delivery_count.unwrap_or(0) + credit;
        }
    }

    fn on_disposition(&mut self, disposition: &Disposition<'_>) -> io::Result<()> {
        if disposition.state != Some(Outcome::Accepted) {
            return Err(io::Error::other("the hub rejected an event"));
        }
        self.acknowledged += disposition.last.unwrap_or(disposition.first) + 1 - disposition.first;
        Ok(())
    }
}
