//! Deliveries: the frames of one message, joined into one event.
//!
//! Owns: the state between two frames of a delivery, and which deliveries need a disposition. Does not own: windows and
//! credit (`link`), batches (`assembler`), the faults of a message (`undecodable`).
//!
//! A message in one frame is decoded where it lies. Of a larger one, the sections before the body are read from the
//! first frame, and the body is appended to the batch frame by frame. The message is collected first only if those
//! sections continue in the second frame, or if the body is not one long data section.
//!
//! The contents of a message never end its link: a message is an event, an undecodable event with all its bytes, or
//! dropped and counted because its position is unknown.

use super::assembler::{BatchAssembler, MAX_EVENT_BYTES};
use super::body::{data_prefix, for_each_piece};
use super::sections::MessageSections;
use super::template::SectionTemplate;
use super::undecodable::examine;
use crate::amqp::codec;
use crate::amqp::condition;
use crate::amqp::performatives::Transfer;
use crate::eventhubs::error::Error;
use crate::position::PartitionId;

/// The incoming delivery of a link.
#[derive(Debug)]
pub(crate) struct Delivery {
    partition: PartitionId,
    template: SectionTemplate,
    state: State,
    /// The message so far, or its sections before and after the body.
    collected: Vec<u8>,
    id: Option<u32>,
    settled: bool,
    /// Bytes of the message so far.
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next frame begins a delivery.
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
    /// Makes the idle state.
    pub(crate) fn new(partition: PartitionId) -> Self {
        Self {
            partition,
            template: SectionTemplate::default(),
            state: State::Idle,
            collected: Vec::new(),
            id: None,
            settled: false,
            size: 0,
        }
    }

    /// Returns whether the next frame is the first of a delivery.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle
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
        if self.state == State::Idle {
            if !transfer.more && !transfer.aborted {
                self.on_message(payload, events)?;
                let unsettled = if transfer.settled == Some(true) { None } else { transfer.delivery_id };
                return Ok(Progress::Done { unsettled });
            }
            (self.id, self.settled, self.size) = (transfer.delivery_id, false, 0);
        } else if transfer.delivery_id.is_some_and(|id| self.id.is_some_and(|begun| begun != id)) {
            return Err(self.fault("a delivery began before the previous one was complete"));
        }
        self.settled |= transfer.settled == Some(true);
        if transfer.aborted {
            self.reset(events);
            events.lapse();
            return Ok(Progress::Done { unsettled: None });
        }
        self.size += payload.len();
        if self.size > MAX_EVENT_BYTES {
            return Err(Error::refused(
                &format!("partition {}", self.partition),
                condition::MESSAGE_SIZE,
                &format!("an event is larger than {MAX_EVENT_BYTES} bytes"),
            ));
        }
        self.on_piece(payload, events);
        if transfer.more {
            return Ok(Progress::More);
        }
        self.on_end(events)?;
        Ok(Progress::Done { unsettled: if self.settled { None } else { self.id } })
    }

    /// Drops the incomplete delivery, if there is one.
    pub(crate) fn reset(&mut self, events: &mut BatchAssembler) {
        events.abandon_event();
        self.state = State::Idle;
        self.collected.clear();
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
            if for_each_piece(body, |piece| events.append_body(piece)).is_ok() {
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
                    self.collected.extend_from_slice(&payload[..before]);
                    self.state = State::Body { before, left: length - prefix.len() };
                } else {
                    self.collected.extend_from_slice(payload);
                    self.state = State::Collecting;
                }
            }
            State::Collecting => self.collected.extend_from_slice(payload),
            State::Body { before, left } => {
                let (piece, after) = payload.split_at(left.min(payload.len()));
                events.append_body(piece);
                self.collected.extend_from_slice(after);
                self.state = State::Body { before, left: left - piece.len() };
            }
        }
    }

    /// Completes a delivery of several frames.
    fn on_end(&mut self, events: &mut BatchAssembler) -> Result<(), Error> {
        let mut collected = std::mem::take(&mut self.collected);
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
        // Release an oversized reassembly buffer.
        collected.clear();
        if collected.capacity() <= MAX_KEPT_BYTES {
            self.collected = collected;
        }
        Ok(())
    }

    fn fault(&self, what: &str) -> Error {
        Error::Event { partition: self.partition, what: what.to_owned() }
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

/// Appends further data sections to the open event.
fn append_data_sections(sections: &[u8], events: &mut BatchAssembler) -> Result<(), codec::Error> {
    use crate::amqp::sections::{code, descriptor};
    let section = match sections {
        [] => return Ok(()),
        sections => descriptor(&mut codec::Cursor::new(sections))?,
    };
    if !matches!(section, code::DATA | code::FOOTER) {
        return Err(codec::Error::NotA("a section in order"));
    }
    for_each_piece(sections, |piece| events.append_body(piece))
}

/// Larger reassembly buffers are released after their delivery.
const MAX_KEPT_BYTES: usize = 256 * 1024;
