//! Deliveries: the frames of one message, joined into one event.
//!
//! Owns: where the payload of a delivery goes, and which deliveries need a disposition. Does not own: the rules of a
//! delivery over several frames (`amqp::reassembly`), windows and credit (`link`), batches (`assembler`), the faults of
//! a message (`undecodable`).
//!
//! A message in one frame is decoded where it lies. Of a larger one, the sections before the body are read from the
//! first frame, and the body is appended to the batch frame by frame. The message is collected first only if those
//! sections continue in the second frame, or if the body is not one long data section.
//!
//! The contents of a message never end its link: a message is an event, an undecodable event with all its bytes, or
//! dropped and counted because its position is unknown.

use super::assembler::{BatchAssembler, MAX_EVENT_BYTES};
use super::body::{data_prefix, for_each_piece};
use super::order::BodyOrder;
use super::sections::MessageSections;
use super::template::SectionTemplate;
use super::undecodable::examine;
use crate::amqp::codec;
use crate::amqp::performatives::Transfer;
use crate::amqp::reassembly::{self, Part, Reassembly, Violation};
use crate::budget::Permit;
use crate::eventhubs::error::Error;
use crate::position::PartitionId;

/// The incoming delivery of a link.
#[derive(Debug)]
pub(crate) struct Delivery {
    partition: PartitionId,
    template: SectionTemplate,
    reassembly: Reassembly,
    state: State,
    /// The message so far, or its sections before and after the body.
    collected: Vec<u8>,
    /// Pays for `collected` until the delivery is complete.
    permit: Permit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No frame of a delivery of several has been kept.
    Idle,
    /// The message is collected.
    Collecting,
    /// The event is open: `before` bytes preceded its body, of which `left` bytes are outstanding.
    Body { before: usize, left: usize },
}

/// State of a delivery after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More frames follow.
    More,
    /// The delivery is complete; an unsettled one needs a disposition.
    Done { unsettled: Option<u32> },
}

impl Delivery {
    /// Makes the idle state. `permit` will pay for what is collected.
    pub(crate) fn new(partition: PartitionId, permit: Permit) -> Self {
        Self {
            partition,
            template: SectionTemplate::default(),
            reassembly: Reassembly::new(MAX_EVENT_BYTES),
            state: State::Idle,
            collected: Vec::new(),
            permit,
        }
    }

    /// Returns whether the next frame is the first of a delivery.
    pub(crate) fn is_idle(&self) -> bool {
        self.reassembly.is_idle()
    }

    /// Handles one frame.
    ///
    /// # Errors
    /// The sender broke the rules of deliveries, or sent events of another log: the link has to end.
    pub(crate) fn on_transfer(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &[u8],
        events: &mut BatchAssembler,
    ) -> Result<Progress, Error> {
        let part = match self.reassembly.on_transfer(transfer, payload.len()) {
            Ok(part) => part,
            Err(violation) => return Err(self.violation(violation)),
        };
        match part {
            Part::Whole(delivery) => {
                self.on_message(payload, events)?;
                Ok(Progress::done(delivery))
            }
            Part::First | Part::Middle => {
                self.on_piece(payload, events);
                Ok(Progress::More)
            }
            Part::Last(delivery) => {
                self.on_piece(payload, events);
                self.on_end(events)?;
                Ok(Progress::done(delivery))
            }
            Part::Aborted => {
                self.reset(events);
                events.lapse();
                Ok(Progress::Done { unsettled: None })
            }
        }
    }

    /// Drops the incomplete delivery, if there is one.
    pub(crate) fn reset(&mut self, events: &mut BatchAssembler) {
        events.abandon_event();
        self.reassembly.reset();
        self.state = State::Idle;
        let collected = std::mem::take(&mut self.collected);
        self.release(collected);
    }

    /// Handles a whole message.
    fn on_message(&mut self, message: &[u8], events: &mut BatchAssembler) -> Result<(), Error> {
        if let Ok((sections, body)) = self.template.read(message)
            && let Some(position) = sections.position()
        {
            if !events.may_follow(position.sequence_number, sections.last_enqueued) {
                return events.drop_out_of_order(position.sequence_number);
            }
            events.begin_event(&sections.event_head(&position));
            if for_each_piece(body, BodyOrder::default(), |piece| events.append_body(piece)).is_ok() {
                events.finish_event();
                return Ok(());
            }
            events.abandon_event();
        }
        on_undecodable(message, events)
    }

    /// Handles one of several frames.
    fn on_piece(&mut self, payload: &[u8], events: &mut BatchAssembler) {
        match self.state {
            State::Idle => {
                if let Ok((sections, body)) = MessageSections::read(payload)
                    && let Some((length, prefix)) = data_prefix(body)
                    && let Some(position) = sections.position()
                    && events.may_follow(position.sequence_number, sections.last_enqueued)
                {
                    events.begin_event(&sections.event_head(&position));
                    events.append_body(prefix);
                    let before = payload.len() - prefix.len();
                    self.collect(&payload[..before]);
                    self.state = State::Body { before, left: length - prefix.len() };
                } else {
                    self.collect(payload);
                    self.state = State::Collecting;
                }
            }
            State::Collecting => self.collect(payload),
            State::Body { before, left } => {
                let (piece, after) = payload.split_at(left.min(payload.len()));
                events.append_body(piece);
                self.collect(after);
                self.state = State::Body { before, left: left - piece.len() };
            }
        }
    }

    /// Completes a delivery of several frames.
    fn on_end(&mut self, events: &mut BatchAssembler) -> Result<(), Error> {
        let collected = std::mem::take(&mut self.collected);
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {}
            State::Collecting => self.on_message(&collected, events)?,
            State::Body { before, left } => {
                let (before, after) = collected.split_at(before);
                let length = events.open_body().len();
                // More data sections may follow the first one.
                if left == 0 && append_data_sections(after, events).is_ok() {
                    events.finish_event();
                } else {
                    let message = [before, &events.open_body()[..length], after].concat();
                    events.abandon_event();
                    on_undecodable(&message, events)?;
                }
            }
        }
        self.release(collected);
        Ok(())
    }

    fn collect(&mut self, bytes: &[u8]) {
        self.collected.extend_from_slice(bytes);
        self.permit.resize(self.collected.capacity());
    }

    /// Keeps an empty buffer for the next delivery, unless it is oversized. It is not charged until then: nothing would
    /// release it.
    fn release(&mut self, mut collected: Vec<u8>) {
        collected.clear();
        if collected.capacity() <= MAX_KEPT_BYTES {
            self.collected = collected;
        }
        self.permit.resize(0);
    }

    fn violation(&self, violation: Violation) -> Error {
        match violation {
            Violation::TooLarge { .. } => Error::refused(
                &format!("partition {}", self.partition),
                violation.condition(),
                &format!("an event is larger than {MAX_EVENT_BYTES} bytes"),
            ),
            Violation::NoId | Violation::Interleaved => {
                Error::Event { partition: self.partition, what: violation.to_string() }
            }
        }
    }
}

impl Progress {
    fn done(delivery: reassembly::Delivery) -> Self {
        Self::Done { unsettled: (!delivery.settled).then_some(delivery.id) }
    }
}

/// Handles a message that can't be decoded: an event with all its bytes, if its sequence number can be read.
#[cold]
fn on_undecodable(message: &[u8], events: &mut BatchAssembler) -> Result<(), Error> {
    let examined = examine(message);
    match examined.event_head() {
        Some(head) if events.may_follow(head.sequence_number, head.last_enqueued) => {
            events.begin_event(&head);
            events.append_body(message);
            events.finish_event();
            Ok(())
        }
        Some(head) => events.drop_out_of_order(head.sequence_number),
        None => {
            events.drop_unreadable();
            Ok(())
        }
    }
}

/// Appends further Data sections to the open event.
fn append_data_sections(sections: &[u8], events: &mut BatchAssembler) -> Result<(), codec::Error> {
    for_each_piece(sections, BodyOrder::AFTER_DATA, |piece| events.append_body(piece))
}

/// Larger reassembly buffers are released after their delivery.
const MAX_KEPT_BYTES: usize = 256 * 1024;
