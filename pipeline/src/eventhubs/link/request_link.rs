//! A pair of links to a request/response node (`$cbs`, `$management`) on a session of their own.
//!
//! Owns: the pair as a state machine, ids of requests, and matching responses to them. Does not own: the contents of
//! requests (`authorization`, `management`), or waiting for a response (`request_client`).

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::attach::{HANDLE_MAX, OUTGOING_WINDOW};
use super::request_message::{Answer, Request, Response};
use crate::amqp::condition;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{
    Attach, Begin, Condition, Detach, Disposition, Flow, Outcome, Performative, Role, Source, Target,
    Transfer, encode_end,
};
use crate::amqp::reassembly::{Delivery, Part, Reassembly};
use crate::amqp::session::{SessionWindow, WindowSizes};
use crate::eventhubs::connection::{CloseReason, ProtocolError, Session, Transfers};

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
    /// Requests that wait for credit or window: id and message.
    queued: VecDeque<(u64, Vec<u8>)>,
    /// Requests without a response.
    pending: HashMap<u64, Pending>,
    reassembly: Reassembly,
    /// Payload so far of an incoming response.
    partial: Vec<u8>,
    /// Responses received.
    received: u32,
    closed: Option<CloseReason>,
    /// We have sent our End.
    end_sent: bool,
}

/// A request that waits for its response.
struct Pending {
    /// For errors.
    subject: String,
    /// Its delivery id, once it is sent.
    delivery: Option<u32>,
    answer: oneshot::Sender<Answer>,
}

/// Omits the queued requests, which hold tokens.
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
            queued: VecDeque::new(),
            pending: HashMap::new(),
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

    /// Returns whether requests can still be sent.
    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Sends a request, once there is credit and window. Returns its id.
    pub(super) fn send_request(
        &mut self,
        subject: &str,
        request: &Request,
        answer: oneshot::Sender<Answer>,
        out: &mut Vec<u8>,
    ) -> u64 {
        self.request_id += 1;
        let id = self.request_id;
        if let Some(reason) = &self.closed {
            // The caller may have given up just now.
            let _ = answer.send(Err(reason.error(subject)));
            return id;
        }
        self.pending.insert(id, Pending { subject: subject.to_owned(), delivery: None, answer });
        self.queued.push_back((id, request.encode(id, &self.reply_to)));
        self.send_queued(out);
        id
    }

    /// Forgets a request: its caller no longer waits for the response.
    pub(super) fn abandon_request(&mut self, id: u64) {
        self.pending.remove(&id);
        self.queued.retain(|(queued, _)| *queued != id);
    }

    /// Ends the links and their session without waiting for the hub.
    pub(super) fn abandon(&mut self, out: &mut Vec<u8>) {
        self.end_requests(CloseReason::Lost(format!("the link to {} was abandoned", self.address)));
        self.end(None, out);
    }

    /// Ends all requests with this reason.
    fn end_requests(&mut self, reason: CloseReason) {
        let reason = self.closed.get_or_insert(reason).clone();
        self.queued.clear();
        for (_, Pending { subject, answer, .. }) in self.pending.drain() {
            // The caller may have given up just now.
            let _ = answer.send(Err(reason.error(&subject)));
        }
    }

    fn send_queued(&mut self, out: &mut Vec<u8>) {
        while self.credit > 0
            && self.window.may_send()
            && let Some((id, message)) = self.queued.pop_front()
        {
            let tag = self.sent.to_be_bytes();
            let delivery = self.window.next_delivery_id();
            let transfer = Transfer {
                handle: REQUEST_HANDLE,
                delivery_id: Some(delivery),
                delivery_tag: Some(&tag),
                message_format: Some(0),
                settled: Some(false),
                ..Transfer::default()
            };
            put_frame(out, self.window.channel(), |out| {
                transfer.encode(out);
                out.extend_from_slice(&message);
            });
            if let Some(pending) = self.pending.get_mut(&id) {
                pending.delivery = Some(delivery);
            }
            self.window.count_sent();
            self.sent += 1;
            self.credit -= 1;
        }
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
        self.answer(message);
    }

    /// Counts a delivery on the link for responses, and gives its credit back.
    fn count_response(&mut self, out: &mut Vec<u8>) {
        self.received = self.received.wrapping_add(1);
        self.write_credit(out);
    }

    /// Ends the session because the hub breaks its rules.
    fn fail(&mut self, condition: &str, what: &str, out: &mut Vec<u8>) {
        self.end_requests(CloseReason::Lost(format!("{} broke the protocol: {what}", self.address)));
        self.end(Some(Condition { condition, description: what }), out);
    }

    fn end(&mut self, reason: Option<Condition<'_>>, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.end_sent, true) {
            put_frame(out, self.window.channel(), |out| encode_end(reason, out));
        }
    }

    /// Hands a response to the caller of its request. Without a correlation id it belongs to the only request in flight.
    fn answer(&mut self, message: &[u8]) {
        let Ok(response) = Response::decode(message) else {
            tracing::warn!(
                node = self.address,
                "malformed response from the hub; its request runs into its timeout"
            );
            return;
        };
        let only = || (self.pending.len() == 1).then(|| self.pending.keys().copied().next()).flatten();
        let Some(id) = response.correlation.or_else(only) else { return };
        // An unknown id is of a request that has timed out.
        if let Some(Pending { subject, answer, .. }) = self.pending.remove(&id) {
            let _ = answer.send(response.into_answer(&subject));
        }
    }

    /// The hub rejects requests: these deliveries are not answered.
    fn on_rejected(&mut self, first: u32, last: u32, error: Option<Condition<'_>>) {
        let reason = CloseReason::new(error, "the request was rejected");
        let is_rejected = |pending: &Pending| pending.delivery.is_some_and(|id| (first..=last).contains(&id));
        let rejected: Vec<u64> =
            self.pending.iter().filter(|(_, pending)| is_rejected(pending)).map(|(id, _)| *id).collect();
        for id in rejected {
            if let Some(Pending { subject, answer, .. }) = self.pending.remove(&id) {
                let _ = answer.send(Err(reason.error(&subject)));
            }
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
        self.end_requests(CloseReason::new(detach.error, &fallback));
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
            Performative::Disposition(Disposition {
                first,
                last,
                state: Some(Outcome::Rejected(error)),
                ..
            }) => self.on_rejected(*first, last.unwrap_or(*first), *error),
            Performative::Detach(detach) => self.on_detach(detach, out),
            _ => {}
        }
    }

    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        self.end_requests(CloseReason::new(error, "the hub ended the session"));
        self.end(None, out);
    }

    fn on_close(&mut self, reason: &CloseReason) {
        self.end_requests(reason.clone());
    }
}

/// Our handles of the two links.
const REQUEST_HANDLE: u32 = 0;
const RESPONSE_HANDLE: u32 = 1;
/// Credit for responses: more than requests that a client has in flight, so that a response never waits for it.
const RESPONSE_CREDIT: u32 = 128;
/// Session windows, in transfers. The incoming one is the service's own figure and never the limit: credit is.
const WINDOWS: WindowSizes = WindowSizes { incoming: 5_000, outgoing: OUTGOING_WINDOW };
/// A longer response ends the links: the service's own limit on a message.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
