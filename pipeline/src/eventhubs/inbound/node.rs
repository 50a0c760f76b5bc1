//! A node that answers (`$cbs`): a pair of links on a session of their own, one question at a time.
//!
//! Owns: the pair as a state machine, the message of a question, which answer belongs to it. Does not own: when a token
//! is put (`cbs`).

use std::sync::Arc;

use super::attach::{OUTGOING_WINDOW, put_begin};
use super::channels::Session;
use super::gone::Gone;
use super::protocol_error::ProtocolError;
use super::transfers::Transfers;
use crate::amqp::codec::{self, Value};
use crate::amqp::encode::Encoder;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{
    Attach, Begin, Condition, Detach, Disposition, Flow, Outcome, Performative, Role, Source, Target,
    Transfer, encode_end,
};
use crate::amqp::sections::{Message, code, lookup};
use crate::budget::Share;
use crate::eventhubs::Error;
use crate::eventhubs::names::{
    ERROR_CONDITION, EXPIRATION, NAME, OPERATION, PUT_TOKEN, SAS_TOKEN, STATUS_CODE, STATUS_DESCRIPTION, TYPE,
};

/// A token to put, and for how long. It has no `Debug`: it is a secret.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) audience: &'a str,
    pub(super) token: &'a str,
    /// Unix seconds.
    pub(super) expiry: Option<i64>,
}

/// The pair of links.
pub(super) struct Node {
    address: &'static str,
    reply_to: String,
    channel: u16,
    /// The hub's handle of the link we ask on.
    asking: Option<u32>,
    /// Transfers the hub takes on it.
    credit: u32,
    asked: u64,
    sent: u32,
    /// The question that waits for credit, as a message.
    question: Option<Vec<u8>>,
    /// What the question is about, for errors.
    subject: String,
    answer: Option<Result<(), Error>>,
    collected: Vec<u8>,
    next_incoming_id: u32,
    answers: u32,
    gone: Option<Gone>,
}

/// Leaves the question out: it holds a token.
impl std::fmt::Debug for Node {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Node")
            .field("address", &self.address)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Node {
    pub(super) fn new(address: &'static str, connection: &str) -> Self {
        Self {
            address,
            reply_to: format!("{connection}-{address}"),
            channel: 0,
            asking: None,
            credit: 0,
            asked: 0,
            sent: 0,
            question: None,
            subject: String::new(),
            answer: None,
            collected: Vec::new(),
            next_incoming_id: 0,
            answers: 0,
            gone: None,
        }
    }

    /// Begins the session on `channel` and attaches both links.
    pub(super) fn begin(&mut self, channel: u16, out: &mut Vec<u8>) {
        self.channel = channel;
        put_begin(channel, WINDOW, out);
        let names = [format!("{}-out", self.reply_to), format!("{}-in", self.reply_to)];
        let ends = [
            (Role::Sender, ASK, &*self.reply_to, self.address),
            (Role::Receiver, ANSWER, self.address, &*self.reply_to),
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
        self.put_credit(out);
    }

    /// Asks; an answer to an earlier question counts no more.
    pub(super) fn ask(&mut self, question: &Question<'_>, out: &mut Vec<u8>) {
        self.asked += 1;
        question.audience.clone_into(&mut self.subject);
        self.answer = None;
        self.question = Some(question.message(self.asked, &self.reply_to));
        self.send(out);
    }

    /// The answer, once it is there.
    pub(super) fn answer(&mut self) -> Option<Result<(), Error>> {
        let gone = self.gone.as_ref().map(|gone| Err(gone.error(&self.subject)));
        self.answer.take().or(gone)
    }

    fn send(&mut self, out: &mut Vec<u8>) {
        if self.credit == 0 || self.gone.is_some() {
            return;
        }
        let Some(message) = self.question.take() else { return };
        let tag = self.sent.to_be_bytes();
        let transfer = Transfer {
            handle: ASK,
            delivery_id: Some(self.sent),
            delivery_tag: Some(&tag),
            message_format: Some(0),
            settled: Some(false),
            ..Transfer::default()
        };
        put_frame(out, self.channel, |out| {
            transfer.encode(out);
            out.extend_from_slice(&message);
        });
        self.sent += 1;
        self.credit -= 1;
    }

    fn put_credit(&self, out: &mut Vec<u8>) {
        let flow = Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: WINDOW,
            next_outgoing_id: self.sent,
            outgoing_window: OUTGOING_WINDOW,
            handle: Some(ANSWER),
            delivery_count: Some(self.answers),
            link_credit: Some(CREDIT),
            ..Flow::default()
        };
        put_frame(out, self.channel, |out| flow.encode(out));
    }

    fn on_flow(&mut self, flow: &Flow, out: &mut Vec<u8>) {
        if flow.handle.is_some() && flow.handle == self.asking {
            let limit = flow.delivery_count.unwrap_or(0).wrapping_add(flow.link_credit.unwrap_or(0));
            let left = limit.wrapping_sub(self.sent);
            self.credit = if left > i32::MAX as u32 { 0 } else { left };
            self.send(out);
        }
    }

    fn on_transfer(&mut self, transfer: &Transfer<'_>, payload: &[u8], out: &mut Vec<u8>) {
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        if self.collected.len() + payload.len() <= WINDOW as usize {
            self.collected.extend_from_slice(payload);
        }
        if transfer.more && !transfer.aborted {
            return;
        }
        let message = std::mem::take(&mut self.collected);
        self.answers = self.answers.wrapping_add(1);
        if let (Some(first), false) = (transfer.delivery_id, transfer.settled == Some(true)) {
            let state = Some(Outcome::Accepted);
            let role = Role::Receiver;
            let settled = Disposition { role, first, last: Some(first), settled: true, state };
            put_frame(out, self.channel, |out| settled.encode(out));
        }
        self.put_credit(out);
        let read = judge(&message, self.asked, &self.subject);
        // An answer to a question that was given up is passed over.
        if let Some(answer) = read.unwrap_or_else(|_| Some(Err(self.no_answer(STATUS_CODE)))) {
            self.answer = Some(answer);
        }
    }

    fn no_answer(&self, what: &'static str) -> Error {
        Error::Answer { subject: self.subject.clone(), what }
    }

    fn on_detach(&mut self, detach: &Detach<'_>, out: &mut Vec<u8>) {
        let handle = if Some(detach.handle) == self.asking { ASK } else { ANSWER };
        let answer = Detach { handle, closed: detach.closed, error: None };
        put_frame(out, self.channel, |out| answer.encode(out));
        let otherwise = format!("{} has detached its link", self.address);
        self.gone.get_or_insert_with(|| Gone::told(detach.error, &otherwise));
    }
}

impl Session for Node {
    fn on_begin(&mut self, begin: &Begin<'_>) {
        self.next_incoming_id = begin.next_outgoing_id;
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

    fn share(&self) -> Option<&Arc<Share>> {
        None
    }

    fn on_frame(&mut self, performative: &Performative<'_>, out: &mut Vec<u8>) {
        match performative {
            // Its role is the hub's: what we ask on, it receives on.
            Performative::Attach(attach) if attach.role == Role::Receiver => {
                self.asking = Some(attach.handle);
            }
            Performative::Flow(flow) => self.on_flow(flow, out),
            Performative::Disposition(Disposition { state: Some(Outcome::Rejected(error)), .. }) => {
                let gone = Gone::told(*error, "the question was rejected");
                self.answer = Some(Err(gone.error(&self.subject)));
            }
            Performative::Detach(detach) => self.on_detach(detach, out),
            _ => {}
        }
    }

    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        self.gone.get_or_insert_with(|| Gone::told(error, "the session has ended"));
        put_frame(out, self.channel, |out| encode_end(None, out));
    }

    fn on_gone(&mut self, gone: &Gone) {
        self.gone.get_or_insert_with(|| gone.clone());
    }
}

impl Question<'_> {
    fn message(&self, id: u64, reply_to: &str) -> Vec<u8> {
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
                for (name, value) in [(OPERATION, PUT_TOKEN), (TYPE, SAS_TOKEN), (NAME, self.audience)] {
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

/// What an answer says; `None` when it belongs to another question.
fn judge(message: &[u8], asked: u64, subject: &str) -> Result<Option<Result<(), Error>>, codec::Error> {
    let message = Message::scan(message)?;
    let properties =
        if message.properties.is_empty() { Value::Null } else { Value::read(message.properties)? };
    let mut fields = properties.items().unwrap_or_default();
    for _ in 0..5 {
        fields.next_raw()?;
    }
    let correlation = Value::read(fields.next_raw()?)?;
    if !matches!(correlation, Value::Null) && correlation != Value::Ulong(asked) {
        return Ok(None);
    }
    let status = lookup(message.application_properties, STATUS_CODE)?.and_then(|status| status.integer());
    let text = |name| Ok(lookup(message.application_properties, name)?.and_then(|value| value.text()));
    Ok(Some(Error::check_status(subject, status, text(ERROR_CONDITION)?, text(STATUS_DESCRIPTION)?)))
}

/// Our handles.
const ASK: u32 = 0;
const ANSWER: u32 = 1;
/// Answers come one at a time; a few more than one are harmless.
const CREDIT: u32 = 10;
/// Of transfers, restated with each answer; an answer is no longer than so many bytes either.
const WINDOW: u32 = 65_535;
