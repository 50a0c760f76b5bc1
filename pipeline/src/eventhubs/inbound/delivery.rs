//! Deliveries: the frames of one message, joined into one event.
//!
//! Owns: what is kept between two frames of a delivery, and which deliveries await an answer. Does not own: windows and
//! credit (`link`), batches (`arrivals`).
//!
//! A message in one frame is decoded where it lies. Of a larger one the sections in front of the body are read from its
//! first frame and the body goes into the batch frame by frame. Only when those sections, or a body of another kind
//! than one long data section, do not end in the frame they began in, the whole message is collected first.

use super::arrivals::Arrivals;
use super::body::{cut_data, pieces};
use super::head::Head;
use super::layout::Layout;
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
    /// What was collected: the message, or what came behind its body.
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
    /// The event was begun; so many bytes of its body are still to come.
    Body { left: usize },
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
    /// A message that can't be an event: the link can't be read on.
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
        self.piece(payload, events)?;
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
        let position = events.position();
        let read = self.layout.read(message);
        let (head, body) = read.map_err(|error| self.undecodable(position, error))?;
        events.begin(&head)?;
        let appended = pieces(body, |piece| events.append(piece));
        appended.map_err(|error| self.undecodable(position, error))?;
        events.finish();
        Ok(())
    }

    /// One frame of several.
    fn piece(&mut self, payload: &[u8], events: &mut Arrivals) -> Result<(), Error> {
        match self.state {
            State::None => {
                if let Ok((head, body)) = Head::read(payload)
                    && let Some((length, begun)) = cut_data(body)
                {
                    events.begin(&head)?;
                    events.append(begun);
                    self.state = State::Body { left: length - begun.len() };
                } else {
                    self.kept.extend_from_slice(payload);
                    self.state = State::Collecting;
                }
            }
            State::Collecting => self.kept.extend_from_slice(payload),
            State::Body { left } => {
                let (piece, behind) = payload.split_at(left.min(payload.len()));
                events.append(piece);
                self.kept.extend_from_slice(behind);
                self.state = State::Body { left: left - piece.len() };
            }
        }
        Ok(())
    }

    /// The last frame is in.
    fn end(&mut self, events: &mut Arrivals) -> Result<(), Error> {
        let mut kept = std::mem::take(&mut self.kept);
        match self.state {
            State::None => {}
            State::Collecting => self.whole(&kept, events)?,
            State::Body { left: 0 } => {
                let position = events.position();
                // What stands behind one data section may be more of them.
                more_data(&kept, events).map_err(|error| self.undecodable(position, error))?;
                events.finish();
            }
            State::Body { .. } => {
                return Err(self.undecodable(events.position(), codec::Error::Truncated));
            }
        }
        self.state = State::None;
        // One large message must not be paid for for ever.
        kept.clear();
        if kept.capacity() <= KEPT {
            self.kept = kept;
        }
        Ok(())
    }

    /// An event that can't be decoded names the one it came after, so that it can be found.
    fn undecodable(&self, position: i64, error: codec::Error) -> Error {
        self.fault(&format!("the event after {position} is no AMQP message: {error}"))
    }

    fn fault(&self, what: &str) -> Error {
        Error::Event { partition: self.partition, what: what.to_owned() }
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
