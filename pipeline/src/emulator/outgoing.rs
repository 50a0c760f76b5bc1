//! What the hub sends on a link: credit, windows, and deliveries in one frame or many.
//!
//! Owns the rule that nothing is sent without credit and window. Does not own: attaching (`session`).

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::amqp::encode::Encoder;
use crate::amqp::performatives::Flow;
use crate::amqp::sections::code;
use crate::amqp::session::SessionWindow;
use crate::amqp::transfer::{FIRST_FRAME_OVERHEAD, NEXT_FRAME_OVERHEAD, TransferTemplate};

use super::hub::Hub;
use super::log::{Event, PartitionLog};
use super::nodes::Service;
use super::readers::Reader;

/// What one link may put out before the next one has its turn, bytes.
///
/// Small enough that 32 partitions share a connection evenly, large enough that the log is locked once for dozens
/// of events.
const TURN_BYTES: usize = 64 * 1024;

/// The sending end of a link.
#[derive(Debug)]
pub(super) struct Outgoing {
    template: TransferTemplate,
    handle: u32,
    frame_size_max: usize,
    delivery_count: u32,
    credit: u32,
    /// The peer wants what is left of the credit back once there is nothing to send.
    drain: bool,
    partial: Option<Partial>,
}

/// A delivery of which some frames are out.
#[derive(Debug)]
struct Partial {
    payload: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    /// Makes a link without credit.
    pub(super) fn new(channel: u16, handle: u32, frame_size_max: usize) -> Self {
        let template = TransferTemplate::new(channel, handle);
        Self { template, handle, frame_size_max, delivery_count: 0, credit: 0, drain: false, partial: None }
    }

    /// Takes the peer's credit in.
    pub(super) fn on_flow(&mut self, flow: &Flow) {
        if let Some(credit) = flow.link_credit {
            // Both are counters that wrap: the peer grants `credit` from the delivery-count that it has seen.
            let limit = flow.delivery_count.unwrap_or(0).wrapping_add(credit);
            let left = limit.wrapping_sub(self.delivery_count);
            self.credit = if left > i32::MAX as u32 { 0 } else { left };
        }
        self.drain = flow.drain;
    }

    /// Puts this link's state onto `out`.
    pub(super) fn put_flow(&self, window: &SessionWindow, out: &mut Vec<u8>) {
        window.put_flow(out, |flow| Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            drain: self.drain,
            ..flow
        });
    }

    /// Tells whether a delivery may begin.
    fn ready(&self, window: &SessionWindow) -> bool {
        self.partial.is_none() && self.credit > 0 && window.may_send()
    }

    /// Sends a delivery, or its beginning; [`ready`](Self::ready) has to hold.
    fn send(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>, parts: &[&[u8]]) {
        self.credit -= 1;
        self.delivery_count = self.delivery_count.wrapping_add(1);
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if FIRST_FRAME_OVERHEAD + size <= self.frame_size_max {
            let delivery_id = window.next_delivery_id();
            window.count_sent();
            self.template.put_whole(out, delivery_id, parts);
        } else {
            self.partial = Some(Partial { payload: parts.concat(), sent: 0 });
            self.go_on(window, out);
        }
    }

    /// Sends more frames of a delivery that is not out as a whole, as far as the window allows.
    fn go_on(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>) {
        let Some(partial) = &mut self.partial else { return };
        while window.may_send() {
            let rest = &partial.payload[partial.sent..];
            let head = if partial.sent == 0 { FIRST_FRAME_OVERHEAD } else { NEXT_FRAME_OVERHEAD };
            let room = self.frame_size_max - head;
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
                return;
            }
        }
    }

    /// Gives unused credit back when the peer asked for it; there must be nothing left to send.
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
    /// The index of the next event.
    next: usize,
    /// Whether each event carries the partition's figures.
    metrics: bool,
    /// Number of stalls when this reader attached.
    stalls: u64,
}

/// What a reader asked for when it attached.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) partition: u32,
    pub(super) group: String,
    pub(super) next: usize,
    pub(super) metrics: bool,
}

impl EventLink {
    /// Begins to read; `reader` has its place already and leaves it when the link is dropped.
    pub(super) fn new(
        outgoing: Outgoing,
        hub: Arc<Hub>,
        reader: Arc<Reader>,
        reading: Reading,
        waker: &Arc<Notify>,
    ) -> Self {
        let Reading { partition, group, next, metrics } = reading;
        if let Some(partition) = hub.partition(partition) {
            partition.wake_on_append(waker);
        }
        let stalls = hub.faults.stalls();
        Self { outgoing, hub, partition, group, reader, next, metrics, stalls }
    }

    /// Returns the place among the partition's readers.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Sends what credit, window and the turn allow; returns how many events that were.
    pub(super) fn pump(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>, events_max: u64) -> u64 {
        self.outgoing.go_on(window, out);
        let hub = Arc::clone(&self.hub);
        if self.stalls != hub.faults.stalls() {
            return 0;
        }
        let Some(partition) = hub.partition(self.partition) else { return 0 };
        let log = partition.log();
        let figures = if self.metrics { encode_figures(&log, hub.now_ms()) } else { Vec::new() };
        let full = out.len() + TURN_BYTES;
        let mut sent = 0;
        for event in log.from(self.next) {
            if sent == events_max || out.len() >= full || !self.outgoing.ready(window) {
                break;
            }
            self.send(window, out, event, &figures);
            sent += 1;
        }
        if self.next == log.len() {
            self.outgoing.finish_drain(window, out);
        }
        sent
    }

    fn send(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>, event: &Event, figures: &[u8]) {
        self.next += 1;
        self.outgoing.send(window, out, &[event.header(), figures, event.rest()]);
    }
}

impl Drop for EventLink {
    fn drop(&mut self) {
        if let Some(partition) = self.hub.partition(self.partition) {
            partition.readers.leave(&self.group, &self.reader);
        }
    }
}

/// Encodes the delivery annotations that tell how far the partition is.
///
/// # Source
/// Protocol reference 4.4.
fn encode_figures(log: &PartitionLog, now_ms: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    Encoder::new(&mut out).described(code::DELIVERY_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("last_enqueued_sequence_number");
            map.long(log.last());
            map.symbol("last_enqueued_offset");
            map.string(&log.last_offset());
            map.symbol("last_enqueued_time_utc");
            map.timestamp(log.last_enqueued_ms());
            map.symbol("runtime_info_retrieval_time_utc");
            map.timestamp(now_ms);
        });
    });
    out
}

/// A link that sends a node's replies.
#[derive(Debug)]
pub(super) struct ReplyLink {
    pub(super) outgoing: Outgoing,
    pub(super) service: Service,
    /// The name under which requests ask for their reply.
    pub(super) address: String,
    waiting: VecDeque<Vec<u8>>,
}

/// Replies that may wait for credit; a client that asks on without reading loses its link's further replies.
const REPLIES_WAITING_MAX: usize = 1000;

impl ReplyLink {
    /// Makes a link without replies.
    pub(super) fn new(outgoing: Outgoing, service: Service, address: String) -> Self {
        Self { outgoing, service, address, waiting: VecDeque::new() }
    }

    /// Queues a reply; tells whether there was room.
    pub(super) fn push(&mut self, message: Vec<u8>) -> bool {
        let room = self.waiting.len() < REPLIES_WAITING_MAX;
        if room {
            self.waiting.push_back(message);
        }
        room
    }

    /// Sends what credit and window allow.
    pub(super) fn pump(&mut self, window: &mut SessionWindow, out: &mut Vec<u8>) {
        self.outgoing.go_on(window, out);
        while self.outgoing.ready(window) {
            let Some(message) = self.waiting.pop_front() else { break };
            self.outgoing.send(window, out, &[&message]);
        }
        if self.waiting.is_empty() {
            self.outgoing.finish_drain(window, out);
        }
    }
}
