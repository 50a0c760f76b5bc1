//! Deliveries: the frames of one message, joined into one event.
//!
//! Owns: what is kept between two frames of a delivery, and which deliveries await an answer. Does not own: windows and
//! credit (`link`), batches (`arrivals`), why a message can't be decoded (`undecodable`).
//!
//! A message in one frame is decoded where it lies. Of a larger one the sections in front of the body are read from its
//! first frame and the body goes into the batch frame by frame. Only when those sections, or a body of another kind
//! than one long data section, do not end in the frame they began in, the whole message is collected first.
//!
//! Whatever a message holds, it never ends its link: it is an event, or an undecodable one with all its bytes, or it is
//! dropped and counted because its position is unknown.

use super::arrivals::Arrivals;
use super::body::{cut_data, pieces};
use super::head::Head;
use super::layout::Layout;
use super::undecodable::examine;
use crate::amqp::codec;
use crate::amqp::condition;
use crate::amqp::performatives::Transfer;
use crate::eventhubs::Error;
use crate::position::PartitionId;

/// The delivery of a link that is coming in.
#[derive(Debug)]
pub(super) struct Delivery {
    partition: PartitionId,
    layout: Layout,
    state: State,
    /// What was collected: the message, or what came in front of and behind its body.
    kept: Vec<u8>,
    id: Option<u32>,
    settled: bool,
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No delivery is under way.
    None,
    /// The message is collected.
    Collecting,
    /// The event was begun: `front` bytes came before its body, of which `left` bytes are still to come.
    Body { front: usize, left: usize },
}

/// What a frame did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The delivery goes on.
    More,
    /// The delivery is over; its sender may wait for word of it.
    Over { unsettled: Option<u32> },
}

impl Delivery {
    /// None is under way.
    pub(super) fn new(partition: PartitionId) -> Self {
        Self {
            partition,
            layout: Layout::default(),
            state: State::None,
            kept: Vec::new(),
            id: None,
            settled: false,
            size: 0,
        }
    }

    /// Whether the next frame is the first of a delivery.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::None
    }

    /// Takes one frame in.
    ///
    /// # Errors
    /// A sender that breaks the rules of deliveries, or events of another log: the link can't be read on.
    pub(super) fn on_transfer(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &[u8],
        events: &mut Arrivals,
    ) -> Result<Progress, Error> {
        if self.state == State::None {
            if !transfer.more && !transfer.aborted {
                self.whole(payload, events)?;
                let unsettled = if transfer.settled == Some(true) { None } else { transfer.delivery_id };
                return Ok(Progress::Over { unsettled });
            }
            (self.id, self.settled, self.size) = (transfer.delivery_id, false, 0);
        } else if transfer.delivery_id.is_some_and(|id| self.id.is_some_and(|begun| begun != id)) {
            return Err(self.fault("a delivery began inside another one"));
        }
        self.settled |= transfer.settled == Some(true);
        if transfer.aborted {
            self.reset(events);
            events.lapse();
            return Ok(Progress::Over { unsettled: None });
        }
        self.size += payload.len();
        if self.size > SIZE_MAX {
            return Err(Error::refused(
                &format!("partition {}", self.partition),
                condition::MESSAGE_SIZE,
                &format!("an event is larger than {SIZE_MAX} bytes"),
            ));
        }
        self.piece(payload, events);
        if transfer.more {
            return Ok(Progress::More);
        }
        self.end(events)?;
        Ok(Progress::Over { unsettled: if self.settled { None } else { self.id } })
    }

    /// Forgets what is under way.
    pub(super) fn reset(&mut self, events: &mut Arrivals) {
        events.abandon();
        self.state = State::None;
        self.kept.clear();
    }

    /// A message that is there as a whole.
    fn whole(&mut self, message: &[u8], events: &mut Arrivals) -> Result<(), Error> {
        if let Ok((head, body)) = self.layout.read(message)
            && let Some(place) = head.place()
        {
            if !events.may_follow(place.sequence_number, head.last_enqueued) {
                return events.drop_out_of_order(place.sequence_number);
            }
            events.begin(&head.event_head(&place));
            if pieces(body, |piece| events.append(piece)).is_ok() {
                events.finish();
                return Ok(());
            }
            events.abandon();
        }
        undecodable(message, events)
    }

    /// One frame of several.
    fn piece(&mut self, payload: &[u8], events: &mut Arrivals) {
        match self.state {
            State::None => {
                if let Ok((head, body)) = Head::read(payload)
                    && let Some((length, begun)) = cut_data(body)
                    && let Some(place) = head.place()
                    && events.may_follow(place.sequence_number, head.last_enqueued)
                {
                    events.begin(&head.event_head(&place));
                    events.append(begun);
                    let front = payload.len() - begun.len();
                    self.kept.extend_from_slice(&payload[..front]);
                    self.state = State::Body { front, left: length - begun.len() };
                } else {
                    self.kept.extend_from_slice(payload);
                    self.state = State::Collecting;
                }
            }
            State::Collecting => self.kept.extend_from_slice(payload),
            State::Body { front, left } => {
                let (piece, behind) = payload.split_at(left.min(payload.len()));
                events.append(piece);
                self.kept.extend_from_slice(behind);
                self.state = State::Body { front, left: left - piece.len() };
            }
        }
    }

    /// The last frame is in.
    fn end(&mut self, events: &mut Arrivals) -> Result<(), Error> {
        let mut kept = std::mem::take(&mut self.kept);
        match std::mem::replace(&mut self.state, State::None) {
            State::None => {}
            State::Collecting => self.whole(&kept, events)?,
            State::Body { front, left } => {
                let (front, behind) = kept.split_at(front);
                let length = events.begun().len();
                // What stands behind one data section may be more of them.
                if left == 0 && more_data(behind, events).is_ok() {
                    events.finish();
                } else {
                    let message = [front, &events.begun()[..length], behind].concat();
                    events.abandon();
                    undecodable(&message, events)?;
                }
            }
        }
        // One large message must not be paid for for ever.
        kept.clear();
        if kept.capacity() <= KEPT {
            self.kept = kept;
        }
        Ok(())
    }

    fn fault(&self, what: &str) -> Error {
        Error::Event { partition: self.partition, what: what.to_owned() }
    }
}

/// A message that can't be decoded: an event all the same, with all its bytes, if its number can be read.
#[cold]
fn undecodable(message: &[u8], events: &mut Arrivals) -> Result<(), Error> {
    let examined = examine(message);
    match examined.event_head() {
        Some(head) if events.may_follow(head.sequence_number, head.last_enqueued) => {
            events.begin(&head);
            events.append(message);
            events.finish();
            Ok(())
        }
        Some(head) => events.drop_out_of_order(head.sequence_number),
        None => {
            events.drop_unreadable();
            Ok(())
        }
    }
}

fn more_data(sections: &[u8], events: &mut Arrivals) -> Result<(), codec::Error> {
    use crate::amqp::sections::{code, descriptor};
    let section = match sections {
        [] => return Ok(()),
        sections => descriptor(&mut codec::Cursor::new(sections))?,
    };
    if !matches!(section, code::DATA | code::FOOTER) {
        return Err(codec::Error::NotA("a section in its order"));
    }
    pieces(sections, |piece| events.append(piece))
}

/// No event is larger: the largest hubs take 20 MB. A hub that sends without an end must not fill the memory.
const SIZE_MAX: usize = 64 * 1024 * 1024;
/// A buffer that grew larger than this is given back.
const KEPT: usize = 256 * 1024;
