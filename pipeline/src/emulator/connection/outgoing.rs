//! The sending end of a link: credit, windows, and deliveries in one frame or several.
//!
//! Owns the rule that nothing is sent without credit and window. Does not own: attaching (`attach`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::amqp::MIN_MAX_FRAME_SIZE;
use crate::amqp::condition;
use crate::amqp::encode::Encoder;
use crate::amqp::performatives::Flow;
use crate::amqp::sections::code;
use crate::amqp::session::SessionWindow;
use crate::amqp::transfer::{FIRST_FRAME_OVERHEAD, NEXT_FRAME_OVERHEAD, TransferTemplate};
use crate::clock::UnixMillis;

use super::super::faults::{Fault, Pace, Turn};
use super::super::hub::Hub;
use super::super::hub::log::{Event, PartitionLog};
use super::super::hub::readers::Reader;
use super::super::limits::{Budgets, Held};
use super::nodes::RequestNode;

/// Size at which the turn of a link ends, bytes.
///
/// Small enough that 32 partitions share a connection evenly, large enough that one lock of the log serves dozens of
/// events.
pub(super) const MAX_TURN_BYTES: usize = 64 * 1024;

// With the smallest maximum frame size of a peer, each frame still has room for payload.
const _: () = assert!(FIRST_FRAME_OVERHEAD < MIN_MAX_FRAME_SIZE as usize);
const _: () = assert!(NEXT_FRAME_OVERHEAD <= FIRST_FRAME_OVERHEAD);

/// The sending end of a link.
#[derive(Debug)]
pub(super) struct Outgoing {
    template: TransferTemplate,
    handle: u32,
    max_frame_size: usize,
    delivery_count: u32,
    credit: u32,
    /// The peer wants unused credit back once there is nothing to send.
    drain: bool,
    partial: Option<Partial>,
    /// Bytes of `partial`, of all that the connection may hold.
    begun: Held,
}

/// A delivery with frames still to send.
#[derive(Debug)]
struct Partial {
    payload: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    /// Returns a link without credit.
    pub(super) fn new(channel: u16, handle: u32, max_frame_size: usize, budgets: &Budgets) -> Self {
        Self {
            template: TransferTemplate::new(channel, handle),
            handle,
            max_frame_size,
            delivery_count: 0,
            credit: 0,
            drain: false,
            partial: None,
            begun: Held::new(&budgets.begun),
        }
    }

    /// Applies the peer's credit from a Flow.
    pub(super) fn on_flow(&mut self, flow: &Flow) {
        if let Some(credit) = flow.link_credit {
            // The peer grants `credit` from the delivery-count that it has seen. The counters wrap around.
            let in_flight = self.delivery_count.wrapping_sub(flow.delivery_count.unwrap_or(0));
            self.credit = credit.saturating_sub(in_flight);
        }
        self.drain = flow.drain;
    }

    /// Appends a Flow with the state of the link.
    pub(super) fn put_flow(&self, window: &SessionWindow, out: &mut Vec<u8>) {
        window.put_flow(out, |flow| Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            drain: self.drain,
            ..flow
        });
    }

    /// Returns whether a delivery may begin.
    fn is_ready(&self, window: &SessionWindow) -> bool {
        self.partial.is_none() && self.credit > 0 && window.may_send() && self.begun.has_room()
    }

    /// Sends a delivery or its first frames; requires [`is_ready`](Self::is_ready).
    fn send(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>, parts: &[&[u8]]) {
        self.credit -= 1;
        self.delivery_count = self.delivery_count.wrapping_add(1);
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if FIRST_FRAME_OVERHEAD + size <= self.max_frame_size {
            let delivery_id = window.next_delivery_id();
            window.count_sent();
            self.template.put_whole(out, delivery_id, parts);
        } else {
            self.begun.overdraw(size);
            self.partial = Some(Partial { payload: parts.concat(), sent: 0 });
            self.continue_delivery(window, out);
        }
    }

    /// Sends further frames of an incomplete delivery, as far as the window allows.
    fn continue_delivery(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>) {
        let Some(partial) = &mut self.partial else { return };
        while window.may_send() {
            let rest = &partial.payload[partial.sent..];
            let overhead = if partial.sent == 0 { FIRST_FRAME_OVERHEAD } else { NEXT_FRAME_OVERHEAD };
            let room = self.max_frame_size - overhead;
            let chunk = &rest[..rest.len().min(room)];
            let more = chunk.len() < rest.len();
            window.count_sent();
            if partial.sent == 0 {
                self.template.put_first(out, window.next_delivery_id(), chunk);
            } else {
                self.template.put_next(out, chunk, more);
            }
            partial.sent += chunk.len();
            if !more {
                self.partial = None;
                self.begun.release();
                return;
            }
        }
    }

    /// Returns unused credit if the peer drains; requires that nothing is left to send.
    fn finish_drain(&mut self, window: &SessionWindow, out: &mut Vec<u8>) {
        if self.drain && self.partial.is_none() {
            self.delivery_count = self.delivery_count.wrapping_add(self.credit);
            self.credit = 0;
            self.put_flow(window, out);
            self.drain = false;
        }
    }
}

/// A link that sends a partition's events.
#[derive(Debug)]
pub(super) struct EventLink {
    pub(super) outgoing: Outgoing,
    hub: Arc<Hub>,
    partition: u32,
    group: String,
    reader: Arc<Reader>,
    /// Sequence number of the next event; retention may have removed it.
    next: i64,
    /// Each event carries the partition's runtime metrics.
    metrics: bool,
    /// Number of stalls when this reader attached.
    stalls: u64,
    /// A slow hub sends nothing before this time.
    paused_until: Option<Instant>,
}

/// Outcome of a turn of a link.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The fault that strikes the link.
    pub(super) strike: Option<Fault>,
    /// A pause of the link ends at this time.
    pub(super) resumes: Option<Instant>,
}

/// The partition, group and start that a reader asked for.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) partition: u32,
    pub(super) group: String,
    pub(super) next: i64,
    pub(super) metrics: bool,
}

impl EventLink {
    /// Returns a link that reads; `reader` is registered already, and the link removes it when it is dropped.
    pub(super) fn new(
        outgoing: Outgoing,
        hub: Arc<Hub>,
        reader: Arc<Reader>,
        subscription: Subscription,
        waker: &Arc<Notify>,
    ) -> Self {
        let Subscription { partition, group, next, metrics } = subscription;
        if let Some(partition) = hub.partition(partition) {
            partition.wake_on_append(waker);
        }
        hub.faults.wake_on_change(waker);
        let stalls = hub.faults.stalls();
        Self { outgoing, hub, partition, group, reader, next, metrics, stalls, paused_until: None }
    }

    /// Returns the hub that the link reads.
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Returns the link's entry among the partition's readers.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Sends what credit, window, turn and faults allow.
    pub(super) fn pump(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>) -> Sent {
        self.outgoing.continue_delivery(window, out);
        let mut turn = self.hub.faults.turn(&self.hub.name, self.partition, self.stalls);
        if let Some(fault) = turn.strike.take() {
            return self.struck(fault);
        }
        if turn.stalled {
            return Sent::default();
        }
        let Some(pace) = turn.pace else {
            let sent = self.send_turn(window, out, &turn);
            return self.count(sent, &turn);
        };
        let now = Instant::now();
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Sent { resumes: Some(until), ..Sent::default() };
        }
        let events_max = turn.events_max.min(burst(pace));
        let sent = self.send_turn(window, out, &Turn { events_max, ..turn.clone() });
        self.paused_until = (sent > 0).then(|| now + pause(pace, sent));
        Sent { resumes: self.paused_until, ..self.count(sent, &turn) }
    }

    fn count(&self, sent: u64, turn: &Turn) -> Sent {
        if sent == 0 || !turn.counts {
            return Sent::default();
        }
        let strike = self.hub.faults.count_sent(&self.hub.name, self.partition, sent);
        strike.map_or_else(Sent::default, |fault| self.struck(fault))
    }

    /// Sends events and returns their number.
    fn send_turn(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>, turn: &Turn) -> u64 {
        let hub = Arc::clone(&self.hub);
        let Some(partition) = hub.partition(self.partition) else { return 0 };
        self.outgoing.template.set_settled(turn.settled);
        let log = partition.log();
        let metrics = if self.metrics { encode_metrics(&log, hub.now()) } else { Vec::new() };
        let full = out.len() + MAX_TURN_BYTES;
        let mut sent = 0;
        // A reader that retention has overtaken goes on at the oldest event left, as in the service.
        self.next = self.next.max(log.begin());
        for event in log.events_from(self.next) {
            if sent == turn.events_max || out.len() >= full || !self.outgoing.is_ready(window) {
                break;
            }
            self.send(window, out, event, &metrics);
            sent += 1;
        }
        if self.next >= log.next() {
            self.outgoing.finish_drain(window, out);
        }
        sent
    }

    fn struck(&self, fault: Fault) -> Sent {
        let condition = match &fault {
            Fault::Detach(reason) | Fault::EndSession(reason) | Fault::Close(reason) => reason.condition,
            Fault::Steal(_) => condition::STOLEN,
            Fault::Drop | Fault::DropInFrame => "",
        };
        let Self { hub, partition, group, .. } = self;
        tracing::info!(fault = fault.name(), hub = hub.name, partition, group, condition, "fault injected");
        if let (Fault::Steal(held), Some(partition)) = (&fault, hub.partition(*partition)) {
            partition.readers.steal(group, *held);
        }
        Sent { strike: Some(fault), ..Sent::default() }
    }

    fn send(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>, event: &Event, metrics: &[u8]) {
        self.next += 1;
        self.outgoing.send(window, out, &[event.header(), metrics, event.rest()]);
    }
}

/// Number of events that a slow hub sends without a pause.
fn burst(pace: Pace) -> u64 {
    match pace {
        // A tenth of a second: short enough to look even, long enough that few wake-ups are needed.
        Pace::Rate(rate) => u64::from(rate / 10).max(1),
        Pace::Pause(_) => u64::MAX,
    }
}

/// Time that a slow hub waits after it has sent this number of events.
fn pause(pace: Pace, sent: u64) -> Duration {
    match pace {
        Pace::Rate(rate) => Duration::from_secs_f64(sent as f64 / f64::from(rate)),
        Pace::Pause(time) => time,
    }
}

impl Drop for EventLink {
    fn drop(&mut self) {
        if let Some(partition) = self.hub.partition(self.partition) {
            partition.readers.leave(&self.group, &self.reader);
        }
    }
}

/// Encodes the partition's runtime metrics as delivery annotations.
///
/// # Source
/// Protocol reference 4.4.
fn encode_metrics(log: &PartitionLog, now: UnixMillis) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    Encoder::new(&mut out).described(code::DELIVERY_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("last_enqueued_sequence_number");
            map.long(log.last());
            map.symbol("last_enqueued_offset");
            map.string(&log.last_offset());
            map.symbol("last_enqueued_time_utc");
            map.timestamp(log.last_enqueued_time().get());
            map.symbol("runtime_info_retrieval_time_utc");
            map.timestamp(now.get());
        });
    });
    out
}

/// A link that sends a node's replies.
#[derive(Debug)]
pub(super) struct ReplyLink {
    pub(super) outgoing: Outgoing,
    pub(super) node: RequestNode,
    /// The address that requests name in reply-to.
    pub(super) address: String,
    queue: VecDeque<Vec<u8>>,
    /// Bytes of `queue`, of all that the connection may hold.
    queued: Held,
}

/// Upper bound on replies that wait for credit; further replies are dropped.
const MAX_QUEUED_REPLIES: usize = 1000;

impl ReplyLink {
    /// Returns a link without replies.
    pub(super) fn new(outgoing: Outgoing, node: RequestNode, address: String, budgets: &Budgets) -> Self {
        let (queue, queued) = (VecDeque::new(), Held::new(&budgets.replies));
        Self { outgoing, node, address, queue, queued }
    }

    /// Queues a reply; returns false when the queue is full.
    pub(super) fn push(&mut self, message: Vec<u8>) -> bool {
        let has_room = self.queue.len() < MAX_QUEUED_REPLIES && self.queued.grow(message.len());
        if has_room {
            self.queue.push_back(message);
        }
        has_room
    }

    /// Sends what credit and window allow.
    pub(super) fn pump(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>) {
        self.outgoing.continue_delivery(window, out);
        while self.outgoing.is_ready(window) {
            let Some(message) = self.queue.pop_front() else { break };
            self.queued.shrink(message.len());
            self.outgoing.send(window, out, &[&message]);
        }
        if self.queue.is_empty() {
            self.outgoing.finish_drain(window, out);
        }
    }
}
