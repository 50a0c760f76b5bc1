//! A pair of links to a request/response node (`$cbs`) on a session of their own, one request at a time.
//!
//! Owns: the pair as a state machine, the message of a request, and matching the response to it. Does not own: when a
//! token is put (`authorization`).

use super::attach::{HANDLE_MAX, OUTGOING_WINDOW};
use crate::amqp::codec::{self, Value};
use crate::amqp::condition;
use crate::amqp::encode::Encoder;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{
    Attach, Begin, Condition, Detach, Disposition, Flow, Outcome, Performative, Role, Source, Target,
    Transfer, encode_end,
};
use crate::amqp::reassembly::{Delivery, Part, Reassembly};
use crate::amqp::sections::{Message, code, lookup};
use crate::amqp::session::{SessionWindow, WindowSizes};
use crate::eventhubs::connection::{CloseReason, ProtocolError, Session, Transfers};
use crate::eventhubs::error::Error;
use crate::eventhubs::names::{
    ERROR_CONDITION, EXPIRATION, NAME, OPERATION, PUT_TOKEN, STATUS_CODE, STATUS_DESCRIPTION, TYPE,
};

/// A request to put a token. No `Debug`: the token is a secret.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) audience: &'a str,
    pub(super) token: &'a str,
    /// Name of the token's kind.
    pub(super) kind: &'a str,
    /// Unix seconds.
    pub(super) expiry: Option<i64>,
}

/// The pair of links.
pub(super) struct RequestLink {
    address: &'static str,
    reply_to: String,
    window: SessionWindow,
    /// The hub's handle of the link for requests.
    remote_handle: Option<u32>,
    /// Credit on that link.
    credit: u32,
    /// Id of the last request.
    request_id: u64,
    /// Requests sent: the delivery-count of that link.
    sent: u32,
    /// The message of a request that waits for credit or window.
    queued: Option<Vec<u8>>,
    /// The audience of the last request, for errors.
    subject: String,
    response: Option<Result<(), Error>>,
    reassembly: Reassembly,
    /// Payload so far of an incoming response.
    partial: Vec<u8>,
    /// Responses received.
    received: u32,
    closed: Option<CloseReason>,
    /// We have sent our End.
    end_sent: bool,
}

/// Omits the queued request, which holds a token.
impl std::fmt::Debug for RequestLink {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RequestLink")
            .field("address", &self.address)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl RequestLink {
    pub(super) fn new(address: &'static str, connection: &str) -> Self {
        Self {
            address,
            reply_to: format!("{connection}-{address}"),
            window: SessionWindow::initiate(0, WINDOWS),
            remote_handle: None,
            credit: 0,
            request_id: 0,
            sent: 0,
            queued: None,
            subject: String::new(),
            response: None,
            reassembly: Reassembly::new(MAX_RESPONSE_BYTES),
            partial: Vec::new(),
            received: 0,
            closed: None,
            end_sent: false,
        }
    }

    /// Begins the session on `channel` and attaches both links.
    pub(super) fn begin(&mut self, channel: u16, out: &mut Vec<u8>) {
        self.window = SessionWindow::initiate(channel, WINDOWS);
        self.window.put_begin(HANDLE_MAX, out);
        let names = [format!("{}-out", self.reply_to), format!("{}-in", self.reply_to)];
        let ends = [
            (Role::Sender, REQUEST_HANDLE, &*self.reply_to, self.address),
            (Role::Receiver, RESPONSE_HANDLE, self.address, &*self.reply_to),
        ];
        for ((role, handle, source, target), name) in ends.into_iter().zip(&names) {
            let attach = Attach {
                name,
                handle,
                role,
                source: Some(Source { address: Some(source), filter: None }),
                target: Some(Target { address: Some(target) }),
                initial_delivery_count: (role == Role::Sender).then_some(0),
                ..Attach::default()
            };
            put_frame(out, channel, |out| attach.encode(out));
        }
        self.write_credit(out);
    }

    /// Sends a request, once there is credit and window. The response to an earlier one is discarded.
    pub(super) fn send_request(&mut self, request: &Request<'_>, out: &mut Vec<u8>) {
        self.request_id += 1;
        request.audience.clone_into(&mut self.subject);
        self.response = None;
        self.queued = Some(request.encode(self.request_id, &self.reply_to));
        self.send_queued(out);
    }

    /// Takes the response to the last request, or the error that ended the link.
    pub(super) fn take_response(&mut self) -> Option<Result<(), Error>> {
        let closed = self.closed.as_ref().map(|reason| Err(reason.error(&self.subject)));
        self.response.take().or(closed)
    }

    fn send_queued(&mut self, out: &mut Vec<u8>) {
        if self.credit == 0 || !self.window.may_send() || self.closed.is_some() {
            return;
        }
        let Some(message) = self.queued.take() else { return };
        let tag = self.sent.to_be_bytes();
        let transfer = Transfer {
            handle: REQUEST_HANDLE,
            delivery_id: Some(self.window.next_delivery_id()),
            delivery_tag: Some(&tag),
            message_format: Some(0),
            settled: Some(false),
            ..Transfer::default()
        };
        put_frame(out, self.window.channel(), |out| {
            transfer.encode(out);
            out.extend_from_slice(&message);
        });
        self.window.count_sent();
        self.sent += 1;
        self.credit -= 1;
    }

    /// Sends the session window, and credit for responses with it.
    fn write_credit(&mut self, out: &mut Vec<u8>) {
        self.window.extend_to(WINDOWS.incoming);
        self.window.put_flow(out, |flow| Flow {
            handle: Some(RESPONSE_HANDLE),
            delivery_count: Some(self.received),
            link_credit: Some(RESPONSE_CREDIT),
            ..flow
        });
    }

    fn on_flow(&mut self, flow: &Flow, out: &mut Vec<u8>) {
        self.window.on_flow(flow);
        if flow.handle.is_some() && flow.handle == self.remote_handle {
            let limit = flow.delivery_count.unwrap_or(0).wrapping_add(flow.link_credit.unwrap_or(0));
            let left = limit.wrapping_sub(self.sent);
            self.credit = if left > i32::MAX as u32 { 0 } else { left };
        }
        self.send_queued(out);
    }

    fn on_transfer(&mut self, transfer: &Transfer<'_>, payload: &[u8], out: &mut Vec<u8>) {
        if self.end_sent {
            return;
        }
        if let Err(violation) = self.window.count_received() {
            return self.fail(condition::WINDOW_VIOLATION, &violation.to_string(), out);
        }
        let part = match self.reassembly.on_transfer(transfer, payload.len()) {
            Ok(part) => part,
            Err(violation) => return self.fail(violation.condition(), &violation.to_string(), out),
        };
        match part {
            Part::First | Part::Middle => {
                self.partial.extend_from_slice(payload);
                self.window.renew(out);
            }
            Part::Aborted => {
                self.partial.clear();
                self.count_response(out);
            }
            Part::Whole(delivery) => self.on_response(&delivery, payload, out),
            Part::Last(delivery) => {
                let mut message = std::mem::take(&mut self.partial);
                message.extend_from_slice(payload);
                self.on_response(&delivery, &message, out);
            }
        }
    }

    fn on_response(&mut self, delivery: &Delivery, message: &[u8], out: &mut Vec<u8>) {
        if !delivery.settled {
            let (first, state) = (delivery.id, Some(Outcome::Accepted));
            let role = Role::Receiver;
            let settled = Disposition { role, first, last: Some(first), settled: true, state };
            put_frame(out, self.window.channel(), |out| settled.encode(out));
        }
        self.count_response(out);
        let malformed = || Some(Err(Error::Response { subject: self.subject.clone(), what: STATUS_CODE }));
        let response = decode_response(message, self.request_id, &self.subject);
        // `None` is the response to a request that has timed out.
        if let Some(response) = response.unwrap_or_else(|_| malformed()) {
            self.response = Some(response);
        }
    }

    /// Counts a delivery on the link for responses, and gives its credit back.
    fn count_response(&mut self, out: &mut Vec<u8>) {
        self.received = self.received.wrapping_add(1);
        self.write_credit(out);
    }

    /// Ends the session because the hub breaks its rules.
    fn fail(&mut self, condition: &str, what: &str, out: &mut Vec<u8>) {
        let reason = || CloseReason::Lost(format!("{} broke the protocol: {what}", self.address));
        self.closed.get_or_insert_with(reason);
        self.end(Some(Condition { condition, description: what }), out);
    }

    fn end(&mut self, reason: Option<Condition<'_>>, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.end_sent, true) {
            put_frame(out, self.window.channel(), |out| encode_end(reason, out));
        }
    }

    fn on_detach(&mut self, detach: &Detach<'_>, out: &mut Vec<u8>) {
        let is_request_link = Some(detach.handle) == self.remote_handle;
        if self.end_sent {
            return;
        }
        let handle = if is_request_link { REQUEST_HANDLE } else { RESPONSE_HANDLE };
        let reply = Detach { handle, closed: detach.closed, error: None };
        put_frame(out, self.window.channel(), |out| reply.encode(out));
        let fallback = format!("{} detached its link", self.address);
        self.closed.get_or_insert_with(|| CloseReason::new(detach.error, &fallback));
    }
}

impl Session for RequestLink {
    fn on_begin(&mut self, begin: &Begin<'_>) {
        self.window.on_begin(begin);
    }

    fn on_transfers(
        &mut self,
        transfers: &mut Transfers<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        while let Some((transfer, payload)) = transfers.next()? {
            self.on_transfer(&transfer, payload, out);
        }
        Ok(())
    }

    fn on_frame(&mut self, performative: &Performative<'_>, out: &mut Vec<u8>) {
        match performative {
            // The role is the hub's: it receives requests.
            Performative::Attach(attach) if attach.role == Role::Receiver => {
                self.remote_handle = Some(attach.handle);
            }
            Performative::Flow(flow) => self.on_flow(flow, out),
            Performative::Disposition(Disposition { state: Some(Outcome::Rejected(error)), .. }) => {
                let reason = CloseReason::new(*error, "the request was rejected");
                self.response = Some(Err(reason.error(&self.subject)));
            }
            Performative::Detach(detach) => self.on_detach(detach, out),
            _ => {}
        }
    }

    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        self.closed.get_or_insert_with(|| CloseReason::new(error, "the hub ended the session"));
        self.end(None, out);
    }

    fn on_close(&mut self, reason: &CloseReason) {
        self.closed.get_or_insert_with(|| reason.clone());
    }
}

impl Request<'_> {
    fn encode(&self, id: u64, reply_to: &str) -> Vec<u8> {
        let mut message = Vec::new();
        let mut out = Encoder::new(&mut message);
        out.described(code::PROPERTIES, |out| {
            out.list(|list| {
                list.ulong(id);
                list.nulls(3);
                list.string(reply_to);
            });
        });
        out.described(code::APPLICATION_PROPERTIES, |out| {
            out.map(|map| {
                for (name, value) in [(OPERATION, PUT_TOKEN), (TYPE, self.kind), (NAME, self.audience)] {
                    map.string(name);
                    map.string(value);
                }
                if let Some(expiry) = self.expiry {
                    map.string(EXPIRATION);
                    map.timestamp(expiry * 1000);
                }
            });
        });
        out.described(code::VALUE, |out| out.string(self.token));
        message
    }
}

/// Decodes a response; `None` if it belongs to another request.
fn decode_response(
    message: &[u8],
    request_id: u64,
    subject: &str,
) -> Result<Option<Result<(), Error>>, codec::Error> {
    let message = Message::scan(message)?;
    let properties =
        if message.properties.is_empty() { Value::Null } else { Value::read(message.properties)? };
    let mut fields = properties.items().unwrap_or_default();
    for _ in 0..5 {
        fields.next_raw()?;
    }
    let correlation = Value::read(fields.next_raw()?)?;
    if !matches!(correlation, Value::Null) && correlation != Value::Ulong(request_id) {
        return Ok(None);
    }
    let status = lookup(message.application_properties, STATUS_CODE)?.and_then(|status| status.integer());
    let text = |name| Ok(lookup(message.application_properties, name)?.and_then(|value| value.text()));
    Ok(Some(Error::check_status(subject, status, text(ERROR_CONDITION)?, text(STATUS_DESCRIPTION)?)))
}

/// Our handles of the two links.
const REQUEST_HANDLE: u32 = 0;
const RESPONSE_HANDLE: u32 = 1;
/// Credit for responses. One is outstanding at a time, and those to requests that timed out may follow.
const RESPONSE_CREDIT: u32 = 10;
/// Session windows, in transfers. The incoming one is the service's own figure and never the limit: credit is.
const WINDOWS: WindowSizes = WindowSizes { incoming: 5_000, outgoing: OUTGOING_WINDOW };
/// A longer response ends the links: the service's own limit on a message.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
