//! The link that reads one partition, and its session, as a state machine: frames in, events and frames out.
//!
//! # The session window
//! Credit counts events, and an event may be much larger than the earlier ones that the credit was worth. The window
//! counts frames, so it bounds the bytes that arrive beyond the budget: it fits what credit is worth, and is renewed at
//! half only while the budget has room.
//!
//! No wait depends on itself:
//! * The hub has no credit or window left between two deliveries. All that is charged is in batches, which the lane
//!   takes and releases by its own rules (`crate::budget`); credit that lacks window brings nothing and is not charged.
//!   Then the reader, which waits for the budget, gives both.
//! * The hub has no window left within a delivery. Its bytes are charged and nothing releases them until it is whole, so
//!   the window is renewed by one frame, even without budget, until the delivery ends.
//! * Other links of the connection don't wait: each has a session of its own, and the socket is always read.
//!
//! Owns: attaching, the session window, flows, settling, detaching, and the error that ended the link. Does not own:
//! deliveries and batches (`receive`), dispatch of frames (`connection`).

use super::attach::{AttachRequest, HANDLE, OUTGOING_WINDOW};
use crate::amqp::condition;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{
    Attach, Begin, Condition, Detach, Disposition, Flow, Outcome, Performative, Role, Transfer, encode_end,
};
use crate::amqp::session::{SessionWindow, WindowSizes};
use crate::event::RawBatch;
use crate::eventhubs::condition::ErrorKind;
use crate::eventhubs::connection::{CloseReason, ProtocolError, Session, Transfers};
use crate::eventhubs::error::Error;
use crate::eventhubs::receive::{BatchAssembler, Delivery, Progress};
use crate::position::PartitionId;

/// A link that reads one partition.
#[derive(Debug)]
pub(crate) struct ReceiverLink {
    subject: String,
    window: SessionWindow,
    /// The window is used up to half, and the budget is exhausted.
    held_back: bool,
    phase: Phase,
    /// We have sent our End.
    end_sent: bool,
    delivery_count: u32,
    delivery: Delivery,
    events: BatchAssembler,
    /// First and last delivery of a run that is not settled yet.
    unsettled: Option<(u32, u32)>,
    /// The error that ended the link, until it is taken.
    failed: Option<Error>,
}

/// State of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Our Attach is sent, the hub's is outstanding.
    Attaching,
    /// The hub attached without a source; its Detach with the reason is outstanding.
    Refused,
    /// Events arrive.
    Attached,
    /// Our Detach is sent, the hub's is outstanding.
    Detaching,
    /// The link has ended.
    Ended,
}

impl ReceiverLink {
    pub(crate) fn new(subject: String, partition: PartitionId, events: BatchAssembler) -> Self {
        Self {
            subject,
            window: SessionWindow::initiate(0, WINDOWS),
            held_back: false,
            phase: Phase::Attaching,
            end_sent: false,
            delivery_count: 0,
            delivery: Delivery::new(partition, events.budget().charge(0)),
            events,
            unsettled: None,
            failed: None,
        }
    }

    /// Begins the session on `channel` and attaches.
    pub(super) fn begin(&mut self, channel: u16, request: &AttachRequest<'_>, out: &mut Vec<u8>) {
        self.window = SessionWindow::initiate(channel, WINDOWS);
        request.write(&self.window, out);
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes the oldest batch, and grants credit for more.
    pub(crate) fn take_batch(&mut self, out: &mut Vec<u8>) -> Option<RawBatch> {
        let batch = self.events.take_batch();
        self.top_up(out);
        batch
    }

    /// Takes the error that ended the link.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// Credit outstanding, in events.
    pub(super) fn outstanding_credit(&self) -> u32 {
        if self.phase == Phase::Attached { self.events.outstanding() } else { 0 }
    }

    /// Deliveries dropped since the last event.
    pub(crate) fn unreadable(&self) -> u32 {
        self.events.unreadable()
    }

    /// Returns whether more credit or window is due and only the budget holds it back.
    pub(super) fn is_due(&self) -> bool {
        self.phase == Phase::Attached && (self.events.is_due() || self.is_window_due())
    }

    /// Sends a Detach; the hub's answer ends the link.
    pub(super) fn detach(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Attached {
            self.phase = Phase::Detaching;
            self.write_detach(None, out);
        }
    }

    /// Ends the link and its session without waiting for the hub, and drops batches that were not taken.
    pub(super) fn abandon(&mut self, out: &mut Vec<u8>) {
        if matches!(self.phase, Phase::Attached | Phase::Refused | Phase::Attaching) {
            self.write_detach(None, out);
        }
        self.end(None, out);
        self.events.clear();
    }

    fn top_up(&mut self, out: &mut Vec<u8>) {
        if self.phase != Phase::Attached {
            return;
        }
        self.charge_credit();
        if let Some(credit) = self.events.top_up() {
            // The same Flow states both.
            self.window.extend_to(self.needed_window());
            self.charge_credit();
            self.write_flow(Some(credit), out);
        } else {
            self.renew_window(out);
        }
    }

    fn charge_credit(&mut self) {
        self.events.charge_credit(self.window.incoming_left());
    }

    /// Renews the session window once half of it is used, if the budget has room. Without room, a delivery that has
    /// begun gets one frame at a time: it releases nothing until it is whole.
    fn renew_window(&mut self, out: &mut Vec<u8>) {
        let is_due = self.is_window_due() && !self.end_sent;
        let has_room = is_due && self.events.budget().available() > 0;
        let held_back = is_due && !has_room;
        if std::mem::replace(&mut self.held_back, held_back) != held_back {
            tracing::debug!(link = self.subject, held_back, "the session window waits for the budget");
        }
        let left = match (has_room, held_back) {
            (true, _) => self.needed_window(),
            (_, true) if !self.delivery.is_idle() => 1,
            _ => return,
        };
        if self.window.extend_to(left) {
            self.charge_credit();
            self.write_flow(None, out);
        }
    }

    fn is_window_due(&self) -> bool {
        self.window.incoming_left() <= self.needed_window() / 2
    }

    /// The window that suits the outstanding credit: half of the transfers that it is expected to bring. The socket's task
    /// renews it without waiting for the reader, so that a hub sends on while it has credit; and each transfer of a
    /// window may be as large as eight events of the assumed size.
    fn needed_window(&self) -> u32 {
        (self.events.expected_transfers() / 2).clamp(MIN_WINDOW, MAX_WINDOW) as u32
    }

    /// Lets the hub send any number of transfers, for a recording, whose hub sees no Flow.
    pub(crate) fn open_window(&mut self) {
        self.window.extend_to(u32::MAX);
    }

    fn on_transfer(&mut self, transfer: &Transfer<'_>, payload: &[u8], out: &mut Vec<u8>) {
        if self.phase == Phase::Ended {
            return;
        }
        if let Err(violation) = self.window.count_received() {
            let what = violation.to_string();
            return self.fail(Error::refused(&self.subject, condition::WINDOW_VIOLATION, &what), out);
        }
        if self.phase != Phase::Attached {
            return;
        }
        if self.delivery.is_idle() && self.events.outstanding() == 0 {
            let what = "a delivery came without credit";
            return self.fail(Error::refused(&self.subject, condition::TRANSFER_LIMIT, what), out);
        }
        match self.delivery.on_transfer(transfer, payload, &mut self.events) {
            Ok(Progress::More) => {}
            Ok(Progress::Done { unsettled }) => {
                self.delivery_count = self.delivery_count.wrapping_add(1);
                if let Some(id) = unsettled {
                    self.accept(id, out);
                }
            }
            Err(error) => self.fail(error, out),
        }
    }

    /// Queues a delivery for settling; consecutive ones are settled by one disposition.
    fn accept(&mut self, id: u32, out: &mut Vec<u8>) {
        self.unsettled = match self.unsettled {
            Some((first, last)) if last.wrapping_add(1) == id => Some((first, id)),
            Some(range) => {
                self.write_accepted(range, out);
                Some((id, id))
            }
            None => Some((id, id)),
        };
    }

    /// Flushes dispositions and flow after a run of transfers.
    fn finish_run(&mut self, out: &mut Vec<u8>) {
        self.flush_accepted(out);
        self.charge_credit();
        self.renew_window(out);
    }

    fn flush_accepted(&mut self, out: &mut Vec<u8>) {
        if let Some(range) = self.unsettled.take() {
            self.write_accepted(range, out);
        }
    }

    fn on_attach(&mut self, attach: &Attach<'_>) {
        if self.phase == Phase::Attaching {
            self.delivery_count = attach.initial_delivery_count.unwrap_or(0);
            // A refusal is an Attach without a source, followed by a Detach with the reason.
            self.phase = if attach.source.is_some() { Phase::Attached } else { Phase::Refused };
        }
    }

    fn on_detach(&mut self, detach: &Detach<'_>, out: &mut Vec<u8>) {
        if self.phase == Phase::Ended {
            return;
        }
        let requested = self.phase == Phase::Detaching;
        if !(requested && detach.error.is_none()) {
            let reason = CloseReason::new(detach.error, "the hub detached the link");
            self.failed.get_or_insert_with(|| reason.error(&self.subject));
        }
        if !requested {
            self.write_detach(None, out);
        }
        self.end(None, out);
    }

    /// Ends the link because of an error on our side.
    fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        // Earlier deliveries of the same run are settled: nothing may follow an End.
        self.flush_accepted(out);
        let (condition, text) = (condition_for(&error), error.to_string());
        self.failed.get_or_insert(error);
        let reason = Some(Condition { condition, description: &text });
        if condition == condition::WINDOW_VIOLATION {
            self.end(reason, out);
        } else {
            self.write_detach(reason, out);
            self.end(None, out);
        }
    }

    fn end(&mut self, reason: Option<Condition<'_>>, out: &mut Vec<u8>) {
        self.phase = Phase::Ended;
        self.delivery.reset(&mut self.events);
        self.events.stop();
        if !self.end_sent {
            self.end_sent = true;
            put_frame(out, self.window.channel(), |out| encode_end(reason, out));
        }
    }

    fn write_detach(&self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        let detach = Detach { handle: HANDLE, closed: true, error };
        put_frame(out, self.window.channel(), |out| detach.encode(out));
    }

    /// Sends the session window, and the link's credit with it.
    fn write_flow(&self, credit: Option<u32>, out: &mut Vec<u8>) {
        self.window.put_flow(out, |flow| Flow {
            handle: credit.map(|_| HANDLE),
            delivery_count: credit.map(|_| self.delivery_count),
            link_credit: credit,
            ..flow
        });
    }

    fn write_accepted(&self, (first, last): (u32, u32), out: &mut Vec<u8>) {
        let state = Some(Outcome::Accepted);
        let disposition = Disposition { role: Role::Receiver, first, last: Some(last), settled: true, state };
        put_frame(out, self.window.channel(), |out| disposition.encode(out));
    }
}

impl Session for ReceiverLink {
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
        if transfers.consumed() > 0 {
            self.finish_run(out);
        }
        Ok(())
    }

    fn on_frame(&mut self, performative: &Performative<'_>, out: &mut Vec<u8>) {
        match performative {
            Performative::Attach(attach) => self.on_attach(attach),
            Performative::Detach(detach) => self.on_detach(detach, out),
            Performative::Flow(flow) if flow.echo && !self.end_sent => {
                let credit = (self.phase == Phase::Attached).then(|| self.events.outstanding());
                self.write_flow(credit, out);
            }
            // For instance dispositions of deliveries that we have settled.
            _ => {}
        }
    }

    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>) {
        if self.phase != Phase::Ended {
            let reason = CloseReason::new(error, "the hub ended the session");
            self.failed.get_or_insert_with(|| reason.error(&self.subject));
        }
        self.end(None, out);
    }

    fn on_close(&mut self, reason: &CloseReason) {
        if self.phase != Phase::Ended {
            self.failed.get_or_insert_with(|| reason.error(&self.subject));
        }
        self.end_sent = true;
        self.end(None, &mut Vec::new());
    }
}

/// The condition that reports an error of ours to the hub.
fn condition_for(error: &Error) -> &'static str {
    match error {
        Error::Refused { condition: named, .. } if named == condition::WINDOW_VIOLATION => {
            condition::WINDOW_VIOLATION
        }
        Error::Refused { condition: named, .. } if named == condition::TRANSFER_LIMIT => {
            condition::TRANSFER_LIMIT
        }
        Error::Refused { .. } => condition::MESSAGE_SIZE,
        Error::Event { .. } => condition::ILLEGAL_STATE,
        error if error.kind() == ErrorKind::PositionLost => condition::ILLEGAL_STATE,
        _ => condition::DECODE_ERROR,
    }
}

/// Session windows until credit is given, in transfers.
const WINDOWS: WindowSizes = WindowSizes { incoming: MIN_WINDOW as u32, outgoing: OUTGOING_WINDOW };
/// Lower bound on the session window, in transfers of 64 KiB: an event of 1 MiB, the service's usual limit, arrives
/// without waiting for a Flow.
const MIN_WINDOW: usize = 20;
/// Upper bound on the session window, in transfers: the service's own figure.
const MAX_WINDOW: usize = 5_000;
