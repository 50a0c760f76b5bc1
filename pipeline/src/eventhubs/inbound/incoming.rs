//! What comes in on a connection: frames cut out of the buffer where they lie, each given to its session.
//!
//! Owns: the hub's channels, and the frames that belong to no session. Does not own: the buffer (`socket`).

use std::sync::Arc;

use super::channels::{AnySession, Channels};
use super::gone::Gone;
use super::protocol_error::ProtocolError;
use super::transfers::Transfers;
use crate::amqp::MAX_FRAME_SIZE;
use crate::amqp::frames::{FrameRef, Layer, put_frame};
use crate::amqp::performatives::{Begin, Condition, Performative, encode_close};
use crate::budget::Share;

/// What comes in on a connection.
#[derive(Debug)]
pub(super) struct Incoming {
    channels: Arc<Channels>,
    /// The sessions by the hub's channels.
    routes: Vec<Option<Route>>,
    /// The hub's channels on which something came since the last time anybody was woken.
    touched: Vec<u16>,
    /// The budget that was far overdrawn after something came for it.
    overdrawn: Option<Arc<Share>>,
    /// What the sessions answer, before it is put behind what waits to be written.
    answers: Vec<u8>,
}

#[derive(Debug)]
struct Route {
    session: AnySession,
    /// Our channel for the same session.
    ours: u16,
    touched: bool,
}

impl Incoming {
    pub(super) fn new(channels: Arc<Channels>) -> Self {
        Self { channels, routes: Vec::new(), touched: Vec::new(), overdrawn: None, answers: Vec::new() }
    }

    /// Takes in all whole frames that `bytes` begins with; gives their length.
    ///
    /// # Errors
    /// The end of the connection; the hub has been told, if there is anything to tell.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Gone> {
        let taken = self.frames(bytes);
        self.wake();
        taken.map_err(|ended| match ended {
            Ended::ByHub(gone) => {
                self.close(None);
                gone
            }
            Ended::ByUs(error) => {
                let text = error.to_string();
                self.close(Some(Condition { condition: error.condition(), description: &text }));
                Gone::Lost(format!("malformed frame from the hub: {text}"))
            }
        })
    }

    /// Whether what has come already is far above the budget. Credit is given in events, and theirs turned out larger
    /// than those before: it can't be taken back, but the socket need not be read.
    pub(super) fn is_too_much(&mut self) -> bool {
        self.overdrawn.take_if(|share| !share.is_far_overdrawn());
        self.overdrawn.is_some()
    }

    fn frames(&mut self, bytes: &[u8]) -> Result<usize, Ended> {
        let mut taken = 0;
        while let Some(frame) = FrameRef::first(&bytes[taken..], MAX_FRAME_SIZE as usize)? {
            if let Some(Some(route)) = self.routes.get_mut(usize::from(frame.channel)) {
                let mut session = route.session.lock();
                let mut transfers = Transfers::new(&bytes[taken..], frame);
                session.on_transfers(&mut transfers, &mut self.answers)?;
                if !self.answers.is_empty() {
                    // Under the session's lock, so that its frames leave in the order they were made.
                    self.channels.outgoing.put(|out| out.append(&mut self.answers));
                }
                if let Some(share) = session.share().filter(|share| share.is_far_overdrawn()) {
                    self.overdrawn.get_or_insert_with(|| Arc::clone(share));
                }
                drop(session);
                if transfers.consumed() > 0 {
                    if !std::mem::replace(&mut route.touched, true) {
                        self.touched.push(frame.channel);
                    }
                    taken += transfers.consumed();
                    continue;
                }
            }
            taken += frame.size;
            if !frame.body.is_empty() {
                self.control(&frame)?;
            }
        }
        Ok(taken)
    }

    /// A frame that is no transfer of events.
    fn control(&mut self, frame: &FrameRef<'_>) -> Result<(), Ended> {
        if frame.layer != Layer::Amqp {
            return Err(ProtocolError::Order.into());
        }
        let (performative, _) = Performative::decode(frame.body)?;
        match performative {
            Performative::Open(_) => Err(ProtocolError::Order.into()),
            Performative::Close(error) => {
                Err(Ended::ByHub(Gone::told(error, "the hub has closed the connection")))
            }
            Performative::Begin(begin) => self.on_begin(frame.channel, &begin),
            Performative::End(error) => {
                let route = self.routes.get_mut(usize::from(frame.channel)).and_then(Option::take);
                let route = route.ok_or(ProtocolError::Order)?;
                let mut session = route.session.lock();
                self.channels.outgoing.put(|out| session.on_end(error, out));
                drop(session);
                route.session.news.notify_one();
                self.channels.free(route.ours);
                Ok(())
            }
            other => {
                let route = self.routes.get(usize::from(frame.channel)).and_then(Option::as_ref);
                let route = route.ok_or(ProtocolError::Order)?;
                let mut session = route.session.lock();
                self.channels.outgoing.put(|out| session.on_frame(&other, out));
                drop(session);
                route.session.news.notify_one();
                Ok(())
            }
        }
    }

    /// The hub's side of a session of ours has begun. We take none that it begins itself.
    fn on_begin(&mut self, channel: u16, begin: &Begin<'_>) -> Result<(), Ended> {
        let ours = begin.remote_channel.ok_or(ProtocolError::Order)?;
        let session = self.channels.get(ours).ok_or(ProtocolError::Order)?;
        session.lock().on_begin(begin);
        let place = usize::from(channel);
        if self.routes.len() <= place {
            self.routes.resize_with(place + 1, || None);
        }
        if self.routes[place].is_some() {
            return Err(ProtocolError::Order.into());
        }
        self.routes[place] = Some(Route { session, ours, touched: false });
        Ok(())
    }

    /// Wakes everyone for whom something came.
    fn wake(&mut self) {
        for channel in self.touched.drain(..) {
            if let Some(Some(route)) = self.routes.get_mut(usize::from(channel)) {
                route.touched = false;
                route.session.news.notify_one();
            }
        }
    }

    fn close(&self, error: Option<Condition<'_>>) {
        self.channels.outgoing.put_last(|out| put_frame(out, 0, |out| encode_close(error, out)));
    }
}

/// How reading ended.
enum Ended {
    ByHub(Gone),
    ByUs(ProtocolError),
}

impl<E: Into<ProtocolError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::ByUs(error.into())
    }
}
