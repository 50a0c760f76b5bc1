//! Transfer numbers and windows of one session, in both directions.
//!
//! Owns the arithmetic of counters that wrap. Does not own: credit, which is a link's (`outgoing`, `incoming`).

use crate::amqp::condition;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{Begin, Flow};

use super::refusal::Refusal;

/// How many transfers a peer may send before it hears from us: the service's figure.
const INCOMING_WINDOW: u32 = 5000;

/// How many transfers we say we mean to send; the peer's window is what counts.
const OUTGOING_WINDOW: u32 = 5000;

/// Transfer numbers and windows of one session, in both directions.
#[derive(Debug)]
pub(super) struct Window {
    channel: u16,
    next_incoming_id: u32,
    incoming_left: u32,
    next_outgoing_id: u32,
    outgoing_left: u32,
    next_delivery_id: u32,
}

impl Window {
    /// Makes the windows of a session that the peer begins.
    pub(super) fn new(channel: u16, begin: &Begin<'_>) -> Self {
        Self {
            channel,
            next_incoming_id: begin.next_outgoing_id,
            incoming_left: INCOMING_WINDOW,
            next_outgoing_id: 0,
            outgoing_left: begin.incoming_window,
            next_delivery_id: 0,
        }
    }

    /// Returns the begin that answers the peer's.
    pub(super) fn begin(&self, handle_max: u32) -> Begin<'static> {
        Begin {
            remote_channel: Some(self.channel),
            next_outgoing_id: self.next_outgoing_id,
            incoming_window: self.incoming_left,
            outgoing_window: OUTGOING_WINDOW,
            handle_max: Some(handle_max),
            properties: None,
        }
    }

    /// Tells whether the peer takes another transfer.
    pub(super) fn may_send(&self) -> bool {
        self.outgoing_left > 0
    }

    /// Counts a transfer frame that goes out.
    pub(super) fn count_sent(&mut self) {
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        self.outgoing_left = self.outgoing_left.saturating_sub(1);
    }

    /// Returns the number of the next delivery.
    pub(super) fn next_delivery(&mut self) -> u32 {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        id
    }

    /// Puts a flow onto `out`: the session's state, with what `link` adds.
    pub(super) fn put_flow(&self, out: &mut Vec<u8>, link: impl FnOnce(Flow) -> Flow) {
        let flow = link(Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.incoming_left,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: OUTGOING_WINDOW,
            ..Flow::default()
        });
        put_frame(out, self.channel, |out| flow.encode(out));
    }

    /// Takes the peer's window in.
    pub(super) fn on_flow(&mut self, flow: &Flow) {
        // Before the peer has seen our begin it counts from our first transfer, which is 0.
        let under_way = self.next_outgoing_id.wrapping_sub(flow.next_incoming_id.unwrap_or(0));
        self.outgoing_left = flow.incoming_window.saturating_sub(under_way);
    }

    /// Counts a transfer frame that comes in.
    ///
    /// # Errors
    /// A transfer that the window does not allow ends the session.
    pub(super) fn count_received(&mut self) -> Result<(), Refusal> {
        if self.incoming_left == 0 {
            let text = "A transfer came without session window.";
            return Err(Refusal::new(condition::WINDOW_VIOLATION, text));
        }
        self.incoming_left -= 1;
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        Ok(())
    }

    /// Opens the window again once half of it is used.
    pub(super) fn refill(&mut self, out: &mut Vec<u8>) {
        if self.incoming_left <= INCOMING_WINDOW / 2 {
            self.incoming_left = INCOMING_WINDOW;
            self.put_flow(out, |flow| flow);
        }
    }
}
