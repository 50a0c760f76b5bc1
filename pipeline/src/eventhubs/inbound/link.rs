//! One partition's link and the session it is alone on, as a state machine: frames in, events and frames out.
//!
//! Owns: attaching, windows, flows, settling, detaching, and why the link ended. Does not own: what a delivery holds
//! (`delivery`), batches (`arrivals`), whose turn it is (`incoming`).

use std::sync::Arc;

use super::arrivals::Arrivals;
use super::attach::{HANDLE, OUTGOING_WINDOW, Wanted};
use super::channels::Session;
use super::delivery::{Delivery, Progress};
use super::gone::Gone;
use super::protocol_error::ProtocolError;
use super::transfers::Transfers;
use crate::amqp::condition;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{
    Attach, Begin, Condition, Detach, Disposition, Flow, Outcome, Performative, Role, Transfer, encode_end,
};
use crate::budget::Share;
use crate::event::RawBatch;
use crate::eventhubs::{Error, ErrorKind};
use crate::position::PartitionId;

/// A link that reads one partition.
#[derive(Debug)]
pub(in crate::eventhubs) struct Link {
    subject: String,
    channel: u16,
    phase: Phase,
    /// Our end of the session is said.
    end_said: bool,
    next_incoming_id: u32,
    /// Transfers that the hub may still send on the session.
    window: u32,
    delivery_count: u32,
    delivery: Delivery,
    events: Arrivals,
    /// The first and the last of the deliveries that wait for word of us.
    unsettled: Option<(u32, u32)>,
    /// The error behind the events.
    failed: Option<Error>,
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::eventhubs) enum Phase {
    /// The hub's attach is awaited.
    Attaching,
    /// The hub attached to nothing: the detach that says why is awaited.
    Refused,
    /// Events come.
    Attached,
    /// Our detach is said, the hub's is awaited.
    Detaching,
    /// There is no link.
    Over,
}

impl Link {
    pub(super) fn new(subject: String, partition: PartitionId, events: Arrivals) -> Self {
        Self {
            subject,
            channel: 0,
            phase: Phase::Attaching,
            end_said: false,
            next_incoming_id: 0,
            window: WINDOW,
            delivery_count: 0,
            delivery: Delivery::new(partition),
            events,
            unsettled: None,
            failed: None,
        }
    }

    /// Begins the session on `channel` and attaches.
    pub(super) fn begin(&mut self, channel: u16, wanted: &Wanted<'_>, out: &mut Vec<u8>) {
        self.channel = channel;
        wanted.put(channel, WINDOW, out);
    }

    pub(in crate::eventhubs) fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes the oldest batch of events, and gives the hub credit for more.
    pub(in crate::eventhubs) fn take(&mut self, out: &mut Vec<u8>) -> Option<RawBatch> {
        let batch = self.events.take();
        self.top_up(out);
        batch
    }

    /// What ended the link, once the events before it are taken; said once.
    pub(in crate::eventhubs) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// Credit outstanding, in events.
    pub(in crate::eventhubs) fn outstanding_credit(&self) -> u32 {
        if self.phase == Phase::Attached { self.events.under_way() } else { 0 }
    }

    /// Deliveries dropped since the last event.
    pub(in crate::eventhubs) fn unreadable(&self) -> u32 {
        self.events.unreadable()
    }

    /// Whether credit waits for the budget.
    pub(in crate::eventhubs) fn is_due(&self) -> bool {
        self.phase == Phase::Attached && self.events.is_due()
    }

    /// Detaches; the hub's answer ends the link.
    pub(in crate::eventhubs) fn detach(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Attached {
            self.phase = Phase::Detaching;
            self.put_detach(None, out);
        }
    }

    /// Ends the session, and the link with it, without waiting for anything.
    pub(in crate::eventhubs) fn leave(&mut self, out: &mut Vec<u8>) {
        if matches!(self.phase, Phase::Attached | Phase::Refused | Phase::Attaching) {
            self.put_detach(None, out);
        }
        self.end(None, out);
        self.events.clear();
    }

    fn top_up(&mut self, out: &mut Vec<u8>) {
        if self.phase != Phase::Attached {
            return;
        }
        if let Some(credit) = self.events.top_up() {
            self.put_flow(Some(credit), out);
        }
    }

    fn on_transfer(&mut self, transfer: &Transfer<'_>, payload: &[u8], out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        if self.window == 0 {
            let what = "a transfer came without session window";
            return self.fail(Error::refused(&self.subject, condition::WINDOW_VIOLATION, what), out);
        }
        self.window -= 1;
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        if self.phase != Phase::Attached {
            return;
        }
        if self.delivery.is_idle() && self.events.under_way() == 0 {
            let what = "a delivery came without credit";
            return self.fail(Error::refused(&self.subject, condition::TRANSFER_LIMIT, what), out);
        }
        match self.delivery.on_transfer(transfer, payload, &mut self.events) {
            Ok(Progress::More) => {}
            Ok(Progress::Over { unsettled }) => {
                self.delivery_count = self.delivery_count.wrapping_add(1);
                if let Some(id) = unsettled {
                    self.accept(id, out);
                }
            }
            Err(error) => self.fail(error, out),
        }
    }

    /// Notes a delivery to be settled; deliveries in a row are settled together.
    fn accept(&mut self, id: u32, out: &mut Vec<u8>) {
        self.unsettled = match self.unsettled {
            Some((first, last)) if last.wrapping_add(1) == id => Some((first, id)),
            Some(range) => {
                self.put_accepted(range, out);
                Some((id, id))
            }
            None => Some((id, id)),
        };
    }

    /// Says what is due once all frames that were there are taken in.
    fn finish_turn(&mut self, out: &mut Vec<u8>) {
        if let Some(range) = self.unsettled.take() {
            self.put_accepted(range, out);
        }
        if self.window <= WINDOW / 2 && !self.end_said {
            self.window = WINDOW;
            self.put_flow(None, out);
        }
        self.events.settle();
    }

    fn on_attach(&mut self, attach: &Attach<'_>) {
        if self.phase == Phase::Attaching {
            self.delivery_count = attach.initial_delivery_count.unwrap_or(0);
            // A hub that refuses attaches to nothing and detaches with the reason.
            self.phase = if attach.source.is_some() { Phase::Attached } else { Phase::Refused };
        }
    }

    fn on_detach(&mut self, detach: &Detach<'_>, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        let asked_for = self.phase == Phase::Detaching;
        if !(asked_for && detach.error.is_none()) {
            let gone = Gone::told(detach.error, "the hub has detached the link");
            self.failed.get_or_insert_with(|| gone.error(&self.subject));
        }
        if !asked_for {
            self.put_detach(None, out);
        }
        self.end(None, out);
    }

    /// Ends the link for a reason of ours.
    fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        self.delivery.reset(&mut self.events);
        let (named, text) = (condition_of(&error), error.to_string());
        self.failed.get_or_insert(error);
        if named == condition::WINDOW_VIOLATION {
            self.end(Some(Condition { condition: named, description: &text }), out);
        } else {
            self.put_detach(Some(Condition { condition: named, description: &text }), out);
            self.end(None, out);
        }
    }

    fn end(&mut self, reason: Option<Condition<'_>>, out: &mut Vec<u8>) {
        self.phase = Phase::Over;
        self.delivery.reset(&mut self.events);
        self.events.stop();
        if !self.end_said {
            self.end_said = true;
            put_frame(out, self.channel, |out| encode_end(reason, out));
        }
    }

    fn put_detach(&self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        let detach = Detach { handle: HANDLE, closed: true, error };
        put_frame(out, self.channel, |out| detach.encode(out));
    }

    /// States the session's window and, with it, the link's credit.
    fn put_flow(&self, credit: Option<u32>, out: &mut Vec<u8>) {
        let flow = Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.window,
            next_outgoing_id: 0,
            outgoing_window: OUTGOING_WINDOW,
            handle: credit.map(|_| HANDLE),
            delivery_count: credit.map(|_| self.delivery_count),
            link_credit: credit,
            ..Flow::default()
        };
        put_frame(out, self.channel, |out| flow.encode(out));
    }

    fn put_accepted(&self, (first, last): (u32, u32), out: &mut Vec<u8>) {
        let state = Some(Outcome::Accepted);
        let disposition = Disposition { role: Role::Receiver, first, last: Some(last), settled: true, state };
        put_frame(out, self.channel, |out| disposition.encode(out));
    }
}

impl Session for Link {
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
        if transfers.consumed() > 0 {
            self.finish_turn(out);
        }
        Ok(())
    }

    fn share(&self) -> Option<&Arc<Share>> {
        Some(self.events.share())
    }

    fn on_frame(&mut self, performative: &Performative<'_>, out: &mut Vec<u8>) {
        match performative {
            Performative::Attach(attach) => self.on_attach(attach),
            Performative::Detach(detach) => self.on_detach(detach, out),
            Performative::Flow(flow) if flow.echo && !self.end_said => {
                let credit = (self.phase == Phase::Attached).then(|| self.events.under_way());
                self.put_flow(credit, out);
            }
            // What a sender says of deliveries that we have settled already.
            _ => {}
        }
    }

    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        if self.phase != Phase::Over {
            let gone = Gone::told(error, "the session has ended");
            self.failed.get_or_insert_with(|| gone.error(&self.subject));
        }
        self.end(None, out);
    }

    fn on_gone(&mut self, gone: &Gone) {
        if self.phase != Phase::Over {
            self.failed.get_or_insert_with(|| gone.error(&self.subject));
        }
        self.end_said = true;
        self.end(None, &mut Vec::new());
    }
}

/// The condition by which the hub is told of an error of ours.
fn condition_of(error: &Error) -> &'static str {
    match error {
        Error::Refused { condition: said, .. } if said == condition::WINDOW_VIOLATION => {
            condition::WINDOW_VIOLATION
        }
        Error::Refused { condition: said, .. } if said == condition::TRANSFER_LIMIT => {
            condition::TRANSFER_LIMIT
        }
        Error::Refused { .. } => condition::MESSAGE_SIZE,
        error if error.kind() == ErrorKind::PositionLost => condition::ILLEGAL_STATE,
        _ => condition::DECODE_ERROR,
    }
}

/// Transfers a session takes before it hears from us; opened again at half. Only credit limits.
const WINDOW: u32 = 65_535;
