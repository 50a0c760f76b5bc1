//! A scripted hub for faults, idle connections and frames that the emulator never sends.
//!
//! It opens connections and answers `$cbs` by itself. A test drives each link to a partition.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::amqp::encode::Encoder;
use crate::amqp::frames::{FrameBuffer, FrameRef, put_frame, put_heartbeat, put_sasl_frame};
use crate::amqp::performatives::{
    Attach, Begin, Condition, Detach, Flow, Open, Performative, Role, Source, Target, Transfer, encode_close,
    encode_end,
};
use crate::amqp::sections::{Message, code, lookup};
use crate::amqp::{AMQP_HEADER, SASL_HEADER, codec, sasl};
use crate::clock::{Clock, SystemClock};
use crate::eventhubs::client::Limits;
use crate::eventhubs::timeouts::Timeouts;
use crate::eventhubs::{Client, ConnectionString};

/// The hub.
pub(super) struct Peer {
    address: SocketAddr,
    links: mpsc::Receiver<Link>,
}

impl Peer {
    /// Listens. `idle_ms` is the idle timeout that it advertises.
    pub(super) async fn start(idle_ms: Option<u32>) -> Self {
        Self::start_with(idle_ms, Behavior::default()).await
    }

    /// Listens, with this behavior.
    pub(super) async fn start_with(idle_ms: Option<u32>, behavior: Behavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (found, links) = mpsc::channel(10);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let found = found.clone();
                tokio::spawn(async move {
                    let connection = PeerConnection {
                        stream,
                        input: FrameBuffer::new(65_536),
                        out: Vec::new(),
                        behavior,
                        responses: 0,
                        held: Vec::new(),
                        refused_once: HashSet::new(),
                        windows: HashMap::new(),
                    };
                    if let Some(link) = connection.serve_until_link(idle_ms).await {
                        let _ = found.send(link).await;
                    }
                });
            }
        });
        Self { address, links }
    }

    pub(super) fn client(&self) -> Client {
        self.client_with(Timeouts::DEFAULT, Arc::new(SystemClock))
    }

    /// A client with these timeouts, which connects with its first request.
    pub(super) fn client_with(&self, timeouts: Timeouts, clock: Arc<dyn Clock>) -> Client {
        let text = format!(
            "Endpoint=sb://{};SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;EntityPath=events",
            self.address
        );
        let access = ConnectionString::parse(&text).unwrap().into();
        let limits = Limits { timeouts, ..Limits::default() };
        Client::with_limits(access, "test", limits, clock).unwrap()
    }

    /// The next link to a partition; its attach is not answered yet.
    pub(super) async fn link(&mut self) -> Link {
        self.links.recv().await.unwrap()
    }
}

/// Handling of requests for properties of partitions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Behavior {
    /// Number of requests that are held and then answered together, the last one first.
    pub(super) hold: usize,
    /// The first request for each partition is refused as "busy".
    pub(super) is_busy: bool,
    /// Number of responses after which the link for responses is detached.
    pub(super) detach_after: Option<u32>,
}

/// A link to a partition, and the connection it is on.
pub(super) struct Link {
    connection: PeerConnection,
    pub(super) channel: u16,
    pub(super) handle: u32,
    name: String,
    pub(super) address: String,
    pub(super) filter: String,
    delivery: u32,
    /// Transfers sent.
    sent: u32,
    /// Transfers that the client's session window still allows.
    window: u32,
    /// Frames that were read while a transfer waited for window.
    seen: VecDeque<ClientFrame>,
}

/// A frame from the client that tests look at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ClientFrame {
    Flow(Flow),
    Accepted(u32, u32),
    Detach(Option<String>),
    End(Option<String>),
    Close(Option<String>),
    Heartbeat,
    /// Another link on the same connection, with its filter.
    Attach(String),
    Disconnected,
}

impl Link {
    /// Answers the attach.
    pub(super) async fn accept(&mut self) {
        self.attach(Some(Source::default()), Some(Target::default())).await;
    }

    /// Refuses the attach as the service does.
    pub(super) async fn refuse(&mut self, condition: &str, text: &str) {
        self.attach(None, None).await;
        self.detach(Some((condition, text))).await;
    }

    async fn attach(&mut self, source: Option<Source<'_>>, target: Option<Target<'_>>) {
        let attach = Attach {
            name: &self.name,
            handle: self.handle,
            role: Role::Sender,
            snd_settle_mode: Some(2),
            rcv_settle_mode: Some(0),
            source,
            target,
            initial_delivery_count: Some(0),
            ..Attach::default()
        };
        put_frame(&mut self.connection.out, self.channel, |out| attach.encode(out));
        self.connection.flush().await;
    }

    pub(super) async fn detach(&mut self, error: Option<(&str, &str)>) {
        let detach = Detach { handle: self.handle, closed: true, error: error.map(condition) };
        put_frame(&mut self.connection.out, self.channel, |out| detach.encode(out));
        self.connection.flush().await;
    }

    pub(super) async fn end(&mut self, error: Option<(&str, &str)>) {
        put_frame(&mut self.connection.out, self.channel, |out| encode_end(error.map(condition), out));
        self.connection.flush().await;
    }

    pub(super) async fn close(&mut self, error: Option<(&str, &str)>) {
        put_frame(&mut self.connection.out, 0, |out| encode_close(error.map(condition), out));
        self.connection.flush().await;
    }

    /// Sends a message in frames of at most `max_payload` bytes of payload.
    pub(super) async fn send(&mut self, message: &[u8], settled: bool, max_payload: usize) {
        let mut out = Vec::new();
        put_delivery(&mut out, self.channel, self.handle, self.delivery, settled, message, max_payload);
        self.delivery += 1;
        self.send_transfers(&out).await;
    }

    /// Sends transfers as far as the session window allows, and the rest as the client renews it.
    pub(super) async fn send_transfers(&mut self, mut transfers: &[u8]) {
        while let Some(frame) = FrameRef::first(transfers, 65_536).unwrap() {
            while self.window == 0 {
                self.connection.flush().await;
                match self.read_frame().await {
                    ClientFrame::Disconnected => return,
                    frame => self.seen.push_back(frame),
                }
            }
            let (frame, rest) = transfers.split_at(frame.size);
            self.connection.out.extend_from_slice(frame);
            (self.window, self.sent) = (self.window - 1, self.sent + 1);
            transfers = rest;
        }
        self.connection.flush().await;
    }

    /// Asks for a Flow, which states the client's session window.
    pub(super) async fn echo(&mut self) {
        let flow = Flow {
            next_incoming_id: Some(0),
            incoming_window: 1000,
            next_outgoing_id: FIRST_TRANSFER + self.sent,
            outgoing_window: 1000,
            echo: true,
            ..Flow::default()
        };
        put_frame(&mut self.connection.out, self.channel, |out| flow.encode(out));
        self.connection.flush().await;
    }

    pub(super) async fn heartbeat(&mut self) {
        put_heartbeat(&mut self.connection.out);
        self.connection.flush().await;
    }

    /// Sends half of a message, then aborts it.
    pub(super) async fn abort(&mut self, message: &[u8]) {
        let first = Transfer { more: true, ..transfer(self.handle, self.delivery, false) };
        let last = Transfer { aborted: true, ..transfer(self.handle, self.delivery, false) };
        let mut out = Vec::new();
        for (transfer, payload) in [(first, &message[..message.len() / 2]), (last, &[])] {
            put_transfer(&mut out, self.channel, &transfer, payload);
        }
        self.delivery += 1;
        self.send_transfers(&out).await;
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.connection.out.extend_from_slice(bytes);
        self.connection.flush().await;
    }

    /// The next frame from the client.
    pub(super) async fn next_frame(&mut self) -> ClientFrame {
        match self.seen.pop_front() {
            Some(frame) => frame,
            None => self.read_frame().await,
        }
    }

    async fn read_frame(&mut self) -> ClientFrame {
        loop {
            let Some(frame) = self.connection.frame().await else { return ClientFrame::Disconnected };
            if frame.body.is_empty() {
                return ClientFrame::Heartbeat;
            }
            let text = |error: Option<Condition<'_>>| error.map(|error| error.condition.to_owned());
            match Performative::decode(&frame.body).unwrap().0 {
                Performative::Flow(flow) if frame.channel == self.channel => {
                    let seen = flow.next_incoming_id.unwrap_or(FIRST_TRANSFER);
                    self.window = seen + flow.incoming_window - (FIRST_TRANSFER + self.sent);
                    return ClientFrame::Flow(flow);
                }
                Performative::Disposition(settled) => {
                    assert!(settled.settled && settled.role == Role::Receiver);
                    return ClientFrame::Accepted(settled.first, settled.last.unwrap_or(settled.first));
                }
                Performative::Detach(detach) => return ClientFrame::Detach(text(detach.error)),
                Performative::End(error) => return ClientFrame::End(text(error)),
                Performative::Close(error) => return ClientFrame::Close(text(error)),
                Performative::Begin(begin) => self.connection.begin(frame.channel, &begin).await,
                Performative::Attach(attach) => {
                    (self.channel, self.handle) = (frame.channel, attach.handle);
                    attach.name.clone_into(&mut self.name);
                    self.filter = filter_of(&attach);
                    self.window = self.connection.windows[&frame.channel];
                    (self.delivery, self.sent) = (0, 0);
                    return ClientFrame::Attach(self.filter.clone());
                }
                _ => {}
            }
        }
    }

    /// Waits for credit.
    pub(super) async fn credit(&mut self) -> u32 {
        loop {
            if let ClientFrame::Flow(Flow { link_credit: Some(credit), .. }) = self.next_frame().await {
                return credit;
            }
        }
    }
}

/// Appends a delivery in frames of at most `max_payload` bytes of payload.
pub(super) fn put_delivery(
    out: &mut Vec<u8>,
    channel: u16,
    handle: u32,
    id: u32,
    settled: bool,
    message: &[u8],
    max_payload: usize,
) {
    let mut rest = message;
    let mut first = true;
    loop {
        let (head, tail) = rest.split_at(max_payload.min(rest.len()));
        let mut transfer = Transfer { more: !tail.is_empty(), ..transfer(handle, id, settled) };
        if !first {
            (transfer.delivery_id, transfer.delivery_tag, transfer.message_format) = (None, None, None);
        }
        put_transfer(out, channel, &transfer, head);
        (rest, first) = (tail, false);
        if rest.is_empty() {
            return;
        }
    }
}

/// Appends one transfer.
pub(super) fn put_transfer(out: &mut Vec<u8>, channel: u16, transfer: &Transfer<'_>, payload: &[u8]) {
    put_frame(out, channel, |out| {
        transfer.encode(out);
        out.extend_from_slice(payload);
    });
}

pub(super) fn transfer(handle: u32, id: u32, settled: bool) -> Transfer<'static> {
    Transfer {
        handle,
        delivery_id: Some(id),
        delivery_tag: Some(b"tag"),
        message_format: Some(0),
        settled: Some(settled),
        ..Transfer::default()
    }
}

/// The message of an event as the service sends it.
pub(super) fn event(number: i64, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut out = Encoder::new(&mut message);
    out.described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("x-opt-sequence-number");
            map.long(number);
            map.symbol("x-opt-offset");
            map.string(&(number * 100).to_string());
            map.symbol("x-opt-enqueued-time");
            map.timestamp(1_700_000_000_000 + number);
        });
    });
    out.described(code::DATA, |out| out.binary(body));
    message
}

fn condition<'a>((condition, description): (&'a str, &'a str)) -> Condition<'a> {
    Condition { condition, description }
}

fn filter_of(attach: &Attach<'_>) -> String {
    let filter = attach.source.as_ref().and_then(|source| source.filter).unwrap_or_default();
    match lookup(filter, "apache.org:selector-filter:string").unwrap() {
        Some(codec::Value::Described(_, value)) => {
            codec::Value::read(value).unwrap().text().unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    }
}

struct PeerConnection {
    stream: TcpStream,
    input: FrameBuffer,
    out: Vec<u8>,
    behavior: Behavior,
    /// Responses sent.
    responses: u32,
    /// Held requests: their encoded ids, and the partitions.
    held: Vec<(Vec<u8>, String)>,
    /// Partitions whose first request was refused.
    refused_once: HashSet<String>,
    /// The client's session windows by its channels, as its Begins state them.
    windows: HashMap<u16, u32>,
}

impl PeerConnection {
    async fn serve_until_link(mut self, idle_ms: Option<u32>) -> Option<Link> {
        self.header().await?;
        self.out.extend_from_slice(&SASL_HEADER);
        put_sasl_frame(&mut self.out, |out| sasl::encode_mechanisms(&["ANONYMOUS"], out));
        self.flush().await;
        self.frame().await?;
        put_sasl_frame(&mut self.out, |out| sasl::encode_outcome(true, out));
        self.flush().await;
        self.header().await?;
        self.out.extend_from_slice(&AMQP_HEADER);
        self.flush().await;
        self.frame().await?;
        let open = Open {
            container_id: "peer",
            max_frame_size: Some(65_536),
            idle_time_out: idle_ms,
            ..Open::default()
        };
        put_frame(&mut self.out, 0, |out| open.encode(out));
        self.flush().await;
        let mut response_handle = None;
        loop {
            let frame = self.frame().await?;
            if frame.body.is_empty() {
                continue;
            }
            let (performative, payload) = Performative::decode(&frame.body).unwrap();
            match performative {
                Performative::Begin(begin) => self.begin(frame.channel, &begin).await,
                Performative::Attach(attach) => {
                    let address =
                        attach.source.as_ref().and_then(|source| source.address).unwrap_or_default();
                    if attach.role == Role::Receiver && address.contains("Partitions") {
                        return Some(Link {
                            channel: frame.channel,
                            handle: attach.handle,
                            name: attach.name.to_owned(),
                            address: address.to_owned(),
                            filter: filter_of(&attach),
                            delivery: 0,
                            sent: 0,
                            window: self.windows[&frame.channel],
                            seen: VecDeque::new(),
                            connection: self,
                        });
                    }
                    if attach.role == Role::Receiver {
                        response_handle = Some(attach.handle);
                    }
                    self.attach_node(frame.channel, &attach).await;
                }
                Performative::Transfer(transfer) => {
                    self.respond(frame.channel, response_handle?, &transfer, payload).await;
                }
                _ => {}
            }
        }
    }

    async fn begin(&mut self, channel: u16, begin: &Begin<'_>) {
        self.windows.insert(channel, begin.incoming_window);
        let begin = Begin {
            remote_channel: Some(channel),
            next_outgoing_id: FIRST_TRANSFER,
            incoming_window: 100_000,
            outgoing_window: 1000,
            ..Begin::default()
        };
        put_frame(&mut self.out, channel, |out| begin.encode(out));
        self.flush().await;
    }

    /// Attaches one link of a pair, and grants credit for requests.
    async fn attach_node(&mut self, channel: u16, attach: &Attach<'_>) {
        let (role, count) = match attach.role {
            Role::Sender => (Role::Receiver, None),
            Role::Receiver => (Role::Sender, Some(0)),
        };
        let reply = Attach {
            role,
            initial_delivery_count: count,
            desired_capabilities: None,
            properties: None,
            ..attach.clone()
        };
        put_frame(&mut self.out, channel, |out| reply.encode(out));
        if role == Role::Receiver {
            let flow = Flow {
                next_incoming_id: Some(0),
                incoming_window: 100_000,
                next_outgoing_id: FIRST_TRANSFER,
                outgoing_window: 1000,
                handle: Some(attach.handle),
                delivery_count: Some(0),
                link_credit: Some(100_000),
                ..Flow::default()
            };
            put_frame(&mut self.out, channel, |out| flow.encode(out));
        }
        self.flush().await;
    }

    /// Accepts a request, and responds to it. Every token is valid.
    async fn respond(&mut self, channel: u16, handle: u32, transfer: &Transfer<'_>, payload: &[u8]) {
        let request = Message::scan(payload).unwrap();
        let id = codec::Value::read(request.properties).unwrap().items().unwrap().next_raw().unwrap();
        let state = Some(crate::amqp::performatives::Outcome::Accepted);
        let first = transfer.delivery_id.unwrap();
        let settled = crate::amqp::performatives::Disposition {
            role: Role::Receiver,
            first,
            last: None,
            settled: true,
            state,
        };
        put_frame(&mut self.out, channel, |out| settled.encode(out));
        if let Some(partition) = lookup(request.application_properties, "partition").unwrap() {
            self.held.push((id.to_vec(), partition.text().unwrap().to_owned()));
            if self.held.len() >= self.behavior.hold {
                for (id, partition) in std::mem::take(&mut self.held).into_iter().rev() {
                    self.respond_with_partition(channel, handle, &id, &partition);
                }
            }
        } else {
            self.write_response(channel, handle, id, 202, |out| out.nulls(1));
        }
        self.flush().await;
    }

    /// Responds with the properties of a partition; its last sequence number is its id.
    fn respond_with_partition(&mut self, channel: u16, handle: u32, id: &[u8], partition: &str) {
        if self.behavior.is_busy && self.refused_once.insert(partition.to_owned()) {
            return self.write_response(channel, handle, id, 503, |out| out.nulls(1));
        }
        self.write_response(channel, handle, id, 200, |out| {
            out.map(|map| {
                map.string("begin_sequence_number");
                map.long(0);
                map.string("last_enqueued_sequence_number");
                map.long(partition.parse().unwrap());
                map.string("last_enqueued_offset");
                map.string(partition);
                map.string("last_enqueued_time_utc");
                map.timestamp(0);
                map.string("is_partition_empty");
                map.bool(false);
            });
        });
        if self.behavior.detach_after.take_if(|responses| *responses <= self.responses).is_some() {
            let detach = Detach { handle, closed: true, error: None };
            put_frame(&mut self.out, channel, |out| detach.encode(out));
        }
    }

    fn write_response(
        &mut self,
        channel: u16,
        handle: u32,
        id: &[u8],
        status: i32,
        body: impl FnOnce(&mut Encoder<'_>),
    ) {
        let mut message = Vec::new();
        let mut out = Encoder::new(&mut message);
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.nulls(5);
                list.raw(id);
            });
        });
        out.described(code::APPLICATION_PROPERTIES, |out| {
            out.map(|map| {
                map.string("status-code");
                map.int(status);
            });
        });
        out.described(code::VALUE, body);
        put_delivery(&mut self.out, channel, handle, self.responses, false, &message, 60_000);
        self.responses += 1;
    }

    async fn header(&mut self) -> Option<()> {
        loop {
            if self.input.next_header().unwrap().is_some() {
                return Some(());
            }
            self.read().await?;
        }
    }

    async fn frame(&mut self) -> Option<crate::amqp::frames::Frame> {
        loop {
            if let Some(frame) = self.input.next_frame().unwrap() {
                return Some(frame);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        let count = self.stream.read_buf(self.input.space()).await.ok()?;
        (count > 0).then_some(())
    }

    async fn flush(&mut self) {
        // The client may have disconnected.
        let _ = self.stream.write_all(&self.out).await;
        self.out.clear();
    }
}

/// Id of the hub's first transfer in a session.
const FIRST_TRANSFER: u32 = 7;
