//! One connection as a state machine: bytes in, bytes out, without a socket or a runtime.
//!
//! Owns the handshake and the sessions. Does not own: the order in which links send (`turns`), or the socket, idle
//! timeouts and heartbeats (`listener`).

mod session; // a session and its links
mod attach; // admission of links
mod link; // the kinds of links
mod incoming; // the receiving end of a link
mod outgoing; // the sending end of a link
mod nodes; // `$cbs` and `$management`
mod context; // state that the sessions of a connection share
mod turns; // the order in which links send, and injected faults
mod replay; // a connection without a socket

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::amqp::frames::{Frame, FrameBuffer, Layer, put_frame, put_sasl_frame};
use crate::amqp::performatives::{Attach, Begin, Open, Performative, encode_close, encode_end};
use crate::amqp::{
    AMQP_HEADER, MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE, SASL_HEADER, codec, condition, frames, sasl,
};

use self::attach::address_of;
use self::context::ConnectionContext;
use self::session::{Session, SessionError};
use super::limits::{check_frame_sizes, check_link_count};
use super::namespace::Namespace;
use super::refusal::Refusal;

pub use replay::Replay;

/// SASL mechanisms that the hub offers, those of the service (protocol reference 1.3).
const MECHANISMS: [&str; 4] = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];

/// Highest channel: the figure of the service's own Open.
const MAX_CHANNEL: u16 = 4999;

/// One connection.
#[derive(Debug)]
pub(in crate::emulator) struct Connection {
    phase: Phase,
    context: ConnectionContext,
    /// Idle timeout of the peer, if it has one.
    peer_idle_timeout: Option<Duration>,
    /// Our idle timeout, as our Open advertises it.
    idle_timeout: Duration,
    sessions: BTreeMap<u16, Session>,
    /// Channels of sessions that we have ended; frames on them are dropped until the peer ends them too.
    ended: BTreeSet<u16>,
    /// Links that the hub sends on, as (channel, handle), in the order of their turns.
    turns: VecDeque<(u16, u32)>,
    /// The next pause of a link ends at this time.
    resumes: Option<Instant>,
    /// The version of the faults that the grants follow.
    faults_seen: u64,
}

/// Phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the SASL header.
    SaslHeader,
    /// Waits for sasl-init.
    SaslInit,
    /// Waits for the AMQP header.
    AmqpHeader,
    /// Waits for Open.
    Open,
    /// Open in both directions.
    Running,
    /// Reading has ended; bytes that are already encoded are still written.
    Over,
    /// The socket has to be dropped at once.
    Dropped,
}

impl Connection {
    /// Returns a connection that `waker` wakes.
    pub(in crate::emulator) fn new(
        namespace: Arc<Namespace>,
        waker: Arc<Notify>,
        idle_timeout: Duration,
    ) -> Self {
        Self {
            phase: Phase::SaslHeader,
            context: ConnectionContext::new(namespace, waker),
            peer_idle_timeout: None,
            idle_timeout,
            sessions: BTreeMap::new(),
            ended: BTreeSet::new(),
            turns: VecDeque::new(),
            resumes: None,
            faults_seen: 0,
        }
    }

    /// Returns whether reading has ended.
    pub(in crate::emulator) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over | Phase::Dropped)
    }

    /// Returns whether the socket has to be dropped without a Close.
    pub(in crate::emulator) fn is_dropped(&self) -> bool {
        self.phase == Phase::Dropped
    }

    /// Returns whether a link is attached.
    pub(in crate::emulator) fn has_links(&self) -> bool {
        self.sessions.values().any(Session::has_links)
    }

    /// Returns the idle timeout of the peer, if it has one.
    pub(in crate::emulator) fn peer_idle_timeout(&self) -> Option<Duration> {
        self.peer_idle_timeout
    }

    /// Processes all complete frames of `input`.
    pub(in crate::emulator) fn receive(&mut self, input: &mut FrameBuffer, out: &mut Vec<u8>) {
        while !self.is_over() {
            match self.step(input, out) {
                Ok(true) => {}
                Ok(false) => break,
                Err(refusal) => self.close(Some(&refusal), out),
            }
        }
        for session in self.sessions.values_mut() {
            session.finish_turn(out);
        }
    }

    /// Closes the connection, with a reason or in answer to the peer's Close.
    pub(in crate::emulator) fn close(&mut self, refusal: Option<&Refusal>, out: &mut Vec<u8>) {
        if let Some(refusal) = refusal {
            tracing::debug!(condition = refusal.condition, text = refusal.text, "connection closed");
        }
        match self.phase {
            // Before Open the only possible response is the header of the expected layer.
            Phase::SaslHeader => out.extend_from_slice(&SASL_HEADER),
            Phase::SaslInit => put_sasl_frame(out, |out| sasl::encode_outcome(false, out)),
            Phase::AmqpHeader => out.extend_from_slice(&AMQP_HEADER),
            Phase::Open | Phase::Running => {
                if self.phase == Phase::Open {
                    self.put_open(out);
                }
                put_frame(out, 0, |out| encode_close(refusal.map(Refusal::wire), out));
            }
            Phase::Over | Phase::Dropped => {}
        }
        self.phase = Phase::Over;
        self.sessions.clear();
        self.turns.clear();
    }

    /// Processes one header or frame; returns whether there was one.
    fn step(&mut self, input: &mut FrameBuffer, out: &mut Vec<u8>) -> Result<bool, Refusal> {
        if matches!(self.phase, Phase::SaslHeader | Phase::AmqpHeader) {
            let Some(layer) = input.next_header().map_err(framing_error)? else { return Ok(false) };
            return self.on_header(layer, out).map(|()| true);
        }
        let Some(frame) = input.next_frame().map_err(framing_error)? else { return Ok(false) };
        match (self.phase, frame.layer) {
            (Phase::SaslInit, Layer::Sasl) => self.on_init(&frame.body, out)?,
            (Phase::Open | Phase::Running, Layer::Amqp) => self.on_frame(&frame, out)?,
            _ => return Err(framing_error(frames::Error::Protocol)),
        }
        Ok(true)
    }

    fn on_header(&mut self, layer: Layer, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match (self.phase, layer) {
            (Phase::SaslHeader, Layer::Sasl) => {
                out.extend_from_slice(&SASL_HEADER);
                put_sasl_frame(out, |out| sasl::encode_mechanisms(&MECHANISMS, out));
                self.phase = Phase::SaslInit;
            }
            (Phase::AmqpHeader, Layer::Amqp) => {
                out.extend_from_slice(&AMQP_HEADER);
                self.phase = Phase::Open;
            }
            _ => return Err(framing_error(frames::Error::Protocol)),
        }
        Ok(())
    }

    fn on_init(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        let init = sasl::Init::decode(body).map_err(decode_error)?;
        let plain = init.mechanism == "PLAIN";
        let known = MECHANISMS.contains(&init.mechanism);
        if !known || (plain && !self.context.namespace.access.check_plain(init.initial_response)) {
            return Err(Refusal::new(condition::UNAUTHORIZED, "The credentials are not valid."));
        }
        self.context.grants.all = plain;
        put_sasl_frame(out, |out| sasl::encode_outcome(true, out));
        self.phase = Phase::AmqpHeader;
        Ok(())
    }

    fn on_frame(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<(), Refusal> {
        if frame.body.is_empty() {
            return Ok(());
        }
        let (performative, payload) = Performative::decode(&frame.body).map_err(decode_error)?;
        match (self.phase, &performative) {
            (Phase::Open, Performative::Open(open)) => {
                self.on_open(open, out);
                Ok(())
            }
            (Phase::Open, _) | (_, Performative::Open(_)) => {
                Err(Refusal::new(condition::ILLEGAL_STATE, "An open has to come first, and once."))
            }
            (_, Performative::Begin(begin)) => self.on_begin(frame.channel, begin, out),
            (_, Performative::End(_)) => self.on_end(frame.channel, out),
            (_, Performative::Close(_)) => {
                self.close(None, out);
                Ok(())
            }
            _ => self.on_session_frame(frame.channel, &performative, payload, out),
        }
    }

    fn on_open(&mut self, open: &Open<'_>, out: &mut Vec<u8>) {
        let stated = open.max_frame_size.unwrap_or(u32::MAX);
        self.context.max_frame_size = stated.max(MIN_MAX_FRAME_SIZE) as usize;
        self.peer_idle_timeout =
            open.idle_time_out.filter(|ms| *ms > 0).map(|ms| Duration::from_millis(ms.into()));
        self.put_open(out);
        self.phase = Phase::Running;
    }

    fn put_open(&self, out: &mut Vec<u8>) {
        let open = Open {
            container_id: "catchwater",
            max_frame_size: Some(MAX_FRAME_SIZE),
            channel_max: Some(MAX_CHANNEL),
            idle_time_out: Some(self.idle_timeout.as_millis() as u32),
            ..Open::default()
        };
        put_frame(out, 0, |out| open.encode(out));
    }

    fn on_begin(&mut self, channel: u16, begin: &Begin<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        if channel > MAX_CHANNEL || self.sessions.contains_key(&channel) || self.ended.contains(&channel) {
            let text = format!("The channel {channel} is above {MAX_CHANNEL} or in use.");
            return Err(Refusal::new(condition::FRAMING_ERROR, text));
        }
        self.sessions.insert(channel, Session::begin(channel, begin, out));
        Ok(())
    }

    fn on_end(&mut self, channel: u16, out: &mut Vec<u8>) -> Result<(), Refusal> {
        if self.ended.remove(&channel) {
            return Ok(());
        }
        self.sessions.remove(&channel).ok_or_else(|| no_session(channel))?;
        put_frame(out, channel, |out| encode_end(None, out));
        Ok(())
    }

    fn on_session_frame(
        &mut self,
        channel: u16,
        performative: &Performative<'_>,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        if self.ended.contains(&channel) {
            return Ok(());
        }
        if let Performative::Attach(attach) = performative {
            check_link_count(self.sessions.values().map(Session::link_count).sum())?;
            if self.refuse_second_cbs(channel, attach, out) {
                return Ok(());
            }
        }
        let before = out.len();
        let session = self.sessions.get_mut(&channel).ok_or_else(|| no_session(channel))?;
        match session.on_frame(performative, payload, &mut self.context, out) {
            Ok(()) => {}
            Err(SessionError::Connection(refusal)) => return Err(refusal),
            Err(SessionError::Session(refusal)) => self.end_session(channel, &refusal, out),
        }
        check_frame_sizes(&out[before..], self.context.max_frame_size)?;
        if let Performative::Attach(attach) = performative {
            self.add_turn(channel, attach.handle);
        }
        self.deliver_replies();
        Ok(())
    }

    /// Refuses a second `$cbs` link of the same role, as the service does; returns whether it did.
    fn refuse_second_cbs(&mut self, channel: u16, attach: &Attach<'_>, out: &mut Vec<u8>) -> bool {
        let taken = address_of(attach) == Some("$cbs")
            && self.sessions.values().any(|session| session.has_cbs(attach.role));
        match self.sessions.get_mut(&channel) {
            Some(session) if taken => {
                let refusal = Refusal::new(condition::NOT_ALLOWED, "$cbs node has already been opened.");
                session.refuse(attach, &refusal, out);
                true
            }
            _ => false,
        }
    }

    fn end_session(&mut self, channel: u16, refusal: &Refusal, out: &mut Vec<u8>) {
        tracing::debug!(condition = refusal.condition, text = refusal.text, "session ended");
        put_frame(out, channel, |out| encode_end(Some(refusal.wire()), out));
        self.sessions.remove(&channel);
        self.ended.insert(channel);
    }

    /// Queues replies on the links that they name, or on any link of their node.
    fn deliver_replies(&mut self) {
        for reply in std::mem::take(&mut self.context.replies) {
            let exact = self.sessions.values_mut().any(|session| session.reply_link(&reply, true).is_some());
            let link = self.sessions.values_mut().find_map(|session| session.reply_link(&reply, exact));
            let delivered = link.is_some_and(|link| link.push(reply.message));
            if !delivered {
                tracing::debug!(reply_to = reply.address, "reply dropped: no link for it, or no room");
            }
        }
    }
}

fn framing_error(error: frames::Error) -> Refusal {
    Refusal::new(condition::FRAMING_ERROR, format!("The stream can't be read: {error}."))
}

fn decode_error(error: codec::Error) -> Refusal {
    Refusal::new(condition::DECODE_ERROR, format!("A frame can't be read: {error}."))
}

fn no_session(channel: u16) -> Refusal {
    Refusal::new(condition::ILLEGAL_STATE, format!("The channel {channel} has no session."))
}
