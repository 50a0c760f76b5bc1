//! The state of a session that both ends keep: transfer ids and windows, in both directions.
//!
//! Owns the arithmetic of counters that wrap around. Does not own: credit, which belongs to a link, or the links of a
//! session. The emulator uses it; the client still counts its windows itself (`eventhubs`).

use super::frames::put_frame;
use super::performatives::{Begin, Flow};

/// Incoming window, in transfers: the figure of the service's own Begin.
const INCOMING_WINDOW: u32 = 5000;

/// Outgoing window that we state, in transfers. It is informative: the peer's incoming window limits what is sent.
const OUTGOING_WINDOW: u32 = 5000;

/// Transfer ids and windows of one session, in both directions.
#[derive(Debug)]
pub struct SessionWindow {
    channel: u16,
    next_incoming_id: u32,
    incoming_left: u32,
    next_outgoing_id: u32,
    outgoing_left: u32,
    next_delivery_id: u32,
}

impl SessionWindow {
    /// Returns the windows of a session that the peer begins on `channel`.
    pub fn new(channel: u16, begin: &Begin<'_>) -> Self {
        Self {
            channel,
            next_incoming_id: begin.next_outgoing_id,
            incoming_left: INCOMING_WINDOW,
            next_outgoing_id: 0,
            outgoing_left: begin.incoming_window,
            next_delivery_id: 0,
        }
    }

    /// Returns the Begin that answers the peer's.
    pub fn begin(&self, handle_max: u32) -> Begin<'static> {
        Begin {
            remote_channel: Some(self.channel),
            next_outgoing_id: self.next_outgoing_id,
            incoming_window: self.incoming_left,
            outgoing_window: OUTGOING_WINDOW,
            handle_max: Some(handle_max),
            properties: None,
        }
    }

    /// Returns whether the peer's window has room for a transfer.
    pub fn may_send(&self) -> bool {
        self.outgoing_left > 0
    }

    /// Counts a sent transfer.
    pub fn count_sent(&mut self) {
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        self.outgoing_left = self.outgoing_left.saturating_sub(1);
    }

    /// Returns the id of the next delivery and counts it.
    pub fn next_delivery_id(&mut self) -> u32 {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        id
    }

    /// Appends a Flow frame with the session's state and the link state that `link` adds.
    pub fn put_flow(&self, out: &mut Vec<u8>, link: impl FnOnce(Flow) -> Flow) {
        let flow = link(Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.incoming_left,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: OUTGOING_WINDOW,
            ..Flow::default()
        });
        put_frame(out, self.channel, |out| flow.encode(out));
    }

    /// Applies the peer's window from a Flow.
    pub fn on_flow(&mut self, flow: &Flow) {
        // A peer that has not seen our Begin yet counts from our first transfer id, which is 0.
        let in_flight = self.next_outgoing_id.wrapping_sub(flow.next_incoming_id.unwrap_or(0));
        self.outgoing_left = flow.incoming_window.saturating_sub(in_flight);
    }

    /// Counts a received transfer.
    ///
    /// # Errors
    /// The peer has exceeded the window; the session has to end.
    pub fn count_received(&mut self) -> Result<(), WindowViolation> {
        if self.incoming_left == 0 {
            return Err(WindowViolation);
        }
        self.incoming_left -= 1;
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        Ok(())
    }

    /// Restores the incoming window, with a Flow, once half of it is used.
    pub fn refill(&mut self, out: &mut Vec<u8>) {
        if self.incoming_left <= INCOMING_WINDOW / 2 {
            self.incoming_left = INCOMING_WINDOW;
            self.put_flow(out, |flow| flow);
        }
    }
}

/// A transfer arrived although the session window was exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transfer arrived without session window")]
pub struct WindowViolation;
